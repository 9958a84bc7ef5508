#pragma once
// One line that says how far a long computation is. In a terminal it is rewritten in place ten times a second at most; in a pipe
// or a log it is a plain line every few seconds, ever rarer in a long run. The last line stays.
//
//   cs::Progress progress("training", 1000);
//   for (int i = 1; i <= 1000; ++i) progress.update(i, "loss ", train_step());
//
//   training  42% [=======>           ]  420/1000  123/s  0:03, 0:05 left  loss 0.0123

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#if __has_include(<unistd.h>) && __has_include(<sys/ioctl.h>)
#include <sys/ioctl.h>
#include <unistd.h>
#define COSTATE_HAS_TERMINAL
#endif

namespace costate {

enum class ProgressStyle {
  automatic,  ///< terminal if the stream is one that can rewrite a line (TERM is not "dumb"), else log
  terminal,
  log,
  silent,
};

namespace detail {

inline double seconds_now() {  // <chrono> would cost every user of the library compile time for this one call
  std::timespec now{};
#ifdef CLOCK_MONOTONIC
  clock_gettime(CLOCK_MONOTONIC, &now);
#else
  std::timespec_get(&now, TIME_UTC);
#endif
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace detail

/// Where and how a progress line appears. Members in this order for designated initialisers.
struct ProgressOptions {
  std::FILE* stream = stderr;
  ProgressStyle style = ProgressStyle::automatic;
  int width = 0;        ///< columns of the terminal; 0 asks it
  long start = 0;       ///< what was done before, by a run that is resumed; not counted in the rate
  double (*clock)() = detail::seconds_now;  ///< seconds that only grow
};

/// A progress line, from its construction to `finish` or its destruction. An exception that passes leaves a line saying where it stopped.
/// Costs a clock reading per update: tens of nanoseconds. Not to be shared between threads. Failures to write are ignored.
class Progress {
 public:
  /// `total` 0 or less: unknown, no percentage and no time left.
  explicit Progress(std::string label, long total = 0, const ProgressOptions& options = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// `done` units of work are complete. The note is whatever streams, joined; it is put together only when a line is due.
  template <class... Note>
  void update(long done, const Note&... note) {
    done_ = done;
    const double now = options_.clock();
    if (options_.style == ProgressStyle::silent || finished_ || (now < due_ && done != total_)) return;
    if (done == total_ && noted_at_ == done) return;  // told so already
    keep_note(note...);
    draw(now);
  }

  /// Writes the last line and ends it; updates that follow are ignored. A note given here replaces the last one.
  template <class... Note>
  void finish(const Note&... note) {
    if constexpr (sizeof...(note) > 0) keep_note(note...);
    end("");
  }

 private:
  template <class... Note>
  void keep_note(const Note&... note) {
    noted_at_ = done_;
    if constexpr (sizeof...(note) == 0) {
      note_.clear();
    } else {
      std::ostringstream text;
      text.precision(4);
      (text << ... << note);
      note_ = one_line(text.str());
    }
  }

  static std::string one_line(std::string text);
  static std::string clock_text(double seconds);
  static std::size_t columns(std::string_view text);
  std::string rate_text(double elapsed) const;
  std::string count_text() const;
  int width() const;
  void draw(double now);
  void end(const char* verb);
  void rewrite(const std::string& line);
  void print(const std::string& line) { std::fputs((line + '\n').c_str(), options_.stream), std::fflush(options_.stream); }

  ProgressOptions options_;
  std::string label_, note_;
  long total_, done_, noted_at_ = -1;
  double begin_, due_;
  int exceptions_ = std::uncaught_exceptions();
  bool colored_ = false, drawn_ = false, finished_ = false;
};

inline Progress::Progress(std::string label, long total, const ProgressOptions& options)
    : options_(options), label_(one_line(std::move(label))), total_(total > 0 ? total : -1), done_(options.start) {
  begin_ = due_ = options_.clock();
  if (options_.style == ProgressStyle::automatic) {
    options_.style = ProgressStyle::log;
#ifdef COSTATE_HAS_TERMINAL
    const char* term = std::getenv("TERM");
    if (isatty(fileno(options_.stream)) && term && *term && std::string_view(term) != "dumb") options_.style = ProgressStyle::terminal;
#endif
  }
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org: set and not empty
  colored_ = options_.style == ProgressStyle::terminal && !(no_color && *no_color);
  if (options_.style == ProgressStyle::log) due_ += 5;
}

inline Progress::~Progress() {
  try {
    end(std::uncaught_exceptions() > exceptions_ ? "stopped at " : "");
  } catch (...) {  // out of memory for a line of text must not end the program
  }
}

/// Control characters would leave the line, or steer the terminal.
inline std::string Progress::one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

inline std::string Progress::clock_text(double seconds) {
  if (!(seconds < 3.6e6)) return "over 1000 h";
  const long s = static_cast<long>(seconds);
  char text[32];
  if (s < 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  return text;
}

/// Columns of UTF-8 text, one per code point.
inline std::size_t Progress::columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

inline std::string Progress::rate_text(double elapsed) const {
  const double done = static_cast<double>(done_ - options_.start);
  if (done <= 0 || elapsed <= 0) return "";
  char text[32];
  const double rate = done / elapsed;
  if (rate >= 1)
    std::snprintf(text, sizeof text, rate < 10 ? "%.1f/s" : rate < 1e6 ? "%.0f/s" : "%.1e/s", rate);
  else
    std::snprintf(text, sizeof text, "%.3g s each", 1 / rate);
  return text;
}

inline std::string Progress::count_text() const {
  return std::to_string(done_) + (total_ > 0 ? "/" + std::to_string(total_) : "");
}

inline int Progress::width() const {
  if (options_.width > 0) return options_.width;
#ifdef COSTATE_HAS_TERMINAL
  winsize size{};
  if (ioctl(fileno(options_.stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
#endif
  const char* given = std::getenv("COLUMNS");
  const int asked = given ? std::atoi(given) : 0;
  return asked > 0 ? asked : 80;
}

inline void Progress::draw(double now) {
  const double elapsed = now - begin_, worked = static_cast<double>(done_ - options_.start);
  const bool terminal = options_.style == ProgressStyle::terminal;
  due_ = now + (terminal ? 0.1 : std::max(5.0, elapsed / 10));  // a log of n hours grows like log n

  std::string facts = "  " + count_text();
  if (const auto rate = rate_text(elapsed); !rate.empty()) facts += "  " + rate;
  facts += "  " + clock_text(elapsed);
  if (worked > 0 && done_ < total_) facts += ", " + clock_text(elapsed * static_cast<double>(total_ - done_) / worked) + " left";
  if (!note_.empty()) facts += "  " + note_;
  const double part = total_ > 0 ? std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0) : 0;
  char percent[16] = "";
  if (total_ > 0) std::snprintf(percent, sizeof percent, " %3d%%", static_cast<int>(100 * part));

  if (terminal)
    rewrite(label_ + percent + '\0' + facts);  // the bar goes where the NUL is, if there is room
  else if (done_ != total_)  // the end's own line says that
    print(label_ + percent + facts);
}

inline void Progress::rewrite(const std::string& line) {
  const std::size_t room = static_cast<std::size_t>(std::max(width() - 1, 1));  // the last column would wrap
  const std::size_t cut = std::min(line.find('\0'), line.size());
  std::string text = line.substr(0, cut);
  const std::string facts = cut < line.size() ? line.substr(cut + 1) : "";
  const std::size_t used = columns(text) + columns(facts);
  std::size_t bar_begin = text.size(), bar_end = text.size();
  if (total_ > 0 && used + 13 <= room) {
    const std::size_t cells = std::min<std::size_t>(room - used - 3, 30);
    const double part = std::clamp(static_cast<double>(done_) / static_cast<double>(total_), 0.0, 1.0);
    const std::size_t full = static_cast<std::size_t>(part * static_cast<double>(cells));
    text += " [";
    bar_begin = text.size();
    text.append(full, '=');
    if (full < cells) text += '>';
    bar_end = text.size();
    text.append(cells - std::min(cells, full + 1), ' ');
    text += ']';
  }
  text += facts;
  if (columns(text) > room) {  // cut between code points
    std::size_t end = 0, seen = 0;
    while (end < text.size() && ((text[end] & 0xC0) == 0x80 || seen++ < room)) ++end;
    text.resize(end);
  }
  if (colored_ && bar_end > bar_begin && bar_end <= text.size()) {
    text.insert(bar_end, "\x1b[0m");
    text.insert(bar_begin, "\x1b[32m");
  }
  std::fputs(("\r" + text + "\x1b[K").c_str(), options_.stream);
  std::fflush(options_.stream);
  drawn_ = true;
}

inline void Progress::end(const char* verb) {
  if (finished_) return;
  finished_ = true;
  if (options_.style == ProgressStyle::silent) return;
  const double elapsed = options_.clock() - begin_;
  std::string line = label_ + "  " + verb + count_text() + "  " + clock_text(elapsed);
  if (const auto rate = rate_text(elapsed); !rate.empty()) line += "  " + rate;
  if (!note_.empty()) line += "  " + note_ + (noted_at_ == done_ ? "" : " (at " + std::to_string(noted_at_) + ")");
  if (drawn_) std::fputs("\r\x1b[K", options_.stream);
  print(line);
}

}  // namespace costate

#undef COSTATE_HAS_TERMINAL
