#pragma once

namespace heed::kernels {

template <class T>
bool above(T a, T b) {  // NaN is above everything
  return a > b || (a != a && b == b);
}

}  // namespace heed::kernels
