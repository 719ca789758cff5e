#pragma once
// Reads a string and writes another: an LSTMN that looks back over its own states and over those of the one that has
// read (Cheng, Dong and Lapata 2016, section 4).
#include "../../nn/embedding.h"
#include "../../nn/lstmn.h"
#include "../data/vocabulary.h"

namespace heed {

struct LstmnTranslator {
  int64_t vocab, width, hidden;
  std::optional<LstmnDecoder::Fusion> fusion = LstmnDecoder::deep;  // none: it has the reader's last state alone

  Embedding source{vocab, width}, target{vocab, width};
  Lstmn reader{width, hidden};
  std::optional<LstmnDecoder> writer =
      make_if<LstmnDecoder>(fusion.has_value(), width, hidden, hidden, fusion.value_or(LstmnDecoder::deep));
  std::optional<Lstmn> alone = make_if<Lstmn>(!fusion, width, hidden);
  Linear output{hidden, vocab};

  struct Result {
    Tensor logits;   // [B, T, vocab]
    Tensor weights;  // [B, T, S]: where it looked in the source; undefined without fusion
  };
  // read [B, S] and gold [B, T] i64, what is to be written: before each symbol it is given the gold one before, or, if
  // that is not `given`, its own.
  Result operator()(const Tensor& read, const Tensor& gold, bool given = true) const {
    const Tape tape = reader(source(read)).tape;
    const LstmnDecoder::Source looked_at = writer ? writer->look_at(tape) : LstmnDecoder::Source();
    LstmnDecoder::State state;
    if (alone) state.tape = alone->longer({}, {}, {last_h(tape), tape.states(_, -1, Range{hidden})});
    Tensor symbol = full({read.size(0)}, Vocabulary::start, i64);
    std::vector<Tensor> logits, weights;
    for (int64_t t = 0; t < gold.size(1); ++t) {
      const Tensor x = target(symbol);
      if (writer) state = writer->step(x, state, looked_at), weights.push_back(state.weights);
      else state.tape = alone->step(x, state.tape, alone->weights(x, state.tape));
      logits.push_back(output(last_h(state.tape)));
      symbol = given ? gold(_, t) : argmax(logits.back());
    }
    return {stack(logits, 1), writer ? stack(weights, 1) : Tensor()};
  }
  Tensor last_h(const Tape& tape) const { return tape.states(_, -1, range(0, hidden)); }  // [B, hidden]
};

}  // namespace heed
