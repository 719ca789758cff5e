#include <heed/models/data/csv.h>
#include <cmath>
#include <limits>
#include "common.h"
#include "files.h"

using namespace heed;
using namespace files;

namespace {

Csv csv(const Folder& folder, std::string_view text, const CsvOptions& options = {}) {
  write(folder / "x.csv", text);
  return load_csv(folder / "x.csv", options);
}
std::string csv_error(const Folder& folder, std::string_view text, std::optional<Dtype> t = {}) {
  return error_of([&] {
    const Csv x = csv(folder, text);
    if (t) x.tensor({}, *t);
  });
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("csv: numbers as a tensor, of all columns or of some") {
  const Folder folder;
  const Csv x = csv(folder, "a,b,c\n1,2.5,-3e2\n+4, 5\t,.5\n");
  CHECK(x.rows() == 2);
  CHECK(x.columns() == Texts{"a", "b", "c"});
  CHECK(equal(x.tensor(), tensor({{1, 2.5, -300}, {4, 5, 0.5}})));
  CHECK(equal(x.tensor({"c", "a"}, f64), tensor({{-300, 1}, {0.5, 4}}, f64)));
  CHECK(equal(x.tensor({"a"}, i64), tensor({{1}, {4}}, i64)));
  CHECK(x.tensor({}, f64).dtype() == f64);
}

TEST_CASE("csv: numbers are read to their last digit") {
  const Folder folder;
  const Csv x = csv(folder, "d,i,f\n0.1,9223372036854775807,16777217\n1e308,-9223372036854775808,1e-50\n");
  CHECK(x.tensor({"d"}, f64).to_vector() == std::vector<double>{0.1, 1e308});
  CHECK(x.tensor({"i"}, i64).to_vector<int64_t>() == std::vector<int64_t>{INT64_MAX, INT64_MIN});
  CHECK(x.tensor({"f"}).to_vector() == std::vector<double>{16777216, 0});
  const Csv tiny = csv(folder, "x\n1e-400\n-1.5e-400\n" + ("0." + std::string(400, '0')) + "1\n4.9e-324\n");
  CHECK(tiny.tensor({}, f64).to_vector() == std::vector<double>{0, 0, 0, 4.9e-324});
  CHECK(std::signbit(tiny.tensor({}, f64).to_vector()[1]));
  CHECK(tiny.tensor().to_vector() == std::vector<double>{0, 0, 0, 0});
  const Csv special = csv(folder, "x\ninf\n-inf\nnan\n");
  CHECK(special.tensor().to_vector()[0] == std::numeric_limits<double>::infinity());
  CHECK(special.tensor().to_vector()[1] == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(special.tensor().to_vector()[2]));
}

TEST_CASE("csv: class names become numbers, those of another file too") {
  const Folder folder;
  const Csv train = csv(folder, "x,kind\n1,dog\n2,cat\n3,dog\n4,\"ant, red\"\n"),
            test = csv(folder, "kind\ncat\n\"ant, red\"\n");
  const Texts classes = train.classes("kind");
  CHECK(classes == Texts{"ant, red", "cat", "dog"});
  CHECK(equal(train.labels("kind", classes), tensor({2, 1, 2, 0}, i64)));
  CHECK(train.text("kind") == Texts{"dog", "cat", "dog", "ant, red"});
  const Csv other = csv(folder, "kind;y\ncat;1\ndog;2\ncow;3\n", {.separator = ';'});
  CHECK(equal(other.labels("kind", {"cow", "dog", "cat"}), tensor({2, 1, 0}, i64)));
  CHECK(error_of([&] { other.labels("kind", classes); })
            .find("labels: cannot read " + folder / "x.csv" +
                  ": line 4, column 1 (\"kind\"): \"cow\" is none of the 3 classes") != std::string::npos);
}

TEST_CASE("csv: quotes, line ends, separators, a byte order mark") {
  const Folder folder;
  const Csv x = csv(folder,
                    "\xef\xbb\xbf"
                    "plain,\"quo\"\"ted\"\r\n"
                    "\"two\nlines, \"\"and\"\" more\",\"\"\r\n"
                    " kept ,\"\r\n\"\r\n"
                    "\"\"\"\",last\r\n\r\n\r\n");
  CHECK(x.columns() == Texts{"plain", "quo\"ted"});
  CHECK(x.text("plain") == Texts{"two\nlines, \"and\" more", " kept ", "\""});
  CHECK(x.text("quo\"ted") == Texts{"", "\r\n", "last"});
  // The second row begins on line 4, the third on line 6.
  CHECK(error_of([&] { x.tensor({"plain"}); }).find("line 2, column 1 (\"plain\"): \"two?lines, ") !=
        std::string::npos);
  CHECK(error_of([&] { x.labels("plain", {x.text("plain")[0]}); }).find("line 4, column 1") != std::string::npos);
  CHECK(error_of([&] { x.labels("quo\"ted", {"", "\r\n"}); }).find("line 6, column 2") != std::string::npos);

  CHECK(equal(csv(folder, "1\t2\n3\t4", {.separator = '\t', .header = false}).tensor(), tensor({{1, 2}, {3, 4}})));
  const Csv bare = csv(folder, "1,2\n", {.header = false});
  CHECK(bare.columns() == Texts{"1", "2"});
  CHECK(equal(bare.tensor({"2"}), tensor({{2}})));
  CHECK(csv(folder, "a,b").tensor().shape() == Shape{0, 2});
  CHECK(csv(folder, "a,b").text("a").empty());
}

TEST_CASE("csv: a missing number is an error, or what the options say") {
  const Folder folder;
  const std::string text = "a,b\n1,2\n3, \n\"\",4\n";
  CHECK(error_of([&] { csv(folder, text).tensor(); }).find("line 3, column 2 (\"b\"): the number is missing") !=
        std::string::npos);
  CHECK(equal(csv(folder, text, {.missing = -1}).tensor({}, i64), tensor({{1, 2}, {3, -1}, {-1, 4}}, i64)));
  const Csv x = csv(folder, text, {.missing = NAN});
  const auto v = x.tensor().to_vector();
  CHECK((v[0] == 1 && v[1] == 2 && v[2] == 3 && std::isnan(v[3]) && std::isnan(v[4]) && v[5] == 4));
  CHECK(error_of([&] { x.tensor({"b"}, i64); }).find("what stands for the missing number is no integer") !=
        std::string::npos);
  CHECK(csv(folder, "a\n1\n\n2\n", {.missing = 0}).tensor().numel() == 3);  // one column: a line may be empty
}

TEST_CASE("csv: a large file takes time in proportion, and a copy outlives the rest") {
  const Folder folder;
  std::string text = "n,name\n";
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i) + ",\"" + std::to_string(i) + "\"\"\"\n";
  Csv copy;
  {
    const Csv x = csv(folder, text);
    copy = x;
  }
  CHECK(equal(copy.tensor({"n"}, i64), Tensor(arange(200'000).array().reshaped({200'000, 1}))));
  CHECK(copy.text("name")[199'999] == "199999\"");
}

TEST_CASE("broken csv files are FileErrors that name line and column") {
  const Folder folder;
  const int line = __LINE__ + 1;
  const std::string error = error_of([&] { load_csv(folder / "nothing"); });
  CHECK(error == std::string(__FILE__) + ":" + std::to_string(line) + ": load_csv: cannot read " + folder / "nothing" +
                     ": No such file or directory");
  const struct {
    std::string text, why;
  } files[] = {
      {"", "it is empty"},
      {"\xef\xbb\xbf\r\n\n", "there is nothing in it but line ends"},
      {"a,b\n1,2\n3\n", "line 3 has 1 field, the first line has 2"},
      {"a,b\n1,2,3\n", "line 2 has 3 fields, the first line has 2"},
      {"a,b\n\n1,2\n", "line 2 has 1 field, the first line has 2"},
      {"a;b\n1;2,3\n", "line 2 has 2 fields, the first line has 1"},
      {"a,b\n1,2\n3,4\"5\"\n", "line 3, column 2: quotes within a field"},
      {"a,b\n\"1\" ,2\n", "line 2, column 1: text behind the quotes"},
      {"a,b\n\"1\"x\n", "line 2, column 1: text behind the quotes"},
      {"a,b\n1,\"2\n3,4\n", "line 2, column 2: the quotes do not end"},
      {"a,b\n1,\"", "line 2, column 2: the quotes do not end"},
      {"a,b\n1,\"2\"\"", "line 2, column 2: the quotes do not end"},
      {"a,b\r1,2\r", "line 1, column 2: a carriage return without a line feed"},
      {"a,b\n\"\n\n\",2\n1\r,2\n", "line 5, column 1: a carriage return without a line feed"},
  };
  for (const auto& [text, why] : files) {
    INFO(why);
    const std::string e = csv_error(folder, text);
    INFO(e);
    CHECK(e.find("load_csv: cannot read " + folder / "x.csv" + ": " + why) != std::string::npos);
  }
  const struct {
    std::string text, why;
    Dtype t;
  } numbers[] = {
      {"a\n1x\n", "line 2, column 1 (\"a\"): \"1x\" is no number", f32},
      {"a,b\n1,2\n3,four\n", "line 3, column 2 (\"b\"): \"four\" is no number", f64},
      {"a\n1,5\n", "line 2 has 2 fields", f32},
      {"a\n+-1\n", "\"+-1\" is no number", f32},
      {"a\n0x10\n", "\"0x10\" is no number", f32},
      {"a\n1 2\n", "\"1 2\" is no number", f32},
      {"a\n1e39\n", "\"1e39\" is beyond f32", f32},
      {"a\n1e400\n", "\"1e400\" is beyond f64", f64},
      {"a\n-1e400\n", "\"-1e400\" is beyond f32", f32},
      {"a\n2.0\n", "\"2.0\" is no integer", i64},
      {"a\n9223372036854775808\n", "\"9223372036854775808\" is beyond i64", i64},
  };
  for (const auto& [text, why, t] : numbers) {
    INFO(why);
    const std::string e = csv_error(folder, text, t);
    INFO(e);
    CHECK(e.find(why) != std::string::npos);
  }
  const Csv x = csv(folder, "a,b,a\n1,2,3\n");
  CHECK(error_of([&] {
          x.tensor({"c"});
        }).find("tensor: cannot read " + folder / "x.csv" + ": there is no column \"c\" among its 3") !=
        std::string::npos);
  CHECK(error_of([&] { x.text("a"); }).find("there are two columns \"a\"") != std::string::npos);
  CHECK(error_of([&] { csv(folder, "1", {.separator = '"'}); }).find("quotes and line ends do not separate fields") !=
        std::string::npos);
  CHECK_ERROR(DtypeError, x.tensor({}, boolean), "tensor: numbers are read as f32, f64 or i64, not boolean");
}

TEST_CASE("whatever is in a csv file, it is loaded or refused") {
  const std::string good = "x,\"the \"\"name\"\"\"\r\n1.5,\"a\nb\"\r\n-2,c\r\n";
  auto read_all = [](const std::string& path) {
    const Csv x = load_csv(path);
    for (const std::string& column : x.columns()) (void)x.text(column);
    (void)x.tensor({x.columns()[0]});
  };
  const Everywhere e = damage_everywhere(good, read_all);
  CHECK(e.cut.loaded > 5);
  CHECK(e.cut.refused > 5);
  CHECK(e.flipped.loaded > 20);
  CHECK(e.flipped.refused > 20);
  damage(good, 3000, read_all);
}
