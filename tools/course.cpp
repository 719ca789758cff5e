// Writes tools/lessons/README.md, the course: course.md with all that its chapters find out.
#include "course/course.h"
#include "../core/disk.h"
#include "../models/draw/svg.h"
#include "../models/run/options.h"
#include "../ops/kernels/target.h"
#include "lessons/judge/exercise.h"
using namespace heed;

namespace {

void run(Options& options) {
  using namespace heed::course;
  const std::string text = options.text("--text", "tools/lessons/course.md", "what is filled");
  const std::string out = options.text("--out", "tools/lessons", "folder for README.md and its pictures");
  options.done();

  for (const std::string& target : kernels::simd_targets())  // what every x86 has, for the same last digits on all
    if (target == "SSE4") kernels::set_simd_target(target);
  Findings found;
  const Run run;
  for (const auto chapter : {gradients, linear_layers, softmax_rows, losses, layer_norms, attention, masks, heads,
                             reach, flash, wrong_gradients})
    chapter(found, run);
  const std::string readme = filled(lessons::read_text(text), found);
  for (const auto& [name, svg] : found.pictures()) draw::save_svg(out + "/pictures/" + name + ".svg", svg);
  const std::string path = out + "/README.md";
  NewFile file({"course", path, {}});
  file.write(readme);
  file.commit();
  std::printf("wrote %s and %zu pictures\n", path.c_str(), found.pictures().size());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv,
      {.what = "Writes the course that goes with the exercises: computes its numbers, draws its pictures "
               "and quotes the ops it is about.",
       .example = "--out tools/lessons"},
      run);
}
