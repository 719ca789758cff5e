// 11  An LSTM cell      (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000)
//
// B sequences, one step. The cell C is what is remembered; gates between 0 and 1 say how much of it to keep, how much
// of the candidate G to add, and how much of it to show:
//
//   Z = X W^T + H U^T + b            four blocks side by side: i, f, g, o
//   I = sigmoid(z_i)   F = sigmoid(z_f)   G = tanh(z_g)   O = sigmoid(z_o)
//   C1 = F * C + I * G               the new cell
//   H1 = O * tanh(C1)                the new state
//
// C1 goes on to the next step by two ways: in H1, and as it is. What comes back by the second is dNext. This sum, with
// no weight in it, is why gradients last: dC is dC1 times F, and nothing else.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t B, n, h;
  Tensor X = input({B, n}), H = input({B, h}), C = input({B, h});
  Tensor W = input({4 * h, n}), U = input({4 * h, h}), b = input({4 * h});

  Tensor Z = matmul(X, transpose(W)) + matmul(H, transpose(U)) + b;  // [B, 4 h]
  Tensor I = sigmoid(Z(_, range(0, h)));                             // [B, h]
  Tensor F = sigmoid(Z(_, range(h, 2 * h)));
  Tensor G = tanh(Z(_, range(2 * h, 3 * h)));
  Tensor O = sigmoid(Z(_, range(3 * h, 4 * h)));
  Tensor C1 = F * C + I * G;
  Tensor H1 = O * tanh(C1);
};

// H1 = O * tanh(C1)
Tensor dO(const Tensor& C1, const Tensor& dH1) { return todo(C1, dH1); }
Tensor dC1(const Tensor& O, const Tensor& C1, const Tensor& dH1, const Tensor& dNext) {
  return todo(O, C1, dH1, dNext);
}

// C1 = F * C + I * G
Tensor dF(const Tensor& C, const Tensor& dC1) { return todo(C, dC1); }
Tensor dI(const Tensor& G, const Tensor& dC1) { return todo(G, dC1); }
Tensor dG(const Tensor& I, const Tensor& dC1) { return todo(I, dC1); }
Tensor dC(const Tensor& F, const Tensor& dC1) { return todo(F, dC1); }

// The gates, each through its own function, side by side: concat({..}, -1)
Tensor dZ(const Tensor& I, const Tensor& F, const Tensor& G, const Tensor& O, const Tensor& dI, const Tensor& dF,
          const Tensor& dG, const Tensor& dO) {
  return todo(I, F, G, O, dI, dF, dG, dO);  // [B, 4 h]
}

// Z = X W^T + H U^T + b
Tensor dU(const Tensor& H, const Tensor& dZ) { return todo(H, dZ); }
Tensor dH(const Tensor& U, const Tensor& dZ) { return todo(U, dZ); }
Tensor db(const Tensor& dZ) { return todo(dZ); }

Answers answers{{"dO(C1, dH1)", dO}, {"dC1(O, C1, dH1, dNext)", dC1},
                {"dF(C, dC1)", dF},  {"dI(G, dC1)", dI},
                {"dG(I, dC1)", dG},  {"dC(F, dC1)", dC},
                {"dU(H, dZ)", dU},   {"dH(U, dZ)", dH},
                {"db(dZ)", db},      {"dZ(I, F, G, O, dI, dF, dG, dO)", dZ}};
