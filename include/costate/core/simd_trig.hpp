#pragma once
// sin and cos of packets.
//
// x = n·π/2 + r with |r| ≤ π/4, where π/2 is a sum of parts so short that n times all but the last is exact, and r is kept in
// two words (Cody & Waite, Software Manual for the Elementary Functions, 1980); then Taylor-like polynomials of r² that
// interpolate at Chebyshev nodes, with relative errors below 2⁻⁵⁶ for double and 2⁻²⁶ for float. Arguments too large for
// that (beyond 800,000 for double, 6,000 for float), infinities and NaN go lane by lane to the C library.

#include <cmath>
#include <iterator>

#include <costate/core/simd_bits.hpp>

namespace costate::simd {
namespace detail {

template <class S>
struct TrigTable;
template <>
struct TrigTable<double> {
  static constexpr double limit = 800000, two_over_pi = 0.636619772367581343;
  static constexpr double exact_parts[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34};
  static constexpr double last_part = 0x1.3198a2e037073p-69;
  static constexpr double sin[] = {-0.166666666666666646,  0.00833333333333093655,  -0.000198412698367405276,
                                   2.75573160931960644e-6, -2.50511298959628065e-8, 1.59179889443187152e-10};
  static constexpr double cos[] = {0.0416666666666666654,   -0.00138888888888873898, 2.48015872987543983e-5,
                                   -2.75573172658766157e-7, 2.08761450491082804e-9,  -1.13825446234042903e-11};
};
template <>
struct TrigTable<float> {
  static constexpr float limit = 6000, two_over_pi = 0.6366197724f;
  static constexpr float exact_parts[] = {0x1.92p+0f, 0x1.fb4p-12f, 0x1.444p-24f};
  static constexpr float last_part = 0x1.68c234p-39f;
  static constexpr float sin[] = {-0.1666666466f, 0.008332747104f, -0.0001958763904f};
  static constexpr float cos[] = {0.04166666465f, -0.001388830187f, 2.454768971e-5f};
};

// x = n·π/2 + r + low for |x| ≤ limit; rounded is n + Format::rounder.
template <class S>
struct TrigArgument {
  Packet<S> rounded, r, low;

  [[gnu::always_inline]] explicit TrigArgument(Packet<S> x) {
    using T = TrigTable<S>;
    rounded = muladd(x, Packet<S>(T::two_over_pi), Packet<S>(Format<S>::rounder));
    const Packet<S> n = rounded - Format<S>::rounder;
    r = muladd(n, Packet<S>(-T::exact_parts[0]), x);
    low = 0;
    for (int i = 1; i < int(std::size(T::exact_parts)); ++i) subtract(n * T::exact_parts[i]);
    subtract(n * T::last_part);
  }

 private:
  // r + low := r + low − w, the error of r − w kept (Knuth's exact sum)
  [[gnu::always_inline]] void subtract(Packet<S> w) {
    const Packet<S> difference = r - w, part = difference - r;
    low += (r - (difference - part)) - (w + part);
    r = difference;
  }
};

// sin(n·π/2 + r) with n increased by `quarter_turns`
template <class S>
[[gnu::always_inline]] inline Packet<S> sine(Packet<S> x, int quarter_turns) {
  using T = TrigTable<S>;
  using Unsigned = typename Lanes<S>::Unsigned;
  using Bits = typename Lanes<S>::Bits;
  using Register = typename Lanes<S>::Register;
  const TrigArgument<S> argument(x);
  const Packet<S> r = argument.r, low = argument.low, z = r * r, half = Packet<S>(0.5) * z, one_minus_half = 1 - half;
  const Packet<S> sin = r + muladd(r * z, polynomial(z, T::sin), low * one_minus_half);
  const Packet<S> cos = one_minus_half + (((1 - one_minus_half) - half) + muladd(z * z, polynomial(z, T::cos), -(r * low)));
  const Unsigned n = reinterpret_cast<Unsigned>(argument.rounded.v) + Unsigned(Bits{} + quarter_turns);
  const Mask<S> odd{reinterpret_cast<Bits>(n << (8 * sizeof(S) - 1)) < Bits{}};
  const Unsigned sign = (n & 2) << (8 * sizeof(S) - 2);
  return Packet<S>(reinterpret_cast<Register>(reinterpret_cast<Unsigned>(select(odd, cos, sin).v) ^ sign));
}

template <class F, class S>
[[gnu::noinline, gnu::cold]] void replace_beyond_limit(F f, const S* x, S* y) {
  for (int i = 0; i < Packet<S>::width; ++i)
    if (!(std::abs(x[i]) <= TrigTable<S>::limit)) y[i] = f(x[i]);
}

template <class F, class S>
[[gnu::always_inline]] inline Packet<S> sine_or(F beyond_limit, Packet<S> x, int quarter_turns) {
  Packet<S> y = sine(x, quarter_turns);
  if (any(!(abs(x) <= TrigTable<S>::limit))) [[unlikely]] {
    S in[Packet<S>::width], out[Packet<S>::width];
    x.store(in), y.store(out);
    replace_beyond_limit(beyond_limit, in, out);
    y = Packet<S>::load(out);
  }
  return y;
}

}  // namespace detail

/// sin(x) within 1 ulp for every x; keeps the sign of zero.
template <class S>
[[gnu::always_inline]] inline Packet<S> sin(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::sin(x.v);
  else
    return select(x == 0, x, detail::sine_or([](S a) { return std::sin(a); }, x, 0));
}

/// cos(x) within 1 ulp for every x.
template <class S>
[[gnu::always_inline]] inline Packet<S> cos(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::cos(x.v);
  else
    return detail::sine_or([](S a) { return std::cos(a); }, x, 1);
}

}  // namespace costate::simd
