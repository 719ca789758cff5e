#include "kernels/pool.h"
#include <limits>
#include "../core/op.h"
#include "checks.h"
#include "kernels/map.h"
#include "window.h"

namespace heed {
namespace {

// run(i) for plane number i of [.., H, W]; a plane takes `work` steps.
template <class F>
void for_each_plane(const Shape& x, int64_t work, F&& run) {
  parallel_for(x.with(-1, 1).with(-2, 1).numel(), kernels::rows_per_task(work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) run(i);
  });
}

void check_planes(const char* op, Where at, const In& x) {
  check_floating(op, at, x);
  if (x->dim() < 2) fail<ShapeError>(at, op, "the input must be [.., H, W], not " + x->shape().str());
}

Windows checked_windows(const char* op, Where at, const Shape& x, Pair kernel, Pair stride, Pair padding, Pair dilation,
                        bool ceil) {
  Windows windows;
  const bool strided = stride[0] || stride[1];
  for (int i = 0; i < 2; ++i) {
    const auto d = std::size_t(i);
    const int64_t step = strided ? stride[d] : kernel[d];
    Window& w = windows[d];
    w = checked_window(op, at, x, x.rank() - 2 + i, {0, kernel[d], step, padding[d], dilation[d]}, ceil);
    if (2 * w.padding > w.extent())
      fail<Error>(at, op,
                  "a padding of " + std::to_string(w.padding) + " is more than half of the kernel's " +
                      std::to_string(w.extent()));
    for (int64_t place = 0; place < w.count && w.start(place) < 0; ++place)
      if (w.start(place) + (w.dilation - 1 - w.start(place)) / w.dilation * w.dilation >= w.length)
        fail<ShapeError>(at, op, "a window holds nothing of " + x.str() + " but padding");
  }
  return windows;
}

}  // namespace

// The first maximum of every window, and its place in the plane      x [.., H, W]
struct MaxPool {
  static constexpr auto name = "max_pool2d";
  Windows windows;
  Shape from;

  int64_t plane() const { return windows[0].length * windows[1].length; }
  struct Inside {  // of the window at a place: the first value of the plane, and how many there are
    int64_t first, count;
  };
  static std::vector<Inside> inside(const Window& w) {
    std::vector<Inside> r;
    for (int64_t place = 0; place < w.count; ++place) {
      const int64_t start = w.start(place), before = start < 0 ? ceil_div(-start, w.dilation) : 0;
      const int64_t end = std::min(w.size, ceil_div(w.length - start, w.dilation));
      r.push_back({start + before * w.dilation, end - before});
    }
    return r;
  }
  Shape to() const { return from.with(-2, windows[0].count).with(-1, windows[1].count); }

  std::array<Tensor, 2> definition(const Tensor& x) const {
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const auto [height, width] = std::pair(windows[0].length, windows[1].length);
    auto patches = [&](const Tensor& t, double outside) {  // [planes, h, w, kh kw]
      const Tensor p = windowed(windowed(t, 1, windows[0], outside), 2, windows[1], outside);
      return reshape(p, {p.size(0), p.size(1), p.size(2), p.size(3) * p.size(4)});
    };
    const Tensor values = patches(reshape(x, {x.numel() / plane(), height, width}), nothing);
    const Tensor places = expand(patches(reshape(arange(plane()), {1, height, width}), -1), values.shape());
    const Tensor found = stop_gradient(values), inside = cast(places >= 0, f32);
    const Tensor best =
        where(max(found, -1, keepdim) == nothing, argmax(inside, -1, keepdim), argmax(found, -1, keepdim));
    return {reshape(gather(values, -1, best), to()), reshape(gather(places, -1, best), to())};
  }

  std::array<Array, 2> forward(const Array& x) const {
    const Array in = x.contiguous();
    Array y(to(), x.dtype()), index(to(), i64);
    const Window &down = windows[0], &along = windows[1];
    const int64_t n = places(windows);
    // The places whose windows are whole along the width come together, the others one by one.
    const int64_t low = std::min(along.count, ceil_div(along.padding, along.stride));
    const int64_t high =
        std::clamp((along.length + along.padding - along.extent() + along.stride) / along.stride, low, along.count);
    const std::vector<Inside> rows = inside(down), columns = inside(along);
    visit_floating(x.dtype(), [&]<class T>(T) {
      for_each_plane(from, n * down.size * along.size, [&](int64_t i) {
        for (int64_t row = 0; row < down.count; ++row) {
          const Inside r = rows[std::size_t(row)];
          auto pool = [&](int64_t place, int64_t count) {
            const Inside c = columns[std::size_t(place)];
            const int64_t at = i * n + row * along.count + place;
            kernels::max_pool<T>(
                in.data<T>() + i * plane(),
                {r.first * along.length + c.first, r.count, down.dilation * along.length, c.count, along.dilation},
                along.stride, count, y.mutable_data<T>() + at, index.mutable_data<int64_t>() + at);
          };
          for (int64_t place = 0; place < low; ++place) pool(place, 1);
          if (low < high) pool(low, high - low);
          for (int64_t place = high; place < along.count; ++place) pool(place, 1);
        }
      });
    });
    return {y, index};
  }

  Tensor d0(Grad g, OutputOf<1> index) const {
    auto flat = [&](const Tensor& t, int64_t n) { return reshape(t, {from.numel() / plane(), n}); };
    const Tensor zero = zeros({from.numel() / plane(), plane()}, g.dtype());
    return reshape(scatter_add(zero, -1, flat(index, places(windows)), flat(g, places(windows))), from);
  }
  Array backward(Grad g, OutputOf<1> index) const {
    const Array up = g.array().contiguous();
    Array dx(from, g.dtype());
    visit_floating(g.dtype(), [&]<class T>(T) {
      const int64_t n = places(windows);
      for_each_plane(from, plane(), [&](int64_t i) {
        const T* q = up.data<T>() + i * n;
        const int64_t* at = index.array().data<int64_t>() + i * n;
        T* p = dx.mutable_data<T>() + i * plane();
        std::fill_n(p, plane(), T(0));
        for (int64_t k = 0; k < n; ++k) p[at[k]] += q[k];
      });
    });
    return dx;
  }
};

Tensor max_pool2d(In x, Pair kernel, const MaxPoolOptions& options) {
  const Where at = line_of(x);
  check_planes(MaxPool::name, at, x);
  if (x->size(-2) > 0 && x->size(-1) > std::numeric_limits<int32_t>::max() / x->size(-2))
    fail<ShapeError>(at, MaxPool::name, "the planes of " + x->shape().str() + " have more than 2^31 elements");
  const Windows windows = checked_windows(MaxPool::name, at, x->shape(), kernel, options.stride, options.padding,
                                          options.dilation, options.ceil_mode);
  return apply(at, MaxPool{windows, x->shape()}, x.tensor())[0];
}

// ---- averages
namespace {

struct Span {  // of a dimension: the sum of from .. to-1, divided
  int64_t from, to, divisor;
};

struct AvgPool {  // the mean over boxes: a span of rows by a span of columns
  static constexpr auto name = "avg_pool2d";
  std::vector<Span> rows, columns;
  Shape from;

  Tensor definition(const Tensor& x) const {
    return matmul(matrix(rows, from[-2], x.dtype()), matmul(x, transpose(matrix(columns, from[-1], x.dtype()))));
  }
  static Tensor matrix(const std::vector<Span>& spans, int64_t length, Dtype t) {  // [spans, length]
    std::vector<double> weights;
    for (const Span& s : spans)
      for (int64_t i = 0; i < length; ++i) weights.push_back(i >= s.from && i < s.to ? 1 / double(s.divisor) : 0);
    return tensor(weights, {int64_t(spans.size()), length}, t);
  }

  // box(plane of x, element of y, first element of x, its rows and columns, divisor), the boxes of a plane in order
  Shape to() const { return from.with(-2, int64_t(rows.size())).with(-1, int64_t(columns.size())); }
  template <class F>
  void for_each_box(F&& box) const {
    const int64_t height = from[-2], width = from[-1], boxes = int64_t(rows.size() * columns.size());
    for_each_plane(from, height * width, [&](int64_t plane) {
      int64_t y = plane * boxes;
      for (const Span& r : rows)
        for (const Span& c : columns)
          box(y++, (plane * height + r.from) * width + c.from, r.to - r.from, c.to - c.from, r.divisor * c.divisor);
    });
  }
  Array forward(const Array& x) const {
    const Array in = x.contiguous();
    Array y(to(), x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      for_each_box([&](int64_t at, int64_t first, int64_t height, int64_t width, int64_t divisor) {
        const T* p = in.data<T>() + first;
        double sum = 0;
        for (int64_t i = 0; i < height; ++i, p += from[-1])
          for (int64_t j = 0; j < width; ++j) sum += double(p[j]);
        y.mutable_data<T>()[at] = T(sum / double(divisor));
      });
    });
    return y;
  }
  Tensor d0(Grad g) const;
};

struct AvgPoolGrad {  // every element of a box gets its share: the dual
  static constexpr auto name = "avg_pool2d_grad";
  AvgPool pool;
  Array forward(const Array& g) const {
    const Array up = g.contiguous();
    Array dx = filled(pool.from, 0, g.dtype());
    visit_floating(g.dtype(), [&]<class T>(T) {
      pool.for_each_box([&](int64_t at, int64_t first, int64_t height, int64_t width, int64_t divisor) {
        const T share = up.data<T>()[at] / T(divisor);
        T* p = dx.mutable_data<T>() + first;
        for (int64_t i = 0; i < height; ++i, p += pool.from[-1])
          for (int64_t j = 0; j < width; ++j) p[j] += share;
      });
    });
    return dx;
  }
  Tensor d0(Grad g) const { return apply({}, pool, g); }
};
Tensor AvgPool::d0(Grad g) const { return apply({}, AvgPoolGrad{*this}, g); }

}  // namespace

Tensor avg_pool2d(In x, Pair kernel, const AvgPoolOptions& options) {
  const Where at = line_of(x);
  check_planes(AvgPool::name, at, x);
  const Windows windows =
      checked_windows(AvgPool::name, at, x->shape(), kernel, options.stride, options.padding, 1, options.ceil_mode);
  auto spans = [&](const Window& w) {
    std::vector<Span> r;
    for (int64_t i = 0; i < w.count; ++i) {
      const int64_t end = std::min(w.start(i) + w.size, w.length + w.padding);
      const int64_t from = std::max<int64_t>(w.start(i), 0), to = std::min(end, w.length);
      r.push_back({from, to, options.count_include_pad ? end - w.start(i) : to - from});
    }
    return r;
  };
  return apply(at, AvgPool{spans(windows[0]), spans(windows[1]), x->shape()}, x.tensor());
}

Tensor adaptive_avg_pool2d(In x, Pair size) {
  constexpr auto op = "adaptive_avg_pool2d";
  const Where at = line_of(x);
  check_planes(op, at, x);
  auto spans = [&](int dim, int64_t count) {
    const int64_t n = x->size(dim);
    if (count < 1 || n < 1)
      fail<ShapeError>(at, op,
                       "cannot part the " + std::to_string(n) + " elements of dimension " + std::to_string(dim) +
                           " of " + x->shape().str() + " into " + std::to_string(count));
    std::vector<Span> r;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t from = i * n / count, to = ceil_div((i + 1) * n, count);
      r.push_back({from, to, to - from});
    }
    return r;
  };
  return apply(at, AvgPool{spans(-2, size[0]), spans(-1, size[1]), x->shape()}, x.tensor());
}

}  // namespace heed
