#include "../core/blas.h"
#include "../core/op.h"
#include "../core/parallel.h"
#include "checks.h"
#include "window.h"

namespace heed {
namespace {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// What a task works on, and how much scratch it takes, follows from the sizes alone.
constexpr int64_t scratch = 1 << 17;  // elements of columns at a time
constexpr int64_t channel_block = 16;

}  // namespace

// y[n, o] = sum over c, i, j of weight[o, c, i, j] x[n, c, h s - p + i d, w s - p + j d] + bias[o], c in o's group
// x [N, C, H, W]  weight [O, C / groups, kh, kw]  bias [O] or absent
struct Conv2dOp {
  static constexpr auto name = "conv2d";
  Windows windows;
  int64_t groups;
  static int64_t multiply_adds(const Shape& y, const Shape&, const Shape& weight, const Shape&) {
    return weight[0] ? y.numel() * weight.numel() / weight[0] : 0;
  }

  Tensor definition(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const int64_t n = x.size(0), rows = windows[0].count, columns = windows[1].count, out = weight.size(0);
    const int64_t channels = x.size(1) / groups, inner = channels * taps();
    const Tensor patches = windowed(windowed(x, 2, windows[0]), 3, windows[1]);  // [N, C, h, w, kh, kw]
    const Tensor split = reshape(patches, {n, groups, channels, rows, columns, windows[0].size, windows[1].size});
    const Tensor flat = reshape(permute(split, {0, 1, 3, 4, 2, 5, 6}), {n, groups, rows * columns, inner});
    const Tensor products =
        matmul(flat, transpose(reshape(weight, {groups, out / groups, inner})));  // [.., h w, O / G]
    const Tensor y = reshape(transpose(products), {n, out, rows, columns});
    return bias.defined() ? y + reshape(bias, {out, 1, 1}) : y;
  }

  Array forward(const Array& x, const Array& weight, const Array& bias) const {
    const Sizes s(*this, x.shape(), weight.shape());
    const Array in = x.contiguous(), kernel = weight.contiguous(), b = bias.contiguous();
    Array y({s.images, s.out * groups, windows[0].count, windows[1].count}, x.dtype());
    visit_floating(x.dtype(), [&]<class T>(T) {
      const int64_t block = places_at_once(s.inner), blocks = ceil_div(s.places, block);
      parallel_for(s.images * groups * blocks, s.tasks(s.out * s.inner * block), [&](int64_t begin, int64_t end) {
        Columns<T> columns(*this, s, s.channels, block);
        for (int64_t t = begin; t < end; ++t) {
          const int64_t page = t / blocks, group = page % groups, from = t % blocks * block;
          const int64_t n = std::min(block, s.places - from);
          columns.gather(in.data<T>() + page * s.channels * s.plane, s.channels, from, n);
          T* to = y.mutable_data<T>() + page * s.out * s.places + from;
          for (int64_t o = 0; b.defined() && o < s.out; ++o)
            std::fill_n(to + o * s.places, n, b.data<T>()[group * s.out + o]);
          blas::gemm<T>(false, false, s.out, n, s.inner, 1, kernel.data<T>() + group * s.out * s.inner, s.inner,
                        columns.data, columns.lead, b.defined() ? 1 : 0, to, s.places);
        }
      });
    });
    return y;
  }

  std::array<Array, 3> backward(Grad g, Input<0> x, Input<1> weight, const Needs& needs) const {
    const Array up = g.array().contiguous();
    Array dx, dweight, dbias;
    if (needs[0]) dx = input_grad(up, x.shape(), weight.array().contiguous());
    if (needs[1]) dweight = weight_grad(up, x.array().contiguous(), weight.shape());
    if (needs[2]) dbias = kernels::sum_to(up, {up.shape()[1], 1, 1}).reshaped({up.shape()[1]});
    return {dx, dweight, dbias};
  }

 private:
  int64_t taps() const { return windows[0].size * windows[1].size; }
  // Is the matrix of columns the plane itself?
  bool pointwise() const {
    for (const Window& w : windows)
      if (w.size != 1 || w.stride != 1 || w.padding != 0) return false;
    return true;
  }
  static int64_t images_per_task(int64_t images, int64_t others) {
    return std::max<int64_t>(1, ceil_div(images, ceil_div(16, std::max<int64_t>(1, others))));
  }
  static int64_t places_at_once(int64_t rows) { return std::max<int64_t>(64, scratch / std::max<int64_t>(rows, 1)); }

  struct Sizes {
    int64_t images, channels, out, plane, places, inner;  // channels and outputs of one group
    Sizes(const Conv2dOp& op, const Shape& x, const Shape& weight)
        : images(x[0]),
          channels(weight[1]),
          out(weight[0] / op.groups),
          plane(x[2] * x[3]),
          places(heed::places(op.windows)),
          inner(channels * op.taps()) {}
    static int64_t tasks(int64_t work) { return std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(work, 1)); }
  };

  // Some channels of an image under the windows of some places: row (c, i, j), a column for each place.
  template <class T>
  struct Columns {
    const Conv2dOp& op;
    int64_t plane;
    Array made;
    const T* data = nullptr;
    int64_t lead = 0;

    Columns(const Conv2dOp& op, const Sizes& s, int64_t channels, int64_t block) : op(op), plane(s.plane) {
      made = Array({channels * op.taps(), std::min(block, s.places)}, dtype_of<T>);
    }
    void gather(const T* x, int64_t channels, int64_t from, int64_t n) {
      if (op.pointwise()) {
        data = x + from;
        lead = plane;
        return;
      }
      T* to = made.mutable_data<T>();
      data = to;
      lead = n;
      std::fill_n(to, channels * op.taps() * n, T(0));
      for (int64_t c = 0; c < channels; ++c, x += plane, to += op.taps() * n)
        for_each_run(op.windows, from, from + n, [&](int64_t tap, int64_t place, int64_t at, int64_t count) {
          T* row = to + tap * n + place - from;
          for (int64_t i = 0; i < count; ++i) row[i] = x[at + i * op.windows[1].stride];
        });
    }
    // x += what lies in these columns, each value where it was gathered from.
    void scatter(T* x, int64_t channels, int64_t from, int64_t n) const {
      const T* values = made.data<T>();
      for (int64_t c = 0; c < channels; ++c, x += plane, values += op.taps() * n)
        for_each_run(op.windows, from, from + n, [&](int64_t tap, int64_t place, int64_t at, int64_t count) {
          const T* row = values + tap * n + place - from;
          for (int64_t i = 0; i < count; ++i) x[at + i * op.windows[1].stride] += row[i];
        });
    }
  };

  // dx = what weight^T g says of each column, added up where the windows overlap
  Array input_grad(const Array& g, const Shape& shape, const Array& weight) const {
    const Sizes s(*this, shape, weight.shape());
    Array dx = filled(shape, 0, g.dtype());
    const int64_t parts = ceil_div(s.channels, channel_block), most = std::min(channel_block, s.channels);
    const int64_t block = places_at_once(most * taps());
    visit_floating(g.dtype(), [&]<class T>(T) {
      parallel_for(
          s.images * groups * parts, s.tasks(s.out * most * taps() * s.places), [&](int64_t begin, int64_t end) {
            Columns<T> columns(*this, s, most, block);
            for (int64_t t = begin; t < end; ++t) {
              const int64_t page = t / parts, group = page % groups, first = t % parts * channel_block;
              const int64_t channels = std::min(channel_block, s.channels - first);
              for (int64_t from = 0; from < s.places; from += block) {
                const int64_t n = std::min(block, s.places - from);
                blas::gemm<T>(true, false, channels * taps(), n, s.out, 1,
                              weight.data<T>() + group * s.out * s.inner + first * taps(), s.inner,
                              g.data<T>() + page * s.out * s.places + from, s.places, 0,
                              columns.made.template mutable_data<T>(), n);
                columns.scatter(dx.mutable_data<T>() + (page * s.channels + first) * s.plane, channels, from, n);
              }
            }
          });
    });
    return dx;
  }

  // dweight = sum over images and places of g columns^T. Where few channels leave little to share out, the images are
  // shared out as well, and their sums added in order.
  Array weight_grad(const Array& g, const Array& x, const Shape& shape) const {
    const Sizes s(*this, x.shape(), shape);
    const int64_t parts = ceil_div(s.channels, channel_block), most = std::min(channel_block, s.channels);
    const int64_t block = places_at_once(most * taps());
    const int64_t images = images_per_task(s.images, groups * parts);
    Shape shares{ceil_div(s.images, images)};
    for (int64_t size : shape) shares.push_back(size);
    Array sums = filled(shares, 0, g.dtype());
    visit_floating(g.dtype(), [&]<class T>(T) {
      parallel_for(shares[0] * groups * parts, s.tasks(s.out * most * taps() * s.places * images),
                   [&](int64_t begin, int64_t end) {
                     Columns<T> columns(*this, s, most, block);
                     for (int64_t t = begin; t < end; ++t) {
                       const int64_t share = t / (groups * parts), group = t / parts % groups,
                                     first = t % parts * channel_block;
                       const int64_t channels = std::min(channel_block, s.channels - first);
                       T* sum = sums.mutable_data<T>() + t / parts * s.out * s.inner + first * taps();
                       for (int64_t image = share * images; image < std::min(s.images, (share + 1) * images); ++image)
                         for (int64_t from = 0; from < s.places; from += block) {
                           const int64_t page = image * groups + group, n = std::min(block, s.places - from);
                           columns.gather(x.data<T>() + (page * s.channels + first) * s.plane, channels, from, n);
                           blas::gemm<T>(false, true, s.out, channels * taps(), n, 1,
                                         g.data<T>() + page * s.out * s.places + from, s.places, columns.data,
                                         columns.lead, 1, sum, s.inner);
                         }
                     }
                   });
    });
    return kernels::sum_to(sums, shape);
  }
};

namespace {

// x [N, C, ..] and weight [O, C / groups, ..] with `rank` dimensions of space.
void check_conv(const char* op, Where at, int rank, const Tensor& x, const Tensor& weight, const Tensor& bias,
                int64_t groups) {
  check_floating(op, at, x);
  check_floating(op, at, weight);
  check_same_dtype(op, at, x.dtype(), weight.dtype());
  const char* space = rank == 1 ? "L]" : "H, W]";
  if (x.dim() != rank + 2)
    fail<ShapeError>(at, op, std::string("the input must be [N, C, ") + space + ", not " + x.shape().str());
  if (weight.dim() != rank + 2)
    fail<ShapeError>(
        at, op, "the weight must have " + std::to_string(rank + 2) + " dimensions, not be " + weight.shape().str());
  if (groups < 1 || weight.size(0) % groups || weight.size(1) * groups != x.size(1))
    fail<ShapeError>(at, op,
                     "cannot apply a weight " + weight.shape().str() + " in " + std::to_string(groups) +
                         (groups == 1 ? " group" : " groups") + " to " + x.shape().str() +
                         ": the weight is [O, C / groups, ..], and the groups divide O");
  check_vector(op, at, "the bias", bias, weight.size(0), weight);
}

}  // namespace

Tensor conv2d(In x, In weight, In bias, const Conv2dOptions& options) {
  const Where at = line_of(x);
  check_conv(Conv2dOp::name, at, 2, x, weight, bias, options.groups);
  Conv2dOp op{{}, options.groups};
  for (int i = 0; i < 2; ++i) {
    const auto d = std::size_t(i);
    op.windows[d] =
        checked_window(Conv2dOp::name, at, x->shape(), 2 + i,
                       {0, weight->size(2 + i), options.stride[d], options.padding[d], options.dilation[d]});
  }
  return apply(at, op, x.tensor(), weight.tensor(), bias.tensor());
}

Tensor conv1d(In x, In weight, In bias, const Conv1dOptions& options) {
  const Where at = line_of(x);
  check_conv("conv1d", at, 1, x, weight, bias, options.groups);
  const Window along = checked_window("conv1d", at, x->shape(), 2,
                                      {0, weight->size(2), options.stride, options.padding, options.dilation});
  Scope here{x};
  auto raised = [](const Tensor& t) { return reshape(t, {t.size(0), t.size(1), 1, t.size(2)}); };
  const Tensor y =
      apply(at, Conv2dOp{{Window{1, 1, 1, 0, 1, 1}, along}, options.groups}, raised(x), raised(weight), bias.tensor());
  return reshape(y, {y.size(0), y.size(1), y.size(3)});
}

}  // namespace heed
