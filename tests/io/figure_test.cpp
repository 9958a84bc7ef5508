#include "costate/io/figure.hpp"

#include <stdlib.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <sstream>

#include "catch.hpp"

namespace cs = costate;

namespace {

const double gap = std::numeric_limits<double>::quiet_NaN();

/// A directory of its own, gone at the end; temporaries of the library go to a second one.
struct Folder {
  Folder() {
    REQUIRE(::mkdtemp(path));
    REQUIRE(::mkdtemp(temporary));
    ::setenv("TMPDIR", temporary, 1);
  }
  ~Folder() {
    ::unsetenv("TMPDIR");
    ::unsetenv("COSTATE_GNUPLOT");
    (void)!std::system((std::string("rm -r ") + path + " " + temporary).c_str());
  }
  std::string operator/(const std::string& name) const { return std::string(path) + "/" + name; }
  static std::size_t files(const std::string& in) {
    std::FILE* listing = ::popen(("ls -A " + in).c_str(), "r");
    std::size_t lines = 0;
    for (int c; (c = std::fgetc(listing)) != EOF;) lines += c == '\n';
    ::pclose(listing);
    return lines;
  }
  char path[40] = "/tmp/costate_figure_XXXXXX", temporary[40] = "/tmp/costate_figure_XXXXXX";
};

bool has_gnuplot() {
  const bool found = !cs::detail::find_gnuplot().empty();
  if (!found) WARN("no gnuplot: pictures are not drawn in this run");
  return found;
}

bool says(const std::string& message, const std::string& part) {
  UNSCOPED_INFO(message);
  return message.find(part) != message.npos;
}

/// The data that a figure hands to gnuplot, one text per block.
std::vector<std::string> blocks(const cs::Figure& figure, const Folder& folder) {
  ::setenv("COSTATE_GNUPLOT", "", 1);
  figure.save(folder / "data.svg");
  ::unsetenv("COSTATE_GNUPLOT");
  std::string text = cs::read_file(folder / "data.dat");
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find("\n\n\n", begin), text.size());
    const auto line = text.find('\n', begin) + 1;  // past the comment
    found.push_back(text.substr(line, end - line));
    begin = end + 3;
  }
  return found;
}

cs::Figure one_of_everything() {
  cs::Figure figure({.columns = 2});
  const Eigen::VectorXd t = Eigen::VectorXd::LinSpaced(50, 0.1, 6);
  const Eigen::VectorXd s = t.array().sin();
  figure.panel("time").line(t, s, {.label = "sin"}).points(t, s).band(t, s.array() - 0.1, s.array() + 0.1).steps(t, s).vertical(3).horizontal(0);
  figure.panel("field").vector_field([](double x, double y) { return Eigen::Vector2d(y, -x); }, {-1, 1}, {-1, 1}).equal_axes();
  figure.panel("slopes").log_log().line_points(t, t.array().square(), {.label = "x²"}).slope(2).x_label("h").y_label("e");
  figure.panel("one point").points({1.0}, {2.0});
  return figure;
}

}  // namespace

TEST_CASE("a figure is drawn as SVG and PNG, and only the picture stays", "[io]") {
  const Folder folder;
  if (!has_gnuplot()) return;
  const auto figure = one_of_everything();
  CHECK(figure.save(folder / "a.svg") == std::vector<std::string>{folder / "a.svg"});
  CHECK(figure.save(folder / "a.png") == std::vector<std::string>{folder / "a.png"});
  const std::string svg = cs::read_file(folder / "a.svg"), png = cs::read_file(folder / "a.png");
  CHECK(says(svg.substr(0, 200), "<svg"));
  CHECK(says(svg.substr(svg.size() - 20), "</svg>"));
  CHECK(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(says(png.substr(png.size() - 12), "IEND"));
  CHECK(Folder::files(folder.path) == 2);
  CHECK(Folder::files(folder.temporary) == 0);
}

TEST_CASE("the user's text appears as it is and runs nothing", "[io]") {
  const Folder folder;
  if (!has_gnuplot()) return;
  const std::string hostile = R"(a_b^2 {x} @y 'it''s' "q" `touch pwned` $(touch pwned) \n %d)";
  const std::string shown = R"(a_b^2 {x} @y 'it''s' &quot;q&quot; `touch pwned` $(touch pwned) \n %d)";
  cs::Figure figure;
  figure.panel(hostile).x_label(hostile + "x").y_label(hostile + "y\nset output").line({0, 1}, {0, 1}, {.label = hostile + "l"});
  const std::string path = folder / "|it's <a> `touch pwned` \"$(touch pwned).svg";
  CHECK(figure.save(path) == std::vector<std::string>{path});
  const std::string svg = cs::read_file(path);
  const auto unquoted = [](std::string text) {  // gnuplot may leave " as it is
    for (std::size_t at; (at = text.find("&quot;")) != text.npos;) text.replace(at, 6, "\"");
    return text;
  };
  for (const char* tail : {"", "x", "y set output", "l"}) CHECK(says(unquoted(svg), unquoted(shown) + tail));
  CHECK(Folder::files(folder.path) == 1);
  CHECK_FALSE(std::fopen("pwned", "r"));
}

TEST_CASE("without gnuplot a figure's data and script are written, and the script draws them later", "[io]") {
  const Folder folder;
  const bool later = has_gnuplot();
  ::setenv("COSTATE_GNUPLOT", "/nonexistent/gnuplot", 1);
  const auto written = one_of_everything().save(folder / "<it's.png");
  CHECK(written == std::vector<std::string>{folder / "<it's.dat", folder / "<it's.gp"});
  CHECK(Folder::files(folder.path) == 2);
  ::unsetenv("COSTATE_GNUPLOT");
  if (!later) return;
  REQUIRE(std::system(("cd " + std::string(folder.path) + " && " + cs::detail::find_gnuplot() + " \"./<it's.gp\"").c_str()) == 0);
  CHECK(cs::read_file(folder / "<it's.png").substr(1, 3) == "PNG");
}

TEST_CASE("a failing gnuplot is an error with its words, and the old picture stays", "[io]") {
  const Folder folder;
  cs::write_file(folder / "a.svg", "old");
  cs::write_file(folder / "gnuplot", "#!/bin/sh\necho half > \"$(dirname \"$2\")/picture.svg\"\necho 'line 7: boom' >&2\nexit 3\n");
  REQUIRE(std::system(("chmod +x " + (folder / "gnuplot")).c_str()) == 0);
  ::setenv("COSTATE_GNUPLOT", (folder / "gnuplot").c_str(), 1);
  std::string said;
  try {
    one_of_everything().save(folder / "a.svg");
  } catch (const cs::FileError& e) {
    said = e.what();
  }
  CHECK(says(said, "gnuplot failed: line 7: boom"));
  CHECK(cs::read_file(folder / "a.svg") == "old");
  CHECK(Folder::files(folder.path) == 2);
  CHECK(Folder::files(folder.temporary) == 0);
}

TEST_CASE("NaN, infinity and non-positive numbers on a logarithmic axis break a line", "[io]") {
  const Folder folder;
  cs::Figure figure;
  figure.panel().line({gap, 1, 2, 3, 4, 5, 6, 7}, {0.5, 1, 2, gap, HUGE_VAL, 5, 6, gap}).line({0, 1}, {0, 1}).steps({0, 1, 2}, {5, gap, 6});
  figure.panel().log_y().line({0, 1, 2, 3}, {1, 0, -1, 4});
  const auto data = blocks(figure, folder);
  REQUIRE(data.size() == 4);
  CHECK(data[0] == "1 1\n2 2\n\n5 5\n6 6");
  CHECK(data[1] == "0 0\n1 1");
  CHECK(data[2] == "0 5\n1 5\n\n2 6");
  CHECK(data[3] == "0 1\n\n3 4\n");
}

TEST_CASE("arrows are tangent to the field and equally long on paper", "[io]") {
  const Folder folder;
  cs::Figure figure({.width = 600, .height = 300, .font = 10});  // 540 by 240 pixels for the axes
  figure.panel().x_range(0, 2).y_range(0, 100).vector_field([](const Eigen::Vector2d& y) { return Eigen::Vector2d(y[1] - 50, -300 * (y[0] - 1)); }, {0, 2},
                                                            {0, 100}, {.arrows = 9});
  std::istringstream data(blocks(figure, folder).at(0));
  double x, y, dx, dy, first = 0;
  int count = 0;
  for (long color; data >> x >> y >> dx >> dy >> color; ++count) {
    const double cx = x + dx / 2, cy = y + dy / 2, length = std::hypot(dx / 2 * 540, dy / 100 * 240);
    if (count == 0) first = length;
    CHECK_THAT(length, Catch::Matchers::WithinRel(first, 1e-12));
    const double u = cy - 50, v = -300 * (cx - 1);
    CHECK_THAT(u * dy - v * dx, Catch::Matchers::WithinAbs(0, 1e-9));  // 1e-16 of terms up to 300 · 60, and cancellation
    CHECK(u * dx + v * dy > 0);
  }
  CHECK(count == 80);  // 81 but for the one at rest
}

TEST_CASE("series come from Eigen expressions and from standard containers", "[io]") {
  const Folder folder;
  cs::Figure figure;
  const Eigen::Matrix2Xf states = (Eigen::Matrix<float, 2, 3>() << 1, 2, 3, 4, 5, 6).finished();
  figure.panel().line(states.row(0), states.row(1)).line(std::vector<int>{1, 2, 3}, 2 * states.row(0).array());
  const auto data = blocks(figure, folder);
  CHECK(data.at(0) == "1 4\n2 5\n3 6");
  CHECK(data.at(1) == "1 2\n2 4\n3 6\n");
  CHECK_THROWS_AS(figure.panel().line(states, states), cs::ShapeError);
}

TEST_CASE("figures that cannot be drawn are refused when they are made", "[io]") {
  cs::Figure figure;
  CHECK_THROWS_AS(figure.save("/tmp/a.svg"), cs::OptionError);
  auto& panel = figure.panel("p");
  CHECK_THROWS_AS(figure.save("/tmp/a.svg"), cs::OptionError);
  CHECK_THROWS_AS(panel.line(std::vector<double>{}, std::vector<double>{}), cs::ShapeError);
  CHECK_THROWS_AS(panel.line({1, 2}, {1}), cs::ShapeError);
  CHECK_THROWS_AS(panel.steps({1, 2}, {1}), cs::ShapeError);
  CHECK_THROWS_AS(panel.band({1, 2}, {1, 2}, {1}), cs::ShapeError);
  CHECK_THROWS_AS(panel.points({1, gap}, {gap, 1}, {.label = "none"}), cs::NonFiniteError);
  CHECK_THROWS_AS(panel.x_range(1, 1), cs::OptionError);
  CHECK_THROWS_AS(panel.y_range(0, gap), cs::OptionError);
  panel.line({1, 2}, {1, 2});
  CHECK_THROWS_AS(figure.save("/tmp/a.gif"), cs::OptionError);
  CHECK_THROWS_AS(figure.save("/tmp/a.b/svg"), cs::OptionError);
  CHECK_THROWS_AS(figure.save("/nonexistent/a.svg"), cs::FileError);
  panel.slope(2);
  CHECK_THROWS_AS(figure.save("/tmp/a.svg"), cs::OptionError);  // not on logarithmic axes
  CHECK_THROWS_AS(cs::Figure({.width = 1}), cs::OptionError);
  cs::Figure negative;
  negative.panel().log_y().line({1, 2}, {-1, -2});
  CHECK_THROWS_AS(negative.save("/tmp/a.svg"), cs::OptionError);
  cs::Figure range;
  range.panel().log_y().y_range(0, 1).line({1, 2}, {1, 2});
  CHECK_THROWS_AS(range.save("/tmp/a.svg"), cs::OptionError);
}

TEST_CASE("an automatic legend takes a corner without data, or goes below", "[io]") {
  const Folder folder;
  const auto place = [&](const std::vector<double>& x, const std::vector<double>& y) {
    cs::Figure figure;
    figure.panel().line(x, y, {.label = "label"});
    blocks(figure, folder);
    const std::string script = cs::read_file(folder / "data.gp");
    const auto at = script.find("set key ") + 8;
    return script.substr(at, script.find(" Left", at) - at);
  };
  CHECK(place({0, 1}, {1, 0}) == "top right");
  CHECK(place({0, 1}, {0, 1}) == "top left");
  CHECK(place({0, 0, 1}, {0, 1, 1}) == "bottom right");
  CHECK(place({0, 1, 1}, {1, 1, 0}) == "bottom left");
  CHECK(place({0, 1, 1, 0, 0}, {0, 0, 1, 1, 0}).substr(0, 7) == "bmargin");
  cs::Figure figure;  // three entries are 83 of 264 pixels high and 12 away from the top: 0.36
  auto& panel = figure.panel().y_range(0, 1);
  for (const double y : {0.69, 0.68, 0.67}) panel.line({0.0, 1.0}, {y, y}, {.label = "from T = 0.25"});
  blocks(figure, folder);
  CHECK(cs::read_file(folder / "data.gp").find("set key bottom right") != std::string::npos);
}
