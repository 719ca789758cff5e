#include "controller.h"
#include "score.h"

namespace heed {

Tensor content_weights(In key, In strength, In memory) {
  Scope here{key};
  return softmax(strength * CosineScore{.eps = 1e-3}(key, memory));
}

}  // namespace heed
