#pragma once
// Decomposable attention (Parikh et al. 2016): does sentence a entail b? Words are aligned, pairs are compared each by
// itself, and the comparisons summed:
//   e_ij = F(a_i) . F(b_j), beta_i = sum_j softmax_j(e_ij) b_j, alpha_j = sum_i softmax_i(e_ij) a_i
//   v_1 = sum_i G([a_i; beta_i]), v_2 = sum_j G([b_j; alpha_j]), H([v_1; v_2])
// There is no order in it, but for the intra-sentence attention, which knows distances.
#include <optional>
#include "../../core/tree.h"
#include "../../nn/activation.h"
#include "../../nn/attention.h"
#include "../../nn/embedding.h"
#include "../../nn/sequential.h"
#include "../data/batch.h"

namespace heed {

// Two layers, each with dropout before and relu behind      [.., in] -> [.., out]
inline Sequential two_layers(int64_t in, int64_t out, double dropout) {
  auto layer = [](int64_t from, int64_t to) {
    return Linear{.in = from, .out = to, .weight = parameter(init::kaiming_uniform({to, from}))};
  };
  return Sequential{Dropout{dropout}, layer(in, out), Relu{}, Dropout{dropout}, layer(out, out), Relu{}};
}

// Each word beside the words of its own sentence that it looks at, f_ij = F(a_i) . F(a_j) + d_{i-j}, those farther
// apart than 10 alike      x [B, T, width] -> [B, T, 2 width]   (section 3.4)
struct IntraSentence {
  int64_t width;
  double dropout = 0;
  Sequential transform = two_layers(width, width, dropout);  // F
  RelativeBias bias{.heads = 1, .distance = 10};             // d

  Tensor operator()(In x, const Tensor& mask, Rng* training = nullptr) const {
    const Tensor f = transform(x, training);
    const Attention look{.score = DotScore{}};
    return concat({x, look(f, f, x, {.mask = unsqueeze(mask, 1), .bias = bias(x->size(1), x->size(1))})}, -1);
  }
};

struct Decomposable {
  int64_t vocab, width, hidden, classes;
  double dropout = 0;
  bool attends = true;  // else nothing is aligned: words are compared with zeros
  bool intra = false;

  Embedding word{vocab, width};
  Linear project{.in = width, .out = hidden, .bias = {}};
  std::optional<IntraSentence> own = make_if<IntraSentence>(intra, hidden, dropout);
  int64_t wide = intra ? 2 * hidden : hidden;
  Sequential attend = two_layers(wide, hidden, dropout);           // F
  Sequential compare = two_layers(2 * wide, hidden, dropout);      // G
  Sequential aggregate = two_layers(2 * hidden, hidden, dropout);  // H
  Linear output{hidden, classes};

  struct Result {
    Tensor logits;  // [B, classes]
    Tensor beta;    // [B, A, B']: how much each word of a looks at each of b; undefined without attention
    Tensor alpha;   // [B, B', A]: how much each of b looks at each of a
  };
  Result operator()(const Padded& a, const Padded& b, Rng* training = nullptr) const {
    const Tensor a_mask = length_mask(a.lengths, a.ids.size(1)), b_mask = length_mask(b.lengths, b.ids.size(1));
    const Tensor x = represent(a.ids, a_mask, training), y = represent(b.ids, b_mask, training);
    auto compared = [&](const Tensor& own, const Tensor& other, const Tensor& mask) {  // v: [B, hidden]
      return sum(where(unsqueeze(mask, 2), compare(concat({own, other}, -1), training), 0), 1);
    };
    auto decided = [&](const Tensor& v1, const Tensor& v2) {
      return output(aggregate(concat({v1, v2}, -1), training));
    };
    if (!attends) return {decided(compared(x, zeros_like(x), a_mask), compared(y, zeros_like(y), b_mask)), {}, {}};
    const Tensor f_x = attend(x, training), f_y = attend(y, training);
    const Attention look{.score = DotScore{}};
    const auto [beta, of_a] = look.with_weights(f_x, f_y, y, {.mask = unsqueeze(b_mask, 1)});
    const auto [alpha, of_b] = look.with_weights(f_y, f_x, x, {.mask = unsqueeze(a_mask, 1)});
    return {decided(compared(x, beta, a_mask), compared(y, alpha, b_mask)), of_a, of_b};
  }

  Tensor represent(const Tensor& ids, const Tensor& mask, Rng* training) const {  // [B, T, wide]
    const Tensor x = project(word(ids));
    return own ? (*own)(x, mask, training) : x;
  }
};

// What needs no alignment: the sum of the words of each sentence, and a linear layer.
struct BagOfWords {
  int64_t vocab, classes;
  Embedding a{vocab, classes}, b{vocab, classes};

  Tensor operator()(const Padded& x, const Padded& y) const {  // logits [B, classes]
    auto bag = [](const Embedding& e, const Padded& p) {
      return sum(where(unsqueeze(length_mask(p.lengths, p.ids.size(1)), 2), e(p.ids), 0), 1);
    };
    return bag(a, x) + bag(b, y);
  }
};

}  // namespace heed
