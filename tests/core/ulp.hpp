#pragma once
// The error of a function of packets in units in the last place (ulp) of the correctly rounded result, against long double.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <costate/core/simd.hpp>

namespace ulp {

/// |got − want| in ulp of want; infinite where one is NaN, or infinite with the wrong sign, and the other is not.
template <class S>
double error(S got, long double want) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(want)) return std::isnan(got) ? 0 : wrong;
  const S rounded = static_cast<S>(want);
  if (std::isinf(rounded) || rounded == 0) {
    if (got == rounded && std::signbit(got) == std::signbit(rounded)) return 0;
    if (std::isinf(rounded)) return std::abs(got) == std::numeric_limits<S>::max() ? 1 : wrong;
  }
  if (!std::isfinite(got)) return wrong;
  int exponent = 0;
  std::frexp(want, &exponent);
  exponent = std::max(exponent, std::numeric_limits<S>::min_exponent) - std::numeric_limits<S>::digits;
  return static_cast<double>(std::ldexp(std::abs(static_cast<long double>(got) - want), -exponent));
}

struct Worst {
  double error = 0, at = 0;
};

/// The worst error over `count` points of [low, high]: half of them uniform, half uniform in the exponent down to 2⁻⁶⁰.
template <class S, class F, class Exact>
Worst over(F f, Exact exact, double low, double high, int count = 100000) {
  using P = costate::simd::Packet<S>;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(low, high), exponent(-60, std::log2(std::max(std::abs(low), std::abs(high))));
  Worst worst;
  S x[P::width], y[P::width];
  for (int i = 0; i < count; i += P::width) {
    for (S& xi : x) {
      double value = uniform(random);
      if (random() % 2 == 0) {
        const double scaled = std::copysign(std::exp2(exponent(random)), value);
        if (low <= scaled && scaled <= high) value = scaled;
      }
      xi = static_cast<S>(value);
    }
    P(f(P::load(x))).store(y);
    for (int k = 0; k < P::width; ++k)
      if (const double e = error(y[k], exact(static_cast<long double>(x[k]))); !(e <= worst.error))
        worst = {e, static_cast<double>(x[k])};
  }
  return worst;
}

}  // namespace ulp
