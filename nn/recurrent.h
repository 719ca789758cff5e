#pragma once
// Long short-term memory (Hochreiter and Schmidhuber 1997; with a forget gate, Gers et al. 2000). Gates i, f, g, o in
// this order, names and layouts as torch.nn.LSTM, batch first:
//   i, f, o = sigmoid(W_i x + b_i + W_h h + b_h)   g = tanh(..)   c' = f c + i g   h' = o tanh(c')
#include "dropout.h"
#include "init.h"

namespace heed {

struct LstmState {  // what is carried from step to step
  Tensor h, c;
};

// x [B, in], h and c [B, hidden] -> h and c [B, hidden]; an undefined state is zeros
struct LstmCell {
  int64_t in, hidden;
  Parameter weight_ih = parameter(init::uniform({4 * hidden, in}, -bound(hidden), bound(hidden)));
  Parameter weight_hh = parameter(init::uniform({4 * hidden, hidden}, -bound(hidden), bound(hidden)));
  Parameter bias_ih = parameter(init::uniform({4 * hidden}, -bound(hidden), bound(hidden)));
  Parameter bias_hh = parameter(init::uniform({4 * hidden}, -bound(hidden), bound(hidden)));

  LstmState operator()(In x, const LstmState& state = {}, Rng* = nullptr) const;

  static double bound(int64_t hidden) { return 1 / std::sqrt(double(hidden)); }  // of the first weights
};

struct LstmResult {
  Tensor y;         // [B, T, hidden x directions], of the last layer; 0 past a row's length
  LstmState state;  // h and c [layers x directions, B, hidden], each after the row's last step
};

// Layers over a sequence      x [B, T, in]
class Lstm {
 public:
  struct Setting {
    int64_t in, hidden, layers = 1;
    bool bidirectional = false;
    double dropout = 0;  // between layers
  };
  explicit Lstm(Setting setting);

  // lengths [B] i64: steps of each row that count, 1 .. T; undefined: all. The backward direction starts at each row's
  // last step. An undefined state is zeros.
  LstmResult operator()(In x, const Tensor& lengths = {}, const LstmState& state = {}, Rng* training = nullptr) const;

  const Setting& setting() const { return setting_; }  // as it was made
  void fields(auto f) {                                // weight_ih_l0 .. bias_hh_l0, weight_ih_l0_reverse ..
    f("in", setting_.in), f("hidden", setting_.hidden), f("layers", setting_.layers);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const std::string end = suffix(int64_t(i));
      f("weight_ih" + end, cells_[i].weight_ih), f("weight_hh" + end, cells_[i].weight_hh);
      f("bias_ih" + end, cells_[i].bias_ih), f("bias_hh" + end, cells_[i].bias_hh);
    }
  }
  Lstm clone(auto& copy) const { return Lstm(setting_, copy(cells_)); }

 private:
  Lstm(Setting setting, std::vector<LstmCell> cells) : setting_(setting), cells_(std::move(cells)) {}
  int64_t directions() const { return setting_.bidirectional ? 2 : 1; }
  std::string suffix(int64_t cell) const {
    return "_l" + std::to_string(cell / directions()) + (cell % directions() ? "_reverse" : "");
  }

  Setting setting_;
  std::vector<LstmCell> cells_;  // layer by layer, forward then backward
};

}  // namespace heed
