#pragma once
// Files as bytes, mapped when read and replaced whole when written, and elements as files keep them: what safetensors
// and npz share.
#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include "tensor.h"

namespace heed {

struct FileTask {  // what is done to which file, at which line of the user's
  const char* op;
  const std::string& path;
  Where at;

  [[noreturn]] void cannot_read(const std::string& why) const {
    fail<FileError>(at, op, "cannot read " + path + ": " + why);
  }
  [[noreturn]] void cannot_write(const std::string& why) const {
    fail<FileError>(at, op, "cannot write " + path + ": " + why);
  }
};

std::string in_quotes(std::string_view name);  // for messages: shortened, without control characters

std::string number_text(double v);  // the shortest that reads back as v: 384, 1e-05, inf

// FileError: a name is there twice, or a tensor is undefined.
void check_names(const FileTask& task, std::span<const std::pair<std::string, Tensor>> tensors);

// ---- elements
struct Format {
  const char *safetensors, *npy;  // its names; npy is null where NumPy has no such type
  std::size_t width;              // bytes of an element in the file
  Dtype dtype;                    // in memory
  bool same;                      // are they the same bytes there?
  void (*decode)(const std::byte* from, std::size_t n, std::byte* to);
};
std::span<const Format> formats();
const Format& format_of(Dtype t);  // the one that is written

// Bytes of an array, each element `width` of them. Absent if no memory could hold it, whichever dimension is 0.
std::optional<std::size_t> byte_count(const Shape& shape, std::size_t width);

// Numbers whose first byte is the highest, as some formats keep them.
template <class T>
T from_big_endian(const std::byte* from) {
  std::array<std::byte, sizeof(T)> bytes;
  std::reverse_copy(from, from + sizeof(T), bytes.begin());
  return std::bit_cast<T>(bytes);
}
template <class T>
void append_big_endian(std::string& to, T v) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(v);
  to.append(bytes.rbegin(), bytes.rend());
}

// ---- files
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  bool close();

 private:
  int fd_;
};

class MappedFile {
 public:
  explicit MappedFile(const FileTask& task);  // FileError: not there, not readable, not a regular file
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  // The elements from byte `offset` on: a mapping of their own if they are many and the same bytes in memory, else a
  // copy. They lie within the file.
  Array array(const Format& format, const Shape& shape, std::size_t offset) const;

 private:
  Descriptor file_;
  std::span<const std::byte> bytes_;
};

class NewFile {
 public:
  explicit NewFile(const FileTask& task);  // FileError: no such folder, no permission, not a regular file
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();  // what was not committed disappears

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();  // takes the place of the old file in one step

 private:
  int create();

  FileTask task_;
  std::filesystem::path target_, folder_, temporary_;
  Descriptor file_;
};

inline std::span<const std::byte> bytes_of(const Array& a) {  // a is contiguous
  return {a.data<std::byte>(), static_cast<std::size_t>(a.numel()) * width(a.dtype())};
}

}  // namespace heed
