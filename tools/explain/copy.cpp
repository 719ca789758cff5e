// A run of train_copy: where the heads of a Neural Turing Machine stand while it copies.
#include "../../models/data/copy.h"
#include "../../core/file.h"
#include "../../models/run/checkpoint.h"
#include "../../models/run/run_folder.h"
#include "models.h"

namespace heed::explain {

json turing_trace(const std::string& run) {
  const RunStart start = last_start(run);
  if (start.program != "train_copy" || start.option("memory") != "ntm")
    throw Error(run + " is no run of train_copy --memory ntm");
  const SavedModel saved = saved_models(run).back();
  const ModelConfig c = load_config(saved.file, "NeuralTuringMachine");
  NeuralTuringMachine model{.in = c.integer("in"),
                            .out = c.integer("out"),
                            .hidden = c.integer("hidden"),
                            .slots = c.integer("slots"),
                            .width = c.integer("width"),
                            .kind = start.option("controller") == "lstm" ? Controller::lstm : Controller::feed_forward};
  load(saved.file, model);

  Unrecorded off;
  Rng rng{1};
  const int64_t length = std::stoll(start.option("longest"));
  const Tensor weights = model(sample_copies({.shortest = length, .longest = length}, 1, rng).x).weights(0);
  auto head = [&](int64_t i) { return rough_json_of(transpose(weights(_, i))); };  // [slots, T]
  return {{"run", run}, {"step", saved.step}, {"read", head(0)}, {"write", head(1)}};
}

}  // namespace heed::explain
