#pragma once
// Step size control.
//
// With err_n the error estimate's norm in units of the tolerance, and k = error_order + 1:
//   accept        if err_n ≤ 1
//   accepted:     h' = h · clamp(safety · err_n^(−β1/k) · err_{n−1}^(−β2/k) · err_{n−2}^(−β3/k), min_factor, max_factor),
//                 unless that factor lies in the dead band [dead_band_low, dead_band_high], where h' = h;
//                 directly after a rejection h' ≤ h
//   rejected:     h' = h · max(min_factor, safety · err_n^(−1/k));  NaN or infinite err_n: h' = h · min_factor
// Earlier errors count as at least 1e-4 (as in Hairer's dopri5), and as 1 where there are none yet. Powers are taken to three digits.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

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

/// log₂ x of a positive number to 0.003: u + u (1 − u) q(u) for x = 2ⁿ (1 + u). Below the normal numbers, 0 included, about −1023.
inline double rough_log2(double x) {
  constexpr std::uint64_t mantissa = 0x000fffffffffffff, one = 0x3ff0000000000000;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const double n = static_cast<double>(static_cast<std::int64_t>(bits >> 52) - 1023);
  const double u = std::bit_cast<double>((bits & mantissa) | one) - 1;
  return (n + u) + (u - u * u) * (0.4289470785 + u * -0.1581914269);
}

/// h 2ˣ to a relative 2e-4 for |x| ≤ 1000, exact at 0.
inline double rough_scale(double h, double x) {
  constexpr double rounder = 0x1.8p52;  // adding it rounds to an integer, which then stands in the low bits
  const double rounded = x + rounder, f = x - (rounded - rounder);
  const double power = std::bit_cast<double>((std::bit_cast<std::uint64_t>(rounded) + 1023) << 52);
  return ((1 + f * 0.6931471806) + (f * f) * (0.2420353302 + f * 0.05575464978)) * (h * power);
}

/// log₂ of the latest squared errors.
struct ControllerMemory {
  double log_error1 = 0;
  double log_error2 = 0;
  bool after_rejection = false;
};

/// A controller with its exponents ready for log₂ err². The next step waits for it, so every operation counts; a step's length needs
/// three digits.
class StepFilter {
 public:
  StepFilter(const StepController& c, int k)
      : beta1_(-0.5 * c.beta1 / k), beta2_(-0.5 * c.beta2 / k), beta3_(-0.5 * c.beta3 / k), exponent_(-0.5 / k),
        safety_(std::log2(c.safety)), min_(std::max(std::log2(c.min_factor), -1000.0)), max_(std::min(std::log2(c.max_factor), 1000.0)),
        dead_band_low_(std::log2(c.dead_band_low)), dead_band_high_(std::log2(c.dead_band_high)),
        has_dead_band_(c.dead_band_low < c.dead_band_high) {}

  /// The step after an accepted one of length h.
  double accepted(ControllerMemory& m, double h, double squared_error) const {
    const double past = safety_ + beta2_ * m.log_error1 + beta3_ * m.log_error2;
    const double log_error = rough_log2(squared_error);
    double log_factor = past + beta1_ * log_error;
    if (!(log_factor >= min_ && log_factor <= max_)) [[unlikely]] log_factor = limited(log_factor);
    if (has_dead_band_ && log_factor >= dead_band_low_ && log_factor <= dead_band_high_) log_factor = 0;
    if (m.after_rejection) log_factor = std::min(log_factor, 0.0);
    m.after_rejection = false;
    m.log_error2 = m.log_error1;
    m.log_error1 = std::max(log_error, -26.575424759);  // log₂ 1e-8
    return rough_scale(h, log_factor);
  }

  /// The step after a rejected one of length h.
  double rejected(ControllerMemory& m, double h, double squared_error) const {
    m.after_rejection = true;
    return rough_scale(h, std::isfinite(squared_error) ? std::max(min_, safety_ + exponent_ * rough_log2(squared_error)) : min_);
  }

 private:
  [[gnu::cold, gnu::noinline]] double limited(double log_factor) const { return log_factor > max_ ? max_ : min_; }

  double beta1_, beta2_, beta3_, exponent_, safety_, min_, max_, dead_band_low_, dead_band_high_;
  bool has_dead_band_;
};

}  // namespace detail
}  // namespace costate
