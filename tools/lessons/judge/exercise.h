#pragma once
// An exercise: its forward pass, what is asked for, how people get it wrong, and what helps.
#include <heed/core/grad.h>
#include <heed/core/mode.h>
#include <heed/core/reflect.h>
#include <heed/tools/lessons/lesson.h>
#include <functional>
#include "formula.h"

namespace heed::lessons {

// One set of random inputs. values has the sizes, all values X of the forward pass by name, and each one's gradient dX,
// by autograd.
struct Case {
  Values values;
  std::vector<std::string> sizes, inputs;  // names
};

// A known mistake: `find` in the right formula, and what people write instead (find empty: instead of all of it).
struct Mistake {
  std::string find, instead;
  std::string why;  // it is wrong: "the term -A * rowsum(A * dA) is missing"
};

using Mistakes = std::vector<Mistake>;
Mistakes operator+(Mistakes a, const Mistakes& b);
// Those that are made in more than one exercise, in formulas as exercises 04 (of y and dy), 06 and 07 have them.
Mistakes mistakes_in_softmax(const std::string& y, const std::string& dy);
Mistakes mistakes_in_layer_norm();
Mistakes mistakes_in_queries();
Mistakes mistakes_in_keys();

struct Part {  // a function that the learner writes
  std::string name;
  std::string formula;  // the right one
  Mistakes mistakes;
  std::string is = name;  // the formula, by values of the case, of what the right one is compared with
};

struct Quote {  // of heed's sources: members of a struct, with the comment above it, or without a type free functions
  std::string file, type;
  std::vector<std::string> members;
};

struct Exercise {
  std::string file;  // "07_attention": tools/lessons/07_attention.cpp, and of the same name in tools/lessons/answers
  std::string title;
  std::vector<Case> cases;  // of sizes that all differ, but for the last: there transposes fit
  std::vector<Part> parts;  // in the order in which they can be computed
  std::vector<std::string> hints;
  std::vector<Quote> quotes;  // what heed itself does
  Answers right;
  Answers unfilled;  // those of the exercise as it is handed out

  std::string number() const { return file.substr(0, 2); }
};

struct Output {  // of the forward pass, where the gradients come from
  std::string name, gradient = "d" + name;
};

namespace detail {
// The gradients of the tracked ones of `fields`, which were computed from each other; given ones at the outputs:
// random, or 1 for a number, which is a loss.
void pull_back(Case& to, const Values& fields, const std::vector<Output>& outputs);

// Forward{sizes..}, with inputs drawn by `seed`.
template <class Forward, std::size_t... I>
Case case_of(const int64_t* sizes, std::index_sequence<I...>, const std::vector<Output>& outputs,
             const Values& constants, uint64_t seed) {
  const Rng before = default_rng();
  heed::seed(seed);
  const Recording on(true);
  const Forward x{sizes[I]...};
  Case r{constants, {}, {}};
  Values fields;
  reflect::for_each_field(x, [&]<class T>(std::string_view name, const T& field) {
    if constexpr (std::is_same_v<T, Tensor>) {
      fields.emplace(name, field);
    } else {
      r.values.emplace(name, full({}, double(field), f64));
      r.sizes.emplace_back(name);
    }
  });
  pull_back(r, fields, outputs);
  default_rng() = before;
  return r;
}
}  // namespace detail

// cases<Forward>({{4, 5}, {5, 3}, {4, 4}}, {{"O"}}): a case for each list of sizes, which are Forward's first fields.
template <class Forward, std::size_t M, std::size_t N>
std::vector<Case> cases(const int64_t (&sizes)[M][N], const std::vector<Output>& outputs,
                        const Values& constants = {}) {
  std::vector<Case> r;
  for (const auto& s : sizes)
    r.push_back(detail::case_of<Forward>(s, std::make_index_sequence<N>{}, outputs, constants, uint64_t(r.size() + 1)));
  return r;
}
template <class Forward>
std::vector<Case> cases(uint64_t n, const std::vector<Output>& outputs) {  // of numbers, which have no size
  std::vector<Case> r;
  while (r.size() < n)
    r.push_back(detail::case_of<Forward>(nullptr, std::index_sequence<>{}, outputs, {}, uint64_t(r.size() + 1)));
  return r;
}

// ---- all of them, in tools/lessons/answers
Exercise chain_rule();
Exercise linear_layer();
Exercise activations();
Exercise softmax_rows();
Exercise cross_entropy_loss();
Exercise layer_norm_rows();
Exercise attention();
Exercise masked_attention();
Exercise multi_head_attention();
Exercise additive_attention();
Exercise lstm_cell();
Exercise residual_block();
Exercise flash_attention();
Exercise second_derivative();

const std::vector<Exercise>& exercises();  // in the order in which they are read
// By number or name, 07, 7 or attention. Error: there is none.
const Exercise& exercise(const std::string& name);

// Where what is quoted and copied stands.
std::string task_file(const Exercise& e);
std::string answers_file(const Exercise& e);
std::string quote(const Quote& q);               // with its line. FileError, Error: it does not stand there
std::string quoted_code(const Quote& q);         // alone
std::string derivation(const Exercise& e);       // as answers_file says it, to be pasted
std::string read_text(const std::string& path);  // FileError: it is not there

}  // namespace heed::lessons
