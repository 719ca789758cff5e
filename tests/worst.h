#pragma once
#include <cmath>
#include <limits>

namespace heed {

// The larger error; a NaN is infinite, where std::max would pass over it.
template <class T>
T worse(T worst, T error) {
  if (std::isnan(error)) return std::numeric_limits<T>::infinity();
  return error > worst ? error : worst;
}

}  // namespace heed
