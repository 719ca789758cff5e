#include "disk.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <system_error>

namespace heed {

static_assert(std::endian::native == std::endian::little, "files are little endian, and read as they are");

std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 60;
  std::string s = "\"";
  for (char c : name.substr(0, longest)) s += static_cast<unsigned char>(c) < ' ' || c == 127 ? '?' : c;
  return s + (name.size() > longest ? "...\"" : "\"");
}

std::string number_text(double v) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

void check_names(const FileTask& task, std::span<const std::pair<std::string, Tensor>> tensors) {
  std::set<std::string_view> names;
  for (const auto& [name, t] : tensors) {
    if (!t.defined()) task.cannot_write(in_quotes(name) + " is an undefined tensor");
    if (!names.insert(name).second) task.cannot_write("there are two tensors " + in_quotes(name));
  }
}

static std::string reason() { return std::generic_category().message(errno); }

// ---- elements
namespace {

struct Float16 {  // 1 bit of sign, 5 of exponent, 10 of mantissa
  uint16_t bits;
  explicit operator float() const {
    const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    const float sign = bits & 0x8000 ? -1.0f : 1.0f;
    if (exponent == 31)
      return sign * (mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity());
    if (exponent == 0) return sign * std::ldexp(float(mantissa), -24);
    return sign * std::ldexp(float(1024 + mantissa), exponent - 25);
  }
};

template <class From, class To>
void decode(const std::byte* from, std::size_t n, std::byte* to) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(to, from, n * sizeof(To));
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      From x;
      std::memcpy(&x, from + i * sizeof x, sizeof x);
      const To y(x);
      std::memcpy(to + i * sizeof y, &y, sizeof y);
    }
  }
}
template <class From, class To>
constexpr Format format(const char* safetensors, const char* npy) {
  return {safetensors, npy, sizeof(From), dtype_of<To>, std::is_same_v<From, To>, &decode<From, To>};
}

constexpr Format all_formats[] = {
    format<float, float>("F32", "<f4"),          format<double, double>("F64", "<f8"),
    format<BFloat16, BFloat16>("BF16", nullptr), format<int64_t, int64_t>("I64", "<i8"),
    format<uint8_t, bool>("BOOL", "|b1"),  // any byte but 0 is true
    format<Float16, float>("F16", "<f2"),        format<int32_t, int64_t>("I32", "<i4"),
    format<uint8_t, int64_t>("U8", "|u1"),
};

}  // namespace

std::span<const Format> formats() { return all_formats; }

const Format& format_of(Dtype t) {
  std::size_t i = 0;
  while (all_formats[i].dtype != t) ++i;
  return all_formats[i];
}

std::optional<std::size_t> byte_count(const Shape& shape, std::size_t width) {
  constexpr int64_t most = int64_t{1} << 59;  // of elements: as many of 8 bytes can be counted
  int64_t n = 1;
  for (int64_t size : shape)
    if (__builtin_mul_overflow(n, std::max<int64_t>(size, 1), &n) || n > most) return std::nullopt;
  return std::size_t(shape.numel()) * width;
}

// ---- reading
bool Descriptor::close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

MappedFile::MappedFile(const FileTask& task)
    : file_(open(task.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {  // a pipe must not make us wait
  struct stat info {};
  if (file_.get() < 0 || fstat(file_.get(), &info) != 0) task.cannot_read(reason());
  if (S_ISDIR(info.st_mode)) task.cannot_read("it is a folder");
  if (!S_ISREG(info.st_mode)) task.cannot_read("it is not a regular file");
  if (info.st_size == 0) task.cannot_read("it is empty");
  void* start = mmap(nullptr, std::size_t(info.st_size), PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (start == MAP_FAILED) task.cannot_read(reason());
  bytes_ = {static_cast<const std::byte*>(start), std::size_t(info.st_size)};
}

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

namespace {

std::size_t page_size() { return std::size_t(sysconf(_SC_PAGESIZE)); }
void unmap(Storage* s) {
  const std::size_t before = reinterpret_cast<std::uintptr_t>(s->data) % page_size();
  munmap(s->data - before, before + s->bytes);
}

// Null where there can be no more mappings. Each has pages of its own, also where two share a page of the file.
Storage* map_copy_on_write(int file, std::size_t offset, std::size_t bytes) {
  const std::size_t before = offset % page_size();
  void* start = mmap(nullptr, before + bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, off_t(offset - before));
  if (start == MAP_FAILED) return nullptr;
  return adopt_storage(static_cast<std::byte*>(start) + before, bytes, unmap);
}

}  // namespace

Array MappedFile::array(const Format& format, const Shape& shape, std::size_t offset) const {
  constexpr std::size_t worth_mapping = 64 << 10;
  const auto n = std::size_t(shape.numel());
  if (format.same && n * format.width >= worth_mapping && offset % format.width == 0)
    if (Storage* s = map_copy_on_write(file_.get(), offset, n * format.width))
      return Array(Ref<Storage>(s), shape, format.dtype);
  Array a(shape, format.dtype);
  format.decode(bytes_.data() + offset, n, a.mutable_data<std::byte>());
  return a;
}

// ---- writing
namespace {

// Where the file will be: behind a link, if that is what the path is.
std::filesystem::path place_of(const FileTask& task) {
  std::error_code none;
  auto place = std::filesystem::canonical(task.path, none);
  if (none) return task.path;
  if (!std::filesystem::is_regular_file(place, none)) task.cannot_write("it is not a regular file");
  if (access(place.c_str(), W_OK) != 0) task.cannot_write(reason());
  return place;
}

}  // namespace

NewFile::NewFile(const FileTask& task)
    : task_(task),
      target_(place_of(task)),
      folder_(target_.has_parent_path() ? target_.parent_path() : "."),
      file_(create()) {}

int NewFile::create() {
  static std::atomic<unsigned> counter{0};
  for (;;) {
    temporary_ = folder_ / (".heed." + std::to_string(getpid()) + "." + std::to_string(counter++) + ".tmp");
    const int fd = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    if (errno != EEXIST) task_.cannot_write(reason());
  }
}

NewFile::~NewFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void NewFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) task_.cannot_write(reason());
    bytes = bytes.subspan(std::size_t(std::max<ssize_t>(n, 0)));
  }
}

void NewFile::commit() {
  struct stat old {};
  const bool keeps_mode = stat(target_.c_str(), &old) != 0 || fchmod(file_.get(), old.st_mode & 0777) == 0;
  if (!keeps_mode || fsync(file_.get()) != 0 || !file_.close() || rename(temporary_.c_str(), target_.c_str()) != 0)
    task_.cannot_write(reason());
  temporary_.clear();
  const Descriptor folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fsync(folder.get());  // the new file is there already: a file system that cannot do this is no failure
}

}  // namespace heed
