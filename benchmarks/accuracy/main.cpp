// How accurate is each method for a given step, tolerance and cost?
//
//   accuracy [--quick] [--out folder]
//
// Fixed-step methods over halvings of the step, adaptive ones over tolerances, on the problems of problems.hpp, beside peers where they
// are here (peers.hpp). An error is the largest over 100 equally spaced times, served by interpolation, and the one at the end, both in
// the maximum norm. Writes accuracy.csv, a table on the standard output, and pictures.

#include <CLI/CLI.hpp>
#include <costate/costate.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "peers.hpp"
#include "problems.hpp"

namespace {

namespace cs = costate;
using accuracy::Problem;

constexpr int outputs = 100;

struct Point {
  double control;  // step or tolerance
  double end, sup;
  double evaluations;
  double nanoseconds;  // without the outputs
};
struct Series {
  std::string method;
  bool fixed;
  int order;  // of a fixed-step method
  std::vector<Point> points;
};

/// The median time of a call.
template <class F>
double nanoseconds(const F& f, bool quick) {
  std::vector<double> times;
  for (int i = 0; i < (quick ? 3 : 9); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    times.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

template <class F, int D>
class Measurement {
 public:
  Measurement(const Problem<F, D>& problem, bool quick)
      : p_(problem), quick_(quick), times_(cs::linspace(0.0, problem.t1, outputs + 1)), exact_(accuracy::reference(problem, outputs)) {}

  template <class M>
  Series fixed(const char* name, const M& method) const {
    Series s{name, true, M::order, {}};
    for (int k = 0, n = p_.coarsest; k <= (quick_ ? 3 : 10); ++k, n *= 2) add(s, method, p_.t1 / n, {.step = p_.t1 / n, .max_steps = 100'000'000});
    return s;
  }
  template <class M>
  Series adaptive(const char* name, const M& method) const {
    Series s{name, false, 0, {}};
    for (double l = 3; l <= (quick_ ? 6 : 12); l += 0.5) {
      const double tolerance = std::pow(10.0, -l);
      add(s, method, tolerance, {.rtol = tolerance, .atol = tolerance});
    }
    return s;
  }
  template <class Peer>
  Series peer() const {
    Series s{Peer::name, false, 0, {}};
    const std::vector<double> times(times_.begin(), times_.end()), ends{0.0, p_.t1};
    for (double l = 3; l <= (quick_ ? 6 : 12); l += 0.5) {
      Errors errors;
      const double tolerance = std::pow(10.0, -l);
      const long evaluations = Peer::solve(p_, tolerance, times, [&](std::size_t i, const auto& y) { errors.see(*this, i, y); });
      const double time = nanoseconds([&] { Peer::solve(p_, tolerance, ends, [](std::size_t, const auto&) {}); }, quick_);
      s.points.push_back({tolerance, errors.end, errors.sup, static_cast<double>(evaluations), time});
    }
    return s;
  }

 private:
  struct Errors {
    double end = 0, sup = 0;
    template <class Y>
    void see(const Measurement& m, std::size_t i, const Y& y) {
      if (i == 0) return;
      end = (y - m.exact_[i - 1]).template lpNorm<Eigen::Infinity>();
      sup = std::max(sup, end);
    }
  };

  template <class M>
  void add(Series& s, const M& method, double control, const cs::SolveOptions& options) const {
    try {
      const auto solution = cs::solve(p_.f, p_.start, times_, p_.parameters, method, options);
      Errors errors;
      for (std::size_t i = 0; i < solution.y.size(); ++i) errors.see(*this, i, solution.y[i]);
      const double time = nanoseconds([&] { cs::solve(p_.f, p_.start, {0.0, p_.t1}, p_.parameters, method, options); }, quick_);
      s.points.push_back({control, errors.end, errors.sup, static_cast<double>(solution.stats.evaluations), time});
    } catch (const cs::Error&) {  // a step too coarse for the method's stability, a tolerance that meets a collision
    }
  }

  const Problem<F, D>& p_;
  bool quick_;
  cs::Times times_;
  std::vector<Eigen::Matrix<double, D, 1>> exact_;
};

template <class F, int D>
std::vector<Series> measure(const Problem<F, D>& p, bool quick) {
  const Measurement<F, D> m(p, quick);
  std::vector<Series> all;
  all.push_back(m.fixed("Euler", cs::Euler{}));
  all.push_back(m.fixed("Midpoint", cs::Midpoint{}));
  all.push_back(m.fixed("Rk4", cs::Rk4{}));
  all.push_back(m.fixed("AdamsBashforth<4>", cs::AdamsBashforth<4>{}));
  all.push_back(m.fixed("AdamsMoulton<4>", cs::AdamsMoulton<4>{}));
  all.push_back(m.fixed("AdamsMoulton<8>", cs::AdamsMoulton<8>{}));
  all.push_back(m.fixed("Dopri5, fixed", cs::fixed(cs::Dopri5{})));
  all.push_back(m.adaptive("Bosh3", cs::Bosh3{}));
  all.push_back(m.adaptive("Dopri5", cs::Dopri5{}));
  all.push_back(m.adaptive("Adams", cs::Adams{}));
#ifdef COSTATE_HAVE_BOOST
  all.push_back(m.template peer<accuracy::OdeintDopri5>());
#endif
#ifdef COSTATE_HAVE_CVODE
  all.push_back(m.template peer<accuracy::CvodeAdams>());
#endif
  return all;
}

void print(const std::string& problem, const std::vector<Series>& all) {
  std::printf("%s\n  %-22s %10s %12s %12s %12s %12s %7s\n", problem.c_str(), "method", "control", "error, end", "error, sup", "evaluations",
              "time [us]", "order");
  for (const Series& s : all) {
    const Point* before = nullptr;
    for (const Point& p : s.points) {
      std::printf("  %-22s %10.2e %12.2e %12.2e %12.0f %12.2f", s.method.c_str(), p.control, p.end, p.sup, p.evaluations, p.nanoseconds / 1000);
      if (s.fixed && before != nullptr) std::printf(" %7.2f", std::log2(before->end / p.end));
      std::printf("\n");
      before = &p;
    }
  }
}

/// A method looks alike in every picture.
cs::SeriesStyle style(const std::string& method) {
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
  return {.label = method};
}

/// The largest error against step, evaluations, time and tolerance; the legends of the first and the last panel are those of all.
void draw(const std::string& problem, const std::vector<Series>& all, const std::string& path) {
  cs::Figure figure({.columns = 2, .height = 620});
  const auto panel = [&](const std::string& title, const char* x_label, cs::Legend legend, auto wanted, auto x) {
    auto& p = figure.panel(title).x_label(x_label).y_label("largest error").log_log().legend(legend);
    for (const Series& s : all) {
      if (!wanted(s)) continue;
      std::vector<double> xs, ys;
      for (const Point& point : s.points)
        if (point.sup > 1e-15 && point.sup < 10) {
          xs.push_back(x(point));
          ys.push_back(point.sup);
        }
      if (!xs.empty()) p.line_points(xs, ys, style(s.method));
    }
    return &p;
  };
  const auto everything = [](const Series&) { return true; };
  auto* steps = panel(problem + ": fixed steps", "step", cs::Legend::below, [](const Series& s) { return s.fixed; }, [](const Point& p) { return p.control; });
  steps->y_range(1e-15, 10);
  for (const int order : {1, 2, 4, 8}) steps->slope(order);
  panel("Cost in evaluations", "evaluations of f", cs::Legend::none, everything, [](const Point& p) { return p.evaluations; });
  panel("Cost in time", "time of a solve, microseconds", cs::Legend::none, everything, [](const Point& p) { return p.nanoseconds / 1000; });
  panel("What a tolerance buys", "rtol = atol", cs::Legend::below, [](const Series& s) { return !s.fixed; }, [](const Point& p) { return p.control; });
  for (const auto& written : figure.save(path)) std::printf("wrote %s\n", written.c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  bool quick = false;
  std::string out = ".";
  CLI::App app("Accuracy against step size, tolerance and cost.");
  app.add_flag("--quick", quick, "few and coarse steps, loose tolerances");
  app.add_option("--out", out, "folder for the table and the pictures")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(out);

  std::ofstream csv(out + "/accuracy.csv");
  csv << "problem,method,fixed,control,error_end,error_sup,evaluations,nanoseconds\n";
  csv.precision(6);
  accuracy::for_each_problem(ACCURACY_DIR, [&](const auto& problem) {
    const auto all = measure(problem, quick);
    print(problem.name, all);
    for (const Series& s : all)
      for (const Point& p : s.points)
        csv << '"' << problem.name << "\",\"" << s.method << "\"," << s.fixed << ',' << p.control << ',' << p.end << ',' << p.sup << ','
            << p.evaluations << ',' << p.nanoseconds << '\n';
    draw(problem.name, all, out + "/accuracy_" + problem.name.substr(0, problem.name.find_first_of(", '")) + ".svg");
  });
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "accuracy: %s\n", e.what());
  return 1;
}
