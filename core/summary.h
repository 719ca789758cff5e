#pragma once
// What a model is made of, and what a call of it costs.
#include "tree.h"

namespace heed {

namespace detail {
std::string summary_text(const Parameters& all);
}

// A line per tensor that is saved: path, shape, trained, frozen or state, elements.
template <class M>
std::string summary(const M& model) {
  return detail::summary_text(state(model));
}

struct Summary {
  struct Row {                         // a module and all that is inside it
    std::string path, type;            // the path of the model itself is ""
    int depth = 0;                     // in how many modules it stands
    std::optional<Shape> output = {};  // of the last op in it that has a history; absent: no op ran in it
    int64_t parameters = 0;            // elements; tied ones count where they come first
    int64_t multiply_adds = 0;         // of matmul, linear, convolutions, attention (of all pairs) ..
    int64_t remembered = 0;            // bytes of results that the graph keeps for the gradient, each storage once
  };
  std::vector<Row> rows;  // in declaration order; the first is the whole model
  int64_t trained = 0;    // of its parameters
  int64_t bytes = 0;      // of its parameters
  std::string str() const;
};
template <TextStream S>
S& operator<<(S& s, const Summary& x) {
  s << x.str();
  return s;
}

namespace detail {
Summary summarize(const std::vector<ModulePath>& modules, const Parameters& all, FunctionRef<void()> call);
template <class M>
Summary summarize(const M& model, FunctionRef<void()> call) {
  return summarize(modules(model), state(model), call);
}
}  // namespace detail

// Calls model(x...) once, recorded, and says what each module of it did. Given a generator it is a training step's
// forward pass, running statistics included.
template <class M, class... More>
Summary summary(const M& model, In x, const More&... more) {
  return detail::summarize(model, [&] {
    Scope here{x};
    (void)model(x, more...);
  });
}
// The same for a model whose first argument is no tensor, and for any other use of it:
//   summary(model, [&] { return model(x, {.causal = Causal::on}); })
template <class M, class First, class... More>
requires(!std::is_convertible_v<const First&, In>) Summary
    summary(const M& model, const First& first, const More&... more) {
  return detail::summarize(model, [&] {
    if constexpr (std::is_invocable_v<const First&>) (void)first();
    else (void)model(first, more...);
  });
}

}  // namespace heed
