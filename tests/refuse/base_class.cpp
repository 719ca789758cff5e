// expect: a module cannot have a base class
#include <heed/core/tree.h>
struct Base {
  int n;
};
struct Model : Base {
  int m;
};
void visit(const Model& model) { heed::parameters(model); }
