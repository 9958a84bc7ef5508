#pragma once
// What gnuplot is told: a figure becomes one script and one file of data. Ranges, arrows and the legend's place are computed here, where
// the data are known. The user's text is escaped down to octal codes and marked `noenhanced`, so that it appears as it is and runs nothing.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <costate/core/error.hpp>
#include <costate/io/number.hpp>
#include <costate/io/panel.hpp>

namespace costate {

/// Sizes in pixels of an SVG. Members in this order for designated initialisers.
struct FigureOptions {
  int columns = 0;  ///< panels side by side; 0: as square as it gets, up to three in one row
  int width = 600;  ///< of one panel
  int height = 420;
  int font = 16;
  double png_scale = 2;  ///< pixels of a PNG per pixel of an SVG
};

namespace detail {

inline const char* rgb(Color color) {
  constexpr const char* names[] = {"#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
                                   "#56B4E9", "#F0E442", "#000000", "#707070", "#B8B8B8"};
  return names[static_cast<int>(color)];
}

inline Color resolved(Color color, int& next) {
  constexpr Color cycle[] = {Color::blue, Color::vermillion, Color::green, Color::purple, Color::orange, Color::sky, Color::black};
  return color == Color::automatic ? cycle[next++ % 7] : color;
}

inline const char* dash_type(Dash dash, int& next) {
  constexpr const char* patterns[] = {"1", "(11,5)", "(11,4,2,4)", "(2,4)"};
  constexpr int order[] = {0, 0, 1, 3, 2};
  return patterns[dash == Dash::automatic ? next++ % 4 : order[static_cast<int>(dash)]];
}

inline int point_type(Marker marker, int& next) {
  constexpr int types[] = {7, 7, 5, 9, 13, 6, 4, 8, 2};
  return types[marker == Marker::automatic ? 1 + next++ % 7 : static_cast<int>(marker)];
}

/// Maps an axis' values to 0 … 1 over the panel, and back.
struct AxisScale {
  bool log;
  double from, to;
  double operator()(double value) const {
    return log ? std::log(value / from) / std::log(to / from) : (value - from) / (to - from);
  }
  double back(double unit) const { return log ? from * std::pow(to / from, unit) : from + unit * (to - from); }
  double rate(double value, double derivative) const {
    return log ? derivative / (value * std::log(to / from)) : derivative / (to - from);
  }
};

/// Text as gnuplot takes it literally: whatever could end a string, start a command or name a macro is its octal code (doubled single
/// quotes will not do: gnuplot 5.4 takes two of them in a row for the end). Control characters become blanks.
inline std::string quoted(const std::string& text) {
  constexpr std::string_view plain = " .,:;-_+/=()[]<>";
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    const bool letter = code >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (letter || plain.find(c) != plain.npos) {
      result += c;
    } else if (code < 0x20 || code == 0x7F) {
      result += ' ';
    } else {
      const char octal[] = {'\\', static_cast<char>('0' + (code >> 6)), static_cast<char>('0' + (code >> 3 & 7)), static_cast<char>('0' + (code & 7))};
      result.append(octal, sizeof octal);
    }
  }
  return result + '"';
}

/// A path as gnuplot takes it for a file: a name that began with < or | would be a command.
inline std::string quoted_path(const std::string& path) { return quoted(path.find('/') == path.npos ? "./" + path : path); }

/// A figure's script and data. `picture` and `data_path` are what the script calls its output and its data.
class FigureScript {
 public:
  FigureScript(const FigureOptions& options, const std::list<Panel>& panels, const std::string& picture, const std::string& data_path, bool png);

  std::string script, data;

 private:
  struct Guide {
    double x[2], y[2];
  };

  template <class... Parts>
  void say(const Parts&... parts) {
    (append(script, parts), ...);
    script += '\n';
  }
  static void append(std::string& to, const std::string& text) { to += text; }
  static void append(std::string& to, const char* text) { to += text; }
  template <class T>
    requires std::is_arithmetic_v<T>
  static void append(std::string& to, T number) {
    append_number(to, number);
  }

  void draw(const Panel& panel);
  AxisScale scale(const Panel& panel, bool vertical, const Axis& axis) const;
  void axis(const char* name, const Axis& axis, const AxisScale& scale);
  std::string legend_place(const Panel& panel, const AxisScale& x, const AxisScale& y) const;
  void block(const Series& series, const AxisScale& x, const AxisScale& y);
  void arrow_block(const Series& series, const AxisScale& x, const AxisScale& y);
  static Guide guide(const Panel& panel, const Series& slope);

  /// The plotting area in pixels, about: what axes and labels leave of a panel.
  double area_width() const { return std::max(options_.width - 6.0 * options_.font, 50.0); }
  double area_height() const { return std::max(options_.height - 6.0 * options_.font, 50.0); }

  FigureOptions options_;
  std::string data_path_;
  double marker_size_ = 1;
  int blocks_ = 0;
};

inline FigureScript::FigureScript(const FigureOptions& options, const std::list<Panel>& panels, const std::string& picture, const std::string& data_path, bool png)
    : options_(options), data_path_(quoted_path(data_path)) {
  const int count = static_cast<int>(panels.size());
  int columns = options_.columns > 0 ? options_.columns : count <= 3 ? count : static_cast<int>(std::ceil(std::sqrt(count)));
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  const double scale = png ? options_.png_scale : 1;
  const int width = static_cast<int>(std::lround(scale * columns * options_.width));
  const int height = static_cast<int>(std::lround(scale * rows * options_.height));
  say("set encoding utf8");
  if (png)
    // a font's point is 4/3 pixel here, a marker smaller and a dash shorter than in SVG: the same picture from both
    say("set terminal pngcairo enhanced font 'Helvetica,", options_.font, "' fontscale ", 0.75 * scale, " linewidth ", scale,
        " pointscale ", scale, " dashlength 1.7 size ", width, ",", height, " background '#FFFFFF'");
  else
    say("set terminal svg enhanced font 'Helvetica,", options_.font, "' size ", width, ",", height, " background '#FFFFFF'");
  marker_size_ = png ? 1.0 : 0.65;
  say("set output ", quoted_path(picture));
  say("set multiplot layout ", rows, ",", columns);
  for (const auto& panel : panels) draw(panel);
  say("unset multiplot");
  say("unset output");
}

inline void FigureScript::draw(const Panel& panel) {
  if (panel.series_.empty()) fail<OptionError>("panel \"", panel.title_, "\" of the figure has no series");
  const AxisScale x = scale(panel, false, panel.x_), y = scale(panel, true, panel.y_);
  say("reset");
  say("set border 3 linecolor rgb '#404040' linewidth 1");
  say("set tics nomirror out scale 0.6");
  say("set grid linetype 1 linecolor rgb '#E6E6E6' linewidth 1");
  say("set title ", quoted(panel.title_), " noenhanced");
  axis("x", panel.x_, x);
  axis("y", panel.y_, y);
  if (panel.equal_axes_) say("set size ratio -1");
  say("set key ", legend_place(panel, x, y));

  int color = 0, dash = 0, marker = 0, labels = 0;
  std::vector<std::pair<int, std::string>> drawn;  // bands and fields lie under the rest
  for (const auto& series : panel.series_) {
    const auto& style = series.style;
    const auto kind = series.kind;
    std::string element = "index " + std::to_string(blocks_) + " ";
    const auto add = [&](const auto&... parts) { (append(element, parts), ...); };
    const bool lines = kind == SeriesKind::line || kind == SeriesKind::line_points;
    const bool markers = kind == SeriesKind::points || kind == SeriesKind::line_points;
    const std::string paint = kind == SeriesKind::arrows ? "" : rgb(resolved(style.color, color));
    if (kind == SeriesKind::slope) {
      const Guide g = guide(panel, series);
      block({SeriesKind::line, {g.x[0], g.x[1]}, {g.y[0], g.y[1]}, {}, {}, {}}, x, y);
      char text[32];
      std::snprintf(text, sizeof text, "slope %g", series.x[0]);
      say("set label ", ++labels, " '", text, "' at ", g.x[1], ",", g.y[1], " left offset character 0.6,-0.1 textcolor rgb '", paint, "' noenhanced");
    } else if (kind == SeriesKind::vertical) {
      block({SeriesKind::line, {series.x[0], series.x[0]}, {y.from, y.to}, {}, {}, {}}, x, y);
    } else if (kind == SeriesKind::horizontal) {
      block({SeriesKind::line, {x.from, x.to}, {series.y[0], series.y[0]}, {}, {}, {}}, x, y);
    } else if (kind == SeriesKind::arrows) {
      arrow_block(series, x, y);
    } else {
      block(series, x, y);
    }
    if (kind == SeriesKind::band) {
      add("using 1:2:3 with filledcurves fillcolor rgb '", paint, "' fillstyle transparent solid ", 0.22 * style.opacity, " noborder");
    } else if (kind == SeriesKind::arrows) {
      add("using 1:2:3:4:5 with vectors filled head size screen 0.0045,22 fixed linecolor rgb variable linewidth ", 1.1 * style.width);
    } else {
      const bool rule = !lines && !markers;
      add("using 1:2 with ", kind == SeriesKind::line_points ? "linespoints" : markers ? "points" : "lines");
      add(" linecolor rgb '", paint, "' linewidth ", (rule ? 1.3 : markers && !lines ? 1.2 : 2.2) * style.width);
      if (!markers || lines) add(" dashtype ", dash_type(style.dash, dash));
      if (markers) add(" pointtype ", point_type(style.marker, marker), " pointsize ", marker_size_ * style.size);
    }
    if (style.label.empty())
      add(" notitle");
    else
      add(" title ", quoted(style.label), " noenhanced");
    drawn.emplace_back(kind == SeriesKind::band ? 0 : kind == SeriesKind::arrows ? 1 : 2, element);
  }
  std::stable_sort(drawn.begin(), drawn.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < drawn.size(); ++i)
    say(i == 0 ? "plot " : "     ", data_path_, " ", drawn[i].second, i + 1 < drawn.size() ? ", \\" : "");
}

/// The axis' given range, or the one of its data with a little room around.
inline AxisScale FigureScript::scale(const Panel& panel, bool vertical, const Axis& axis) const {
  if (axis.given && axis.log && !(axis.from > 0 && axis.to > 0))
    fail<OptionError>("range [", axis.from, ", ", axis.to, "] on a logarithmic axis of panel \"", panel.title_, "\"; expected positive limits");
  if (axis.given) return {axis.log, axis.from, axis.to};
  double from = std::numeric_limits<double>::infinity(), to = -from;
  const auto take = [&](const std::vector<double>& values) {
    for (const double value : values)
      if (std::isfinite(value) && (!axis.log || value > 0)) from = std::min(from, value), to = std::max(to, value);
  };
  for (const auto& series : panel.series_) {
    if (series.kind == SeriesKind::slope || (series.kind == SeriesKind::vertical && vertical) || (series.kind == SeriesKind::horizontal && !vertical)) continue;
    take(vertical ? series.y : series.x);
    if (vertical && series.kind == SeriesKind::band) take(series.u);
  }
  if (!(from <= to)) fail<OptionError>("panel \"", panel.title_, "\" has nothing to show on its ", vertical ? "y" : "x", " axis",
                                       axis.log ? ": no positive number for a logarithmic scale" : "; give it a range");
  if (vertical && panel.x_.log && axis.log)
    for (const auto& series : panel.series_)
      if (series.kind == SeriesKind::slope) {
        const double lowest = from * std::pow(from / to, 0.3);  // a guide far from its data stays cut
        const Guide g = guide(panel, series);
        from = std::min(from, std::max(lowest, std::min(g.y[0], g.y[1])));
      }
  if (from == to) {
    const double room = axis.log ? 0 : from == 0 ? 1 : 0.1 * std::abs(from);
    from = axis.log ? from / 2 : from - room;
    to = axis.log ? to * 2 : to + room;
  }
  const AxisScale tight{axis.log, from, to};
  const bool slopes = !vertical && std::any_of(panel.series_.begin(), panel.series_.end(), [](const Series& s) { return s.kind == SeriesKind::slope; });
  return {axis.log, tight.back(-0.04), tight.back(slopes ? 1.2 : 1.04)};  // the slopes' texts stand right of the data
}

inline void FigureScript::axis(const char* name, const Axis& axis, const AxisScale& scale) {
  say("set ", name, "label ", quoted(axis.label), " noenhanced");
  say("set ", name, "range [", scale.from, ":", scale.to, "]");
  if (!scale.log) return;
  say("set logscale ", name);
  if (std::abs(std::log10(scale.to / scale.from)) > 2) say("set format ", name, " '10^{%T}'");
}

/// The corner where the legend covers no data; below the panel where each of them covers some.
inline std::string FigureScript::legend_place(const Panel& panel, const AxisScale& x, const AxisScale& y) const {
  constexpr const char* places[] = {"top right", "top left", "bottom right", "bottom left"};
  const std::string look = " Left reverse noenhanced samplen 2.5 spacing 1.15 width 1";
  std::size_t entries = 0, longest = 0;
  for (const auto& series : panel.series_) {
    entries += !series.style.label.empty();
    longest = std::max(longest, series.style.label.size());
  }
  const auto fixed = [&](const char* place) { return place + look + " opaque fillcolor rgb '#FFFFFF'"; };
  const std::string below = "bmargin center horizontal height 1" + look;
  switch (entries == 0 ? Legend::none : panel.legend_) {
    case Legend::none: return "off";
    case Legend::top_right: return fixed(places[0]);
    case Legend::top_left: return fixed(places[1]);
    case Legend::bottom_right: return fixed(places[2]);
    case Legend::bottom_left: return fixed(places[3]);
    case Legend::below: return below;
    case Legend::automatic: break;
  }
  // The box as gnuplot draws it, in units of the font, between axes with labels and under a title.
  const double font = options_.font, inner_width = std::max(options_.width / font - 9.0, 3.0), inner_height = std::max(options_.height / font - 9.8, 3.0);
  const double width = (0.7 * static_cast<double>(longest) + 5.3) / inner_width + 0.02;
  const double height = (1.73 * static_cast<double>(entries) + 0.7) / inner_height + 0.02;
  bool covers[4] = {width > 1, width > 1, width > 1, width > 1};
  const auto see = [&](double px, double py) {
    if (px > 1 - width) covers[py > 1 - height ? 0 : 2] |= py > 1 - height || py < height;
    if (px < width) covers[py > 1 - height ? 1 : 3] |= py > 1 - height || py < height;
  };
  for (const auto& series : panel.series_) {
    if (series.kind == SeriesKind::arrows || series.kind == SeriesKind::vertical || series.kind == SeriesKind::horizontal) continue;
    std::vector<double> gx = series.x, gy = series.y;
    if (series.kind == SeriesKind::slope) {
      const Guide g = guide(panel, series);
      gx.assign(g.x, g.x + 2), gy.assign(g.y, g.y + 2);
    }
    for (std::size_t i = 0; i < gx.size(); ++i) {
      const std::size_t j = series.kind == SeriesKind::points || i + 1 == gx.size() ? i : i + 1;
      for (int part = 0; part < 8; ++part) {  // along the line as well as on its points
        const double w = part / 8.0, px = (1 - w) * x(gx[i]) + w * x(gx[j]);
        see(px, (1 - w) * y(gy[i]) + w * y(gy[j]));
        if (series.kind == SeriesKind::band)
          for (const double v : {0.5, 1.0}) see(px, (1 - v) * y(gy[i]) + v * y(series.u[i]));
      }
    }
  }
  for (int corner = 0; corner < 4; ++corner)
    if (!covers[corner]) return fixed(places[corner]);
  return below;
}

/// One block of the data file; an empty line breaks a curve.
inline void FigureScript::block(const Series& series, const AxisScale& x, const AxisScale& y) {
  data += (blocks_ > 0 ? "\n\n# " : "# ") + std::to_string(blocks_) + " " + quoted(series.style.label) + "\n";
  ++blocks_;
  const auto shown = [](const AxisScale& scale, double value) { return std::isfinite(value) && (!scale.log || value > 0); };
  bool open = false;
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const bool good = shown(x, series.x[i]) && shown(y, series.y[i]) && (series.kind != SeriesKind::band || shown(y, series.u[i]));
    if (good) {
      append_number(data, series.x[i]);
      append_number(data += ' ', series.y[i]);
      if (series.kind == SeriesKind::band) append_number(data += ' ', series.u[i]);
      data += '\n';
    } else if (open && i + 1 < series.x.size()) {
      data += '\n';
    }
    open = good;
  }
  while (data.size() > 1 && data[data.size() - 1] == '\n' && data[data.size() - 2] == '\n') data.pop_back();
}

/// Arrows have equal length on paper, so the panel's shape enters; their rank in speed is their shade.
inline void FigureScript::arrow_block(const Series& series, const AxisScale& x, const AxisScale& y) {
  struct Arrow {
    double x, y, dx, dy, speed;  // in the panel's units, 0 … 1; speed in pixels
  };
  std::vector<Arrow> arrows;
  const double width = area_width(), height = area_height();
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const double dx = x.rate(series.x[i], series.u[i]), dy = y.rate(series.y[i], series.v[i]), speed = std::hypot(dx * width, dy * height);
    const Arrow arrow{x(series.x[i]), y(series.y[i]), dx / speed, dy / speed, speed};
    if (std::isfinite(arrow.x + arrow.y + arrow.dx + arrow.dy) && speed > 0) arrows.push_back(arrow);
  }
  std::stable_sort(arrows.begin(), arrows.end(), [](const Arrow& a, const Arrow& b) { return a.speed < b.speed; });
  data += (blocks_ > 0 ? "\n\n# " : "# ") + std::to_string(blocks_) + " arrows: x y dx dy rgb\n";
  ++blocks_;
  const double count = static_cast<double>(arrows.size());
  const double length = 0.62 * series.style.size * std::sqrt(width * height / std::max(static_cast<double>(series.x.size()), 9.0));
  for (std::size_t i = 0; i < arrows.size(); ++i) {
    const auto& a = arrows[i];
    const double shade = static_cast<double>(i) / count, hx = a.dx * length / 2, hy = a.dy * length / 2;
    const double x0 = x.back(a.x - hx), y0 = y.back(a.y - hy);
    const auto mix = [&](int slow, int fast) { return static_cast<int>(std::lround(slow + shade * (fast - slow))); };
    for (const double value : {x0, y0, x.back(a.x + hx) - x0, y.back(a.y + hy) - y0}) append_number(data, value), data += ' ';
    append_number(data, mix(0xD2, 0x80) * 65536 + mix(0xD6, 0x88) * 256 + mix(0xDC, 0x94));
    data += '\n';
  }
}

/// The reference line of a slope: as wide as the series before it, close under it.
inline FigureScript::Guide FigureScript::guide(const Panel& panel, const Series& slope) {
  const Series* over = nullptr;
  for (const auto& series : panel.series_) {
    if (&series == &slope) break;
    if (series.kind != SeriesKind::slope && series.kind != SeriesKind::vertical && series.kind != SeriesKind::horizontal && series.kind != SeriesKind::arrows) over = &series;
  }
  if (!over || !panel.x_.log || !panel.y_.log)
    fail<OptionError>("slope(", slope.x[0], ") in panel \"", panel.title_, "\": expected a log_log() panel and a series before the slope");
  const double power = slope.x[0], infinity = std::numeric_limits<double>::infinity();
  double x0 = infinity, x1 = 0, y0 = infinity, y1 = 0, constant = infinity;
  for (std::size_t i = 0; i < over->x.size(); ++i) {
    const double x = over->x[i], y = over->y[i];
    if (!(std::isfinite(x) && std::isfinite(y) && x > 0 && y > 0)) continue;
    x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, y), y1 = std::max(y1, y);
    constant = std::min(constant, std::log(y) - power * std::log(x));
  }
  if (!(x0 <= x1)) fail<OptionError>("slope(", power, ") in panel \"", panel.title_, "\": the series before it has no positive point");
  constant -= std::max(0.08 * std::log(y1 / y0), 0.1);
  const auto at = [&](double x) { return std::exp(constant + power * std::log(x)); };
  return {{x0, x1}, {at(x0), at(x1)}};
}

}  // namespace detail

}  // namespace costate
