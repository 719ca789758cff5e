#include "file.h"
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include "disk.h"

namespace heed {

const Tensor* TensorFile::find(std::string_view name) const {
  for (const auto& [n, t] : tensors)
    if (n == name) return &t;
  return nullptr;
}
const Tensor& TensorFile::at(std::string_view name, Where at) const {
  if (const Tensor* t = find(name)) return *t;
  fail<FileError>(
      at, "at",
      "there is no tensor " + in_quotes(name) + " among the " + std::to_string(tensors.size()) + " of the file");
}

namespace {

using nlohmann::json;

// ---- JSON, event by event: nothing is built that was not expected, and nesting costs nothing
class Events : public nlohmann::json_sax<json> {
 public:
  std::string why;  // it was refused

  // True if `text` is one JSON value and nothing in it was refused.
  bool read(std::string_view text) { return json::sax_parse(text.begin(), text.end(), this); }

  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool number_integer(number_integer_t) override { return unexpected(); }
  bool number_unsigned(number_unsigned_t) override { return unexpected(); }
  bool number_float(number_float_t, const string_t&) override { return unexpected(); }
  bool string(string_t&) override { return unexpected(); }
  bool binary(binary_t&) override { return unexpected(); }
  bool start_object(std::size_t) override { return unexpected(); }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return unexpected(); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    return refuse("bad JSON at byte " + std::to_string(position));
  }

 protected:
  virtual std::string expected() const = 0;  // at the present place
  bool refuse(std::string reason) {
    why = std::move(reason);
    return false;
  }
  bool unexpected() { return refuse(expected()); }
};

struct Entry {  // a tensor in the header of a safetensors file
  std::string name;
  const Format* format = nullptr;
  Shape shape;
  uint64_t begin = 0, end = 0;  // of its data, from the end of the header
};

// {"__metadata__": {"key": "value", ..}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..}
class Header : public Events {
 public:
  std::vector<Entry> entries;
  Metadata metadata;

 private:
  enum Place { outside, top, in_metadata, in_entry, in_shape, in_offsets } place = outside;
  enum Field { dtype, shape, data_offsets, fields };
  static constexpr const char* field_names[] = {"dtype", "shape", "data_offsets"};
  std::set<std::string> names;
  std::string last;        // key
  Field field = fields;    // of the entry
  bool seen[fields] = {};  // in this entry
  std::vector<uint64_t> offsets;

  std::string of_entry() const { return std::string(field_names[field]) + " of " + in_quotes(entries.back().name); }
  std::string expected() const override {
    if (place == outside) return "the header is not a JSON object";
    if (place == top) return in_quotes(last) + " is not a JSON object";
    if (place == in_metadata) return "__metadata__ must hold texts, " + in_quotes(last) + " is something else";
    if (field == dtype) return of_entry() + " is not a text";
    if (field == shape) return of_entry() + " is not a list of integers from 0 to 2^63 - 1";
    return of_entry() + " is not a pair of integers from 0 to 2^64 - 1";
  }

  bool start_object(std::size_t) override {
    if (place == outside) place = top;
    else if (place == top && last == "__metadata__") place = in_metadata;
    else if (place == top) {
      place = in_entry;
      std::fill(std::begin(seen), std::end(seen), false);
      entries.emplace_back().name = last;
    } else return unexpected();
    return true;
  }
  bool key(string_t& text) override {
    last = text;
    if (place == in_entry) {
      const auto* known = std::find(std::begin(field_names), std::end(field_names), last);
      if (known == std::end(field_names))
        return refuse(in_quotes(entries.back().name) + " has an unknown field " + in_quotes(last));
      field = Field(known - field_names);
      return !std::exchange(seen[field], true) || refuse(of_entry() + " is there twice");
    }
    const bool fresh = place == top ? names.insert(last).second : metadata.emplace(last, "").second;
    return fresh || refuse(in_quotes(last) + " is there twice");
  }
  bool end_object() override {
    if (place == in_entry)
      for (field = dtype; field != fields; field = Field(field + 1))
        if (!seen[field]) return refuse(of_entry() + " is missing");
    place = place == top ? outside : top;
    return true;
  }
  bool string(string_t& text) override {
    if (place == in_metadata) {
      metadata[last] = text;
      return true;
    }
    if (place != in_entry || field != dtype) return unexpected();
    for (const Format& f : formats())
      if (text == f.safetensors) entries.back().format = &f;
    return entries.back().format ||
           refuse(of_entry() + " is " + in_quotes(text) + ": known are F32 F64 BF16 F16 I64 I32 U8 BOOL");
  }
  bool start_array(std::size_t) override {
    if (place != in_entry || field == dtype) return unexpected();
    place = field == shape ? in_shape : in_offsets;
    offsets.clear();
    return true;
  }
  bool number_unsigned(number_unsigned_t n) override {
    if (place == in_offsets) {
      offsets.push_back(n);
      return offsets.size() <= 2 || unexpected();
    }
    if (place != in_shape || n > uint64_t(INT64_MAX)) return unexpected();
    if (entries.back().shape.rank() == max_rank)
      return refuse(of_entry() + " has more than " + std::to_string(max_rank) + " dimensions");
    entries.back().shape.push_back(int64_t(n));
    return true;
  }
  bool end_array() override {
    if (place == in_offsets) {
      if (offsets.size() != 2) return unexpected();
      entries.back().begin = offsets[0];
      entries.back().end = offsets[1];
    }
    place = in_entry;
    return true;
  }
};

// ---- safetensors
constexpr std::size_t longest_header = 100'000'000;  // the limit of the format

// The data of the tensors must follow one another without overlap or hole, each as long as its shape says.
void check_layout(const FileTask& task, const std::vector<Entry>& entries, std::size_t data) {
  std::vector<const Entry*> by_place;
  for (const Entry& e : entries) by_place.push_back(&e);
  std::sort(by_place.begin(), by_place.end(),
            [](const Entry* a, const Entry* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  auto number = [](uint64_t n) { return std::to_string(n); };
  uint64_t next = 0;
  for (const Entry* e : by_place) {
    const std::string range = in_quotes(e->name) + " has bytes " + number(e->begin) + " to " + number(e->end);
    if (e->end < e->begin) task.cannot_read(range + ": the end is before the begin");
    if (e->end > data) task.cannot_read(range + " of " + number(data));
    const auto bytes = byte_count(e->shape, e->format->width);
    if (!bytes) task.cannot_read(in_quotes(e->name) + " of shape " + e->shape.str() + " is larger than any memory");
    if (*bytes != e->end - e->begin)
      task.cannot_read(range + ", its shape " + e->shape.str() + " of " + e->format->safetensors + " has " +
                       number(*bytes));
    if (e->begin != next)
      task.cannot_read(range + ": " + (e->begin < next ? "the tensor before it ends" : "a hole begins") + " at " +
                       number(next));
    next = e->end;
  }
  if (next != data) task.cannot_read("the tensors end at byte " + number(next) + " of " + number(data));
}

TensorFile read_safetensors(const FileTask& task) {
  const MappedFile file(task);
  const std::size_t size = file.bytes().size();
  uint64_t length = 0;
  if (size < sizeof length) task.cannot_read("it has " + std::to_string(size) + " bytes, its header begins at byte 8");
  std::memcpy(&length, file.bytes().data(), sizeof length);
  const std::size_t rest = size - sizeof length;
  const std::string_view all(reinterpret_cast<const char*>(file.bytes().data()), size);
  if (all.starts_with("PK\3\4")) task.cannot_read("it is a zip, as torch.save and npz write them, not safetensors");
  if (length > rest)
    task.cannot_read("its header should have " + std::to_string(length) + " bytes, the file has " +
                     std::to_string(rest) + " more: is it a safetensors file?");
  if (length > longest_header) task.cannot_read("a header of " + std::to_string(length) + " bytes is too long");

  const std::string_view text = all.substr(sizeof length, length);
  Header header;
  if (!text.starts_with('{')) task.cannot_read("its header does not begin with {");
  if (!header.read(text)) task.cannot_read(header.why);
  check_layout(task, header.entries, rest - length);

  TensorFile r{{}, std::move(header.metadata)};
  for (Entry& e : header.entries)
    r.tensors.emplace_back(std::move(e.name), Tensor(file.array(*e.format, e.shape, sizeof length + length + e.begin)));
  return r;
}

std::string json_text(const FileTask& task, const std::string& text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    task.cannot_write(in_quotes(text) + " is not UTF-8");
  }
}

void write_safetensors(const FileTask& task, const NamedTensors& tensors, const Metadata& metadata) {
  std::vector<std::size_t> order(tensors.size());  // of the data: wide elements first, so that all are aligned
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return width(tensors[a].second.dtype()) > width(tensors[b].second.dtype());
  });
  std::vector<std::size_t> begin(tensors.size());
  std::size_t end = 0;
  for (std::size_t i : order) {
    begin[i] = end;
    end += std::size_t(tensors[i].second.numel()) * width(tensors[i].second.dtype());
  }

  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) header += json_text(task, key) + ":" + json_text(task, value) + ",";
    header.back() = '}';
    header += ',';
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, t] = tensors[i];
    if (name == "__metadata__") task.cannot_write("no tensor can have the name __metadata__");
    const std::size_t bytes = std::size_t(t.numel()) * width(t.dtype());
    header += json_text(task, name) + ":{\"dtype\":\"" + format_of(t.dtype()).safetensors +
              "\",\"shape\":" + t.shape().str() + ",\"data_offsets\":[" + std::to_string(begin[i]) + "," +
              std::to_string(begin[i] + bytes) + "]},";
  }
  if (header.back() == ',') header.pop_back();
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  const uint64_t length = header.size();
  if (length > longest_header) task.cannot_write("a header of " + std::to_string(length) + " bytes is too long");

  NewFile file(task);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (std::size_t i : order) file.write(bytes_of(tensors[i].second.array().contiguous()));
  file.commit();
}

}  // namespace

TensorFile load_safetensors(const std::string& path, Where at) {
  return read_safetensors({"load_safetensors", path, at});
}
void save_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata, Where at) {
  const FileTask task{"save_safetensors", path, at};
  check_names(task, tensors);
  write_safetensors(task, tensors, metadata);
}

// ---- a model
namespace {

std::string config_number(double v) { return number_text(v + 0.0); }  // not -0, which is an integer in JSON

// {"vocab": 65, "blocks.0.norm.eps": 1e-05, ..}; what JSON has no number for is a text
class Config : public Events {
 public:
  std::map<std::string, std::string> numbers;

 private:
  bool inside = false;
  std::string last;

  std::string expected() const override {
    return inside ? in_quotes(last) + " is not a number" : "it is not a JSON object";
  }
  bool start_object(std::size_t) override { return std::exchange(inside, true) ? unexpected() : true; }
  bool key(string_t& text) override {
    last = text;
    return numbers.emplace(last, "").second || refuse(in_quotes(last) + " is there twice");
  }
  bool put(std::string text) {
    if (!inside) return unexpected();
    numbers[last] = std::move(text);
    return true;
  }
  bool number_integer(number_integer_t v) override { return put(number_text(double(v))); }
  bool number_unsigned(number_unsigned_t v) override { return put(number_text(double(v))); }
  bool number_float(number_float_t v, const string_t&) override { return put(config_number(v)); }
  bool string(string_t& text) override {
    return text == "inf" || text == "-inf" || text == "nan" || text == "-nan" ? put(text) : unexpected();
  }
};

std::string config_text(const FileTask& task, const detail::Saved& model) {
  std::string s = "{";
  for (const auto& [path, value] : model.config) {
    const std::string number = config_number(value);
    s += (s.size() > 1 ? "," : "") + json_text(task, path) + ":" + (std::isfinite(value) ? number : '"' + number + '"');
  }
  return s + "}";
}

std::map<std::string, std::string> config_of(const FileTask& task, const TensorFile& file) {  // empty: there is none
  const auto text = file.metadata.find("config");
  if (text == file.metadata.end()) return {};
  Config config;
  if (!config.read(text->second)) task.cannot_read("the \"config\" of its metadata: " + config.why);
  return std::move(config.numbers);
}

// ---- names
std::vector<std::string_view> parts_of(std::string_view name) {  // between the dots; none of ""
  std::vector<std::string_view> r;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size() - 1);
    r.push_back(name.substr(0, name[dot] == '.' ? dot : dot + 1));
    name.remove_prefix(dot + 1);
  }
  return r;
}
std::string renamed(std::string_view name, const Renames& rename) {
  const auto parts = parts_of(name);
  for (const auto& [from, to] : rename) {
    const auto pattern = parts_of(from);
    auto fits = [](std::string_view p, std::string_view part) { return p == "*" || p == part; };
    if (pattern.size() > parts.size() || !std::equal(pattern.begin(), pattern.end(), parts.begin(), fits)) continue;
    std::vector<std::string_view> result = parts_of(to);
    auto star = pattern.begin();
    for (std::string_view& part : result) {
      if (part != "*") continue;
      star = std::find(star, pattern.end(), "*");
      part = parts[std::size_t(star++ - pattern.begin())];
    }
    result.insert(result.end(), parts.begin() + std::ptrdiff_t(pattern.size()), parts.end());
    std::string r;
    for (std::string_view part : result) r += (r.empty() ? "" : ".") + std::string(part);
    return r;
  }
  return std::string(name);
}
void check_renames(const Renames& rename, const char* op, Where at) {
  for (const auto& [from, to] : rename) {
    const auto left = parts_of(from), right = parts_of(to);
    if (std::count(right.begin(), right.end(), "*") > std::count(left.begin(), left.end(), "*"))
      fail<Error>(at, op, "cannot rename " + in_quotes(from) + " to " + in_quotes(to) + ": it has more * on its right");
  }
}

bool has_name(std::string_view path, std::string_view name) {  // the last part
  return path == name || (path.ends_with(name) && path[path.size() - name.size() - 1] == '.');
}

// Which tensor of the file goes where in the model, by any of its names there.
struct Matches {
  std::vector<const NamedTensors::value_type*> found;       // for each tensor of the model; null: none
  std::vector<const NamedTensors::value_type*> unexpected;  // of the file
};
Matches matched(const FileTask& task, const NamedTensors& file, const detail::Saved& model, const Renames& rename) {
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < model.state.paths.size(); ++i) known.emplace(model.state.paths[i], i);
  for (const auto& [name, owner] : model.ties) known.emplace(name, known.at(owner));

  Matches r{std::vector<const NamedTensors::value_type*>(model.state.paths.size()), {}};
  for (const auto& x : file) {
    const std::string path = renamed(x.first, rename);
    const auto place = known.find(path);
    if (place == known.end()) {
      r.unexpected.push_back(&x);
      continue;
    }
    const auto* other = std::exchange(r.found[place->second], &x);
    if (other && !equal(other->second, x.second))
      task.cannot_read(other->first + " and " + x.first +
                       (renamed(other->first, rename) == path ? " are both for " + path : " are tied in the model") +
                       " and differ in the file");
  }
  return r;
}

// Each tensor of the model, in its order, with its value in the file; FileError unless all fit.
std::vector<std::pair<Tensor, Tensor>> all_matched(const FileTask& task, const TensorFile& file,
                                                   const detail::Saved& model) {
  Matches matches = matched(task, file.tensors, model, {});
  std::erase_if(matches.unexpected, [](const auto* x) { return has_name(x->first, "num_batches_tracked"); });
  std::string unexpected;
  if (!matches.unexpected.empty()) {
    const auto& [name, t] = *matches.unexpected.front();
    unexpected = "there is " + in_quotes(name) + " of shape " + t.shape().str() + " in the file, not in the model";
  }
  std::vector<std::pair<Tensor, Tensor>> values;
  for (std::size_t i = 0; i < matches.found.size(); ++i) {
    const Tensor& ours = model.state.values[i];
    const std::string& path = model.state.paths[i];
    if (!matches.found[i])
      task.cannot_read("there is " + path + " of shape " + ours.shape().str() + " in the model, not in the file" +
                       (unexpected.empty() ? "" : "; " + unexpected));
    const Tensor& theirs = values.emplace_back(ours, matches.found[i]->second).second;
    if (theirs.shape() != ours.shape())
      task.cannot_read(path + " is " + theirs.shape().str() + " in the file and " + ours.shape().str() +
                       " in the model");
    if (theirs.dtype() != ours.dtype())
      task.cannot_read(path + " is " + name(theirs.dtype()) + " in the file and " + name(ours.dtype()) +
                       " in the model: use cast");
  }
  if (!unexpected.empty()) task.cannot_read(unexpected);
  return values;
}

void assign_all(const std::vector<std::pair<Tensor, Tensor>>& to_from, Where at) {  // or none, where one is refused
  for (const auto& [to, from] : to_from) check_writable(to, at);
  for (const auto& [to, from] : to_from) assign(to, from, at);
}

LoadReport assign_matched(const FileTask& task, const NamedTensors& tensors, const detail::Saved& model,
                          const Renames& rename) {
  const Matches matches = matched(task, tensors, model, rename);
  LoadReport r;
  std::vector<std::pair<Tensor, Tensor>> fitting;
  for (const auto* x : matches.unexpected) r.unexpected.push_back(x->first);
  for (std::size_t i = 0; i < matches.found.size(); ++i) {
    const std::string& path = model.state.paths[i];
    const Tensor& ours = model.state.values[i];
    if (!matches.found[i]) {
      r.missing.push_back(path);
      continue;
    }
    const Tensor& theirs = matches.found[i]->second;
    if (theirs.shape() != ours.shape() || theirs.dtype() != ours.dtype()) {
      r.misshapen.push_back({path, theirs.shape(), ours.shape(), theirs.dtype(), ours.dtype()});
    } else {
      fitting.emplace_back(ours, theirs);
      r.loaded.push_back(path);
    }
  }
  assign_all(fitting, task.at);
  return r;
}

}  // namespace

double ModelConfig::number(const std::string& field) const {
  const auto found = numbers.find(field);
  if (found == numbers.end())
    FileTask{"load_config", path, at}.cannot_read("it holds no " + model + ", whose \"config\" has " + field);
  return found->second;
}

ModelConfig load_config(const std::string& path, const std::string& model, Where at) {
  const FileTask task{"load_config", path, at};
  ModelConfig r{path, model, at, {}};
  for (const auto& [field, number] : config_of(task, read_safetensors(task)))
    r.numbers.emplace(field, std::strtod(number.c_str(), nullptr));
  if (r.numbers.empty()) task.cannot_read("its metadata have no \"config\": it was not written by save(path, model)");
  return r;
}

namespace detail {

void save(const std::string& path, const Saved& model, Metadata metadata, Where at) {
  const FileTask task{"save", path, at};
  NamedTensors tensors;
  for (std::size_t i = 0; i < model.state.paths.size(); ++i)
    tensors.emplace_back(model.state.paths[i], model.state.values[i]);
  check_names(task, tensors);
  metadata.emplace("format", "pt");  // what PyTorch's users look for
  if (!metadata.emplace("config", config_text(task, model)).second)
    task.cannot_write("the metadata has a \"config\": that is where the numbers of the model go");
  write_safetensors(task, tensors, metadata);
}

void load(const std::string& path, const Saved& model, Where at) {
  const FileTask task{"load", path, at};
  const TensorFile file = read_safetensors(task);
  const auto theirs = config_of(task, file);
  for (const auto& [field, value] : model.config)
    if (const auto n = theirs.find(field); n != theirs.end() && n->second != config_number(value) &&
                                           !has_name(field, "dropout") && !has_name(field, "rate"))
      task.cannot_read(field + " is " + n->second + " in the file and " + config_number(value) + " in the model");
  assign_all(all_matched(task, file, model), at);
}

LoadReport load_partial(const std::string& path, const Saved& model, const Renames& rename, Where at) {
  const FileTask task{"load_partial", path, at};
  check_renames(rename, task.op, at);
  return assign_matched(task, read_safetensors(task).tensors, model, rename);
}
LoadReport load_partial(const NamedTensors& tensors, const Saved& model, const Renames& rename, Where at) {
  const std::string place = "the tensors";
  const FileTask task{"load_partial", place, at};
  check_renames(rename, task.op, at);
  return assign_matched(task, tensors, model, rename);
}

}  // namespace detail

std::string LoadReport::str() const {
  std::string s = std::to_string(loaded.size()) + " of the model's " +
                  std::to_string(loaded.size() + missing.size() + misshapen.size()) + " tensors loaded\n";
  for (const std::string& path : missing) s += "missing     " + path + "\n";
  for (const std::string& name : unexpected) s += "unexpected  " + name + "\n";
  for (const Misfit& m : misshapen)
    s += "misshapen   " + m.path + ": " + name(m.dtype_in_file) + " " + m.shape_in_file.str() + " in the file, " +
         name(m.dtype_in_model) + " " + m.shape_in_model.str() + " in the model\n";
  return s;
}

}  // namespace heed
