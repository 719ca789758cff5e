#pragma once
// Recurrent modules of which it is said when the program runs what they are. In paths and files each is what it holds;
// the state of an Rnn or a Gru has no c.
#include <variant>
#include "../core/tree.h"
#include "recurrent.h"

namespace heed {

// What a recurrent module may be.
enum class Cell { rnn, lstm, gru };
Cell cell_named(std::string_view name, Where at = Where::here());  // Error: none of these

// One step      x [B, in], state [B, hidden] -> state; an undefined state is zeros
struct AnyCell {
  std::variant<RnnCell, LstmCell, GruCell> held;

  LstmState operator()(In x, const LstmState& state = {}, Rng* = nullptr) const;

  // What the walk over a model does with it: paths are those of what it holds.
  void walk(std::string& path, Visit visit);
  AnyCell clone(detail::Cloner& copy) const;
};
AnyCell any_cell(Cell kind, int64_t in, int64_t hidden);  // with fresh weights

// Layers over a sequence      x [B, T, in], lengths [B] i64 or undefined, as Rnn, Lstm and Gru
struct AnyRecurrent {
  std::variant<Rnn, Lstm, Gru> held;

  LstmResult operator()(In x, const Tensor& lengths = {}, const LstmState& state = {}, Rng* training = nullptr) const;

  // What the walk over a model does with it: paths are those of what it holds.
  void walk(std::string& path, Visit visit);
  AnyRecurrent clone(detail::Cloner& copy) const;
};
struct RecurrentShape {
  int64_t in, hidden, layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // between layers
};
AnyRecurrent any_recurrent(Cell kind, const RecurrentShape& shape);  // with fresh weights

}  // namespace heed
