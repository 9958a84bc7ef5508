#include "costate/io/csv.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sstream>

#include "catch.hpp"

namespace cs = costate;

namespace {

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const cs::FileError& e) {
    return e.what();
  }
  return "(no FileError)";
}

bool says(const std::string& message, const std::string& part) {
  UNSCOPED_INFO(message);
  return message.find(part) != message.npos;
}

/// A directory of its own, gone at the end.
struct Folder {
  Folder() { REQUIRE(::mkdtemp(path)); }
  ~Folder() { (void)!std::system(("rm -r " + std::string(path)).c_str()); }
  std::string operator/(const std::string& name) const { return std::string(path) + "/" + name; }
  std::size_t files() const {
    std::FILE* listing = ::popen(("ls -A " + std::string(path)).c_str(), "r");
    std::size_t lines = 0;
    for (int c; (c = std::fgetc(listing)) != EOF;) lines += c == '\n';
    ::pclose(listing);
    return lines;
  }
  char path[32] = "/tmp/costate_csv_XXXXXX";
};

}  // namespace

TEST_CASE("a table gives its columns by name, by number and side by side", "[io]") {
  const auto table = cs::parse_csv("year,lynx,hare\n1900,4.0,30.0\n1901,6.1,47.2\n");
  REQUIRE(table.rows() == 2);
  REQUIRE(table.cols() == 3);
  CHECK(table.names() == std::vector<std::string>{"year", "lynx", "hare"});
  CHECK(table["hare"] == Eigen::Vector2d(30.0, 47.2));
  CHECK(table[1] == Eigen::Vector2d(4.0, 6.1));
  CHECK(table.matrix({"hare", "lynx"}) == (Eigen::Matrix2d() << 30.0, 4.0, 47.2, 6.1).finished());
  CHECK(table.matrix().cols() == 3);
  CHECK(table.has("lynx"));
  CHECK_FALSE(table.has("fox"));
}

TEST_CASE("missing values are NaN, and what counts as missing can be said", "[io]") {
  const auto table = cs::parse_csv("a,b\n,1\nNA,2\nNaN,3\n nan ,4\n?,5\n\"NA\",6\n7,7\n");
  const Eigen::VectorXd a = table["a"];
  for (int i = 0; i < 6; ++i) CHECK(std::isnan(a[i]));
  CHECK(a[6] == 7);
  CHECK(table.is_numeric("a"));

  const auto coded = cs::parse_csv("a\n-999\n3\n", {.missing = {"-999"}});
  CHECK(std::isnan(coded["a"][0]));
  CHECK(coded["a"][1] == 3);
  CHECK_THROWS_AS(cs::parse_csv("a,b\n,1\n", {.missing = {"-999"}})["a"], cs::FileError);
}

TEST_CASE("text columns keep their cells and refuse to be numbers, pointing at the cell", "[io]") {
  const auto table = cs::parse_csv("id,x\n007,1\n\nabc,2\n", {}, "ids.csv");
  CHECK(table.text("id") == std::vector<std::string>{"007", "abc"});
  CHECK_FALSE(table.is_numeric("id"));
  CHECK(says(message_of([&] { table["id"]; }), "ids.csv:4: column 1 (\"id\"): \"abc\" is not a number"));
  CHECK(says(message_of([&] { table["fox"]; }), "ids.csv: no column \"fox\"; there are \"id\", \"x\""));
  CHECK_THROWS_AS(table[2], cs::RangeError);
  CHECK(says(message_of([] { cs::parse_csv("a,a\n1,2\n")["a"]; }), "2 columns are called \"a\""));
}

TEST_CASE("numbers are read as C writes them, with nothing left over", "[io]") {
  const auto value = [](const std::string& cell) { return cs::parse_csv("a;b\n" + cell + ";0\n", {.delimiter = ';'})["a"][0]; };
  CHECK(value("+1.5") == 1.5);
  CHECK(value(" -2e-3\t") == -2e-3);
  CHECK(value(".5") == 0.5);
  CHECK(value("5.") == 5);
  CHECK(value("4.9406564584124654e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(value("-inf") == -std::numeric_limits<double>::infinity());
  for (const char* wrong : {"1,5", "1 5", "1.5x", "0x10", "+-1", "++1", "+", "-", "1e", "e5", "--"}) {
    INFO(wrong);
    CHECK_THROWS_AS(value(wrong), cs::FileError);
  }
  CHECK(says(message_of([&] { value("1e999"); }), "beyond the range of double"));
}

TEST_CASE("RFC 4180 quoting is undone", "[io]") {
  const auto table = cs::parse_csv("\"na\"\"me\",\"with, comma\"\r\n\"two\r\nlines\",  \"1\" \r\nit's 5\" long,2");
  CHECK(table.names() == std::vector<std::string>{"na\"me", "with, comma"});
  CHECK(table.text("na\"me") == std::vector<std::string>{"two\r\nlines", "it's 5\" long"});
  CHECK(table["with, comma"] == Eigen::Vector2d(1, 2));
}

TEST_CASE("line ends, byte-order marks, blank lines, comments and trailing commas do not change a table", "[io]") {
  const auto text = GENERATE(as<std::string>{}, "a,b\n1,2\n3,4\n", "a,b\r\n1,2\r\n3,4", "a,b\r1,2\r3,4\r", "\xEF\xBB\xBF" "a,b\n1,2\n3,4\n",
                             "# by hand\na,b\n\n1,2\n  \n#x,\"\n3,4\n\n", "a,b,\n1,2,\n3,4,\n", "a,b,,\n1,2,,\n3,4,,\n", "a,b\n1,2,\n3,4,\n",
                             "a,b,\n1,2\n3,4\n", " a , b\n 1 , 2\n3,4\n");
  const auto table = cs::parse_csv(text, {.comment = '#'});
  CHECK(table.names() == std::vector<std::string>{"a", "b"});
  CHECK(table.matrix() == (Eigen::Matrix2d() << 1, 2, 3, 4).finished());
}

TEST_CASE("an unnamed column with contents stays, one without goes", "[io]") {
  const auto table = cs::parse_csv(",x,\nr1,1,\nr2,2,5\n");  // the first is what R writes for row names
  CHECK(table.cols() == 3);
  CHECK(std::isnan(table[2][0]));
  CHECK(table[2][1] == 5);
}

TEST_CASE("a table without a header is taken by number", "[io]") {
  const auto table = cs::parse_csv("1\t2\n3\t\n", {.delimiter = '\t', .header = false});
  CHECK(table.rows() == 2);
  CHECK(table["0"] == Eigen::Vector2d(1, 3));
  CHECK(std::isnan(table[1][1]));
}

TEST_CASE("a header alone is a table of no rows", "[io]") {
  const auto table = cs::parse_csv("a,b");
  CHECK(table.rows() == 0);
  CHECK(table["a"].size() == 0);
}

TEST_CASE("damaged tables are refused with file, line and what was found", "[io]") {
  using namespace std::string_literals;
  const auto said = [](const std::string& text) { return message_of([&] { cs::parse_csv(text, {}, "x.csv"); }); };
  CHECK(says(said("a,b\n1,2\n3\n"), "x.csv:3: 1 fields; expected 2"));
  CHECK(says(said("a,b\n\"\n\n\",2\n1,2,3\n"), "x.csv:5: 3 fields; expected 2"));
  CHECK(says(said("a,b\n1,\"2\n3,4\n"), "x.csv:2:3: a quote that is never closed"));
  CHECK(says(said("a,b\n1,\"2\"3\n"), "x.csv:2:6: '3' after a closing quote"));
  CHECK(says(said("a,b\n1,2\0\n"s), "x.csv:2:4: a NUL byte"));
  CHECK(says(said("a,b\n1,\"\0\"\n"s), "x.csv:2:4: a NUL byte"));
  CHECK(says(said("\xFF\xFE" "a\0,\0"s), "UTF-16"));
  CHECK(says(said("\x1f\x8b\x08"), "compressed with gzip"));
  CHECK(says(said(""), "x.csv is empty"));
  CHECK(says(said("\n \n"), "x.csv is empty"));
  CHECK(says(message_of([] { cs::read_csv("/nonexistent/x.csv"); }), "cannot open /nonexistent/x.csv: No such file"));
  CHECK(says(message_of([] { cs::read_csv("/tmp"); }), "/tmp: Is a directory"));
  CHECK_THROWS_AS(cs::parse_csv("a", {.delimiter = '"'}), cs::OptionError);
}

TEST_CASE("any bytes give a table or a FileError, and every cell of a table can be asked for", "[io]") {
  using namespace std::string_literals;
  std::mt19937 random(7);
  const std::string alphabet = "a1,,\"\"\n\r\n #.\0\xEF;-"s;
  std::size_t tables = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text;
    for (auto n = random() % 24; n-- > 0;) text += alphabet[random() % alphabet.size()];
    try {
      const auto table = cs::parse_csv(text, {.header = trial % 2 == 0, .comment = '#'});
      ++tables;
      for (Eigen::Index i = 0; i < table.cols(); ++i) {
        const auto& name = table.names()[static_cast<std::size_t>(i)];
        if (std::count(table.names().begin(), table.names().end(), name) > 1) continue;
        const auto cells = table.text(name);
        REQUIRE(static_cast<Eigen::Index>(cells.size()) == table.rows());
        if (table.is_numeric(name)) REQUIRE(table[i].size() == table.rows());
      }
    } catch (const cs::FileError&) {
    }
  }
  CHECK(tables > 2000);  // so that the accepting paths were walked too
}

TEMPLATE_TEST_CASE("what is written is read back to the last bit", "[io]", float, double) {
  using T = TestType;
  const Folder folder;
  std::mt19937_64 random(3);
  Eigen::Matrix<T, Eigen::Dynamic, 2, Eigen::RowMajor> matrix(2000, 2);
  for (Eigen::Index i = 0; i < matrix.size(); ++i) {  // all bit patterns: every exponent, both signs, infinities, NaN
    const auto bits = static_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(random());
    std::memcpy(matrix.data() + i, &bits, sizeof bits);
  }
  const std::vector<std::string> names{"with \"quote\", comma", "# two\nlines "};
  cs::write_csv(folder / "x.csv", names, matrix);
  const auto table = cs::read_csv(folder / "x.csv", {.comment = '#'});
  REQUIRE(table.rows() == 2000);
  CHECK(table.cols() == 2);
  CHECK(table.names()[0] == names[0]);
  const Eigen::MatrixXd back = table.matrix();
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < 2; ++j) {
      const T value = matrix(i, j), again = static_cast<T>(back(i, j));
      if (!(value == again || (std::isnan(value) && std::isnan(again)))) FAIL("row " << i << ": " << value << " became " << again);
    }
  CHECK(folder.files() == 1);
}

TEST_CASE("a stream is read like a file", "[io]") {
  std::istringstream stream("a\n1\n2\n");
  CHECK(cs::read_csv(stream)["a"] == Eigen::Vector2d(1, 2));
}

TEST_CASE("writing replaces a file whole or leaves it as it was", "[io]") {
  const Folder folder;
  cs::write_csv(folder / "x.csv", {"a"}, Eigen::Vector2d(1, 0.1));
  cs::write_csv(folder / "x.csv", {"a", "b"}, Eigen::RowVector2f(0.1f, 2), ';');
  CHECK(cs::read_file(folder / "x.csv") == "a;b\n0.1;2\n");
  CHECK_THROWS_AS(cs::write_csv(folder / "x.csv", {"a"}, Eigen::RowVector2f(1, 2)), cs::ShapeError);
  CHECK_THROWS_AS(cs::write_csv(folder / "no/x.csv", {"a"}, Eigen::Vector2d(1, 2)), cs::FileError);
  CHECK_THROWS_AS(cs::write_csv(folder.path, {"a"}, Eigen::Vector2d(1, 2)), cs::FileError);  // a directory is in the way
  CHECK(cs::read_file(folder / "x.csv") == "a;b\n0.1;2\n");
  CHECK(folder.files() == 1);
  CHECK_FALSE(std::fopen((std::string(folder.path) + ".part0").c_str(), "r"));
}
