#include "idx.h"
#include <zlib.h>
#include <cmath>
#include <limits>
#include "../../core/disk.h"

namespace heed {
namespace {

using Bytes = std::span<const std::byte>;

// Calls f with a value of the type and its name.
template <class F>
void visit(IdxType type, F&& f) {
  switch (type) {
    case IdxType::u8:
      return f(uint8_t{}, "u8");
    case IdxType::i8:
      return f(int8_t{}, "i8");
    case IdxType::i16:
      return f(int16_t{}, "i16");
    case IdxType::i32:
      return f(int32_t{}, "i32");
    case IdxType::f32:
      return f(float{}, "f32");
    case IdxType::f64:
      return f(double{}, "f64");
  }
}

constexpr std::size_t longest_header = 4 + 4 * max_rank;
struct Header {
  IdxType type;
  Shape shape;
  std::size_t size() const { return 4 + 4 * std::size_t(shape.rank()); }
};
Header read_header(const FileTask& task, Bytes file) {
  if (file.size() < 4 || file[0] != std::byte{0} || file[1] != std::byte{0})
    task.cannot_read("it does not begin as an IDX file");
  const int type = int(file[2]), rank = int(file[3]);
  Header r{IdxType(type), {}};
  bool known = false;
  visit(r.type, [&](auto, const char*) { known = true; });
  if (!known)
    task.cannot_read("its elements are of type " + std::to_string(type) + ": known are 8, 9, 11, 12, 13 and 14");
  if (rank > max_rank) task.cannot_read("it has " + std::to_string(rank) + " dimensions, more than 8");
  if (file.size() < 4 + 4 * std::size_t(rank))
    task.cannot_read("it ends within the sizes of its " + std::to_string(rank) + " dimensions");
  for (int i = 0; i < rank; ++i) r.shape.push_back(from_big_endian<uint32_t>(&file[4 + 4 * std::size_t(i)]));
  return r;
}

bool is_gzip(Bytes file) { return file.size() > 1 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b}; }

// What gzip has packed (RFC 1952), up to `most` bytes of it; memory is taken for what is there, whatever should be.
std::vector<std::byte> unpacked(const FileTask& task, Bytes file, std::size_t most) {
  constexpr int only_gzip = 16 + MAX_WBITS;
  constexpr std::size_t portion = std::size_t{1} << 30;  // zlib counts in 32 bits
  z_stream z{};
  if (inflateInit2(&z, only_gzip) != Z_OK) throw std::bad_alloc();
  const struct End {
    z_stream& z;
    ~End() { inflateEnd(&z); }
  } end{z};
  std::vector<std::byte> r;
  std::byte chunk[1 << 14];
  for (int state = Z_OK; r.size() < most;) {
    if (z.avail_in == 0) {
      if (file.empty() && state == Z_STREAM_END) break;
      const Bytes part = file.first(std::min(portion, file.size()));
      file = file.subspan(part.size());
      z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(part.data()));
      z.avail_in = uInt(part.size());
    }
    if (state == Z_STREAM_END) inflateReset(&z);  // one packed file may follow another
    z.next_out = reinterpret_cast<Bytef*>(chunk);
    z.avail_out = sizeof chunk;
    state = inflate(&z, Z_NO_FLUSH);
    if (state == Z_BUF_ERROR) task.cannot_read("its end is missing");
    if (state != Z_OK && state != Z_STREAM_END)
      task.cannot_read(std::string("it is damaged: ") + (z.msg ? z.msg : "it cannot be inflated"));
    r.insert(r.end(), chunk, chunk + (sizeof chunk - z.avail_out));
  }
  return r;
}

}  // namespace

Tensor load_idx(const std::string& path, std::optional<Dtype> t, Where at) {
  const FileTask task{"load_idx", path, at};
  const MappedFile file(task);
  const bool packed = is_gzip(file.bytes());
  Bytes bytes = file.bytes();
  std::vector<std::byte> buffer;
  auto see = [&](std::size_t most) {
    if (packed) bytes = buffer = unpacked(task, file.bytes(), most);
  };
  see(longest_header);
  const Header header = read_header(task, bytes);

  Array a;
  visit(header.type, [&]<class From>(From, const char* name) {
    const Dtype natural = dtype_of<std::conditional_t<std::is_integral_v<From>, int64_t, From>>;
    const Dtype wanted = t.value_or(natural);
    if (wanted != natural && !floating(wanted))
      fail<DtypeError>(at, task.op, std::string("elements of type ") + name + " are not read as " + heed::name(wanted));
    const std::string what = header.shape.str() + " of " + name;
    const auto size = byte_count(header.shape, sizeof(From));
    if (!size) task.cannot_read(what + " is larger than any memory");
    const std::size_t end = header.size() + *size;
    see(end + 1);
    if (bytes.size() < end)
      task.cannot_read(what + " has " + std::to_string(*size) + " bytes, it ends after " +
                       std::to_string(bytes.size() - header.size()));
    if (bytes.size() > end) task.cannot_read("it has more than the " + std::to_string(*size) + " bytes of " + what);

    a = Array(header.shape, wanted);
    visit_dtype(wanted, [&]<class To>(To) {
      To* to = a.mutable_data<To>();
      const std::byte* from = bytes.data() + header.size();
      for (int64_t i = 0; i < a.numel(); ++i, from += sizeof(From))
        to[i] = static_cast<To>(+from_big_endian<From>(from));
    });
  });
  return Tensor(std::move(a));
}

void save_idx(const std::string& path, const Tensor& x, IdxType type, Where at) {
  const FileTask task{"save_idx", path, at};
  if (!x.defined()) task.cannot_write("it is an undefined tensor");
  std::string bytes = {0, 0, char(type), char(x.dim())};
  for (int64_t size : x.shape()) {
    if (size > int64_t{std::numeric_limits<uint32_t>::max()})
      task.cannot_write("a size of " + x.shape().str() + " is 2^32 or more");
    append_big_endian(bytes, uint32_t(size));
  }
  const std::vector<double> values = x.to_vector();
  visit(type, [&]<class To>(To, const char* name) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = values[i];
      if constexpr (std::is_integral_v<To>)
        if (v != std::floor(v) || v < std::numeric_limits<To>::min() || v > std::numeric_limits<To>::max())
          task.cannot_write("element " + std::to_string(i) + " is " + number_text(v) + ", which " + name +
                            " cannot hold");
      append_big_endian(bytes, static_cast<To>(v));
    }
  });
  NewFile file(task);
  file.write(bytes);
  file.commit();
}

}  // namespace heed
