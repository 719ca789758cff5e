#pragma once
// ---- inside gradcheck: what holds of every function and its gradients, whatever they are
#include "differences.h"
#include "error.h"

namespace heed::checking {

using Many = std::vector<Tensor>;

// vjp, where f may be constant: that is right with a gradient of zero.
Many pulled(const Many& y, const Many& gy, std::span<const Tensor> x, bool create_graph, Where at);
Tensor random_gradient(const Tensor& y, uint64_t key);  // of size 1/2 to 1, with random signs
Many tensors(std::span<const Variable> variables);

class Unchanged {  // what a function is given stays as it is
 public:
  void watch(std::string name, const Tensor& x);
  std::vector<std::string> broken() const;  // a sentence per tensor that was overwritten

 private:
  struct Watched {
    std::string name;
    Tensor tensor;
    std::vector<double> before;
  };
  std::vector<Watched> all_;
};

// A sentence per law that does not hold of f, which gave y, and of its gradients: the same bits when evaluated or
// differentiated again, and with 1 thread as with `threads` if that is more; linear in the output gradients, so zero
// where they are; no memory kept. noise: what rounding does to the gradients, all in one row.
std::vector<std::string> broken_laws(Function::Evaluate f, std::span<const Variable> variables, const Many& y,
                                     const Many& gy, const std::vector<double>& noise, int threads, Where at);

}  // namespace heed::checking
