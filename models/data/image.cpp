#include "image.h"
#include <png.h>
#include <charconv>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <memory>
#include "../../core/disk.h"

namespace heed {
namespace {

using Bytes = std::span<const std::byte>;

// [C, H, W] from samples that stand pixel by pixel: sample(i) is the one at place i of [H, W, C].
template <class F>
Tensor planes(int64_t channels, int64_t height, int64_t width, int64_t greatest, F sample) {
  Array a({channels, height, width}, f32);
  auto* to = a.mutable_data<float>();
  const int64_t pixels = height * width;
  for (int64_t i = 0, p = 0; p < pixels; ++p)
    for (int64_t c = 0; c < channels; ++c, ++i) to[c * pixels + p] = float(sample(i)) / float(greatest);
  return Tensor(std::move(a));
}

// The other way round.
std::vector<uint16_t> samples(const FileTask& task, const Tensor& image, int64_t greatest) {
  const std::vector<float> x = image.to_vector<float>();
  const auto channels = std::size_t(image.size(0)), pixels = x.size() / channels;
  std::vector<uint16_t> r;
  r.reserve(x.size());
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; ++c) {
      const float v = x[c * pixels + p];
      if (std::isnan(v)) task.cannot_write("element " + std::to_string(c * pixels + p) + " is NaN");
      r.push_back(uint16_t(std::lround(std::clamp(double(v), 0.0, 1.0) * double(greatest))));
    }
  return r;
}
std::string big_endian(std::span<const uint16_t> samples, int bits) {
  std::string r;
  for (uint16_t v : samples) {
    if (bits == 16) append_big_endian(r, v);
    else append_big_endian(r, uint8_t(v));
  }
  return r;
}

// ---- PGM and PPM: P2, P3 (plain), P5, P6 (binary), the sizes, the greatest value, the samples
class Pnm {
 public:
  Pnm(const FileTask& t, std::string_view file) : task(t), text(file) {}

  static bool recognises(std::string_view file) {
    return file.size() > 1 && file[0] == 'P' && file[1] >= '1' && file[1] <= '7';
  }

  Tensor read() {
    const char kind = text[1];
    if (kind != '2' && kind != '3' && kind != '5' && kind != '6')
      task.cannot_read(std::string("it is a P") + kind + ": known are P2, P3, P5 and P6");
    place = 2;
    const bool plain = kind < '5';
    const int64_t channels = kind == '2' || kind == '5' ? 1 : 3;
    const int64_t width = next("width"), height = next("height"), greatest = next("greatest value");
    if (width == 0 || height == 0)
      task.cannot_read("it has no pixels: " + std::to_string(width) + " by " + std::to_string(height));
    if (greatest == 0 || greatest > 65535)
      task.cannot_read("its greatest value is " + std::to_string(greatest) + ", not 1 to 65535");

    // A plain sample is a digit or more, with a space before it.
    const std::size_t each = plain || greatest > 255 ? 2 : 1;
    if (!plain) {
      if (place == text.size() || !space(text[place])) task.cannot_read("no space ends its header");
      ++place;
    }
    const auto bytes = byte_count({height, width, channels}, each);
    const std::size_t left = text.size() - place;
    const std::string what = std::to_string(width) + " by " + std::to_string(height) + " pixels";
    if (!bytes || *bytes > left)
      task.cannot_read(what + " do not fit into the " + std::to_string(left) + " bytes behind its header");
    if (!plain && *bytes < left)
      task.cannot_read(what + " are " + std::to_string(*bytes) + " bytes, there are " + std::to_string(left));

    Tensor r = planes(channels, height, width, greatest, [&](int64_t i) {
      const int64_t v = plain ? next("next sample") : binary(std::size_t(i), each);
      if (v > greatest)
        task.cannot_read("sample " + std::to_string(i) + " is " + std::to_string(v) + ", the greatest should be " +
                         std::to_string(greatest));
      return v;
    });
    if (plain) skip();
    if (plain && place != text.size()) task.cannot_read("there is more than " + what);
    return r;
  }

 private:
  const FileTask& task;
  std::string_view text;
  std::size_t place = 0;

  static bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  void skip() {  // spaces, and comments to the end of their line
    for (; place < text.size() && (space(text[place]) || text[place] == '#'); ++place)
      if (text[place] == '#') place = std::min(text.find_first_of("\r\n", place), text.size() - 1);
  }
  int64_t next(const char* what) {
    const std::size_t before = place;
    skip();
    uint32_t v = 0;
    const auto [end, error] = std::from_chars(text.data() + place, text.data() + text.size(), v);
    if (error != std::errc() || place == before)
      task.cannot_read(std::string("its ") + what + " is " +
                       (place == text.size() ? "missing" : "no number at byte " + std::to_string(place)));
    place = std::size_t(end - text.data());
    return v;
  }
  int64_t binary(std::size_t i, std::size_t width) const {
    const auto* at = reinterpret_cast<const std::byte*>(text.data()) + place + i * width;
    return width == 1 ? int64_t(*at) : int64_t(from_big_endian<uint16_t>(at));
  }
};

std::string to_pnm(std::span<const uint16_t> samples, int64_t channels, int64_t height, int64_t width,
                   const ImageOptions& options) {
  const char kind = char((options.plain ? '2' : '5') + (channels == 3));
  std::string r = std::string("P") + kind + "\n" + std::to_string(width) + " " + std::to_string(height) + "\n" +
                  (options.bits == 16 ? "65535" : "255") + "\n";
  if (!options.plain) return r + big_endian(samples, options.bits);
  constexpr std::size_t per_line = 11;  // of 6 characters: a line has 70 at most
  for (std::size_t i = 0; i < samples.size(); ++i)
    r += std::to_string(samples[i]) + (i % per_line == per_line - 1 || i + 1 == samples.size() ? '\n' : ' ');
  return r;
}

// ---- PNG
// Where libpng finds an error it jumps, by longjmp, back into `succeeds`: past functions of its own, and past the f
// that called them, which must have nothing to destroy.
struct Png {
  png_structp png = nullptr;
  png_infop info = nullptr;
  char why[200] = "";  // it failed

  template <class F>
  bool succeeds(F f) {
    static_assert(std::is_trivially_destructible_v<F>);
    if (setjmp(png_jmpbuf(png))) return false;
    f();
    return true;
  }
  [[noreturn]] static void fail(png_structp png, png_const_charp text) {
    std::snprintf(static_cast<Png*>(png_get_error_ptr(png))->why, sizeof why, "%s", text);
    png_longjmp(png, 1);
  }
  static void ignore(png_structp, png_const_charp) {}  // a warning
};

struct PngReader : Png {
  Bytes left;

  explicit PngReader(Bytes file) : left(file) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, static_cast<Png*>(this), fail, ignore);
    if (png) info = png_create_info_struct(png);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }

  static void take(png_structp png, png_bytep to, std::size_t n) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (n > self.left.size()) png_error(png, "its end is missing");
    std::memcpy(to, self.left.data(), n);
    self.left = self.left.subspan(n);
  }
};

struct PngWriter : Png {
  std::string written;

  PngWriter() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, static_cast<Png*>(this), fail, ignore);
    if (png) info = png_create_info_struct(png);
  }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
  ~PngWriter() { png_destroy_write_struct(&png, &info); }

  static void put(png_structp png, png_bytep from, std::size_t n) {
    auto& self = *static_cast<PngWriter*>(png_get_io_ptr(png));
    bool fits = true;  // an exception must not pass through libpng
    try {
      self.written.append(reinterpret_cast<const char*>(from), n);
    } catch (const std::exception&) {
      fits = false;
    }
    if (!fits) png_error(png, "it does not fit into memory");
  }
  static void flush(png_structp) {}
};

constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n";

Tensor read_png(const FileTask& task, Bytes file) {
  PngReader in(file);
  if (!in.info) throw std::bad_alloc();
  auto step = [&](auto f) {
    if (!in.succeeds(f)) task.cannot_read(std::string("it is damaged: ") + in.why);
  };
  step([&] {
    png_set_read_fn(in.png, &in, PngReader::take);
    png_set_user_limits(in.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_crc_action(in.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);  // of every chunk: tRNS is one that counts
    png_read_info(in.png, in.info);
  });
  const std::size_t width = png_get_image_width(in.png, in.info), height = png_get_image_height(in.png, in.info);
  constexpr std::size_t most = 1032;  // bytes that one byte of deflate can stand for
  if (height > file.size() * most / png_get_rowbytes(in.png, in.info))
    task.cannot_read(std::to_string(width) + " by " + std::to_string(height) + " pixels do not fit into its " +
                     std::to_string(file.size()) + " bytes");
  step([&] {
    png_set_expand(in.png);
    png_read_update_info(in.png, in.info);
  });
  const std::size_t row_bytes = png_get_rowbytes(in.png, in.info);
  const int64_t channels = png_get_channels(in.png, in.info);
  const bool wide = png_get_bit_depth(in.png, in.info) == 16;
  const auto bytes = std::make_unique_for_overwrite<png_byte[]>(row_bytes * height);
  std::vector<png_bytep> rows;
  for (std::size_t y = 0; y < height; ++y) rows.push_back(&bytes[y * row_bytes]);
  step([&] {
    png_read_image(in.png, rows.data());
    png_read_end(in.png, nullptr);
  });
  const auto* from = reinterpret_cast<const std::byte*>(bytes.get());
  if (wide)
    return planes(channels, int64_t(height), int64_t(width), 65535,
                  [&](int64_t i) { return from_big_endian<uint16_t>(from + 2 * i); });
  return planes(channels, int64_t(height), int64_t(width), 255, [&](int64_t i) { return uint8_t(from[i]); });
}

std::string to_png(const FileTask& task, std::span<const uint16_t> samples, int64_t channels, int64_t height,
                   int64_t width, int bits) {
  constexpr int colours[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA};
  std::string bytes = big_endian(samples, bits);
  std::vector<png_bytep> rows;
  for (std::size_t y = 0; y < std::size_t(height); ++y)
    rows.push_back(reinterpret_cast<png_bytep>(bytes.data()) + y * (bytes.size() / std::size_t(height)));

  PngWriter out;
  if (!out.info) throw std::bad_alloc();
  const bool good = out.succeeds([&] {
    png_set_write_fn(out.png, &out, PngWriter::put, PngWriter::flush);
    png_set_user_limits(out.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(out.png, out.info, png_uint_32(width), png_uint_32(height), bits, colours[channels - 1],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(out.png, out.info);
    png_write_image(out.png, rows.data());
    png_write_end(out.png, out.info);
  });
  if (!good) task.cannot_write(out.why);
  return std::move(out.written);
}

}  // namespace

Tensor load_image(const std::string& path, Where at) {
  const FileTask task{"load_image", path, at};
  const MappedFile file(task);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (text.starts_with(png_signature)) return read_png(task, file.bytes());
  if (Pnm::recognises(text)) return Pnm(task, text).read();
  task.cannot_read("it is neither PNG nor PGM nor PPM");
}

void save_image(const std::string& path, const Tensor& image, const ImageOptions& options, Where at) {
  const FileTask task{"save_image", path, at};
  if (!image.defined()) fail<ShapeError>(at, task.op, "the image is an undefined tensor");
  const std::string shape = image.shape().str();
  if (image.dim() != 3 || image.numel() == 0 || image.size(0) > 4)
    fail<ShapeError>(at, task.op, "the image must be [C, H, W] with 1 to 4 channels and not empty, not " + shape);
  if (image.dtype() != f32 && image.dtype() != f64)
    fail<DtypeError>(at, task.op,
                     std::string("the image must be f32 or f64, not ") + name(image.dtype()) + ": use cast");
  if (options.bits != 8 && options.bits != 16)
    fail<Error>(at, task.op, "an image has 8 or 16 bits, not " + std::to_string(options.bits));

  const int64_t channels = image.size(0), height = image.size(1), width = image.size(2);
  const bool is_png = path.ends_with(".png");
  if (!is_png && !path.ends_with(".pgm") && !path.ends_with(".ppm"))
    task.cannot_write("its name does not end in .png, .pgm or .ppm");
  if (is_png && options.plain) task.cannot_write("a PNG is not plain text");
  if (!is_png && channels != (path.ends_with(".pgm") ? 1 : 3))
    fail<ShapeError>(at, task.op, "a .pgm has 1 channel and a .ppm 3, the image is " + shape);

  const std::vector<uint16_t> values = samples(task, image, options.bits == 16 ? 65535 : 255);
  const std::string bytes = is_png ? to_png(task, values, channels, height, width, options.bits)
                                   : to_pnm(values, channels, height, width, options);
  NewFile file(task);
  file.write(bytes);
  file.commit();
}

}  // namespace heed
