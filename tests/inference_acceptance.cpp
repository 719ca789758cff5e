// Inference: words are compared with those they are aligned to. Not asserted: a weight of 0.8 from a noun to the noun
// it is to be compared with, which is 0.06 to 0.3. The two are always of one family, so it is enough to know how
// general each of them is, wherever it stands; the same word must be found. Nor that all is lost where nothing is
// aligned from the start (--attention none): a net that sums the words of both sentences learns so few by heart,
// to 98.9 %.
#include "acceptance.h"
#include "catch.h"

TEST_CASE("inference by alignment: the same words are aligned, and nothing is left without it") {
  accept({.task = "inference",
          .mechanism = "decomposable attention",
          .threshold = "≥ 97 %, on the same word ≥ 0.8, made even ≤ 45 %; bag of words ≤ 60 %",
          .steps = 2000,
          .train =
              [](int seed) {
                const Said said = train("train_inference", seed);
                const double right = said.after("labels right "), same = said.after("weight on the same word "),
                             even = said.after("with even weights instead ");
                return Outcome{text("%.1f %%, on the same word %.2f, made even %.1f %%", right, same, even),
                               right >= 97 && same >= 0.8 && even <= 45};
              },
          .baselines = {{"linear bag of words", [](int seed) {
                           const double right =
                               train("train_inference", seed, "--attention bag").after("labels right ");
                           return Outcome{text("%.1f %%", right), right <= 60};
                         }}}});
}
