#pragma once
// Errors, evaluations and time of a method on a problem, over steps or tolerances.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "problems.hpp"

namespace accuracy {

inline constexpr int outputs = 100;

struct Point {
  double control;      // step or tolerance
  double end, sup;     // errors; sup is NaN without an interpolant
  double evaluations;  // of f
  double nanoseconds;  // NaN: not timed
};

struct Series {
  std::string method;
  int order = 0;  // of a fixed-step method, 0: adaptive
  std::vector<Point> points{};

  [[nodiscard]] bool fixed() const { return order > 0; }
  /// log₂ of the ratio of errors at the end as the step was halved to that of point i.
  [[nodiscard]] double measured_order(std::size_t i) const {
    return fixed() && i > 0 ? std::log2(points[i - 1].end / points[i].end) : std::numeric_limits<double>::quiet_NaN();
  }
};

/// The median time of a call over up to nine, fewer where they are long.
template <class F>
double nanoseconds(const F& f, bool quick) {
  std::vector<double> times;
  double total = 0;
  while (times.size() < 3 || (!quick && times.size() < 9 && total < 2e8)) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    times.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count());
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

template <class F, int D>
class Measurement {
 public:
  Measurement(const Problem<F, D>& problem, bool quick)
      : p_(problem), quick_(quick), times_(cs::linspace(0.0, problem.t1, outputs + 1)), exact_(reference(problem, outputs)) {}

  /// Ten halvings of the step.
  template <class M>
  Series fixed(const std::string& name, const M& method) const {
    Series s{name, M::order};
    for (int k = 0, n = p_.coarsest; k <= (quick_ ? 3 : 10); ++k, n *= 2)
      add(s, method, p_.t1 / n, {.step = p_.t1 / n, .max_steps = 100'000'000}, true);
    return s;
  }
  /// Tolerances from 10^-loosest to 10^-tightest, so many to a decade.
  template <class M>
  Series adaptive(const std::string& name, const M& method, int loosest, int tightest, int per_decade, bool timed) const {
    Series s{name};
    for (const double tolerance : ladder(loosest, tightest, per_decade))
      add(s, method, tolerance, {.rtol = tolerance, .atol = tolerance, .max_steps = 100'000}, timed);
    return s;
  }
  template <class Peer>
  Series peer(int loosest, int tightest, int per_decade, bool timed) const {
    Series s{Peer::name};
    const std::vector<double> times(times_.begin(), times_.end()), ends{0.0, p_.t1};
    for (const double tolerance : ladder(loosest, tightest, per_decade)) {
      try {
        Errors errors;
        long evaluations = 0;
        if constexpr (Peer::interpolates) {
          evaluations = Peer::solve(p_, tolerance, times, [&](std::size_t i, const auto& y) { errors.see(*this, i, y); });
        } else {
          evaluations = Peer::solve(p_, tolerance, ends, [&](std::size_t i, const auto& y) { errors.see(*this, i * outputs, y); });
          errors.sup = std::numeric_limits<double>::quiet_NaN();
        }
        const auto solve = [&] { Peer::solve(p_, tolerance, ends, [](std::size_t, const auto&) {}); };
        s.points.push_back({tolerance, errors.end, errors.sup, static_cast<double>(evaluations), timed ? nanoseconds(solve, quick_) : untimed});
      } catch (const std::runtime_error&) {
      }
    }
    return s;
  }

 private:
  static constexpr double untimed = std::numeric_limits<double>::quiet_NaN();

  struct Errors {
    double end = 0, sup = 0;
    template <class Y>
    void see(const Measurement& m, std::size_t i, const Y& y) {
      if (i == 0) return;
      end = (y - m.exact_[i - 1]).template lpNorm<Eigen::Infinity>();
      sup = std::max(sup, end);
    }
  };

  static std::vector<double> ladder(int loosest, int tightest, int per_decade) {
    std::vector<double> out;
    for (int i = loosest * per_decade; i <= tightest * per_decade; ++i) out.push_back(std::pow(10.0, -static_cast<double>(i) / per_decade));
    return out;
  }

  template <class M>
  void add(Series& s, const M& method, double control, const cs::SolveOptions& options, bool timed) const {
    try {
      const auto solution = cs::solve(p_.f, p_.start, times_, p_.parameters, method, options);
      Errors errors;
      for (std::size_t i = 0; i < solution.y.size(); ++i) errors.see(*this, i, solution.y[i]);
      const auto solve = [&] { cs::solve(p_.f, p_.start, ends_, p_.parameters, method, options); };
      s.points.push_back({control, errors.end, errors.sup, static_cast<double>(solution.stats.evaluations),
                          timed ? nanoseconds(solve, quick_) : untimed});
    } catch (const cs::Error&) {  // a step too coarse for the method's stability, a tolerance that meets a collision
    }
  }

  const Problem<F, D>& p_;
  bool quick_;
  cs::Times times_;
  cs::Times ends_{0.0, p_.t1};
  std::vector<Eigen::Matrix<double, D, 1>> exact_;
};

/// Work where the error last falls below `error`, interpolated between neighbours on logarithmic scales; NaN where it does not. The
/// error is the largest, or of a peer without an interpolant the one at the end.
template <class Work>
double work_at(const Series& s, double error, Work work) {
  const auto of = [&](std::size_t i) { return std::isnan(s.points[i].sup) ? s.points[i].end : s.points[i].sup; };
  for (std::size_t i = s.points.size(); i-- > 1;) {
    if (of(i - 1) < error || of(i) >= error) continue;
    const double u = std::log(of(i - 1) / error) / std::log(of(i - 1) / of(i));
    return work(s.points[i - 1]) * std::pow(work(s.points[i]) / work(s.points[i - 1]), u);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// Typical evaluations for an error: a straight line through log(evaluations) over log(error) within half a decade. Errors scatter with
/// the tolerance, and a single point may be lucky. NaN with fewer than three points.
inline double typical_evaluations(const Series& s, double error) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const Point& p : s.points) {
    const double u = std::log10(p.sup / error), v = std::log(p.evaluations);
    if (!(std::abs(u) <= 0.5)) continue;
    n += 1, x += u, y += v, xx += u * u, xy += u * v;
  }
  if (n < 3) return std::numeric_limits<double>::quiet_NaN();
  const double slope = (n * xy - x * y) / (n * xx - x * x);
  return std::exp((y - slope * x) / n);
}

}  // namespace accuracy
