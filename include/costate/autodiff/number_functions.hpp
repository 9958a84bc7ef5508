#pragma once
// Functions of two numbers on a tape, and the choice between them.

#include <costate/autodiff/number.hpp>

namespace costate {

namespace detail {
/// The partial derivatives of h = xʸ. Where a vanishing factor meets an infinite one the limit is 0.
template <class S>
S power_slope(S x, S y) { return y == S(0) ? S(0) : y * costate::pow(x, y - S(1)); }
template <class S>
S exponent_slope(S x, S h) { return h == S(0) || (x == S(0) && h <= S(1)) ? S(0) : h * costate::log(x); }
}  // namespace detail

/// a to the power b. At base 0 the derivative with respect to an exponent ≥ 0 is 0.
template <class A, class B>
  requires detail::NumberPair<A, B>
auto pow(const A& a, const B& b) {
  const auto& x = detail::expression(a);
  const auto& y = detail::expression(b);
  const auto h = costate::pow(x.value_, y.value_);
  return detail::join(h, detail::power_slope(x.value_, y.value_), x, detail::exponent_slope(x.value_, h), y);
}
template <detail::Number A, detail::Literal B>
auto pow(const A& a, B b) {
  using S = detail::number_scalar<A>;
  const auto& x = detail::expression(a);
  const S n = static_cast<S>(b);
  return detail::chain(costate::pow(x.value_, n), detail::power_slope(x.value_, n), x);
}
template <detail::Literal A, detail::Number B>
auto pow(A a, const B& b) {
  using S = detail::number_scalar<B>;
  const auto& y = detail::expression(b);
  const S base = static_cast<S>(a), h = costate::pow(base, y.value_);
  return detail::chain(h, detail::exponent_slope(base, h), y);
}
template <class A, class B>
  requires detail::NumberPair<A, B>
auto atan2(const A& a, const B& b) {
  const auto& y = detail::expression(a);
  const auto& x = detail::expression(b);
  const auto r2 = x.value_ * x.value_ + y.value_ * y.value_;
  return detail::join(costate::atan2(y.value_, x.value_), x.value_ / r2, y, -y.value_ / r2, x);
}
template <detail::Number A, detail::Literal B>
auto atan2(const A& a, B b) {
  using S = detail::number_scalar<A>;
  const auto& y = detail::expression(a);
  const S x = static_cast<S>(b);
  return detail::chain(costate::atan2(y.value_, x), x / (x * x + y.value_ * y.value_), y);
}
template <detail::Literal A, detail::Number B>
auto atan2(A a, const B& b) {
  using S = detail::number_scalar<B>;
  const auto& x = detail::expression(b);
  const S y = static_cast<S>(a);
  return detail::chain(costate::atan2(y, x.value_), -y / (x.value_ * x.value_ + y * y), x);
}

namespace detail {
/// An expression or, where it is not chosen, a constant: a branch not taken passes nothing on, whatever is multiplied with it.
template <class T, int N>
Expression<T, N> chosen(bool yes, Expression<T, N> e) {
  if (yes) return e;
  e.partial.fill(typename T::scalar(0));
  e.cell.fill(nullptr);
  return e;
}
}  // namespace detail

/// `condition ? a : b` for numbers, whatever the two expressions' types.
template <class A, class B>
  requires detail::NumberPair<A, B>
auto where(bool condition, const A& a, const B& b) {
  using S = detail::number_scalar<A>;
  return detail::join(condition ? a.value() : b.value(), S(1), detail::chosen(condition, detail::expression(a)), S(1),
                      detail::chosen(!condition, detail::expression(b)));
}
template <detail::Number A, detail::Literal B>
auto where(bool condition, const A& a, B b) {
  using S = detail::number_scalar<A>;
  return detail::chain(condition ? a.value() : static_cast<S>(b), S(1), detail::chosen(condition, detail::expression(a)));
}
template <detail::Literal A, detail::Number B>
auto where(bool condition, A a, const B& b) {
  return where(!condition, b, a);
}
template <detail::Literal A, detail::Literal B>
auto where(bool condition, A a, B b) {
  return condition ? static_cast<std::common_type_t<A, B>>(a) : static_cast<std::common_type_t<A, B>>(b);
}

}  // namespace costate
