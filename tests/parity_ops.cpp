#include "parity.h"

namespace parity {
namespace {

void run_relu(Reference& r) { r.compare({{"y", relu(r.input("x"))}}); }
void run_gelu(Reference& r) { r.compare({{"y", gelu(r.input("x"))}}); }
void run_elementwise(Reference& r) {
  const Tensor &x = r.input("x"), &y = r.input("y"), positive = heed::abs(x);
  r.compare({{"abs", heed::abs(x)},
             {"sign", sign(x)},
             {"floor", heed::floor(x)},
             {"round", heed::round(x)},
             {"square", square(x)},
             {"reciprocal", reciprocal(x)},
             {"exp", exp(x)},
             {"expm1", heed::expm1(x)},
             {"sin", heed::sin(x)},
             {"cos", heed::cos(x)},
             {"tanh", heed::tanh(x)},
             {"sigmoid", sigmoid(x)},
             {"erf", heed::erf(x)},
             {"log", log(positive)},
             {"log1p", heed::log1p(positive)},
             {"sqrt", heed::sqrt(positive)},
             {"rsqrt", rsqrt(positive)},
             {"atan2", heed::atan2(x, y)},
             {"maximum", maximum(x, y)},
             {"minimum", minimum(x, y)},
             {"remainder", heed::remainder(x, y)},
             {"relu", relu(x)},
             {"leaky_relu", leaky_relu(x)},
             {"leaky_relu_slope", leaky_relu(x, 0.3)},
             {"elu", elu(x)},
             {"elu_alpha", elu(x, 1.7)},
             {"silu", silu(x)},
             {"gelu_tanh", gelu(x, Approximate::tanh)},
             {"softplus", softplus(x)},
             {"softplus_beta", softplus(x, 3, 2.5)},
             {"clamp", clamp(x, -0.5, 0.7)},
             {"clamp_tensors", clamp(x, y - 0.5, y + 0.5)},
             {"masked_fill", masked_fill(x, y > 0, 0.5)},
             {"lerp", lerp(x, y, 0.3)},
             {"addcmul", addcmul(x, x, y, -1.5)}});
}

void run_reductions(Reference& r) {
  const Tensor &x = r.input("x"), &z = r.input("z");
  const double infinity = std::numeric_limits<double>::infinity();
  r.compare({{"var", var(x)},
             {"var_dims", var(x, {0, 2}, keepdim, 0)},
             {"std", heed::std(x, 1)},
             {"prod", prod(z)},
             {"prod_dim", prod(z, -1, keepdim)},
             {"cumsum", cumsum(x, 0)},
             {"cumprod", cumprod(z, -1)},
             {"amax", amax(z, {0, 1})},
             {"amin", amin(z)},
             {"argmin", argmin(z)},
             {"count_nonzero", count_nonzero(z, 0)},
             {"all", all(z != 0, -1)},
             {"any", any(z == 0, 0)},
             {"norm_0", norm(x, 0, {0, 1})},
             {"norm_0.5", norm(x, 0.5, {0, 1})},
             {"norm_1", norm(x, 1, {0, 1})},
             {"norm_2", norm(x, 2, {0, 1})},
             {"norm_3", norm(x, 3, {0, 1})},
             {"norm_inf", norm(x, infinity, {0, 1})},
             {"norm_-1", norm(x, -1, {0, 1})},
             {"norm_-inf", norm(x, -infinity, {0, 1})},
             {"norm_with_zeros", norm(z, 0.5, -1)}});
}

void run_logsumexp(Reference& r) { r.compare({{"y", logsumexp(r.input("x"), r.settings["dim"])}}); }
void run_softmax(Reference& r) { r.compare({{"y", softmax(r.input("x"), r.settings["dim"])}}); }
void run_log_softmax(Reference& r) { r.compare({{"y", log_softmax(r.input("x"), r.settings["dim"])}}); }
void run_cross_entropy(Reference& r) { r.compare({{"y", cross_entropy(r.input("logits"), r.input("target"))}}); }
void run_layer_norm_no_affine(Reference& r) { r.compare({{"y", layer_norm(r.input("x"))}}); }

Tensor numbers(const nlohmann::json& s, const Shape& shape) {  // undefined if the settings have none
  std::vector<double> values;
  for (const auto& x : s) x.is_array() ? values.push_back(x[0]) : values.push_back(x);
  return s.is_null() ? Tensor() : tensor(values, shape, f64);
}
Pair pair(const nlohmann::json& settings, const char* name, Pair otherwise) {
  return settings.contains(name) ? Pair(settings[name][0], settings[name][1]) : otherwise;
}

// loss(x, target, reduction) for every reduction of the case.
template <class F>
void compare_losses(Reference& r, F loss) {
  const std::map<std::string, Reduction> reductions{{"mean", Reduction::mean},
                                                    {"sum", Reduction::sum},
                                                    {"none", Reduction::none},
                                                    {"batchmean", Reduction::batchmean}};
  NamedTensors outputs;
  for (const auto& [name, reduction] : reductions)
    if (r.file.find("output." + name)) outputs.emplace_back(name, loss(r.input("x"), r.input("target"), reduction));
  r.compare(outputs);
}
void run_cross_entropy_options(Reference& r) {
  compare_losses(r, [&](const Tensor& x, const Tensor& target, Reduction reduction) {
    return cross_entropy(x, target,
                         {.weight = numbers(r.settings["weight"], {5}),
                          .ignore_index = r.settings.value("ignore_index", -100),
                          .reduction = reduction,
                          .label_smoothing = r.settings.value("label_smoothing", 0.0)});
  });
}
void run_nll_loss(Reference& r) {
  compare_losses(r, [&](const Tensor& x, const Tensor& target, Reduction reduction) {
    return nll_loss(x, target,
                    {.weight = numbers(r.settings["weight"], {5}),
                     .ignore_index = r.settings.value("ignore_index", -100),
                     .reduction = reduction});
  });
}
void run_binary_cross_entropy_with_logits(Reference& r) {
  compare_losses(r, [&](const Tensor& x, const Tensor& target, Reduction reduction) {
    return binary_cross_entropy_with_logits(x, target,
                                            {.weight = numbers(r.settings["weight"], {3, 1}),
                                             .pos_weight = numbers(r.settings["pos_weight"], {4}),
                                             .reduction = reduction});
  });
}
void run_mse_loss(Reference& r) {
  compare_losses(r, [](auto&... x) { return mse_loss(x...); });
}
void run_l1_loss(Reference& r) {
  compare_losses(r, [](auto&... x) { return l1_loss(x...); });
}
void run_huber_loss(Reference& r) {
  const double delta = r.settings.value("delta", 1.0);
  compare_losses(r, [&](auto& x, auto& target, Reduction how) { return huber_loss(x, target, delta, how); });
}
void run_kl_div(Reference& r) {
  const bool log_target = r.settings.value("log_target", false);
  compare_losses(r, [&](const Tensor& x, const Tensor& target, Reduction reduction) {
    return kl_div(x, target, {.reduction = reduction, .log_target = log_target});
  });
}
void run_cosine_similarity(Reference& r) {
  r.compare({{"y", cosine_similarity(r.input("a"), r.input("b"), r.settings["dim"], r.settings["eps"])}});
}

void run_rms_norm_no_affine(Reference& r) { r.compare({{"y", rms_norm(r.input("x"))}}); }
void run_rms_norm(Reference& r) {
  r.compare({{"y", rms_norm(r.input("x"), r.input("weight"), double(r.settings["eps"]))}});
}
void run_group_norm(Reference& r) {
  const Tensor y =
      group_norm(r.input("x"), r.settings["num_groups"], r.input("weight"), r.input("bias"), r.settings["eps"]);
  r.compare({{"y", y}});
}
void run_glu(Reference& r) { r.compare({{"y", glu(r.input("x"), r.settings["dim"])}}); }
void run_swiglu(Reference& r) { r.compare({{"y", swiglu(r.input("gate"), r.input("x"))}}); }

void run_conv1d(Reference& r) {
  const Conv1dOptions options{.stride = r.settings.value("stride", 1),
                              .padding = r.settings.value("padding", 0),
                              .dilation = r.settings.value("dilation", 1),
                              .groups = r.settings.value("groups", 1)};
  r.compare({{"y", conv1d(r.input("x"), r.input("weight"), r.input("bias"), options)}});
}
void run_conv2d(Reference& r) {
  const Conv2dOptions options{.stride = pair(r.settings, "stride", 1),
                              .padding = pair(r.settings, "padding", 0),
                              .dilation = pair(r.settings, "dilation", 1),
                              .groups = r.settings.value("groups", 1)};
  r.compare({{"y", conv2d(r.input("x"), r.input("weight"), r.input("bias"), options)}});
}
void run_max_pool2d(Reference& r) {
  const MaxPoolOptions options{.stride = pair(r.settings, "stride", 0),
                               .padding = pair(r.settings, "padding", 0),
                               .dilation = pair(r.settings, "dilation", 1),
                               .ceil_mode = r.settings.value("ceil_mode", false)};
  r.compare({{"y", max_pool2d(r.input("x"), pair(r.settings, "kernel_size", 0), options)}});
}
void run_avg_pool2d(Reference& r) {
  const AvgPoolOptions options{.stride = pair(r.settings, "stride", 0),
                               .padding = pair(r.settings, "padding", 0),
                               .ceil_mode = r.settings.value("ceil_mode", false),
                               .count_include_pad = r.settings.value("count_include_pad", true)};
  r.compare({{"y", avg_pool2d(r.input("x"), pair(r.settings, "kernel_size", 0), options)}});
}
void run_adaptive_avg_pool2d(Reference& r) {
  r.compare({{"y", adaptive_avg_pool2d(r.input("x"), pair(r.settings, "output_size", 0))}});
}
void run_rope(Reference& r) {
  const RopeOptions options{.positions = r.input("positions"),
                            .offset = r.settings.value("offset", 0),
                            .base = r.settings.value("base", 10000.0),
                            .interleaved = r.settings.value("interleaved", false),
                            .width = r.settings.value("width", 0)};
  r.compare({{"y", rope(r.input("x"), options)}});
}

void run_scaled_dot_product_attention(Reference& r) {
  const Tensor &q = r.input("q"), &k = r.input("k"), &v = r.input("v");
  AttentionOptions options{.bias = r.input("bias"), .mask = r.input("mask"), .scale = r.settings.value("scale", 0.0)};
  const std::string causal = r.settings.value("causal", "");
  if (causal == "upper_left") options.causal = q.size(-2) == k.size(-2) ? Causal::on : Causal::upper_left;
  if (causal == "lower_right") options.causal = Causal::lower_right;
  r.compare({{"y", scaled_dot_product_attention(q, k, v, options)}});
}

void run_topk(Reference& r) {
  const auto [values, indices] = topk(r.input("x"), r.settings["k"], r.settings["dim"]);
  r.compare({{"values", values}, {"indices", indices}});
}

void run_sort(Reference& r) {
  const auto [values, indices] = sort(r.input("x"), r.settings["dim"], r.settings["descending"]);
  r.compare({{"values", values}, {"indices", indices}});
}
void run_pad(Reference& r) {
  const std::vector<int64_t> widths = r.settings["pad"];
  r.compare({{"y", pad(r.input("x"), widths, r.settings["value"])}});
}
void run_unfold(Reference& r) {
  r.compare({{"y", unfold(r.input("x"), r.settings["dimension"], r.settings["size"], r.settings["step"])}});
}
void run_diagonal(Reference& r) {
  r.compare({{"y", diagonal(r.input("x"), r.settings["offset"], r.settings["dim1"], r.settings["dim2"])}});
}
void run_movedim(Reference& r) {
  const std::vector<int> from = r.settings["source"], to = r.settings["destination"];
  r.compare({{"y", movedim(r.input("x"), {from[0], from[1]}, {to[0], to[1]})}});
}
void run_roll(Reference& r) { r.compare({{"y", roll(r.input("x"), r.settings["shifts"], r.settings["dims"])}}); }
void run_repeat(Reference& r) {
  const std::vector<int64_t> counts = r.settings["counts"];
  r.compare({{"y", repeat(r.input("x"), Shape(counts))}});
}
void run_repeat_interleave(Reference& r) {
  r.compare({{"y", repeat_interleave(r.input("x"), r.settings["repeats"], r.settings["dim"])}});
}
void run_index_one(Reference& r) { r.compare({{"y", r.input("x")(_, r.input("i"))}}); }
void run_index_beside(Reference& r) { r.compare({{"y", r.input("x")(Range{1}, r.input("i"), r.input("j"), 1)}}); }
void run_index_apart(Reference& r) { r.compare({{"y", r.input("x")(_, r.input("i"), _, r.input("j"))}}); }
void run_index_number_between(Reference& r) { r.compare({{"y", r.input("x")(_, r.input("i"), 1, r.input("j"))}}); }
void run_index_mask(Reference& r) { r.compare({{"y", r.input("x")(_, r.input("mask"))}}); }
void run_index_mask_beside(Reference& r) { r.compare({{"y", r.input("x")(r.input("mask"), Range{1}, r.input("i"))}}); }
void run_scatter(Reference& r) {
  r.compare({{"y", scatter(r.input("x"), r.settings["dim"], r.input("index"), r.input("src"))}});
}
void run_index_add(Reference& r) {
  r.compare({{"y", index_add(r.input("x"), r.settings["dim"], r.input("index"), r.input("src"), r.settings["alpha"])}});
}
void run_take_along_dim(Reference& r) {
  r.compare({{"y", take_along(r.input("x"), r.input("index"), r.settings["dim"])}});
}
void run_einsum(Reference& r) {
  std::vector<Tensor> x;
  while (r.input("x" + std::to_string(x.size())).defined()) x.push_back(r.input("x" + std::to_string(x.size())));
  r.compare({{"y", einsum(std::string(r.settings["equation"]), x)}});
}

}  // namespace

Cases op_cases() {
  return {
      {"relu", run_relu},
      {"gelu", run_gelu},
      {"elementwise", run_elementwise},
      {"reductions", run_reductions},
      {"logsumexp", run_logsumexp},
      {"topk", run_topk},
      {"sort", run_sort},
      {"sort_descending_equals", run_sort},
      {"pad", run_pad},
      {"pad_cropped", run_pad},
      {"unfold", run_unfold},
      {"diagonal", run_diagonal},
      {"diagonal_below", run_diagonal},
      {"movedim", run_movedim},
      {"roll", run_roll},
      {"repeat", run_repeat},
      {"repeat_interleave", run_repeat_interleave},
      {"index_one", run_index_one},
      {"index_beside", run_index_beside},
      {"index_apart", run_index_apart},
      {"index_number_between", run_index_number_between},
      {"index_mask", run_index_mask},
      {"index_mask_beside", run_index_mask_beside},
      {"scatter", run_scatter},
      {"index_add", run_index_add},
      {"take_along_dim", run_take_along_dim},
      {"einsum_attention", run_einsum},
      {"einsum_bilinear", run_einsum},
      {"einsum_diagonals", run_einsum},
      {"einsum_dots", run_einsum},
      {"einsum_dots_summed", run_einsum},
      {"einsum_implied", run_einsum},
      {"einsum_stretched", run_einsum},
      {"softmax", run_softmax},
      {"softmax_dim_1", run_softmax},
      {"log_softmax", run_log_softmax},
      {"cross_entropy", run_cross_entropy},
      {"cross_entropy_weight", run_cross_entropy_options},
      {"cross_entropy_smoothing", run_cross_entropy_options},
      {"cross_entropy_everything", run_cross_entropy_options},
      {"cross_entropy_probabilities", run_cross_entropy_options},
      {"cross_entropy_probabilities_everything", run_cross_entropy_options},
      {"nll_loss", run_nll_loss},
      {"nll_loss_everything", run_nll_loss},
      {"binary_cross_entropy_with_logits", run_binary_cross_entropy_with_logits},
      {"binary_cross_entropy_with_logits_everything", run_binary_cross_entropy_with_logits},
      {"mse_loss", run_mse_loss},
      {"l1_loss", run_l1_loss},
      {"huber_loss", run_huber_loss},
      {"huber_loss_delta", run_huber_loss},
      {"kl_div", run_kl_div},
      {"kl_div_log_target", run_kl_div},
      {"cosine_similarity", run_cosine_similarity},
      {"cosine_similarity_broadcast", run_cosine_similarity},
      {"rms_norm_no_affine", run_rms_norm_no_affine},
      {"rms_norm", run_rms_norm},
      {"group_norm", run_group_norm},
      {"group_norm_no_affine", run_group_norm},
      {"glu", run_glu},
      {"swiglu", run_swiglu},
      {"conv1d", run_conv1d},
      {"conv1d_everything", run_conv1d},
      {"conv2d", run_conv2d},
      {"conv2d_everything", run_conv2d},
      {"conv2d_depthwise", run_conv2d},
      {"max_pool2d", run_max_pool2d},
      {"max_pool2d_everything", run_max_pool2d},
      {"max_pool2d_ties", run_max_pool2d},
      {"avg_pool2d", run_avg_pool2d},
      {"avg_pool2d_ceil", run_avg_pool2d},
      {"avg_pool2d_exclude_pad", run_avg_pool2d},
      {"adaptive_avg_pool2d", run_adaptive_avg_pool2d},
      {"adaptive_avg_pool2d_finer", run_adaptive_avg_pool2d},
      {"rope", run_rope},
      {"rope_interleaved", run_rope},
      {"rope_positions", run_rope},
      {"rope_interleaved_positions", run_rope},
      {"layer_norm_no_affine", run_layer_norm_no_affine},
      {"scaled_dot_product_attention", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_lengths", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_scale", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_bias", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_bias_broadcast", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_mask", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_fully_masked", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_causal", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_causal_upper_left", run_scaled_dot_product_attention},
      {"scaled_dot_product_attention_causal_lower_right", run_scaled_dot_product_attention},
  };
}

}  // namespace parity
