#pragma once
// What the kernels of elementwise functions are made of: the sign, the bits and the powers of two of a packet, polynomials,
// and the way out, one lane after the other.

#include <limits>

#include <costate/core/simd.hpp>

namespace costate::simd {

/// |x| in each lane.
template <class S>
[[gnu::always_inline]] inline Packet<S> abs(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return x.v < 0 || x.v == 0 ? Packet<S>(0 - x.v) : x;
  else {
    using Bits = typename detail::Lanes<S>::Bits;
    using Register = typename detail::Lanes<S>::Register;
    const Bits sign = reinterpret_cast<Bits>(Packet<S>(-0.0).v);
    return Packet<S>(reinterpret_cast<Register>(reinterpret_cast<Bits>(x.v) & ~sign));
  }
}

namespace detail {

/// The magnitude of x (x ≥ 0) with the sign of y.
template <class S>
[[gnu::always_inline]] inline Packet<S> with_sign(Packet<S> x, Packet<S> y) {
  using Bits = typename Lanes<S>::Bits;
  const Bits sign = reinterpret_cast<Bits>(Packet<S>(-0.0).v);
  return Packet<S>(reinterpret_cast<typename Lanes<S>::Register>((reinterpret_cast<Bits>(y.v) & sign) |
                                                                 (reinterpret_cast<Bits>(x.v) & ~sign)));
}

/// x, but no more (no less) than the limit; NaN stays. One instruction, whose result is its second operand where that is NaN.
template <class S>
[[gnu::always_inline]] inline Packet<S> at_most(Packet<S> x, S limit) {
  [[maybe_unused]] const Packet<S> most(limit);
#if defined(__AVX512F__)
  if constexpr (sizeof(S) == 8) return Packet<S>(_mm512_mask_min_pd(x.v, __mmask8(-1), most.v, x.v));
  else return Packet<S>(_mm512_mask_min_ps(x.v, __mmask16(-1), most.v, x.v));
#elif defined(__AVX__)
  if constexpr (sizeof(S) == 8) return Packet<S>(_mm256_min_pd(most.v, x.v));
  else return Packet<S>(_mm256_min_ps(most.v, x.v));
#elif defined(__SSE2__)
  if constexpr (sizeof(S) == 8) return Packet<S>(_mm_min_pd(most.v, x.v));
  else return Packet<S>(_mm_min_ps(most.v, x.v));
#else
  return select(x > most, most, x);
#endif
}
template <class S>
[[gnu::always_inline]] inline Packet<S> at_least(Packet<S> x, S limit) {
  [[maybe_unused]] const Packet<S> least(limit);
#if defined(__AVX512F__)
  if constexpr (sizeof(S) == 8) return Packet<S>(_mm512_mask_max_pd(x.v, __mmask8(-1), least.v, x.v));
  else return Packet<S>(_mm512_mask_max_ps(x.v, __mmask16(-1), least.v, x.v));
#elif defined(__AVX__)
  if constexpr (sizeof(S) == 8) return Packet<S>(_mm256_max_pd(least.v, x.v));
  else return Packet<S>(_mm256_max_ps(least.v, x.v));
#elif defined(__SSE2__)
  if constexpr (sizeof(S) == 8) return Packet<S>(_mm_max_pd(least.v, x.v));
  else return Packet<S>(_mm_max_ps(least.v, x.v));
#else
  return select(x < least, least, x);
#endif
}

// The format of S: the stored bits of the significand, the bias of the exponent, and 1.5·2^mantissa: adding it to a number
// below 2^(mantissa - 2) rounds it to an integer (to nearest, ties to even), which then stands in the low bits of the sum.
template <class S>
struct Format {
  static constexpr int mantissa = std::numeric_limits<S>::digits - 1;
  static constexpr int bias = std::numeric_limits<S>::max_exponent - 1;
  static constexpr S rounder = sizeof(S) == 8 ? S(0x1.8p52) : S(0x1.8p23f);
};

/// 2^n for the integer n in the low bits of n + rounder; 2^n must be normal.
template <class S>
[[gnu::always_inline]] inline Packet<S> exp2_of_rounded(Packet<S> n_plus_rounder) {
  using Unsigned = typename Lanes<S>::Unsigned;
  const Unsigned n = reinterpret_cast<Unsigned>(n_plus_rounder.v);
  return Packet<S>(reinterpret_cast<typename Lanes<S>::Register>((n + Format<S>::bias) << Format<S>::mantissa));
}

template <int Begin, int N, class S, int Size>
[[gnu::always_inline]] inline Packet<S> estrin(const S (&c)[Size], const Packet<S> (&powers)[4]) {
  if constexpr (N == 1)
    return c[Begin];
  else {
    constexpr int level = N > 8 ? 3 : N > 4 ? 2 : N > 2 ? 1 : 0;
    constexpr int half = 1 << level;
    return muladd(estrin<Begin + half, N - half>(c, powers), powers[level], estrin<Begin, half>(c, powers));
  }
}

/// c₀ + c₁x + c₂x² + … in Estrin's scheme, whose chain of dependent operations is short.
template <class S, int Size>
[[gnu::always_inline]] inline Packet<S> polynomial(Packet<S> x, const S (&c)[Size]) {
  static_assert(Size <= 16);
  const Packet<S> x2 = x * x, x4 = x2 * x2;
  return estrin<0, Size>(c, {x, x2, x4, x4 * x4});
}

/// f of each lane, one after the other.
template <class F, class S>
[[gnu::always_inline]] inline Packet<S> lane_by_lane(F f, Packet<S> x) {
  for (int i = 0; i < Packet<S>::width; ++i) x.set(i, f(x[i]));
  return x;
}
template <class F, class S>
[[gnu::always_inline]] inline Packet<S> lane_by_lane(F f, Packet<S> x, Packet<S> y) {
  for (int i = 0; i < Packet<S>::width; ++i) x.set(i, f(x[i], y[i]));
  return x;
}

}  // namespace detail
}  // namespace costate::simd
