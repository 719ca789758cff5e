// expect: the fields of this struct cannot be counted
#include <heed/core/tree.h>
struct FromAnything {
  template <class T>
  FromAnything(T) {}
};
struct Model {
  FromAnything first;
  int n;
};
void visit(const Model& model) { heed::parameters(model); }
