#pragma once
// Initial values, drawn from the thread's default generator (seed(n)); PyTorch's torch.nn.init.
#include <cmath>
#include "../core/tensor.h"

namespace heed::init {

// U(low, high) and N(mean, std^2).
Tensor uniform(const Shape& shape, double low, double high, Dtype t = f32, Where at = Where::here());
Tensor normal(const Shape& shape, double mean, double std, Dtype t = f32, Where at = Where::here());
// N(mean, std^2) given that it lies in [low, high]. Error: std is not above 0, low not below high, or the mean lies
// more than 2 std outside.
Tensor truncated_normal(const Shape& shape, double mean, double std, double low, double high, Dtype t = f32,
                        Where at = Where::here());
// What a weight [out, in, ..] connects: in or out, times the rest. ShapeError below: it has fewer than two dimensions.
enum class Fan { in, out };
// U(-a, a), a = gain sqrt(6 / (fan in + fan out))   (Glorot and Bengio 2010, eq. 16)
Tensor xavier_uniform(const Shape& shape, double gain = 1, Dtype t = f32, Where at = Where::here());
// N(0, 2 / (fan in + fan out) gain^2)
Tensor xavier_normal(const Shape& shape, double gain = 1, Dtype t = f32, Where at = Where::here());
// U(-a, a), a = gain sqrt(3 / fan); gain sqrt 2 suits relu   (He et al. 2015, eq. 10; Fan::out: eq. 14)
Tensor kaiming_uniform(const Shape& shape, double gain = std::sqrt(2.0), Dtype t = f32, Fan fan = Fan::in,
                       Where at = Where::here());
// N(0, gain^2 / fan)
Tensor kaiming_normal(const Shape& shape, double gain = std::sqrt(2.0), Dtype t = f32, Fan fan = Fan::in,
                      Where at = Where::here());
// gain Q, the weight seen as a matrix [out, rest]: rows orthonormal, or columns if there are fewer of these; uniform
// among such matrices   (Saxe, McClelland and Ganguli 2013)
Tensor orthogonal(const Shape& shape, double gain = 1, Dtype t = f32, Where at = Where::here());

// The bound of what a bias begins as, U(-bound, bound): 1 / sqrt(values that an output sees), 0 if there are none
inline double bias_bound(int64_t values) { return values > 0 ? 1 / std::sqrt(double(values)) : 0; }

}  // namespace heed::init
