#pragma once
// From scores to weights, over the last dimension.
#include <string>
#include <string_view>
#include <vector>
#include "../ops/ops.h"

namespace heed {

// s: the scores of one query, divided by the temperature; sums are over the keys that it may attend to
enum class Normalizer {
  softmax,           // e^s / sum e^s
  sparsemax,         // the nearest point whose elements are not below 0 and sum to 1   (Martins and Astudillo 2016)
  relu,              // max(s, 0)
  relu_n,            // max(s, 0) / n, of n keys   (Wortsman et al. 2023)
  sigmoid,           // 1 / (1 + e^-s)
  none,              // s
  sampled,           // 1 at one key, drawn with the probabilities softmax(s); no gradient   (Xu et al. 2015, hard)
  straight_through,  // the same, with the gradient of softmax(s)   (Bengio, Leonard and Courville 2013)
  gumbel,  // softmax((scores + noise) / temperature): as temperature falls, nearly a draw with the probabilities
           // softmax(scores), with a gradient of its own   (Jang, Gu and Poole 2017; Maddison, Mnih and Teh
           // 2017)
};

struct NormalizeOptions {
  Tensor mask = {};  // boolean, true = may attend: broadcasts to the scores
  double temperature = 1;
};
// The weights of scores [.., T, S]: `how` of s = scores / temperature; 0 at keys that the mask excludes, and everywhere
// if it excludes all. The last three draw by Gumbel noise -log(-log u), u in (0, 1) from the generator: s + noise is
// largest at each key with the probability softmax(s). Without a generator there is no noise.
Tensor normalize(In scores, Normalizer how, const NormalizeOptions& options = {}, Rng* rng = nullptr);

// softmax, sparsemax, relu, relu/n, sigmoid, none, sampled, straight_through, gumbel.
const std::vector<std::string>& normalizer_names();
Normalizer normalizer_of(std::string_view name, Where at = Where::here());  // Error: there is none such

}  // namespace heed
