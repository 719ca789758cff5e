#pragma once

#include <cstdint>

// Loops over n contiguous values on the calling thread; callers share rows out over threads. T is float or double.
// Inputs and outputs may be the same array; otherwise they do not overlap. A value's bits do not depend on its place in
// the row, nor on alignment. Sums are taken in an order that depends on n (and on the machine's vectors) alone.
namespace heed::kernels::rows {

// ---- values
template <class T>
void exp(const T* x, T* y, int64_t n);
template <class T>
void log(const T* x, T* y, int64_t n);
template <class T>
void sqrt(const T* x, T* y, int64_t n);
template <class T>
void tanh(const T* x, T* y, int64_t n);
template <class T>
void sigmoid(const T* x, T* y, int64_t n);  // 1 / (1 + e^-x)
template <class T>
void relu(const T* x, T* y, int64_t n);  // max(x, 0); NaN stays NaN
template <class T>
void gelu(const T* x, T* y, int64_t n);  // x P(X < x), X standard normal (Hendrycks and Gimpel 2016)

// ---- their gradients: dx = g f'(x), from the output y or the input x of the forward loop
template <class T>
void tanh_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void sigmoid_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void relu_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void gelu_grad(const T* x, const T* g, T* dx, int64_t n);

// ---- arithmetic: y = a + b, a - b, a b, a / b; in all but the sum, a or b may be one number
template <class T>
void add(const T* a, const T* b, T* y, int64_t n);
template <class T>
void sub(const T* a, const T* b, T* y, int64_t n);
template <class T>
void sub(const T* a, T b, T* y, int64_t n);
template <class T>
void sub(T a, const T* b, T* y, int64_t n);
template <class T>
void mul(const T* a, const T* b, T* y, int64_t n);
template <class T>
void mul(const T* a, T b, T* y, int64_t n);
template <class T>
void mul(T a, const T* b, T* y, int64_t n);
template <class T>
void div(const T* a, const T* b, T* y, int64_t n);
template <class T>
void div(const T* a, T b, T* y, int64_t n);
template <class T>
void div(T a, const T* b, T* y, int64_t n);
template <class T>
void accumulate(T* sum, const T* x, int64_t n);  // sum += x

// ---- reductions; sums are pairwise: their error grows with log n
template <class T>
T sum(const T* x, int64_t n);
template <class T>
T dot(const T* x, const T* y, int64_t n);
template <class T>
T squares(const T* x, int64_t n);  // <x, x>
template <class T>
T max(const T* x, int64_t n);  // NaN if any is; -inf of nothing

// ---- softmax. A row of only -inf, or with an inf, has none: NaN.
template <class T>
T logsumexp(const T* x, int64_t n);  // log sum e^x; -inf of nothing and of only -inf
template <class T>
void softmax(const T* x, T* y, int64_t n);  // y = e^x / sum e^x
template <class T>
void softmax_grad(const T* y, const T* g, T* dx, int64_t n);  // dx = y (g - <g, y>)
template <class T>
void log_softmax(const T* x, T* y, int64_t n);  // y = x - logsumexp(x)
template <class T>
void log_softmax_grad(const T* y, const T* g, T* dx, int64_t n);  // dx = g - e^y sum g

// ---- layer norm (Ba, Kiros and Hinton 2016), n > 0; weight and bias may be null, for 1 and 0
// h = (x - mean) rstd, rstd = 1 / sqrt(variance + eps), y = h weight + bias
template <class T>
void layer_norm(const T* x, const T* weight, const T* bias, T eps, T* y, int64_t n, T& mean, T& rstd);
// With p = g weight: dx = rstd (p - sum p / n - h <p, h> / n)
template <class T>
void layer_norm_grad(const T* x, const T* weight, const T* g, T mean, T rstd, T* dx, int64_t n);
// dweight += g h and dbias += g, for one row; either may be null
template <class T>
void layer_norm_param_grad(const T* x, const T* g, T mean, T rstd, T* dweight, T* dbias, int64_t n);

// ---- optimizers: one step of p by its gradient g, in place
struct SgdStep {
  double lr, momentum = 0, weight_decay = 0;
  bool nesterov = false;
};
// g' = g + weight_decay p,  v = momentum v + g',  p -= lr v, or lr (g' + momentum v) with nesterov (Sutskever et al.
// 2013) v starts at 0, and may be null when momentum is 0.
template <class T>
void sgd(T* p, const T* g, T* v, int64_t n, const SgdStep& step);

struct AdamStep {
  double lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = false;                   // does the decay act on p, or on the gradient?
  double correction1 = 1, correction2 = 1;  // 1 - beta1^t and 1 - beta2^t at step t = 1, 2, ...
};
// g' = g + weight_decay p (Kingma and Ba 2015), or p' = (1 - lr weight_decay) p decoupled (Loshchilov and Hutter 2019)
// m = beta1 m + (1 - beta1) g',  v = beta2 v + (1 - beta2) g'^2,  largest = max(largest, v) or v if it is null
// p = p' - lr (m / correction1) / (sqrt(largest / correction2) + eps)
template <class T>
void adam(T* p, const T* g, T* m, T* v, T* largest, int64_t n, const AdamStep& step);

// The same, one value at a time and in plain order: what the loops above mean, for float, double and long double.
namespace reference {

template <class T>
void exp(const T* x, T* y, int64_t n);
template <class T>
void log(const T* x, T* y, int64_t n);
template <class T>
void sqrt(const T* x, T* y, int64_t n);
template <class T>
void tanh(const T* x, T* y, int64_t n);
template <class T>
void sigmoid(const T* x, T* y, int64_t n);
template <class T>
void relu(const T* x, T* y, int64_t n);
template <class T>
void gelu(const T* x, T* y, int64_t n);
template <class T>
void tanh_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void sigmoid_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void relu_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void gelu_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void add(const T* a, const T* b, T* y, int64_t n);
template <class T>
void sub(const T* a, const T* b, T* y, int64_t n);
template <class T>
void sub(const T* a, T b, T* y, int64_t n);
template <class T>
void sub(T a, const T* b, T* y, int64_t n);
template <class T>
void mul(const T* a, const T* b, T* y, int64_t n);
template <class T>
void mul(const T* a, T b, T* y, int64_t n);
template <class T>
void mul(T a, const T* b, T* y, int64_t n);
template <class T>
void div(const T* a, const T* b, T* y, int64_t n);
template <class T>
void div(const T* a, T b, T* y, int64_t n);
template <class T>
void div(T a, const T* b, T* y, int64_t n);
template <class T>
void accumulate(T* sum, const T* x, int64_t n);
template <class T>
T sum(const T* x, int64_t n);
template <class T>
T dot(const T* x, const T* y, int64_t n);
template <class T>
T squares(const T* x, int64_t n);
template <class T>
T max(const T* x, int64_t n);
template <class T>
T logsumexp(const T* x, int64_t n);
template <class T>
void softmax(const T* x, T* y, int64_t n);
template <class T>
void softmax_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void log_softmax(const T* x, T* y, int64_t n);
template <class T>
void log_softmax_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void layer_norm(const T* x, const T* weight, const T* bias, T eps, T* y, int64_t n, T& mean, T& rstd);
template <class T>
void layer_norm_grad(const T* x, const T* weight, const T* g, T mean, T rstd, T* dx, int64_t n);
template <class T>
void layer_norm_param_grad(const T* x, const T* g, T mean, T rstd, T* dweight, T* dbias, int64_t n);
template <class T>
void sgd(T* p, const T* g, T* v, int64_t n, const SgdStep& step);
template <class T>
void adam(T* p, const T* g, T* m, T* v, T* largest, int64_t n, const AdamStep& step);

}  // namespace reference
}  // namespace heed::kernels::rows
