// One binary, every instruction set of the machine: the tests of kernels run on each in a process of its own.
#include <heed/ops/kernels/target.h>
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
  }
}
