#include "tree.h"
#include <algorithm>

namespace heed {

std::string summary_text(const Parameters& all, std::size_t trained) {
  std::size_t widest = 4, total = 0, bytes = 0;
  std::vector<std::string> shapes;
  std::size_t widest_shape = 5;
  for (std::size_t i = 0; i < all.paths.size(); ++i) {
    shapes.push_back(all.values[i].shape().str());
    widest = std::max(widest, all.paths[i].size());
    widest_shape = std::max(widest_shape, shapes[i].size());
  }
  auto padded = [](const std::string& s, std::size_t n) { return s + std::string(n - s.size(), ' '); };
  std::string text = padded("name", widest) + "  " + padded("shape", widest_shape) + "  elements\n";
  for (std::size_t i = 0; i < all.paths.size(); ++i) {
    const Tensor& t = all.values[i];
    text += padded(all.paths[i], widest) + "  " + padded(shapes[i], widest_shape) + "  " + std::to_string(t.numel());
    text += t.tracked() ? "\n" : t.edge().node ? "  frozen\n" : "  state\n";
    total += std::size_t(t.numel());
    bytes += std::size_t(t.numel()) * width(t.dtype());
  }
  return text + std::to_string(total) + " elements, " + std::to_string(trained) + " trained, " + std::to_string(bytes) +
         " bytes\n";
}

}  // namespace heed
