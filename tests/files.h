#pragma once
// What the tests of files share.
#include <heed/core/file.h>
#include <zlib.h>
#include <filesystem>
#include <fstream>
#include "catch.h"

namespace files {

using namespace heed;
namespace fs = std::filesystem;

struct Folder {  // gone at the end of the test, with what is in it
  fs::path path = fs::temp_directory_path() / "heed-file-XXXXXX";
  Folder() {
    std::string name = path;
    REQUIRE(mkdtemp(name.data()));
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path / name; }
  auto count() const { return std::distance(fs::directory_iterator(path), {}); }
};

inline void write(const std::string& path, std::string_view bytes) {
  fs::remove(path);  // some file systems wait for the disk when a file is overwritten
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
}
inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
template <class... T>
std::string bytes(T... numbers) {
  std::string s;
  (s.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return s;
}

// By zlib; window_bits says in which wrapping: -MAX_WBITS none (as in zip), 16 + MAX_WBITS gzip's.
inline std::string deflated(const std::string& s, int window_bits) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string r(deflateBound(&z, s.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(s.data()));
  z.avail_in = uInt(s.size());
  z.next_out = reinterpret_cast<Bytef*>(r.data());
  z.avail_out = uInt(r.size());
  deflate(&z, Z_FINISH);
  r.resize(z.total_out);
  deflateEnd(&z);
  return r;
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const FileError& e) {
    return e.what();
  }
  return "no error";
}

// Every type, from no dimension to 8, with and without elements.
inline NamedTensors samples() {
  NamedTensors r;
  for (Dtype t : {boolean, f32, bf16, i64, f64})
    for (const Shape& s : {Shape{}, {3}, {0}, {2, 0, 3}, {2, 3, 4}, {1, 2, 1, 2, 1, 2, 1, 3}}) {
      const Tensor x = s.rank() == 0 ? full({}, -1, t) : Tensor(arange(s.numel(), t).array().reshaped(s));
      r.emplace_back(std::string(name(t)) + s.str(), x);
    }
  return r;
}

inline void check_same(const TensorFile& file, const NamedTensors& tensors) {
  REQUIRE(file.tensors.size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    INFO(tensors[i].first);
    CHECK(file.tensors[i].first == tensors[i].first);
    CHECK(file.tensors[i].second.array().is_contiguous());
    CHECK(equal(file.tensors[i].second, tensors[i].second));
  }
}

inline NamedTensors views() {
  const Array x = arange(24, f64).array().reshaped({2, 3, 4});
  return {{"transposed", Tensor(x.transposed(0, 2))},
          {"from the second on", Tensor(x.sliced(0, 1, 1))},
          {"every other", Tensor(x.sliced(2, 1, 2, 2))},
          {"expanded", Tensor(x.sliced(0, 0, 1).expanded({5, 3, 4}))},
          {"number", Tensor(Array::number(2.5, 2, f32))}};
}

// Files like `good`, each with up to three changes: bits flipped, bytes overwritten, inserted, removed, the end cut
// off.
template <class F>
void damage(const std::string& good, int times, F&& load_it) {
  const Folder folder;
  Rng rng{7};
  uint64_t drawn = 0;
  auto below = [&, key = rng.key()](std::size_t n) { return std::size_t(unit(key, drawn++) * double(n)); };
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  int loaded = 0, refused = 0;
  for (int i = 0; i < times; ++i) {
    std::string file = good;
    for (std::size_t changes = 1 + below(3); changes > 0 && !file.empty(); --changes) {
      const std::size_t at = below(file.size()), n = std::min(1 + below(8), file.size() - at);
      switch (below(6)) {
        case 0:
          file[at] = char(file[at] ^ (1 << below(8)));
          break;
        case 1:
          file.replace(at, n, n, below(2) ? '\xff' : '\0');
          break;
        case 2:
          file[at] = char(below(256));
          break;
        case 3:
          file.insert(at, file.substr(below(file.size()), n));
          break;
        case 4:
          file.erase(at, n);
          break;
        default:
          if (below(4) == 0) file.resize(at);
          else file[at] = "0123456789[]{}\",:-"[below(18)];
      }
    }
    write(folder / "damaged", file);
    try {
      load_it(folder / "damaged");
      ++loaded;
    } catch (const FileError&) {
      ++refused;
    }
  }
  CHECK(loaded > 0);
  CHECK(refused > times / 4);
  CHECK(memory::peak() - in_use < 32 * good.size() + (std::size_t{128} << 10));
}

// Every beginning of `good`, and it with each of its bits flipped: loaded or refused, without much memory.
struct Outcomes {
  int loaded = 0, refused = 0;
};
struct Everywhere {
  Outcomes cut, flipped;
};
template <class F>
Everywhere damage_everywhere(const std::string& good, F&& load_it) {
  const Folder folder;
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  auto count = [&](std::string_view file, Outcomes& outcomes) {
    write(folder / "damaged", file);
    try {
      load_it(folder / "damaged");
      ++outcomes.loaded;
    } catch (const FileError&) {
      ++outcomes.refused;
    }
  };
  Everywhere r;
  for (std::size_t n = 0; n < good.size(); ++n) count(std::string_view(good).substr(0, n), r.cut);
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string file = good;
    file[bit / 8] = char(file[bit / 8] ^ (1 << bit % 8));
    count(file, r.flipped);
  }
  CHECK(memory::peak() - in_use < 64 * good.size() + (std::size_t{128} << 10));
  return r;
}

inline auto values_of(TensorFile (*load_it)(const std::string&, Where)) {
  return [load_it](const std::string& path) {
    for (const auto& [name, t] : load_it(path, {}).tensors) (void)t.to_vector();
  };
}

}  // namespace files
