#pragma once
// Problems with known solutions, and engines over plain right-hand sides, for the tests of this room.

#include <algorithm>
#include <cmath>
#include <utility>

#include <costate/ode/engine.hpp>

namespace problems {

template <class S, int N>
using Vector = Eigen::Matrix<S, N, 1>;

template <class M, class F, class S, int N>
auto engine(M method, F f, costate::time_of_t<S> t0, const Vector<S, N>& y0, const costate::SolveOptions& options = {}, costate::Shape shape = {}) {
  if (shape.size() == 0) shape = {y0.size(), 1};
  costate::Engine<M, Vector<S, N>, F> e(method, std::move(f), shape, options);
  e.reset(t0, y0);
  return e;
}

/// y' = −y.
inline constexpr auto decay = [](auto, const auto& y, auto& dydt) { dydt = -y; };

/// y' = (cos t) y, y = e^{sin t} y(0): smooth, non-autonomous, nonlinear solution.
inline constexpr auto swing = [](auto t, const auto& y, auto& dydt) {
  using S = typename std::remove_cvref_t<decltype(y)>::Scalar;
  dydt = static_cast<S>(std::cos(t)) * y;
};

/// Largest errors of n equal steps on swing over [0, 3] from 1: at the steps' ends, of the dense output between them, of its derivative.
struct Errors {
  long double ends = 0, between = 0, slopes = 0;
};
template <class M>
Errors errors_on_swing(const M& method, int n) {
  Errors worst;
  Vector<long double, 1> out(1.0L);
  auto e = engine(method, swing, 0.0L, out, {.step = 3.0 / n});
  e.advance_to(3.0L, [&](const auto& w) {
    worst.ends = std::max(worst.ends, std::abs(w.y1[0] - std::exp(std::sin(w.end))));
    for (int i = 1; i < 8; ++i) {
      const long double t = w.t + w.h * i / 8, exact = std::exp(std::sin(t));
      w.interpolate(t, out);
      worst.between = std::max(worst.between, std::abs(out[0] - exact));
      w.derivative(t, out);
      worst.slopes = std::max(worst.slopes, std::abs(out[0] - std::cos(t) * exact));
    }
  });
  return worst;
}

/// Two bodies, (x, y, x', y').
inline constexpr auto kepler = [](auto, const auto& y, auto& dydt) {
  using S = typename std::remove_cvref_t<decltype(y)>::Scalar;
  const S r2 = y[0] * y[0] + y[1] * y[1], r3 = r2 * std::sqrt(r2);
  dydt << y[2], y[3], -y[0] / r3, -y[1] / r3;
};
/// At the pericentre of an orbit of eccentricity e and period 2π.
template <class S>
Vector<S, 4> pericentre(S e) {
  return {1 - e, 0, 0, std::sqrt((1 + e) / (1 - e))};
}

/// y'' = −sin y.
inline constexpr auto pendulum = [](auto, const auto& y, auto& dydt) { dydt << y[1], -std::sin(y[0]); };

inline constexpr auto lorenz = [](auto, const auto& y, auto& dydt) {
  using S = typename std::remove_cvref_t<decltype(y)>::Scalar;
  dydt << S(10) * (y[1] - y[0]), y[0] * (S(28) - y[2]) - y[1], y[0] * y[1] - S(8) / S(3) * y[2];
};

}  // namespace problems
