#include "op_rows.h"
#include "step_by_step.h"

namespace heed {
namespace {

const DropoutKey half{0.5, 11};

Tensor drop_from_generator(const Tensor& x) {
  Rng rng{7};
  return dropout(x, 0.3, &rng);
}

using Recurrent = RnnSteps (*)(In, In, In, In, const RecurrentOptions&);
std::vector<OpRow> one_state_rows(std::string name, Recurrent f, int64_t gates) {
  auto x = [gates](int64_t B, int64_t T, int64_t H) { return Shape{B, T, gates * H}; };
  auto weight = [gates](int64_t H) { return Shape{gates * H, H}; };
  const OpInput bias({gates * 2}), state({3, 2}), lengths = fixed(index({3}, 4), {2, 4, 1});
  return {
      {.name = name,
       .f = [f](X a) { return list(f(a[0], a[1], {}, {}, {})); },
       .inputs = {x(3, 4, 2), weight(2)},
       .remembers = "0 1 y",
       .also = {{x(0, 2, 2), weight(2)}, {x(2, 1, 1), weight(1)}, {x(2, 2, 0), weight(0)}, {x(1, 2, 5), weight(5)}},
       .large = {x(130, 3, 384 / gates), weight(384 / gates)}},
      {.name = name,
       .form = "bias and first state, backwards",
       .f = [f](X a) { return list(f(a[0], a[1], a[2], a[3], {.reverse = true})); },
       .inputs = {x(3, 4, 2), weight(2), bias, state},
       .remembers = "0 1 2 3 y",
       .sets = "bias h0 reverse",
       .large = {x(70, 3, 40), weight(40), {gates * 40}, {70, 40}}},
      {.name = name,
       .form = "lengths",
       .f = [f](X a) { return list(f(a[0], a[1], a[2], a[3], {.lengths = a[4]})); },
       .inputs = {x(3, 4, 2), weight(2), bias, state, lengths},
       .remembers = "0 1 2 3 4 y",
       .sets = "lengths"},
      {.name = name,
       .form = "lengths, backwards, the last state alone",
       .f = [f](X a) { return f(a[0], a[1], {}, a[2], {.lengths = a[3], .reverse = true}).h; },
       .inputs = {x(3, 4, 2), weight(2), state, lengths},
       .remembers = "0 1 2 3"},
  };
}

}  // namespace

std::vector<OpRow> random_rows() {
  return {
      {.name = "dropout",
       .f = [](X x) { return dropout(x[0], half); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = one_large,
       .shortest = 0},
      {.name = "dropout",
       .form = "from a generator",
       .f = [](X x) { return drop_from_generator(x[0]); },
       .inputs = {{3, 5}}},
      {.name = "dropout",
       .form = "evaluation",
       .f = [](X x) { return dropout(x[0], 0.3, nullptr) * 2; },
       .inputs = {{3, 5}}},
  };
}

std::vector<OpRow> attention_rows() {
  const std::vector<OpInput> qkv{{2, 3, 2}, {2, 4, 2}, {2, 4, 3}};
  const Shapes also{{{3, 2}, {4, 2}, {4, 3}},          {{1, 1}, {1, 1}, {1, 1}},
                    {{1, 2}, {4, 2}, {4, 3}},          {{3, 2}, {1, 2}, {1, 3}},
                    {{0, 3, 2}, {0, 4, 2}, {0, 4, 3}}, {{2, 0, 2}, {2, 4, 2}, {2, 4, 3}},
                    {{2, 3, 2}, {2, 0, 2}, {2, 0, 3}}};
  auto with = [&](std::initializer_list<OpInput> more) {
    std::vector<OpInput> r = qkv;
    r.insert(r.end(), more);
    return r;
  };
  const std::string name = "scaled_dot_product_attention";
  return {
      {.name = name,
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
       .inputs = qkv,
       .remembers = "0 1 2 y",
       .also = also,
       .large = {{2, 130, 16}, {2, 1300, 16}, {2, 1300, 8}}},
      {.name = name,
       .form = "batches that broadcast",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
       .inputs = {{2, 1, 3, 2}, {3, 4, 2}, {4, 3}},
       .remembers = "0 1 2 y"},
      {.name = name,
       .form = "bias",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.bias = x[3]}); },
       .inputs = with({{3, 4}}),
       .remembers = "0 1 2 3 y",
       .sets = "bias",
       .large = {{2, 3, 130, 16}, {2, 3, 450, 16}, {2, 3, 450, 8}, {3, 130, 450}}},
      {.name = name,
       .form = "mask, one row empty",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.mask = x[3]}); },
       .inputs = with({attend}),
       .remembers = "0 1 2 3 y",
       .sets = "mask"},
      {.name = name,
       .form = "bias of -infinity, one row empty",
       .f =
           [](X x) {
             const Tensor bias = where(x[3], zeros({}, x[0].dtype()), -infinity);
             return scaled_dot_product_attention(x[0], x[1], x[2], {.bias = bias});
           },
       .inputs = with({attend}),
       .remembers = "0 1 2 y +"},
      {.name = name,
       .form = "mask, the last three keys alone",
       .f =
           [](X x) {
             const int64_t keys = x[1].size(-2);
             return scaled_dot_product_attention(x[0], x[1], x[2], {.mask = arange(keys) >= keys - 3});
           },
       .inputs = qkv,
       .remembers = "0 1 2 y +",
       .large = {{2, 10, 16}, {2, 450, 16}, {2, 450, 8}}},
      {.name = name,
       .form = "causal",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = Causal::on}); },
       .inputs = {{2, 4, 3}, {2, 4, 3}, {2, 4, 3}},
       .remembers = "0 1 2 y",
       .sets = "causal",
       .large = {{2, 450, 16}, {2, 450, 16}, {2, 450, 8}}},
      {.name = name,
       .form = "causal, upper left",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = Causal::upper_left}); },
       .inputs = qkv,
       .remembers = "0 1 2 y",
       .sets = "causal"},
      {.name = name,
       .form = "causal, lower right",
       .f = [](X x) { return scaled_dot_product_attention(x[0], x[1], x[2], {.causal = Causal::lower_right}); },
       .inputs = {{4, 2}, {2, 2}, {2, 3}},
       .remembers = "0 1 2 y",
       .sets = "causal",
       .large = {{100, 64}, {450, 64}, {450, 8}}},
      {.name = name,
       .form = "dropout",
       .f =
           [](X x) {
             return scaled_dot_product_attention(x[0], x[1], x[2], {.dropout = {0.4, 5}});
           },
       .inputs = qkv,
       .remembers = "0 1 2 y",
       .sets = "dropout",
       .also = {{{2, 3, 2}, {2, 5, 2}, {2, 5, 3}}},
       .large = {{2, 50, 16}, {2, 450, 16}, {2, 450, 8}}},
      {.name = name,
       .form = "everything",
       .f =
           [](X x) {
             return scaled_dot_product_attention(
                 x[0], x[1], x[2],
                 {.bias = x[3], .mask = x[4], .causal = Causal::lower_right, .scale = 0.3, .dropout = {0.4, 5}});
           },
       .inputs = with({{2, 1, 4}, attend}),
       .remembers = "0 1 2 3 4 y",
       .sets = "scale dropout"},
      {.name = name,
       .form = "bias, causal",
       .f =
           [](X x) {
             return scaled_dot_product_attention(x[0], x[1], x[2], {.bias = x[3], .causal = Causal::lower_right});
           },
       .inputs = with({{3, 4}}),
       .remembers = "0 1 2 3 y",
       .large = {{2, 430, 16}, {2, 450, 16}, {2, 450, 8}, {430, 450}}},
  };
}

std::vector<OpRow> linear_attention_rows() {
  const std::string name = "linear_attention";
  using Options = LinearAttentionOptions;
  // By chunks, meaning the steps; make(x) gives the options.
  auto row = [&](std::string form, std::string sets, std::vector<OpInput> inputs, std::string remembers, auto make) {
    return OpRow{.name = name,
                 .form = form,
                 .f = [make](X x) { return list(linear_attention(x[0], x[1], x[2], make(x))); },
                 .meaning = [make](X x) { return list(step_by_step(x[0], x[1], x[2], make(x))); },
                 .inputs = inputs,
                 .remembers = remembers,
                 .sets = sets};
  };
  OpRow sum = row("", "", {{2, 4, 3}, {2, 4, 3}, {2, 4, 2}}, "0 1 2", [](X) { return Options{}; });
  sum.also = {{{4, 2}, {4, 2}, {4, 3}},          {{1, 1}, {1, 1}, {1, 1}},          {{0, 3, 2}, {0, 3, 2}, {0, 3, 4}},
              {{2, 0, 3}, {2, 0, 3}, {2, 0, 2}}, {{2, 3, 0}, {2, 3, 0}, {2, 3, 2}}, {{2, 3, 2}, {2, 3, 2}, {2, 3, 0}}};
  sum.large = {{3, 2, 150, 16}, {3, 2, 150, 16}, {3, 2, 150, 8}};
  OpRow long_page = row("one long page", "", {{9, 2}, {9, 2}, {9, 3}}, "0 1 2", [](X) { return Options{}; });
  long_page.large = {{1300, 16}, {1300, 16}, {1300, 8}};
  OpRow state = row("state, small chunks", "state chunk", {{2, 4, 3}, {2, 4, 3}, {2, 4, 2}, {2, 3, 2}}, "0 1 2 3",
                    [](X x) { return Options{.state = x[3], .chunk = 3}; });
  state.also = {{{2, 0, 3}, {2, 0, 3}, {2, 0, 2}, {2, 3, 2}}, {{3, 2}, {3, 2}, {3, 4}, {2, 4}}};
  state.large = {{90, 16}, {90, 16}, {90, 8}, {16, 8}};
  OpRow last = row("the last state alone", "state", {{4, 3}, {4, 3}, {4, 2}, {3, 2}}, "0 1 2 3",
                   [](X x) { return Options{.state = x[3]}; });
  last.f = [](X x) { return linear_attention(x[0], x[1], x[2], {.state = x[3]}).state; };
  last.meaning = [](X x) { return step_by_step(x[0], x[1], x[2], {.state = x[3]}).state; };
  OpRow batches = sum;
  batches.form = "batches that broadcast";
  batches.f = [](X x) { return list(linear_attention(x[0], x[1], x[2], {.beta = x[3], .state = x[4]})); };
  batches.meaning = {};
  batches.inputs = {{2, 1, 3, 2}, {3, 3, 2}, {3, 2}, {3}, {1, 2, 2}};
  batches.remembers = "4 +";
  batches.also = {}, batches.large = {};
  const OpInput rate = positive({2, 5});
  OpRow delta = row("the delta rule", "beta chunk", {{2, 5, 3}, {2, 5, 3}, {2, 5, 2}, rate}, "+",
                    [](X x) { return Options{.beta = x[3] / 4, .chunk = 3}; });
  delta.also = {{{2, 0, 3}, {2, 0, 3}, {2, 0, 2}, {2, 0}}, {{2, 1, 2}, {2, 1, 2}, {2, 1, 2}, {2, 1}}};
  OpRow long_delta = delta;
  long_delta.form = "the delta rule, large";
  long_delta.f = [](X x) { return list(linear_attention(x[0] / 4, x[1] / 4, x[2], {.beta = x[3] / 2})); };
  long_delta.meaning = [](X x) { return list(step_by_step(x[0] / 4, x[1] / 4, x[2], {.beta = x[3] / 2})); };
  long_delta.sets = "beta", long_delta.also = {};
  long_delta.large = {{3, 150, 16}, {3, 150, 16}, {3, 150, 8}, {3, 150}};
  OpRow fading = row("fading", "log_decay state chunk", {{2, 5, 3}, {2, 5, 3}, {2, 5, 2}, rate, {2, 3, 2}}, "4 +",
                     [](X x) { return Options{.log_decay = -x[3], .state = x[4], .chunk = 2}; });
  fading.large = {{2, 150, 16}, {2, 150, 16}, {2, 150, 8}, {2, 150}, {2, 16, 8}};
  OpRow all = row("everything", "beta log_decay state chunk", {{2, 5, 3}, {2, 5, 3}, {2, 5, 2}, rate, rate, {2, 3, 2}},
                  "5 +", [](X x) { return Options{.beta = x[3] / 4, .log_decay = -x[4], .state = x[5], .chunk = 4}; });
  return {sum, long_page, state, last, batches, delta, long_delta, fading, all};
}

std::vector<OpRow> recurrent_rows() {
  std::vector<OpRow> r;
  for (const auto& rows : {one_state_rows("rnn_tanh", rnn_tanh, 1), one_state_rows("rnn_relu", rnn_relu, 1),
                           one_state_rows("gru", gru, 3)})
    r.insert(r.end(), rows.begin(), rows.end());
  const OpInput lengths = fixed(index({3}, 4), {2, 4, 1});
  const std::vector<OpRow> lstm_rows{
      {.name = "lstm",
       .f = [](X a) { return list(lstm(a[0], a[1])); },
       .inputs = {{3, 4, 8}, {8, 2}},
       .remembers = "0 1 y",
       .also = {{{0, 2, 8}, {8, 2}}, {{2, 1, 4}, {4, 1}}, {{2, 2, 0}, {0, 0}}, {{1, 2, 20}, {20, 5}}},
       .large = {{130, 3, 384}, {384, 96}}},
      {.name = "lstm",
       .form = "no steps",
       .f = [](X a) { return list(lstm(a[0], a[1], {}, a[2], a[3])); },
       .inputs = {{2, 0, 8}, {8, 2}, {2, 2}, {2, 2}},
       .remembers = "1 2 3 y"},
      {.name = "lstm",
       .form = "bias and first state, backwards",
       .f = [](X a) { return list(lstm(a[0], a[1], a[2], a[3], a[4], {.reverse = true})); },
       .inputs = {{3, 4, 8}, {8, 2}, {8}, {3, 2}, {3, 2}},
       .remembers = "0 1 2 3 4 y",
       .sets = "bias h0 c0 reverse",
       .also = {{{3, 1, 8}, {8, 2}, {8}, {3, 2}, {3, 2}}},
       .large = {{70, 3, 160}, {160, 40}, {160}, {70, 40}, {70, 40}}},
      {.name = "lstm",
       .form = "lengths",
       .f = [](X a) { return list(lstm(a[0], a[1], a[2], a[3], a[4], {.lengths = a[5]})); },
       .inputs = {{3, 4, 8}, {8, 2}, {8}, {3, 2}, {3, 2}, lengths},
       .remembers = "0 1 2 3 4 5 y",
       .sets = "lengths"},
      {.name = "lstm",
       .form = "lengths of a large batch",
       .f = [](X a) { return list(lstm(a[0], a[1], {}, {}, {}, {.lengths = a[2] + 1})); },
       .inputs = {{3, 4, 8}, {8, 2}, index({3}, 4)},
       .remembers = "0 1 y +",
       .large = {{70, 4, 160}, {160, 40}, {70}}},
      {.name = "lstm",
       .form = "lengths, backwards, the last cell alone",
       .f = [](X a) { return lstm(a[0], a[1], {}, a[2], a[3], {.lengths = a[4], .reverse = true}).c; },
       .inputs = {{3, 4, 8}, {8, 2}, {3, 2}, {3, 2}, lengths},
       .remembers = "0 1 2 3 4"},
  };
  r.insert(r.end(), lstm_rows.begin(), lstm_rows.end());
  return r;
}

std::vector<OpRow> position_rows() {
  return {
      {.name = "rope",
       .f = [](X x) { return rope(x[0]); },
       .inputs = {{2, 3, 4}},
       .remembers = "+",
       .also = {{{3, 2}}, {{2, 0, 4}}, {{3, 0}}, {{2, 2, 1, 6}}},
       .large = {{2, 3, 130, 64}}},
      {.name = "rope",
       .form = "interleaved, later",
       .f = [](X x) { return rope(x[0], {.offset = 7, .base = 100, .interleaved = true}); },
       .inputs = {{2, 3, 4}},
       .remembers = "+",
       .sets = "offset base interleaved",
       .also = {{{3, 2}}, {{2, 2, 1, 6}}},
       .large = {{2, 3, 130, 64}}},
      {.name = "rope",
       .form = "positions, some of the columns",
       .f = [](X x) { return rope(x[0], {.positions = x[1], .width = 4}); },
       .inputs = {{2, 2, 3, 5}, index({2, 1, 3}, 1000)},
       .remembers = "+",
       .sets = "positions width",
       .also = {{{3, 4}, {3}}, {{3, 4}, {}}},
       .shortest = 4},
      {.name = "rope",
       .form = "interleaved, some of the columns",
       .f = [](X x) { return rope(x[0], {.positions = x[1], .interleaved = true, .width = 2}); },
       .inputs = {{2, 3, 5}, index({3}, 1000)},
       .remembers = "+",
       .sets = "positions interleaved width",
       .shortest = 2},
  };
}

std::vector<OpRow> core_rows() {  // what reverse mode itself needs
  return {
      {.name = "scale",
       .f = [](X x) { return scale(x[0], -1.5); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = one_large,
       .shortest = 0},
      {.name = "sum_to",
       .f =
           [](X x) {
             return sum_to(x[0], {3, 1});
           },
       .inputs = {{2, 3, 4}},
       .also = {{{0, 3, 2}}},
       .large = {{70, 3, 1003}},
       .shortest = 0},
      {.name = "sum_to",
       .form = "one long sum",
       .f = [](X x) { return sum_to(x[0], {}); },
       .inputs = {{5}},
       .large = {{65537}}},
      {.name = "broadcast_to",
       .f =
           [](X x) {
             return broadcast_to(x[0], {2, 3, 4});
           },
       .inputs = {{3, 1}}},
      {.name = "cast",
       .f = [](X x) { return cast(cast(x[0], f64), x[0].dtype()); },
       .inputs = {{3, 5}},
       .also = one_also,
       .large = one_large,
       .shortest = 0},
      {.name = "stop_gradient", .f = [](X x) { return stop_gradient(x[0]) == x[0]; }, .inputs = {{3, 5}}, .order = 0},
  };
}

}  // namespace heed
