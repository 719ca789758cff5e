// 06  Layer norm
//
// Each row is moved to mean 0 and scaled to variance 1; then each column gets a scale g and a bias b of its own:
//
//   C = X - mean      v = the mean of C^2      R = 1 / sqrt(v + eps)      N = C * R      Y = N * g + b
//
// An element of X acts in three ways: on its own element of N, on the mean of its row, and on the variance of its row.
// So dX has three terms. Step by step, then in one line by N, R and dN.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

constexpr double eps = 1e-5;  // added to the variance, so that a row of equal numbers is not divided by 0

struct Forward {
  int64_t n, m;
  Tensor X = input({n, m}), g = input({m}), b = input({m});

  Tensor C = X - mean(X, -1, keepdim);
  Tensor v = mean(C * C, -1, keepdim);  // [n, 1]
  Tensor R = 1 / sqrt(v + eps);         // [n, 1]
  Tensor N = C * R;                     // [n, m]
  Tensor Y = N * g + b;
};

// Y = N * g + b: g and b were copied to every row
Tensor db(const Tensor& dY) { return todo(dY); }
Tensor dg(const Tensor& N, const Tensor& dY) { return todo(N, dY); }
Tensor dN(const Tensor& g, const Tensor& dY) { return todo(g, dY); }

// N = C * R: R was copied along its row
Tensor dR(const Tensor& C, const Tensor& dN) { return todo(C, dN); }  // [n, 1]

// R = (v + eps)^(-1/2)
Tensor dv(const Tensor& v, const Tensor& dR) { return todo(v, dR); }  // [n, 1]

// N = C * R and v = the mean of C^2: C is used twice
Tensor dC(const Tensor& C, const Tensor& R, const Tensor& dN, const Tensor& dv) { return todo(C, R, dN, dv); }

// C = X - mean(X), and all of the above put in: by N, R and dN
Tensor dX(const Tensor& N, const Tensor& R, const Tensor& dN) { return todo(N, R, dN); }

Answers answers{{"db(dY)", db},    {"dg(N, dY)", dg},        {"dN(g, dY)", dN},   {"dR(C, dN)", dR},
                {"dv(v, dR)", dv}, {"dC(C, R, dN, dv)", dC}, {"dX(N, R, dN)", dX}};
