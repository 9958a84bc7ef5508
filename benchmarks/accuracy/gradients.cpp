// How accurate is a gradient for a given step, tolerance and cost?
//
//   accuracy-gradients [--quick] [--out folder] [--update file]
//
// All adjoints with methods of fixed steps over halvings and adaptive ones over tolerances. Writes gradients.csv, the tables
// gradients.md and pictures; --update puts the tables between the marks of a file. The exit status is non-zero where the error of a
// gradient does not follow the tolerance with a slope of 0.8 or more, or where BacksolveAdjoint does not refuse stiff tracking, whose state
// cannot be solved backward.

#include <CLI/CLI.hpp>

#include <filesystem>
#include <sstream>

#include "gradient_contest.hpp"
#include "report.hpp"

namespace {

using namespace accuracy;
namespace cs = costate;

using Value = std::function<double(const GradientPoint&)>;

/// The slope of log(error) over log(tolerance), a straight line through the points above rounding.
double tolerance_slope(const GradientSeries& s) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const GradientPoint& p : s.points) {
    if (p.theta < 1e-11) continue;
    const double u = std::log(p.control), v = std::log(p.theta);
    n += 1, x += u, y += v, xx += u * u, xy += u * v;
  }
  return n < 3 ? std::numeric_limits<double>::quiet_NaN() : (n * xy - x * y) / (n * xx - x * x);
}
/// Refused throughout, since the state could not be reconstructed.
bool lost(const GradientSeries& s) { return s.points.empty() && s.lost > 0; }
bool follows(const GradientContest& c, const GradientSeries& s) {
  if (c.problem == "stiff tracking" && s.adjoint == cs::BacksolveAdjoint::name) return lost(s);
  return s.fixed || tolerance_slope(s) >= 0.8;
}

/// A Markdown table of one row per method and adjoint and one column per problem.
std::string table(const std::vector<GradientContest>& all, bool adaptive_only, const std::function<std::string(const GradientContest&, const GradientSeries&)>& cell) {
  std::ostringstream out;
  out << "| method | adjoint |";
  for (const GradientContest& c : all) out << ' ' << c.problem << " |";
  out << "\n|---|---|";
  for (std::size_t i = 0; i < all.size(); ++i) out << "---|";
  out << '\n';
  for (std::size_t row = 0; row < all.front().series.size(); ++row) {
    const GradientSeries& first = all.front().series[row];
    if (adaptive_only && first.fixed) continue;
    out << "| `" << first.method << "` | `" << first.adjoint << "` |";
    for (const GradientContest& c : all) out << ' ' << cell(c, c.series[row]) << " |";
    out << '\n';
  }
  return out.str();
}

std::string work_table(const std::vector<GradientContest>& all, const Value& work) {
  return table(all, false, [&](const GradientContest&, const GradientSeries& g) {
    if (lost(g)) return std::string("lost");
    Series s{g.method};
    for (const GradientPoint& p : g.points) s.points.push_back({p.control, p.theta, p.theta, work(p), 0});
    const auto at = [&](double error) { return brief(work_at(s, error, [](const Point& p) { return p.evaluations; })); };
    return at(1e-3) + " · " + at(1e-6) + " · " + at(1e-9);
  });
}

std::string slope_table(const std::vector<GradientContest>& all) {
  return table(all, true, [](const GradientContest& c, const GradientSeries& s) {
    if (lost(s)) return std::string("lost");
    char text[16];
    std::snprintf(text, sizeof text, "%.2f", tolerance_slope(s));
    return text + std::string(follows(c, s) ? "" : ", missed");
  });
}

void write_csv(const std::vector<GradientContest>& all, const std::string& path) {
  std::ofstream csv(path);
  csv << "problem,method,adjoint,fixed,control,error_start,error_theta,evaluations,nanoseconds\n";
  csv.precision(6);
  for (const GradientContest& c : all)
    for (const GradientSeries& s : c.series)
      for (const GradientPoint& p : s.points)
        csv << '"' << c.problem << "\",\"" << s.method << "\"," << s.adjoint << ',' << s.fixed << ',' << p.control << ',' << p.start << ',' << p.theta
            << ',' << p.evaluations << ',' << p.nanoseconds << '\n';
}

/// DirectAdjoint in full lines, BacksolveAdjoint dashed.
void draw(const GradientContest& c, const std::string& out) {
  cs::Figure figure({.columns = 2, .height = 620});
  const auto visible = [](double error) { return error > 1e-15 && error < 10; };
  const auto panel = [&](const std::string& title, const char* x_label, const char* y_label, cs::Legend legend, auto wanted, const Value& x,
                         const Value& y) -> cs::Panel* {
    const auto shown = [&](const GradientSeries& s) {
      return wanted(s) && (s.adjoint == cs::BacksolveAdjoint::name || s.adjoint == cs::DirectAdjoint::name) &&
             std::any_of(s.points.begin(), s.points.end(), [&](const GradientPoint& p) { return visible(y(p)); });
    };
    if (std::none_of(c.series.begin(), c.series.end(), shown)) return nullptr;  // a gradient that is zero, say
    auto& p = figure.panel(title).x_label(x_label).y_label(y_label).log_log().legend(legend);
    for (const GradientSeries& s : c.series) {
      if (!shown(s)) continue;
      std::vector<double> xs, ys;
      for (const GradientPoint& point : s.points)
        if (visible(y(point))) {
          xs.push_back(x(point));
          ys.push_back(y(point));
        }
      const bool backsolve = s.adjoint == cs::BacksolveAdjoint::name;
      auto look = style(s.method);
      look.label += backsolve ? ", backsolve" : ", direct";
      look.dash = backsolve ? cs::Dash::dashed : cs::Dash::solid;
      p.line_points(xs, ys, look);
    }
    return &p;
  };
  const auto fixed = [](const GradientSeries& s) { return s.fixed; };
  const Value start = &GradientPoint::start, theta = &GradientPoint::theta;
  const char* of_start = "error of dL/dy0";
  const char* of_theta = "error of dL/dtheta";
  for (auto* p : {panel(c.problem + ": fixed steps", "step", of_start, cs::Legend::below, fixed, &GradientPoint::control, start),
                  panel(c.problem + ": fixed steps", "step", of_theta, cs::Legend::below, fixed, &GradientPoint::control, theta)}) {
    if (p == nullptr) continue;
    p->y_range(1e-15, 10);
    for (const int order : {2, 4}) p->slope(order);
  }
  panel("What a tolerance buys", "rtol = atol", of_theta, cs::Legend::below, [](const GradientSeries& s) { return !s.fixed; }, &GradientPoint::control, theta);
  panel("Cost in time", "value and gradient, microseconds", of_theta, cs::Legend::none, [](const GradientSeries&) { return true; },
        [](const GradientPoint& p) { return p.nanoseconds / 1000; }, theta);
  save(figure, out + "/gradients_" + c.problem.substr(0, c.problem.find_first_of(", '")) + ".svg");
}

/// The adjoints with one method.
void draw_adjoints(const GradientContest& c, const std::string& out) {
  using enum cs::Color;
  const std::pair<const char*, cs::SeriesStyle> looks[] = {
      {cs::DirectAdjoint::name, {.label = "direct", .color = blue, .dash = cs::Dash::solid, .marker = cs::Marker::open_square}},
      {cs::CheckpointedAdjoint::name, {.label = "checkpointed, 8 slots", .color = sky, .dash = cs::Dash::dashed, .marker = cs::Marker::triangle}},
      {cs::ReversibleAdjoint::name, {.label = "reversible", .color = orange, .dash = cs::Dash::solid, .marker = cs::Marker::diamond}},
      {cs::BacksolveAdjoint::name, {.label = "backsolve", .color = vermillion, .dash = cs::Dash::solid, .marker = cs::Marker::circle}},
      {cs::InterpolatingAdjoint::name, {.label = "interpolating", .color = green, .dash = cs::Dash::dotted, .marker = cs::Marker::open_circle}}};
  cs::Figure figure({.columns = 2, .height = 560});
  std::string title = c.problem + ", Dopri5";
  for (const GradientSeries& s : c.series)
    if (s.method == "Dopri5" && lost(s)) title += "; backsolve refused: the state was lost";
  const auto panel = [&](const std::string& above, const char* x_label, cs::Legend legend, const Value& x) {
    auto& p = figure.panel(above).x_label(x_label).y_label("error of dL/dtheta").log_log().legend(legend);
    for (const auto& [name, look] : looks)
      for (const GradientSeries& s : c.series) {
        if (s.adjoint != name || s.method != "Dopri5") continue;
        std::vector<double> xs, ys;
        for (const GradientPoint& point : s.points)
          if (point.theta > 1e-15 && point.theta < 10) {
            xs.push_back(x(point));
            ys.push_back(point.theta);
          }
        if (!xs.empty()) p.line_points(xs, ys, look);
      }
  };
  panel(title, "rtol = atol", cs::Legend::below, &GradientPoint::control);
  panel("Cost in time", "value and gradient, microseconds", cs::Legend::none, [](const GradientPoint& p) { return p.nanoseconds / 1000; });
  save(figure, out + "/adjoints_" + c.problem.substr(0, c.problem.find_first_of(", '")) + ".svg");
}

}  // namespace

int main(int argc, char** argv) try {
  bool quick = false;
  std::string out = ".", update;
  CLI::App app("Accuracy of gradients against step size, tolerance and cost.");
  app.add_flag("--quick", quick, "few and coarse steps, loose tolerances");
  app.add_option("--out", out, "folder for the tables and the pictures")->capture_default_str();
  app.add_option("--update", update, "file to write the tables in, between <!-- gradients: begin --> and <!-- gradients: end -->");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(out);

  std::vector<GradientContest> all;
  const auto take = [&](const char* name, GradientContest (*measure)(bool)) {
    std::printf("measuring gradients on %s\n", name);
    std::fflush(stdout);
    all.push_back(measure(quick));
    draw(all.back(), out);
    draw_adjoints(all.back(), out);
  };
#define ACCURACY_MEASURE(problem) take(#problem, &gradients_##problem);
  ACCURACY_GRADIENT_PROBLEMS(ACCURACY_MEASURE)

  std::string text = "L is the mean square of the state at ten times, of stiff tracking at the end. Evaluations of f and its vector–Jacobian product until the\nerror of ∂L/∂θ relative to the gradient is 1e-3 · 1e-6 · 1e-9 (lost: refused, the state could not be reconstructed backward):\n\n" +
                           work_table(all, &GradientPoint::evaluations) + "\nMicroseconds of value and gradient until then:\n\n" +
                           work_table(all, [](const GradientPoint& p) { return p.nanoseconds / 1000; });
  if (!quick) text += "\nSlope of the error over the tolerance, on logarithmic scales, 1e-3 to 1e-12:\n\n" + slope_table(all);
  std::printf("\n%s\n", text.c_str());
  std::ofstream(out + "/gradients.md") << text;
  write_csv(all, out + "/gradients.csv");
  if (!update.empty()) write_between_marks(update, "gradients", text);
  if (quick) return 0;
  const auto holds = [](const GradientContest& c) {
    return std::all_of(c.series.begin(), c.series.end(), [&](const GradientSeries& s) { return follows(c, s); });
  };
  return std::all_of(all.begin(), all.end(), holds) ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "accuracy-gradients: %s\n", e.what());
  return 1;
}
