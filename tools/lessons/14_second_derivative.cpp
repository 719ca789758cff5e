// 14  The second derivative of softmax
//
// The backward of softmax is a computation like any other, so it has a backward itself. It is needed wherever a
// gradient is part of the loss, and for Hessians. With G, what came back to Y:
//
//   Y = softmax(X)      s = the row sums of Y * G      B = Y * (G - s)      B is the dX of lesson 04
//
// Now B is the output: dB comes back to it, and goes on to G, which is an input here, and to X.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t n, m;
  Tensor X = input({n, m}), G = input({n, m});

  Tensor Y = softmax(X);
  Tensor s = sum(Y * G, -1, keepdim);  // [n, 1]
  Tensor B = Y * (G - s);              // [n, m]
};

// B = Y * (G - s): s was copied along its row
Tensor ds(const Tensor& Y, const Tensor& dB) { return todo(Y, dB); }  // [n, 1]

// B = Y * (G - s) and s = sum(Y * G): G and Y are used twice each
Tensor dG(const Tensor& Y, const Tensor& dB, const Tensor& ds) { return todo(Y, dB, ds); }
Tensor dY(const Tensor& G, const Tensor& s, const Tensor& dB, const Tensor& ds) { return todo(G, s, dB, ds); }

// Y = softmax(X)
Tensor dX(const Tensor& Y, const Tensor& dY) { return todo(Y, dY); }

Answers answers{{"ds(Y, dB)", ds}, {"dG(Y, dB, ds)", dG}, {"dY(G, s, dB, ds)", dY}, {"dX(Y, dY)", dX}};
