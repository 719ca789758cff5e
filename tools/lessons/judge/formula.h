#pragma once
// Formulas as people write them, "A * (dA - rowsum(A * dA))": what is shown to the learner is what is computed.
#include <heed/core/tensor.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace heed::lessons {

using Values = std::map<std::string, Tensor>;  // by name; sizes and constants have no dimensions

// + - * / are elementwise and broadcast; names side by side are multiplied as matrices (a number beside one scales it);
// ^T swaps the last two dimensions, ^2 squares each element. Functions: formula.cpp, functions().
struct Formula {
  enum Kind { number, name, call, sum, product, chain, transposed, squared } kind = number;
  std::string text;            // of a number, a name or the function called
  std::string signs;           // of each part: + - of a sum, * / of a product
  std::vector<Formula> parts;  // in a chain: factors
  double weight = 1;           // times what is written

  explicit Formula(std::string_view text);  // Error: it cannot be read
  Formula(Kind k, std::string t, std::vector<Formula> p = {}) : kind(k), text(std::move(t)), parts(std::move(p)) {}

  Tensor value(const Values& v) const;  // Error: shapes do not fit, or there is no such name
  std::string str() const;              // with no more parentheses than needed
};

std::string short_text(double v);  // of a coefficient, with 6 digits

std::vector<Formula*> nodes(Formula& f);    // all of it, itself first; of a copy in the same order
std::vector<Formula*> addends(Formula& f);  // itself, then what is added or subtracted anywhere inside

// `find` in `formula`, wherever it stands, replaced; all of it where `find` is empty; "" where it does not stand. Names
// are compared whole: A is not found in dA.
std::string replaced(std::string_view formula, std::string_view find, std::string_view by);

}  // namespace heed::lessons
