#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// Heun's method (the explicit trapezoidal rule): order 2, two stages, quadratic dense output.
/// Fixed steps at low accuracy; samples f at both ends of the step, which suits inputs known on a grid.
/// K. Heun, Z. Math. Phys. 45 (1900) 23–38.
struct Heun : ExplicitRungeKutta<Heun> {
  static constexpr int order = 2, dense_order = 2;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      row(1_r, 1_r),
      weights(1_r/2, 1_r/2),
      dense_output(polynomial(1_r, -1_r/2), polynomial(0_r, 1_r/2)));
};

}  // namespace costate
