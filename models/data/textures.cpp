#include "textures.h"

namespace heed {
namespace {

constexpr int64_t side = 16, corner = 4;

bool bright(int64_t kind, int64_t y, int64_t x) {
  switch (kind) {
    case 0:
      return y / 2 % 2;
    case 1:
      return x / 2 % 2;
    case 2:
      return (y / 2 + x / 2) % 2;
    default:
      return (y + x) / 2 % 2;
  }
}

}  // namespace

Texture sample_texture(Rng& rng) {
  Texture r{{}, 0, rng.below(3)};
  std::vector<double> pixels;
  for (int64_t c = 0; c < 3; ++c) {
    const int64_t kind = rng.below(texture_kinds), down = rng.below(4), right = rng.below(4);
    if (c == r.channel) r.kind = kind;
    for (int64_t y = 0; y < side; ++y)
      for (int64_t x = 0; x < side; ++x) {
        const double texture = bright(kind, y + down, x + right) + 0.1 * rng.normal();
        pixels.push_back(y >= corner || x >= corner ? texture : c == r.channel ? 3 : 0);
      }
  }
  r.image = tensor(pixels, Shape{3, side, side});
  return r;
}

}  // namespace heed
