#include "any_recurrent.h"

namespace heed {

Cell cell_named(std::string_view name, Where at) {
  if (name == "rnn") return Cell::rnn;
  if (name == "lstm") return Cell::lstm;
  if (name == "gru") return Cell::gru;
  fail<Error>(at, "cell_named", "there is no cell " + std::string(name) + ": there are rnn, lstm and gru");
}

AnyCell any_cell(Cell kind, int64_t in, int64_t hidden) {
  if (kind == Cell::rnn) return {RnnCell{in, hidden}};
  if (kind == Cell::lstm) return {LstmCell{in, hidden}};
  return {GruCell{in, hidden}};
}
AnyRecurrent any_recurrent(Cell kind, const RecurrentShape& shape) {
  const auto [in, hidden, layers, bidirectional, dropout] = shape;
  if (kind == Cell::rnn) return {Rnn{in, hidden, layers, bidirectional, dropout}};
  if (kind == Cell::lstm) return {Lstm{in, hidden, layers, bidirectional, dropout}};
  return {Gru{in, hidden, layers, bidirectional, dropout}};
}

LstmState AnyCell::operator()(In x, const LstmState& state, Rng*) const {
  return std::visit(
      [&](const auto& cell) -> LstmState {
        if constexpr (std::is_same_v<decltype(cell), const LstmCell&>) return cell(x, state);
        else return {cell(x, state.h), {}};
      },
      held);
}
LstmResult AnyRecurrent::operator()(In x, const Tensor& lengths, const LstmState& state, Rng* training) const {
  return std::visit(
      [&](const auto& layer) -> LstmResult {
        if constexpr (std::is_same_v<decltype(layer), const Lstm&>) return layer(x, lengths, state, training);
        else {
          auto [y, h] = layer(x, lengths, state.h, training);
          return {y, {h, {}}};
        }
      },
      held);
}

namespace {
void walk_held(auto& held, std::string& path, Visit visit) {
  std::visit([&](auto& module) { detail::walk(module, path, visit); }, held);
}
template <class V>
V copy_of(const V& held, detail::Cloner& copy) {
  return std::visit([&](const auto& module) { return V(copy(module)); }, held);
}
}  // namespace

void AnyCell::walk(std::string& path, Visit visit) { walk_held(held, path, visit); }
AnyCell AnyCell::clone(detail::Cloner& copy) const { return {copy_of(held, copy)}; }
void AnyRecurrent::walk(std::string& path, Visit visit) { walk_held(held, path, visit); }
AnyRecurrent AnyRecurrent::clone(detail::Cloner& copy) const { return {copy_of(held, copy)}; }

}  // namespace heed
