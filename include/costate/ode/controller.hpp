#pragma once
// Step size control.
//
// With err_n the error estimate's norm in units of the tolerance, and k = error_order + 1:
//   accept        if err_n ≤ 1
//   accepted:     h' = h · clamp(safety · err_n^(−β1/k) · err_{n−1}^(−β2/k) · err_{n−2}^(−β3/k), min_factor, max_factor),
//                 unless that factor lies in the dead band [dead_band_low, dead_band_high], where h' = h;
//                 directly after a rejection h' ≤ h
//   rejected:     h' = h · max(min_factor, safety · err_n^(−1/k));  NaN or infinite err_n: h' = h · min_factor
// Earlier errors count as at least 1e-4 (as in Hairer's dopri5), and as 1 where there are none yet.

#include <algorithm>
#include <cmath>

namespace costate {

/// Coefficients and limits of the step size control above. The named ones are from the literature; the default is `hairer()`.
struct StepController {
  double beta1 = 0.85;
  double beta2 = -0.20;
  double beta3 = 0.0;
  double safety = 0.9;
  double min_factor = 0.2;
  double max_factor = 10.0;
  double dead_band_low = 1.0;
  double dead_band_high = 1.0;

  constexpr bool operator==(const StepController&) const = default;

  /// The elementary controller: deadbeat, prone to oscillating steps where stability limits them.
  static constexpr StepController integral() { return {.beta1 = 1.0, .beta2 = 0.0}; }
  /// PI with β = 0.04 at order 5 (exponents 0.17 and 0.04): E. Hairer's dopri5; HNW I (1993) II.4 and HNW II (1996) IV.2.
  static constexpr StepController hairer() { return {}; }
  /// PI with exponents 0.7/k and 0.4/k: K. Gustafsson, ACM TOMS 17 (1991) 533–554. Smooth steps at the border of stability.
  static constexpr StepController gustafsson() { return {.beta1 = 0.7, .beta2 = -0.4}; }
  /// The digital filter H211PI: G. Söderlind, ACM TOMS 29 (2003) 1–26.
  static constexpr StepController h211pi() { return {.beta1 = 1.0 / 6, .beta2 = 1.0 / 6}; }
  /// The digital filter H312PID (ibid.), the smoothest step sequences.
  static constexpr StepController h312pid() { return {.beta1 = 1.0 / 18, .beta2 = 1.0 / 9, .beta3 = 1.0 / 18}; }
};

namespace detail {

/// The controller's memory. Logarithms in single precision: a step's length needs no more digits, and they cost a third.
struct ControllerMemory {
  float log_error1 = 0;
  float log_error2 = 0;
  bool after_rejection = false;

  /// The factor after an accepted step.
  float accept(const StepController& c, double err, int k) {
    const float log_error = std::log(std::max(static_cast<float>(err), 1e-12f));
    const float exponent =
        static_cast<float>(c.beta1) * log_error + static_cast<float>(c.beta2) * log_error1 + static_cast<float>(c.beta3) * log_error2;
    const float raw = static_cast<float>(c.safety) * std::exp(-exponent / static_cast<float>(k));
    float factor = std::clamp(raw, static_cast<float>(c.min_factor), static_cast<float>(c.max_factor));
    if (factor >= static_cast<float>(c.dead_band_low) && factor <= static_cast<float>(c.dead_band_high)) factor = 1;
    if (after_rejection) factor = std::min(factor, 1.0f);
    after_rejection = false;
    log_error2 = log_error1;
    log_error1 = std::max(log_error, -9.2103404f);  // log 1e-4
    return factor;
  }

  /// The factor after a rejected step.
  float reject(const StepController& c, double err, int k) {
    after_rejection = true;
    if (!std::isfinite(err)) return static_cast<float>(c.min_factor);
    const float raw = static_cast<float>(c.safety * std::pow(err, -1.0 / k));
    return std::max(static_cast<float>(c.min_factor), raw);
  }
};

}  // namespace detail
}  // namespace costate
