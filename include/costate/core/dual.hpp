#pragma once
// Dual numbers a + b ε, ε² = 0: a value and its derivative along one direction. As the scalar of a tape of numbers they give the second
// derivatives of a dynamics of components: a pullback of dual numbers is the pullback and its directional derivative at once.

#include <costate/core/math.hpp>

namespace costate {

template <class S>
struct Dual {
  S value, tangent;

  Dual() = default;
  template <class A>
    requires std::is_arithmetic_v<A>
  Dual(A constant) : value(static_cast<S>(constant)), tangent(0) {}  // NOLINT: duals convert from literals
  Dual(S v, S t) : value(v), tangent(t) {}

  friend Dual operator-(Dual a) { return {-a.value, -a.tangent}; }
  friend Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.tangent + b.tangent}; }
  friend Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.tangent - b.tangent}; }
  friend Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.tangent * b.value + a.value * b.tangent}; }
  friend Dual operator/(Dual a, Dual b) {
    const S q = a.value / b.value;
    return {q, (a.tangent - q * b.tangent) / b.value};
  }
  Dual& operator+=(Dual b) { return *this = *this + b; }
  Dual& operator-=(Dual b) { return *this = *this - b; }
  Dual& operator*=(Dual b) { return *this = *this * b; }
  Dual& operator/=(Dual b) { return *this = *this / b; }

  // Comparisons look at values alone.
  friend bool operator==(Dual a, Dual b) { return a.value == b.value; }
  friend bool operator!=(Dual a, Dual b) { return a.value != b.value; }
  friend bool operator<(Dual a, Dual b) { return a.value < b.value; }
  friend bool operator<=(Dual a, Dual b) { return a.value <= b.value; }
  friend bool operator>(Dual a, Dual b) { return a.value > b.value; }
  friend bool operator>=(Dual a, Dual b) { return a.value >= b.value; }
};

template <class T>
inline constexpr bool is_dual = false;
template <class S>
inline constexpr bool is_dual<Dual<S>> = true;

namespace detail {
/// Whether x is 1 and stays so.
template <class S>
bool is_constant_one(S x) { return x == S(1); }
template <class S>
bool is_constant_one(Dual<S> x) { return x.value == S(1) && x.tangent == S(0); }
}  // namespace detail

template <class S> Dual<S> square(Dual<S> x) { return x * x; }
template <class S> Dual<S> cube(Dual<S> x) { return x * x * x; }
template <class S> Dual<S> exp(Dual<S> x) { const S h = exp(x.value); return {h, h * x.tangent}; }
template <class S> Dual<S> expm1(Dual<S> x) { const S h = expm1(x.value); return {h, (h + 1) * x.tangent}; }
template <class S> Dual<S> log(Dual<S> x) { return {log(x.value), x.tangent / x.value}; }
template <class S> Dual<S> log1p(Dual<S> x) { return {log1p(x.value), x.tangent / (1 + x.value)}; }
template <class S> Dual<S> sqrt(Dual<S> x) { const S h = sqrt(x.value); return {h, x.tangent / (2 * h)}; }
template <class S> Dual<S> tanh(Dual<S> x) { const S h = tanh(x.value); return {h, (1 - h * h) * x.tangent}; }
template <class S> Dual<S> sigmoid(Dual<S> x) { const S h = sigmoid(x.value); return {h, h * (1 - h) * x.tangent}; }
template <class S> Dual<S> softplus(Dual<S> x) { return {softplus(x.value), sigmoid(x.value) * x.tangent}; }
template <class S> Dual<S> silu(Dual<S> x) {
  const S s = sigmoid(x.value), h = silu(x.value);
  return {h, (s * (1 - h) + h) * x.tangent};
}
template <class S> Dual<S> elu(Dual<S> x) { const S h = elu(x.value); return {h, (1 + min(h, S(0))) * x.tangent}; }
template <class S> Dual<S> relu(Dual<S> x) { return {relu(x.value), x.value > 0 ? x.tangent : S(0)}; }
template <class S> Dual<S> abs(Dual<S> x) { return {abs(x.value), sign(x.value) * x.tangent}; }
template <class S> Dual<S> sign(Dual<S> x) { return {sign(x.value), S(0)}; }
template <class S> Dual<S> sin(Dual<S> x) { return {sin(x.value), cos(x.value) * x.tangent}; }
template <class S> Dual<S> cos(Dual<S> x) { return {cos(x.value), -sin(x.value) * x.tangent}; }
template <class S> Dual<S> tan(Dual<S> x) { const S h = tan(x.value); return {h, (1 + h * h) * x.tangent}; }
template <class S> Dual<S> sinh(Dual<S> x) { return {sinh(x.value), cosh(x.value) * x.tangent}; }
template <class S> Dual<S> cosh(Dual<S> x) { return {cosh(x.value), sinh(x.value) * x.tangent}; }
template <class S> Dual<S> asin(Dual<S> x) { return {asin(x.value), x.tangent / sqrt(1 - x.value * x.value)}; }
template <class S> Dual<S> acos(Dual<S> x) { return {acos(x.value), -x.tangent / sqrt(1 - x.value * x.value)}; }
template <class S> Dual<S> atan(Dual<S> x) { return {atan(x.value), x.tangent / (1 + x.value * x.value)}; }
template <class S> Dual<S> erf(Dual<S> x) {
  return {erf(x.value), static_cast<S>(1.1283791670955125738961589031215452L) * exp(-x.value * x.value) * x.tangent};
}
/// The derivative along a vanishing exponent or base is 0, as that of numbers on a tape.
template <class S> Dual<S> pow(Dual<S> x, Dual<S> y) {
  const S h = pow(x.value, y.value);
  const S along_base = x.tangent == 0 || y.value == 0 ? S(0) : y.value * pow(x.value, y.value - 1) * x.tangent;
  const S along_exponent = y.tangent == 0 || h == 0 || (x.value == 0 && h <= 1) ? S(0) : h * log(x.value) * y.tangent;
  return {h, along_base + along_exponent};
}
template <class S> Dual<S> atan2(Dual<S> y, Dual<S> x) {
  return {atan2(y.value, x.value), (x.value * y.tangent - y.value * x.tangent) / (x.value * x.value + y.value * y.value)};
}
template <class S> Dual<S> min(Dual<S> a, Dual<S> b) { return a < b || a != a ? a : b; }
template <class S> Dual<S> max(Dual<S> a, Dual<S> b) { return a > b || a != a ? a : b; }

}  // namespace costate
