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
}  // namespace detail

// Parameters and state under their paths, as PyTorch names them, and the numbers of the structs as JSON in the metadata
// under "config".
template <Module M>
void save(const std::string& path, const M& model, const Metadata& metadata = {}, Where at = Where::here()) {
  detail::save(path, detail::saved(model), metadata, at);
}
// Assigns what save has written, or PyTorch. FileError: a number that both configurations have differs, or the first
// tensor that is missing, unexpected or of another shape or type; then nothing has been assigned.
template <Module M>
void load(const std::string& path, M& model, Where at = Where::here()) {
  detail::load(path, detail::saved(model), at);
}

}  // namespace heed
