#pragma once
// What the training scripts of this folder let the user choose.
#include "../../core/file.h"
#include "../run/options.h"
#include "../run/run_folder.h"
#include "seq2seq.h"

namespace heed {

// How a model is made, and how it is taught.
struct Seq2SeqSettings {
  int64_t width, hidden;
  Forcing forcing = {};
  Attends attends = Attends::additive;
  Cell cell = Cell::lstm;
  Normalizer normalizer = Normalizer::softmax;

  // Made so, with fresh weights.
  Seq2Seq model(int64_t source_vocab, int64_t target_vocab) const {
    return {.source_vocab = source_vocab,
            .target_vocab = target_vocab,
            .width = width,
            .hidden = hidden,
            .attends = attends,
            .cell = cell,
            .normalizer = normalizer};
  }
};

// --attention, --normalizer, --cell, --width, --hidden, --forcing and --forcing-per. What `usual` has is their default.
// Error: a normalizer where there are no weights, or softmax is part of what is asked for.
inline Seq2SeqSettings seq2seq_settings(Options& options, const Seq2SeqSettings& usual) {
  Seq2SeqSettings r = usual;
  options.group("Model");
  r.attends = attends_named(options.choice("--attention", attends_names, "how the decoder sees the source"));
  r.normalizer = normalizer_of(
      options.choice("--normalizer", {"softmax", "sparsemax", "relu", "relu/n", "sigmoid"}, "from scores to weights"));
  r.cell = cell_named(options.choice("--cell", {"lstm", "gru", "rnn"}, "of encoder and decoder"));
  r.width = options.integer("--width", usual.width, "of the embeddings", at_least(1));
  r.hidden = options.integer("--hidden", usual.hidden, "of each recurrent layer", at_least(1));
  r.forcing.probability = options.number("--forcing", usual.forcing.probability,
                                         "probability that the decoder is given the true last symbol", between(0, 1));
  r.forcing.per_sequence =
      options.choice("--forcing-per", {"step", "sequence"}, "how often that is decided") == "sequence";
  if (r.attends == Attends::none || r.attends == Attends::local)
    options.no_part("--normalizer", "--attention " + attends_names[std::size_t(r.attends)]);
  return r;
}

// The model that a run of a script of this folder has saved in a file, one of its saved_models. FileError: it is of
// another kind.
inline Seq2Seq load_seq2seq(const std::string& path, const RunStart& start, Where at = Where::here()) {
  const ModelConfig config = load_config(path, "Seq2Seq", at);
  Seq2Seq model{.source_vocab = config.integer("source_vocab"),
                .target_vocab = config.integer("target_vocab"),
                .width = config.integer("width"),
                .hidden = config.integer("hidden"),
                .attends = attends_named(start.option("attention", at), at),
                .cell = cell_named(start.option("cell", at), at),
                .normalizer = normalizer_of(start.option("normalizer", at), at)};
  load(path, model, at);
  return model;
}

}  // namespace heed
