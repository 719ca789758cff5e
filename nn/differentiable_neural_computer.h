#pragma once
#include "controller.h"

namespace heed {

// How used each slot is after the step before: u + w - u w, then freed (Graves et al. 2016, Methods, dynamic memory
// allocation)
// usage u, write weights w [B, slots] and read weights [B, reads, slots] of that step, free gates f [B, reads, 1]
// -> (u + w - u w) prod_i (1 - f_i w_i) [B, slots]
Tensor usage_after(In usage, In write, In read, In free);
// a_phi(j) = (1 - u_phi(j)) prod_{i<j} u_phi(i), phi the slots from the freest to the most used: [.., slots], its sum
// at most 1   (the same). Where two slots are equally used it jumps: of these the first is the freer.
Tensor allocation_weights(In usage);

// Who was written after whom   (the same, temporal memory linkage)
struct Links {
  Tensor matrix;      // L [B, slots, slots]: L_ij, by how much slot i was written right after slot j
  Tensor precedence;  // p [B, slots]: by how much each was written last
};
// L_ij = (1 - w_i - w_j) L_ij + w_i p_j, L_ii = 0; then p = (1 - sum w) p + w, for write weights w [B, slots]
Links linked(const Links& before, In write);

// A net with a memory of `slots` rows beside it, that looks for free slots to write to, and reads by content or in the
// order of writing, forwards or backwards (Graves et al. 2016, Methods).
struct DifferentiableNeuralComputer {
  int64_t in, out, hidden, slots, width;
  int64_t reads = 1;  // read heads; there is one write head
  Controller::Kind kind = Controller::lstm;
  bool frees = true;                                        // else no slot is ever free again
  Controller controller{in + reads * width, hidden, kind};  // of x_t and what was read last
  // The interface: read keys and strengths; write key and strength, erase and write vector; free gates, allocation
  // gate, write gate and read modes.
  Linear heads{hidden, (reads + 3) * width + 5 * reads + 3};
  Linear output{hidden + reads * width, out};  // W_y and W_r beside each other

  struct State {
    LstmState controller;
    Tensor memory;  // M_t [B, slots, width]
    Tensor usage;   // u_t [B, slots]
    Tensor gates;   // f_t, g^a_t, g^w_t [B, reads + 2]: the free gates, that of allocation, that of writing
    Links links;
    Tensor write;    // w^w_t [B, slots]
    Tensor weights;  // w^r_t [B, reads, slots]
    Tensor read;     // r_t [B, reads, width]
  };
  State initial(int64_t batch) const;           // zeros
  State step(In x, const State& before) const;  // x [B, in]

  struct Result {
    Tensor y;        // [B, T, out]
    Tensor weights;  // [B, T, reads + 1, slots]: read heads, then the write head
    Tensor usage;    // [B, T, slots]
    Tensor gates;    // [B, T, reads + 2]
    State state;
  };
  Result operator()(In x, Rng* = nullptr) const;  // x [B, T, in], from the initial state on
};

}  // namespace heed
