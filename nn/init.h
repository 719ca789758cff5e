#pragma once
// Initial values, drawn from the thread's default generator (seed(n)); PyTorch's torch.nn.init.
#include <cmath>
#include "../core/tensor.h"

namespace heed::init {

// U(low, high) and N(mean, std^2).
Tensor uniform(const Shape& shape, double low, double high, Dtype t = f32);
Tensor normal(const Shape& shape, double mean, double std, Dtype t = f32);
// U(-a, a), a = gain sqrt(6 / (in + out)), of a weight [out, in, ..]   (Glorot and Bengio 2010, eq. 16)
Tensor xavier_uniform(const Shape& shape, double gain = 1, Dtype t = f32);
// N(0, 2 / (in + out) gain^2)
Tensor xavier_normal(const Shape& shape, double gain = 1, Dtype t = f32);
// U(-a, a), a = gain sqrt(3 / in); gain sqrt 2 suits relu   (He et al. 2015, eq. 10)
Tensor kaiming_uniform(const Shape& shape, double gain = std::sqrt(2.0), Dtype t = f32);
// N(0, gain^2 / in)
Tensor kaiming_normal(const Shape& shape, double gain = std::sqrt(2.0), Dtype t = f32);

}  // namespace heed::init
