#pragma once
// Tables and pictures of the measurements.

#include <costate/io/figure.hpp>

#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "contest.hpp"

namespace accuracy {

/// A number with two digits that matter: "0.45", "12", "3100", "–" for NaN.
inline std::string brief(double x) {
  if (std::isnan(x)) return "–";
  char text[32];
  const double unit = std::pow(10.0, std::floor(std::log10(x)) - 1);
  std::snprintf(text, sizeof text, "%.*f", x < 1 ? 2 : x < 10 ? 1 : 0, x < 1 ? x : std::round(x / unit) * unit);
  return text;
}

/// A Markdown table of one row per method and one column per problem.
inline std::string table(const std::vector<Contest>& all, const std::function<bool(const Series&)>& wanted,
                         const std::function<std::string(const Series&)>& cell) {
  std::ostringstream out;
  out << "| method |";
  for (const Contest& r : all) out << ' ' << r.problem << " |";
  out << "\n|---|";
  for (std::size_t i = 0; i < all.size(); ++i) out << "---|";
  out << '\n';
  for (std::size_t row = 0; row < all.front().series.size(); ++row) {
    if (!wanted(all.front().series[row])) continue;
    out << "| `" << all.front().series[row].method << "` |";
    for (const Contest& r : all) out << ' ' << cell(r.series[row]) << " |";
    out << '\n';
  }
  return out.str();
}

inline std::string work_table(const std::vector<Contest>& all, double (*work)(const Point&)) {
  return table(all, [](const Series&) { return true; }, [&](const Series& s) {
    return brief(work_at(s, 1e-3, work)) + " · " + brief(work_at(s, 1e-6, work)) + " · " + brief(work_at(s, 1e-9, work));
  });
}

/// The median of the measured orders where the step resolves the solution and rounding does not show; of three at least.
inline std::string median_order(const Series& s) {
  std::vector<double> orders;
  for (std::size_t i = 1; i < s.points.size(); ++i)
    if (s.points[i - 1].sup < 1e-2 && s.points[i].sup > 1e-11) orders.push_back(s.measured_order(i));
  if (orders.size() < 3) return "–";
  std::nth_element(orders.begin(), orders.begin() + static_cast<std::ptrdiff_t>(orders.size() / 2), orders.end());
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", orders[orders.size() / 2]);
  return text;
}

inline std::string order_table(const std::vector<Contest>& all) {
  return table(all, [](const Series& s) { return s.fixed(); }, median_order);
}

/// Evaluations of Adams over those of CVODE's Adams methods that the design allows.
inline double bound_over_cvode(const Contest& c) {
  for (const char* name : {"Kepler", "Lotka", "oscillator"})
    if (c.problem.rfind(name, 0) == 0) return 0.9;
  return 1.1;
}
/// At every error that both reach, and they reach three at least.
inline bool few_evaluations(const Contest& c) {
  if (c.over_cvode.empty()) return true;  // not measured
  const auto reached = std::count_if(c.over_cvode.begin(), c.over_cvode.end(), [](double r) { return std::isfinite(r); });
  return reached >= 3 && std::all_of(c.over_cvode.begin(), c.over_cvode.end(), [&](double r) { return std::isnan(r) || r <= bound_over_cvode(c); });
}

inline std::string comparison_table(const std::vector<Contest>& all) {
  std::ostringstream out;
  out << "| problem |";
  for (int e = 2; e <= 8; ++e) out << " 1e-" << e << " |";
  out << " bound |\n|---|";
  for (int e = 2; e <= 9; ++e) out << "---|";
  out << '\n';
  for (const Contest& c : all) {
    out << "| " << c.problem << " |";
    for (const double ratio : c.over_cvode) {
      char text[16];
      std::snprintf(text, sizeof text, "%.2f", ratio);
      out << ' ' << (std::isnan(ratio) ? "–" : text) << " |";
    }
    out << ' ' << bound_over_cvode(c) << (few_evaluations(c) ? "" : ", missed") << " |\n";
  }
  return out.str();
}

/// Puts the text between the marks <!-- name: begin --> and <!-- name: end --> of a file.
inline void write_between_marks(const std::string& path, const std::string& name, const std::string& text) {
  std::ifstream in(path);
  std::string content((std::istreambuf_iterator<char>(in)), {});
  const std::string begin = "<!-- " + name + ": begin -->\n", end = "<!-- " + name + ": end -->";
  const auto from = content.find(begin), to = content.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from)
    throw std::runtime_error(path + " has no lines " + begin.substr(0, begin.size() - 1) + " and " + end + " to write between");
  content.replace(from + begin.size(), to - from - begin.size(), text);
  std::ofstream(path) << content;
}

inline void write_csv(const std::vector<Contest>& all, const std::string& path) {
  std::ofstream csv(path);
  csv << "problem,method,fixed,control,error_end,error_sup,measured_order,evaluations,nanoseconds\n";
  csv.precision(6);
  const auto number = [&](double x) -> std::ostream& { return std::isfinite(x) ? csv << x : csv; };
  for (const Contest& r : all)
    for (const Series& s : r.series)
      for (std::size_t i = 0; i < s.points.size(); ++i) {
        const Point& p = s.points[i];
        csv << '"' << r.problem << "\",\"" << s.method << "\"," << s.fixed() << ',' << p.control << ',' << p.end << ',';
        number(p.sup) << ',';
        number(s.measured_order(i)) << ',' << p.evaluations << ',';
        number(p.nanoseconds) << '\n';
      }
}

/// A method looks alike in every picture.
inline cs::SeriesStyle style(const std::string& method) {
  struct Look {
    const char* method;
    cs::Color color;
    cs::Marker marker;
    cs::Dash dash;
  };
  using enum cs::Color;
  static constexpr Look looks[] = {
      {"Euler", grey, cs::Marker::cross, cs::Dash::solid},
      {"Midpoint", sky, cs::Marker::triangle, cs::Dash::solid},
      {"Rk4", blue, cs::Marker::square, cs::Dash::solid},
      {"AdamsBashforth<4>", yellow, cs::Marker::diamond, cs::Dash::dash_dot},
      {"AdamsMoulton<4>", orange, cs::Marker::diamond, cs::Dash::solid},
      {"AdamsMoulton<8>", purple, cs::Marker::open_circle, cs::Dash::solid},
      {"Dopri5, fixed", green, cs::Marker::open_square, cs::Dash::dashed},
      {"Bosh3", sky, cs::Marker::open_triangle, cs::Dash::dashed},
      {"Dopri5", green, cs::Marker::circle, cs::Dash::solid},
      {"Adams", vermillion, cs::Marker::circle, cs::Dash::solid},
      {"Boost.odeint dopri5", black, cs::Marker::cross, cs::Dash::dotted},
      {"CVODE Adams", black, cs::Marker::open_circle, cs::Dash::dotted},
  };
  for (const Look& look : looks)
    if (method == look.method) return {.label = method, .color = look.color, .dash = look.dash, .marker = look.marker, .size = 0.7};
  return {};
}

inline void add_series(cs::Panel& panel, const Series& s, const std::function<double(const Point&)>& x, const cs::SeriesStyle& look) {
  std::vector<double> xs, ys;
  for (const Point& point : s.points)
    if (point.sup > 1e-15 && point.sup < 10) {
      xs.push_back(x(point));
      ys.push_back(point.sup);
    }
  if (!xs.empty()) panel.line_points(xs, ys, look);
}

inline std::string file_name(const Contest& r) { return r.problem.substr(0, r.problem.find_first_of(", '")); }

inline void save(const cs::Figure& figure, const std::string& path) {
  for (const auto& written : figure.save(path)) std::printf("wrote %s\n", written.c_str());
}

/// The largest error against step, evaluations, time and tolerance; the legends of the first and the last panel are those of all.
inline void draw(const Contest& r, const std::string& out) {
  cs::Figure figure({.columns = 2, .height = 620});
  const auto panel = [&](const std::string& title, const char* x_label, cs::Legend legend, auto wanted, const std::function<double(const Point&)>& x) {
    auto& p = figure.panel(title).x_label(x_label).y_label("largest error").log_log().legend(legend);
    for (const Series& s : r.series)
      if (const auto look = style(s.method); wanted(s) && !look.label.empty()) add_series(p, s, x, look);
    return &p;
  };
  const auto everything = [](const Series&) { return true; };
  auto* steps = panel(r.problem + ": fixed steps", "step", cs::Legend::below, [](const Series& s) { return s.fixed(); }, &Point::control);
  steps->y_range(1e-15, 10);
  for (const int order : {1, 2, 4}) steps->slope(order);
  panel("Cost in evaluations", "evaluations of f", cs::Legend::none, everything, &Point::evaluations);
  panel("Cost in time", "time of a solve, microseconds", cs::Legend::none, everything, [](const Point& p) { return p.nanoseconds / 1000; });
  panel("What a tolerance buys", "rtol = atol", cs::Legend::below, [](const Series& s) { return !s.fixed(); }, &Point::control);
  save(figure, out + "/accuracy_" + file_name(r) + ".svg");
}

/// Both families of Adams methods on a grid, K = 1 … 8, with their measured orders.
inline void draw_orders(const Contest& r, const std::string& out) {
  using enum cs::Color;
  static constexpr cs::Color colors[] = {grey, sky, blue, green, yellow, orange, vermillion, purple};
  static constexpr cs::Marker markers[] = {cs::Marker::cross, cs::Marker::triangle, cs::Marker::square, cs::Marker::diamond,
                                           cs::Marker::circle, cs::Marker::open_triangle, cs::Marker::open_square, cs::Marker::open_circle};
  cs::Figure figure({.columns = 2, .height = 620});
  for (const std::string family : {"AdamsBashforth<", "AdamsMoulton<"}) {
    auto& p = figure.panel(r.problem + ", " + family + "K>: measured order").x_label("step").y_label("largest error").log_log();
    p.legend(cs::Legend::below).y_range(1e-15, 10);
    for (const Series& s : r.series)
      if (s.method.rfind(family, 0) == 0) {
        const auto k = static_cast<std::size_t>(s.order - 1);
        const std::string measured = median_order(s);
        const std::string label = "K = " + std::to_string(s.order) + (measured == "–" ? "" : ": " + measured);
        add_series(p, s, &Point::control, {.label = label, .color = colors[k], .marker = markers[k], .size = 0.7});
      }
  }
  save(figure, out + "/orders_" + file_name(r) + ".svg");
}

/// One line for steps of one length and order.
inline void print_history(const Contest& c) {
  const auto& [tolerance, steps] = c.history.front();
  std::printf("\nAdams on %s, rtol = atol = %.0e: %zu steps\n  %10s %6s %11s %6s\n", c.problem.c_str(), tolerance, steps.size(), "from t", "steps", "length",
              "order");
  for (std::size_t i = 0, j; i < steps.size(); i = j) {
    for (j = i + 1; j < steps.size() && steps[j].order == steps[i].order && std::abs(steps[j].length / steps[i].length - 1) < 1e-6;) ++j;
    std::printf("  %10.6f %6zu %11.3e %6d\n", steps[i].t, j - i, steps[i].length, steps[i].order);
  }
}

inline void draw_history(const Contest& c, const std::string& out) {
  cs::Figure figure({.columns = 2, .height = 420});
  auto& lengths = figure.panel(c.problem + ": steps").x_label("t").y_label("length of the step").log_y().legend(cs::Legend::below);
  auto& orders = figure.panel(c.problem + ": orders").x_label("t").y_label("order of the predictor").y_range(0, 13).legend(cs::Legend::below);
  static constexpr cs::Color colors[] = {cs::Color::sky, cs::Color::vermillion};
  static constexpr cs::Dash dashes[] = {cs::Dash::dashed, cs::Dash::solid};
  for (std::size_t i = 0; i < c.history.size(); ++i) {
    std::vector<double> t, h, k;
    for (const Step& s : c.history[i].second) {
      t.push_back(s.t);
      h.push_back(s.length);
      k.push_back(s.order);
    }
    char label[32];
    std::snprintf(label, sizeof label, "tolerance %.0e", c.history[i].first);
    const cs::SeriesStyle look{.label = label, .color = colors[i], .dash = dashes[i]};
    lengths.steps(t, h, look);
    orders.steps(t, k, look);
  }
  save(figure, out + "/history_" + file_name(c) + ".svg");
}

inline void write_history(const std::vector<Contest>& all, const std::string& path) {
  std::ofstream csv(path);
  csv << "problem,tolerance,t,length,order\n";
  csv.precision(12);
  for (const Contest& c : all)
    for (const auto& [tolerance, steps] : c.history)
      for (const Step& s : steps) csv << '"' << c.problem << "\"," << tolerance << ',' << s.t << ',' << s.length << ',' << s.order << '\n';
}

}  // namespace accuracy
