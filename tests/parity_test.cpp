#include <heed/core/file.h>
#include <heed/heed.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include "catch.h"

using namespace heed;

namespace {

const std::filesystem::path folder = std::filesystem::path(HEED_SOURCE_DIR) / "tests" / "parity";
constexpr double tolerance = 1e-10;  // of |heed - PyTorch| / max(1, |PyTorch|), both in f64

double difference(double ours, double theirs) {
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
    walk(filled, [&](const Item& x) {
      if (!x.tensor) return;
      assign(*x.tensor, at((x.kind == Item::trained ? "param." : "state.") + x.path));
      if (x.kind == Item::trained) leaves_.emplace_back(x.path, *x.tensor);
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

// ---- ops

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

// ---- modules

void run_linear(Reference& r) {
  const int64_t in = r.settings["in_features"], out = r.settings["out_features"];
  const bool bias = r.settings["bias"];
  const auto model = r.filled(bias ? Linear{.in = in, .out = out} : Linear{.in = in, .out = out, .bias = {}});
  r.compare({{"y", model(r.input("x"))}});
}

void run_bilinear(Reference& r) {
  const auto model = r.filled(Bilinear{
      .in1 = r.settings["in1_features"], .in2 = r.settings["in2_features"], .out = r.settings["out_features"]});
  r.compare({{"y", model(r.input("x1"), r.input("x2"))}});
}

void run_embedding(Reference& r) {
  const auto model = r.filled(Embedding{.vocab = r.settings["num_embeddings"], .width = r.settings["embedding_dim"]});
  r.compare({{"y", model(r.input("index"))}});
}

void run_layer_norm(Reference& r) {
  const auto model = r.filled(LayerNorm{.width = r.settings["normalized_shape"], .eps = r.settings["eps"]});
  r.compare({{"y", model(r.input("x"))}});
}

void run_dropout_evaluation(Reference& r) {
  const Dropout model{.rate = r.settings["p"]};
  r.compare({{"y", model(r.input("x"))}});
}

void run_feed_forward(Reference& r) {
  const std::string activation = r.settings["activation"];
  const auto model = r.filled(FeedForward{.width = r.settings["width"],
                                          .hidden = r.settings["hidden"],
                                          .activation = activation == "relu"   ? FeedForward::relu
                                                        : activation == "gelu" ? FeedForward::gelu
                                                                               : FeedForward::swiglu,
                                          .bias = r.settings.value("bias", true)});
  r.compare({{"y", model(r.input("x"))}});
}

void run_rms_norm_module(Reference& r) {
  const auto& eps = r.settings["eps"];
  RmsNorm model{.width = r.settings["normalized_shape"]};
  if (!eps.is_null()) model.eps = double(eps);
  r.compare({{"y", r.filled(model)(r.input("x"))}});
}
void run_group_norm_module(Reference& r) {
  const auto model = r.filled(
      GroupNorm{.groups = r.settings["num_groups"], .channels = r.settings["num_channels"], .eps = r.settings["eps"]});
  r.compare({{"y", model(r.input("x"))}});
}
template <class Conv>
void run_conv_module(Reference& r) {
  const auto& s = r.settings;
  auto size = [&s](const char* name) {
    if constexpr (std::is_same_v<Conv, Conv2d>) return Pair(s[name][0], s[name][1]);
    else return int64_t(s[name]);
  };
  Conv model{.in = s["in_channels"],
             .out = s["out_channels"],
             .kernel = size("kernel_size"),
             .stride = size("stride"),
             .padding = size("padding"),
             .dilation = size("dilation"),
             .groups = s["groups"]};
  if (!s["bias"]) model.bias = {};
  r.compare({{"y", r.filled(model)(r.input("x"))}});
}

template <class BatchNorm>
void run_batch_norm(Reference& r) {
  const auto model = r.filled(
      BatchNorm{.channels = r.settings["num_features"], .eps = r.settings["eps"], .momentum = r.settings["momentum"]});
  Rng rng{1};
  if (r.settings["training"]) {
    const Tensor y = model(r.input("x"), &rng);
    r.compare({{"y", y}, {"running_mean", model.running_mean}, {"running_var", model.running_var}});
  } else {
    r.compare({{"y", model(r.input("x"))}});
  }
}

void run_multi_head_attention(Reference& r) {
  const int64_t width = r.settings["embed_dim"];
  const auto model = r.filled(MultiHeadAttention{.width = width,
                                                 .heads = r.settings["num_heads"],
                                                 .bias = r.settings["bias"],
                                                 .kdim = r.settings.value("kdim", width),
                                                 .vdim = r.settings.value("vdim", width)});
  const Tensor& query = r.input("query");
  const Tensor& key = r.input("key").defined() ? r.input("key") : query;
  const Tensor& value = r.input("value").defined() ? r.input("value") : key;
  const MultiHeadOptions options{.mask = r.input("mask"),
                                 .key_mask = r.input("key_mask"),
                                 .bias = r.input("bias"),
                                 .causal = r.settings["causal"] ? Causal::on : Causal::off};

  const Tensor y = model(query, key, value, options);
  const auto [y_too, weights] = model.with_weights(query, key, value, options);
  const bool weights_have_gradients = r.file.find("grad_output.weights");
  r.compare("output.y", weights_have_gradients ? y : y_too);
  r.compare({{"y", weights_have_gradients ? y_too : y}, {"weights", mean(weights, 1)}, {"weights_per_head", weights}});
}

TransformerOptions transformer_options(const nlohmann::json& s) {
  return {.hidden = s["dim_feedforward"],
          .dropout = s["dropout"],
          .activation = s["activation"] == "gelu" ? TransformerOptions::gelu : TransformerOptions::relu,
          .eps = s["layer_norm_eps"],
          .norm_first = s["norm_first"],
          .bias = s["bias"]};
}
template <class Layer, class Stack, class... In>
void run_transformer_part(Reference& r, const In&... in) {
  const int64_t width = r.settings["d_model"], heads = r.settings["nhead"], layers = r.settings["num_layers"];
  const TransformerOptions options = transformer_options(r.settings);
  if (layers) {
    Stack stack{.width = width, .heads = heads, .num_layers = layers, .options = options, .norm = LayerNorm{width}};
    r.compare({{"y", r.filled(stack)(in...)}});
  } else {
    r.compare({{"y", r.filled(Layer{.width = width, .heads = heads, .options = options})(in...)}});
  }
}
Causal causal(const Reference& r) { return r.settings["causal"] ? Causal::on : Causal::off; }

void run_transformer_encoder(Reference& r) {
  const MultiHeadOptions options{.mask = r.input("mask"), .key_mask = r.input("key_mask"), .causal = causal(r)};
  run_transformer_part<TransformerEncoderLayer, TransformerEncoder>(r, r.input("x"), options);
}
void run_transformer_decoder(Reference& r) {
  const DecoderMasks masks{.target = {.key_mask = r.input("key_mask"), .causal = causal(r)},
                           .memory = {.mask = r.input("memory_mask"), .key_mask = r.input("memory_key_mask")}};
  run_transformer_part<TransformerDecoderLayer, TransformerDecoder>(r, r.input("x"), r.input("memory"), masks);
}
void run_transformer(Reference& r) {
  const auto model = r.filled(Transformer{.width = r.settings["d_model"],
                                          .heads = r.settings["nhead"],
                                          .num_encoder_layers = r.settings["num_encoder_layers"],
                                          .num_decoder_layers = r.settings["num_decoder_layers"],
                                          .options = transformer_options(r.settings)});
  const TransformerMasks masks{.source = {.key_mask = r.input("source_key_mask")},
                               .target = {.key_mask = r.input("target_key_mask"), .causal = Causal::on},
                               .memory = {.key_mask = r.input("source_key_mask")}};
  r.compare({{"y", model(r.input("source"), r.input("target"), masks)}});
}

RnnCell::Nonlinearity nonlinearity(const Reference& r) {
  return r.settings.value("nonlinearity", "tanh") == "relu" ? RnnCell::relu : RnnCell::tanh;
}
void run_rnn_cell(Reference& r) {
  const auto model = r.filled(
      RnnCell{.in = r.settings["input_size"], .hidden = r.settings["hidden_size"], .nonlinearity = nonlinearity(r)});
  r.compare({{"h_next", model(r.input("x"), r.input("h"))}});
}
void run_gru_cell(Reference& r) {
  const auto model = r.filled(GruCell{.in = r.settings["input_size"], .hidden = r.settings["hidden_size"]});
  r.compare({{"h_next", model(r.input("x"), r.input("h"))}});
}
void run_lstm_cell(Reference& r) {
  const auto model = r.filled(LstmCell{.in = r.settings["input_size"], .hidden = r.settings["hidden_size"]});
  const LstmState next = model(r.input("x"), {r.input("h"), r.input("c")});
  r.compare({{"h_next", next.h}, {"c_next", next.c}});
}

template <class M>
M recurrent(const Reference& r) {
  return {.in = r.settings["input_size"],
          .hidden = r.settings["hidden_size"],
          .layers = r.settings["num_layers"],
          .bidirectional = r.settings["bidirectional"],
          .bias = r.settings.value("bias", true)};
}
void run_rnn(Reference& r) {
  const auto model = r.filled(Rnn{.in = r.settings["input_size"],
                                  .hidden = r.settings["hidden_size"],
                                  .layers = r.settings["num_layers"],
                                  .bidirectional = r.settings["bidirectional"],
                                  .bias = r.settings.value("bias", true),
                                  .nonlinearity = nonlinearity(r)});
  const auto [y, h] = model(r.input("x"), r.input("lengths"), r.input("h0"));
  r.compare({{"y", y}, {"h_n", h}});
}
void run_gru(Reference& r) {
  const auto [y, h] = r.filled(recurrent<Gru>(r))(r.input("x"), r.input("lengths"), r.input("h0"));
  r.compare({{"y", y}, {"h_n", h}});
}
void run_lstm(Reference& r) {
  const auto model = r.filled(recurrent<Lstm>(r));
  const auto [y, state] = model(r.input("x"), r.input("lengths"), {r.input("h0"), r.input("c0")});
  r.compare({{"y", y}, {"h_n", state.h}, {"c_n", state.c}});
}

// ---- optimizers

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

// ---- the stored cases, and what computes each

const std::map<std::string, void (*)(Reference&)> cases = {
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
    {"linear", run_linear},
    {"linear_no_bias", run_linear},
    {"bilinear", run_bilinear},
    {"embedding", run_embedding},
    {"layer_norm", run_layer_norm},
    {"dropout_evaluation", run_dropout_evaluation},
    {"feed_forward_relu", run_feed_forward},
    {"feed_forward_gelu", run_feed_forward},
    {"rms_norm_module", run_rms_norm_module},
    {"rms_norm_module_eps", run_rms_norm_module},
    {"group_norm_module", run_group_norm_module},
    {"conv1d_module", run_conv_module<Conv1d>},
    {"conv2d_module", run_conv_module<Conv2d>},
    {"conv2d_module_no_bias", run_conv_module<Conv2d>},
    {"feed_forward_swiglu", run_feed_forward},
    {"batch_norm_1d", run_batch_norm<BatchNorm1d>},
    {"batch_norm_1d_length", run_batch_norm<BatchNorm1d>},
    {"batch_norm_1d_evaluation", run_batch_norm<BatchNorm1d>},
    {"batch_norm_2d", run_batch_norm<BatchNorm2d>},
    {"batch_norm_2d_evaluation", run_batch_norm<BatchNorm2d>},
    {"multi_head_attention_self", run_multi_head_attention},
    {"multi_head_attention_no_bias", run_multi_head_attention},
    {"multi_head_attention_cross", run_multi_head_attention},
    {"multi_head_attention_query_key_value", run_multi_head_attention},
    {"multi_head_attention_causal", run_multi_head_attention},
    {"multi_head_attention_key_mask", run_multi_head_attention},
    {"multi_head_attention_causal_key_mask", run_multi_head_attention},
    {"multi_head_attention_weight_gradients", run_multi_head_attention},
    {"multi_head_attention_mask", run_multi_head_attention},
    {"multi_head_attention_bias", run_multi_head_attention},
    {"multi_head_attention_kdim_vdim", run_multi_head_attention},
    {"multi_head_attention_kdim_no_bias", run_multi_head_attention},
    {"transformer_encoder_layer", run_transformer_encoder},
    {"transformer_encoder_layer_pre_norm", run_transformer_encoder},
    {"transformer_encoder_layer_no_bias", run_transformer_encoder},
    {"transformer_encoder_layer_masks", run_transformer_encoder},
    {"transformer_encoder", run_transformer_encoder},
    {"transformer_encoder_pre_norm", run_transformer_encoder},
    {"transformer_decoder_layer", run_transformer_decoder},
    {"transformer_decoder_layer_pre_norm", run_transformer_decoder},
    {"transformer_decoder_layer_no_bias", run_transformer_decoder},
    {"transformer_decoder_layer_masks", run_transformer_decoder},
    {"transformer_decoder", run_transformer_decoder},
    {"transformer", run_transformer},
    {"transformer_pre_norm", run_transformer},
    {"rnn_cell", run_rnn_cell},
    {"rnn_cell_relu", run_rnn_cell},
    {"gru_cell", run_gru_cell},
    {"rnn", run_rnn},
    {"rnn_no_bias", run_rnn},
    {"rnn_relu_everything", run_rnn},
    {"gru", run_gru},
    {"gru_no_bias", run_gru},
    {"gru_bidirectional_lengths", run_gru},
    {"gru_everything", run_gru},
    {"lstm_no_bias", run_lstm},
    {"lstm_cell", run_lstm_cell},
    {"lstm", run_lstm},
    {"lstm_two_layers", run_lstm},
    {"lstm_bidirectional", run_lstm},
    {"lstm_initial_state", run_lstm},
    {"lstm_lengths", run_lstm},
    {"lstm_bidirectional_lengths", run_lstm},
    {"lstm_everything", run_lstm},
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

}  // namespace

TEST_CASE("parity: every stored file has a case, and every case its file") {
  std::vector<std::string> stored, known;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") stored.push_back(entry.path().stem());
  std::sort(stored.begin(), stored.end());
  for (const auto& [name, run] : cases) known.push_back(name);
  CHECK(stored == known);
}

TEST_CASE("parity: outputs, gradients and optimizer steps are PyTorch's within 1e-10") {
  for (const auto& [name, run] : cases) {
    INFO(name);
    Reference r(name);
    CHECK(r.file.metadata.at("case") == name);
    CHECK(r.file.metadata.at("torch").rfind("2.14", 0) == 0);
    run(r);
    INFO("worst difference " << r.worst << " in " << r.worst_key);
    CHECK(r.worst <= tolerance);
    CHECK(r.unasked() == std::vector<std::string>());
  }
}

// tools/parity.sh prints it: a line for what is computed alike, named after the shortest of its cases.
TEST_CASE("parity: the table of differences", "[.][parity]") {
  struct Line {
    std::string name;
    int cases = 0, compared = 0;
    double worst = -1;
    std::string worst_case;
  };
  std::map<void (*)(Reference&), Line> lines;
  for (const auto& [name, run] : cases) {
    Reference r(name);
    run(r);
    Line& line = lines[run];
    if (line.name.empty() || name.size() < line.name.size()) line.name = name;
    ++line.cases;
    line.compared += r.compared;
    if (r.worst > line.worst) line.worst = r.worst, line.worst_case = name + " " + r.worst_key;
  }
  std::vector<Line> sorted;
  for (const auto& [run, line] : lines) sorted.push_back(line);
  std::sort(sorted.begin(), sorted.end(), [](const Line& a, const Line& b) { return a.name < b.name; });
  Line all;
  std::printf("%-34s %6s %9s %9s  %s\n", "name", "cases", "compared", "worst", "in");
  for (const Line& l : sorted) {
    std::printf("%-34s %6d %9d %9.1e  %s\n", l.name.c_str(), l.cases, l.compared, l.worst, l.worst_case.c_str());
    all.cases += l.cases, all.compared += l.compared;
    if (l.worst > all.worst) all.worst = l.worst, all.worst_case = l.worst_case;
  }
  std::printf("%-34s %6d %9d %9.1e  %s\n", "all", all.cases, all.compared, all.worst, all.worst_case.c_str());
}
