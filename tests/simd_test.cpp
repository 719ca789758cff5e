// One binary, every instruction set of the machine: the tests of kernels run on each in a process of its own.
#include <heed/core/loops.h>
#include <heed/ops/kernels/pool.h>
#include <heed/ops/kernels/target.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include "common.h"
#include "program.h"

using namespace heed;

namespace {

Said on(const std::string& target, const std::string& program, const std::string& arguments) {
  ::setenv("HEED_SIMD", target.c_str(), 1);
  const Said said = run_program_of_build(program, arguments);
  ::unsetenv("HEED_SIMD");
  return said;
}

}  // namespace

TEST_CASE("the instruction sets of this machine, the best first, and one chosen by name") {
  const std::vector<std::string> targets = kernels::simd_targets();
  REQUIRE(!targets.empty());
  const std::string before = kernels::simd_target();
  for (const std::string& target : targets) {
    kernels::set_simd_target(target);
    CHECK(kernels::simd_target() == target);
  }
  kernels::set_simd_target(before);
  std::string known;
  for (const std::string& target : targets) known += (known.empty() ? "" : ", ") + target;
  CHECK_ERROR(Error, kernels::set_simd_target("AVX9"), "set_simd_target: there is no AVX9: known are " + known);
  const std::string said = on("AVX9", "gradcheck", "--help").text;
  CHECK(contains(said, "heed: HEED_SIMD: there is no AVX9: known are " + known));
}

// The other tests run on the best.
TEST_CASE("the kernels hold their bounds on every other instruction set of this machine") {
  const std::vector<std::string> targets = kernels::simd_targets();
  for (std::size_t i = 1; i < targets.size(); ++i) {
    const Said said =
        on(targets[i], "heed_tests",
           "--filenames-as-tags \"[#rows_test],[#whole_rows_test],[#gemm_test],[#conv_test],[#flash_test],"
           "[#recurrent_test]\"");
    INFO(targets[i] << ":\n" << said.text);
    CHECK(said.code == 0);
    CHECK(!contains(said.text, "HEED_SIMD"));
    const Said certified = on(targets[i], "gradcheck", "");
    INFO(certified.text);
    CHECK(certified.code == 0);
    CHECK(contains(certified.text, "all certified"));
  }
}

namespace {

// f() on every instruction set, in this process
template <class F>
void on_each(F f) {
  const std::string before = kernels::simd_target();
  for (const std::string& target : kernels::simd_targets()) {
    INFO(target);
    kernels::set_simd_target(target);
    f();
  }
  kernels::set_simd_target(before);
}

}  // namespace

TEST_CASE("memory is cleared from the first byte to the last, and not beyond") {
  on_each([] {
    for (const std::size_t first : {0u, 1u, 63u, 64u, 100u})
      for (const std::size_t bytes : {0u, 1u, 63u, 64u, 65u, 128u, 1000u}) {
        std::vector<std::byte> got(1200, std::byte{7}), want = got;
        kernels::clear(got.data() + first, bytes);
        std::fill_n(want.data() + first, bytes, std::byte{0});
        CAPTURE(first, bytes);
        REQUIRE(got == want);
      }
  });
}

TEMPLATE_TEST_CASE("windows pooled together have the maxima and places of one at a time", "[pool]", float, double) {
  using T = TestType;
  std::vector<T> x = cast(round(4 * noise({2000}, 1)), dtype_of<T>).template to_vector<T>();  // many are equal
  for (std::size_t i = 0; i < x.size(); i += 97) x[i] = std::numeric_limits<T>::quiet_NaN();
  on_each([&] {
    for (const int64_t stride : {1, 2, 3})
      for (int64_t n = 2; n < 40; ++n) {
        const kernels::PoolWindow w{5, 3, 300, 2, 2};
        std::vector<T> y(std::size_t(n) + 1, T(77));
        std::vector<int64_t> at(y.size(), 77);
        kernels::max_pool(x.data(), w, stride, n, y.data(), at.data());
        REQUIRE((y.back() == 77 && at.back() == 77));
        for (int64_t i = 0; i < n; ++i) {
          CAPTURE(stride, n, i);
          T most;
          int64_t place;
          kernels::max_pool(x.data(), {w.first + i * stride, w.rows, w.row, w.columns, w.column}, 1, 1, &most, &place);
          REQUIRE(at[std::size_t(i)] == place);
          const T got = y[std::size_t(i)];
          REQUIRE((got == most || (std::isnan(got) && std::isnan(most))));
        }
      }
  });
}
