#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// Euler's method: order 1, one stage, linear dense output.
/// For teaching, for parity with residual networks, and as the cheapest step where accuracy is no concern.
/// L. Euler, Institutionum calculi integralis I (1768) §650.
struct Euler : ExplicitRungeKutta<Euler> {
  static constexpr int order = 1, dense_order = 1;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      weights(1_r),
      dense_output(polynomial(1_r)));
};

}  // namespace costate
