#include "textures.h"
#include "batch.h"

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

DottedTexture sample_dotted_texture(Rng& rng) {
  constexpr int64_t side = 20, quarter = side / 2, hole = 5, red = 0, green = 1, blue = 2;
  std::vector<double> pixels(3 * side * side);
  auto at = [&](int64_t c, int64_t y, int64_t x) -> double& { return pixels[std::size_t((c * side + y) * side + x)]; };
  const std::vector<int64_t> kinds = randperm(texture_kinds, rng);
  const int64_t asked = rng.below(4);
  for (int64_t q = 0; q < 4; ++q) {
    const int64_t top = q / 2 * quarter, left = q % 2 * quarter;
    const int64_t down = rng.below(4), right = rng.below(4), y0 = 2 + rng.below(2), x0 = 2 + rng.below(2);
    for (int64_t y = 0; y < quarter; ++y)
      for (int64_t x = 0; x < quarter; ++x)
        if (y < y0 || y >= y0 + hole || x < x0 || x >= x0 + hole)
          at(blue, top + y, left + x) = bright(kinds[std::size_t(q)], y + down, x + right) + 0.1 * rng.normal();
    at(q == asked ? red : green, top + y0 + hole / 2, left + x0 + hole / 2) = 3;
  }
  return {tensor(pixels, Shape{3, side, side}), kinds[std::size_t(asked)], asked};
}

}  // namespace heed
