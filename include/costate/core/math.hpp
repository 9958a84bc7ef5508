#pragma once
// The elementwise functions of costate: cs::tanh, cs::softplus, … of numbers and of packets (and, in autodiff, of variables).
//
// Call them qualified, `cs::exp(x)`: unqualified `exp(float)` may be the C library's for double. A number of type float, double
// or long double gives the same type and goes to the standard library; an integer alone counts as double. A packet goes to the
// vector kernels, whose accuracy is stated where they are; tan, sinh, cosh, asin, acos, atan, atan2, erf and real powers of
// packets are evaluated lane by lane.

#include <cmath>
#include <type_traits>

#include <costate/core/simd_exp.hpp>
#include <costate/core/simd_log.hpp>
#include <costate/core/simd_trig.hpp>

namespace costate {

/// A built-in number: what the elementwise functions take besides packets and variables.
template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

namespace detail {

// The type in which built-in numbers are computed: an integer takes on the type of the floating-point number beside it.
template <class... T>
using real_t = std::conditional_t<std::is_floating_point_v<std::common_type_t<T...>>, std::common_type_t<T...>, double>;

}  // namespace detail

template <Arithmetic T>
inline detail::real_t<T> exp(T x) {
  return std::exp(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> expm1(T x) {
  return std::expm1(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> log(T x) {
  return std::log(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> log1p(T x) {
  return std::log1p(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> tanh(T x) {
  return std::tanh(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> sinh(T x) {
  return std::sinh(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> cosh(T x) {
  return std::cosh(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> sin(T x) {
  return std::sin(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> cos(T x) {
  return std::cos(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> tan(T x) {
  return std::tan(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> asin(T x) {
  return std::asin(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> acos(T x) {
  return std::acos(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> atan(T x) {
  return std::atan(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> sqrt(T x) {
  return std::sqrt(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> erf(T x) {
  return std::erf(detail::real_t<T>(x));
}

/// 1/(1 + e⁻ˣ); eˣ for very negative x, never an overflow.
template <Arithmetic T>
inline detail::real_t<T> sigmoid(T x_) {
  const auto x = detail::real_t<T>(x_), e = std::exp(-std::abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}
/// log(1 + eˣ); x for large x, eˣ for very negative x.
template <Arithmetic T>
inline detail::real_t<T> softplus(T x_) {
  const auto x = detail::real_t<T>(x_);
  return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x)));
}
/// x·sigmoid(x), also called swish; 0 at −∞.
template <Arithmetic T>
inline detail::real_t<T> silu(T x_) {
  const auto x = detail::real_t<T>(x_), lowest = std::numeric_limits<detail::real_t<T>>::lowest();
  return (x < lowest ? lowest : x) * sigmoid(x);
}

template <Arithmetic T>
inline detail::real_t<T> abs(T x) {
  return std::abs(detail::real_t<T>(x));
}
template <Arithmetic T>
inline detail::real_t<T> square(T x) {
  return detail::real_t<T>(x) * detail::real_t<T>(x);
}
template <Arithmetic T>
inline detail::real_t<T> cube(T x) {
  return square(x) * detail::real_t<T>(x);
}
/// −1, 0 or 1; NaN for NaN.
template <Arithmetic T>
inline detail::real_t<T> sign(T x_) {
  const auto x = detail::real_t<T>(x_);
  return x > 0 ? 1 : x < 0 ? -1 : x;
}
/// x where positive, else 0; NaN for NaN.
template <Arithmetic T>
inline detail::real_t<T> relu(T x) {
  return x <= 0 ? 0 : detail::real_t<T>(x);
}

/// x where positive, else eˣ − 1.
template <Arithmetic T>
inline detail::real_t<T> elu(T x) {
  return x > 0 ? detail::real_t<T>(x) : std::expm1(detail::real_t<T>(x));
}

/// The smaller (greater) number; NaN if either is NaN, unlike std::fmin and std::min.
template <Arithmetic T, Arithmetic U>
inline detail::real_t<T, U> min(T a_, U b_) {
  const auto a = detail::real_t<T, U>(a_), b = detail::real_t<T, U>(b_);
  return a < b || a != a ? a : b;
}
template <Arithmetic T, Arithmetic U>
inline detail::real_t<T, U> max(T a_, U b_) {
  const auto a = detail::real_t<T, U>(a_), b = detail::real_t<T, U>(b_);
  return a > b || a != a ? a : b;
}
/// The angle of the point (x, y).
template <Arithmetic T, Arithmetic U>
inline detail::real_t<T, U> atan2(T y, U x) {
  return std::atan2(detail::real_t<T, U>(y), detail::real_t<T, U>(x));
}
/// xʸ. The exponent may be an integer: pow(2.5f, 3) is a float.
template <Arithmetic T, Arithmetic U>
inline detail::real_t<T, U> pow(T x, U y) {
  return std::pow(detail::real_t<T, U>(x), detail::real_t<T, U>(y));
}

namespace simd {

/// √x, correctly rounded. (By intrinsics: std::sqrt must set errno, which keeps compilers from vectorising it.)
template <class S>
[[gnu::always_inline]] inline Packet<S> sqrt(Packet<S> x) {
  if constexpr (Packet<S>::width == 1) return std::sqrt(x.v);
#if defined(__AVX512F__)
  else if constexpr (sizeof(S) == 8)
    return Packet<S>(_mm512_mask_sqrt_pd(x.v, __mmask8(-1), x.v));
  else
    return Packet<S>(_mm512_mask_sqrt_ps(x.v, __mmask16(-1), x.v));
#elif defined(__AVX__)
  else if constexpr (sizeof(S) == 8)
    return Packet<S>(_mm256_sqrt_pd(x.v));
  else
    return Packet<S>(_mm256_sqrt_ps(x.v));
#elif defined(__SSE2__)
  else if constexpr (sizeof(S) == 8)
    return Packet<S>(_mm_sqrt_pd(x.v));
  else
    return Packet<S>(_mm_sqrt_ps(x.v));
#else
  else
    return detail::lane_by_lane([](S a) { return std::sqrt(a); }, x);
#endif
}
template <class S>
[[gnu::always_inline]] inline Packet<S> square(Packet<S> x) {
  return x * x;
}
template <class S>
[[gnu::always_inline]] inline Packet<S> cube(Packet<S> x) {
  return x * x * x;
}
template <class S>
[[gnu::always_inline]] inline Packet<S> sign(Packet<S> x) {
  return select(x > 0, 1, select(x < 0, -1, x));
}
template <class S>
[[gnu::always_inline]] inline Packet<S> relu(Packet<S> x) {
  return select(x <= 0, 0, x);
}
template <class S>
[[gnu::always_inline]] inline Packet<S> silu(Packet<S> x) {
  const S lowest = std::numeric_limits<S>::lowest();
  return select(x < lowest, lowest, x) * sigmoid(x);
}
template <class S>
[[gnu::always_inline]] inline Packet<S> elu(Packet<S> x) {
  return select(x > 0, x, expm1(select(x > 0, 0, x)));
}

template <class S>
inline Packet<S> tan(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::tan(a); }, x);
}
template <class S>
inline Packet<S> sinh(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::sinh(a); }, x);
}
template <class S>
inline Packet<S> cosh(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::cosh(a); }, x);
}
template <class S>
inline Packet<S> asin(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::asin(a); }, x);
}
template <class S>
inline Packet<S> acos(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::acos(a); }, x);
}
template <class S>
inline Packet<S> atan(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::atan(a); }, x);
}
template <class S>
inline Packet<S> erf(Packet<S> x) {
  return detail::lane_by_lane([](S a) { return std::erf(a); }, x);
}

template <class S>
inline Packet<S> atan2(Packet<S> y, Packet<S> x) {
  return detail::lane_by_lane([](S a, S b) { return std::atan2(a, b); }, y, x);
}
template <class S, Arithmetic T>
inline Packet<S> atan2(Packet<S> y, T x) {
  return atan2(y, Packet<S>(x));
}
template <class S, Arithmetic T>
inline Packet<S> atan2(T y, Packet<S> x) {
  return atan2(Packet<S>(y), x);
}

template <class S>
inline Packet<S> pow(Packet<S> x, Packet<S> y) {
  return detail::lane_by_lane([](S a, S b) { return std::pow(a, b); }, x, y);
}
/// An integer power up to ±16 is a product of squares: within 8 ulp; other powers are the C library's, lane by lane.
template <class S, Arithmetic T>
[[gnu::always_inline]] inline Packet<S> pow(Packet<S> x, T y) {
  if constexpr (std::is_integral_v<T>) {
    if (const auto n = static_cast<long long>(y); - 16 <= n && n <= 16) {
      Packet<S> result = 1, factor = x;
      for (auto left = n < 0 ? -n : n; left != 0; left /= 2, factor *= factor)
        if (left % 2 != 0) result *= factor;
      return n < 0 ? 1 / result : result;
    }
  }
  return pow(x, Packet<S>(y));
}
template <class S, Arithmetic T>
inline Packet<S> pow(T x, Packet<S> y) {
  return pow(Packet<S>(x), y);
}

}  // namespace simd

using simd::abs, simd::acos, simd::asin, simd::atan, simd::atan2, simd::cos, simd::cosh, simd::cube, simd::elu, simd::erf, simd::exp,
    simd::expm1;
using simd::log, simd::log1p, simd::max, simd::min, simd::pow, simd::relu, simd::sigmoid, simd::sign, simd::silu, simd::sin;
using simd::sinh, simd::softplus, simd::sqrt, simd::square, simd::tan, simd::tanh;

}  // namespace costate
