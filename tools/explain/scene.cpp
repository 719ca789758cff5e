#include "scene.h"
#include "../../core/version.h"
#include "measured.h"

namespace heed::explain {

std::vector<RowLoss> Scene::row_losses() const {
  std::vector<RowLoss> r;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] == no_target) continue;
    const auto row = int64_t(t);
    r.push_back({row, cross_entropy(logits(row), tensor(std::span(&targets[t], 1), {}))});
  }
  return r;
}

Told tell(const Scene& scene) {
  double digits = 15;
  json r = {{"heed", version()},
            {"model", scene.model},
            {"command", scene.command},
            {"run", scene.run.empty() ? json() : json(scene.run)},
            {"step", scene.step}};
  const int64_t parameters = scene.names.parameters.numel();
  r["parameters"] = parameters;
  r["loss"] = scene.loss.item();
  r["queries"] = scene.queries;
  r["keys"] = scene.keys;

  const Tensor p = softmax(scene.logits.detach());
  const std::vector<int64_t> best = argmax(p).to_vector<int64_t>();
  for (const char* list : {"targets", "predictions", "probabilities"}) r[list] = json::array();
  for (std::size_t t = 0; t < best.size(); ++t) {
    const int64_t target = scene.targets[t];
    const bool wanted = target != no_target;
    r["targets"].push_back(wanted ? json(scene.answers[std::size_t(target)]) : json());
    r["predictions"].push_back(scene.answers[std::size_t(best[t])]);
    r["probabilities"].push_back(wanted ? json(p(int64_t(t), target).item()) : json());
  }

  const std::vector<RowLoss> losses = scene.row_losses();
  r["layers"] = json::array();
  int64_t room = 45'000;  // for the numbers of checks
  for (const Layer& layer : scene.layers) {
    json heads = json::array();
    for (const Head& h : layer.heads) {
      room -= 4 * (h.q.numel() + h.k.numel() + h.v.numel() + 2 * h.q.size(0) * h.k.size(0));
      heads.push_back(json_of(h, room >= 0, digits));
    }
    r["layers"].push_back({{"name", layer.name}, {"heads", heads}, {"paths", paths(layer.ways, losses)}});
  }
  const bool small = parameters <= 2000;
  r["graph"] = graph(scene.loss, scene.ops, scene.names, small);
  r["history"] = json::array();
  for (const Snapshot& s : scene.history) {
    json weights = json::array();
    for (const Tensor& a : s.weights) weights.push_back(rough_json_of(a));
    r["history"].push_back({{"step", s.step}, {"loss", s.loss}, {"gradient", s.gradient}, {"A", weights}});
  }
  r["mechanisms"] = mechanisms(scene.layers[0].heads[0]);
  r["reach"] = reach();
  r["mistakes"] = mistakes();
  if (!scene.tiny.is_null()) r["tiny"] = scene.tiny;
  return {std::move(r), digits};
}

}  // namespace heed::explain
