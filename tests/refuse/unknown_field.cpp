// expect: a module field is neither a tensor, a number, a container nor a plain struct
#include <heed/core/tree.h>
class Opaque {
 public:
  Opaque() {}

 private:
  int n = 0;
};
struct Model {
  Opaque opaque;
};
void visit(const Model& model) { heed::parameters(model); }
