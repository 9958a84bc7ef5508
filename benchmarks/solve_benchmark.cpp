// What does a solve cost per evaluation of a small system's right-hand side, beside Boost.odeint on std::array?
//   Lorenz (3 states) and Lotka–Volterra (2 states), parameters known at run time, Dormand–Prince adaptive at equal tolerances,
//   Dormand–Prince and the classical Runge–Kutta method on equal fixed steps.
// Per evaluation, since the two controllers take different steps; what accuracy an evaluation buys is tolerance_benchmark's question.

#include <costate/costate.hpp>

#include <array>
#include <cstdio>

#include "side_by_side.hpp"

#ifdef COSTATE_HAVE_BOOST
#include <boost/numeric/odeint.hpp>
#endif

namespace cs = costate;

namespace {

constexpr double t1 = 5, tolerance = 1e-8, step = 1e-3;

struct Lorenz {
  static constexpr int states = 3, parameters = 3;
  static constexpr std::array<double, 3> start{1, 1, 1}, p{10, 28, 8.0 / 3};
  static constexpr auto f = [](auto /*t*/, const auto& y, const auto& q) {
    return cs::stack(q[0] * (y[1] - y[0]), y[0] * (q[1] - y[2]) - y[1], y[0] * y[1] - q[2] * y[2]);
  };
  /// As Boost.odeint takes it.
  std::array<double, 3> q = p;
  void operator()(const std::array<double, 3>& y, std::array<double, 3>& dydt, double /*t*/) const {
    dydt[0] = q[0] * (y[1] - y[0]);
    dydt[1] = y[0] * (q[1] - y[2]) - y[1];
    dydt[2] = y[0] * y[1] - q[2] * y[2];
  }
};

struct LotkaVolterra {
  static constexpr int states = 2, parameters = 4;
  static constexpr std::array<double, 2> start{1, 1};
  static constexpr std::array<double, 4> p{1.5, 1, 1, 3};
  static constexpr auto f = [](auto /*t*/, const auto& y, const auto& q) {
    return cs::stack(q[0] * y[0] - q[1] * y[0] * y[1], q[2] * y[0] * y[1] - q[3] * y[1]);
  };
  std::array<double, 4> q = p;
  void operator()(const std::array<double, 2>& y, std::array<double, 2>& dydt, double /*t*/) const {
    dydt[0] = q[0] * y[0] - q[1] * y[0] * y[1];
    dydt[1] = q[2] * y[0] * y[1] - q[3] * y[1];
  }
};

template <class System>
using State = Eigen::Matrix<double, System::states, 1>;

/// Ours: an integrator that is begun anew at every call, as in a fit or a control loop.
template <class System, class M>
auto ours(const M& method, const cs::SolveOptions& options) {
  const State<System> start = Eigen::Map<const State<System>>(System::start.data());
  const Eigen::Matrix<double, System::parameters, 1> p(System::p.data());
  return [start, integrator = cs::make_integrator(System::f, start, 0.0, p, method, options)](cs::Stats* stats = nullptr) mutable {
    benchmark::DoNotOptimize(start);
    integrator.reset(0.0, start);
    integrator.advance_to(t1);
    State<System> y = integrator.y();
    benchmark::DoNotOptimize(y);
    if (stats != nullptr) *stats = integrator.stats();
    return y;
  };
}

#ifdef COSTATE_HAVE_BOOST
namespace odeint = boost::numeric::odeint;

template <class System>
struct Counting {
  System f;
  long* evaluations;
  template <class Y>
  void operator()(const Y& y, Y& dydt, double t) const {
    ++*evaluations;
    f(y, dydt, t);
  }
};

struct Adaptive {
  template <class F, class Y>
  void operator()(const F& f, Y& y) const {
    odeint::integrate_adaptive(odeint::make_controlled(tolerance, tolerance, odeint::runge_kutta_dopri5<Y>()), f, y, 0.0, t1, 0.01);
  }
};
template <template <class...> class Stepper>
struct Fixed {
  template <class F, class Y>
  void operator()(const F& f, Y& y) const {
    Stepper<Y> stepper;
    const int n = static_cast<int>(t1 / step + 0.5);
    for (int i = 0; i < n; ++i) stepper.do_step(f, y, i * step, step);
  }
};

template <class System, class M, class Theirs>
void compare(const SideBySide& race, const char* question, const M& method, const cs::SolveOptions& options, const Theirs& integrate,
             double agreement) {
  auto mine = ours<System>(method, options);
  const auto theirs = [&](auto f) {
    auto y = System::start;
    benchmark::DoNotOptimize(y);
    integrate(f, y);
    benchmark::DoNotOptimize(y);
    return y;
  };

  cs::Stats stats;
  long evaluations = 0;
  const State<System> by_us = mine(&stats);
  const auto by_them = theirs(Counting<System>{{}, &evaluations});
  const double difference = (by_us - Eigen::Map<const State<System>>(by_them.data())).norm();
  if (!(difference < agreement)) std::printf("%s: the contestants differ by %.3g\n", question, difference);

  const auto [a, b, ratio] = race.measure([&] { mine(); }, [&] { theirs(System{}); });
  const double n = static_cast<double>(stats.evaluations), m = static_cast<double>(evaluations);
  std::printf("%-38s ours %6.2f ns (%6.0f evaluations)   odeint %6.2f ns (%6.0f)   ratio %5.2f\n", question, a / n, n, b / m, m,
              ratio * m / n);
  std::fflush(stdout);
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const SideBySide race(argc, argv);
  const cs::SolveOptions adaptive{.rtol = tolerance, .atol = tolerance}, fixed{.step = step};
#ifdef COSTATE_HAVE_BOOST
  std::printf("nanoseconds per evaluation, medians\n");
  // Tolerances of 1e-8 let Lorenz's ends differ by what 5 units of time make of them; fixed steps are the same up to rounding.
  compare<Lorenz>(race, "Lorenz, Dopri5 adaptive", cs::Dopri5{}, adaptive, Adaptive{}, 1e-4);
  compare<Lorenz>(race, "Lorenz, Dopri5 in fixed steps", cs::fixed(cs::Dopri5{}), fixed, Fixed<odeint::runge_kutta_dopri5>{}, 1e-10);
  compare<Lorenz>(race, "Lorenz, Rk4 in fixed steps", cs::Rk4{}, fixed, Fixed<odeint::runge_kutta4>{}, 1e-10);
  compare<LotkaVolterra>(race, "Lotka-Volterra, Dopri5 adaptive", cs::Dopri5{}, adaptive, Adaptive{}, 1e-6);
  compare<LotkaVolterra>(race, "Lotka-Volterra, Dopri5 in fixed steps", cs::fixed(cs::Dopri5{}), fixed,
                         Fixed<odeint::runge_kutta_dopri5>{}, 1e-10);
  compare<LotkaVolterra>(race, "Lotka-Volterra, Rk4 in fixed steps", cs::Rk4{}, fixed, Fixed<odeint::runge_kutta4>{}, 1e-10);
#else
  std::printf("Boost.odeint is not here: nothing to compare with\n");
#endif
}
