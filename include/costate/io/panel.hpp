#pragma once
// One diagram of a figure: what is drawn, and how it looks. The palette is Okabe & Ito's, which colour-blind readers tell apart; dashes
// and markers differ as well, for those who print without colour.

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <costate/core/eigen.hpp>
#include <costate/core/error.hpp>

namespace costate {

/// Okabe & Ito's colours ("Color Universal Design", 2008) and two greys. `automatic` takes the next one of the panel.
enum class Color { automatic, blue, vermillion, green, purple, orange, sky, yellow, black, grey, light_grey };
enum class Dash { automatic, solid, dashed, dotted, dash_dot };
enum class Marker { automatic, circle, square, triangle, diamond, open_circle, open_square, open_triangle, cross };
/// `automatic` is the corner that hides nothing, or under the panel where there is none.
enum class Legend { automatic, top_left, top_right, bottom_left, bottom_right, below, none };

/// How a series looks. Members in this order for designated initialisers.
struct SeriesStyle {
  std::string label{};  ///< its text in the legend, taken literally; none without
  Color color = Color::automatic;
  Dash dash = Dash::automatic;
  Marker marker = Marker::automatic;
  double width = 1;    ///< of lines, relative
  double size = 1;     ///< of markers, relative
  double opacity = 1;  ///< of bands, relative
};

struct Interval {
  double from, to;
};

/// How a vector field is sampled.
struct FieldStyle {
  int arrows = 17;  ///< along each axis
  double size = 1;  ///< length of the arrows, relative
};

namespace detail {

class FigureScript;

enum class SeriesKind { band, arrows, line, line_points, points, slope, vertical, horizontal };

struct Series {
  SeriesKind kind;
  std::vector<double> x, y, u, v;  // band: y and u are its edges; arrows: (u, v) is the direction at (x, y)
  SeriesStyle style;
};

struct Axis {
  std::string label{};
  bool log = false, given = false;
  double from = 0, to = 0;
};

/// The numbers of an Eigen vector, a matrix of one row or column, a std::vector or any other sequence.
template <class T>
std::vector<double> plot_data(const T& data, const char* what) {
  if constexpr (requires { data.derived(); }) {
    const auto values = data.derived().template cast<double>().eval();
    if (values.rows() > 1 && values.cols() > 1)
      fail<ShapeError>(what, ": a matrix of ", values.rows(), " x ", values.cols(), " where a vector is expected; take a row or a column of it");
    return std::vector<double>(values.data(), values.data() + values.size());
  } else {
    std::vector<double> values;
    for (const auto& value : data) values.push_back(static_cast<double>(value));
    return values;
  }
}

}  // namespace detail

/// One diagram of a figure. Every function gives the panel back, so that they chain. Data are copied. NaN and infinity break a line.
/// ShapeError for data of different or no length, NonFiniteError for a series without a single finite point.
class Panel {
 public:
  Panel& title(std::string text) { return title_ = std::move(text), *this; }
  Panel& x_label(std::string text) { return x_.label = std::move(text), *this; }
  Panel& y_label(std::string text) { return y_.label = std::move(text), *this; }
  /// Without a range an axis shows all of its data.
  Panel& x_range(double from, double to) { return set_range(x_, from, to); }
  Panel& y_range(double from, double to) { return set_range(y_, from, to); }
  Panel& log_x() { return x_.log = true, *this; }
  Panel& log_y() { return y_.log = true, *this; }
  Panel& log_log() { return log_x().log_y(); }
  /// One unit is as long on both axes.
  Panel& equal_axes() { return equal_axes_ = true, *this; }
  Panel& legend(Legend place) { return legend_ = place, *this; }

  template <class X = std::vector<double>, class Y = std::vector<double>>
  Panel& line(const X& x, const Y& y, const SeriesStyle& style = {}) {
    return add(detail::SeriesKind::line, detail::plot_data(x, "line"), detail::plot_data(y, "line"), style);
  }
  template <class X = std::vector<double>, class Y = std::vector<double>>
  Panel& points(const X& x, const Y& y, const SeriesStyle& style = {}) {
    return add(detail::SeriesKind::points, detail::plot_data(x, "points"), detail::plot_data(y, "points"), style);
  }
  template <class X = std::vector<double>, class Y = std::vector<double>>
  Panel& line_points(const X& x, const Y& y, const SeriesStyle& style = {}) {
    return add(detail::SeriesKind::line_points, detail::plot_data(x, "line_points"), detail::plot_data(y, "line_points"), style);
  }
  /// y[i] holds from x[i] to x[i + 1].
  template <class X = std::vector<double>, class Y = std::vector<double>>
  Panel& steps(const X& x, const Y& y, const SeriesStyle& style = {}) {
    return add_steps(detail::plot_data(x, "steps"), detail::plot_data(y, "steps"), style);
  }
  /// The area between two curves: confidence, quantiles, error.
  template <class X = std::vector<double>, class Y = std::vector<double>, class Z = std::vector<double>>
  Panel& band(const X& x, const Y& lower, const Z& upper, const SeriesStyle& style = {}) {
    return add(detail::SeriesKind::band, detail::plot_data(x, "band"), detail::plot_data(lower, "band"), style, detail::plot_data(upper, "band"));
  }
  /// Arrows of equal length along (u, v), centred at (x, y); darker ones are faster.
  template <class X, class Y, class U, class V>
  Panel& arrows(const X& x, const Y& y, const U& u, const V& v, const SeriesStyle& style = {}) {
    return add(detail::SeriesKind::arrows, detail::plot_data(x, "arrows"), detail::plot_data(y, "arrows"), style, detail::plot_data(u, "arrows"),
               detail::plot_data(v, "arrows"));
  }
  /// The arrows of a planar vector field `f(x, y)` or `f(Eigen::Vector2d)`, whose result has components [0] and [1].
  template <class F>
  Panel& vector_field(const F& f, Interval x, Interval y, const FieldStyle& style = {});

  /// A straight reference y ∝ xᵖ under the data of a log–log panel, with its slope written beside it.
  Panel& slope(double power, const SeriesStyle& style = {.color = Color::grey, .dash = Dash::dashed}) {
    return add(detail::SeriesKind::slope, {power}, {power}, style);
  }
  /// A line across the whole panel.
  Panel& vertical(double x, const SeriesStyle& style = {.color = Color::grey, .dash = Dash::dashed}) {
    return add(detail::SeriesKind::vertical, {x}, {x}, style);
  }
  Panel& horizontal(double y, const SeriesStyle& style = {.color = Color::grey, .dash = Dash::dashed}) {
    return add(detail::SeriesKind::horizontal, {y}, {y}, style);
  }

 private:
  friend class detail::FigureScript;
  Panel& add(detail::SeriesKind kind, std::vector<double> x, std::vector<double> y, const SeriesStyle& style, std::vector<double> u = {},
             std::vector<double> v = {});
  Panel& add_steps(const std::vector<double>& x, const std::vector<double>& y, const SeriesStyle& style);
  Panel& set_range(detail::Axis& axis, double from, double to);

  std::string title_;
  detail::Axis x_, y_;
  bool equal_axes_ = false;
  Legend legend_ = Legend::automatic;
  std::vector<detail::Series> series_;
};

template <class F>
Panel& Panel::vector_field(const F& f, Interval x, Interval y, const FieldStyle& style) {
  if (style.arrows < 2 || !(style.size > 0) || !(x.from < x.to) || !(y.from < y.to))
    detail::fail<OptionError>("vector_field over [", x.from, ", ", x.to, "] x [", y.from, ", ", y.to, "] with ", style.arrows,
                              " arrows of size ", style.size, "; expected increasing intervals, 2 arrows or more, a positive size");
  std::vector<double> xs, ys, us, vs;
  const auto at = [&](Interval interval, int i) { return interval.from + (interval.to - interval.from) * (i + 0.5) / style.arrows; };
  for (int i = 0; i < style.arrows; ++i)
    for (int j = 0; j < style.arrows; ++j) {
      const double px = at(x, i), py = at(y, j);
      const auto keep = [&](const auto& direction) {
        xs.push_back(px), ys.push_back(py);
        us.push_back(static_cast<double>(direction[0])), vs.push_back(static_cast<double>(direction[1]));
      };
      if constexpr (requires { f(px, py); })
        keep(f(px, py));
      else
        keep(f(Eigen::Vector2d(px, py)));
    }
  return arrows(xs, ys, us, vs, {.size = style.size});
}

inline Panel& Panel::add(detail::SeriesKind kind, std::vector<double> x, std::vector<double> y, const SeriesStyle& style, std::vector<double> u,
                         std::vector<double> v) {
  const bool band = kind == detail::SeriesKind::band, arrows = kind == detail::SeriesKind::arrows;
  const std::size_t n = x.size();
  const auto where = [&] { return (style.label.empty() ? "a series" : "series \"" + style.label + "\"") + " of panel \"" + title_ + "\""; };
  if (n == 0 || y.size() != n || ((band || arrows) && u.size() != n) || (arrows && v.size() != n))
    detail::fail<ShapeError>(where(), " has ", n, " x and ", y.size(), band || arrows ? ", " + std::to_string(u.size()) : "", arrows ? ", " + std::to_string(v.size()) : "",
                             " y; expected as many of each, one at least");
  bool any = false;
  for (std::size_t i = 0; i < n; ++i)
    any = any || std::isfinite(x[i] + y[i] + (band || arrows ? u[i] : 0) + (arrows ? v[i] : 0));
  if (!any) detail::fail<NonFiniteError>(where(), " has no finite point among ", n);
  series_.push_back({kind, std::move(x), std::move(y), std::move(u), std::move(v), style});
  return *this;
}

/// A staircase is a line with corners.
inline Panel& Panel::add_steps(const std::vector<double>& x, const std::vector<double>& y, const SeriesStyle& style) {
  if (x.size() != y.size()) return add(detail::SeriesKind::line, x, y, style);  // which refuses it
  std::vector<double> corner_x, corner_y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i > 0) corner_x.push_back(x[i]), corner_y.push_back(y[i - 1]);
    corner_x.push_back(x[i]), corner_y.push_back(y[i]);
  }
  return add(detail::SeriesKind::line, std::move(corner_x), std::move(corner_y), style);
}

inline Panel& Panel::set_range(detail::Axis& axis, double from, double to) {
  if (!std::isfinite(from) || !std::isfinite(to) || from == to)
    detail::fail<OptionError>("range [", from, ", ", to, "] of panel \"", title_, "\"; expected two different finite limits");
  axis.given = true, axis.from = from, axis.to = to;
  return *this;
}

}  // namespace costate
