// expect: use clone(model), std::move or tie(parameter)
#include <heed/core/tree.h>
using namespace heed;
struct Scale {
  int64_t width;
  Parameter weight = parameter(ones({width}));
};
void copy(const Scale& trained) { Scale best = trained; }
