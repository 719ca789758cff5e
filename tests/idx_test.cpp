#include <heed/models/data/idx.h>
#include <limits>
#include "common.h"
#include "files.h"

using namespace heed;
using namespace files;

namespace {

std::string header(int type, std::initializer_list<uint32_t> sizes) {
  std::string r{'\0', '\0', char(type), char(sizes.size())};
  for (uint32_t n : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) r += char(n >> shift & 255);
  return r;
}
std::string gzip(const std::string& s) { return deflated(s, 16 + MAX_WBITS); }
Tensor idx(const Folder& folder, std::string_view file, std::optional<Dtype> t = {}) {
  write(folder / "x", file);
  return load_idx(folder / "x", t);
}
std::string idx_error(const Folder& folder, std::string_view file) {
  return error_of([&] { idx(folder, file); });
}

}  // namespace

TEST_CASE("idx: every type, byte by byte") {
  const Folder folder;
  using namespace std::string_literals;
  CHECK(equal(idx(folder, "\0\0\x08\x01\0\0\0\x03\0\x7f\xff"s), tensor({0, 127, 255}, i64)));
  CHECK(equal(idx(folder, "\0\0\x09\x01\0\0\0\x03\0\x7f\xff"s), tensor({0, 127, -1}, i64)));
  CHECK(equal(idx(folder, "\0\0\x0b\x01\0\0\0\x02\x01\x02\xff\xfe"s), tensor({258, -2}, i64)));
  CHECK(equal(idx(folder, "\0\0\x0c\x02\0\0\0\x02\0\0\0\x01\x01\x02\x03\x04\xff\xff\xff\xfd"s),
              tensor({{16909060}, {-3}}, i64)));
  CHECK(equal(idx(folder, "\0\0\x0d\x01\0\0\0\x01\xc0\x60\0\0"s), tensor({-3.5})));
  CHECK(equal(idx(folder, "\0\0\x0e\x01\0\0\0\x01\x3f\xb9\x99\x99\x99\x99\x99\x9a"s), tensor({0.1}, f64)));
  CHECK(equal(idx(folder, "\0\0\x08\0\x07"s), full({}, 7, i64)));
  CHECK(idx(folder, header(8, {4, 0, 3})).shape() == Shape{4, 0, 3});
  CHECK(equal(idx(folder, header(8, {2}) + "\1\xff", f32), tensor({1, 255})));
  CHECK(idx(folder, header(8, {2}) + "\1\xff", bf16).dtype() == bf16);
  CHECK(idx(folder, header(13, {1}) + "\0\0\0\0"s, f64).dtype() == f64);
}

TEST_CASE("idx: what is saved is loaded") {
  const Folder folder;
  const Tensor x = Tensor(arange(24).array().reshaped({2, 3, 4}));
  for (IdxType type : {IdxType::u8, IdxType::i8, IdxType::i16, IdxType::i32}) {
    save_idx(folder / "x", x, type);
    CHECK(equal(load_idx(folder / "x"), x));
  }
  save_idx(folder / "x", x, IdxType::u8);
  CHECK(read(folder / "x").substr(0, 18) == header(8, {2, 3, 4}) + std::string{0, 1});
  Rng rng{1};
  const Tensor y = randn({5, 2}, rng, f64);
  save_idx(folder / "y", Tensor(y.array().transposed(0, 1)), IdxType::f64);
  CHECK(equal(load_idx(folder / "y"), Tensor(y.array().transposed(0, 1))));
  save_idx(folder / "y", y, IdxType::f32);
  CHECK(equal(load_idx(folder / "y"), cast(y, f32)));
  save_idx(folder / "y", tensor({1, 0}, boolean), IdxType::u8);
  CHECK(equal(load_idx(folder / "y"), tensor({1, 0}, i64)));
  save_idx(folder / "y", tensor({INT32_MIN, INT32_MAX}, i64), IdxType::i32);
  CHECK(equal(load_idx(folder / "y"), tensor({INT32_MIN, INT32_MAX}, i64)));

  auto error = [&](const Tensor& t, IdxType type) { return error_of([&] { save_idx(folder / "z", t, type); }); };
  CHECK(error(tensor({0, 256}, i64), IdxType::u8)
            .find(": save_idx: cannot write " + folder / "z" + ": element 1 is 256, which u8 cannot hold") !=
        std::string::npos);
  CHECK(error(tensor({-1}, i64), IdxType::u8).find("element 0 is -1, which u8 cannot hold") != std::string::npos);
  CHECK(error(tensor({-129}, i64), IdxType::i8).find("which i8 cannot hold") != std::string::npos);
  CHECK(error(tensor({0.5}), IdxType::i16).find("element 0 is 0.5, which i16 cannot hold") != std::string::npos);
  CHECK(error(full({1}, std::numeric_limits<double>::quiet_NaN()), IdxType::i32).find("which i32 cannot hold") !=
        std::string::npos);
  CHECK(error(Tensor(), IdxType::u8).find("it is an undefined tensor") != std::string::npos);
  CHECK(error(zeros({int64_t{1} << 32, 0}), IdxType::u8).find("a size of [4294967296, 0] is 2^32 or more") !=
        std::string::npos);
  CHECK_FALSE(fs::exists(folder / "z"));
}

TEST_CASE("idx: packed by gzip") {
  const Folder folder;
  std::string image;
  for (int i = 0; i < 100'000; ++i) image += char(i % 251);
  const std::string file = header(8, {1000, 100}) + image;
  const Tensor x = idx(folder, file);
  CHECK(equal(idx(folder, gzip(file)), x));
  CHECK(equal(idx(folder, gzip(file.substr(0, 77)) + gzip(file.substr(77))), x));  // two members
  auto error = [&](const std::string& packed) { return idx_error(folder, packed); };
  const std::string packed = gzip(file);
  CHECK(error(packed.substr(0, packed.size() - 1)).find("its end is missing") != std::string::npos);
  CHECK(error(packed + "more").find("it is damaged: incorrect header check") != std::string::npos);
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;
  CHECK(error(wrong).find("it is damaged: incorrect data check") != std::string::npos);
  CHECK(error(gzip(file + "x")).find("more than the 100000 bytes of [1000, 100] of u8") != std::string::npos);
  CHECK(error(gzip(file.substr(0, 5000))).find("it ends after 4988") != std::string::npos);
  CHECK(error(gzip(header(14, {60000, 1000, 1000}))).find("of f64 has 480000000000 bytes, it ends after 0") !=
        std::string::npos);
}

TEST_CASE("broken idx files are FileErrors that say what is wrong") {
  const Folder folder;
  const int line = __LINE__ + 1;
  const std::string error = error_of([&] { load_idx(folder / "nothing"); });
  CHECK(error == std::string(__FILE__) + ":" + std::to_string(line) + ": load_idx: cannot read " + folder / "nothing" +
                     ": No such file or directory");
  using namespace std::string_literals;
  const uint32_t huge = 0xffffffff;
  const struct {
    std::string file, why;
  } cases[] = {
      {"", "it is empty"},
      {"\0\0\x08"s, "it does not begin as an IDX file"},
      {"\1\0\x08\0\1"s, "it does not begin as an IDX file"},
      {"\0\1\x08\0\1"s, "it does not begin as an IDX file"},
      {header(10, {1}) + "1", "its elements are of type 10: known are 8, 9, 11, 12, 13 and 14"},
      {header(0, {1}) + "1", "its elements are of type 0"},
      {header(255, {1}) + "1", "its elements are of type 255"},
      {"\0\0\x08\x09"s + std::string(37, '\0'), "it has 9 dimensions, more than 8"},
      {header(8, {1, 2}).substr(0, 11), "it ends within the sizes of its 2 dimensions"},
      {header(8, {3}) + "12", "[3] of u8 has 3 bytes, it ends after 2"},
      {header(8, {3}) + "1234", "it has more than the 3 bytes of [3] of u8"},
      {header(11, {3}) + "12345", "[3] of i16 has 6 bytes, it ends after 5"},
      {header(14, {huge, huge}), "[4294967295, 4294967295] of f64 is larger than any memory"},
      {header(8, {huge, huge, huge, huge}), "is larger than any memory"},
      {header(8, {huge, huge, 0}), "is larger than any memory"},
      {header(8, {huge, 1000}), "of u8 has 4294967295000 bytes, it ends after 0"},
  };
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  for (const auto& [file, why] : cases) {
    INFO(why);
    const std::string e = idx_error(folder, file);
    INFO(e);
    CHECK(e.find(why) != std::string::npos);
  }
  CHECK(memory::peak() - in_use < std::size_t{64} << 10);
  write(folder / "f", header(13, {1}) + "\0\0\0\0"s);
  CHECK_ERROR(DtypeError, load_idx(folder / "f", i64), "load_idx: elements of type f32 are not read as i64");
  CHECK_THROWS_AS(idx(folder, header(8, {1}) + "1", boolean), DtypeError);
}

TEST_CASE("whatever is in an idx file, it is loaded or refused") {
  const std::string good = header(11, {3, 4}) + std::string(24, '\7');
  const Everywhere plain = damage_everywhere(good, [](const std::string& path) { load_idx(path); });
  CHECK(plain.cut.loaded == 0);
  CHECK(plain.flipped.loaded == 8 * 24);  // the elements
  const Everywhere packed = damage_everywhere(gzip(good), [](const std::string& path) { load_idx(path); });
  CHECK(packed.cut.loaded == 0);
  CHECK(packed.flipped.refused > packed.flipped.loaded);
  damage(good, 3000, [](const std::string& path) { load_idx(path); });
  damage(gzip(good), 3000, [](const std::string& path) { load_idx(path); });
}
