#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// Heun's method with embedded Euler, 2(1): two stages, quadratic dense output.
/// Error control for rough right-hand sides and very loose tolerances (rtol ≥ 1e-2); Bosh3 or Dopri5 otherwise.
/// Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I (1993) II.4.
struct AdaptiveHeun : ExplicitRungeKutta<AdaptiveHeun> {
  static constexpr int order = 2, error_order = 1, dense_order = 2;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      row(1_r, 1_r),
      weights(1_r/2, 1_r/2),
      embedded(1_r, 0_r),
      dense_output(polynomial(1_r, -1_r/2), polynomial(0_r, 1_r/2)));
};

}  // namespace costate
