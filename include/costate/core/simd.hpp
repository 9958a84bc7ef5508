#pragma once
// Packet<S>: a machine register of S as a number type; every operation acts on all lanes at once.
//
// A dynamics of a batch is written for one number and evaluated with packets, one lane per sample; the elementwise functions
// of math.hpp are kernels over packets. A packet is a value: it wraps a vector type of the compiler (GCC and Clang's
// `vector_size`), so each operator is one instruction on any target; intrinsics only shorten a few (square root, partial loads).
// The register is the widest that the target's flags allow: 64 bytes with AVX-512, 32 with AVX, else 16. A scalar without
// registers (long double) has one lane.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <costate/core/intrinsics.hpp>

namespace costate::simd {

namespace detail {

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif

// The register of S, integers of the same size (for a comparison's result, and for S's bits), and the number of lanes.
template <class S>
struct Lanes {
  using Register = S;
  using Bits = bool;
  using Unsigned = bool;
  static constexpr int width = 1;
};
template <>
struct Lanes<float> {
  typedef float Register __attribute__((vector_size(register_bytes)));
  typedef std::int32_t Bits __attribute__((vector_size(register_bytes)));
  typedef std::uint32_t Unsigned __attribute__((vector_size(register_bytes)));
  static constexpr int width = register_bytes / 4;
};
template <>
struct Lanes<double> {
  typedef double Register __attribute__((vector_size(register_bytes)));
  typedef std::int64_t Bits __attribute__((vector_size(register_bytes)));
  typedef std::uint64_t Unsigned __attribute__((vector_size(register_bytes)));
  static constexpr int width = register_bytes / 8;
};

}  // namespace detail

template <class S>
struct Packet;

/// The result of comparing packets: one truth value per lane. Combine with `&& || !`, ask with any and all, use in select.
template <class S>
struct Mask {
  using Bits = typename detail::Lanes<S>::Bits;
  Bits bits;

  [[gnu::always_inline]] friend Mask operator&&(Mask a, Mask b) { return {static_cast<Bits>(a.bits & b.bits)}; }
  [[gnu::always_inline]] friend Mask operator||(Mask a, Mask b) { return {static_cast<Bits>(a.bits | b.bits)}; }
  [[gnu::always_inline]] friend Mask operator!(Mask a) { return {a.bits == Bits{}}; }
  /// Lane by lane: mask ? a : b. Both sides are evaluated, and may be literals.
  [[gnu::always_inline]] friend Packet<S> select(Mask mask, Packet<S> a, Packet<S> b) { return Packet<S>(mask.bits ? a.v : b.v); }
  [[gnu::always_inline]] bool operator[](int lane) const {
    if constexpr (detail::Lanes<S>::width == 1)
      return static_cast<void>(lane), bits;
    else
      return bits[lane] != 0;
  }
};

/// A register of S. Arithmetic with S and with literals of any arithmetic type works on either side.
template <class S>
struct Packet {
  using Scalar = S;
  using Register = typename detail::Lanes<S>::Register;
  static constexpr int width = detail::Lanes<S>::width;

  Register v;

  /// Indeterminate like a built-in number; `Packet<S>{}` is zero.
  Packet() = default;
  /// All lanes equal to x, converted to S.
  template <class T>
  requires std::is_arithmetic_v<T>
  [[gnu::always_inline]] Packet(T x) : v(static_cast<S>(x) - Register{}) {}  // x − 0 is x, also for −0
  [[gnu::always_inline]] explicit(width > 1) Packet(Register r) : v(r) {}

  /// `width` numbers from memory of any alignment.
  [[gnu::always_inline]] static Packet load(const S* from) {
    Packet p;
    std::memcpy(&p.v, from, sizeof(p.v));
    return p;
  }
  [[gnu::always_inline]] void store(S* to) const { std::memcpy(to, &v, sizeof(v)); }

  /// The first n numbers (1 ≤ n ≤ width) from memory; nothing beyond them is touched. The other lanes repeat the first one.
  [[gnu::always_inline]] static Packet load(const S* from, std::ptrdiff_t n) {
    if constexpr (width == 1) return static_cast<void>(n), load(from);
#if defined(__AVX512F__)
    else if constexpr (sizeof(S) == 8)
      return Packet(_mm512_mask_loadu_pd(Packet(*from).v, __mmask8((1u << n) - 1), from));
    else
      return Packet(_mm512_mask_loadu_ps(Packet(*from).v, __mmask16((1u << n) - 1), from));
#else
    else {
      S lanes[width];
      for (int i = 0; i < width; ++i) lanes[i] = from[i < n ? i : 0];
      return load(lanes);
    }
#endif
  }
  /// Stores the first n lanes (1 ≤ n ≤ width).
  [[gnu::always_inline]] void store(S* to, std::ptrdiff_t n) const {
    if constexpr (width == 1) static_cast<void>(n), store(to);
#if defined(__AVX512F__)
    else if constexpr (sizeof(S) == 8)
      _mm512_mask_storeu_pd(to, __mmask8((1u << n) - 1), v);
    else
      _mm512_mask_storeu_ps(to, __mmask16((1u << n) - 1), v);
#else
    else {
      S lanes[width];
      store(lanes);
      for (int i = 0; i < n; ++i) to[i] = lanes[i];
    }
#endif
  }

  /// The number in a lane, 0 ≤ lane < width.
  [[gnu::always_inline]] S operator[](int lane) const {
    if constexpr (width == 1)
      return static_cast<void>(lane), v;
    else
      return v[lane];
  }
  [[gnu::always_inline]] void set(int lane, S x) {
    if constexpr (width == 1)
      static_cast<void>(lane), v = x;
    else
      v[lane] = x;
  }

  [[gnu::always_inline]] friend Packet operator+(Packet a, Packet b) { return Packet(a.v + b.v); }
  [[gnu::always_inline]] friend Packet operator-(Packet a, Packet b) { return Packet(a.v - b.v); }
  [[gnu::always_inline]] friend Packet operator*(Packet a, Packet b) { return Packet(a.v * b.v); }
  [[gnu::always_inline]] friend Packet operator/(Packet a, Packet b) { return Packet(a.v / b.v); }
  [[gnu::always_inline]] friend Packet operator+(Packet a) { return a; }
  [[gnu::always_inline]] friend Packet operator-(Packet a) { return Packet(-a.v); }
  [[gnu::always_inline]] Packet& operator+=(Packet b) { return v = v + b.v, *this; }
  [[gnu::always_inline]] Packet& operator-=(Packet b) { return v = v - b.v, *this; }
  [[gnu::always_inline]] Packet& operator*=(Packet b) { return v = v * b.v, *this; }
  [[gnu::always_inline]] Packet& operator/=(Packet b) { return v = v / b.v, *this; }

  [[gnu::always_inline]] friend Mask<S> operator==(Packet a, Packet b) { return {a.v == b.v}; }
  [[gnu::always_inline]] friend Mask<S> operator!=(Packet a, Packet b) { return {a.v != b.v}; }
  [[gnu::always_inline]] friend Mask<S> operator<(Packet a, Packet b) { return {a.v < b.v}; }
  [[gnu::always_inline]] friend Mask<S> operator<=(Packet a, Packet b) { return {a.v <= b.v}; }
  [[gnu::always_inline]] friend Mask<S> operator>(Packet a, Packet b) { return {a.v > b.v}; }
  [[gnu::always_inline]] friend Mask<S> operator>=(Packet a, Packet b) { return {a.v >= b.v}; }

  /// a·b + c, with one rounding where the target has fused multiply-add.
  [[gnu::always_inline]] friend Packet muladd(Packet a, Packet b, Packet c) { return Packet(a.v * b.v + c.v); }
};

template <class T>
struct is_packet : std::false_type {};
template <class S>
struct is_packet<Packet<S>> : std::true_type {};
template <class T>
inline constexpr bool is_packet_v = is_packet<T>::value;

namespace detail {

// Folds the upper half of a register onto the lower one until 16 bytes are left.
template <class V, class Combine>
[[gnu::always_inline]] inline auto fold(V x, Combine combine) {
  if constexpr (sizeof(V) == 16)
    return x;
  else if constexpr (sizeof(V) / sizeof(x[0]) == 4)
    return fold(combine(__builtin_shufflevector(x, x, 0, 1), __builtin_shufflevector(x, x, 2, 3)), combine);
  else if constexpr (sizeof(V) / sizeof(x[0]) == 8)
    return fold(combine(__builtin_shufflevector(x, x, 0, 1, 2, 3), __builtin_shufflevector(x, x, 4, 5, 6, 7)), combine);
  else
    return fold(combine(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
                        __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)),
                combine);
}

}  // namespace detail

/// The sum of the lanes, added pairwise.
template <class S>
[[gnu::always_inline]] inline S sum(Packet<S> p) {
  if constexpr (Packet<S>::width == 1)
    return p.v;
  else {
    const auto x = detail::fold(p.v, [](auto a, auto b) { return a + b; });
    if constexpr (sizeof(S) == 8)
      return x[0] + x[1];
    else
      return (x[0] + x[2]) + (x[1] + x[3]);
  }
}

/// The greatest lane; NaN if any lane is NaN.
template <class S>
[[gnu::always_inline]] inline S max(Packet<S> p) {
  if constexpr (Packet<S>::width == 1)
    return p.v;
  else {
    const auto larger = [](auto a, auto b) { return ((a > b) | (a != a)) ? a : b; };
    const auto x = detail::fold(p.v, larger);
    if constexpr (sizeof(S) == 8)
      return larger(x[0], x[1]);
    else
      return larger(larger(x[0], x[2]), larger(x[1], x[3]));
  }
}

/// Whether the condition holds in at least one lane.
template <class S>
[[gnu::always_inline]] inline bool any(Mask<S> m) {
  if constexpr (detail::Lanes<S>::width == 1)
    return m.bits;
  else {
    const auto x = detail::fold(m.bits, [](auto a, auto b) { return a | b; });
    std::int64_t halves[2];
    std::memcpy(halves, &x, 16);
    return (halves[0] | halves[1]) != 0;
  }
}

/// Whether the condition holds in all lanes.
template <class S>
[[gnu::always_inline]] inline bool all(Mask<S> m) {
  return !any(!m);
}

/// The smaller (greater) of a and b in each lane. NaN on either side gives NaN; of −0 and +0 the second is taken.
template <class S>
[[gnu::always_inline]] inline Packet<S> min(Packet<S> a, Packet<S> b) {
  return select(a < b || a != a, a, b);
}
template <class S>
[[gnu::always_inline]] inline Packet<S> max(Packet<S> a, Packet<S> b) {
  return select(a > b || a != a, a, b);
}
template <class S, class T>
requires std::is_arithmetic_v<T>
[[gnu::always_inline]] inline Packet<S> min(Packet<S> a, T b) { return min(a, Packet<S>(b)); }
template <class S, class T>
requires std::is_arithmetic_v<T>
[[gnu::always_inline]] inline Packet<S> min(T a, Packet<S> b) { return min(Packet<S>(a), b); }
template <class S, class T>
requires std::is_arithmetic_v<T>
[[gnu::always_inline]] inline Packet<S> max(Packet<S> a, T b) { return max(a, Packet<S>(b)); }
template <class S, class T>
requires std::is_arithmetic_v<T>
[[gnu::always_inline]] inline Packet<S> max(T a, Packet<S> b) { return max(Packet<S>(a), b); }

}  // namespace costate::simd
