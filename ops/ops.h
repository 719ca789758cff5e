#pragma once
// The whole public list: declarations only, one line of maths each. Every op takes tensors or numbers, records itself
// when an argument has a history, and can be differentiated any number of times. Dimensions may be negative, counted
// from the back. Errors: ShapeError, DtypeError, IndexError, with the user's line and the numbers.
#include "../core/plus.h"

namespace heed {

inline constexpr bool keepdim = true;

struct Dims {  // one dimension or several
  std::span<const int> list;
  int single = 0;
  Dims(int dim) : single(dim) {}
  Dims(std::initializer_list<int> dims) : list(dims.begin(), dims.size()), single(-1) {}
  std::span<const int> get() const { return list.data() ? list : std::span(&single, 1); }
};

// ---- elementwise, broadcasting; a number takes the tensor's type
Tensor operator+(In a, In b);
Tensor operator-(In a, In b);
Tensor operator*(In a, In b);
Tensor operator/(In a, In b);
Tensor operator-(In x);
Tensor pow(In a, In b);  // a^b
Tensor exp(In x);        // e^x
Tensor log(In x);        // natural
Tensor sqrt(In x);       // x^(1/2)
Tensor tanh(In x);       // (e^x - e^-x) / (e^x + e^-x)
Tensor sigmoid(In x);    // 1 / (1 + e^-x)
Tensor relu(In x);       // max(x, 0); the gradient at 0 is 0
Tensor erf(In x);        // 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x
Tensor gelu(In x);       // x P(X < x), X standard normal: x (1 + erf(x / sqrt 2)) / 2   (Hendrycks and Gimpel 2016)
Tensor silu(In x);       // x sigmoid(x)   (Elfwing, Uchibe and Doya 2017)
Tensor where(In condition, In a, In b);  // a where condition (boolean) holds, else b

// ---- comparisons: boolean, no gradient
Tensor operator<(In a, In b);
Tensor operator<=(In a, In b);
Tensor operator>(In a, In b);
Tensor operator>=(In a, In b);
Tensor operator==(In a, In b);
Tensor operator!=(In a, In b);

// ---- reductions
Tensor sum(In x);                                   // of all elements: no dimensions left
Tensor sum(In x, Dims dims, bool keepdim = false);  // boolean counts as i64
Tensor mean(In x);  // floating: an accuracy is mean(cast(argmax(logits) == target, f32))
Tensor mean(In x, Dims dims, bool keepdim = false);
Tensor max(In x);                                            // elements that tie share the gradient evenly
Tensor max(In x, int dim, bool keepdim = false);             // values only: argmax gives where, topk both
Tensor argmax(In x, int dim = -1, bool keepdim = false);     // i64, the first of equals
Tensor logsumexp(In x, int dim = -1, bool keepdim = false);  // log sum e^x, without overflow

// ---- shapes: views of x where its strides allow
Tensor reshape(In x, Shape to);  // one size may be -1: what remains
Tensor transpose(In x, int dim0 = -2, int dim1 = -1);
Tensor permute(In x, std::initializer_list<int> dims);  // dimension i of y is dims[i] of x
Tensor slice(In x, int dim, int64_t from, int64_t to = INT64_MAX, int64_t step = 1);  // as x[from:to:step] in Python
Tensor expand(In x, Shape to);                                                        // broadcasts; -1: as in x
Tensor concat(std::span<const Tensor> x, int dim = 0, Where at = Where::here());
Tensor concat(std::initializer_list<Tensor> x, int dim = 0, Where at = Where::here());
Tensor stack(std::span<const Tensor> x, int dim = 0, Where at = Where::here());  // along a new dimension
Tensor stack(std::initializer_list<Tensor> x, int dim = 0, Where at = Where::here());

// ---- indices (i64)
Tensor gather(In x, int dim, In index);               // y[i][j] = x[i][index[i][j]] for dim 1; index has x's rank
Tensor scatter_add(In x, int dim, In index, In src);  // x, then y[i][index[i][j]] += src[i][j]
Tensor embedding(In index, In weight);                // rows of weight: [..] i64, [V, D] -> [.., D]
struct TopK {
  Tensor values, indices;
};
TopK topk(In x, int64_t k, int dim = -1);  // the k largest, descending; of equals the first

// ---- products
Tensor matmul(In a, In b);  // [.., n, k] [.., k, m] -> [.., n, m]; batches broadcast; vectors as in NumPy
Tensor linear(In x, In weight, In bias = {});  // x weight^T + bias: [.., in] [out, in] [out] -> [.., out]

// ---- normalising, fused
Tensor softmax(In x, int dim = -1);  // e^x / sum e^x
// softmax over the last dimension of what mask (boolean, broadcasts to x) lets through; 0 elsewhere, and where nothing
// is
Tensor masked_softmax(In x, In mask);
Tensor log_softmax(In x, int dim = -1);  // x - logsumexp(x)
// (x - mean) / sqrt(variance + eps) weight + bias over the last dimension, biased variance; weight and bias [D] or
// absent   (Ba, Kiros and Hinton 2016)
Tensor layer_norm(In x, In weight = {}, In bias = {}, double eps = 1e-5);
struct Normalized {
  Tensor y, mean, variance;
};
// (x - mean) / sqrt(variance + eps) weight + bias, mean and biased variance over all dimensions but 1: x [N, C, ..],
// weight, bias, mean and variance [C]   (Ioffe and Szegedy 2015)
Normalized batch_norm(In x, In weight = {}, In bias = {}, double eps = 1e-5);

struct CrossEntropyOptions {
  int64_t ignore_index = -100;  // targets with this value count for nothing
};
// Mean of -log_softmax(x)[target] over the targets that count: x [.., C], target [..] i64. No target counts: 0.
Tensor cross_entropy(In x, In target, CrossEntropyOptions options = {});

// ---- random
Tensor dropout(In x, DropoutKey key);              // x scale(i): 0 with probability rate, else 1 / (1 - rate)
Tensor dropout(In x, double rate, Rng* training);  // with a key drawn from training; without a generator: x

// ---- attention
enum class Causal {
  off,
  on,           // a query sees the keys up to its own place; as many queries as keys, else ShapeError
  upper_left,   // query t of T sees key s of S if s <= t
  lower_right,  // if s - S <= t - T: the last query sees all, as with a cache of earlier keys
};
struct AttentionOptions {
  Tensor bias = {};  // added to the scores: broadcasts to [.., T, S], has a gradient
  Tensor mask = {};  // boolean, true = may attend: broadcasts to [.., T, S]
  Causal causal = Causal::off;
  double scale = 0;  // 0: 1 / sqrt(D)
  DropoutKey dropout = {};
};
// softmax(q k^T scale + bias, where mask) v: q [.., T, D], k [.., S, D], v [.., S, E] -> [.., T, E]; batches broadcast.
// A query that may attend to nothing gives 0 and has gradient 0.   (Vaswani et al. 2017, eq. 1)
Tensor scaled_dot_product_attention(In q, In k, In v, const AttentionOptions& options = {});

// ---- recurrence, fused: one layer, one direction, all steps
// x [B, T, gates H] is what the input gives to the gates (W x + b); weight [gates H, H] and bias [gates H] or absent
// make u = weight h + bias of the state before; h0 and c0 [B, H], absent: zeros.
struct RecurrentOptions {
  Tensor lengths = {};   // [B] i64: the steps of each row that count, 1 .. T (else IndexError); undefined: all
  bool reverse = false;  // from each row's last step to its first
};
struct RnnSteps {
  Tensor y;  // [B, T, H]: h after each step; 0 past a row's length
  Tensor h;  // [B, H]: after a row's last step
};
struct LstmSteps {
  Tensor y, h, c;
};
// h' = tanh(x + u)   (Elman 1990)
RnnSteps rnn_tanh(In x, In weight, In bias = {}, In h0 = {}, const RecurrentOptions& options = {});
// h' = relu(x + u)
RnnSteps rnn_relu(In x, In weight, In bias = {}, In h0 = {}, const RecurrentOptions& options = {});
// r, z = sigmoid(x + u), n = tanh(x + r u), h' = (1 - z) n + z h; gates r z n   (Cho et al. 2014, reset as in PyTorch)
RnnSteps gru(In x, In weight, In bias = {}, In h0 = {}, const RecurrentOptions& options = {});
// i, f, o = sigmoid(x + u), g = tanh(x + u), c' = f c + i g, h' = o tanh(c'); gates i f g o
// (Hochreiter and Schmidhuber 1997; with a forget gate, Gers et al. 2000)
LstmSteps lstm(In x, In weight, In bias = {}, In h0 = {}, In c0 = {}, const RecurrentOptions& options = {});

}  // namespace heed
