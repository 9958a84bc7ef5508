#pragma once
// log, log1p and softplus of packets.
//
// x = 2ᵏ(1 + f) with 1 + f in [√½, √2); with s = f/(2 + f), log(1 + f) = 2 artanh s = f − (f²/2 − s(f²/2 + R(s²))), a form
// that loses nothing near f = 0 (Tang, ACM TOMS 16 (1990) 378–400; also used by Sun's fdlibm). R interpolates at Chebyshev
// nodes; its relative error is below 2⁻⁵⁷ for double and 2⁻²⁸ for float.

#include <cmath>

#include <costate/core/simd_exp.hpp>

namespace costate::simd {
namespace detail {

template <class S>
struct LogTable;
template <>
struct LogTable<double> {
  static constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
  static constexpr double r[] = {0.666666666666666971, 0.399999999998988905, 0.285714286262538376, 0.222222110893794962,
                                 0.181828924325368712, 0.153316117220550079, 0.146178071534173250};
};
template <>
struct LogTable<float> {
  static constexpr std::uint32_t sqrt_half = 0x3f3504f3;
  static constexpr float r[] = {0.6666668510f, 0.3998875772f, 0.2958098593f};
};

// A positive normal number as 2ᵏ·m.
template <class S>
struct LogArgument {
  using Unsigned = typename Lanes<S>::Unsigned;
  using Register = typename Lanes<S>::Register;
  Packet<S> k, m;
  Unsigned exponent;  // k + bias

  [[gnu::always_inline]] explicit LogArgument(Packet<S> x) {
    constexpr auto one = reinterpret_bits(S(1)), sqrt_half = LogTable<S>::sqrt_half;
    const Unsigned bits = reinterpret_cast<Unsigned>(x.v) + (one - sqrt_half);
    exponent = bits >> Format<S>::mantissa;
    m = Packet<S>(reinterpret_cast<Register>((bits & ((decltype(one)(1) << Format<S>::mantissa) - 1)) + sqrt_half));
    // the integer becomes a floating-point number as the low bits of 2^mantissa
    constexpr S base = sizeof(S) == 8 ? S(0x1p52) : S(0x1p23f);
    k = Packet<S>(reinterpret_cast<Register>(exponent + reinterpret_bits(base))) - (base + Format<S>::bias);
  }
  // c·2⁻ᵏ, by way of 2¹⁻ᵏ, which is zero rather than garbage for the largest k
  [[gnu::always_inline]] Packet<S> unscale(Packet<S> c) const {
    const auto bits = (2 * Format<S>::bias + 1 - exponent) << Format<S>::mantissa;
    return Packet<S>(0.5) * c * Packet<S>(reinterpret_cast<Register>(bits));
  }
  static constexpr auto reinterpret_bits(S x) {
    return __builtin_bit_cast(std::conditional_t<sizeof(S) == 8, std::uint64_t, std::uint32_t>, x);
  }
};

// log(2ᵏ(m + c)) for a correction |c| below the rounding of m; k is exact.
template <class S>
[[gnu::always_inline]] inline Packet<S> log_of(Packet<S> k, Packet<S> m, Packet<S> c) {
  const Packet<S> f = m - 1, s = f / (2 + f), z = s * s, half_square = Packet<S>(0.5) * f * f;
  const Packet<S> series = s * muladd(z, polynomial(z, LogTable<S>::r), half_square);
  // c/m with 1/m = (1 − s)/(1 + s) ≈ (1 − s)(1 − s + s²)
  const Packet<S> correction = c * (1 - s) * (1 - s + z);
  const Packet<S> low = series + muladd(k, Packet<S>(ExpTable<S>::ln2_low), correction);
  return k * ExpTable<S>::ln2_high - ((half_square - low) - f);
}

}  // namespace detail

/// log(x) within 1 ulp, subnormal numbers included; −∞ at ±0, NaN below.
template <class S>
[[gnu::always_inline]] inline Packet<S> log(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::log(x.v);
  else {
    using Limits = std::numeric_limits<S>;
    const Mask<S> tiny = x < Limits::min();
    const Packet<S> normal = select(tiny, x * (2 / Limits::epsilon()), x);  // ·2^(mantissa + 1)
    const detail::LogArgument<S> argument(normal);
    const Packet<S> k = argument.k - select(tiny, detail::Format<S>::mantissa + 1, 0);
    Packet<S> y = detail::log_of(k, argument.m, Packet<S>(0));
    y = select(x == Limits::infinity() || x != x, x, y);
    return select(x > 0 || x != x, y, select(x == 0, -Limits::infinity(), Limits::quiet_NaN()));
  }
}

/// log(1 + x) within 1 ulp, also near 0; keeps the sign of zero; −∞ at −1, NaN below.
template <class S>
[[gnu::always_inline]] inline Packet<S> log1p(Packet<S> x) {
  if constexpr (Packet<S>::width == 1)
    return std::log1p(x.v);
  else {
    using Limits = std::numeric_limits<S>;
    const Packet<S> u = 1 + x;  // 1 + x = u + c exactly
    const Packet<S> c = select(x < 1, x - (u - 1), 1 - (u - x));
    const detail::LogArgument<S> argument(u);
    Packet<S> y = detail::log_of(argument.k, argument.m, argument.unscale(c));
    y = select(abs(x) < Limits::min() || x == Limits::infinity() || x != x, x, y);
    return select(x > -1 || x != x, y, select(x == -1, -Limits::infinity(), Limits::quiet_NaN()));
  }
}

/// log(1 + eˣ) within 2 ulp: x for large x, eˣ for very negative x.
template <class S>
[[gnu::always_inline]] inline Packet<S> softplus(Packet<S> x) {
  const Packet<S> e = exp(-abs(x)), positive = select(x < 0, 0, x);
  if constexpr (Packet<S>::width == 1)
    return positive + std::log1p(e.v);
  else {  // log1p for an argument in [0, 1]
    const Packet<S> u = 1 + e, c = e - (u - 1);
    const detail::LogArgument<S> argument(u);
    const Packet<S> y = detail::log_of(argument.k, argument.m, argument.unscale(c));
    return positive + select(e < std::numeric_limits<S>::min() || e != e, e, y);
  }
}

}  // namespace costate::simd
