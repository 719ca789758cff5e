// 02  A linear layer
//
// n rows go through the same weights, and each gets the same bias:
//
//   Y = X W^T + b      y_ti = sum_j x_tj w_ij + b_i
//
// The loss changes with Y by <dY, change of Y> = sum_ti dy_ti (change of y_ti). Put in how y_ti changes with one
// number, and what stands beside that number is its gradient. Or look at the shapes: dX has that of X, and only one
// product of dY and W does.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  int64_t n, in, out;
  Tensor X = input({n, in});    // a row each
  Tensor W = input({out, in});  // a row for each output, as in PyTorch
  Tensor b = input({out});

  Tensor Y = matmul(X, transpose(W)) + b;  // [n, out]
};

// x_tj is in all outputs of its row: through w_ij in y_ti
Tensor dX(const Tensor& W, const Tensor& dY) { return todo(W, dY); }

// w_ij is in output i of all rows: through x_tj in y_ti
Tensor dW(const Tensor& X, const Tensor& dY) { return todo(X, dY); }

// b_i is in output i of all rows, as it is: + b has made n copies of it
Tensor db(const Tensor& dY) { return todo(dY); }

Answers answers{{"dX(W, dY)", dX}, {"dW(X, dY)", dW}, {"db(dY)", db}};
