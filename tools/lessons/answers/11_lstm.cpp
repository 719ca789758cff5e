// 11  An LSTM cell: the derivation, the known mistakes, the hints.
#include <heed/tools/lessons/judge/exercise.h>

namespace heed::lessons {
namespace {

namespace task {           // the forward pass is written there, and nowhere else
#include "../11_lstm.cpp"  // NOLINT(bugprone-suspicious-include)
}

// ---- the derivation
// H1 = O * tanh(C1): each factor's gradient is the other; tanh(C1) goes on through its derivative. C1 is used twice,
// and what the next step sends back for it is added.
Tensor dO(const Tensor& C1, const Tensor& dH1) { return dH1 * tanh(C1); }
Tensor dC1(const Tensor& O, const Tensor& C1, const Tensor& dH1, const Tensor& dNext) {
  return dNext + dH1 * O * (1 - square(tanh(C1)));
}

// C1 = F * C + I * G: four factors. dC is dC1 times a gate and nothing else: no matrix, no derivative of a tanh. Where
// the gates stay open, it passes hundreds of steps nearly as it is, while the product of the F stays near 1.
Tensor dF(const Tensor& C, const Tensor& dC1) { return dC1 * C; }
Tensor dI(const Tensor& G, const Tensor& dC1) { return dC1 * G; }
Tensor dG(const Tensor& I, const Tensor& dC1) { return dC1 * I; }
Tensor dC(const Tensor& F, const Tensor& dC1) { return dC1 * F; }

// Three sigmoids and a tanh (lesson 03), side by side as their inputs were.
Tensor dZ(const Tensor& I, const Tensor& F, const Tensor& G, const Tensor& O, const Tensor& dI, const Tensor& dF,
          const Tensor& dG, const Tensor& dO) {
  return concat({dI * I * (1 - I), dF * F * (1 - F), dG * (1 - G * G), dO * O * (1 - O)}, -1);
}

// Lesson 02.
Tensor dU(const Tensor& H, const Tensor& dZ) { return matmul(transpose(dZ), H); }
Tensor dH(const Tensor& U, const Tensor& dZ) { return matmul(dZ, U); }
Tensor db(const Tensor& dZ) { return sum(dZ, 0); }

// ---- the exercise
}  // namespace

Exercise lstm_cell() {
  return {
      .file = "11_lstm",
      .title = "An LSTM cell",
      .cases = cases<task::Forward>({{3, 4, 2}, {2, 3, 4}, {3, 3, 3}}, {{"H1"}, {"C1", "dNext"}}),
      .parts =
          {
              {"dO",
               "dH1 * tanh(C1)",
               {{"tanh(C1)", "C1", "tanh is missing: the state shows tanh(C1)"},
                {"tanh(C1)", "(1 - tanh(C1)^2)",
                 "the derivative of tanh stands where its value should: O multiplies tanh(C1)"},
                {"tanh(C1)", "tanh(tanh(C1))", "tanh is applied twice"},
                {"", "dH1 * tanh(C1) * O * (1 - O)",
                 "the derivative of O's sigmoid is there already: it belongs to dZ"},
                {"tanh(C1)", "tanh(C)", "the old cell stands where the new one should"},
                {"tanh(C1)", "H1", "H1 stands where tanh(C1) should: O is in it already"}}},
              {"dC1",
               "dNext + dH1 * O * (1 - tanh(C1)^2)",
               {{"dNext +", "", "the way to the next step is missing: C1 is used twice"},
                {"+ dH1 * O * (1 - tanh(C1)^2)", "", "the way through H1 is missing: C1 is used twice"},
                {"", "(dNext + dH1) * O * (1 - tanh(C1)^2)",
                 "dNext is multiplied, too: it comes to C1 as it is, not through H1"},
                {"tanh(C1)^2", "tanh(C1)", "tanh(C1) is not squared"},
                {"tanh(C1)^2", "tanh(tanh(C1))^2", "tanh is applied twice"},
                {"tanh(C1)^2", "C1^2", "C1 stands where tanh(C1) should: tanh' is 1 - tanh^2"},
                {"tanh(C1)^2", "H1^2", "H1 stands where tanh(C1) should: O is in it already"},
                {"* O", "", "the factor O is missing"},
                {"(1 - tanh(C1)^2)", "tanh(C1)", "tanh stands where its derivative should"},
                {"* (1 - tanh(C1)^2)", "", "the derivative of tanh is missing"}}},
              {"dF",
               "dC1 * C",
               {{"C", "C1", "the new cell stands where the old one should: F multiplies C"},
                {"C", "F", "F stands where C should: the gradient of a factor is the other factor"},
                {"", "dC1 * C * F * (1 - F)", "the derivative of F's sigmoid is there already: it belongs to dZ"},
                {"* C", "", "the factor C is missing"}}},
              {"dI",
               "dC1 * G",
               {{"G", "I", "I stands where G should: the gradient of a factor is the other factor"},
                {"G", "C", "C stands where G should: I multiplies the candidate"},
                {"", "dC1 * G * (1 - G)",
                 "1 - G is too much: I multiplies G, and a sigmoid's derivative belongs to dZ"},
                {"", "dC1 * G * I * (1 - I)", "the derivative of I's sigmoid is there already: it belongs to dZ"},
                {"* G", "", "the factor G is missing"}}},
              {"dG",
               "dC1 * I",
               {{"I", "F", "the forget gate stands where the input gate should"},
                {"I", "O", "the output gate stands where the input gate should"},
                {"I", "G", "G stands where I should: the gradient of a factor is the other factor"},
                {"", "dC1 * I * I", "the factor I is there twice"},
                {"", "dC1 * I * (1 - G^2)", "the derivative of G's tanh is there already: it belongs to dZ"},
                {"* I", "", "the factor I is missing"}}},
              {"dC",
               "dC1 * F",
               {{"F", "I", "the input gate stands where the forget gate should"},
                {"* F", "", "the factor F is missing: the old cell was multiplied by it"},
                {"dC1", "dNext", "dNext stands where dC1 should: the way through H1 is missing"}}},
              {"dZ",
               "concat(dI * I * (1 - I), dF * F * (1 - F), dG * (1 - G^2), dO * O * (1 - O))",
               {{"dG * (1 - G^2)", "dG * G * (1 - G)", "the candidate has a sigmoid's derivative: it is a tanh"},
                {"1 - G^2", "1 - G", "G is not squared"},
                {"dI * I * (1 - I)", "dI * (1 - I^2)", "the input gate has a tanh's derivative: it is a sigmoid"},
                {"dF * F * (1 - F)", "dF * (1 - F^2)", "the forget gate has a tanh's derivative: it is a sigmoid"},
                {"dO * O * (1 - O)", "dO * (1 - O^2)", "the output gate has a tanh's derivative: it is a sigmoid"},
                {"dI * I * (1 - I)", "dI", "the derivative of the input gate's sigmoid is missing"},
                {"dF * F * (1 - F)", "dF", "the derivative of the forget gate's sigmoid is missing"},
                {"dO * O * (1 - O)", "dO", "the derivative of the output gate's sigmoid is missing"},
                {"dG * (1 - G^2)", "dG", "the derivative of the candidate's tanh is missing"},
                {"", "concat(dI, dF, dG, dO)", "the derivatives of all gates are missing"},
                {"", "concat(dI * (1 - I), dF * (1 - F), dG * (1 - G^2), dO * (1 - O))",
                 "the gates themselves are missing: sigmoid' is sigmoid (1 - sigmoid)"},
                {"", "concat(dI * I, dF * F, dG * (1 - G^2), dO * O)",
                 "the factors 1 - gate are missing: sigmoid' is sigmoid (1 - sigmoid)"},
                {"",
                 "concat(dI * sigmoid(I) * (1 - sigmoid(I)), dF * sigmoid(F) * (1 - sigmoid(F)), dG * (1 - tanh(G)^2), "
                 "dO * sigmoid(O) * (1 - sigmoid(O)))",
                 "sigmoid and tanh are applied twice: the gates are sigmoids already"},
                {"dG * (1 - G^2), dO * O * (1 - O)", "dO * O * (1 - O), dG * (1 - G^2)",
                 "the blocks are in another order: it is i, f, g, o"},
                {"dI * I * (1 - I), dF * F * (1 - F)", "dF * F * (1 - F), dI * I * (1 - I)",
                 "the blocks are in another order: it is i, f, g, o"}}},
              {"dU",
               "dZ^T H",
               {{"", "H^T dZ", "it is transposed: row i of dU belongs to column i of Z"},
                {"H", "H1", "the new state stands where the old one should"},
                {"H", "X", "X stands where H should: U multiplies the state"}}},
              {"dH",
               "dZ U",
               {{"U", "W", "W stands where U should: it multiplies X"}, {"dZ U", "U^T dZ^T", "it is transposed"}}},
              {"db",
               "colsum(dZ)",
               {{"colsum(dZ)", "dZ", "the sum over the batch is missing: b was copied to each of its rows"},
                {"colsum", "colmean", "it is a mean over the batch: each copy of b counts in full"},
                {"colsum(dZ)", "sum(dZ, 1)",
                 "the sum is along the rows: b was copied to every row, so it is over the rows"}}},
          },
      .hints = {"From the end: H1 = O * tanh(C1) gives dO and a part of dC1. The other part of dC1 came from the next "
                "step: dNext.",
                "C1 = F * C + I * G: the gradient of each factor is dC1 times the other one.",
                "dZ: each block is what came back to its gate, times sigmoid' = gate (1 - gate), or tanh' = 1 - G^2 "
                "for the candidate."},
      .quotes = {{"ops/recurrent.cpp", "LstmStep", {"ops"}}},
      .right = {{"dO(C1, dH1)", dO},
                {"dC1(O, C1, dH1, dNext)", dC1},
                {"dF(C, dC1)", dF},
                {"dI(G, dC1)", dI},
                {"dG(I, dC1)", dG},
                {"dC(F, dC1)", dC},
                {"dZ(I, F, G, O, dI, dF, dG, dO)", dZ},
                {"dU(H, dZ)", dU},
                {"dH(U, dZ)", dH},
                {"db(dZ)", db}},
      .unfilled = task::answers,
  };
}

}  // namespace heed::lessons
