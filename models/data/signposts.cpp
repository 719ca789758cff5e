#include "signposts.h"
#include <array>
#include "../../core/error.h"
#include "scenes.h"

namespace heed {

Signposts sample_signposts(int64_t hops, int64_t batch, Rng& rng, Where at) {
  if (hops < 0) fail<IndexError>(at, "sample_signposts", "there must be 0 hops or more, not " + std::to_string(hops));
  constexpr int64_t cells = 3, cell = 8, side = cells * cell, all = cells * cells, red = 0, blue = 2;
  std::vector<double> pixels(static_cast<std::size_t>(batch * 3 * side * side));
  std::vector<int64_t> path, form;
  for (int64_t b = 0; b < batch; ++b) {
    std::array<int64_t, all> to, kind;
    for (int64_t c = 0; c < all; ++c) {
      auto paint = [&](int64_t channel, int64_t y, int64_t x) {
        const int64_t row = c / cells * cell + y, column = c % cells * cell + x;
        pixels[std::size_t(((b * 3 + channel) * side + row) * side + column)] = 1;
      };
      const auto i = std::size_t(c);
      to[i] = rng.below(all), kind[i] = rng.below(forms);
      const int64_t down = rng.below(3), right = rng.below(3);
      for (int64_t y = 0; y < 6; ++y)
        for (int64_t x = 0; x < 6; ++x)
          if (in_form(kind[i], y, x)) paint(blue, down + y, right + x);
      for (int64_t y : {0, 1})
        for (int64_t x : {0, 1}) paint(red, 1 + 2 * (to[i] / cells) + y, 1 + 2 * (to[i] % cells) + x);
    }
    int64_t now = all / 2;
    path.push_back(now);
    for (int64_t h = 0; h < hops; ++h) path.push_back(now = to[std::size_t(now)]);
    form.push_back(kind[std::size_t(now)]);
  }
  return {tensor(pixels, Shape{batch, 3, side, side}), tensor(path, Shape{batch, hops + 1}),
          tensor(form, Shape{batch})};
}

}  // namespace heed
