#pragma once
// The whole public list: declarations only, one line of maths each. An op of several tensors that are broadcast takes
// numbers among them. Every op records itself when an argument has a history; unless its result is i64 or boolean, it
// can be differentiated any number of times. Dimensions may be negative, counted from the back. Errors: ShapeError,
// DtypeError, IndexError, with the user's line and the numbers.
#include <optional>
#include <string_view>
#include "../core/plus.h"

namespace heed {

inline constexpr bool keepdim = true;  // as an argument: sum(x, 0, keepdim)

struct Dims {  // one dimension or several; an empty list means all
  std::array<int, max_rank> dims{};
  std::size_t count = 1;
  Dims(int dim) : dims{dim} {}
  Dims(std::initializer_list<int> named, Where at = Where::here());  // ShapeError: more than a tensor has
  std::span<const int> get() const { return {dims.data(), count}; }  // all that were named
};

struct Pair : std::array<int64_t, 2> {  // of the height and the width; one number stands for both
  Pair(int64_t both = 0) : array{both, both} {}
  Pair(int64_t height, int64_t width) : array{height, width} {}
};

// ---- elementwise, broadcasting; a number takes the tensor's type
Tensor operator+(In a, In b);
Tensor operator-(In a, In b);
Tensor operator*(In a, In b);
Tensor operator/(In a, In b);
Tensor operator-(In x);
Tensor square(In x);           // x^2
Tensor reciprocal(In x);       // 1 / x
Tensor pow(In a, In b);        // a^b
Tensor remainder(In a, In b);  // a - b floor(a / b), of b's sign; of integers, Error if a b is 0
Tensor maximum(In a, In b);    // where a = b they share the gradient evenly; NaN if either is
Tensor minimum(In a, In b);    // likewise
Tensor abs(In x);              // |x|; the gradient at 0 is 0
Tensor sign(In x);             // -1, 0 or 1; gradient 0
Tensor floor(In x);            // the next integer below; gradient 0
Tensor round(In x);            // the nearest integer, the even one of two; gradient 0
Tensor exp(In x);              // e^x
Tensor expm1(In x);            // e^x - 1, accurate near 0
Tensor log(In x);              // natural
Tensor log1p(In x);            // log(1 + x), accurate near 0
Tensor sqrt(In x);             // x^(1/2)
Tensor rsqrt(In x);            // x^(-1/2)
Tensor sin(In x);              // of radians
Tensor cos(In x);              // of radians
Tensor atan2(In y, In x);      // the angle of (x, y) in radians, -pi .. pi; the gradient at the origin is 0
Tensor tanh(In x);             // (e^x - e^-x) / (e^x + e^-x)
Tensor sigmoid(In x);          // 1 / (1 + e^-x)
Tensor erf(In x);              // 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x
// min(max(x, low), high), either may be {}. The gradient is that of x where low <= x <= high, else of the bound.
Tensor clamp(In x, In low, In high = {});
Tensor lerp(In start, In end, In weight);            // start + weight (end - start)
Tensor addcmul(In x, In a, In b, double value = 1);  // x + value a b

// ---- activations
enum class Approximate { none, tanh };                  // what gelu computes
Tensor relu(In x);                                      // max(x, 0); the gradient at 0 is 0
Tensor leaky_relu(In x, double negative_slope = 0.01);  // x where x > 0, else negative_slope x   (Maas et al. 2013)
Tensor elu(In x, double alpha = 1);  // x where x > 0, else alpha (e^x - 1)   (Clevert, Unterthiner and Hochreiter 2015)
// x P(X < x), X standard normal: x (1 + erf(x / sqrt 2)) / 2; approximately, x (1 + tanh(sqrt(2 / pi) (x + 0.044715
// x^3))) / 2   (Hendrycks and Gimpel 2016)
Tensor gelu(In x, Approximate approximate = Approximate::none);
Tensor silu(In x);  // x sigmoid(x)   (Elfwing, Uchibe and Doya 2017)
// log(1 + e^(beta x)) / beta, and x itself where beta x > threshold   (Dugas et al. 2000)
Tensor softplus(In x, double beta = 1, double threshold = 20);
Tensor glu(In x, int dim = -1);  // a sigmoid(b), a and b the halves of x   (Dauphin et al. 2017)
Tensor swiglu(In gate, In x);    // silu(gate) x   (Shazeer 2020)

// ---- choosing
Tensor where(In condition, In a, In b);                     // a where condition (boolean) holds, else b
[[nodiscard]] Tensor masked_fill(In x, In mask, In value);  // value where mask (boolean) holds, else x

// ---- comparisons: boolean, no gradient
Tensor operator<(In a, In b);
Tensor operator<=(In a, In b);
Tensor operator>(In a, In b);
Tensor operator>=(In a, In b);
Tensor operator==(In a, In b);
Tensor operator!=(In a, In b);

// ---- logic, of boolean tensors: and, or, exclusive or, not; else DtypeError
Tensor operator&(In a, In b);
Tensor operator|(In a, In b);
Tensor operator^(In a, In b);
Tensor operator~(In x);

// ---- reductions: over all dimensions if none is named; in sums and products boolean counts as i64
Tensor sum(In x, Dims dims = {}, bool keepdim = false);  // pairwise: the error grows with the logarithm of the size
// Floating only: an accuracy is mean(cast(argmax(logits) == target, f32)).
Tensor mean(In x, Dims dims = {}, bool keepdim = false);
// The mean of (x - mean)^2, its denominator smaller by correction; std its root, with gradient 0 where it is 0. After
// `using namespace heed` it is spelled heed::std: std alone would also be the library's.
Tensor var(In x, Dims dims = {}, bool keepdim = false, double correction = 1);
Tensor std(In x, Dims dims = {}, bool keepdim = false, double correction = 1);
// (sum |x|^p)^(1/p), with gradient 0 where it is 0; for p = +-infinity the largest or smallest |x|, for p = 0 the
// number of elements that are not 0, which has no gradient
Tensor norm(In x, double p = 2, Dims dims = {}, bool keepdim = false);
Tensor prod(In x);  // with its gradient where some are 0
Tensor prod(In x, int dim, bool keepdim = false);
Tensor max(In x);                                            // elements that tie share the gradient evenly
Tensor max(In x, int dim, bool keepdim = false);             // values only: argmax gives where, topk both
Tensor min(In x);                                            // likewise
Tensor min(In x, int dim, bool keepdim = false);             // likewise
Tensor amax(In x, Dims dims = {}, bool keepdim = false);     // max over several dimensions
Tensor amin(In x, Dims dims = {}, bool keepdim = false);     // min likewise
Tensor argmax(In x, int dim = -1, bool keepdim = false);     // i64, the first of equals
Tensor argmin(In x, int dim = -1, bool keepdim = false);     // likewise
Tensor logsumexp(In x, int dim = -1, bool keepdim = false);  // log sum e^x, without overflow
Tensor all(In x, Dims dims = {}, bool keepdim = false);      // of booleans: do all hold?
Tensor any(In x, Dims dims = {}, bool keepdim = false);      // of booleans: does one hold?
Tensor count_nonzero(In x, Dims dims = {});                  // i64: how many are not 0

// ---- running along a dimension; boolean counts as i64
Tensor cumsum(In x, int dim);   // x_0 + .. + x_i
Tensor cumprod(In x, int dim);  // x_0 .. x_i, as prod

// ---- shapes: views of x where its strides allow
Tensor reshape(In x, Shape to);                   // one size may be -1: what remains
Tensor view(In x, Shape to);                      // reshape that never copies: ShapeError where the strides need it
Tensor flatten(In x, int from = 0, int to = -1);  // dimensions from .. to, included, as one
Tensor squeeze(In x);                             // without its dimensions of size 1
Tensor squeeze(In x, Dims dims);                  // without those of these
Tensor unsqueeze(In x, int dim);                  // a new dimension of size 1 there
Tensor transpose(In x, int dim0 = -2, int dim1 = -1);  // swaps two dimensions
Tensor permute(In x, std::span<const int> dims);       // dimension i of y is dims[i] of x
Tensor permute(In x, std::initializer_list<int> dims);
Tensor movedim(In x, Dims from, Dims to);  // dimension from[i] of x becomes to[i] of y; the others keep their order
Tensor expand(In x, Shape to);             // broadcasts; -1: as in x

// ---- parts: views of x
Tensor slice(In x, int dim, int64_t from, int64_t to = INT64_MAX, int64_t step = 1);  // as x[from:to:step] in Python
Tensor narrow(In x, int dim, int64_t start, int64_t length);  // as slice, but IndexError where x ends before
Tensor select(In x, int dim, int64_t index);                  // one element of the dimension, which is dropped
std::vector<Tensor> split(In x, int64_t size, int dim = 0);   // parts of this size, the last perhaps shorter
std::vector<Tensor> split(In x, std::span<const int64_t> sizes, int dim = 0);
std::vector<Tensor> split(In x, std::initializer_list<int64_t> sizes, int dim = 0);
std::vector<Tensor> chunk(In x, int64_t chunks, int dim = 0);           // of ceil(size / chunks): perhaps fewer
Tensor diagonal(In x, int64_t offset = 0, int dim1 = 0, int dim2 = 1);  // x[i, i + offset], as a new last dimension
// Windows of a dimension, [.., n, ..] -> [.., (n - size) / step + 1, .., size]: y[.., i, .., j] = x[.., i step + j,
// ..]. The gradient adds up where windows overlap.
Tensor unfold(In x, int dim, int64_t size, int64_t step);

// ---- rearranged copies
Tensor concat(std::span<const Tensor> x, int dim = 0, Where at = Where::here());  // one after the other
Tensor concat(std::initializer_list<Tensor> x, int dim = 0, Where at = Where::here());
Tensor stack(std::span<const Tensor> x, int dim = 0, Where at = Where::here());  // along a new dimension
Tensor stack(std::initializer_list<Tensor> x, int dim = 0, Where at = Where::here());
// x between `value`: {left, right} of the last dimension, then {up, down} of the one before, ..; negative widths crop.
Tensor pad(In x, std::span<const int64_t> widths, double value = 0);
Tensor pad(In x, std::initializer_list<int64_t> widths, double value = 0);
Tensor flip(In x, Dims dims);                              // back to front
Tensor roll(In x, int64_t shift, int dim);                 // y[i + shift] = x[i], around the end
Tensor repeat(In x, Shape counts);                         // x beside itself; more counts than dimensions: in front
Tensor repeat_interleave(In x, int64_t repeats, int dim);  // each element beside itself
Tensor tril(In x, int64_t diagonal = 0);                   // x where column - row <= diagonal, else 0: [.., n, m]
Tensor triu(In x, int64_t diagonal = 0);                   // x where column - row >= diagonal, else 0

// ---- indices (i64); of tensors as indices see Tensor::operator()
Tensor gather(In x, int dim, In index);           // y[i][j] = x[i][index[i][j]] for dim 1; all other sizes are x's
Tensor take_along(In x, In index, int dim);       // gather, x and index broadcast to each other but for dim
Tensor scatter(In x, int dim, In index, In src);  // x, then y[i][index[i][j]] = src[i][j], the last j of equal indices
Tensor scatter_add(In x, int dim, In index, In src);                  // x, then y[i][index[i][j]] += src[i][j]
Tensor index_select(In x, int dim, In index);                         // y[i][j] = x[i][index[j]] for dim 1
Tensor index_add(In x, int dim, In index, In src, double alpha = 1);  // x, then y[i][index[j]] += alpha src[i][j]
Tensor embedding(In index, In weight);                                // rows of weight: [..] i64, [V, D] -> [.., D]
Tensor one_hot(In index, int64_t classes = -1);  // 1 at index, else 0: [..] -> [.., classes] i64; -1: the largest + 1
Tensor nonzero(In x);                            // where x is not 0, in order: [n, rank]

// ---- order: NaN is above everything
struct TopK {  // what topk returns
  Tensor values, indices;
};
TopK topk(In x, int64_t k, int dim = -1);  // the k largest, descending; of equals the first
struct Sorted {                            // what sort returns
  Tensor values, indices;
};
Sorted sort(In x, int dim = -1, bool descending = false);  // equals keep their order

// ---- products
// b, or weight and bias, may be bf16 beside an f32 a or x: result and gradients are as of cast(b, f32), which is made
// only where its batch broadcasts.
Tensor matmul(In a, In b);  // [.., n, k] [.., k, m] -> [.., n, m]; batches broadcast; vectors as in NumPy
Tensor bmm(In a, In b);     // [b, n, k] [b, k, m] -> [b, n, m], nothing else
Tensor outer(In a, In b);   // a_i b_j: [n] [m] -> [n, m]
Tensor linear(In x, In weight, In bias = {});  // x weight^T + bias: [.., in] [out, in] [out] -> [.., out]
// As "bij,bjk->bik": a letter names a dimension, "..." any that broadcast; what the result does not name is summed. If
// nothing says "->", the result has the letters that occur once, in order of the alphabet. Multiplied in pairs: next is
// always the one with the smallest result. ShapeError naming the equation, the letter and both sizes.
Tensor einsum(std::string_view equation, std::span<const Tensor> x, Where at = Where::here());
Tensor einsum(std::string_view equation, std::initializer_list<Tensor> x, Where at = Where::here());

// ---- normalising, fused
Tensor softmax(In x, int dim = -1);  // e^x / sum e^x
// softmax over the last dimension of what mask (boolean, broadcasts to x) lets through; 0 elsewhere, and everywhere if
// that is nothing
Tensor masked_softmax(In x, In mask);
// The point nearest to x, over the last dimension, whose elements are not below 0 and sum to 1; with a mask, of what it
// lets through, as above. The gradient jumps where an element reaches 0.   (Martins and Astudillo 2016)
Tensor sparsemax(In x, In mask = {});
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

// x / sqrt(mean(x^2) + eps) weight over the last dimension; weight [D] or absent; eps absent: the machine epsilon of
// x's type   (Zhang and Sennrich 2019)
Tensor rms_norm(In x, In weight = {}, std::optional<double> eps = {});
// layer_norm of each of the groups that the channels fall into, then weight and bias: x [N, C, ..], weight and bias [C]
// or absent   (Wu and He 2018)
Tensor group_norm(In x, int64_t groups, In weight = {}, In bias = {}, double eps = 1e-5);

// ---- convolutions and pools: the dimensions after [N, C] are space
struct Conv1dOptions {
  int64_t stride = 1;
  int64_t padding = 0;  // zeros on both sides
  int64_t dilation = 1;
  int64_t groups = 1;  // of channels: output o sees the inputs of its group only
};
struct Conv2dOptions {  // likewise, {height, width} or one number for both
  Pair stride = 1;
  Pair padding = 0;
  Pair dilation = 1;
  int64_t groups = 1;
};
// sum over the window of weight x + bias: x [N, C, L], weight [O, C / groups, k], bias [O] or absent
// -> [N, O, (L + 2 padding - dilation (k - 1) - 1) / stride + 1]
Tensor conv1d(In x, In weight, In bias = {}, const Conv1dOptions& options = {});
// x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or absent -> [N, O, .., ..]
Tensor conv2d(In x, In weight, In bias = {}, const Conv2dOptions& options = {});

struct MaxPoolOptions {
  Pair stride = 0;   // 0: the kernel's size
  Pair padding = 0;  // at most half of the kernel; never a maximum
  Pair dilation = 1;
  bool ceil_mode = false;  // a window that ends outside counts, too
};
// The largest of each window, [.., H, W] -> [.., (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, ..]; the first
// of equals has the gradient
Tensor max_pool2d(In x, Pair kernel, const MaxPoolOptions& options = {});
struct AvgPoolOptions {
  Pair stride = 0;   // 0: the kernel's size
  Pair padding = 0;  // at most half of the kernel
  bool ceil_mode = false;
  bool count_include_pad = true;  // the mean is over the padding's zeros, too
};
Tensor avg_pool2d(In x, Pair kernel, const AvgPoolOptions& options = {});  // the mean of each window
// The mean of rows i H / h to (i + 1) H / h, rounded down and up, likewise of columns: [.., H, W] -> [.., h, w]
Tensor adaptive_avg_pool2d(In x, Pair size);

// ---- losses
enum class Reduction {
  mean,
  sum,
  none,
  batchmean,  // the sum, divided by the size of the first dimension
};
struct CrossEntropyOptions {
  Tensor weight = {};           // of each class, [C]; the mean is then a weighted one
  int64_t ignore_index = -100;  // targets with this value count for nothing
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;  // this share of each target goes to all classes alike   (Szegedy et al. 2016)
};
// -log_softmax(x)[target]: x [.., C], target [..] i64; or -sum target log_softmax(x), target [.., C] probabilities. The
// mean is over the targets that count; none: 0.
Tensor cross_entropy(In x, In target, const CrossEntropyOptions& options = {});
struct NllOptions {
  Tensor weight = {};
  int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
};
Tensor nll_loss(In x, In target, const NllOptions& options = {});  // -x[target], x [.., C] log-probabilities
struct BceOptions {
  Tensor weight = {};      // of each element; broadcasts to x
  Tensor pos_weight = {};  // of the targets' share; broadcasts to x
  Reduction reduction = Reduction::mean;
};
// -(target log p + (1 - target) log(1 - p)), p = sigmoid(x); target in [0, 1], of x's shape
Tensor binary_cross_entropy_with_logits(In x, In target, const BceOptions& options = {});
Tensor mse_loss(In x, In target, Reduction reduction = Reduction::mean);  // (x - target)^2
Tensor l1_loss(In x, In target, Reduction reduction = Reduction::mean);   // |x - target|
// (x - target)^2 / 2 where |x - target| <= delta, else delta (|x - target| - delta / 2)   (Huber 1964)
Tensor huber_loss(In x, In target, double delta = 1, Reduction reduction = Reduction::mean);
struct KlDivOptions {
  Reduction reduction = Reduction::mean;  // batchmean is the divergence itself
  bool log_target = false;                // target holds log-probabilities, as x does
};
Tensor kl_div(In x, In target, const KlDivOptions& options = {});  // target (log(target) - x), x log-probabilities
// <a, b> / (max(|a|, eps) max(|b|, eps)) over dim, of the shape that a and b broadcast to
Tensor cosine_similarity(In a, In b, int dim = 1, double eps = 1e-8);

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
// A query that may attend to nothing gives 0 and has gradient 0. With a bias, a mask or causal, one that may attend to
// a key or value that is not finite gives NaN, and the others do not see it.   (Vaswani et al. 2017, eq. 1)
Tensor scaled_dot_product_attention(In q, In k, In v, const AttentionOptions& options = {});

struct LinearAttentionOptions {
  Tensor beta = {};       // the rate at which a key's value is replaced, and not added to: broadcasts to [.., T]
  Tensor log_decay = {};  // the logarithm, finite, of the share of the state that a step keeps: broadcasts to [.., T]
  Tensor state = {};      // S_0: broadcasts to [.., D, E]; absent: zeros
  int64_t chunk = 32;     // places that are computed at once
};
struct LinearAttentionSteps {
  Tensor y;      // [.., T, E]
  Tensor state;  // [.., D, E]: S_T, which a call with what follows goes on from
};
// y_t = S_t^T q_t for q, k [.., T, D], v [.., T, E], whose batches broadcast, with time and memory linear in T:
//   S_t = S_{t-1} + k_t v_t^T, so that y_t = sum_{s<=t} (q_t . k_s) v_s   (Katharopoulos et al. 2020, section 3.3)
//   with beta: S_t = S_{t-1} + beta_t k_t (v_t - S_{t-1}^T k_t)^T, the delta rule   (Schlag, Irie and Schmidhuber 2021)
//   with log_decay g: e^(g_t) S_{t-1} in the place of S_{t-1}   (Yang, Kautz and Hatamizadeh 2025)
LinearAttentionSteps linear_attention(In q, In k, In v, const LinearAttentionOptions& options = {});

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

// ---- positions
struct RopeOptions {
  Tensor positions = {};  // i64, broadcasts to [.., T]; absent: 0, 1, .. T-1
  int64_t offset = 0;     // added to all of them
  double base = 10000;
  bool interleaved = false;  // pairs of columns (2i, 2i + 1), as in the paper; else (i, i + width / 2)
  int64_t width = 0;         // columns that are turned, the first ones; 0: all D
};
// Pair i of columns turned by the angle position base^(-2i / width): x [.., T, D]. <rope(q), rope(k)> depends on the
// difference of their positions only.   (Su et al. 2021)
Tensor rope(In x, const RopeOptions& options = {});

}  // namespace heed
