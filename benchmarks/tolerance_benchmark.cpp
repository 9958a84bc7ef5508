// What accuracy does a tolerance buy, and what does it cost, beside Boost.odeint's controlled Dormand–Prince method?
//
// For rtol = atol = 1e-3 … 1e-12: the error at the end over the tolerance, and the evaluations, of both. `at equal evaluations` is our
// error over theirs where theirs is interpolated, log–log, at our number of evaluations. Counts, not times: the same on any machine.
// The exit status tells whether the bounds hold: at 1e-10 the error is within 10 tolerances on decay and 1000 on the orbit, and at
// equal evaluations it is never twice theirs.

#include <costate/costate.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <tuple>
#include <type_traits>
#include <vector>

#ifdef COSTATE_HAVE_BOOST
#include <boost/numeric/odeint.hpp>
#endif

namespace cs = costate;

namespace {

// Each problem is one callable for both libraries: y in, rates out. `exact` is the solution at t1.

struct Decay {
  static constexpr const char* name = "decay, t = 10";
  static constexpr std::array start{1.0};
  static constexpr double t1 = 10;
  static auto rates(const auto& y) { return std::array{-y[0]}; }
  static std::array<double, 1> exact() { return {std::exp(-t1)}; }
};

struct Oscillator {
  static constexpr const char* name = "harmonic oscillator, t = 20";
  static constexpr std::array start{1.0, 0.0};
  static constexpr double t1 = 20;
  static auto rates(const auto& y) { return std::array{y[1], -y[0]}; }
  static std::array<double, 2> exact() { return {std::cos(t1), -std::sin(t1)}; }
};

struct LotkaVolterra {
  static constexpr const char* name = "Lotka-Volterra, t = 10";
  static constexpr std::array start{1.0, 1.0};
  static constexpr double t1 = 10;
  static auto rates(const auto& y) {
    using S = std::remove_cvref_t<decltype(y[0])>;
    return std::array<S, 2>{S(1.5) * y[0] - y[0] * y[1], y[0] * y[1] - S(3) * y[1]};
  }
  static std::array<double, 2> exact();
};

struct Kepler {
  static constexpr const char* name = "orbit of eccentricity 0.6, one period";
  static constexpr std::array start{0.4, 0.0, 0.0, 2.0};
  static constexpr double t1 = 2 * std::numbers::pi;
  static auto rates(const auto& y) {
    const auto r2 = y[0] * y[0] + y[1] * y[1], r3 = r2 * std::sqrt(r2);
    return std::array{y[2], y[3], -y[0] / r3, -y[1] / r3};
  }
  static std::array<double, 4> exact() { return start; }
};

template <class Problem>
inline constexpr int states = static_cast<int>(Problem::start.size());

/// The problem as a dynamics of ours.
template <class Problem>
auto dynamics() {
  return [](auto /*t*/, const auto& y) {
    return std::apply([](const auto&... rate) { return cs::stack(rate...); }, Problem::rates(y));
  };
}

std::array<double, 2> LotkaVolterra::exact() {  // in long double, far below double's rounding
  const Eigen::Matrix<long double, 2, 1> from(1, 1);
  const auto s = cs::solve(dynamics<LotkaVolterra>(), from, {0.0L, 10.0L}, cs::Dopri5{}, {.rtol = 1e-17, .atol = 1e-17});
  return {static_cast<double>(s.y.back()[0]), static_cast<double>(s.y.back()[1])};
}

struct Point {
  double error, evaluations;
};

template <class Problem, class Y>
double error(const Y& y) {
  const auto exact = Problem::exact();
  double worst = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) worst = std::max(worst, std::abs(y[static_cast<Eigen::Index>(i)] - exact[i]));
  return worst;
}

template <class Problem>
Point ours(double tolerance) {
  const Eigen::Matrix<double, states<Problem>, 1> start(Problem::start.data());
  const auto s = cs::solve(dynamics<Problem>(), start, {0.0, Problem::t1}, cs::Dopri5{}, {.rtol = tolerance, .atol = tolerance});
  return {error<Problem>(s.y.back()), static_cast<double>(s.stats.evaluations)};
}

#ifdef COSTATE_HAVE_BOOST
template <class Problem>
Point theirs(double tolerance) {
  namespace odeint = boost::numeric::odeint;
  using State = std::array<double, Problem::start.size()>;
  long evaluations = 0;
  const auto f = [&](const State& y, State& dydt, double) {
    ++evaluations;
    dydt = Problem::rates(y);
  };
  State y = Problem::start;
  const auto stepper = odeint::make_controlled(tolerance, tolerance, odeint::runge_kutta_dopri5<State>());
  odeint::integrate_adaptive(stepper, f, y, 0.0, Problem::t1, 0.01);
  return {error<Problem>(Eigen::Map<const Eigen::Matrix<double, states<Problem>, 1>>(y.data())), static_cast<double>(evaluations)};
}

/// The error of a ladder of points at a number of evaluations, log–log; beyond the ends along the last rung.
double error_at(const std::vector<Point>& ladder, double evaluations) {
  std::size_t i = 1;
  while (i + 1 < ladder.size() && ladder[i].evaluations < evaluations) ++i;
  const Point &a = ladder[i - 1], &b = ladder[i];
  const double theta = std::log(evaluations / a.evaluations) / std::log(b.evaluations / a.evaluations);
  return a.error * std::pow(b.error / a.error, theta);
}
#endif

bool failed = false;

void expect(bool holds, const char* what, double value, double bound) {
  std::printf("  %-52s %10.3g   bound %g   %s\n", what, value, bound, holds ? "holds" : "MISSED");
  if (!holds) failed = true;
}

template <class Problem>
void table(double bound_at_1e10) {
  std::vector<double> tolerances;
  for (int i = 3; i <= 12; ++i) tolerances.push_back(std::pow(10.0, -i));
  std::printf("%s\n", Problem::name);
#ifdef COSTATE_HAVE_BOOST
  std::vector<Point> ladder;
  for (const double tolerance : tolerances) ladder.push_back(theirs<Problem>(tolerance));
  std::printf("  tolerance   ours: error/tol  evaluations   odeint: error/tol  evaluations   at equal evaluations\n");
  double worst = 0;
  for (std::size_t i = 0; i < tolerances.size(); ++i) {
    const Point us = ours<Problem>(tolerances[i]), them = ladder[i];
    const double ratio = us.error / error_at(ladder, us.evaluations);
    worst = std::max(worst, ratio);
    std::printf("  %9.0e   %15.3g  %11.0f   %17.3g  %11.0f   %20.2f\n", tolerances[i], us.error / tolerances[i], us.evaluations,
                them.error / tolerances[i], them.evaluations, ratio);
  }
  expect(worst <= 2, "worst error over theirs at equal evaluations", worst, 2);
#else
  std::printf("  tolerance   ours: error/tol  evaluations\n");
  for (const double tolerance : tolerances) {
    const Point us = ours<Problem>(tolerance);
    std::printf("  %9.0e   %15.3g  %11.0f\n", tolerance, us.error / tolerance, us.evaluations);
  }
#endif
  const double at_1e10 = ours<Problem>(1e-10).error / 1e-10;
  if (bound_at_1e10 > 0) expect(at_1e10 <= bound_at_1e10, "error over tolerance at 1e-10", at_1e10, bound_at_1e10);
}

}  // namespace

int main() {
  table<Decay>(10);
  table<Oscillator>(0);
  table<LotkaVolterra>(0);
  table<Kepler>(1e3);
  return failed ? 1 : 0;
}
