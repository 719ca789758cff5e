#pragma once
// The models that can be explained.
#include "scene.h"

namespace heed::explain {

struct FruitOptions {
  int64_t steps, seed;
  bool causal;
};
Scene explain_fruit(const FruitOptions& options);  // trains it first

// Of runs of train_dates and train_gpt; without a text, one of their own. Error: no such run, or of another program;
// text that the model cannot read.
Scene explain_dates(const std::string& run, const std::string& text);
Scene explain_gpt(const std::string& run, const std::string& text);

}  // namespace heed::explain
