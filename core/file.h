#pragma once
// Tensors in files: safetensors (github.com/huggingface/safetensors) and npz (numpy.lib.format), and a model saved
// under the paths of its fields. A file is written beside its place and moved there when complete: a failed write
// leaves the old one. Every function throws FileError, naming the file and the reason.
#include <map>
#include "grad.h"

namespace heed {

// What files hold, and what may be said of it.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  NamedTensors tensors;  // in the order of the file's header, contiguous
  Metadata metadata;

  const Tensor* find(std::string_view name) const;                          // null: no such tensor
  const Tensor& at(std::string_view name, Where at = Where::here()) const;  // FileError: no such tensor
};

// F32, F64, BF16, I64 and BOOL as they are, F16 as f32, I32 and U8 as i64. Large tensors are not read but mapped, and
// copied page by page where they are written to: the file may be replaced meanwhile, but not changed in place.
TensorFile load_safetensors(const std::string& path, Where at = Where::here());
// Tensors of any strides; one without values or a name given twice is a FileError.
void save_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {},
                      Where at = Where::here());

// Arrays of float16, 32 and 64, int32 and 64, uint8 and bool, little endian, in C or Fortran order, stored or deflated.
// An archive above 4 GiB (zip64) is a FileError.
TensorFile load_npz(const std::string& path, Where at = Where::here());
void save_npz(const std::string& path, const NamedTensors& tensors, Where at = Where::here());  // no bf16; not deflated

// ---- a part of a model
// Names of a file -> paths of a model: {{"transformer.h.*.ln_1", "blocks.*.norm1"}, {"transformer", ""}}. A name is
// rewritten by the first pair whose left side it begins with, part by part between the dots; `*` is any one part, and
// the same on the right. What is left of it follows.
using Renames = std::vector<std::pair<std::string, std::string>>;

struct LoadReport {
  struct Misfit {  // of another shape or type
    std::string path;
    Shape shape_in_file, shape_in_model;
    Dtype dtype_in_file, dtype_in_model;
  };
  std::vector<std::string> loaded, missing;  // paths of the model
  std::vector<std::string> unexpected;       // names of the file that the model has no place for
  std::vector<Misfit> misshapen;             // left as they were

  std::string str() const;  // a table for people
};

namespace detail {
struct Saved {  // what a file keeps of a model
  Parameters state;
  std::vector<std::pair<std::string, std::string>> ties;  // other names of tied parameters, each with its owner
  std::vector<std::pair<std::string, double>> config;     // the numbers of the structs, by path
};
template <class M>
Saved saved(const M& model) {
  Saved r{state(model), ties(model), {}};
  heed::walk(model, [&](const Item& x) {
    if (x.kind == Item::number) r.config.emplace_back(x.path, x.value);
  });
  return r;
}
void save(const std::string& path, const Saved& model, Metadata metadata, Where at);
void load(const std::string& path, const Saved& model, Where at);
LoadReport load_partial(const std::string& path, const Saved& model, const Renames& rename, Where at);
LoadReport load_partial(const NamedTensors& tensors, const Saved& model, const Renames& rename, Where at);
}  // namespace detail

// Parameters and state under their paths, as PyTorch names them, and the numbers of the structs, enumerators too, as
// JSON in the metadata under "config".
template <Module M>
void save(const std::string& path, const M& model, const Metadata& metadata = {}, Where at = Where::here()) {
  detail::save(path, detail::saved(model), metadata, at);
}
// The numbers of the structs that save has written, by path: {"width", 384}, {"blocks.0.dropout", 0.1}.
struct ModelConfig {
  std::string path, model;  // of the file, and whose it is taken for
  Where at;
  std::map<std::string, double> numbers;

  double number(const std::string& field) const;  // FileError: there is none, so it holds another model
  int64_t integer(const std::string& field) const { return int64_t(number(field)); }  // likewise
};
// Of a file that holds a model of this type, say "Gpt". FileError: the file has none.
ModelConfig load_config(const std::string& path, const std::string& model, Where at = Where::here());

// Assigns what save has written, or PyTorch, whose num_batches_tracked is not asked for. FileError: a number that both
// configurations have differs, other than `dropout` and `rate`, of which weights know nothing; or the first tensor that
// is missing, unexpected or of another shape or type; GradError, ShapeError: assign refuses a tensor of the model. Then
// nothing has been assigned.
template <Module M>
void load(const std::string& path, M& model, Where at = Where::here()) {
  detail::load(path, detail::saved(model), at);
}

// Assigns what fits, and says what does not (load_state_dict with strict=False): from a safetensors file, or from what
// another file held, once it is cast or transposed. FileError: no such file, or two tensors for one path that differ;
// Error: a pair with more `*` on its right than on its left; GradError, ShapeError: as above. Then nothing has been
// assigned.
template <Module M>
LoadReport load_partial(const std::string& path, M& model, const Renames& rename = {}, Where at = Where::here()) {
  return detail::load_partial(path, detail::saved(model), rename, at);
}
template <Module M>
LoadReport load_partial(const NamedTensors& tensors, M& model, const Renames& rename = {}, Where at = Where::here()) {
  return detail::load_partial(tensors, detail::saved(model), rename, at);
}

}  // namespace heed
