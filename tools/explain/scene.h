#pragma once
// What the page is about: one model that has read one sequence, and how its loss flows back.
#include "graph.h"
#include "head.h"
#include "paths.h"

namespace heed::explain {

struct Layer {  // of attention
  std::string name;
  std::vector<Head> heads;
  Ways ways;
};

struct Snapshot {  // of the model as it was, on the same sequence
  int64_t step;
  double loss, gradient;        // the norm over all parameters
  std::vector<Tensor> weights;  // of each layer: [heads, T, S]
};

struct Scene {
  std::string model, command;
  std::string run = {};  // its folder, or none
  int64_t step = 0;
  std::vector<std::string> queries, keys;  // labels of rows and columns
  std::vector<int64_t> targets;            // of the rows; no_target where there is none
  std::vector<std::string> answers;        // labels of the classes
  Tensor logits;                           // [T, classes]
  Tensor loss;                             // of them
  std::vector<AppliedOp> ops;              // that were applied on the way to it
  Names names;
  std::vector<Layer> layers;
  std::vector<Snapshot> history;
  json tiny = {};

  std::vector<RowLoss> row_losses() const;
};
inline constexpr int64_t no_target = -1;

struct Told {
  json data;
  double digits;  // the least that were certified of a gradient, 15 at most
};
Told tell(const Scene& scene);

}  // namespace heed::explain
