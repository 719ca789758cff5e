#pragma once
// Are the gradients of a function right? They are compared, element by element, with differences of the function itself
// in float64, extrapolated to a step of zero, each with a bound on its own error. What holds of all gradients is
// checked besides: they are linear in the output gradients (so zero where those are), the same bits when computed
// again, overwrite nothing and keep no memory (other threads should take none meanwhile).
//
//   gradcheck([](const Tensor& a, const Tensor& b) { return a * exp(b); }, {a, b})
//   gradcheck(MyOp{}, {a, b})                      an op struct
//   gradcheck(model, {x})                          a module: its inputs and all its parameters
//   gradcheck(model, {x}, {.fast = true})          not every element, but random sums of them
//   if (auto report = gradcheck(...); !report) fail(report.str())
#include "grad.h"
#include "op.h"

namespace heed {

// fast is for large inputs and outputs. A probe moves all elements of one input, or parameter, at once, each up or down
// by chance; if there are no more elements than probes, one of them. The slope of every single output is then a signed
// sum along its row of the Jacobian J. It is compared, within its own bound, with J u as the rules have it, and their
// sum, weighted with random signs v, with what the kernels give: <v, J u> = <J^T v, u>. Where they disagree, halving
// names output and input, with log2 of their numbers more slopes. J u is the gradient of the rules' J^T v by v: what
// the rules say, right or wrong, as long as they are linear in v. Where they are not, or cut v's history, that is what
// is reported. Not seen are errors in one row that cancel in all probes, as two of one size do with a chance of
// 2^-probes; errors below the bound of their row, as in one with entries 1e12 times larger; and a wrong choice between
// slopes where corners of several elements meet.
struct GradcheckOptions {
  int order = 1;                        // 2: the second derivatives too, those by the output gradients among them
  std::vector<std::string> names = {};  // of the inputs, for the report
  bool jumps = false;                   // f is known to jump: where it does, there is no gradient to be wrong
  uint64_t seed = 1;                    // of the output gradients and probes
  bool fast = false;                    // random sums of elements, not each
  int probes = 8;                       // of the fast check, for each input
  int threads = 0;  // if more than 1: the same bits as with 1? It is set for the whole process: let nothing else run
};

struct GradcheckReport {
  enum Verdict {
    pass,          // within 4 bounds of the numeric gradient
    kink,          // f has a corner here, and the gradient lies between the slopes on both sides
    inconclusive,  // the bound exceeds 1e-6 of the largest gradient of this input; if fast, 1e-6 of what an entry of
                   // the output's largest row is if all are of one size: nothing was shown
    fail
  };
  struct Finding {
    Verdict verdict = pass;
    int order = 1;
    std::string input;  // its name, or the path of a parameter
    std::vector<int64_t> index;
    int output = -1;                    // of a fast check: which output, and which element of it; index is empty where
    std::vector<int64_t> output_index;  // all of the input was moved
    double analytic = 0, numeric = 0;
    double bound = 0;           // what numeric may be wrong by
    bool create_graph = false;  // the gradient taken with create_graph, where that differs
    std::string note;
  };
  struct Tally {
    int64_t passed = 0, kinks = 0, inconclusive = 0, failed = 0;  // elements, or slopes of a fast check
    double worst_error = 0;        // |analytic - numeric| / largest gradient of its input
    double worst_bound = 0;        // likewise
    double certified_digits = 15;  // -log10 of the worst error + bound, likewise
  };

  bool ok = true;  // everything passed or is an accepted kink
  Tally total;
  std::vector<Tally> orders;          // first, second
  std::vector<Finding> worst;         // at most five, the worst first
  std::vector<std::string> problems;  // what is wrong with more than one element
  std::string op;                     // that gave the output
  Where at;                           // its line
  uint64_t seed = 0;
  int probes = 0;  // of a fast check

  explicit operator bool() const { return ok; }
  std::string str() const;  // for a person
};

namespace detail {
using Checked = FunctionRef<std::vector<Tensor>(const std::vector<Tensor>&)>;
GradcheckReport gradcheck(Checked f, const std::vector<Tensor>& inputs, const Parameters& parameters,
                          const GradcheckOptions& options, Where at);

struct Leaves {  // what f is called with in a check, and which of it moves: private float64 leaves, then the parameters
  std::vector<Tensor> inputs, variables;
  std::vector<std::string> names;  // of the variables
  // GradError naming `check`: nothing moves.
  Leaves(const std::vector<Tensor>& given, const Parameters& parameters, const std::vector<std::string>& input_names,
         const char* check, Where at);
};
// If checking found wrong gradients, the first wrong node is one more problem of the report.
void add_wrong_node(GradcheckReport& report, Checked f, const std::vector<Tensor>& inputs, const Parameters& parameters,
                    const std::vector<ModulePath>& modules, const GradcheckOptions& options);
[[noreturn]] void fail_arity(std::size_t given, Where at);
void check_order(const char* check, int order, Where at);  // Error unless 1 or 2

template <class Op>
concept OpStruct = requires {
  Op::name;
  &Op::forward;
};
template <class M>
concept Walkable = reflect::Plain<M> || Listed<M>;

template <class Op>
std::vector<Tensor> call_op(const Op& op, const std::vector<Tensor>& x, Where at) {
  if (!Declared<Op>::list && x.size() != std::size_t(Declared<Op>::arity)) fail_arity(x.size(), at);
  return apply_to(at, op, x);
}

template <class F, std::size_t... I>
concept Takes = requires(F& f, const std::vector<Tensor>& x) {
  as_list(f(x[I]...));
};
// As an argument from the line of the check: ops that pass it on name that line, a model's own ops theirs.
inline In passed(const Tensor& t, Where at) { return {t, at.file, at.line}; }
inline const std::vector<Tensor>& passed(const std::vector<Tensor>& list, Where) { return list; }
template <class F>
struct CalledFrom {
  const F& f;
  Where at;
  template <class... T>
  auto operator()(const T&... x) const -> decltype(f(passed(x, at)...)) {
    return f(passed(x, at)...);
  }
};
// f of as many tensors as there are, or of the list of them.
template <class F, std::size_t... I>
std::vector<Tensor> call(F& f, const std::vector<Tensor>& x, Where at, std::index_sequence<I...>) {
  if constexpr (Takes<F, I...>)
    if (x.size() == sizeof...(I)) return as_list(f(x[I]...));
  if constexpr (sizeof...(I) < 8) return call(f, x, at, std::make_index_sequence<sizeof...(I) + 1>{});
  else if constexpr (requires { as_list(f(x)); }) return as_list(f(x));
  else fail_arity(x.size(), at);
}

// then(function of a list of tensors, parameters, modules), for whatever f is.
template <class F, class Then>
auto as_checked(const F& f, Where at, Then then) {
  if constexpr (OpStruct<F>) {
    auto values = [&](const std::vector<Tensor>& x) { return call_op(f, x, at); };
    return then(Checked(values), Parameters{}, std::vector<ModulePath>{});
  } else if constexpr (Walkable<F>) {
    const F copy = cast(f, f64);
    auto values = [&](const std::vector<Tensor>& x) {
      const CalledFrom<F> called{copy, at};
      return call(called, x, at, std::index_sequence<0>{});
    };
    return then(Checked(values), parameters(copy), modules(copy));
  } else {
    auto values = [&](const std::vector<Tensor>& x) { return call(f, x, at, std::index_sequence<0>{}); };
    return then(Checked(values), Parameters{}, std::vector<ModulePath>{});
  }
}
}  // namespace detail

// f: of up to 8 tensors or of a std::vector of them, giving a Tensor, or a vector or array of them. Floating inputs are
// checked, as float64 copies; i64, boolean and undefined ones are passed on. A module is checked as its float64 copy,
// called with the inputs. All outputs are contracted with random output gradients.
// Errors: no input is floating, an order but 1 and 2, no probes, f takes another number of them, or f gives nothing
// floating.
template <class F>
GradcheckReport gradcheck(const F& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {},
                          Where at = Where::here()) {
  return detail::as_checked(
      f, at, [&](detail::Checked values, const Parameters& parameters, const std::vector<ModulePath>& modules) {
        GradcheckReport r = detail::gradcheck(values, inputs, parameters, options, at);
        detail::add_wrong_node(r, values, inputs, parameters, modules, options);
        return r;
      });
}

}  // namespace heed
