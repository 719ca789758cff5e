#pragma once
#include "controller.h"

namespace heed {

// Weights that turn around the end by s(j) slots at once: y(i) = sum_j w(i - j) s(j), j = -reach .. reach
// (Graves, Wayne and Danihelka 2014, eq. 8)
// w [.., slots], s [.., 2 reach + 1] -> [.., slots]. ShapeError: s is even, or wider than w.
Tensor circular_shift(In w, In s);
// w^gamma / sum w^gamma over the last dimension, gamma [.., 1]   (the same, eq. 9)
Tensor sharpen(In w, In gamma);

// A net with a memory of `slots` rows beside it, where its heads look by content or walk along (Graves, Wayne and
// Danihelka 2014). In a step all heads find their place in M_{t-1}; then the write heads write, and the read heads read
// M_t.
struct NeuralTuringMachine {
  int64_t in, out, hidden, slots, width;
  int64_t reads = 1, writes = 1;  // heads
  int64_t reach = 1;              // of a shift, in slots
  Controller::Kind kind = Controller::feed_forward;
  Controller controller{in + reads * width, hidden, kind};  // of x_t and what was read last
  // What the controller tells the heads: of each key, strength, gate, shift and gamma; of write heads erase and add.
  Linear heads = initial_heads();
  Linear output{hidden + reads * width, out};

  struct State {
    LstmState controller;
    Tensor memory;   // M_t [B, slots, width]
    Tensor weights;  // w_t [B, reads + writes, slots], the read heads first
    Tensor read;     // r_t [B, reads, width]
  };
  // Every head at slot 0 of a memory that is 1e-6 throughout.
  State initial(int64_t batch) const;
  State step(In x, const State& before) const;  // x [B, in]

  struct Result {
    Tensor y;        // [B, T, out]
    Tensor weights;  // [B, T, reads + writes, slots]
    State state;
  };
  Result operator()(In x, Rng* = nullptr) const;  // x [B, T, in], from the initial state on

  // Those of Linear, but for biases by which heads begin as sharp ones that rather walk than look.
  Linear initial_heads() const;
};

}  // namespace heed
