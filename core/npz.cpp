#include <zlib.h>
#include <algorithm>
#include <charconv>
#include <set>
#include "disk.h"
#include "file.h"

// A zip archive of .npy files (PKWARE's APPNOTE 4.3; numpy.lib.format).

namespace heed {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50;
constexpr std::size_t local_size = 30, central_size = 46, end_size = 22;  // of the records without their names
constexpr uint32_t zip64 = 0xffffffff;                                    // the true number stands elsewhere
constexpr uint16_t utf8_names = 1 << 11, encrypted = 1;
constexpr std::string_view magic = "\x93NUMPY", suffix = ".npy";

std::string number(std::uint64_t n) { return std::to_string(n); }
std::string_view text_of(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

template <class T>
T read(Bytes b, std::size_t offset) {
  T v;
  std::memcpy(&v, b.data() + offset, sizeof v);
  return v;
}

// ---- the archive
struct Entry {
  std::string name;
  uint16_t method;  // 0 stored, 8 deflated
  uint32_t crc;
  std::size_t size;  // decompressed
  Bytes packed;
};

class Archive {
 public:
  Archive(const FileTask& t, Bytes bytes) : task(t), file(bytes) {}

  std::vector<Entry> entries() const {
    const std::size_t end = find_end();
    const Bytes record = file.subspan(end);
    const auto disk = read<uint16_t>(record, 4), count = read<uint16_t>(record, 10);
    const auto size = read<uint32_t>(record, 12), begin = read<uint32_t>(record, 16);
    if (count == 0xffff || size == zip64 || begin == zip64) no_zip64();
    if (disk != 0 || read<uint16_t>(record, 6) != 0 || read<uint16_t>(record, 8) != count)
      task.cannot_read("it is one part of an archive of several");
    if (std::size_t{begin} + size > end)
      task.cannot_read("its directory should have " + number(size) + " bytes from byte " + number(begin) +
                       ", it ends at byte " + number(end));
    Bytes directory = file.subspan(begin, size);
    std::vector<Entry> r;
    for (int i = 0; i < count; ++i) r.push_back(entry(directory, file.first(begin)));
    if (!directory.empty()) task.cannot_read("its directory has more than the " + number(count) + " entries it names");
    check_disjoint(r);
    return r;
  }

 private:
  const FileTask& task;
  Bytes file;

  [[noreturn]] void no_zip64() const {
    task.cannot_read("it is an archive above 4 GiB (zip64), which is not supported: use safetensors");
  }

  // The last record, behind which there is only its comment.
  std::size_t find_end() const {
    if (file.size() < end_size) task.cannot_read("it has " + number(file.size()) + " bytes and is no zip archive");
    for (std::size_t comment = 0; comment <= std::min<std::size_t>(0xffff, file.size() - end_size); ++comment) {
      const std::size_t end = file.size() - end_size - comment;
      if (read<uint32_t>(file, end) == end_signature && read<uint16_t>(file, end + 20) == comment) return end;
    }
    task.cannot_read("it is no zip archive, or its end is missing");
  }

  // Takes the first entry off the directory; `data` is what stands before it.
  Entry entry(Bytes& directory, Bytes data) const {
    if (directory.size() < central_size || read<uint32_t>(directory, 0) != central_signature)
      task.cannot_read("its directory is broken " + number(directory.size()) + " bytes before its end");
    const auto flags = read<uint16_t>(directory, 8);
    const auto packed = read<uint32_t>(directory, 20), size = read<uint32_t>(directory, 24);
    const auto local = read<uint32_t>(directory, 42);
    const std::size_t name_size = read<uint16_t>(directory, 28);
    const std::size_t whole = central_size + name_size + read<uint16_t>(directory, 30) + read<uint16_t>(directory, 32);
    if (whole > directory.size()) task.cannot_read("its directory ends within an entry");
    Entry e{.name = std::string(text_of(directory.subspan(central_size, name_size))),
            .method = read<uint16_t>(directory, 10),
            .crc = read<uint32_t>(directory, 16),
            .size = size,
            .packed = {}};
    directory = directory.subspan(whole);

    const std::string name = in_quotes(e.name);
    if (packed == zip64 || size == zip64 || local == zip64) no_zip64();
    if (flags & encrypted) task.cannot_read(name + " is encrypted");
    if (e.method != 0 && e.method != 8)
      task.cannot_read(name + " is compressed by method " + number(e.method) +
                       ": known are 0 (stored) and 8 (deflate)");
    constexpr std::size_t most = 1032;  // bytes that one byte of deflate can stand for
    if (e.method == 0 ? size != packed : size > packed * most)
      task.cannot_read(name + " cannot have " + number(size) + " bytes, packed it has " + number(packed));

    if (local + local_size > data.size() || read<uint32_t>(data, local) != local_signature)
      task.cannot_read(name + " does not begin at byte " + number(local));
    const std::size_t begin = local + local_size + read<uint16_t>(data, local + 26) + read<uint16_t>(data, local + 28);
    if (begin + packed > data.size())
      task.cannot_read(name + " should have " + number(packed) + " bytes from byte " + number(begin) +
                       ", the directory begins at byte " + number(data.size()));
    e.packed = data.subspan(begin, packed);
    return e;
  }

  void check_disjoint(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> by_place;
    for (const Entry& e : entries) by_place.push_back(&e);
    std::sort(by_place.begin(), by_place.end(), [](const Entry* a, const Entry* b) {
      return std::pair(a->packed.data(), a->packed.size()) < std::pair(b->packed.data(), b->packed.size());
    });
    for (std::size_t i = 1; i < by_place.size(); ++i)
      if (by_place[i - 1]->packed.data() + by_place[i - 1]->packed.size() > by_place[i]->packed.data())
        task.cannot_read(in_quotes(by_place[i - 1]->name) + " and " + in_quotes(by_place[i]->name) + " overlap");
  }
};

// ---- an entry, decompressed as it is read
class Contents {
 public:
  Contents(const FileTask& t, const Entry& e) : task(t), entry(e) {
    z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(e.packed.data()));
    z.avail_in = uInt(e.packed.size());
    if (e.method == 8 && inflateInit2(&z, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;
  ~Contents() {
    if (entry.method == 8) inflateEnd(&z);
  }

  std::size_t left() const { return entry.size - done; }

  void read(std::byte* to, std::size_t n) {
    if (n > left() || unpack(to, n) != n)
      task.cannot_read(in_quotes(entry.name) + " ends before its byte " + number(done + n));
    crc = uint32_t(crc32_z(crc, reinterpret_cast<const Bytef*>(to), n));
    done += n;
  }
  void finish() {  // nothing is left, and all was right
    std::byte more;
    if (unpack(&more, 1) != 0 || z.avail_in != 0)
      task.cannot_read(in_quotes(entry.name) + " has more than the " + number(entry.size) + " bytes it should have");
    if (crc != entry.crc) task.cannot_read(in_quotes(entry.name) + " is damaged: its checksum is wrong");
  }

 private:
  const FileTask& task;
  const Entry& entry;
  z_stream z{};
  std::size_t done = 0;
  uint32_t crc = 0;

  std::size_t unpack(std::byte* to, std::size_t n) {  // less than n only at the end
    if (entry.method == 8) {
      z.next_out = reinterpret_cast<Bytef*>(to);
      z.avail_out = uInt(n);
      const int result = inflate(&z, Z_SYNC_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        task.cannot_read(in_quotes(entry.name) + " is damaged: " + (z.msg ? z.msg : "it cannot be inflated"));
      return n - z.avail_out;
    }
    n = std::min<std::size_t>(n, z.avail_in);
    std::memcpy(to, z.next_in, n);
    z.next_in += n;
    z.avail_in -= uInt(n);
    return n;
  }
};

// ---- an array
struct Header {
  const Format* format = nullptr;
  std::optional<bool> fortran;
  std::optional<Shape> shape;
};

// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderText {
 public:
  HeaderText(const FileTask& t, std::string_view name, std::string_view text) : task(t), entry(name), all(text) {}

  Header parse() {
    expect('{');
    while (!take('}')) {
      field();
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_spaces();
    if (place != all.size()) broken();
    if (!header.format || !header.fortran || !header.shape)
      task.cannot_read(in_quotes(entry) + " has no descr, fortran_order or shape in its header");
    return header;
  }

 private:
  const FileTask& task;
  std::string_view entry, all;
  std::size_t place = 0;
  Header header;

  [[noreturn]] void broken() const {
    task.cannot_read("the header of " + in_quotes(entry) + " is broken at byte " + number(place) + ": " +
                     in_quotes(all));
  }
  void skip_spaces() { place = std::min(all.find_first_not_of(" \t\n", place), all.size()); }
  bool take(std::string_view word) {
    skip_spaces();
    if (!all.substr(place).starts_with(word)) return false;
    place += word.size();
    return true;
  }
  bool take(char c) { return take(std::string_view(&c, 1)); }
  void expect(char c) {
    if (!take(c)) broken();
  }
  std::string_view text() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t begin = place, end = all.find(quote, begin);
    if (end == std::string_view::npos) broken();
    place = end + 1;
    return all.substr(begin, end - begin);
  }

  void field() {
    const std::string_view key = text();
    expect(':');
    if (key == "descr" && !header.format) header.format = &format();
    else if (key == "fortran_order" && !header.fortran) header.fortran = truth();
    else if (key == "shape" && !header.shape) header.shape = shape();
    else broken();
  }
  const Format& format() {
    if (take('[')) task.cannot_read(in_quotes(entry) + " has structured elements, which are not supported");
    const std::string_view descr = text();
    for (const Format& f : formats())
      if (f.npy && descr == f.npy) return f;
    const std::string has = in_quotes(entry) + " has elements of type " + in_quotes(descr);
    if (descr.starts_with('>')) task.cannot_read(has + ": big endian is not supported");
    if (descr.find('O') != descr.npos) task.cannot_read(has + ": Python objects are not read");
    task.cannot_read(has + ": known are <f8 <f4 <f2 <i8 <i4 |u1 |b1");
  }
  bool truth() {
    if (take("True")) return true;
    if (!take("False")) broken();
    return false;
  }
  Shape shape() {
    Shape r;
    expect('(');
    while (!take(')')) {
      skip_spaces();
      int64_t size = 0;
      const auto [end, error] = std::from_chars(all.data() + place, all.data() + all.size(), size);
      if (error != std::errc() || size < 0) broken();
      if (r.rank() == max_rank)
        task.cannot_read(in_quotes(entry) + " has more than " + number(max_rank) + " dimensions");
      r.push_back(size);
      place = std::size_t(end - all.data());
      if (take(',')) continue;
      expect(')');
      break;
    }
    return r;
  }
};

Header read_header(const FileTask& task, const Entry& entry, Contents& contents) {
  std::byte start[8];  // magic, version
  contents.read(start, sizeof start);
  if (!text_of(start).starts_with(magic)) task.cannot_read(in_quotes(entry.name) + " does not begin as a .npy file");
  const int version = int(start[6]);
  if (version < 1 || version > 3 || start[7] != std::byte{0})
    task.cannot_read(in_quotes(entry.name) + " is of version " + number(uint64_t(version)) + "." +
                     number(uint64_t(start[7])) + ": known are 1.0, 2.0 and 3.0");
  std::byte size[4] = {};
  contents.read(size, version == 1 ? 2 : 4);
  const auto length = read<uint32_t>(size, 0);
  constexpr std::size_t longest = 1 << 16;
  if (length > std::min(longest, contents.left()))
    task.cannot_read(in_quotes(entry.name) + " cannot have a header of " + number(length) + " bytes");
  std::string text(length, ' ');
  contents.read(reinterpret_cast<std::byte*>(text.data()), length);
  return HeaderText(task, entry.name, text).parse();
}

Shape reversed(const Shape& s) {
  Shape r;
  for (int i = s.rank() - 1; i >= 0; --i) r.push_back(s[i]);
  return r;
}

// A deflated entry can claim a thousand times its size: whether it is true is seen before memory is taken for it.
void check_size(const FileTask& task, const Entry& entry) {
  Contents contents(task, entry);
  std::byte chunk[8192];
  while (const std::size_t n = std::min(sizeof chunk, contents.left())) contents.read(chunk, n);
  contents.finish();
}

Tensor read_array(const FileTask& task, const Entry& entry) {
  if (entry.method == 8) check_size(task, entry);
  Contents contents(task, entry);
  const Header header = read_header(task, entry, contents);
  const Format& format = *header.format;
  const auto bytes = byte_count(*header.shape, format.width);
  if (!bytes || *bytes != contents.left())
    task.cannot_read(in_quotes(entry.name) + " of shape " + header.shape->str() + " and type " + format.npy +
                     " does not have " + number(contents.left()) + " bytes");

  Array a(*header.fortran ? reversed(*header.shape) : *header.shape, format.dtype);
  auto* to = a.mutable_data<std::byte>();
  if (format.same) {
    contents.read(to, *bytes);
  } else {
    std::byte chunk[8192];
    while (const std::size_t n = std::min(sizeof chunk, contents.left())) {
      contents.read(chunk, n);
      format.decode(chunk, n / format.width, to);
      to += n / format.width * width(format.dtype);
    }
  }
  contents.finish();
  if (!*header.fortran) return Tensor(std::move(a));
  std::array<int, max_rank> dims{};
  const int rank = a.shape().rank();
  for (int i = 0; i < rank; ++i) dims[std::size_t(i)] = rank - 1 - i;
  return Tensor(a.permuted(std::span(dims.data(), std::size_t(rank))).contiguous());
}

// ---- writing
std::string npy_header(const Tensor& t) {
  std::string shape;
  for (int64_t size : t.shape()) shape += std::to_string(size) + ",";
  std::string text =
      "{'descr': '" + std::string(format_of(t.dtype()).npy) + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr std::size_t before = 10, unit = 64;  // the data begins at a multiple of it
  text.append(unit - 1 - (before + text.size()) % unit, ' ') += '\n';
  const auto length = uint16_t(text.size());
  return std::string(magic) + '\1' + '\0' + char(length & 255) + char(length >> 8) + text;
}

template <class... T>
void append(std::string& to, T... numbers) {  // little endian, without gaps
  (to.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
}

}  // namespace

TensorFile load_npz(const std::string& path, Where at) {
  const FileTask task{"load_npz", path, at};
  const MappedFile file(task);
  TensorFile r;
  std::set<std::string> names;
  for (const Entry& e : Archive(task, file.bytes()).entries()) {
    if (!e.name.ends_with(suffix)) task.cannot_read(in_quotes(e.name) + " is no .npy file");
    const auto& name = names.insert(e.name.substr(0, e.name.size() - suffix.size()));
    if (!name.second) task.cannot_read(in_quotes(e.name) + " is there twice");
    r.tensors.emplace_back(*name.first, read_array(task, e));
  }
  return r;
}

void save_npz(const std::string& path, const NamedTensors& tensors, Where at) {
  const FileTask task{"save_npz", path, at};
  check_names(task, tensors);
  for (const auto& [name, t] : tensors) {
    if (!format_of(t.dtype()).npy)
      task.cannot_write(in_quotes(name) + " is " + heed::name(t.dtype()) + ", which NumPy has not: use cast");
    if (name.size() + suffix.size() > 0xffff) task.cannot_write(in_quotes(name) + " is too long a name");
  }
  NewFile file(task);
  std::string directory;
  std::size_t place = 0;
  for (const auto& [name, t] : tensors) {
    const std::string header = npy_header(t), file_name = name + std::string(suffix);
    const Array values = t.array().contiguous();
    const Bytes data = bytes_of(values);
    const std::size_t size = header.size() + data.size();
    if (place + size >= zip64) task.cannot_write("it would be above 4 GiB: use safetensors");
    const auto crc = uint32_t(crc32_z(crc32_z(0, reinterpret_cast<const Bytef*>(header.data()), header.size()),
                                      reinterpret_cast<const Bytef*>(data.data()), data.size()));

    constexpr uint16_t version = 20, stored = 0, time = 0, date = 1 << 5 | 1;  // 1 January 1980, so that files compare
    std::string common;
    append(common, version, utf8_names, stored, time, date, crc, uint32_t(size), uint32_t(size),
           uint16_t(file_name.size()), uint16_t{0});
    std::string local;
    append(local, local_signature);
    local += common + file_name;
    append(directory, central_signature, version);
    directory += common;
    append(directory, uint16_t{0}, uint16_t{0}, uint16_t{0}, uint32_t{0}, uint32_t(place));
    directory += file_name;
    file.write(local);
    file.write(header);
    file.write(data);
    place += local.size() + size;
  }
  if (tensors.size() >= 0xffff || place + directory.size() >= zip64)
    task.cannot_write("an archive of " + number(tensors.size()) + " tensors and " + number(place) +
                      " bytes is too large: use safetensors");
  std::string end;
  append(end, end_signature, uint16_t{0}, uint16_t{0}, uint16_t(tensors.size()), uint16_t(tensors.size()),
         uint32_t(directory.size()), uint32_t(place), uint16_t{0});
  file.write(directory);
  file.write(end);
  file.commit();
}

}  // namespace heed
