// How accurate is a gradient for a given step, tolerance and cost?
//
//   accuracy-gradients [--quick] [--out folder] [--update file]
//
// Both adjoints with methods of fixed steps over halvings and adaptive ones over tolerances. Writes gradients.csv, the tables
// gradients.md and pictures; --update puts the tables between the marks of a file. The exit status is non-zero where the error of a
// gradient does not follow the tolerance with a slope of 0.8 or more.

#include <CLI/CLI.hpp>

#include <filesystem>
#include <sstream>

#include "gradient_contest.hpp"
#include "report.hpp"

namespace {

using namespace accuracy;
namespace cs = costate;

using Value = std::function<double(const GradientPoint&)>;

const char* adjoint(const GradientSeries& s) { return s.backsolve ? "BacksolveAdjoint" : "DirectAdjoint"; }

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
bool follows(const GradientSeries& s) { return s.fixed || tolerance_slope(s) >= 0.8; }

/// A Markdown table of one row per method and adjoint and one column per problem.
std::string table(const std::vector<GradientContest>& all, bool adaptive_only, const std::function<std::string(const GradientSeries&)>& cell) {
  std::ostringstream out;
  out << "| method | adjoint |";
  for (const GradientContest& c : all) out << ' ' << c.problem << " |";
  out << "\n|---|---|";
  for (std::size_t i = 0; i < all.size(); ++i) out << "---|";
  out << '\n';
  for (std::size_t row = 0; row < all.front().series.size(); ++row) {
    const GradientSeries& first = all.front().series[row];
    if (adaptive_only && first.fixed) continue;
    out << "| `" << first.method << "` | `" << adjoint(first) << "` |";
    for (const GradientContest& c : all) out << ' ' << cell(c.series[row]) << " |";
    out << '\n';
  }
  return out.str();
}

std::string work_table(const std::vector<GradientContest>& all, const Value& work) {
  return table(all, false, [&](const GradientSeries& g) {
    Series s{g.method};
    for (const GradientPoint& p : g.points) s.points.push_back({p.control, p.theta, p.theta, work(p), 0});
    const auto at = [&](double error) { return brief(work_at(s, error, [](const Point& p) { return p.evaluations; })); };
    return at(1e-3) + " · " + at(1e-6) + " · " + at(1e-9);
  });
}

std::string slope_table(const std::vector<GradientContest>& all) {
  return table(all, true, [](const GradientSeries& s) {
    char text[16];
    std::snprintf(text, sizeof text, "%.2f", tolerance_slope(s));
    return text + std::string(follows(s) ? "" : ", missed");
  });
}

void write_csv(const std::vector<GradientContest>& all, const std::string& path) {
  std::ofstream csv(path);
  csv << "problem,method,adjoint,fixed,control,error_start,error_theta,evaluations,nanoseconds\n";
  csv.precision(6);
  for (const GradientContest& c : all)
    for (const GradientSeries& s : c.series)
      for (const GradientPoint& p : s.points)
        csv << '"' << c.problem << "\",\"" << s.method << "\"," << adjoint(s) << ',' << s.fixed << ',' << p.control << ',' << p.start << ',' << p.theta
            << ',' << p.evaluations << ',' << p.nanoseconds << '\n';
}

/// DirectAdjoint in full lines, BacksolveAdjoint dashed.
void draw(const GradientContest& c, const std::string& out) {
  cs::Figure figure({.columns = 2, .height = 620});
  const auto panel = [&](const std::string& title, const char* x_label, const char* y_label, cs::Legend legend, auto wanted, const Value& x, const Value& y) {
    auto& p = figure.panel(title).x_label(x_label).y_label(y_label).log_log().legend(legend);
    for (const GradientSeries& s : c.series) {
      if (!wanted(s)) continue;
      std::vector<double> xs, ys;
      for (const GradientPoint& point : s.points)
        if (y(point) > 1e-15 && y(point) < 10) {
          xs.push_back(x(point));
          ys.push_back(y(point));
        }
      auto look = style(s.method);
      look.label += s.backsolve ? ", backsolve" : ", direct";
      look.dash = s.backsolve ? cs::Dash::dashed : cs::Dash::solid;
      if (!xs.empty()) p.line_points(xs, ys, look);
    }
    return &p;
  };
  const auto fixed = [](const GradientSeries& s) { return s.fixed; };
  const Value start = &GradientPoint::start, theta = &GradientPoint::theta;
  const char* of_start = "relative error of dL/dy0";
  const char* of_theta = "relative error of dL/dtheta";
  for (auto* p : {panel(c.problem + ": fixed steps", "step", of_start, cs::Legend::below, fixed, &GradientPoint::control, start),
                  panel(c.problem + ": fixed steps", "step", of_theta, cs::Legend::below, fixed, &GradientPoint::control, theta)}) {
    p->y_range(1e-15, 10);
    for (const int order : {2, 4}) p->slope(order);
  }
  panel("What a tolerance buys", "rtol = atol", of_theta, cs::Legend::below, [](const GradientSeries& s) { return !s.fixed; }, &GradientPoint::control, theta);
  panel("Cost in time", "value and gradient, microseconds", of_theta, cs::Legend::none, [](const GradientSeries&) { return true; },
        [](const GradientPoint& p) { return p.nanoseconds / 1000; }, theta);
  save(figure, out + "/gradients_" + c.problem.substr(0, c.problem.find_first_of(", '")) + ".svg");
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
  };
#define ACCURACY_MEASURE(problem) take(#problem, &gradients_##problem);
  ACCURACY_GRADIENT_PROBLEMS(ACCURACY_MEASURE)

  std::string text = "L is the mean square of the state at ten times. Evaluations of f and its vector–Jacobian product until the relative error of ∂L/∂θ is\n1e-3 · 1e-6 · 1e-9:\n\n" +
                           work_table(all, &GradientPoint::evaluations) + "\nMicroseconds of value and gradient until then:\n\n" +
                           work_table(all, [](const GradientPoint& p) { return p.nanoseconds / 1000; });
  if (!quick) text += "\nSlope of the error over the tolerance, on logarithmic scales, 1e-3 to 1e-12:\n\n" + slope_table(all);
  std::printf("\n%s\n", text.c_str());
  std::ofstream(out + "/gradients.md") << text;
  write_csv(all, out + "/gradients.csv");
  if (!update.empty()) write_between_marks(update, "gradients", text);
  if (quick) return 0;
  return std::all_of(all.begin(), all.end(), [](const GradientContest& c) { return std::all_of(c.series.begin(), c.series.end(), follows); }) ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "accuracy-gradients: %s\n", e.what());
  return 1;
}
