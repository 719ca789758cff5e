#include "paths.h"

namespace heed::explain {

TakenApart take_apart(const Ways& ways, const std::vector<RowLoss>& losses) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < ways.names.size(); ++i) inputs.push_back(ways.x.detach().requires_grad());
  const Tensor y = ways.again(inputs);

  std::vector<Tensor> targets = ways.y;
  targets.push_back(ways.x);
  std::vector<Tensor> totals, parts;
  for (const RowLoss& of : losses) {
    std::vector<Tensor> d = grad(of.loss, targets);
    totals.push_back(d.back()(0));
    d.pop_back();
    parts.push_back(concat(vjp(y, concat(d, 1), inputs)));
  }
  return {stack(totals), stack(parts)};
}

json paths(const Ways& ways, const std::vector<RowLoss>& losses) {
  const auto [total, part] = take_apart(ways, losses);
  std::vector<int64_t> rows;
  for (const RowLoss& of : losses) rows.push_back(of.row);
  const Tensor size = norm(total, 2, -1), whole = unsqueeze(size, 1);
  const Tensor along = sum(part * unsqueeze(total, 1), -1) / where(whole == 0, 1, whole);
  json r{{"rows", rows},
         {"names", ways.names},
         {"along", json_of(along)},
         {"norms", json_of(norm(part, 2, -1))},
         {"total", json_of(size)}};
  if (part.numel() <= 4096) r["vectors"] = json_of(part);
  return r;
}

}  // namespace heed::explain
