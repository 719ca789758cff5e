// 01  The chain rule, with numbers: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {                 // the forward pass is written there, and nowhere else
#include "../01_chain_rule.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// L = e^2 has the derivative 2 e; dL = 1.
Tensor de(const Tensor& e) { return 2 * e; }

// r stands in e with a plus, t with a minus.
Tensor dr(const Tensor& de) { return de; }
Tensor dt(const Tensor& de) { return -de; }

// y stands in r with a plus, so dy = dr; then tanh'(z) = 1 - tanh(z)^2 = 1 - y^2.
Tensor dz(const Tensor& y, const Tensor& dr) { return dr * (1 - y * y); }

// A product changes with one factor as fast as the other factor says; a sum, as fast as its term.
Tensor dw(const Tensor& x, const Tensor& dz) { return dz * x; }
Tensor db(const Tensor& dz) { return dz; }

// Both ways of x, added: through z with w beside it, and around.
Tensor dx(const Tensor& w, const Tensor& dz, const Tensor& dr) { return dz * w + dr; }

// ---- the exercise
}  // namespace

Exercise chain_rule() {
  return {
      .file = "01_chain_rule",
      .title = "The chain rule, with numbers",
      .cases = cases<task::Forward>(5, {{"L"}}),
      .parts =
          {
              {"de",
               "2 e",
               {{"2 e", "e", "the 2 of the square is missing"},
                {"2 e", "e^2", "that is L itself, not how fast it changes"}}},
              {"dr", "de", {}},
              {"dt", "-de", {{"-de", "de", "t stands in e = r - t with a minus"}}},
              {"dz",
               "dr (1 - y^2)",
               {{"y^2", "z^2", "z stands where y = tanh(z) should: tanh' is 1 - tanh(z)^2"},
                {"1 - y^2", "1 - y", "y is not squared"},
                {"1 - y^2", "1 + y^2", "tanh' is 1 minus tanh^2"},
                {"1 - y^2", "y (1 - y)", "that is sigmoid's derivative, not tanh's"},
                {"dr (1 - y^2)", "1 - y^2",
                 "dr is missing: what comes back is multiplied by the step's own derivative"},
                {"dr (1 - y^2)", "dr", "the derivative of tanh is missing"}}},
              {"dw",
               "dz x",
               {{"x", "w", "w stands where x should: a product changes with w as fast as the other factor says"},
                {"dz x", "dz", "the factor x, which stands beside w, is missing"}}},
              {"db", "dz", {{"dz", "dz b", "b is not multiplied with anything in z: its factor is 1"}}},
              {"dx",
               "dz w + dr",
               {{"dz w + dr", "dz w", "the way around, r = y + x, is missing"},
                {"dz w + dr", "dr", "the way through z = w x + b is missing"},
                {"dz w", "dz x", "x stands where w should"},
                {"dz w", "dz", "the factor w, which stands beside x in z, is missing"},
                {"+ dr", "* dr", "the two ways are multiplied, but what comes back both ways is added"}}},
          },
      .hints = {"Begin with L = e^2: the derivative of a square. Then each step takes what the last one found.",
                "Every function is one product at most: what came back, times the step's own derivative. Only dx has "
                "two terms.",
                "dz = dr tanh'(z), and tanh'(z) = 1 - y^2. dx: through z comes dz times what stands beside x there, "
                "around comes dr."},
      .quotes = {{"ops/math.cpp", "TanhOp", {"d0"}}},
      .right = {{"de(e)", de},
                {"dr(de)", dr},
                {"dt(de)", dt},
                {"dz(y, dr)", dz},
                {"dw(x, dz)", dw},
                {"db(dz)", db},
                {"dx(w, dz, dr)", dx}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
