#include <heed/heed.h>
#include <iostream>
using namespace heed;

struct Line {
  Parameter slope = parameter(zeros({1})), offset = parameter(zeros({1}));
  Tensor operator()(In x) const { return x * slope + offset; }
};

int main() {
  Tensor x = tensor({-1, 0, 1, 2}), y = tensor({-5, -2, 1, 4});
  Line model;
  for (int step = 0; step < 200; ++step) {
    Tensor loss = mean(pow(model(x) - y, 2.0));
    Gradients g = grad(consume(loss), model);
    Unrecorded here;
    assign(model.slope, model.slope - g.at("slope") * 0.2);
    assign(model.offset, model.offset - g.at("offset") * 0.2);
  }
  std::cout << "slope " << model.slope << " offset " << model.offset << '\n';
  return allclose(model(x), y, 0, 1e-5) ? 0 : 1;
}
