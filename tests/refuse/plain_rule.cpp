// expect: the parameters of a rule say what is remembered for it
#include <heed/core/op.h>
using namespace heed;
struct Twice {
  static constexpr auto name = "twice";
  Array forward(const Array& a) const { return a; }
  Tensor d0(Tensor g, Tensor) const { return g; }
};
Tensor twice(In a) { return apply(a.at, Twice{}, a.tensor()); }
