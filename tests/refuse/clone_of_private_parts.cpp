// expect: to be cloned, a type with `fields` needs `T clone(auto& copy) const`
#include <heed/core/tree.h>
class Counter {
 public:
  Counter() {}
  void fields(auto f) { f("count", count_); }

 private:
  int64_t count_ = 0;
};
struct Model {
  Counter counter;
};
Model copy(const Model& model) { return heed::clone(model); }
