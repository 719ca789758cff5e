#pragma once

#include <cstdint>
#include "../../core/rng.h"

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
void expm1(const T* x, T* y, int64_t n);
template <class T>
void log1p(const T* x, T* y, int64_t n);
template <class T>
void sin(const T* x, T* y, int64_t n);
template <class T>
void cos(const T* x, T* y, int64_t n);
template <class T>
void erf(const T* x, T* y, int64_t n);
template <class T>
void floor(const T* x, T* y, int64_t n);
template <class T>
void round(const T* x, T* y, int64_t n);  // the nearest integer, the even one of two
template <class T>
void pow(const T* x, T exponent, T* y, int64_t n);
template <class T>
void tanh(const T* x, T* y, int64_t n);
template <class T>
void sigmoid(const T* x, T* y, int64_t n);  // 1 / (1 + e^-x)
template <class T>
void relu(const T* x, T* y, int64_t n);  // max(x, 0); NaN stays NaN
template <class T>
void gelu(const T* x, T* y, int64_t n);  // x P(X < x), X standard normal (Hendrycks and Gimpel 2016)
template <class T>
void gelu_tanh(const T* x, T* y, int64_t n);  // x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3): its approximation
template <class T>
void silu(const T* x, T* y, int64_t n);  // x sigmoid(x)
template <class T>
void swiglu(const T* gate, const T* x, T* y, int64_t n);  // silu(gate) x
template <class T>
void softplus(const T* x, T beta, T threshold, T* y,
              int64_t n);  // log(1 + e^(beta x)) / beta, x where beta x > threshold

// ---- their gradients: dx = g f'(x), from the output y or the input x of the forward loop
template <class T>
void tanh_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void sigmoid_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void relu_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void gelu_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void gelu_tanh_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void silu_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void swiglu_grad(const T* gate, const T* x, const T* g, T* dgate, T* dx, int64_t n);
template <class T>
void softplus_grad(const T* x, const T* g, T beta, T threshold, T* dx, int64_t n);

// ---- arithmetic: y = a + b, a - b, a b, a / b, where a or b may be one number
template <class T>
void add(const T* a, const T* b, T* y, int64_t n);
template <class T>
void add(const T* a, T b, T* y, int64_t n);
template <class T>
void add(T a, const T* b, T* y, int64_t n);
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
template <class T>
T min(const T* x, int64_t n);  // NaN if any is; inf of nothing

// ---- softmax. A row of only -inf, or with an inf, has none: NaN.
template <class T>
T sum_exp(const T* x, T shift, int64_t n);  // sum e^(x - shift), shift the largest x; NaN unless it is finite
template <class T>
T sum_above(const T* x, T shift, int64_t n);  // sum x - shift
template <class T>
void shifted_exp(const T* x, T shift, T rest, T scale, T offset, T* y,
                 int64_t n);  // scale e^(x - shift - rest) + offset
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
template <class T>
T exp_sum(T* x, T shift, int64_t n);  // x = e^(x - shift), and their sum
// Scores s of attention and gradients d of what their weights are: s = e^(s - lse), d = s (d - mean)
template <class T>
void weights_grad(T* s, T* d, T lse, T mean, int64_t n);

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

// ---- random: elements first, first + 1, .. of the stream of a key
template <class T>
void uniform(uint64_t key, int64_t first, T* y, int64_t n);  // [0, 1): unit(key, i), rounded to below 1
template <class T>
void normal(uint64_t key, int64_t first, T* y, int64_t n);  // gaussian(key, i), within a few ulps
template <class T>
void drop(const T* x, int64_t first, const DropoutKey& key, T* y, int64_t n);  // y = x key.scale(i)

// ---- optimizers: one step of p by its gradient g, in place
struct SgdStep {
  double lr, momentum = 0, weight_decay = 0;
  bool nesterov = false;
};
// g' = g + weight_decay p,  v = momentum v + g',  p -= lr v, or lr (g' + momentum v) with nesterov (Sutskever et al.
// 2013). v starts at 0, and may be null when momentum is 0.
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

// ---- a step of a recurrent layer, for n neighbouring values of h: what belongs to gate k of them is at gates[k]
template <class T>
struct Gates {
  T* first;
  int64_t step;
  T* operator[](int64_t k) const { return first + k * step; }
};
// i, f, o = sigmoid(x + u)   g = tanh(x + u)   c = f c + i g   h = o tanh(c)   kept: i f g o c
// Back: from dh and dc to du, and to dc of the step before; dh becomes 0.
template <class T>
void lstm(Gates<const T> x, Gates<const T> u, T* c, T* h, Gates<T> kept, int64_t n);
template <class T>
void lstm_grad(Gates<const T> kept, const T* c_before, T* dh, T* dc, Gates<T> du, int64_t n);
// r, z = sigmoid(x + u)   m = tanh(x + r u)   h = (1 - z) m + z h_before   kept: r z m, and u of m
// Back: from dh to dx and du, and to what reaches dh of the step before through z.
template <class T>
void gru(Gates<const T> x, Gates<const T> u, const T* h_before, T* h, Gates<T> kept, int64_t n);
template <class T>
void gru_grad(Gates<const T> kept, const T* h_before, T* dh, Gates<T> dx, Gates<T> du, int64_t n);

// The same, one value at a time and in plain order: what the loops above mean, for float, double and long double.
namespace reference {

template <class T>
void exp(const T* x, T* y, int64_t n);
template <class T>
void log(const T* x, T* y, int64_t n);
template <class T>
void sqrt(const T* x, T* y, int64_t n);
template <class T>
void expm1(const T* x, T* y, int64_t n);
template <class T>
void log1p(const T* x, T* y, int64_t n);
template <class T>
void sin(const T* x, T* y, int64_t n);
template <class T>
void cos(const T* x, T* y, int64_t n);
template <class T>
void erf(const T* x, T* y, int64_t n);
template <class T>
void floor(const T* x, T* y, int64_t n);
template <class T>
void round(const T* x, T* y, int64_t n);
template <class T>
void pow(const T* x, T exponent, T* y, int64_t n);
template <class T>
void tanh(const T* x, T* y, int64_t n);
template <class T>
void sigmoid(const T* x, T* y, int64_t n);
template <class T>
void relu(const T* x, T* y, int64_t n);
template <class T>
void gelu(const T* x, T* y, int64_t n);
template <class T>
void gelu_tanh(const T* x, T* y, int64_t n);
template <class T>
void silu(const T* x, T* y, int64_t n);
template <class T>
void swiglu(const T* gate, const T* x, T* y, int64_t n);
template <class T>
void softplus(const T* x, T beta, T threshold, T* y, int64_t n);
template <class T>
void tanh_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void sigmoid_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void relu_grad(const T* y, const T* g, T* dx, int64_t n);
template <class T>
void gelu_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void gelu_tanh_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void silu_grad(const T* x, const T* g, T* dx, int64_t n);
template <class T>
void swiglu_grad(const T* gate, const T* x, const T* g, T* dgate, T* dx, int64_t n);
template <class T>
void softplus_grad(const T* x, const T* g, T beta, T threshold, T* dx, int64_t n);
template <class T>
void add(const T* a, const T* b, T* y, int64_t n);
template <class T>
void add(const T* a, T b, T* y, int64_t n);
template <class T>
void add(T a, const T* b, T* y, int64_t n);
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
T min(const T* x, int64_t n);
template <class T>
T sum_exp(const T* x, T shift, int64_t n);
template <class T>
T sum_above(const T* x, T shift, int64_t n);
template <class T>
void shifted_exp(const T* x, T shift, T rest, T scale, T offset, T* y, int64_t n);
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
T exp_sum(T* x, T shift, int64_t n);
template <class T>
void weights_grad(T* s, T* d, T lse, T mean, int64_t n);
template <class T>
void layer_norm(const T* x, const T* weight, const T* bias, T eps, T* y, int64_t n, T& mean, T& rstd);
template <class T>
void layer_norm_grad(const T* x, const T* weight, const T* g, T mean, T rstd, T* dx, int64_t n);
template <class T>
void layer_norm_param_grad(const T* x, const T* g, T mean, T rstd, T* dweight, T* dbias, int64_t n);
template <class T>
void uniform(uint64_t key, int64_t first, T* y, int64_t n);
template <class T>
void normal(uint64_t key, int64_t first, T* y, int64_t n);
template <class T>
void drop(const T* x, int64_t first, const DropoutKey& key, T* y, int64_t n);
template <class T>
void sgd(T* p, const T* g, T* v, int64_t n, const SgdStep& step);
template <class T>
void adam(T* p, const T* g, T* m, T* v, T* largest, int64_t n, const AdamStep& step);

template <class T>
void lstm(Gates<const T> x, Gates<const T> u, T* c, T* h, Gates<T> kept, int64_t n);
template <class T>
void lstm_grad(Gates<const T> kept, const T* c_before, T* dh, T* dc, Gates<T> du, int64_t n);
template <class T>
void gru(Gates<const T> x, Gates<const T> u, const T* h_before, T* h, Gates<T> kept, int64_t n);
template <class T>
void gru_grad(Gates<const T> kept, const T* h_before, T* dh, Gates<T> dx, Gates<T> du, int64_t n);

}  // namespace reference
}  // namespace heed::kernels::rows
