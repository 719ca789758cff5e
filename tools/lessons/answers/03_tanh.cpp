// 03  tanh, sigmoid and a gate: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {           // the forward pass is written there, and nowhere else
#include "../03_tanh.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// Each element of H is a product of two numbers; each factor's gradient is the other factor.
Tensor dG(const Tensor& Y, const Tensor& dH) { return dH * Y; }
Tensor dY(const Tensor& G, const Tensor& dH) { return dH * G; }

// tanh x = (e^x - e^-x) / (e^x + e^-x) is u / v with u' = v and v' = u: (v v - u u) / v^2 = 1 - tanh^2.
Tensor dX(const Tensor& Y, const Tensor& dY) { return dY * (1 - Y * Y); }

// sigmoid z = 1 / (1 + e^-z) has the derivative e^-z / (1 + e^-z)^2, and e^-z / (1 + e^-z) = 1 - sigmoid.
Tensor dZ(const Tensor& G, const Tensor& dG) { return dG * G * (1 - G); }

// ---- the exercise
}  // namespace

Exercise activations() {
  return {
      .file = "03_tanh",
      .title = "tanh, sigmoid and a gate",
      .cases = cases<task::Forward>({{3, 4}, {5, 2}, {4, 4}}, {{"H"}}),
      .parts =
          {
              {"dG",
               "dH * Y",
               {{"Y", "X", "X stands where Y = tanh(X) should: H was made of Y"},
                {"Y", "G", "G stands where Y should: the gradient of a factor is the other factor"},
                {"dH * Y", "dH", "the factor Y is missing"},
                {"* Y", "/ Y", "it is divided by Y"}}},
              {"dY",
               "dH * G",
               {{"G", "Z", "Z stands where G = sigmoid(Z) should: H was made of G"},
                {"G", "Y", "Y stands where G should: the gradient of a factor is the other factor"},
                {"dH * G", "dH", "the factor G is missing"},
                {"G", "(1 - G)", "1 - G passes what the gate held back"}}},
              {"dX",
               "dY * (1 - Y^2)",
               {{"Y^2", "X^2", "X stands where Y = tanh(X) should: tanh' is 1 - tanh(X)^2"},
                {"Y^2", "tanh(Y)^2", "tanh is applied twice: Y is tanh(X) already"},
                {"Y^2", "Y", "Y is not squared"},
                {"1 - Y^2", "1 + Y^2", "tanh' is 1 minus tanh^2"},
                {"1 - Y^2", "Y * (1 - Y)", "that is sigmoid's derivative"},
                {"dY * (1 - Y^2)", "1 - Y^2", "dY is missing: what comes back is multiplied by the derivative"},
                {"dY * (1 - Y^2)", "dY", "the derivative of tanh is missing"},
                {"dY *", "dY /", "it is divided by the derivative, as if forward had been the inverse of tanh"}}},
              {"dZ",
               "dG * G * (1 - G)",
               {{"G * (1 - G)", "Z * (1 - Z)", "Z stands where G = sigmoid(Z) should"},
                {"G * (1 - G)", "sigmoid(G) * (1 - sigmoid(G))", "sigmoid is applied twice: G is sigmoid(Z) already"},
                {"G * (1 - G)", "(1 - G^2)", "that is tanh's derivative"},
                {"G * (1 - G)", "G * (1 + G)", "sigmoid' is sigmoid times 1 minus sigmoid"},
                {"G * (1 - G)", "(1 - G)", "the factor G is missing"},
                {"G * (1 - G)", "G", "the factor 1 - G is missing"},
                {"dG * G", "G", "dG is missing: what comes back is multiplied by the derivative"}}},
          },
      .hints =
          {"All is element by element: no sum and no product of matrices anywhere.",
           "The gradient of a factor is what came back times the other factor. That of a function is what came back "
           "times its derivative.",
           "tanh' = 1 - tanh^2, and tanh of X is at hand: it is Y. sigmoid' = sigmoid (1 - sigmoid), and that is G."},
      .quotes = {{"ops/math.cpp", "TanhOp", {"d0"}}, {"ops/math.cpp", "SigmoidOp", {"d0"}}},
      .right = {{"dG(Y, dH)", dG}, {"dY(G, dH)", dY}, {"dX(Y, dY)", dX}, {"dZ(G, dG)", dZ}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
