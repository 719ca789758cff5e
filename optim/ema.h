#pragma once
#include "optim.h"

namespace heed {

// The exponential moving average of a model's parameters: e = d e + (1 - d) p at every update, where d is decay, or
// with warmup min(decay, (1 + n) / (10 + n)) after n updates (TensorFlow's num_updates). The first update copies.
//
//   Ema average{.decay = 0.999};
//   for (..) { optimizer.step(model, g);  average.update(model); }
//   Gpt averaged = clone(model);
//   average.copy_to(averaged);
struct Ema {
  double decay = 0.999;
  bool warmup = false;
  int64_t updates = 0;
  Slots averages = {};

  // After a step of the optimizer. GradError: the averages are of another model; DtypeError: not of f32 or f64.
  void update(const Trained& model, Where at = Where::here());
  // Into the model's parameters, or in exchange for them: a second exchange gives them back. GradError: one has no
  // average.
  void copy_to(const Trained& model, Where at = Where::here()) const;
  void exchange(const Trained& model, Where at = Where::here());
};

}  // namespace heed
