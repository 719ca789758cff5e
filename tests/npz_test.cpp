#include "files.h"

using namespace heed;
using namespace files;

namespace {

struct Zipped {  // an entry, with the freedom to lie
  std::string name, content;
  bool deflated = false;
  uint32_t claimed = 0;  // size; 0: the true one
  uint16_t flags = 0;
};
std::string zip(const std::vector<Zipped>& entries) {
  std::string file, directory;
  for (const Zipped& e : entries) {
    const std::string packed = e.deflated ? deflated(e.content, -MAX_WBITS) : e.content;
    const auto crc = uint32_t(crc32(0, reinterpret_cast<const Bytef*>(e.content.data()), uInt(e.content.size())));
    const std::string common =
        bytes(e.flags, uint16_t(e.deflated ? 8 : 0), uint32_t{0}, crc, uint32_t(packed.size()),
              e.claimed ? e.claimed : uint32_t(e.content.size()), uint16_t(e.name.size()), uint16_t{0});
    directory += "PK\1\2" + bytes(uint16_t{20}, uint16_t{20}) + common + std::string(10, '\0') +
                 bytes(uint32_t(file.size())) + e.name;
    file += "PK\3\4" + bytes(uint16_t{20}) + common + e.name + packed;
  }
  const auto count = uint16_t(entries.size());
  return file + directory + "PK\5\6" +
         bytes(uint32_t{0}, count, count, uint32_t(directory.size()), uint32_t(file.size()), uint16_t{0});
}
std::string npy(const std::string& header, const std::string& data, int version = 1) {
  const std::string length = version == 1 ? bytes(uint16_t(header.size())) : bytes(uint32_t(header.size()));
  return "\x93NUMPY" + std::string{char(version), '\0'} + length + header + data;
}
std::string npy_text(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}
std::string npz_error(const Folder& folder, std::string_view file) {
  write(folder / "broken", file);
  return error_of([&] { load_npz(folder / "broken"); });
}

// numpy.savez_compressed, a = [[0, 0.5, 1], [1.5, 2, 2.5]] in Fortran order, n = [[250], [7]] of uint8
std::string from_numpy() {
  const std::string_view hex =
      "504b03042d000000080000002100872a7ae4ffffffffffffffff05001400612e6e707901001000980000000000000055000000000000009b"
      "ec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94920a120f292a4d050a17672416a402b91a46"
      "3a0ac69a3a0ab50ae4032e063038600f2440d88181a101482b380000504b03042d00000008000000210081bb82e2ffffffffffffffff0500"
      "14006e2e6e707901001000820000000000000048000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a05e536aa8aea3a09e"
      "965f54529498179f5f94920a12774bcc294e058a17672416a402f91a463a0a869a3a0ab50a6403ae5fec00504b01022d032d000000080000"
      "002100872a7ae45500000098000000050000000000000000000000800100000000612e6e7079504b01022d032d00000008000000210081bb"
      "82e2480000008200000005000000000000000000000080018c0000006e2e6e7079504b05060000000002000200660000000b0100000000";
  std::string s;
  for (std::size_t i = 0; i < hex.size(); i += 2) s += char(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return s;
}

}  // namespace

TEST_CASE("npz: what is saved is loaded") {
  const Folder folder;
  NamedTensors tensors;
  for (const auto& x : samples())
    if (x.second.dtype() != bf16) tensors.push_back(x);
  save_npz(folder / "x", tensors);
  check_same(load_npz(folder / "x"), tensors);
  save_npz(folder / "x", views());
  check_same(load_npz(folder / "x"), views());
  save_npz(folder / "x", {});
  CHECK(load_npz(folder / "x").tensors.empty());
}

TEST_CASE("npz: what cannot be saved is refused") {
  const Folder folder;
  auto error = [&](const std::string& name, const Tensor& x) {
    return error_of([&] { save_npz(folder / "x", {{name, x}}); });
  };
  CHECK(error("w", ones({2}, bf16)).find("\"w\" is bf16, which NumPy has not: use cast") != std::string::npos);
  CHECK(error(std::string(70'000, 'a'), ones({2})).find("is too long a name") != std::string::npos);
  CHECK(error("w", Tensor()).find("\"w\" is an undefined tensor") != std::string::npos);
  CHECK(folder.count() == 0);
}

TEST_CASE("npz: a file written by NumPy, deflated, is read") {
  const Folder folder;
  write(folder / "x", from_numpy());
  check_same(load_npz(folder / "x"), {{"a", tensor({{0, 0.5, 1}, {1.5, 2, 2.5}})},
                                      {"n", Tensor(tensor({250, 7}, i64).array().reshaped({2, 1}))}});
}

TEST_CASE("npz: versions, orders and types") {
  const Folder folder;
  const std::string longs = bytes(int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, int64_t{5}, int64_t{6});
  write(folder / "x",
        zip({{"c.npy", npy(npy_text("'<i8'", "(2, 3)"), longs)},
             {"fortran.npy", npy(npy_text("\"<i8\"", "(2, 3,)", "True"), longs, 2)},
             {"scalar.npy", npy("{'shape':(),'fortran_order':True,'descr':'<f8'}", bytes(0.5), 3), true},
             {"half.npy", npy(npy_text("'<f2'", "(2,)"), bytes(uint16_t{0x3c00}, uint16_t{0xc000})), true},
             {"int.npy", npy(npy_text("'<i4'", "(1,)"), bytes(int32_t{-5}))},
             {"bool.npy", npy(npy_text("'|b1'", "(3,)"), bytes(uint8_t{2}, uint8_t{0}, uint8_t{1}))},
             {"none.npy", npy(npy_text("'<f4'", "(3, 0)"), ""), true},
             {"long.npy", npy(npy_text("'|u1'", "(20000,)"), std::string(20'000, '\3')), true}}));
  check_same(load_npz(folder / "x"), {{"c", Tensor(tensor({1, 2, 3, 4, 5, 6}, i64).array().reshaped({2, 3}))},
                                      {"fortran", tensor({{1, 3, 5}, {2, 4, 6}}, i64)},
                                      {"scalar", full({}, 0.5, f64)},
                                      {"half", tensor({1, -2})},
                                      {"int", tensor({-5}, i64)},
                                      {"bool", tensor({1, 0, 1}, boolean)},
                                      {"none", zeros({3, 0})},
                                      {"long", full({20'000}, 3, i64)}});
}

TEST_CASE("broken npz files are FileErrors that say what is wrong") {
  const Folder folder;
  const std::string header = npy_text("'<f4'", "(2,)"), content = npy(header, bytes(1.0f, 2.0f));
  const std::string size = std::to_string(content.size());
  const std::string good = zip({{"a.npy", content}});
  CHECK(npz_error(folder, good) == "no error");
  CHECK(npz_error(folder, good.substr(0, good.size() - 2) + bytes(uint16_t{3}) + "end") == "no error");  // a comment

  auto with = [](std::string s, std::size_t from_end, const std::string& other) {
    return s.replace(s.size() - from_end, other.size(), other);
  };
  auto holding = [](const std::string& c) { return zip({{"a.npy", c}}); };
  auto described = [&](const std::string& descr) { return holding(npy(npy_text(descr, "(2,)"), bytes(1.0f, 2.0f))); };
  const std::size_t record = 22, entry = record + 46 + 5, local = good.size();  // from the end
  const std::string zeros(200'000, '\0'), big = npy(npy_text("'<f4'", "(50000,)"), zeros);
  const struct {
    std::string file, why;
  } cases[] = {
      {"", "it is empty"},
      {"PK", "it has 2 bytes and is no zip archive"},
      {std::string(1000, 'x'), "it is no zip archive, or its end is missing"},
      {good.substr(0, good.size() - 1), "its end is missing"},
      {good.substr(0, good.size() - record), "its end is missing"},
      {good.substr(10), "it ends at byte"},
      {with(good, record - 4, bytes(uint16_t{1})), "one part of an archive of several"},
      {with(good, record - 8, bytes(uint16_t{2}, uint16_t{2})), "its directory is broken 0 bytes before its end"},
      {with(good, record - 8, bytes(uint16_t{0}, uint16_t{0})), "more than the 0 entries"},
      {with(good, record - 8, bytes(uint16_t{0xffff}, uint16_t{0xffff})), "zip64"},
      {with(good, record - 12, bytes(uint32_t{5000})), "its directory should have 5000 bytes"},
      {with(good, record - 16, bytes(~uint32_t{0})), "zip64"},
      {with(good, entry - 0, "PKxx"), "its directory is broken"},
      {with(good, entry - 28, bytes(uint16_t{500})), "its directory ends within an entry"},
      {with(good, entry - 8, bytes(uint16_t{1})), "\"a.npy\" is encrypted"},
      {with(good, entry - 10, bytes(uint16_t{14})), "\"a.npy\" is compressed by method 14"},
      {with(good, entry - 16, bytes(uint32_t{1})), "\"a.npy\" is damaged: its checksum is wrong"},
      {with(good, entry - 20, bytes(uint32_t{1})), "\"a.npy\" cannot have " + size + " bytes, packed it has 1"},
      {with(good, entry - 20, bytes(uint32_t{4000}, uint32_t{4000})), "should have 4000 bytes from byte 35"},
      {with(good, entry - 24, bytes(~uint32_t{0})), "zip64"},
      {with(good, entry - 42, bytes(uint32_t{1})), "does not begin at byte 1"},
      {with(good, entry - 42, bytes(uint32_t{0xfffffff0})), "does not begin at byte 4294967280"},
      {with(good, local - 26, bytes(uint16_t{60'000})), "should have " + size + " bytes from byte 60030"},
      {zip({{"a.txt", content}}), "\"a.txt\" is no .npy file"},
      {zip({{"a.npy", content}, {"a.npy", content}}), "\"a.npy\" is there twice"},
      {zip({{"a.npy", "\x93NUM"}}), "\"a.npy\" ends before its byte 8"},
      {holding("NUMPY is not here"), "\"a.npy\" does not begin as a .npy file"},
      {holding(npy(header, bytes(1.0f, 2.0f), 4)), "\"a.npy\" is of version 4.0"},
      {holding(npy(header, "").substr(0, 30)),
       "\"a.npy\" cannot have a header of " + std::to_string(header.size()) + " bytes"},
      {holding("\x93NUMPY\2" + bytes(uint8_t{0}, ~uint32_t{0})), "cannot have a header of 4294967295 bytes"},
      {holding(npy(std::string(70'000, ' '), "", 2)), "cannot have a header of 70000 bytes"},
      {holding(npy("{'descr': '<f4'", "")), "the header of \"a.npy\" is broken at byte 15"},
      {holding(npy("{'descr': '<f4", "")), "is broken at byte 11"},
      {holding(npy("{'descr': '<f4'}", "")), "\"a.npy\" has no descr, fortran_order or shape"},
      {holding(npy(header + "x", "")), "is broken at byte " + std::to_string(header.size())},
      {holding(npy("{'descr': '<f4', 'descr': '<f4'}", "")), "is broken at byte 25"},
      {holding(npy(npy_text("'<f4'", "(2,)", "Maybe"), "")), "is broken at byte"},
      {holding(npy(npy_text("'<f4'", "(-2,)"), "")), "is broken at byte"},
      {holding(npy(npy_text("'<f4'", "(99999999999999999999,)"), "")), "is broken at byte"},
      {holding(npy(npy_text("'<f4'", "(2.0,)"), "")), "is broken at byte"},
      {holding(npy(npy_text("'<f4'", "(1,1,1,1,1,1,1,1,1)"), "")), "more than 8 dimensions"},
      {holding(npy(npy_text("'<f4'", "(4294967296, 4294967296)"), "")), "does not have 0 bytes"},
      {holding(npy(npy_text("'<f4'", "(4611686018427387904, 0)"), "")), "does not have 0 bytes"},
      {holding(npy(npy_text("'<f4'", "(3,)"), bytes(1.0f, 2.0f))), "of shape [3] and type <f4 does not have 8 bytes"},
      {holding(npy(npy_text("'<f4'", "(1,)"), bytes(1.0f, 2.0f))), "of shape [1] and type <f4 does not have 8 bytes"},
      {described("'>f4'"), "\"a.npy\" has elements of type \">f4\": big endian is not supported"},
      {described("'|O'"), "\"a.npy\" has elements of type \"|O\": Python objects are not read"},
      {described("[('x', '<f4')]"), "\"a.npy\" has structured elements"},
      {described("'<c8'"), "\"a.npy\" has elements of type \"<c8\": known are <f8"},
      {zip({{"a.npy", big, true, 4'000'000'000}}), "cannot have 4000000000 bytes, packed it has"},
      {zip({{"a.npy", npy(npy_text("'<f4'", "(51000,)"), zeros), true, uint32_t(big.size() + 4000)}}),
       "ends before its byte " + std::to_string(big.size() + 4000)},
      {zip({{"a.npy", npy(npy_text("'<f4'", "(49000,)"), zeros), true, uint32_t(big.size() - 4000)}}),
       "has more than the " + std::to_string(big.size() - 4000) + " bytes it should have"},
      {zip({{"a.npy", big, true}}).replace(40, 20, 20, '\xff'), "\"a.npy\" is damaged"},
  };
  const std::size_t in_use = memory::in_use();
  memory::reset_peak();
  for (const auto& [file, why] : cases) {
    INFO(why);
    const std::string e = npz_error(folder, file);
    INFO(e);
    CHECK(e.find(why) != std::string::npos);
    CHECK(e.size() < 400);
  }
  CHECK(memory::peak() - in_use < std::size_t{128} << 10);

  std::string overlapping = zip({{"a.npy", content}, {"b.npy", content}});
  overlapping.replace(overlapping.size() - record - 5 - 4, 4, bytes(uint32_t{0}));  // b begins where a does
  CHECK(npz_error(folder, overlapping).find("\"a.npy\" and \"b.npy\" overlap") != std::string::npos);
}

TEST_CASE("whatever is in an npz file, it is loaded or refused") {
  const Folder folder;
  save_npz(folder / "x", views());
  damage(read(folder / "x"), 3000, values_of(load_npz));
  damage(from_numpy(), 3000, values_of(load_npz));
  damage(npy(npy_text("'<f8'", "(2, 3)", "True"), bytes(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)), 3000,
         [&](const std::string& path) {
           write(folder / "y", zip({{"a.npy", read(path), true}}));  // so that its checksum is right
           values_of(load_npz)(folder / "y");
         });
}
