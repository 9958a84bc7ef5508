#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// The classical Runge–Kutta method: order 4, four stages; dense output of order 3 (error h⁴, as the solution's) from the step's own
/// stages, so that it never costs an evaluation.
/// The method of choice for fixed steps on smooth problems.
/// W. Kutta, Z. Math. Phys. 46 (1901) 435–453; dense output: M. Zennaro, Math. Comp. 46 (1986) 119–133, natural continuous extension.
struct Rk4 : ExplicitRungeKutta<Rk4> {
  static constexpr int order = 4, dense_order = 3;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      row(1_r/2, 1_r/2),
      row(1_r/2, 0_r, 1_r/2),
      row(1_r,   0_r, 0_r, 1_r),
      weights(1_r/6, 1_r/3, 1_r/3, 1_r/6),
      dense_output(polynomial(1_r, -3_r/2,  2_r/3),
                   polynomial(0_r,  1_r,   -2_r/3),
                   polynomial(0_r,  1_r,   -2_r/3),
                   polynomial(0_r, -1_r/2,  2_r/3)));
};

}  // namespace costate
