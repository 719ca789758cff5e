// expect: a module cannot have a C array as a field
#include <heed/core/tree.h>
struct Model {
  int n;
  double rates[3];
  int m;
};
void visit(const Model& model) { heed::parameters(model); }
