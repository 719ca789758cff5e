#include "parity.h"

namespace parity {
namespace {

struct Perceptron {
  Linear up{3, 4}, down{4, 2};
  Tensor operator()(In x) const { return down(tanh(up(x))); }
};

std::vector<Group> groups(const nlohmann::json& settings) {
  std::vector<Group> r;
  for (const auto& g : settings["groups"]) {
    r.push_back({.pattern = g["pattern"], .lr = g.value("lr", 1.0)});
    if (g.contains("weight_decay")) r.back().weight_decay = g["weight_decay"].get<double>();
  }
  return r;
}

template <class Optimizer>
void train(Reference& r, Optimizer optimizer, double (*schedule)(int64_t) = constant) {
  const auto model = r.filled(Perceptron{});
  const Tensor &x = r.at("input.x"), &target = r.at("input.target");
  auto compare = [&r](const std::string& prefix, const auto& all) {  // Parameters or Gradients
    for (std::size_t i = 0; i < all.paths.size(); ++i) r.compare(prefix + all.paths[i], all.values[i]);
  };
  constexpr int steps = 50;
  std::vector<double> losses;
  for (int step = 1; step <= steps; ++step) {
    const Tensor error = model(x) - target;
    const Tensor loss = mean(error * error) / 2;
    losses.push_back(loss.item());
    const Gradients g = grad(loss, model);
    if (step == 1) compare("grad.", g);
    optimizer.step(model, g, schedule(step - 1));
    if (step == 1 || step == 2 || step == 5 || step == steps)
      compare("step_" + std::to_string(step) + ".", parameters(model));
  }
  r.compare("output.loss", tensor(losses, {steps}, f64));
}

void run_sgd(Reference& r) {
  const auto& s = r.settings;
  train(r, Sgd{.lr = s["lr"],
               .momentum = s["momentum"],
               .weight_decay = s["weight_decay"],
               .nesterov = s["nesterov"],
               .groups = groups(s)});
}

void run_adagrad(Reference& r) {
  const auto& s = r.settings;
  train(r, Adagrad{.lr = s["lr"],
                   .lr_decay = s["lr_decay"],
                   .weight_decay = s["weight_decay"],
                   .initial_accumulator_value = s["initial_accumulator_value"],
                   .eps = s["eps"],
                   .groups = groups(s)});
}

void run_rmsprop(Reference& r) {
  const auto& s = r.settings;
  train(r, RmsProp{.lr = s["lr"],
                   .alpha = s["alpha"],
                   .eps = s["eps"],
                   .weight_decay = s["weight_decay"],
                   .momentum = s["momentum"],
                   .centered = s["centered"],
                   .groups = groups(s)});
}

void run_adadelta(Reference& r) {
  const auto& s = r.settings;
  train(r,
        Adadelta{
            .lr = s["lr"], .rho = s["rho"], .eps = s["eps"], .weight_decay = s["weight_decay"], .groups = groups(s)});
}

template <class Optimizer>  // Adam or AdamW
Optimizer adam(const nlohmann::json& s) {
  return {.lr = s["lr"],
          .beta1 = s["betas"][0],
          .beta2 = s["betas"][1],
          .eps = s["eps"],
          .weight_decay = s["weight_decay"],
          .amsgrad = s["amsgrad"],
          .groups = groups(s)};
}
void run_adam(Reference& r) { train(r, adam<Adam>(r.settings)); }
void run_adamw(Reference& r) { train(r, adam<AdamW>(r.settings)); }

void run_adamax(Reference& r) {
  const auto& s = r.settings;
  train(r, Adamax{.lr = s["lr"],
                  .beta1 = s["betas"][0],
                  .beta2 = s["betas"][1],
                  .eps = s["eps"],
                  .weight_decay = s["weight_decay"],
                  .groups = groups(s)});
}

void run_lion(Reference& r) {
  const auto& s = r.settings;
  train(r, Lion{.lr = s["lr"],
                .beta1 = s["betas"][0],
                .beta2 = s["betas"][1],
                .weight_decay = s["weight_decay"],
                .groups = groups(s)});
}

void run_muon(Reference& r) {
  const auto& s = r.settings;
  const auto& adjust = s["adjust_lr_fn"];
  train(r, Muon{.lr = s["lr"],
                .weight_decay = s["weight_decay"],
                .momentum = s["momentum"],
                .nesterov = s["nesterov"],
                .ns_coefficients = s["ns_coefficients"],
                .eps = s["eps"],
                .ns_steps = s["ns_steps"],
                .adjust_lr_fn = adjust == "match_rms_adamw"      ? Muon::match_rms_adamw
                                : adjust == "spectral_unclamped" ? Muon::spectral_unclamped
                                                                 : Muon::original,
                .groups = groups(s),
                .others = adam<AdamW>(s["others"])});
}

Tensor factors(double (*schedule)(int64_t), int64_t steps) {  // of steps 0, 1, ..
  std::vector<double> values;
  for (int64_t s = 0; s < steps; ++s) values.push_back(schedule(s));
  return tensor(values, {steps}, f64);
}

void run_adamw_schedule(Reference& r) {
  const auto schedule = [](int64_t step) { return cosine(step, 5, 50); };
  r.compare("input.factors", factors(schedule, 50));
  train(r, adam<AdamW>(r.settings), schedule);
}

void run_schedules(Reference& r) {
  REQUIRE(r.settings == nlohmann::json{{"warmup", 5}, {"total", 50}});
  const std::vector<std::pair<const char*, double (*)(int64_t)>> schedules = {
      {"constant", constant},
      {"warmup", [](int64_t s) { return warmup(s, 5); }},
      {"linear", [](int64_t s) { return linear(s, 5, 50, 0.1); }},
      {"cosine", [](int64_t s) { return cosine(s, 0, 50); }},
      {"cosine_with_warmup", [](int64_t s) { return cosine(s, 5, 50); }},
      {"cosine_restarts", [](int64_t s) { return cosine_restarts(s, 8); }},
      {"cosine_restarts_longer", [](int64_t s) { return cosine_restarts(s, 3, 2, 0.1); }},
      {"step", [](int64_t s) { return step_decay(s, 7); }},
      {"step_gamma", [](int64_t s) { return step_decay(s, 7, 0.5); }},
      {"multi_step",
       [](int64_t s) {
         return multi_step(s, {4, 20, 20, 31});
       }},
      {"multi_step_gamma",
       [](int64_t s) {
         return multi_step(s, {4, 20}, 0.5);
       }},
      {"exponential", [](int64_t s) { return exponential(s, 0.9); }},
      {"polynomial", [](int64_t s) { return polynomial(s, 40); }},
      {"polynomial_power", [](int64_t s) { return polynomial(s, 40, 2.5); }},
      {"noam", [](int64_t s) { return noam(s, 64, 10); }},
      {"one_cycle", [](int64_t s) { return one_cycle(s, 50); }},
      {"one_cycle_factors", [](int64_t s) { return one_cycle(s, 50, 0.45, 10, 50); }},
  };
  for (const auto& [name, schedule] : schedules) {
    const std::string key = std::string("output.") + name;
    r.compare(key, factors(schedule, r.at(key).numel()));
  }
}

void run_plateau(Reference& r) {
  const auto& s = r.settings;
  Plateau plateau{.mode = s["mode"] == "max" ? Plateau::max : Plateau::min,
                  .factor = s["factor"],
                  .patience = s["patience"],
                  .threshold = s["threshold"],
                  .threshold_mode = s["threshold_mode"] == "abs" ? Plateau::abs : Plateau::rel,
                  .cooldown = s["cooldown"],
                  .min_factor = s["min_lr"]};
  std::vector<double> values;
  for (double loss : r.at("input.losses").to_vector()) values.push_back(plateau(loss));
  r.compare("output.factors", tensor(values, {int64_t(values.size())}, f64));
}

void run_ema(Reference& r) {
  Ema ema{.decay = r.settings["decay"], .warmup = r.settings["warmup"]};
  const Tensor& values = r.at("input.values");
  const std::vector<Parameter> model = stack_of(1, [] { return parameter(zeros({3}, f64)); });
  std::vector<Tensor> averages;
  for (int64_t i = 0; i < values.size(0); ++i) {
    assign(model[0], values(i));
    ema.update(model);
    averages.push_back(ema.averages.values[0] * 1);
  }
  r.compare("output.average", stack(averages));
}

void run_clip_grad_norm(Reference& r) {
  const Gradients g{{"a", "b"}, {r.at("input.a"), r.at("input.b")}};
  const Gradients clipped = clip(g, r.settings["max_norm"]);
  r.compare("output.norm", full({}, g.norm(), f64));
  for (const auto& path : g.paths) r.compare("output." + path, clipped.at(path));
}

void run_clip_grad_value(Reference& r) {
  r.compare("output.a", clip_value({{"a"}, {r.at("input.a")}}, r.settings["clip_value"]).at("a"));
}

}  // namespace

Cases optim_cases() {
  return {
      {"sgd", run_sgd},
      {"sgd_momentum", run_sgd},
      {"sgd_nesterov", run_sgd},
      {"sgd_weight_decay", run_sgd},
      {"sgd_nesterov_weight_decay", run_sgd},
      {"sgd_groups", run_sgd},
      {"adam", run_adam},
      {"adam_amsgrad", run_adam},
      {"adamw", run_adamw},
      {"adamw_weight_decay", run_adamw},
      {"adamw_betas", run_adamw},
      {"adamw_amsgrad", run_adamw},
      {"adamw_schedule", run_adamw_schedule},
      {"adamax", run_adamax},
      {"adamax_options", run_adamax},
      {"adagrad", run_adagrad},
      {"adagrad_options", run_adagrad},
      {"rmsprop", run_rmsprop},
      {"rmsprop_momentum", run_rmsprop},
      {"rmsprop_centered", run_rmsprop},
      {"rmsprop_options", run_rmsprop},
      {"adadelta", run_adadelta},
      {"adadelta_options", run_adadelta},
      {"lion", run_lion},
      {"lion_options", run_lion},
      {"muon", run_muon},
      {"muon_options", run_muon},
      {"muon_spectral_unclamped", run_muon},
      {"clip_grad_norm", run_clip_grad_norm},
      {"clip_grad_norm_inactive", run_clip_grad_norm},
      {"clip_grad_value", run_clip_grad_value},
      {"ema", run_ema},
      {"ema_warmup", run_ema},
      {"plateau", run_plateau},
      {"plateau_absolute", run_plateau},
      {"plateau_max", run_plateau},
      {"plateau_max_absolute", run_plateau},
      {"schedules", run_schedules},
  };
}

}  // namespace parity
