#pragma once
// A number that belongs to a set of numbers, whatever their order: elements are encoded, pooled, and decoded. With
// attention the encoder is a SAB, or an ISAB, and the pool a PMA (Lee et al. 2019); with mean and max each element is
// encoded by itself (Zaheer et al. 2017, Deep Sets).
#include <limits>
#include <optional>
#include "../../nn/set_transformer.h"

namespace heed {

struct SetRegressor {
  enum Pooling { attention, mean, max };
  int64_t width, heads;
  Pooling pooling = attention;
  int64_t points = 0;  // of an ISAB that encodes; 0: a SAB does

  Linear first{1, width};
  std::optional<Sab> together = make_if<Sab>(pooling == attention && !points, width, heads);
  std::optional<Isab> induced = make_if<Isab>(pooling == attention && points, width, heads, points);
  std::optional<Pma> pool = make_if<Pma>(pooling == attention, width, heads);
  std::vector<Linear> alone = stack_of(pooling == attention ? 0 : 2, [this] { return Linear{width, width}; });
  std::vector<Linear> decoder = stack_of(pooling == attention ? 0 : 2, [this] { return Linear{width, width}; });
  Linear output{width, 1};

  // Sets [B, n], mask [B, n] boolean, false where there is padding, or undefined -> [B]; what is pooled of an empty set
  // is zeros, and by attention the seed alone
  Tensor operator()(In x, const Tensor& mask = {}, Rng* = nullptr) const {
    const Tensor h = encode(x, mask);
    if (pool) return squeeze(output((*pool)(h, mask)), {1, 2});
    Tensor y = pooled(h, mask);  // [B, width]
    for (const Linear& layer : decoder) y = relu(layer(y));
    return squeeze(output(y), 1);
  }
  // How much each head looks at each element: those of the elements, on average, or of the points; and of the pool
  struct Looks {
    Tensor together;  // [B, heads or heads points, n]
    Tensor pool;      // [B, heads, n]
  };
  Looks looks(In x) const {
    const Tensor each = first(unsqueeze(x, 2));
    const auto [h, by] = together ? together->block.with_weights(each, each) : induced->with_weights(each);
    return {together ? heed::mean(by, 2) : flatten(by, 1, 2), heed::mean(pool->with_weights(h).weights, 2)};
  }

  Tensor encode(In x, const Tensor& mask) const {  // [B, n, width]
    Tensor h = first(unsqueeze(x, 2));
    if (together) return (*together)(h, mask);
    if (induced) return (*induced)(h, mask);
    for (const Linear& layer : alone) h = layer(relu(h));
    return h;
  }
  Tensor pooled(const Tensor& h, const Tensor& mask) const {  // [B, width], of mean and max
    const Tensor real = mask.defined() ? unsqueeze(mask, 2) : ones({h.size(0), h.size(1), 1}, boolean);
    if (pooling == mean) return sum(where(real, h, 0), 1) / maximum(cast(sum(real, 1), h.dtype()), 1);
    const Tensor most = heed::max(where(real, h, -std::numeric_limits<double>::infinity()), 1);
    return where(any(real, 1), most, 0);
  }
};

}  // namespace heed
