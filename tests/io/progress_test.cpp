#include "costate/io/progress.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "catch.hpp"

namespace cs = costate;

namespace {

double time_now = 0;
double test_clock() { return time_now; }

/// A stream in memory whose text can be looked at.
struct Memory {
  Memory() : stream(std::tmpfile()) { time_now = 100; }
  ~Memory() { std::fclose(stream); }
  std::string text() const {
    std::string all(static_cast<std::size_t>(std::ftell(stream)), '\0');
    std::rewind(stream);
    all.resize(std::fread(all.data(), 1, all.size(), stream));
    return all;
  }
  cs::ProgressOptions options(cs::ProgressStyle style, int width = 80) const {
    return {.stream = stream, .style = style, .width = width, .clock = test_clock};
  }
  std::FILE* stream;
};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) c == at ? parts.emplace_back() : parts.back() += c;
  return parts;
}

/// What a terminal shows in the end: \r goes back, \x1b[K clears to the right.
std::vector<std::string> screen(const std::string& text) {
  std::vector<std::string> lines(1);
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "\x1b[K") == 0) {
      lines.back().resize(column);
      i += 2;
    } else if (text[i] == '\r') {
      column = 0;
    } else if (text[i] == '\n') {
      lines.emplace_back();
      column = 0;
    } else {
      lines.back().resize(std::max(lines.back().size(), column + 1));
      lines.back()[column++] = text[i];
    }
  }
  return lines;
}

struct Environment {
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value, 1);
  }
  ~Environment() { before_.empty() ? ::unsetenv(name_) : ::setenv(name_, before_.c_str(), 1); }
  const char* name_;
  std::string before_;
};

}  // namespace

TEST_CASE("a log gets plain lines, rarely, and a last one", "[io]") {
  const Memory memory;
  {
    cs::Progress progress("training", 1000, memory.options(cs::ProgressStyle::log));
    for (int i = 1; i <= 1000; ++i) {
      time_now += 0.01;
      progress.update(i, "loss ", 1.0 / i);
    }
  }
  CHECK(memory.text() ==
        "training  50%  500/1000  100/s  0:05, 0:05 left  loss 0.002\n"
        "training  1000/1000  0:10  100/s  loss 0.001\n");
}

TEST_CASE("a log of a long run stays short", "[io]") {
  const Memory memory;
  {
    cs::Progress progress("training", 0, memory.options(cs::ProgressStyle::log));
    for (int i = 1; i <= 100 * 3600; ++i, ++time_now) progress.update(i);
  }
  // 10 lines until 50 s, then a factor 1.1 each: 10 + ln(360000 / 50) / ln 1.1 = 103
  const auto lines = split(memory.text(), '\n');
  CHECK(lines.size() > 90);
  CHECK(lines.size() < 115);
  CHECK(lines[lines.size() - 2] == "training  360000  100:00:00  1.0/s");
}

TEST_CASE("a terminal's line is rewritten at most ten times a second and replaced by the last one", "[io]") {
  const Environment plain("NO_COLOR", "1");
  const Memory memory;
  {
    cs::Progress progress("fit", 100000, memory.options(cs::ProgressStyle::terminal));
    for (int i = 1; i <= 50000; ++i) {
      time_now += 1e-4;
      progress.update(i, "loss ", 0.5);
    }
    const auto shown = screen(memory.text());
    REQUIRE(shown.size() == 1);
    CHECK(shown[0].substr(0, 10) == "fit  49% [");
    CHECK(shown[0].size() <= 79);
  }
  const std::string text = memory.text();
  CHECK(std::count(text.begin(), text.end(), '\r') <= 52);  // 50 in 5 s, the first and the last
  CHECK(text.find("\x1b[32m") == text.npos);
  CHECK(screen(text) == std::vector<std::string>{"fit  50000/100000  0:05  10000/s  loss 0.5 (at 49001)", ""});
}

TEST_CASE("a line fits its terminal, whatever the label and the note", "[io]") {
  const Environment plain("NO_COLOR", "1");
  const int width = GENERATE(1, 2, 7, 20, 33, 60, 80, 200);
  const Memory memory;
  cs::Progress progress("größe Ω", 10, memory.options(cs::ProgressStyle::terminal, width));
  progress.update(3, "a note with\nnewlines, \x1b[2J escapes and ünïcödé in great length, to be cut somewhere");
  const auto shown = screen(memory.text());
  REQUIRE(shown.size() == 1);
  std::size_t columns = 0;
  for (std::size_t i = 0; i < shown[0].size(); ++i) columns += (shown[0][i] & 0xC0) != 0x80;
  CHECK(columns <= static_cast<std::size_t>(std::max(width - 1, 1)));
  CHECK(shown[0].find('\x1b') == std::string::npos);
  progress.finish();
}

TEST_CASE("colour is used in terminals unless NO_COLOR is set", "[io]") {
  const Memory memory;
  const Environment empty("NO_COLOR", "");
  cs::Progress("a", 2, memory.options(cs::ProgressStyle::terminal)).update(1);
  CHECK(memory.text().find("\x1b[32m==============") != std::string::npos);
}

TEST_CASE("an exception leaves a line that says where the work stopped", "[io]") {
  const Memory memory;
  try {
    cs::Progress progress("fit", 10, memory.options(cs::ProgressStyle::terminal));
    progress.update(4, "loss ", 3);
    throw std::runtime_error("step");
  } catch (const std::runtime_error&) {
  }
  CHECK(screen(memory.text()) == std::vector<std::string>{"fit  stopped at 4/10  0:00  loss 3", ""});
}

TEST_CASE("finish ends the line once and silences what follows", "[io]") {
  const Memory memory;
  {
    cs::Progress progress("fit", 10, memory.options(cs::ProgressStyle::log));
    progress.update(7, "loss 1");
    progress.finish("stopped early, loss ", 0.25);
    time_now += 100;
    progress.update(8);
    progress.finish();
  }
  CHECK(memory.text() == "fit  7/10  0:00  stopped early, loss 0.25\n");
}

TEST_CASE("a resumed run does not count what was done before in its rate", "[io]") {
  const Memory memory;
  auto options = memory.options(cs::ProgressStyle::log);
  options.start = 900;
  cs::Progress progress("fit", 1000, options);
  time_now += 10;
  progress.update(950);
  CHECK(memory.text() == "fit  95%  950/1000  5.0/s  0:10, 0:10 left\n");
  progress.finish();
}

TEST_CASE("silence is silent", "[io]") {
  const Memory memory;
  { cs::Progress("fit", 10, memory.options(cs::ProgressStyle::silent)).update(3); }
  CHECK(memory.text().empty());
}

TEST_CASE("files are logs, terminals are terminals unless they are dumb", "[io]") {
  const Memory memory;
  const Environment term("TERM", "xterm");
  auto options = memory.options(cs::ProgressStyle::automatic);
  { cs::Progress("fit", 10, options).update(3); }
  CHECK(memory.text() == "fit  3/10  0:00\n");

  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return;  // no pseudo-terminals here
  options.stream = std::fopen(::ptsname(master), "w");
  REQUIRE(options.stream);
  winsize size{};
  size.ws_col = 50;
  REQUIRE(::ioctl(master, TIOCSWINSZ, &size) == 0);
  options.width = 0;
  const auto written = [&] {
    char text[4096];
    const auto n = ::read(master, text, sizeof text);
    return std::string(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  };
  const Environment plain("NO_COLOR", "1");
  {
    cs::Progress progress("fit", 10, options);
    progress.update(3);
    CHECK(written() == "\rfit  30% [====>          ]  3/10  0:00, 0:00 left\x1b[K");  // 49 columns at most, so a bar of 15
  }
  CHECK(written() == "\r\x1b[Kfit  3/10  0:00\r\n");
  {
    const Environment dumb("TERM", "dumb");
    cs::Progress("fit", 10, options).update(3);
  }
  CHECK(written() == "fit  3/10  0:00\r\n");
  std::fclose(options.stream);
  ::close(master);
}
