#pragma once
// The length of the first step: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I (1993) II.4.
// One evaluation of f, at an Euler trial point that lies between t and the bound.

#include <algorithm>
#include <cmath>

#include <costate/ode/error_norm.hpp>

namespace costate::detail {

/// A positive length. slope = f(t, y); trial_y and trial_slope are scratch; `limit` > 0 is the farthest that f may be looked at (may be infinite),
/// `bound` the time it leads to, `direction` ±1, `order` that of the error estimate, `error` what the first step may cost, in tolerances.
template <class F, class Y, class Time>
Time initial_step(F& f, ScaledNorm<Y>& norm, Time t, const Y& y, const Y& slope, Y& trial_y, Y& trial_slope, Time limit, Time bound,
                  Time direction, int order, double error = 0.01) {
  using S = typename Y::Scalar;
  const Time d0 = static_cast<Time>(norm(y, y, y)), d1 = static_cast<Time>(norm(slope, y, y));
  Time h0 = d0 < Time(1e-5) || d1 < Time(1e-5) ? Time(1e-6) : Time(0.01) * d0 / d1;
  if (!(h0 > 0)) h0 = Time(1e-6);  // the slope overflowed in the norm
  const bool whole = h0 >= limit;
  const Time distance = std::min(h0, limit);  // a near bound says nothing about the steps after it
  trial_y = y + static_cast<S>(direction * distance) * slope;
  f(whole ? bound : t + direction * distance, trial_y, trial_slope);
  const Time d2 = static_cast<Time>(norm(trial_slope - slope, y, y)) / distance;
  const Time worst = std::max(d1, d2);
  Time h1 = std::max(Time(1e-6), h0 * Time(1e-3));
  if (!(worst <= Time(1e-15))) h1 = std::pow(static_cast<Time>(error) / worst, Time(1) / static_cast<Time>(order + 1));
  if (!std::isfinite(d2)) h1 = h0 * Time(1e-3);  // beyond a singularity: begin carefully
  return std::min(100 * h0, h1);
}

}  // namespace costate::detail
