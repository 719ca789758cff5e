// expect: std::vector<bool> has no elements one could refer to
#include <heed/core/tree.h>
struct Model {
  std::vector<bool> flags;
};
void visit(const Model& model) { heed::parameters(model); }
