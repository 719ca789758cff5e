#include <heed/models/data/image.h>
#include <zlib.h>
#include <limits>
#include "common.h"
#include "files.h"

using namespace heed;
using namespace files;

namespace {

// ---- a writer of PNG that shares nothing with libpng
std::string big_endian(uint32_t v) { return {char(v >> 24), char(v >> 16 & 255), char(v >> 8 & 255), char(v & 255)}; }
std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  return big_endian(uint32_t(data.size())) + body +
         big_endian(uint32_t(crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size()))));
}
std::string deflated(const std::string& s) { return files::deflated(s, MAX_WBITS); }
enum Colour { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgba = 6 };
struct Ihdr {
  uint32_t width, height;
  int bits;
  Colour colour;
  bool interlaced = false;
};
const std::string signature = "\x89PNG\r\n\x1a\n", iend = chunk("IEND", "");
std::string ihdr(const Ihdr& h) {
  return chunk("IHDR", big_endian(h.width) + big_endian(h.height) +
                           std::string{char(h.bits), char(h.colour), 0, 0, char(h.interlaced)});
}
// The rows with their filter bytes; `between` are chunks before the data.
std::string png(const Ihdr& h, const std::string& rows, const std::string& between = "") {
  return signature + ihdr(h) + between + chunk("IDAT", deflated(rows)) + iend;
}
std::string rows_of(const std::string& bytes, std::size_t row) {  // unfiltered
  std::string r;
  for (std::size_t i = 0; i < bytes.size(); i += row) r += '\0' + bytes.substr(i, row);
  return r;
}

Tensor image(const Folder& folder, std::string_view file) {
  write(folder / "x", file);
  return load_image(folder / "x");
}
std::string image_error(const Folder& folder, std::string_view file) {
  return error_of([&] { image(folder, file); });
}
Tensor of(std::initializer_list<double> values, const Shape& shape, double greatest = 255) {
  std::vector<double> v(values);
  for (double& x : v) x = double(float(x) / float(greatest));
  return tensor(v, shape);
}
Tensor noise_image(const Shape& shape, int64_t greatest) {
  Rng rng{3};
  Tensor x = randint(0, greatest + 1, shape, rng);
  return cast(x, f32) / double(greatest);
}

}  // namespace

// ---- PNG
TEST_CASE("png: every colour type and depth") {
  const Folder folder;
  using namespace std::string_literals;
  CHECK(equal(image(folder, png({2, 2, 8, grey}, rows_of("\x00\x01\xfe\xff"s, 2))), of({0, 1, 254, 255}, {1, 2, 2})));
  CHECK(equal(image(folder, png({1, 1, 16, grey}, rows_of("\x01\x02"s, 2))), of({258}, {1, 1, 1}, 65535)));
  CHECK(equal(image(folder, png({3, 1, 1, grey}, rows_of("\xa0"s, 1))), of({1, 0, 1}, {1, 1, 3}, 1)));
  CHECK(equal(image(folder, png({3, 1, 2, grey}, rows_of("\x6c"s, 1))), of({1, 2, 3}, {1, 1, 3}, 3)));
  CHECK(equal(image(folder, png({2, 1, 4, grey}, rows_of("\x4f"s, 1))), of({4, 15}, {1, 1, 2}, 15)));
  CHECK(equal(image(folder, png({2, 1, 8, grey_alpha}, rows_of("\1\2\3\4"s, 4))), of({1, 3, 2, 4}, {2, 1, 2})));
  CHECK(equal(image(folder, png({2, 1, 8, rgb}, rows_of("\1\2\3\4\5\6"s, 6))), of({1, 4, 2, 5, 3, 6}, {3, 1, 2})));
  CHECK(equal(image(folder, png({1, 2, 8, rgb}, rows_of("\1\2\3\4\5\6"s, 3))), of({1, 4, 2, 5, 3, 6}, {3, 2, 1})));
  CHECK(equal(image(folder, png({1, 1, 8, rgba}, rows_of("\1\2\3\4"s, 4))), of({1, 2, 3, 4}, {4, 1, 1})));
  CHECK(equal(image(folder, png({1, 1, 16, rgba}, rows_of("\0\1\0\2\0\3\1\0"s, 8))),
              of({1, 2, 3, 256}, {4, 1, 1}, 65535)));
  const std::string colours = chunk("PLTE", "\xff\1\2\0\4\5\6\7\x08"s);
  CHECK(equal(image(folder, png({2, 1, 8, palette}, rows_of("\1\2"s, 2), colours)), of({0, 6, 4, 7, 5, 8}, {3, 1, 2})));
  CHECK(
      equal(image(folder, png({2, 1, 2, palette}, rows_of("\x10"s, 1), colours)), of({255, 0, 1, 4, 2, 5}, {3, 1, 2})));
  // With a tRNS chunk there is an alpha channel.
  CHECK(equal(image(folder, png({2, 1, 8, palette}, rows_of("\0\1"s, 2), colours + chunk("tRNS", "\x7f"s))),
              of({255, 0, 1, 4, 2, 5, 127, 255}, {4, 1, 2})));
  CHECK(equal(image(folder, png({2, 1, 8, grey}, rows_of("\5\6"s, 2), chunk("tRNS", "\0\6"s))),
              of({5, 6, 255, 0}, {2, 1, 2})));
  // The filters "sub", "up", "average" and "Paeth"; gamma is not applied.
  CHECK(
      equal(image(folder, png({2, 5, 8, grey}, "\0\1\2\1\1\2\2\1\1\3\1\1\4\1\1"s, chunk("gAMA", big_endian(100'000)))),
            of({1, 2, 1, 3, 2, 4, 2, 4, 3, 5}, {1, 5, 2})));
}

TEST_CASE("png: interlaced pictures are the same pictures") {
  const Folder folder;
  for (uint32_t height : {1u, 5u, 13u})
    for (uint32_t width : {1u, 2u, 9u, 16u}) {
      std::string pixels, passes;
      for (uint32_t i = 0; i < width * height; ++i) pixels += char(scramble(1, i) & 255);
      constexpr uint32_t x0[] = {0, 4, 0, 2, 0, 1, 0}, y0[] = {0, 0, 4, 0, 2, 0, 1}, dx[] = {8, 8, 4, 4, 2, 2, 1},
                         dy[] = {8, 8, 8, 4, 4, 2, 2};
      for (int pass = 0; pass < 7; ++pass)
        for (uint32_t y = y0[pass]; y < height && x0[pass] < width; y += dy[pass]) {
          passes += '\0';
          for (uint32_t x = x0[pass]; x < width; x += dx[pass]) passes += pixels[y * width + x];
        }
      CAPTURE(width, height);
      CHECK(equal(image(folder, png({width, height, 8, grey, true}, passes)),
                  image(folder, png({width, height, 8, grey}, rows_of(pixels, width)))));
    }
}

TEST_CASE("images: what is saved is loaded, to the last bit that is stored") {
  const Folder folder;
  for (int bits : {8, 16})
    for (int64_t channels : {1, 2, 3, 4})
      for (const char* ending : {".png", ".pgm", ".ppm"})
        for (bool plain : {false, true}) {
          const bool is_png = ending == std::string(".png");
          if ((is_png && plain) || (!is_png && channels != (ending == std::string(".pgm") ? 1 : 3))) continue;
          CAPTURE(bits, channels, ending, plain);
          const Tensor x = noise_image({channels, 7, 30}, bits == 8 ? 255 : 65535);
          save_image(folder / "x" + ending, x, {.bits = bits, .plain = plain});
          CHECK(equal(load_image(folder / "x" + ending), x));
          save_image(folder / "y" + ending, cast(x, f64), {.bits = bits, .plain = plain});
          CHECK(read(folder / "x" + ending) == read(folder / "y" + ending));
        }
  const Tensor x = noise_image({3, 8, 6}, 255);
  save_image(folder / "view.png", Tensor(x.array().transposed(1, 2)));
  CHECK(equal(load_image(folder / "view.png"), Tensor(x.array().transposed(1, 2))));
}

TEST_CASE("images: the bytes of a file, clamped and rounded") {
  const Folder folder;
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = tensor({{{-1, 0.0019, 0.002}, {0.5, 0.9999, inf}}});
  save_image(folder / "x.pgm", x);
  CHECK(read(folder / "x.pgm") == "P5\n3 2\n255\n" + std::string{0, 0, 1, '\x80', '\xff', '\xff'});
  save_image(folder / "x.pgm", x, {.bits = 16});
  CHECK(read(folder / "x.pgm") == "P5\n3 2\n65535\n" + std::string("\0\0\0\x7d\0\x83\x80\0\xff\xf8\xff\xff", 12));
  save_image(folder / "x.pgm", x, {.plain = true});
  CHECK(read(folder / "x.pgm") == "P2\n3 2\n255\n0 0 1 128 255 255\n");
  save_image(folder / "x.ppm", of({1, 2, 3, 4, 5, 6}, {3, 1, 2}), {.plain = true});
  CHECK(read(folder / "x.ppm") == "P3\n2 1\n255\n1 3 5 2 4 6\n");
  save_image(folder / "x.pgm", ones({1, 1, 12}), {.bits = 16, .plain = true});
  CHECK(read(folder / "x.pgm").find("65535\n65535\n", 15) != std::string::npos);  // no line beyond 70 characters
}

TEST_CASE("what is no image is refused") {
  const Folder folder;
  const Tensor x = zeros({3, 2, 2});
  CHECK_ERROR(ShapeError, save_image(folder / "x.png", zeros({2, 2})),
              "save_image: the image must be [C, H, W] with 1 to 4 channels and not empty, not [2, 2]");
  CHECK_ERROR(ShapeError, save_image(folder / "x.png", zeros({5, 2, 2})),
              "save_image: the image must be [C, H, W] with 1 to 4 channels and not empty, not [5, 2, 2]");
  CHECK_THROWS_AS(save_image(folder / "x.png", zeros({0, 2, 2})), ShapeError);
  CHECK_THROWS_AS(save_image(folder / "x.png", zeros({1, 0, 2})), ShapeError);
  CHECK_ERROR(ShapeError, save_image(folder / "x.png", Tensor()), "save_image: the image is an undefined tensor");
  CHECK_ERROR(ShapeError, save_image(folder / "x.pgm", x),
              "save_image: a .pgm has 1 channel and a .ppm 3, the image is [3, 2, 2]");
  CHECK_THROWS_AS(save_image(folder / "x.ppm", zeros({1, 2, 2})), ShapeError);
  CHECK_ERROR(DtypeError, save_image(folder / "x.png", zeros({1, 2, 2}, i64)),
              "save_image: the image must be f32 or f64, not i64: use cast");
  CHECK_ERROR(Error, save_image(folder / "x.png", x, {.bits = 12}), "save_image: an image has 8 or 16 bits, not 12");
  const std::string cannot = "save_image: cannot write " + folder.path.string();
  CHECK_ERROR(FileError, save_image(folder / "x.jpg", x),
              cannot + "/x.jpg: its name does not end in .png, .pgm or .ppm");
  CHECK_ERROR(FileError, save_image(folder / "x.png", x, {.plain = true}), cannot + "/x.png: a PNG is not plain text");
  const Tensor nan = where(arange(12) == 7, std::numeric_limits<double>::quiet_NaN(), zeros({12}));
  CHECK_ERROR(FileError, save_image(folder / "x.png", reshape(nan, {3, 2, 2})), cannot + "/x.png: element 7 is NaN");
  CHECK_ERROR(FileError, save_image(folder / "no/x.png", x), cannot + "/no/x.png: No such file or directory");
  CHECK(folder.count() == 0);
}

// ---- PGM and PPM
TEST_CASE("pgm and ppm: headers as people write them") {
  const Folder folder;
  using namespace std::string_literals;
  const Tensor two = of({1, 2}, {1, 1, 2});
  CHECK(equal(image(folder, "P5 2 1 255 \1\2"), two));
  CHECK(equal(image(folder, "P5\n# a comment\n2#another\n 1\t255\n\1\2"), two));
  CHECK(equal(image(folder, "P2\n2 1 255 1 2"), two));
  CHECK(equal(image(folder, "P2\r\n2 1\r\n255\r\n1#c\r\n2\r\n# the end"), two));
  CHECK(equal(image(folder, "P5 2 1 7 \3\7"), of({3, 7}, {1, 1, 2}, 7)));
  CHECK(equal(image(folder, "P5 1 1 1000 \1\2"), of({258}, {1, 1, 1}, 1000)));
  CHECK(equal(image(folder, "P6 1 2 255 \1\2\3\4\5\6"), of({1, 4, 2, 5, 3, 6}, {3, 2, 1})));
  CHECK(equal(image(folder, "P3 1 1 300 1 2 300"), of({1, 2, 300}, {3, 1, 1}, 300)));
  CHECK(equal(image(folder, "P5 1 1 255\n\n"), of({10}, {1, 1, 1})));  // one space ends the header
}

// ---- broken
TEST_CASE("broken images are FileErrors that say what is wrong") {
  const Folder folder;
  using namespace std::string_literals;
  const int line = __LINE__ + 1;
  const std::string error = error_of([&] { load_image(folder / "nothing"); });
  CHECK(error == std::string(__FILE__) + ":" + std::to_string(line) + ": load_image: cannot read " +
                     folder / "nothing" + ": No such file or directory");
  const Ihdr small{2, 2, 8, grey};
  const std::string rows = rows_of("1234", 2), good = png(small, rows);
  CHECK(image_error(folder, good) == "no error");
  const struct {
    std::string file, why;
  } cases[] = {
      {"", "it is empty"},
      {"GIF89a", "it is neither PNG nor PGM nor PPM"},
      {"P", "it is neither PNG nor PGM nor PPM"},
      {"P8 1 1 255 x", "it is neither PNG nor PGM nor PPM"},
      {"P4 8 1 x", "it is a P4: known are P2, P3, P5 and P6"},
      {"P7\nWIDTH 1", "it is a P7"},
      {"P5", "its width is missing"},
      {"P52 1 255 xx", "its width is no number at byte 2"},
      {"P5 -2 1 255 xx", "its width is no number at byte 3"},
      {"P5 2", "its height is missing"},
      {"P5 2 1.5 255 xx", "its greatest value is no number at byte 6"},
      {"P5 99999999999 1 255 xx", "its width is no number at byte 3"},
      {"P5 0 1 255 ", "it has no pixels: 0 by 1"},
      {"P5 2 1 0 xx", "its greatest value is 0, not 1 to 65535"},
      {"P5 2 1 65536 xxxx", "its greatest value is 65536, not 1 to 65535"},
      {"P5 2 1 255", "no space ends its header"},
      {"P5 2 1 255#xx", "no space ends its header"},
      {"P5 2 1 255 x", "2 by 1 pixels do not fit into the 1 bytes behind its header"},
      {"P5 2 1 255 xxx", "2 by 1 pixels are 2 bytes, there are 3"},
      {"P5 2 1 256 xxx", "2 by 1 pixels do not fit into the 3 bytes"},
      {"P6 4294967295 4294967295 65535 x", "4294967295 by 4294967295 pixels do not fit into the 1 bytes"},
      {"P2 4000000000 2 255 1 2", "4000000000 by 2 pixels do not fit into the 4 bytes"},
      {"P5 1 1 9 x", "sample 0 is 120, the greatest should be 9"},
      {"P2 2 1 9 1 10", "sample 1 is 10, the greatest should be 9"},
      {"P2 2 1 9 12345", "sample 0 is 12345"},
      {"P2 2 1 9 1   ", "its next sample is missing"},
      {"P2 2 1 9 1 x ", "its next sample is no number at byte 11"},
      {"P2 2 1 9 1 2 3", "there is more than 2 by 1 pixels"},

      {signature, "it is damaged: its end is missing"},
      {signature + iend, "it is damaged: "},
      {signature + ihdr(small) + iend, "it is damaged: "},
      {good.substr(0, good.size() - 1), "it is damaged: its end is missing"},
      {png({0, 2, 8, grey}, rows), "it is damaged: "},
      {png({2, 0x80000000, 8, grey}, rows), "it is damaged: "},
      {png({2, 2, 3, grey}, rows), "it is damaged: "},
      {png({2, 2, 8, Colour(5)}, rows), "it is damaged: "},
      {png({2, 3, 8, grey}, rows), "it is damaged: "},
      {png(small, rows.substr(1)), "it is damaged: "},
      {png(small, "\5" + rows.substr(1)), "it is damaged: "},
      {png({2, 2, 8, palette}, rows), "it is damaged: "},
      {png({100'000, 100'000, 8, grey}, rows), "100000 by 100000 pixels do not fit into its 71 bytes"},
      {png({2147483647, 2147483647, 16, rgba}, rows), "2147483647 by 2147483647 pixels do not fit into its "},
      {png({100'000, 100'000, 1, grey, true}, rows), "100000 by 100000 pixels do not fit into its "},
      {signature + ihdr(small) + chunk("IDAT", "not deflated") + iend, "it is damaged: "},
      {signature + ihdr(small) + chunk("IDAT", deflated(rows).substr(0, 10)) + iend, "it is damaged: "},
      {signature + ihdr(small) + chunk("IDAT", deflated(rows)).substr(0, 20) + "????" + iend, "it is damaged: "},
      {signature + ihdr(small) + big_endian(0x7fffffff) + "IDAT", "it is damaged: "},
      {signature + ihdr(small) + chunk("NEWS", "?") + chunk("IDAT", deflated(rows)) + iend, "it is damaged: "},
  };
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  for (const auto& [file, why] : cases) {
    INFO(why);
    const std::string e = image_error(folder, file);
    INFO(e);
    CHECK(e.find("load_image: cannot read " + folder / "x" + ": " + why) != std::string::npos);
    CHECK(e.size() < 400);
  }
  CHECK(memory::peak() - in_use < std::size_t{64} << 10);
}

TEST_CASE("whatever is in an image file, it is loaded or refused") {
  const Folder folder;
  auto load_it = [](const std::string& path) { load_image(path); };
  save_image(folder / "x.png", noise_image({3, 5, 4}, 255));
  const std::string interlaced = png({3, 3, 2, palette, true}, std::string(14, '\0'),
                                     chunk("PLTE", "abcdefghi") + chunk("tRNS", "12") + chunk("tEXt", "Title"));
  for (const std::string& good : {read(folder / "x.png"), interlaced}) {
    CHECK(image_error(folder, good) == "no error");
    const Everywhere e = damage_everywhere(good, load_it);
    CHECK(e.cut.loaded == 0);
    CHECK(e.flipped.loaded == 0);  // every chunk has a checksum
    damage(good, 1500, load_it);
  }
  for (const std::string good : {"P6\n2 2\n255\nabcdefghijkl", "P2 # plain\n3 2\n99\n1 2 3\n44 5 66\n"}) {
    CHECK(image_error(folder, good) == "no error");
    const Everywhere e = damage_everywhere(good, load_it);
    CHECK(e.cut.refused >= int(good.size()) - 2);  // the last digit and the last line end may go
    CHECK(e.flipped.refused > 0);
    CHECK(e.flipped.loaded > 0);
    damage(good, 1500, load_it);
  }
}
