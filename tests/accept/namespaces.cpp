// Both namespaces opened, next to the headers whose names are nearest to ours.
#include <heed/heed.h>
#include <math.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>
#include <random>
#include <ranges>
#include <string>
#include <vector>
using namespace heed;
using namespace std;

int main() {
  Rng rng{1337};
  vector<double> numbers{3, 1, 2};
  sort(numbers.begin(), numbers.end());
  Tensor x = tensor(numbers, {3}), index = argmax(x);
  Tensor y = log(exp(x)) + sqrt(pow(x, 2.0)) + tanh(x) * erf(x) - max(x) + sigmoid(-x) / logsumexp(x);
  y = where(x > 1.0, x, y) + where(x == y, 1.0, x);
  y = sum(y) + mean(y) + max(y, -1, keepdim) + relu(y) + gelu(y) + silu(y);
  y = abs(y) + sign(y) + floor(y) + round(y) + sin(y) + cos(y) + atan2(y, x) + expm1(y) + log1p(y) + remainder(y, 2);
  y = maximum(y, minimum(x, 1)) + clamp(y, 0, 1) + lerp(x, y, 0.5) + norm(y) + heed::std(y) + prod(y) + min(y);
  y = where(any(x > 0) & ~all(y > 0), amax(y) + amin(y), cumsum(y, 0) - cumprod(y, 0));
  Tensor table = stack({x, y, concat({x(range(0, 2)), y(range(-1, 3))})});
  table = transpose(reshape(expand(table, {2, 3, 3}), {6, 3}));
  Tensor part = table(_, range(0, 6, 2)), row = table(1);
  part = softmax(part) + log_softmax(part) + slice(part, 0, 0, 3) + dropout(part, 0.1, &rng);
  part = matmul(part, part) + linear(part, part) + gather(part, 0, zeros({1, 3}, i64));
  print(part);
  cout << index << max(2, 3) << min(2, 3) << exp(1.0) << log(2.0f) << abs(-1) << pow(2, 3) << sqrt(2.0) << floor(2.5)
       << round(2.5) << clamp(3, 0, 2) << remainder(5.0, 3.0) << endl;
  sleep(0);
  return equal(x, y) || allclose(x, y);
}
