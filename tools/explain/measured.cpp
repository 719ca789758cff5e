#include "measured.h"
#include <cmath>
#include "../../models/reach/reach.h"
#include "../../models/seq2seq/seq2seq.h"

namespace heed::explain {

json reach() {
  constexpr int64_t far = 60, width = 16, sequences = 8;
  std::vector<int64_t> steps;
  for (int64_t k = 1; k <= far; ++k) steps.push_back(k);
  json r{{"steps", steps}};
  const std::pair<const char*, FirstSymbol::Memory> memories[]{
      {"rnn", FirstSymbol::rnn}, {"lstm", FirstSymbol::lstm}, {"attention", FirstSymbol::attention}};
  for (const auto& [name, memory] : memories) {
    seed(1);
    const FirstSymbol model = cast(FirstSymbol{.symbols = 2, .width = width, .length = far + 1, .memory = memory}, f64);
    const Tensor x = randn({sequences, far + 1, width}, default_rng(), f64).requires_grad(), y = model.read(x);
    Tensor squares = zeros({far + 1}, f64);  // of dy / dx, all elements of y and all sequences
    for (int64_t i = 0; i < width; ++i) squares = squares + sum(square(grad(sum(y(_, i)), {x})[0]), {0, 2});
    std::vector<double> norms;
    for (const int64_t k : steps) norms.push_back(std::sqrt(squares(far - k).item() / squares(far - 1).item()));
    r[name] = norms;
  }
  return r;
}

namespace {

struct Pair {
  double wrong, right;
};

Tensor noise(const Shape& shape, uint64_t key) {
  Rng rng{key};
  return randn(shape, rng, f64);
}
double largest(const Tensor& x) { return max(abs(x)).item(); }
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) { return Attention{}(q, k, v); }

// The weight of the one key of 24 that suits the query entirely, where the others do not at all.
Pair weight_without_v() {
  constexpr int64_t keys = 24, width = 8;
  auto weight = [&](double v) {
    const AdditiveScore score{width,
                              width,
                              width,
                              {.in = width, .out = width, .weight = parameter(eye(width, f64)), .bias = {}},
                              {.in = width, .out = width, .weight = parameter(eye(width, f64)), .bias = {}},
                              {.in = width, .out = 1, .weight = parameter(full({1, width}, v, f64)), .bias = {}}};
    const Tensor suits = where(unsqueeze(arange(keys), 1) == 0, full({keys, width}, 20, f64), -20);
    return max(softmax(score(zeros({1, width}, f64), suits))).item();
  };
  return {weight(1.0 / width), weight(1)};
}

// The largest difference between attention with a row for each token, and with a column.
Pair columns_against_rows() {
  constexpr int64_t T = 6, width = 4;
  const Tensor x = noise({T, width}, 1), q = matmul(x, noise({width, width}, 2)),
               k = matmul(x, noise({width, width}, 3)), v = matmul(x, noise({width, width}, 4)), rows = attend(q, k, v);
  auto apart = [&](double scale) {
    return largest(matmul(transpose(v), softmax(matmul(k, transpose(q)) * scale, 0)) - transpose(rows));
  };
  return {apart(1), apart(1 / std::sqrt(double(width)))};
}

// The sum of the weights of a query, where it is farthest from 1.
Pair sum_over_the_wrong_axis() {
  const Tensor s = noise({6, 6}, 1);
  auto farthest = [&](int dim) {
    const Tensor sums = sum(softmax(s, dim), -1);
    return sums(argmax(abs(sums - 1))).item();
  };
  return {farthest(0), farthest(1)};
}

// The entropy in nats of a query's weights over 32 keys of 512 random numbers each, in the mean.
Pair entropy_without_scale() {
  constexpr int64_t width = 512;
  const Tensor s = DotScore{}(noise({256, width}, 1), noise({32, width}, 2));
  auto entropy = [&](double scale) { return -mean(sum(softmax(s * scale) * log_softmax(s * scale), -1)).item(); };
  return {entropy(1), entropy(1 / std::sqrt(double(width)))};
}

// The largest difference between the score of i for j and that of j for i.
Pair symmetry_of_scores() {
  const Tensor x = noise({6, 8}, 1);
  auto apart = [](const Tensor& s) { return largest(s - transpose(s)); };
  return {apart(DotScore{}(x, x)), apart(ScaledDotScore{}(matmul(x, noise({8, 8}, 2)), matmul(x, noise({8, 8}, 3))))};
}

// The variance that a fresh LayerNorm gives to a row whose own is 1e-4: it is said to be 1, as without its eps.
Pair variance_of_layer_norm() {
  const Tensor centred = layer_norm(noise({64}, 1), {}, {}, 0), x = centred * 1e-2;
  auto variance = [&](double eps) { return var(layer_norm(x, {}, {}, eps), -1, false, 0).item(); };
  return {variance(0), variance(LayerNorm{64}.eps)};
}

// The least sum of the squares of two neighbouring columns of the sinusoids.
Pair circle_of_positions() {
  constexpr int64_t length = 64, width = 16;
  auto least = [](const Tensor& p) { return min(sum(square(reshape(p, {length, width / 2, 2})), -1)).item(); };
  const Tensor place = unsqueeze(arange(length, f64), 1), column = arange(width, f64);
  const Tensor angle = place / pow(10000, 2 * column / double(width));
  return {least(where(remainder(arange(width), 2) == 0, sin(angle), cos(angle))), least(sinusoids(length, width, f64))};
}

// |d logits / d h~|, of what the decoder has seen before it writes a symbol, and of the symbol after it.
Pair input_feeding() {
  seed(1);
  const Seq2Seq model =
      cast(Seq2Seq{.source_vocab = 8, .target_vocab = 8, .width = 4, .hidden = 4, .attends = Attends::general}, f64);
  const std::vector<std::vector<int64_t>> source(1, {3, 4, 5, 6});
  const Seq2Seq::Encoded e = model.encode(pad_sequence(source));
  const Tensor symbol = full({1}, Vocabulary::start, i64);
  const Seq2Seq::Step first = model.step(symbol, e.state, e);
  auto reaches = [&](const Tensor& seen) {
    const Tensor logits = model.step(symbol, {first.state.h, first.state.c, seen}, e).logits;
    return size_of(jacobian(logits, first.state.seen));
  };
  return {reaches(zeros_like(first.state.seen)), reaches(first.state.seen)};
}

// The largest change of what comes out where queries and keys are exchanged: with one matrix for both there is none.
Pair exchanged_roles() {
  const Tensor x = noise({6, 8}, 1), q = matmul(x, noise({8, 8}, 2)), k = matmul(x, noise({8, 8}, 3));
  auto change = [&](const Tensor& a, const Tensor& b) { return largest(attend(a, b, x) - attend(b, a, x)); };
  return {change(q, q), change(q, k)};
}

// The largest derivative of a place by the keys of later ones: without a mask, and with a causal one.
Pair later_keys() {
  constexpr int64_t T = 5, width = 4;
  const Tensor q = noise({T, width}, 1), v = noise({T, width}, 3);
  auto most = [&](Causal causal) {
    const Tensor d = jacobian([&](In k) { return Attention{}(q, k, v, {.causal = causal}); }, noise({T, width}, 2));
    const Tensor later = reshape(arange(T), {1, 1, T, 1}) > reshape(arange(T), {T, 1, 1, 1});
    return largest(where(later, d, 0));  // d [T, width, T, width]
  };
  return {most(Causal::off), most(Causal::on)};
}
// Likewise by the queries of other places, without a mask.
double other_queries() {
  constexpr int64_t T = 5, width = 4;
  const Tensor k = noise({T, width}, 2), v = noise({T, width}, 3);
  const Tensor d = jacobian([&](In q) { return attend(q, k, v); }, noise({T, width}, 1));
  return largest(where(reshape(arange(T), {1, 1, T, 1}) != reshape(arange(T), {T, 1, 1, 1}), d, 0));
}

// |d output / d scores| of weights that are 1 at one key: as they are, and straight-through.
Pair hard_weights() {
  auto slope = [](Normalizer how) {
    const Tensor s = noise({4, 6}, 1).requires_grad(), y = matmul(normalize(s, how), noise({6, 3}, 2));
    return y.tracked() ? size_of(vjp(y, ones_like(y), {s})[0]) : 0;
  };
  return {slope(Normalizer::sampled), slope(Normalizer::straight_through)};
}

// How many places there are to look at after ten steps: in a Turing Machine's memory, on an LSTMN's tape.
Pair places_to_look_at() {
  constexpr int64_t steps = 10, width = 4;
  seed(1);
  const Tensor x = randn({1, steps, width}, default_rng());
  const NeuralTuringMachine machine{.in = width, .out = width, .hidden = width, .slots = 48, .width = width};
  const Lstmn lstmn{.in = width, .hidden = width};
  return {double(machine(x).state.memory.size(1)), double(lstmn(x).tape.states.size(1))};
}

// The largest difference between fast weights and causal linear attention: with a normaliser, and without.
Pair fast_weights() {
  constexpr int64_t T = 8, width = 4;
  seed(1);
  const FastWeights fast =
      cast(FastWeights{.in = width, .key_width = width, .out = width, .squash = FastWeights::none}, f64);
  const Tensor x = noise({1, T, width}, 1), q = fast.query(x), k = fast.key(x), y = fast(x).y;
  const Tensor linear = linear_attention(q, k, fast.value(x)).y, z = linear_attention(q, k, ones({1, T, 1}, f64)).y;
  return {max_difference(y, linear / z), max_difference(y, linear)};
}

// The share of attention that 10 columns of padding get beside 10 of text.
Pair attention_on_padding() {
  const Tensor text = noise({10, 8}, 1), keys = concat({text, zeros({10, 8}, f64)});
  auto share = [&](const Tensor& mask) {
    const Attended a = Attention{}.with_weights(noise({1, 8}, 2), keys, keys, {.mask = mask});
    return sum(a.weights(0, Range{10})).item();
  };
  return {share({}), share(arange(20) < 10)};
}

// The share of sequences of 10 symbols in which the decoder is given both the truth and its own guesses, each with a
// probability of 1/2.
Pair mixed_forcing() {
  constexpr int64_t sequences = 1000, length = 10, letter = 3;
  seed(1);
  const Seq2Seq model{.source_vocab = 4, .target_vocab = 5, .width = 1, .hidden = 1, .attends = Attends::none};
  assign(model.output.bias, tensor({0, 0, 0, 0, 100}));  // it guesses 4, whatever it reads
  const std::vector<std::vector<int64_t>> source(sequences, {letter}),
      target(sequences, std::vector(length + 2, letter));
  const Batch batch{pad_sequence(source), pad_sequence(target)};
  auto mixed = [&](bool per_sequence) {
    std::vector<Tensor> given;
    const ModuleId embedding{&model.target, &typeid(Embedding)};
    Rng rng{1};
    const Observe watch([&](const Event& e) {
      if (e.module == embedding && e.inputs[1]->dtype() == i64) given.push_back(*e.inputs[1]);
    });
    model(batch, {.probability = 0.5, .per_sequence = per_sequence}, &rng);
    const Tensor gold = stack(given, 1)(_, Range{1}) == letter;  // what comes first is gold
    return mean(cast(any(gold, 1) & any(~gold, 1), f64)).item();
  };
  return {mixed(true), mixed(false)};
}

std::string refusal() {  // of heads that a width cannot be shared by, without its line
  try {
    MultiHeadAttention{.width = 10, .heads = 3}(zeros({1, 1, 10}));
    return "";
  } catch (const ShapeError& e) {
    const std::string text = e.what();
    return text.substr(text.find(": ") + 2);
  }
}

}  // namespace

json mistakes() {
  auto told = [](const char* id, const Pair& p) { return json{{"id", id}, {"wrong", p.wrong}, {"right", p.right}}; };
  json later = told("D10", later_keys());
  later["queries"] = other_queries();
  return {told("D1", weight_without_v()),        told("D2", columns_against_rows()),
          told("D3", sum_over_the_wrong_axis()), told("D4", entropy_without_scale()),
          told("D5", symmetry_of_scores()),      told("D6", variance_of_layer_norm()),
          told("D7", circle_of_positions()),     told("D8", input_feeding()),
          told("D9", exchanged_roles()),         later,
          told("D11", hard_weights()),           told("D12", places_to_look_at()),
          told("D13", fast_weights()),           {{"id", "D14"}},
          told("D15", attention_on_padding()),   {{"id", "D16"}, {"fact", refusal()}},
          told("D17", mixed_forcing())};
}

}  // namespace heed::explain
