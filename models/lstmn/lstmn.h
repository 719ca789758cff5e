#pragma once
// Reads a string and says what its last place asks for. What reads is an LSTMN, which looks back over all its states,
// or an LSTM, which has the last.
#include "../../nn/embedding.h"
#include "../../nn/lstmn.h"

namespace heed {

struct Reader {
  enum Memory { lstmn, lstm };
  int64_t vocab, answers, width, hidden;
  Memory memory = lstmn;

  Embedding token{vocab, width};
  std::optional<Lstmn> tape = make_if<Lstmn>(memory == lstmn, width, hidden);
  std::optional<Lstm> state = make_if<Lstm>(memory == lstm, width, hidden);
  Linear output{hidden, answers};

  // ids [B, T] i64 -> logits [B, answers]; weights, if wanted: [B, T, T] of an LSTMN
  Tensor operator()(const Tensor& ids, Tensor* weights = nullptr) const {
    const Tensor x = token(ids);
    if (state) return output((*state)(x).y(_, -1));
    const Lstmn::Result r = (*tape)(x);
    if (weights) *weights = r.weights;
    return output(r.y(_, -1));
  }
};

}  // namespace heed
