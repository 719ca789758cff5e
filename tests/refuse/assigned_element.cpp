// expect: no tensor changes: where, scatter and concat make another
#include <heed/core/tensor.h>
using namespace heed;
void set(Tensor& x, const Tensor& y) { x(0, 1) = y; }
