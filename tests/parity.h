#pragma once
// A case of parity with PyTorch: one file of tests/parity and what computes the same here.
#include <heed/core/file.h>
#include <heed/heed.h>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include "catch.h"

namespace parity {

using namespace heed;

inline const std::filesystem::path folder = std::filesystem::path(HEED_SOURCE_DIR) / "tests" / "parity";
inline constexpr double tolerance = 1e-10;  // of |heed - PyTorch| / max(1, |PyTorch|), both in f64

inline double difference(double ours, double theirs) {
  const double d = std::abs(ours - theirs) / std::max(1.0, std::abs(theirs));
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}

// One file of tests/parity, whose README names the keys. Every tensor in it must be asked for: see unasked().
class Reference {
 public:
  TensorFile file;
  nlohmann::json settings = nlohmann::json::parse(file.metadata.at("settings"));
  int compared = 0;  // tensors
  double worst = 0;
  std::string worst_key;

  explicit Reference(const std::string& name) : file(load_safetensors(folder / (name + ".safetensors"))) {}

  const Tensor& at(const std::string& key) {
    asked_.insert(key);
    return file.at(key);
  }
  const Tensor& input(const std::string& name) {  // a variable if it is floating; undefined if the case has none
    const auto [place, first] = inputs_.try_emplace(name);
    Tensor& x = place->second;
    if (first && file.find("input." + name)) {
      x = at("input." + name);
      if (floating(x.dtype())) leaves_.emplace_back(name, x = x.requires_grad());
    }
    return x;
  }
  template <class M>
  M filled(const M& model) {  // with the stored parameters and state, by path
    M filled = cast(model, f64);
    const Parameters trained = parameters(filled);
    for (std::size_t i = 0; i < trained.paths.size(); ++i) {
      assign(trained.values[i], at("param." + trained.paths[i]));
      leaves_.emplace_back(trained.paths[i], trained.values[i]);
    }
    walk(filled, [&](const Item& x) {
      if (x.kind == Item::state) assign(*x.tensor, at("state." + x.path));
    });
    return filled;
  }

  void compare(const std::string& key, const Tensor& ours) {
    const Tensor& theirs = at(key);
    INFO(key);
    REQUIRE(ours.shape().str() == theirs.shape().str());
    REQUIRE(ours.dtype() == theirs.dtype());
    const std::vector<double> a = ours.to_vector(), b = theirs.to_vector();
    for (std::size_t i = 0; i < a.size(); ++i)
      if (const double d = difference(a[i], b[i]); d > worst) worst = d, worst_key = key;
    ++compared;
  }
  // Outputs, and the gradients of all variables and parameters for the stored output gradients.
  void compare(const NamedTensors& outputs) {
    std::vector<Tensor> y, gy, x;
    for (const auto& [name, output] : outputs) {
      compare("output." + name, output);
      if (!file.find("grad_output." + name)) continue;
      y.push_back(output);
      gy.push_back(at("grad_output." + name));
    }
    for (const auto& [name, leaf] : leaves_) x.push_back(leaf);
    const std::vector<Tensor> gx = vjp(y, gy, x);
    for (std::size_t i = 0; i < gx.size(); ++i) compare("grad." + leaves_[i].first, gx[i]);
  }

  std::vector<std::string> unasked() const {
    std::vector<std::string> keys;
    for (const auto& [key, x] : file.tensors)
      if (!asked_.count(key)) keys.push_back(key);
    return keys;
  }

 private:
  std::map<std::string, Tensor> inputs_;
  NamedTensors leaves_;
  std::set<std::string> asked_;
};

using Cases = std::map<std::string, void (*)(Reference&)>;  // by the name of the file
Cases op_cases();
Cases module_cases();
Cases optim_cases();

}  // namespace parity
