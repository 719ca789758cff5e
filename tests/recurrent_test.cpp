// Recurrent modules, beyond what PyTorch's values and the table of ops show.
#include "common.h"

using namespace heed;

namespace {

const Tensor lengths = tensor({3, 5, 1}, i64);

template <class M>
M two_ways() {
  return cast(M{.in = 3, .hidden = 4, .layers = 2, .bidirectional = true}, f64);
}
template <class M>
void check_padding() {
  const M m = two_ways<M>();
  const Tensor x = noise({3, 5, 3}, 1), keep = reshape(arange(5), {1, 5, 1}) < reshape(lengths, {3, 1, 1});
  const Tensor y = m(x, lengths).y;
  CHECK(equal(m(where(keep, x, 1e300), lengths).y, y));  // what stands in the padding changes no bit
  CHECK(equal(where(keep, 0, y), zeros({3, 5, 8}, f64)));
  const Tensor v = x.requires_grad();
  CHECK(equal(where(keep, 0, grad(sum(m(v, lengths).y * noise({3, 5, 8}, 2)), {v})[0]), zeros({3, 5, 3}, f64)));
  // nor do the lengths of the other rows, and a row alone gives what it gives among others
  CHECK(equal(m(x, tensor({3, 2, 4}, i64)).y(0), y(0)));
  CHECK(allclose(m(x(range(0, 1), range(0, 3))).y(0), y(0, range(0, 3)), 1e-13, 1e-13));
}
template <class M>
void check_dropout() {  // between the layers alone
  const M m = M{.in = 3, .hidden = 4, .layers = 3, .dropout = 0.5};
  const Tensor x = noise({2, 5, 3}, 1, f32);
  Rng a{3}, b{3};
  CHECK_FALSE(equal(m(x, {}, {}, &a).y, m(x).y));
  CHECK(a.counter == 2);
  const M one = M{.in = 3, .hidden = 4, .dropout = 0.5};
  CHECK(equal(one(x, {}, {}, &b).y, one(x).y));
}

}  // namespace

TEST_CASE("padding reaches nothing, and rows of a batch do not see each other") {
  check_padding<Rnn>();
  check_padding<Gru>();
  check_padding<Lstm>();
}

TEST_CASE("dropout lies between layers") {
  check_dropout<Rnn>();
  check_dropout<Gru>();
  check_dropout<Lstm>();
}

TEST_CASE("a layer is its cell, step by step") {
  const Gru gru = cast(Gru{.in = 3, .hidden = 4}, f64);
  const Lstm lstm = cast(Lstm{.in = 3, .hidden = 4}, f64);
  const Tensor x = noise({2, 5, 3}, 1);
  Tensor h;
  LstmState s;
  for (int64_t t = 0; t < 5; ++t) {
    h = gru.cells[0](x(_, t), h);
    s = lstm.cells[0](x(_, t), s);
    CHECK(allclose(gru(x).y(_, t), h, 1e-14, 1e-14));
    CHECK(allclose(lstm(x).y(_, t), s.h, 1e-14, 1e-14));
  }
  CHECK(allclose(lstm(x).state.c(0), s.c, 1e-14, 1e-14));
}

TEST_CASE("a layer is as many nodes for many steps as for one") {
  const Lstm lstm{.in = 3, .hidden = 4};
  auto ops = [&](int64_t T) {
    int n = 0;
    Observe watch([&](const Event&) { ++n; });
    lstm(noise({2, T, 3}, 1, f32));
    return n;
  };
  CHECK(ops(50) == ops(1));
}

TEST_CASE("errors of recurrent modules and ops") {
  const Tensor x = ones({2, 5, 12}), w = ones({12, 4}), none;
  CHECK_ERROR(ShapeError, gru(x, ones({12, 3})), "gru: the weight must be [3 H, H], not [12, 3]");
  CHECK_ERROR(ShapeError, rnn_tanh(x, ones({12})), "rnn_tanh: the weight must be [H, H], not [12]");
  CHECK_ERROR(ShapeError, gru(ones({2, 5, 8}), w),
              "gru: what the input gives to the gates must be [B, T, 12] for a weight [12, 4], not [2, 5, 8]");
  CHECK_ERROR(ShapeError, gru(x, w, ones({4})), "gru: the bias must be [12] for [12, 4], not [4]");
  CHECK_ERROR(ShapeError, gru(x, w, {}, ones({3, 4})), "gru: the state must be [2, 4], not [3, 4]");
  CHECK_ERROR(DtypeError, gru(x, w, {}, ones({2, 4}, f64)),
              "gru: cannot mix f32 with f64: types are not promoted here, use cast(x, f32)");
  CHECK_ERROR(DtypeError, rnn_relu(zeros({2, 5, 4}, i64), w),
              "rnn_relu: cannot compute in i64: use cast(x, f32) or cast(x, f64)");
  CHECK_ERROR(ShapeError, lstm(none, w), "lstm: the argument is an undefined tensor");
  CHECK_ERROR(ShapeError, gru(x, w, {}, {}, {.lengths = ones({2})}), "gru: the lengths must be i64 [2], not f32 [2]");
  CHECK_ERROR(IndexError, gru(x, w, {}, {}, {.lengths = tensor({6, 1}, i64)}), "gru: a length must be 1 to 5, not 6");

  const Lstm lstm{.in = 3, .hidden = 4};
  const Gru gru{.in = 3, .hidden = 4, .layers = 2};
  const Tensor in = ones({2, 5, 3});
  CHECK_ERROR(ShapeError, lstm(ones({2, 3})), "Lstm: the input must be [B, T, 3], not [2, 3]");
  CHECK_ERROR(ShapeError, lstm(ones({2, 0, 3})), "Lstm: there is no step in [2, 0, 3]");
  CHECK_ERROR(IndexError, lstm(in, tensor({0, 5}, i64)), "lstm: a length must be 1 to 5, not 0");
  CHECK_ERROR(ShapeError, lstm(in, tensor({5}, i64)), "lstm: the lengths must be i64 [2], not i64 [1]");
  CHECK_ERROR(ShapeError, lstm(in, {}, {.h = {}, .c = ones({1, 3, 4})}),
              "Lstm: the state must be [1, 2, 4], not [1, 3, 4]");
  CHECK_ERROR(ShapeError, gru(in, {}, ones({1, 2, 4})), "Gru: the state must be [2, 2, 4], not [1, 2, 4]");
  CHECK_ERROR(ShapeError, (Rnn{.in = 3, .hidden = 4})(ones({2, 5, 4})),
              "Rnn: the input must be [B, T, 3], not [2, 5, 4]");
  CHECK_ERROR(ShapeError, (LstmCell{3, 4})(ones({2, 3}), {.h = ones({2, 3}), .c = {}}),
              "lstm: the state must be [2, 4], not [2, 3]");
  CHECK_ERROR(ShapeError, (GruCell{3, 4})(in), "GruCell: the input must be [B, 3], not [2, 5, 3]");
  CHECK_ERROR(ShapeError, (RnnCell{3, 4})(ones({2, 4})), "RnnCell: the input must be [B, 3], not [2, 4]");
}
