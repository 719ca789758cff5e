// What an attention remembers: with keys written once every kind does, with keys written again the delta rule alone.
#include "acceptance.h"
#include "catch.h"

namespace {

struct Retrieval {
  double right, blind, last, latest, overwritten;
  std::string score() const { return text("%.1f %%, latest value %.3f, overwritten %.3f", right, latest, overwritten); }
};
Retrieval retrieve(const std::string& attention, const std::string& task, int seed) {
  const Said said = train("train_retrieval", seed, "--attention " + attention + " --task " + task);
  return {said.after("answers right "), said.after("at best "), said.after("reads its value in "),
          said.after("the latest value with probability "), said.after("those before with ")};
}
// Softmax without positions and the sum rule know what was written, not what came last.
Baseline blind(const std::string& attention) {
  return {attention, [attention](int seed) {
            const Retrieval r = retrieve(attention, "overwriting", seed);
            const bool no_better = r.right <= 75 && r.right <= r.blind + 3.3;  // three deviations of 2,000 answers
            const bool learns = r.right >= r.blind - 10;
            return Outcome{r.score(), no_better && learns && r.overwritten >= 0.3};
          }};
}

}  // namespace

TEST_CASE("keys written again: the delta rule reads the latest value") {
  accept({.task = "retrieval, keys written again",
          .mechanism = "linear attention, delta rule",
          .threshold =
              "≥ 98 %, also of keys written last, latest ≥ 0.95, overwritten ≤ 0.02; others ≤ 75 %, overwritten ≥ 0.3",
          .steps = 400,
          .train =
              [](int seed) {
                const Retrieval r = retrieve("delta", "overwriting", seed);
                return Outcome{r.score(), r.right >= 98 && r.last >= 98 && r.latest >= 0.95 && r.overwritten <= 0.02};
              },
          .baselines = {blind("softmax"), blind("sum")}});
}

TEST_CASE("16 distinct keys of 32: every kind retrieves all") {
  for (const std::string attention : {"delta", "sum", "softmax"})
    accept({.task = "retrieval, 16 keys of 32",
            .mechanism = attention,
            .threshold = "≥ 98 %",
            .steps = 400,
            .train =
                [&](int seed) {
                  const Retrieval r = retrieve(attention, "distinct", seed);
                  return Outcome{text("%.1f %%", r.right), r.right >= 98 && r.last >= 98};
                },
            .baselines = {}});
}
