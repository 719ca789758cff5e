#include <heed/nn/feed_forward.h>
#include <heed/nn/norm.h>
#include <heed/nn/recurrent.h>
#include <heed/nn/sequential.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmath>
#include <csignal>
#include <limits>
#include "files.h"

using namespace heed;
using namespace files;

namespace {

std::string safetensors(const std::string& header, const std::string& data) {
  return bytes(uint64_t(header.size())) + header + data;
}
std::string safetensors_error(const Folder& folder, std::string_view file) {
  write(folder / "broken", file);
  return error_of([&] { load_safetensors(folder / "broken"); });
}
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

}  // namespace

TEST_CASE("safetensors: what is saved is loaded") {
  const Folder folder;
  const Metadata metadata{{"empty", ""}, {"text", "\"quotes\", a line\nand \xc3\xa9"}};
  save_safetensors(folder / "x", samples(), metadata);
  const TensorFile file = load_safetensors(folder / "x");
  check_same(file, samples());
  CHECK(file.metadata == metadata);
  save_safetensors(folder / "x", views());
  check_same(load_safetensors(folder / "x"), views());
  save_safetensors(folder / "x", {});
  CHECK(load_safetensors(folder / "x").tensors.empty());
}

TEST_CASE("safetensors: the bytes of a file") {
  const Folder folder;
  save_safetensors(folder / "x", {{"b", tensor({1, 0, 1}, boolean)}, {"w", full({2, 1}, 1.5)}}, {{"k", "v"}});
  const std::string header = "{\"__metadata__\":{\"k\":\"v\"},\"b\":" + entry("BOOL", "[3]", "[8,11]") +
                             ",\"w\":" + entry("F32", "[2, 1]", "[0,8]") + "}";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  CHECK(read(folder / "x") == safetensors(padded, bytes(1.5f, 1.5f, uint8_t{1}, uint8_t{0}, uint8_t{1})));
}

TEST_CASE("safetensors: types that are converted, at places that are not aligned") {
  const Folder folder;
  // 1, the largest, the least normal, the least, -0, inf, nan
  const std::string halves = bytes(uint16_t{0x3c00}, uint16_t{0x7bff}, uint16_t{0x0400}, uint16_t{0x0001},
                                   uint16_t{0x8000}, uint16_t{0xfc00}, uint16_t{0x7e01});
  const std::string header = "{\"b\":" + entry("BOOL", "[3]", "[0,3]") + ",\"u\":" + entry("U8", "[2]", "[3,5]") +
                             ",\"h\":" + entry("F16", "[7]", "[5,19]") + ",\"i\":" + entry("I32", "[1]", "[19,23]") +
                             ",\"d\":" + entry("F64", "[1]", "[23,31]") + "}";
  write(folder / "x", safetensors(header, bytes(uint8_t{0}, uint8_t{1}, uint8_t{255}, uint8_t{255}, uint8_t{7}) +
                                              halves + bytes(int32_t{-3}, 0.1)));
  const TensorFile file = load_safetensors(folder / "x");
  CHECK(equal(file.at("b"), tensor({0, 1, 1}, boolean)));
  CHECK(file.at("b").data<bool>()[2] == true);
  CHECK(equal(file.at("u"), tensor({255, 7}, i64)));
  CHECK(equal(file.at("i"), tensor({-3}, i64)));
  CHECK(equal(file.at("d"), tensor({0.1}, f64)));
  const auto h = file.at("h").data<float>();
  const double expected[] = {1, 65504, 0x1p-14, 0x1p-24, 0, -std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < 6; ++i) CHECK(double(h[i]) == expected[i]);
  CHECK(std::signbit(h[4]));
  CHECK(std::isnan(h[6]));
  CHECK(error_of([&] { file.at("nothing"); }).find("no tensor \"nothing\" among the 5 of the file") !=
        std::string::npos);
}

TEST_CASE("safetensors: large tensors are mapped, each for itself") {
  const Folder folder;
  const int64_t n = 30'001;  // so that pages are shared
  save_safetensors(folder / "x", {{"a", arange(n, f32)}, {"b", arange(n, f32)}});
  const std::size_t before = memory::in_use();
  Tensor a = load_safetensors(folder / "x").at("a");
  const Tensor b = load_safetensors(folder / "x").at("b");
  const std::string file = read(folder / "x");
  CHECK(memory::in_use() - before < std::size_t(n));
  const uint32_t version = b.array().version();
  assign(a, zeros({n}));
  CHECK(equal(a, zeros({n})));
  CHECK(equal(b, arange(n, f32)));
  CHECK(b.array().version() == version);
  CHECK(read(folder / "x") == file);
  save_safetensors(folder / "x", {{"a", ones({n})}});
  CHECK(equal(b, arange(n, f32)));
  a = load_safetensors(folder / "x").at("a");
  fs::remove(folder / "x");
  CHECK(equal(a, ones({n})));
}

TEST_CASE("a file written by PyTorch is read") {
  const fs::path folder = fs::path(HEED_SOURCE_DIR) / "tests/parity";
  const TensorFile file = load_safetensors(folder / "topk.safetensors");
  CHECK(file.metadata.at("case") == "topk");
  CHECK(file.at("output.indices").dtype() == i64);
  const Tensor &x = file.at("input.x"), &y = file.at("output.values"), &index = file.at("output.indices");
  CHECK(x.shape() == Shape{3, 5});
  CHECK(y.shape() == Shape{3, 2});
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t k = 0; k < 2; ++k)
      CHECK(y.data<double>()[row * 2 + k] ==
            x.data<double>()[row * 5 + std::size_t(index.data<int64_t>()[row * 2 + k])]);
}

// ---- writing
TEST_CASE("a write that fails leaves the old file and nothing else") {
  const Folder folder;
  const NamedTensors small{{"x", ones({2})}}, large{{"x", ones({100'000})}};
  save_safetensors(folder / "x", small);
  const std::string old = read(folder / "x");

  struct rlimit limit {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const struct rlimit low { 4096, limit.rlim_max };
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &low) == 0);
  const std::string error = error_of([&] { save_safetensors(folder / "x", large); });
  const std::string npz_error = error_of([&] { save_npz(folder / "y", large); });
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  CHECK(error.find("save_safetensors: cannot write " + folder / "x" + ": File too large") != std::string::npos);
  CHECK(npz_error.find("save_npz: cannot write " + folder / "y" + ": File too large") != std::string::npos);
  CHECK(read(folder / "x") == old);
  CHECK(folder.count() == 1);

  auto save_to = [&](const std::string& path) { return error_of([&] { save_safetensors(path, small); }); };
  CHECK(save_to(folder / "no/x").find("No such file or directory") != std::string::npos);
  CHECK(save_to(folder / "x/y").find("Not a directory") != std::string::npos);
  CHECK(save_to(folder.path).find("not a regular file") != std::string::npos);
  CHECK(save_to("/dev/null").find("not a regular file") != std::string::npos);
  CHECK(save_to("").find("cannot write") != std::string::npos);
  if (geteuid() != 0) {  // root may write everywhere
    fs::permissions(folder / "x", fs::perms::owner_read);
    CHECK(save_to(folder / "x").find("Permission denied") != std::string::npos);
    fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(save_to(folder / "z").find("Permission denied") != std::string::npos);
    fs::permissions(folder.path, fs::perms::owner_all);
  }
  CHECK(folder.count() == 1);
}

TEST_CASE("a file is replaced behind a link and keeps its permissions") {
  const Folder folder;
  save_safetensors(folder / "x", {});
  fs::permissions(folder / "x", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("x", folder / "link");
  save_safetensors(folder / "link", samples());
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::status(folder / "x").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  check_same(load_safetensors(folder / "x"), samples());
  CHECK(folder.count() == 2);
}

TEST_CASE("what cannot be saved is refused") {
  const Folder folder;
  auto refused = [&](const NamedTensors& tensors, const Metadata& metadata, const std::string& why) {
    const std::string error = error_of([&] { save_safetensors(folder / "x", tensors, metadata); });
    INFO(error);
    CHECK(error.find(why) != std::string::npos);
    CHECK(folder.count() == 0);
  };
  refused({{"w", Tensor()}}, {}, "\"w\" is an undefined tensor");
  refused({{"w", ones({})}, {"w", ones({})}}, {}, "two tensors \"w\"");
  refused({{"__metadata__", ones({})}}, {}, "no tensor can have the name __metadata__");
  refused({{"\xff", ones({})}}, {}, "is not UTF-8");
  refused({}, {{"key", "\xff"}}, "is not UTF-8");
}

// ---- a model
namespace {
struct Layer {
  int64_t in, out;
  double slope = 0.1, limit = std::numeric_limits<double>::infinity();
  Parameter weight = parameter(full({out, in}, 0.5));
  Parameter bias = {};
  Tensor mean = zeros({out});
};
struct Net {
  int64_t width, layers;
  bool causal = false;
  Parameter token = parameter(ones({width, 4}));
  std::vector<Layer> blocks = stack_of(layers, [this] { return Layer{.in = width, .out = width + 1}; });
  Parameter head = tie(token);
};
}  // namespace

TEST_CASE("a model is saved under its paths, with its configuration, and loaded") {
  const Folder folder;
  const Net net{.width = 2, .layers = 2};
  assign(net.blocks[1].weight, full({3, 2}, 7));
  assign(net.blocks[0].mean, full({3}, 8));
  assign(net.head, full({2, 4}, 9));
  save(folder / "x", net, {{"step", "12"}});

  const TensorFile file = load_safetensors(folder / "x");
  std::vector<std::string> names;
  for (const auto& [name, t] : file.tensors) names.push_back(name);
  CHECK(names ==
        std::vector<std::string>{"token", "blocks.0.weight", "blocks.0.mean", "blocks.1.weight", "blocks.1.mean"});
  const Metadata expected{
      {"config",
       "{\"width\":2,\"layers\":2,\"causal\":0,\"blocks.0.in\":2,\"blocks.0.out\":3,\"blocks.0.slope\":0.1,"
       "\"blocks.0.limit\":\"inf\",\"blocks.1.in\":2,\"blocks.1.out\":3,\"blocks.1.slope\":0.1,"
       "\"blocks.1.limit\":\"inf\"}"},
      {"format", "pt"},
      {"step", "12"}};
  CHECK(file.metadata == expected);

  Net other{.width = 2, .layers = 2};
  freeze(other);
  load(folder / "x", other);
  const Parameters a = state(net), b = state(other);
  for (std::size_t i = 0; i < a.values.size(); ++i) CHECK(equal(a.values[i], b.values[i]));
  CHECK(error_of([&] {
          save(folder / "y", net, {{"config", "mine"}});
        }).find("the metadata has a \"config\"") != std::string::npos);
}

TEST_CASE("a file of another model is refused, by the first thing that differs, and nothing is assigned") {
  const Folder folder;
  const Net net{.width = 2, .layers = 2};
  for (const Tensor& t : state(net).values) assign(t, full(t.shape(), 3));
  save(folder / "net", net);
  const TensorFile file = load_safetensors(folder / "net");

  Net same{.width = 2, .layers = 2};
  auto loads = [&](auto& model, const std::string& path) {
    const std::vector<Tensor> values = state(model).values;
    std::vector<Tensor> before;
    for (const Tensor& t : values) before.push_back(Tensor(t.array().cast(t.dtype())));
    const int line = __LINE__ + 1;
    const std::string error = error_of([&] { load(path, model); });
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(equal(values[i], before[i]));
    const std::string start = std::string(__FILE__) + ":" + std::to_string(line) + ": load: cannot read " + path + ": ";
    CHECK(error.substr(0, start.size()) == start);
    return error.substr(std::min(start.size(), error.size()));
  };
  Net wide{.width = 3, .layers = 2}, deep{.width = 2, .layers = 3};
  CHECK(loads(wide, folder / "net") == "width is 2 in the file and 3 in the model");
  CHECK(loads(deep, folder / "net") == "layers is 2 in the file and 3 in the model");
  Net leaky{.width = 2, .layers = 2};
  leaky.blocks[1].slope = 1e-5;
  CHECK(loads(leaky, folder / "net") == "blocks.1.slope is 0.1 in the file and 1e-05 in the model");

  auto with = [&](std::string_view drop, const NamedTensors& more, const Metadata& metadata = {}) {
    NamedTensors tensors = more;
    for (const auto& x : file.tensors)
      if (x.first != drop) tensors.push_back(x);
    save_safetensors(folder / "other", tensors, metadata);
    return folder / "other";
  };
  CHECK(loads(same, with("blocks.0.mean", {})) == "there is blocks.0.mean of shape [3] in the model, not in the file");
  CHECK(loads(same, with("", {{"extra", ones({4, 1})}})) ==
        "there is \"extra\" of shape [4, 1] in the file, not in the model");
  CHECK(
      loads(same, with("blocks.0.mean", {{"mean", ones({3})}})) ==
      "there is blocks.0.mean of shape [3] in the model, not in the file; there is \"mean\" of shape [3] in the file, "
      "not in the model");
  CHECK(loads(same, with("blocks.1.weight", {{"blocks.1.weight", ones({2, 3})}})) ==
        "blocks.1.weight is [2, 3] in the file and [3, 2] in the model");
  CHECK(loads(same, with("blocks.1.weight", {{"blocks.1.weight", ones({3, 2}, bf16)}})) ==
        "blocks.1.weight is bf16 in the file and f32 in the model: use cast");
  CHECK(loads(same, with("", {{"head", ones({2, 4})}})) ==
        "head and token are tied in the model and differ in the file");
  CHECK(loads(same, with("", {}, {{"config", "{\"width\":2"}})) ==
        "the \"config\" of its metadata: bad JSON at byte 11");
  CHECK(loads(same, with("", {}, {{"config", "{\"a\":[1]}"}})) ==
        "the \"config\" of its metadata: \"a\" is not a number");
  CHECK(loads(same, with("", {}, {{"config", "[]"}})) == "the \"config\" of its metadata: it is not a JSON object");
  CHECK(loads(same, folder / "nothing") == "No such file or directory");

  load(with("token", {{"head", full({2, 4}, 3)}}), same);  // PyTorch keeps one name of a tied tensor, not always ours
  CHECK(equal(same.token, full({2, 4}, 3)));
}

TEST_CASE("what a number is to the weights decides whether it may differ") {
  const Folder folder;
  auto refused = [&](const auto& saved, auto model) {
    save(folder / "x", saved);
    const std::string error = error_of([&] { load(folder / "x", model); });
    return error.substr(error == "no error" ? 0 : error.rfind(": ") + 2);
  };
  const FeedForward relu{.width = 2, .hidden = 3, .activation = FeedForward::relu};
  CHECK(refused(relu, FeedForward{2, 3}) == "activation is 0 in the file and 1 in the model");
  CHECK(refused(relu, FeedForward{.width = 2, .hidden = 3, .dropout = 0.5, .activation = FeedForward::relu}) ==
        "no error");
  CHECK(refused(Rnn{.in = 2, .hidden = 3, .nonlinearity = RnnCell::relu}, Rnn{.in = 2, .hidden = 3}) ==
        "nonlinearity is 1 in the file and 0 in the model");
  CHECK(refused(Lstm{.in = 2, .hidden = 3, .bias = false}, Lstm{.in = 2, .hidden = 3}) ==
        "bias is 0 in the file and 1 in the model");
  CHECK(refused(Gru{.in = 2, .hidden = 3, .dropout = 0.5}, Gru{.in = 2, .hidden = 3}) == "no error");
  CHECK(refused(Sequential{make<Linear>(2, 3), Dropout{0.1}}, Sequential{make<Linear>(2, 3), Dropout{0.2}}) ==
        "no error");

  Rnn model{.in = 2, .hidden = 3, .nonlinearity = RnnCell::relu};  // of a file that says less
  const Parameters all = state(model);
  NamedTensors tensors;
  for (std::size_t i = 0; i < all.paths.size(); ++i) tensors.emplace_back(all.paths[i], all.values[i]);
  save_safetensors(folder / "old", tensors, {{"config", R"({"in":2,"hidden":3,"layers":1})"}});
  load(folder / "old", model);
}

TEST_CASE("a number that is -0 is one that is 0") {
  struct Shifted {
    double shift;
    Parameter weight = parameter(ones({2}));
  };
  const Folder folder;
  Shifted minus{.shift = -0.0}, plus{.shift = 0.0};
  for (const Shifted* saved : {&minus, &plus}) {
    save(folder / "x", *saved);
    load(folder / "x", minus);
    load(folder / "x", plus);
  }
  save_safetensors(folder / "x", {{"weight", ones({2})}}, {{"config", R"({"shift":-0.0})"}});
  load(folder / "x", plus);
}

TEST_CASE("into a model whose state has a history nothing is loaded") {
  struct Model {
    Parameter weight = parameter(ones({2}));
    Tensor last = zeros({2});
  };
  const Folder folder;
  save(folder / "x", Model{});
  Model model;
  model.last = model.weight * 3;
  assign(model.weight, zeros({2}));
  CHECK_THROWS_AS(load(folder / "x", model), GradError);
  CHECK_THROWS_AS(load_partial(folder / "x", model), GradError);
  CHECK(equal(model.weight, zeros({2})));
}

TEST_CASE("PyTorch's batch norm is loaded, which also counts its batches") {
  const Folder folder;
  const Tensor batches = tensor(std::vector<int64_t>{7}, Shape{});
  save_safetensors(folder / "x", {{"0.weight", full({3}, 2)},
                                  {"0.bias", zeros({3})},
                                  {"0.running_mean", ones({3})},
                                  {"0.running_var", ones({3})},
                                  {"0.num_batches_tracked", batches}});
  Sequential net{BatchNorm2d{3}};
  load(folder / "x", net);
  CHECK(equal(state(net).values[0], full({3}, 2)));
  CHECK(equal(state(net).values[2], ones({3})));
}

// ---- a part of a model
TEST_CASE("a file that fits in part is loaded in part, and a report says what did not fit") {
  const Folder folder;
  const Net net{.width = 2, .layers = 2};
  save_safetensors(folder / "x", {{"blocks.0.weight", full({3, 2}, 5)},
                                  {"blocks.0.mean", full({1, 3}, 6)},
                                  {"blocks.1.mean", full({3}, 7, f64)},
                                  {"blocks.2.mean", full({3}, 8)},
                                  {"head", full({2, 4}, 9)}});
  const LoadReport report = load_partial(folder / "x", net);
  CHECK(report.loaded == std::vector<std::string>{"token", "blocks.0.weight"});
  CHECK(report.missing == std::vector<std::string>{"blocks.1.weight"});
  CHECK(report.unexpected == std::vector<std::string>{"blocks.2.mean"});
  REQUIRE(report.misshapen.size() == 2);
  CHECK(report.misshapen[0].path == "blocks.0.mean");
  CHECK(report.misshapen[0].shape_in_file == Shape{1, 3});
  CHECK(report.misshapen[0].shape_in_model == Shape{3});
  CHECK(report.misshapen[1].dtype_in_file == f64);
  CHECK(report.misshapen[1].dtype_in_model == f32);
  CHECK(report.str() ==
        "2 of the model's 5 tensors loaded\n"
        "missing     blocks.1.weight\n"
        "unexpected  blocks.2.mean\n"
        "misshapen   blocks.0.mean: f32 [1, 3] in the file, f32 [3] in the model\n"
        "misshapen   blocks.1.mean: f64 [3] in the file, f32 [3] in the model\n");
  CHECK(equal(net.token, full({2, 4}, 9)));  // by its other name
  CHECK(equal(net.blocks[0].weight, full({3, 2}, 5)));
  CHECK(equal(net.blocks[0].mean, zeros({3})));
  CHECK(equal(net.blocks[1].weight, full({3, 2}, 0.5)));
}

TEST_CASE("what a program has made of a file is loaded in part, too") {
  const Folder folder;
  const Net net{.width = 2, .layers = 1};
  save_npz(folder / "x", {{"blocks.0.weight", full({2, 3}, 4, f64)}});
  NamedTensors tensors = load_npz(folder / "x").tensors;
  tensors[0].second = Tensor(cast(tensors[0].second, f32).array().transposed(0, 1));
  CHECK(load_partial(tensors, net).loaded == std::vector<std::string>{"blocks.0.weight"});
  CHECK(equal(net.blocks[0].weight, full({3, 2}, 4)));
  CHECK(
      load_partial(NamedTensors{}, net).str() ==
      "0 of the model's 3 tensors loaded\nmissing     token\nmissing     blocks.0.weight\nmissing     blocks.0.mean\n");
}

TEST_CASE("names of a file become paths of a model, part by part") {
  auto loaded = [](const std::string& name, const Renames& rename) {
    const Net net{.width = 2, .layers = 2};
    const LoadReport report = load_partial({{name, full({3, 2}, 4)}}, net, rename);
    return report.loaded.empty() ? "not " + report.unexpected.at(0) : report.loaded[0];
  };
  CHECK(loaded("blocks.1.weight", {}) == "blocks.1.weight");
  CHECK(loaded("model.blocks.1.weight", {{"model", ""}}) == "blocks.1.weight");
  CHECK(loaded("weight", {{"", "blocks.0"}}) == "blocks.0.weight");
  CHECK(loaded("h.1.ln.w", {{"h.*.ln.w", "blocks.*.weight"}}) == "blocks.1.weight");
  CHECK(loaded("1.weight.blocks", {{"*.*.*", "blocks.*.*"}}) == "blocks.1.weight");
  CHECK(loaded("x.weight.y.1", {{"x.weight", "no"}, {"x", "never"}}) == "not x.weight.y.1");
  CHECK(loaded("h.1.weight", {{"other", "x"}, {"h", "blocks"}, {"h.1", "blocks.0"}}) ==
        "blocks.1.weight");                                                                    // the first
  CHECK(loaded("head.1.weight", {{"h", "blocks"}, {"head", "blocks"}}) == "blocks.1.weight");  // whole parts
  CHECK(loaded("a.1.weight", {{"a.1.weight.more", "x"}, {"a", "blocks"}}) == "blocks.1.weight");
  CHECK(loaded("blocks.1.weight", {{"*", "*"}}) == "blocks.1.weight");
}

TEST_CASE("a partial loading that means nothing is refused, and nothing is assigned") {
  const Net net{.width = 2, .layers = 2};
  const NamedTensors both{{"blocks.0.weight", full({3, 2}, 1)}, {"a.0.weight", full({3, 2}, 2)}};
  auto error = [&](const NamedTensors& tensors, const Renames& rename) {
    return error_of([&] { load_partial(tensors, net, rename); });
  };
  CHECK(error(both, {{"a", "blocks"}})
            .find(": load_partial: cannot read the tensors: blocks.0.weight and a.0.weight "
                  "are both for blocks.0.weight and differ in the file") != std::string::npos);
  CHECK(error({{"token", ones({2, 4})}, {"head", zeros({2, 4})}}, {})
            .find("token and head are tied in the model and "
                  "differ in the file") != std::string::npos);
  CHECK(error_of([&] { load_partial("/nothing", net); }).find(": load_partial: cannot read /nothing: No such file") !=
        std::string::npos);
  CHECK_THROWS_WITH(load_partial(both, net, {{"a.*", "*.*"}}, {}),
                    "heed: load_partial: cannot rename \"a.*\" to \"*.*\": it has more * on its right");
  CHECK(equal(net.blocks[0].weight, full({3, 2}, 0.5)));
}

// ---- broken safetensors
TEST_CASE("broken safetensors files are FileErrors that say what is wrong") {
  const Folder folder;
  const std::string four(4, 'x'), eight(8, 'x');
  const std::string good = "{\"a\":" + entry("F32", "[1]", "[0,4]") + "}";
  auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "{\"a\":" + entry(dtype, shape, offsets) + "}";
  };
  auto two = [](const std::string& first, const std::string& second) {
    return "{\"a\":" + entry("F32", "[1]", first) + ",\"b\":" + entry("F32", "[1]", second) + "}";
  };
  CHECK(safetensors_error(folder, safetensors(good, four)) == "no error");

  const int line = __LINE__ + 1;
  const std::string error = error_of([&] { load_safetensors(folder / "nothing"); });
  CHECK(error == std::string(__FILE__) + ":" + std::to_string(line) + ": load_safetensors: cannot read " +
                     folder / "nothing" + ": No such file or directory");
  CHECK(error_of([&] { load_safetensors(folder.path); }).find("it is a folder") != std::string::npos);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(error_of([&] { load_safetensors(folder / "pipe"); }).find("it is not a regular file") != std::string::npos);

  const struct {
    std::string file, why;
  } cases[] = {
      {"", "it is empty"},
      {"1234567", "it has 7 bytes, its header begins at byte 8"},
      {bytes(uint64_t{0}), "does not begin with {"},
      {bytes(uint64_t{100}) + good,
       "its header should have 100 bytes, the file has " + std::to_string(good.size()) + " more"},
      {"PK\3\4" + std::string(60, 'x'), "it is a zip, as torch.save and npz write them, not safetensors"},
      {bytes(~uint64_t{0}) + good, "should have 18446744073709551615 bytes"},
      {safetensors(std::string(100'000'001, ' '), ""), "a header of 100000001 bytes is too long"},
      {safetensors(" {}", ""), "does not begin with {"},
      {safetensors("{", ""), "bad JSON at byte"},
      {safetensors("{\"a\":\xff}", ""), "bad JSON at byte 6"},
      {safetensors("{}x", ""), "bad JSON at byte 3"},
      {safetensors("{\"a\":" + std::string(1'000'000, '['), ""), "\"a\" is not a JSON object"},
      {safetensors("{\"a\":" + std::string(1'000'000, '{'), ""), "bad JSON"},
      {safetensors("{\"a\":{\"shape\":" + std::string(1'000'000, '['), ""), "shape of \"a\" is not a list"},
      {safetensors("{\"a\":1}", ""), "\"a\" is not a JSON object"},
      {safetensors("{\"a\":{}}", ""), "dtype of \"a\" is missing"},
      {safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", ""), "data_offsets of \"a\" is missing"},
      {safetensors("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", ""), "dtype of \"a\" is there twice"},
      {safetensors("{\"a\":{\"type\":\"F32\"}}", ""), "\"a\" has an unknown field \"type\""},
      {safetensors("{\"a\":{\"dtype\":1}}", ""), "dtype of \"a\" is not a text"},
      {safetensors(one("F8_E4M3", "[4]", "[0,4]"), four), "dtype of \"a\" is \"F8_E4M3\": known are F32"},
      {safetensors(good.substr(0, good.size() - 1) + "," + good.substr(1), four), "\"a\" is there twice"},
      {safetensors("{\"__metadata__\":{\"k\":1}}", ""), "__metadata__ must hold texts, \"k\" is something else"},
      {safetensors("{\"__metadata__\":{\"k\":{}}}", ""), "__metadata__ must hold texts"},
      {safetensors("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", ""), "\"k\" is there twice"},
      {safetensors("{\"__metadata__\":{},\"__metadata__\":{}}", ""), "\"__metadata__\" is there twice"},
      {safetensors("{\"__metadata__\":\"\"}", ""), "\"__metadata__\" is not a JSON object"},
      {safetensors(one("F32", "[-1]", "[0,4]"), four), "shape of \"a\" is not a list of integers"},
      {safetensors(one("F32", "[1.0]", "[0,4]"), four), "shape of \"a\" is not a list of integers"},
      {safetensors(one("F32", "[\"1\"]", "[0,4]"), four), "shape of \"a\" is not a list of integers"},
      {safetensors(one("F32", "[9223372036854775808]", "[0,4]"), four), "shape of \"a\" is not a list of integers"},
      {safetensors(one("F32", "[1e999]", "[0,4]"), four), "bad JSON"},
      {safetensors(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), four), "shape of \"a\" has more than 8 dimensions"},
      {safetensors(one("F32", "[4294967296,4294967296]", "[0,0]"), ""), "larger than any memory"},
      {safetensors(one("U8", "[4611686018427387904,0]", "[0,0]"), ""), "larger than any memory"},
      {safetensors(one("F64", "[2305843009213693952,8]", "[0,0]"), ""), "larger than any memory"},
      {safetensors(one("F32", "[2]", "[0,4]"), four), "has bytes 0 to 4, its shape [2] of F32 has 8"},
      {safetensors(one("F32", "[]", "[0]"), four), "data_offsets of \"a\" is not a pair"},
      {safetensors(one("F32", "[]", "[0,4,4]"), four), "data_offsets of \"a\" is not a pair"},
      {safetensors(one("F32", "[]", "[-4,0]"), four), "data_offsets of \"a\" is not a pair"},
      {safetensors(one("F32", "[1]", "[4,0]"), four), "has bytes 4 to 0: the end is before the begin"},
      {safetensors(one("F32", "[1]", "[0,8]"), four), "has bytes 0 to 8 of 4"},
      {safetensors(one("F32", "[1]", "[18446744073709551612,18446744073709551615]"), four),
       "has bytes 18446744073709551612"},
      {safetensors(two("[0,4]", "[0,4]"), eight), "the tensor before it ends at 4"},
      {safetensors(two("[0,4]", "[2,6]"), eight), "the tensor before it ends at 4"},
      {safetensors(two("[0,4]", "[8,12]"), eight + four), "a hole begins at 4"},
      {safetensors(good, eight), "the tensors end at byte 4 of 8"},
      {safetensors("{}", four), "the tensors end at byte 0 of 4"},
  };
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  for (const auto& [file, why] : cases) {
    INFO(why << "   " << file.substr(0, 100));
    const std::string e = safetensors_error(folder, file);
    INFO(e);
    CHECK(e.find(why) != std::string::npos);
    CHECK(e.size() < 400);
  }
  CHECK(memory::peak() - in_use < std::size_t{256} << 10);
}

TEST_CASE("whatever is in a safetensors file, it is loaded or refused") {
  const Folder folder;
  save(folder / "model", Net{.width = 2, .layers = 2}, {{"note", "text"}});
  save_safetensors(folder / "all", samples());
  damage(read(folder / "model"), 3000, [](const std::string& path) {
    Net net{.width = 2, .layers = 2};
    load(path, net);
  });
  damage(read(folder / "all"), 3000, values_of(load_safetensors));
}
