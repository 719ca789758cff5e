#pragma once
// The gradient that reaches the input of an attention layer, taken apart by the ways on which it comes.
#include <functional>
#include "json.h"

namespace heed::explain {

struct Ways {
  std::vector<std::string> names;  // "value", "query", ..
  Tensor x;                        // the layer's input, as the loss has seen it: [1, S, width]
  std::vector<Tensor> y;           // what the layer made of it: [1, T, E], or a part of the rows after the other
  std::function<Tensor(const std::vector<Tensor>& x)> again;  // y whole, where each way has an input of its own
};

struct RowLoss {
  int64_t row;
  Tensor loss;
};

struct TakenApart {  // of the loss of each row
  Tensor total;      // [rows, S, width]
  Tensor parts;      // [rows, ways, S, width]: they add up to it
};
TakenApart take_apart(const Ways& ways, const std::vector<RowLoss>& losses);
json paths(const Ways& ways, const std::vector<RowLoss>& losses);

}  // namespace heed::explain
