// 03  tanh, sigmoid and a gate
//
// Element by element: what goes through tanh, and how much of it passes.
//
//   Y = tanh(X)      G = sigmoid(Z) = 1 / (1 + e^-Z)      H = G * Y
//
// Both functions know their derivative by their own value:
//
//   tanh' = 1 - tanh^2      sigmoid' = sigmoid (1 - sigmoid)
//
// so that backward remembers Y and G and may forget X and Z.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t n, m;
  Tensor X = input({n, m}), Z = input({n, m});

  Tensor Y = tanh(X);
  Tensor G = sigmoid(Z);
  Tensor H = G * Y;
};

// H = G * Y
Tensor dG(const Tensor& Y, const Tensor& dH) { return todo(Y, dH); }
Tensor dY(const Tensor& G, const Tensor& dH) { return todo(G, dH); }

// Y = tanh(X)
Tensor dX(const Tensor& Y, const Tensor& dY) { return todo(Y, dY); }

// G = sigmoid(Z)
Tensor dZ(const Tensor& G, const Tensor& dG) { return todo(G, dG); }

Answers answers{{"dG(Y, dH)", dG}, {"dY(G, dH)", dY}, {"dX(Y, dY)", dX}, {"dZ(G, dG)", dZ}};
