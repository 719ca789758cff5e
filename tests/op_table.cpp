#include "op_table.h"
#include <algorithm>
#include <cmath>
#include "op_rows.h"

namespace heed {

const std::vector<OpRow>& op_table() {
  static const std::vector<OpRow> table = [] {
    std::vector<OpRow> r;
    for (auto rows :
         {elementwise_rows, reduction_rows, shape_rows, index_rows, product_rows, normalising_rows, window_rows,
          loss_rows, random_rows, attention_rows, linear_attention_rows, recurrent_rows, position_rows, core_rows})
      for (OpRow& row : rows()) r.push_back(std::move(row));
    return r;
  }();
  return table;
}

std::vector<Shape> shapes_of(const OpRow& row) {
  std::vector<Shape> r;
  for (const OpInput& x : row.inputs) r.push_back(x.shape);
  return r;
}

std::vector<Shape> with_length(const OpRow& row, int64_t n) {
  std::vector<Shape> r = shapes_of(row);
  const int64_t length = r[0][-1];
  for (Shape& s : r)
    if (s.rank() && s[-1] == length) s[-1] = n;
  return r;
}

namespace {

Tensor make_input(const OpInput& x, const Shape& shape, uint64_t key, Dtype t) {
  std::vector<double> v(std::size_t(shape.numel()));
  const auto n = double(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double u = unit(key, i);
    switch (x.kind) {
      case OpInput::normal:
        v[i] = gaussian(key, i);
        break;
      case OpInput::positive:
        v[i] = 0.5 + 1.5 * u;
        break;
      case OpInput::distinct:
        v[i] = 0.1 * (double(i) - n / 2) + 0.01;
        break;
      case OpInput::few:
        v[i] = std::floor(3 * u);
        break;
      case OpInput::truth:
        v[i] = u < 0.6;
        break;
      case OpInput::index:
        v[i] = std::floor(u * double(x.below));
        break;
    }
  }
  if (x.kind == OpInput::distinct)  // shuffled (Fisher and Yates)
    for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[scramble(key, i) % i]);
  if (!x.values.empty() && shape == x.shape) v = x.values;
  return tensor(v, shape, x.kind == OpInput::truth ? boolean : x.kind == OpInput::index ? i64 : t);
}

}  // namespace

std::vector<Tensor> make_inputs(const OpRow& row, const std::vector<Shape>& shapes, Dtype t) {
  std::vector<Tensor> r;
  for (std::size_t i = 0; i < shapes.size(); ++i) r.push_back(make_input(row.inputs[i], shapes[i], 100 + i, t));
  return r;
}

std::vector<GradcheckReport> gradcheck_row(const OpRow& row) {
  std::vector<GradcheckReport> r;
  if (row.order == 0) return r;
  auto check = [&](const std::vector<Tensor>& x, int order) {
    r.push_back(gradcheck(row.f.call, x, {.order = order}));
    r.back().op = row.title();
    for (const Tensor& t : x) r.back().op += " " + t.shape().str();
  };
  check(make_inputs(row, shapes_of(row), f64), row.order);
  for (const std::vector<Shape>& shapes : row.also) check(make_inputs(row, shapes, f64), row.order);
  for (double at : row.kinks) {
    std::vector<Tensor> x = make_inputs(row, shapes_of(row), f64);
    x[0] = full(x[0].shape(), at, f64);
    check(x, 1);  // the gradient jumps there
  }
  return r;
}

bool certified(const GradcheckReport& r) {
  return r && r.orders[0].certified_digits >= 9 && r.orders.back().certified_digits >= 7;
}

}  // namespace heed
