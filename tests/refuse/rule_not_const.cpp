// expect: the rules of an op must be const
#include <heed/core/op.h>
using namespace heed;
struct Same {
  static constexpr auto name = "same";
  Array forward(const Array& a) const { return a; }
  Tensor d0(Grad g) { return g; }
};
Tensor same(In a) { return apply(a.at, Same{}, a.tensor()); }
