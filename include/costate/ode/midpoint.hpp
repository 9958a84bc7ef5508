#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// The explicit midpoint rule: order 2, two stages, quadratic dense output.
/// Fixed steps at low accuracy; half the evaluations of Rk4.
/// C. Runge, Math. Ann. 46 (1895) 167–178.
struct Midpoint : ExplicitRungeKutta<Midpoint> {
  static constexpr int order = 2, dense_order = 2;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      row(1_r/2, 1_r/2),
      weights(0_r, 1_r),
      dense_output(polynomial(1_r, -1_r), polynomial(0_r, 1_r)));
};

}  // namespace costate
