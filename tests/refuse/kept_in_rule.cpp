// expect: what an op has Kept has no history
#include <heed/core/op.h>
using namespace heed;
struct Cheat {
  static constexpr auto name = "cheat";
  struct Kept {
    Array twice;
  };
  std::pair<Array, Kept> forward(const Array& a) const { return {a, {a}}; }
  Tensor d0(Grad, const Kept& kept) const { return Tensor(kept.twice); }
};
Tensor cheat(In a) { return apply(a.at, Cheat{}, a.tensor()); }
