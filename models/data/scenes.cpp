#include "scenes.h"
#include <array>
#include <string_view>

namespace heed {
namespace {

struct Colour {
  std::string_view name;
  std::array<double, 3> rgb;
};
constexpr std::array<Colour, 4> colours{
    {{"red", {1, 0, 0}}, {"green", {0, 1, 0}}, {"blue", {0, 0, 1}}, {"yellow", {1, 1, 0}}}};

struct Form {
  std::string_view name;
  std::array<std::string_view, 6> rows;  // # is the object
};
constexpr std::array<Form, forms> drawn_forms{
    {{"square", {"######", "######", "######", "######", "######", "######"}},
     {"circle", {"..##..", ".####.", "######", "######", ".####.", "..##.."}},
     {"triangle", {"..##..", "..##..", ".####.", ".####.", "######", "######"}},
     {"cross", {"..##..", "..##..", "######", "######", "..##..", "..##.."}}}};

constexpr int64_t cells = 3, cell = 8, side = cells * cell;

std::string relation(int64_t a, int64_t b) {  // a < b
  const int64_t right = b % cells - a % cells;
  if (a / cells == b / cells) return "left-of";
  return right > 0 ? "above-left-of" : right < 0 ? "above-right-of" : "above";
}

}  // namespace

bool in_form(int64_t form, int64_t y, int64_t x) {
  return drawn_forms[std::size_t(form)].rows[std::size_t(y)][std::size_t(x)] == '#';
}

Scene sample_scene(Rng& rng) {
  int64_t a = rng.below(cells * cells), b = rng.below(cells * cells - 1);
  if (b >= a) ++b;
  if (a > b) std::swap(a, b);
  std::vector<double> pixels(std::size_t(3 * side * side));
  auto draw = [&](int64_t place) {  // what it is called
    const Colour& colour = colours[std::size_t(rng.below(std::ssize(colours)))];
    const int64_t form = rng.below(forms);
    const int64_t top = place / cells * cell + rng.below(3), left = place % cells * cell + rng.below(3);
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t y = 0; y < 6; ++y)
        for (int64_t x = 0; x < 6; ++x)
          if (in_form(form, y, x))
            pixels[std::size_t((c * side + top + y) * side + left + x)] = colour.rgb[std::size_t(c)];
    return std::string(colour.name) + " " + std::string(drawn_forms[std::size_t(form)].name);
  };
  const std::string first = draw(a), second = draw(b);
  return {
      tensor(pixels, Shape{3, side, side}), first + " " + relation(a, b) + " " + second, {{a}, {a}, {a, b}, {b}, {b}}};
}

}  // namespace heed
