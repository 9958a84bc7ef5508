#pragma once
// Exact rationals at compile time: the coefficients of Runge–Kutta tableaus as their papers print them, `1_r/3`.
// An overflow or a division by zero is a compile error.

#include <cstdint>
#include <numeric>

namespace costate {

/// A fraction in lowest terms with a positive denominator. Its members are public so that it can be a template argument.
struct Rational {
  std::int64_t num = 0;
  std::int64_t den = 1;

  constexpr Rational() = default;
  constexpr Rational(std::int64_t n, std::int64_t d = 1) {
    if (d == 0) throw "costate: a rational with denominator zero";
    const std::int64_t g = std::gcd(n, d) * (d < 0 ? -1 : 1);
    num = n / g;
    den = d / g;
  }

  /// The nearest value of a floating-point type.
  template <class S>
  constexpr S as() const {
    return static_cast<S>(static_cast<long double>(num) / static_cast<long double>(den));
  }

  constexpr bool operator==(const Rational&) const = default;

  friend constexpr Rational operator-(Rational x) { return {-x.num, x.den}; }
  friend constexpr Rational operator*(Rational x, Rational y) {
    const Rational p(x.num, y.den), q(y.num, x.den);  // reduced first, so that only a true overflow is one
    return {product(p.num, q.num), product(p.den, q.den)};
  }
  friend constexpr Rational operator/(Rational x, Rational y) { return x * Rational(y.den, y.num); }
  friend constexpr Rational operator+(Rational x, Rational y) {
    const std::int64_t g = std::gcd(x.den, y.den);
    return {sum(product(x.num, y.den / g), product(y.num, x.den / g)), product(x.den, y.den / g)};
  }
  friend constexpr Rational operator-(Rational x, Rational y) { return x + -y; }

 private:
  static constexpr std::int64_t product(std::int64_t x, std::int64_t y) {
    std::int64_t z = 0;
    if (__builtin_mul_overflow(x, y, &z)) throw "costate: a rational overflows";
    return z;
  }
  static constexpr std::int64_t sum(std::int64_t x, std::int64_t y) {
    std::int64_t z = 0;
    if (__builtin_add_overflow(x, y, &z)) throw "costate: a rational overflows";
    return z;
  }
};

inline namespace literals {
/// `1_r/3` is one third.
consteval Rational operator""_r(unsigned long long n) { return Rational(static_cast<std::int64_t>(n)); }
}  // namespace literals

}  // namespace costate
