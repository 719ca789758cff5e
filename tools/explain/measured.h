#pragma once
// What holds of attention in general, measured by heed's own modules.
#include "json.h"

namespace heed::explain {

// How much of a gradient is left so many steps back, with fresh weights: {"steps", "rnn", "lstm", "attention"}
json reach();

// What is often told wrongly of attention, with a number for what was told and one for what is right:
// [{"id": "D1", "wrong": 0.24, "right": 1}, ..]
json mistakes();

}  // namespace heed::explain
