#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// Bogacki–Shampine 3(2): four stages, first same as last, cubic Hermite dense output.
/// The method of choice at loose tolerances (rtol ≥ 1e-3).
/// P. Bogacki & L. F. Shampine, Appl. Math. Lett. 2 (1989) 321–325.
struct Bosh3 : ExplicitRungeKutta<Bosh3> {
  static constexpr int order = 3, error_order = 2, dense_order = 3;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      row(1_r/2, 1_r/2),
      row(3_r/4, 0_r,   3_r/4),
      row(1_r,   2_r/9, 1_r/3, 4_r/9),
      weights(   2_r/9, 1_r/3, 4_r/9, 0_r),
      embedded(  7_r/24, 1_r/4, 1_r/3, 1_r/8),
      dense_output(polynomial(1_r, -4_r/3,  5_r/9),
                   polynomial(0_r,  1_r,   -2_r/3),
                   polynomial(0_r,  4_r/3, -8_r/9),
                   polynomial(0_r, -1_r,    1_r)));
};

}  // namespace costate
