// 04  Softmax
//
// Each row of scores becomes shares that sum to 1:
//
//   E = e^X      s = the sum of each row of E      Y = E / s
//
// A share grows with its own score and shrinks with every other score of its row, through s. First step by step, with s
// as a value of its own; then in one line, by Y and dY alone, which is what every framework has.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t n, m;
  Tensor X = input({n, m});

  Tensor E = exp(X);
  Tensor s = sum(E, -1, keepdim);  // [n, 1]
  Tensor Y = E / s;                // [n, m]; ops/softmax.cpp takes the largest score away first: e^1000 is no number
};

// Y = E / s: every element of a row has been divided by the same s
Tensor ds(const Tensor& E, const Tensor& s, const Tensor& dY) { return todo(E, s, dY); }  // [n, 1]

// Y = E / s and s = sum(E): E is used twice
Tensor dE(const Tensor& s, const Tensor& dY, const Tensor& ds) { return todo(s, dY, ds); }

// E = e^X, and all of the above put in: without E and s
Tensor dX(const Tensor& Y, const Tensor& dY) { return todo(Y, dY); }

Answers answers{{"ds(E, s, dY)", ds}, {"dE(s, dY, ds)", dE}, {"dX(Y, dY)", dX}};
