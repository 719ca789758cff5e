#pragma once
// The models that can be explained.
#include "scene.h"

namespace heed::explain {

struct FruitOptions {
  int64_t steps = 200, seed = 1;
  bool causal = false;
};
Scene explain_fruit(const FruitOptions& options);  // trains it first

// Of runs of train_dates and train_gpt; without a text, one of their own. Error: no such run, or of another program;
// text that the model cannot read.
Scene explain_dates(const std::string& run, const std::string& text);
Scene explain_gpt(const std::string& run, const std::string& text);

// Of a run of train_copy: {"run", "step", "read": [slots, T], "write"}, the weights of both heads while a Neural Turing
// Machine copies one string of bits. Error: no such run, or of another program or memory.
json turing_trace(const std::string& run);

// Lesson 07, the gradients of scaled dot-product attention, with what people write instead: [{"name", "formula",
// "mistakes": [{"formula", "why"}]}]
json exercise_of_attention();

}  // namespace heed::explain
