// What a user's test of gradients looks like, and what it says where one is wrong.
#include <heed/core/gradcheck_matcher.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include "common.h"
#include "program.h"

using namespace heed;

namespace {

struct Triple {
  static constexpr auto name = "triple";
  double factor = 3;
  Array forward(const Array& x) const { return (Tensor(x) * 3).array(); }
  Tensor d0(Grad g) const { return g * factor; }
};

}  // namespace

TEST_CASE("gradients as assertions: of a function, an op struct, a module") {
  const Tensor a = noise({2, 3}, 1), b = noise({3}, 2);
  REQUIRE_THAT([](const Tensor& x, const Tensor& y) { return x * exp(y); }, HasCorrectGradient({a, b}, {.order = 2}));
  CHECK_THAT(Triple{}, HasCorrectGradient({a}));
  CHECK_THAT((Linear{.in = 3, .out = 2}), HasCorrectGradient({a}));
}

TEST_CASE("an assertion that fails shows the report") {
  const HasCorrectGradient matcher({noise({2, 3}, 1)});
  CHECK_FALSE(matcher.match(Triple{.factor = 2.999}));
  CHECK(contains(matcher.describe(), "has a correct gradient\ngradcheck FAILED: triple ("));
  CHECK(contains(matcher.describe(), "6 FAIL"));
}

TEST_CASE("gradcheck --html is one page with every row") {
  const std::string folder = fresh_folder("page");
  std::filesystem::create_directories(folder);
  const Said said = run_program_of_build("gradcheck", "--op max --html " + folder + "/report.html");
  INFO(said.text);
  CHECK(said.code == 0);
  std::ifstream file(folder + "/report.html");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (const char* part :
       {"<!doctype html>", "All gradients are certified", "<code>max</code>", "worst error", "second order"})
    CHECK(contains(page, part));
  CHECK_FALSE(contains(page, "http"));
  CHECK(run_program_of_build("gradcheck", "--op max --html /nowhere/at/all.html").code == 2);
  std::filesystem::remove_all(folder);
}
