#pragma once
// The length of the first step: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I (1993) II.4.
// One evaluation of f, at an Euler trial point that lies between t and the bound.

#include <algorithm>
#include <cmath>
#include <limits>

#include <costate/ode/error_norm.hpp>

namespace costate::detail {

/// Before the evaluation of f, and after it.
template <class Time>
class InitialStep {
 public:
  /// Returns the time of the trial point, whose state goes to trial_y. slope = f(t, y); `limit` > 0 is the farthest that f may be looked at
  /// (may be infinite), `bound` the time it leads to, `direction` ±1.
  template <class Norm, class Y>
  Time probe(Norm& norm, Time t, const Y& y, const Y& slope, Y& trial_y, Time limit, Time bound, Time direction) {
    const Time d0 = static_cast<Time>(norm(y, y, y));
    d1_ = static_cast<Time>(norm(slope, y, y));
    h0_ = d0 < Time(1e-5) || d1_ < Time(1e-5) ? Time(1e-6) : Time(0.01) * d0 / d1_;
    if (!(h0_ > 0)) h0_ = Time(1e-6);  // the slope overflowed in the norm
    h0_ = std::max(h0_, 100 * std::numeric_limits<Time>::epsilon() * std::abs(t));  // of a state that is almost zero: times that differ from t
    distance_ = std::min(h0_, limit);  // a near bound says nothing about the steps after it
    trial_y = y + static_cast<typename Y::Scalar>(direction * distance_) * slope;
    return h0_ >= limit ? bound : t + direction * distance_;
  }
  /// A positive length. trial_slope = f there; `order` that of the error estimate, `error` what the first step may cost, in tolerances.
  template <class Norm, class Y>
  Time length(Norm& norm, const Y& y, const Y& slope, const Y& trial_slope, int order, double error) const {
    const Time d2 = static_cast<Time>(norm(trial_slope - slope, y, y)) / distance_;
    const Time worst = std::max(d1_, d2);
    Time h1 = std::max(Time(1e-6), h0_ * Time(1e-3));
    if (!(worst <= Time(1e-15))) h1 = std::pow(static_cast<Time>(error) / worst, Time(1) / static_cast<Time>(order + 1));
    if (!std::isfinite(d2)) h1 = h0_ * Time(1e-3);  // beyond a singularity: begin carefully
    return std::min(100 * h0_, h1);
  }

 private:
  Time d1_ = 0, h0_ = 0, distance_ = 0;
};

}  // namespace costate::detail
