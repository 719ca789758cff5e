#include "anomaly.h"
#include <cmath>

namespace heed {
namespace {

// The place, in row order, of the first element that the test holds for; -1: there is none.
template <class Test>
int64_t find(const Tensor& x, Test test) {
  if (!x.defined() || !floating(x.dtype())) return -1;
  const Array values = x.array().contiguous();
  return visit_dtype(x.dtype(), [&]<class T>(T) -> int64_t {
    const T* p = values.data<T>();
    for (int64_t i = 0; i < values.numel(); ++i)
      if (test(double(p[i]))) return i;
    return -1;
  });
}
bool is_nan(double v) { return std::isnan(v); }
bool is_infinite(double v) { return std::isinf(v); }
bool is_bad(double v) { return !std::isfinite(v); }

template <class Test>
bool given(const Event& e, Test test) {
  for (const Tensor* x : e.inputs)
    if (find(*x, test) >= 0) return true;
  return false;
}

std::string place(int64_t i, const Shape& s) {
  if (s.rank() == 0) return "";
  Shape at = s;
  for (int d = s.rank() - 1; d >= 0; i /= s[d--]) at[d] = i % s[d];
  return " at " + at.str() + " of " + s.str();
}

}  // namespace

void check_finite(const Event& e, FunctionRef<std::string()> module_path) {
  if (!e.backward && mode.in_rule) return;  // the gradient that this op is a part of will be looked at
  for (std::size_t k = 0; k < e.outputs.size(); ++k) {
    const Tensor& y = e.outputs[k];
    int64_t i = find(y, is_bad);
    if (i < 0) continue;
    if (given(e, is_infinite)) i = find(y, is_nan);
    if (i < 0) continue;
    const double value = y.array().contiguous().cast(f64).data<double>()[i];
    std::string text = e.backward ? "the gradient of its input " : "its output ";
    if (e.backward || e.outputs.size() > 1) text += std::to_string(k) + " ";
    text += std::string("is ") + (std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf") + place(i, y.shape());
    if (const std::string path = module_path(); !path.empty()) text += ", in " + path;
    if (given(e, is_nan)) text += e.backward ? "; that of its output has nan already" : "; its input has nan already";
    if (e.backward) fail<GradError>(e.at, e.op, text);
    fail<Error>(e.at, e.op, text);
  }
}

}  // namespace heed
