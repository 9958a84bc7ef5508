// Measured orders: of every method and of every interpolant, in long double so that rounding stays far below the errors.

#include <algorithm>
#include <vector>

#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/heun.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using Real = long double;
using Y = problems::Vector<Real, 1>;

namespace {

template <class M>
Real error(int n) {  // y' = cos(t) y on [0, 3]; largest over all steps' ends, since at any one of them the leading term may vanish
  Real worst = 0;
  auto e = problems::engine(cs::FixedStep<M>{}, problems::swing, 0.0L, Y(1.0L), {.step = 3.0 / n});
  e.advance_to(3.0L, [&](const auto& w) { worst = std::max(worst, std::abs(w.y1[0] - std::exp(std::sin(w.end)))); });
  REQUIRE(e.stats().accepted == n);
  return worst;
}

struct SupError {
  Real value = 0, derivative = 0;
};
template <class M>
SupError interpolant_error(int n) {  // interior sup-error over all steps
  SupError worst;
  auto e = problems::engine(cs::FixedStep<M>{}, problems::swing, 0.0L, Y(1.0L), {.step = 3.0 / n});
  Y out;
  e.advance_to(3.0L, [&](const auto& w) {
    for (int i = 1; i < 20; ++i) {
      const Real t = w.t + w.h * static_cast<Real>(i) / 20, exact = std::exp(std::sin(t));
      w.interpolate(t, out);
      worst.value = std::max(worst.value, std::abs(out[0] - exact));
      w.derivative(t, out);
      worst.derivative = std::max(worst.derivative, std::abs(out[0] - std::cos(t) * exact));
    }
  });
  return worst;
}

}  // namespace

TEMPLATE_TEST_CASE("every method converges at its order", "[ode]", cs::Euler, cs::Midpoint, cs::Heun, cs::AdaptiveHeun, cs::Rk4, cs::Bosh3, cs::Dopri5) {
  const int first = TestType::order == 1 ? 400 : 160;  // in the asymptotic range, found once
  for (int n = first; n < 8 * first; n *= 2) {        // three consecutive halvings
    const Real slope = std::log2(error<TestType>(n) / error<TestType>(2 * n));
    CAPTURE(n, static_cast<double>(slope));
    CHECK(std::abs(slope - TestType::order) < 0.15L);
  }
}

TEMPLATE_TEST_CASE("every interpolant's value and derivative converge at its order", "[ode]", cs::Euler, cs::Midpoint, cs::Heun, cs::AdaptiveHeun,
                   cs::Rk4, cs::Bosh3, cs::Dopri5) {
  // An interpolant of order q has local error h^(q+1); the solution's own error h^order enters at the steps' ends.
  const int value_order = std::min(TestType::dense_order + 1, TestType::order), derivative_order = TestType::dense_order;
  const int first = TestType::order == 1 ? 400 : 160;
  for (int n = first; n < 8 * first; n *= 2) {
    const SupError coarse = interpolant_error<TestType>(n), fine = interpolant_error<TestType>(2 * n);
    const Real value = std::log2(coarse.value / fine.value), derivative = std::log2(coarse.derivative / fine.derivative);
    CAPTURE(n, static_cast<double>(value), static_cast<double>(derivative));
    CHECK(value > static_cast<Real>(value_order) - 0.15L);
    CHECK(derivative > static_cast<Real>(derivative_order) - 0.15L);
  }
}

TEMPLATE_TEST_CASE("orders hold backward in time", "[ode]", cs::Midpoint, cs::Rk4, cs::Dopri5) {
  const auto error = [](int n) {
    auto e = problems::engine(cs::FixedStep<TestType>{}, problems::swing, 3.0L, Y(std::exp(std::sin(3.0L))), {.step = 3.0 / n});
    e.advance_to(0.0L);
    return std::abs(e.y()[0] - 1.0L);
  };
  CHECK(std::abs(std::log2(error(160) / error(320)) - TestType::order) < 0.15L);
}
