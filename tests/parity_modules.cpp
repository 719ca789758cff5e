#include <heed/models/gpt/gpt.h>
#include "parity.h"

namespace parity {
namespace {

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

void run_gpt(Reference& r) {
  const Gpt model{.vocab = r.settings["vocab"],
                  .context = r.settings["context"],
                  .width = r.settings["width"],
                  .layers = r.settings["layers"],
                  .heads = r.settings["heads"],
                  .kv_heads = r.settings["kv_heads"],
                  .rotary = r.settings["rotary"]};
  r.compare({{"y", r.filled(model)(r.input("ids"))}});
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

}  // namespace

Cases module_cases() {
  return {
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
      {"gpt", run_gpt},
      {"gpt_rotary", run_gpt},
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
  };
}

}  // namespace parity
