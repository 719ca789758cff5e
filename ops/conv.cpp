#include "kernels/conv.h"
#include <numeric>
#include "../core/op.h"
#include "../core/parallel.h"
#include "checks.h"
#include "kernels/gemm.h"
#include "window.h"

namespace heed {
namespace {

// What a task works on, and how much of it at a time, follows from the sizes alone.
constexpr int64_t cache = 1 << 20;  // bytes
constexpr int64_t enough = 16;      // tasks

struct Axis {  // of a plane: at place i, tap t sees the value first[t] + i step
  int64_t length, step, places;
  std::vector<int64_t> taps, first;
};
struct Block {  // of places
  int64_t top, left, rows, columns;
};

// What the taps see from a block of places: a matrix of rows (channel, tap), a place to each column. The taps down the
// height share the rows that they see, one row apart; the taps along the width have copies of their own, so that the
// places of all rows follow each other. Where rows end and begin with zeros enough, those share one copy, too.
class Patches {
 public:
  Patches(const Axis& down, const Axis& along, const Block& b) : along_(along), b_(b) {
    for (const int64_t first : down.first) {
      auto same = [&](const Band& s) { return (first - s.low) % down.step == 0; };
      const auto band = std::find_if(bands_.begin(), bands_.end(), same);
      if (band == bands_.end()) bands_.push_back({first, first, 0});
      else band->low = std::min(band->low, first), band->high = std::max(band->high, first);
    }
    for (Band& s : bands_) {
      s.row = height_;
      s.rows = {down.length, s.low + b.top * down.step, down.step, b.rows + (s.high - s.low) / down.step};
      height_ += s.rows.count;
    }
    for (const int64_t first : down.first)
      for (const Band& s : bands_)
        if ((first - s.low) % down.step == 0) rows_.push_back(s.row + (first - s.low) / down.step);
    const auto [low, high] = std::minmax_element(along.first.begin(), along.first.end());
    if (low != along.first.end() && along.step == 1 && b.columns == along.places && *high <= 0 &&
        *low + b.columns >= along.length)
      reach_ = *high - *low, low_ = *low;
    else reach_ = -1;
  }
  int64_t size() const {  // of a channel
    return shared() ? height_ * b_.columns + reach_ : int64_t(along_.first.size()) * height_ * b_.columns;
  }

  // Where the row of each (channel, tap) begins in what copy() leaves.
  std::vector<int64_t> begins(int64_t channels) const {
    std::vector<int64_t> r;
    r.reserve(std::size_t(channels) * rows_.size() * along_.first.size());
    for (int64_t c = 0; c < channels; ++c)
      for (const int64_t row : rows_)
        for (std::size_t j = 0; j < along_.first.size(); ++j)
          r.push_back(c * size() + row * b_.columns +
                      (shared() ? along_.first[j] - low_ : int64_t(j) * height_ * b_.columns));
    return r;
  }
  template <class T>
  void copy(const T* x, int64_t channels, int64_t plane, T* to) const {
    for (int64_t c = 0; c < channels; ++c, x += plane) {
      if (shared()) {
        copy(x, {along_.length, low_, 1, b_.columns + reach_}, to + c * size());
        continue;
      }
      for (std::size_t j = 0; j < along_.first.size(); ++j)
        copy(x, {along_.length, along_.first[j] + b_.left * along_.step, along_.step, b_.columns},
             to + c * size() + int64_t(j) * height_ * b_.columns);
    }
  }

 private:
  struct Band {  // rows a step apart
    int64_t low, high, row;
    kernels::Stretch rows{};
  };
  const Axis& along_;
  Block b_;
  std::vector<Band> bands_;
  std::vector<int64_t> rows_;  // of each tap down the height, the first
  int64_t height_ = 0, reach_, low_ = 0;

  bool shared() const { return reach_ >= 0; }
  template <class T>
  void copy(const T* plane, const kernels::Stretch& columns, T* to) const {
    for (const Band& s : bands_) kernels::cut(plane, s.rows, columns, to + s.row * b_.columns, b_.columns);
  }
};

// How the places of a plane fall into blocks of whole rows, or parts of a row, and the rows of the result into parts.
struct Tasks {
  const Axis &down, &along;
  int64_t rows, columns, patch, parts = 1, high;  // patch: of a channel in a block

  Tasks(const Axis& down, const Axis& along, int64_t pages, int64_t channels, int64_t results, Dtype t)
      : down(down), along(along), rows(down.places), columns(along.places) {
    auto fits = [&] {
      patch = Patches(down, along, {0, 0, rows, columns}).size();
      return (channels * patch + results * rows * columns) * int64_t(width(t)) <= cache;
    };
    while (!fits() && (rows > 1 || columns > 64)) (rows > 1 ? rows : columns) = ceil_div(rows > 1 ? rows : columns, 2);
    if (pages)
      parts = std::clamp(ceil_div(enough, pages * blocks()), int64_t(1), std::max<int64_t>(1, ceil_div(results, 16)));
    high = ceil_div(results, parts);
  }
  int64_t blocks() const { return ceil_div(down.places, rows) * ceil_div(along.places, columns); }
  Block block(int64_t i) const {
    const int64_t across = ceil_div(along.places, columns), top = i / across * rows, left = i % across * columns;
    return {top, left, std::min(rows, down.places - top), std::min(columns, along.places - left)};
  }
};

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
    const Axis down = taps_of(windows[0]), along = taps_of(windows[1]);
    const Tasks tasks(down, along, s.images * groups, s.channels, s.out, x.dtype());
    std::vector<int64_t> order(std::size_t(s.inner));
    std::iota(order.begin(), order.end(), 0);
    visit_floating(x.dtype(), [&]<class T>(T) {
      const Packed<T> left(s, tasks, s.out, s.inner, kernel.data<T>(), s.inner, s.out * s.inner, order);
      const int64_t blocks = tasks.blocks(), parts = tasks.parts;
      parallel_for(s.images * groups * blocks * parts, grain(s, tasks, s.inner), [&](int64_t begin, int64_t end) {
        const Workspace<T> right(s.channels * tasks.patch + kernels::beyond);
        for (int64_t t = begin; t < end; ++t) {
          const int64_t page = t / parts / blocks, group = page % groups, first = t % parts * tasks.high;
          const Block at = tasks.block(t / parts % blocks);
          const Patches patches(down, along, at);
          patches.copy(in.data<T>() + page * s.channels * s.plane, s.channels, s.plane, right.data());
          const int64_t row = group * s.out + first;
          kernels::correlate<T>(
              std::min(tasks.high, s.out - first), at.rows * at.columns, s.inner, left(group, first), right.data(),
              patches.begins(s.channels).data(), b.defined() ? b.data<T>() + row : nullptr,
              y.mutable_data<T>() + (page * s.out + first) * s.places + at.top * windows[1].count + at.left, s.places);
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

  struct Sizes {
    int64_t images, groups, channels, out, plane, places, inner;  // channels and outputs of one group
    Sizes(const Conv2dOp& op, const Shape& x, const Shape& weight)
        : images(x[0]),
          groups(op.groups),
          channels(weight[1]),
          out(weight[0] / op.groups),
          plane(x[2] * x[3]),
          places(heed::places(op.windows)),
          inner(channels * op.taps()) {}
  };
  // Tasks in one thread, after each other: enough of them to be worth while, but so few that many remain.
  static int64_t grain(const Sizes& s, const Tasks& tasks, int64_t depth) {
    return std::max(s.images * s.groups * tasks.blocks() * tasks.parts / 32,
                    (1 << 17) / std::max<int64_t>(1, tasks.rows * tasks.columns * tasks.high * depth) + 1);
  }

  // The left operand of correlate for each group: a matrix m by k, of rows a_row apart, by parts of its rows.
  template <class T>
  struct Packed {
    int64_t m, k;
    Workspace<T> values;
    Packed(const Sizes& s, const Tasks& tasks, int64_t m, int64_t k, const T* a, int64_t a_row, int64_t a_group,
           const std::vector<int64_t>& order)
        : m(m), k(k), values(s.groups * m * k) {
      constexpr int64_t some = 64;  // columns
      const int64_t blocks = ceil_div(k, some);
      parallel_for(s.groups * tasks.parts * blocks, (1 << 14) / std::max<int64_t>(1, tasks.high * some) + 1,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t t = begin; t < end; ++t) {
                       const int64_t group = t / blocks / tasks.parts, first = t / blocks % tasks.parts * tasks.high;
                       const int64_t p = t % blocks * some;
                       kernels::pack_left<T>(std::min(tasks.high, m - first), k, p, std::min(k, p + some),
                                             a + group * a_group + first * a_row, a_row, order.data(),
                                             values.data() + (group * m + first) * k);
                     }
                   });
    }
    const T* operator()(int64_t group, int64_t first) const { return values.data() + (group * m + first) * k; }
  };

  static Axis taps_of(const Window& w) {
    Axis r{w.length, w.stride, w.count, {}, {}};
    for (int64_t t = 0; t < w.size; ++t) r.taps.push_back(t), r.first.push_back(t * w.dilation - w.padding);
    return r;
  }
  // The values `rest`, rest + stride, .. of x, and the taps that see them: tap t of the place t dilation - padding in
  // front of a value. Those taps are what the values see of the places.
  static Axis places_of(const Window& w, int64_t rest) {
    Axis r{w.count, 1, ceil_div(w.length - rest, w.stride), {}, {}};
    for (int64_t t = 0; t < w.size; ++t)
      if (const int64_t front = rest + w.padding - t * w.dilation; front % w.stride == 0)
        r.taps.push_back(t), r.first.push_back(front / w.stride);
    return r;
  }

  // A convolution of g by the taps turned round, for the values of x that see the same taps.
  Array input_grad(const Array& g, const Shape& shape, const Array& weight) const {
    Array dx(shape, g.dtype());
    for (int64_t i = 0; i < std::min(windows[0].stride, windows[0].length); ++i)
      for (int64_t j = 0; j < std::min(windows[1].stride, windows[1].length); ++j)
        visit_floating(g.dtype(), [&]<class T>(T) { input_grad<T>(g, shape, weight, {i, j}, dx); });
    return dx;
  }
  template <class T>
  void input_grad(const Array& g, const Shape& shape, const Array& weight, std::array<int64_t, 2> rest,
                  Array& dx) const {
    const Sizes s(*this, shape, weight.shape());
    const Axis down = places_of(windows[0], rest[0]), along = places_of(windows[1], rest[1]);
    const Tasks tasks(down, along, s.images * groups, s.out, s.channels, g.dtype());
    std::vector<int64_t> order;
    for (int64_t o = 0; o < s.out; ++o)
      for (const int64_t i : down.taps)
        for (const int64_t j : along.taps) order.push_back(o * s.inner + i * windows[1].size + j);
    const auto depth = int64_t(order.size());
    const Packed<T> left(s, tasks, s.channels, depth, weight.data<T>(), taps(), s.out * s.inner, order);
    const int64_t blocks = tasks.blocks(), parts = tasks.parts;
    parallel_for(s.images * groups * blocks * parts, grain(s, tasks, depth), [&](int64_t begin, int64_t end) {
      const Workspace<T> right(s.out * tasks.patch + kernels::beyond), result(tasks.high * tasks.rows * tasks.columns);
      for (int64_t t = begin; t < end; ++t) {
        const int64_t page = t / parts / blocks, group = page % groups, first = t % parts * tasks.high;
        const Block at = tasks.block(t / parts % blocks);
        const Patches patches(down, along, at);
        const int64_t channels = std::min(tasks.high, s.channels - first), n = at.rows * at.columns;
        patches.copy(g.data<T>() + page * s.out * s.places, s.out, s.places, right.data());
        kernels::correlate<T>(channels, n, depth, left(group, first), right.data(), patches.begins(s.out).data(),
                              nullptr, result.data(), n);
        const T* from = result.data();
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t row = 0; row < at.rows; ++row, from += at.columns) {
            T* to = dx.mutable_data<T>() + (page * s.channels + first + c) * s.plane +
                    (rest[0] + (at.top + row) * windows[0].stride) * windows[1].length + rest[1] +
                    at.left * windows[1].stride;
            for (int64_t k = 0; k < at.columns; ++k) to[k * windows[1].stride] = from[k];
          }
      }
    });
  }

  // dweight = sum over images and places of g times what the taps see there, which is read where it stands, or in a
  // copy with its padding. Tasks have a share of the images and a part of the channels each; where the weights are
  // large there are fewer shares. Their sums are added in order.
  Array weight_grad(const Array& g, const Array& x, const Shape& shape) const {
    const Sizes s(*this, x.shape(), shape);
    const Window &down = windows[0], &along = windows[1];
    const bool padded = down.padding || along.padding;
    const int64_t most = std::clamp<int64_t>((1 << 20) / std::max<int64_t>(1, shape.numel()), 1, enough);
    const int64_t images = std::max<int64_t>(1, ceil_div(s.images, most)), shares = ceil_div(s.images, images);
    const int64_t parts = std::clamp(ceil_div(enough, std::max<int64_t>(1, shares * groups)), int64_t(1),
                                     std::max<int64_t>(1, s.channels));
    const int64_t high = ceil_div(s.channels, parts);
    const int64_t rows = std::clamp<int64_t>((cache >> 4) / std::max<int64_t>(1, s.out * along.count), 1, down.count);
    const int64_t width = along.length + 2 * along.padding;
    const int64_t height = padded ? (rows - 1) * down.stride + down.extent() : down.length;
    Array dweight(shape, g.dtype());
    visit_floating(g.dtype(), [&]<class T>(T) {
      const int64_t matrix = s.inner * s.out;  // [channel, tap, out]
      const Workspace<T> sums(shares * groups * matrix);
      const int64_t work = std::max<int64_t>(1, high * taps() * s.out * s.places * images);
      parallel_for(shares * groups * parts, (1 << 17) / work + 1, [&](int64_t begin, int64_t end) {
        const Workspace<T> left(padded ? high * height * width : 0),
            right(kernels::packed_size(s.out, rows * along.count));
        for (int64_t t = begin; t < end; ++t) {
          const int64_t share = t / parts / groups, group = t / parts % groups, first = t % parts * high;
          const int64_t channels = std::clamp<int64_t>(s.channels - first, 0, high), m = channels * taps();
          T* sum = sums.data() + (share * groups + group) * matrix + first * taps() * s.out;
          std::fill_n(sum, m * s.out, T(0));
          std::vector<int64_t> begins;
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t i = 0; i < down.size; ++i)
              for (int64_t j = 0; j < along.size; ++j)
                begins.push_back((c * height + i * down.dilation) * width + j * along.dilation);
          for (int64_t image = share * images; image < std::min(s.images, (share + 1) * images); ++image) {
            const int64_t page = image * groups + group;
            const T* in = x.data<T>() + (page * s.channels + first) * s.plane;
            for (int64_t top = 0; top < down.count; top += rows) {
              const kernels::Grid places{std::min(rows, down.count - top), along.count, down.stride * width,
                                         along.stride};
              for (int64_t c = 0; padded && c < channels; ++c)
                kernels::cut<T>(in + c * s.plane, {down.length, down.start(top), 1, height},
                                {along.length, -along.padding, 1, width}, left.data() + c * height * width, width);
              const T* up = g.data<T>() + page * s.out * s.places + top * along.count;
              kernels::pack<T>(s.out, places.rows * places.columns, {up, 1, s.places}, right.data());
              kernels::correlate_grad<T>(m, s.out, padded ? left.data() : in + top * places.row, begins.data(), places,
                                         right.data(), sum, s.out);
            }
          }
        }
      });
      parallel_for(groups * s.inner, std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, s.out * shares)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row)
                       for (int64_t o = 0; o < s.out; ++o) {
                         T sum = 0;
                         for (int64_t share = 0; share < shares; ++share)
                           sum += sums.data()[(share * groups * s.inner + row) * s.out + o];
                         dweight.mutable_data<T>()[(row / s.inner * s.out + o) * s.inner + row % s.inner] = sum;
                       }
                   });
    });
    return dweight;
  }
};

namespace {

// x [N, C, ..] and weight [O, C / groups, ..] with `rank` dimensions of space.
void check_conv(const char* op, Where at, int rank, const In& x, const In& weight, const In& bias, int64_t groups) {
  check_floating(op, at, x);
  check_floating(op, at, weight);
  check_same_dtype(op, at, x->dtype(), weight->dtype());
  const char* space = rank == 1 ? "L]" : "H, W]";
  if (x->dim() != rank + 2)
    fail<ShapeError>(at, op, std::string("the input must be [N, C, ") + space + ", not " + x->shape().str());
  if (weight->dim() != rank + 2)
    fail<ShapeError>(
        at, op, "the weight must have " + std::to_string(rank + 2) + " dimensions, not be " + weight->shape().str());
  if (groups < 1 || weight->size(0) % groups || weight->size(1) * groups != x->size(1))
    fail<ShapeError>(at, op,
                     "cannot apply a weight " + weight->shape().str() + " in " + std::to_string(groups) +
                         (groups == 1 ? " group" : " groups") + " to " + x->shape().str() +
                         ": the weight is [O, C / groups, ..], and the groups divide O");
  check_vector(op, at, "the bias", bias, weight->size(0), weight);
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
