#pragma once
// exp, expm1, tanh and sigmoid of packets.
//
// x = n·ln 2 + r with |r| ≤ ln 2 / 2, where ln 2 is a sum of two parts so that n·ln2_high is exact (Cody & Waite, Software
// Manual for the Elementary Functions, 1980); then eˣ = 2ⁿ (1 + r + r²q(r)). The coefficients interpolate at Chebyshev nodes;
// the relative error of eʳ − 1 is below 2⁻⁶⁰ for double and 2⁻²⁷ for float.

#include <cmath>

#include <costate/core/simd_bits.hpp>

namespace costate::simd {
namespace detail {

template <class S>
struct ExpTable;

template <>
struct ExpTable<double> {
  static constexpr double log2_e = 1.442695040888963407, ln2_high = 0x1.62e42fefa3000p-1, ln2_low = 0x1.3de6af278ece6p-42;
  static constexpr double above_overflow = 710, below_underflow = -746;  // eˣ is infinite, rounds to zero
  static constexpr double q[] = {0.5,
                                 0.166666666666666710,
                                 0.0416666666666666698,
                                 0.00833333333332608312,
                                 0.00138888888888837112,
                                 0.000198412698750022788,
                                 2.48015873256774619e-5,
                                 2.75572551700008874e-6,
                                 2.75572734787185805e-7,
                                 2.51053127296221018e-8,
                                 2.09147553258932022e-9};
  static constexpr double expm1_is_minus_one = -40;
  static constexpr double tanh_is_one = 20;
};

template <>
struct ExpTable<float> {
  static constexpr float log2_e = 1.442695041f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float above_overflow = 89, below_underflow = -105;
  static constexpr float q[] = {0.5f, 0.1666666668f, 0.04166646420f, 0.008333310845f, 0.001393373072f, 0.0001989108046f};
  static constexpr float expm1_is_minus_one = -20;
  static constexpr float tanh_is_one = 10;
};

// x = n·ln 2 + high − low, with high exact; rounded is n + Format::rounder.
template <class S>
struct ExpArgument {
  Packet<S> rounded, n, high, low;

  [[gnu::always_inline]] explicit ExpArgument(Packet<S> x) {
    using T = ExpTable<S>;
    rounded = muladd(x, Packet<S>(T::log2_e), Packet<S>(Format<S>::rounder));
    n = rounded - Format<S>::rounder;
    high = muladd(n, Packet<S>(-T::ln2_high), x);
    low = n * T::ln2_low;
  }
  // eʳ for r = high − low
  [[gnu::always_inline]] Packet<S> exp() const {
    const Packet<S> r = high - low;
    return 1 + muladd(r * r, polynomial(r, ExpTable<S>::q), r);
  }
  // eʳ − 1 − high
  [[gnu::always_inline]] Packet<S> tail() const {
    const Packet<S> r = high - low;
    return muladd(r * r, polynomial(r, ExpTable<S>::q), -low);
  }
};

/// p·2ⁿ, also where it is subnormal or infinite.
template <class S>
[[gnu::always_inline]] inline Packet<S> scale(Packet<S> p, Packet<S> n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(S) == 8)
    return Packet<S>(_mm512_mask_scalef_pd(p.v, __mmask8(-1), p.v, n.v));
  else
    return Packet<S>(_mm512_mask_scalef_ps(p.v, __mmask16(-1), p.v, n.v));
#else
  const Packet<S> half = muladd(n, Packet<S>(0.5), Packet<S>(Format<S>::rounder));
  const Packet<S> rest = n - (half - Format<S>::rounder) + Format<S>::rounder;
  return p * exp2_of_rounded(half) * exp2_of_rounded(rest);  // the first product is exact
#endif
}

}  // namespace detail

/// eˣ within 1.01 ulp; overflows to infinity, underflows gradually.
template <class S>
[[gnu::always_inline]] inline Packet<S> exp(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::exp(x.v);
  else {
    using T = detail::ExpTable<S>;
    x = detail::at_least(detail::at_most(x, T::above_overflow), T::below_underflow);
    const detail::ExpArgument<S> argument(x);
    return detail::scale(argument.exp(), argument.n);
  }
}

/// eˣ − 1 within 2 ulp, also near 0; keeps the sign of zero.
template <class S>
[[gnu::always_inline]] inline Packet<S> expm1(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::expm1(x.v);
  else {
    using T = detail::ExpTable<S>;
    const Packet<S> y = detail::at_least(detail::at_most(x, T::above_overflow), T::expm1_is_minus_one);
    const detail::ExpArgument<S> argument(y);
    // Half the result, so that 2ⁿ⁻¹ never overflows: (2ⁿ⁻¹ − ½) + 2ⁿ⁻¹·high, whose rounding error is exact because the first
    // term is the larger one or zero, and the small rest.
    const Packet<S> two_n = detail::exp2_of_rounded(argument.rounded - 1), offset = two_n - 0.5;
    const Packet<S> product = two_n * argument.high, head = offset + product, error = (offset - head) + product;
    const Packet<S> result = 2 * (head + muladd(two_n, argument.tail(), error));
    return select(abs(x) < std::numeric_limits<S>::epsilon() / 4, x, result);  // x/2 may be inexact
  }
}

/// tanh(x) within 2 ulp; odd, keeps the sign of zero, exactly ±1 far out.
/// It is E/(E + 2) with E = e²ˣ − 1 = (2ⁿ − 1) + 2ⁿ(eʳ − 1), where nothing cancels, since n is not negative for x ≥ 0. What is divided is the
/// distance to x, or to 1 beyond it: there the quotient's rounding errors count little.
template <class S>
[[gnu::always_inline]] inline Packet<S> tanh(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::tanh(x.v);
  else {
    using T = detail::ExpTable<S>;
    const Packet<S> a = detail::at_most(abs(x), T::tanh_is_one), near = detail::at_most(a, S(1));
    const detail::ExpArgument<S> argument(a + a);
    const Packet<S> two_n = detail::exp2_of_rounded(argument.rounded);
    const Packet<S> e = muladd(two_n, argument.tail(), muladd(two_n, argument.high, two_n - 1));
    return detail::with_sign(near + muladd(-near, e, e - (near + near)) / (e + 2), x);
  }
}

/// The logistic function 1/(1 + e⁻ˣ) within 3 ulp, also for very negative x, where it is eˣ.
template <class S>
[[gnu::always_inline]] inline Packet<S> sigmoid(Packet<S> x) {
  const Packet<S> e = exp(-abs(x));
  return select(x < 0, e, 1) / (1 + e);
}

}  // namespace costate::simd
