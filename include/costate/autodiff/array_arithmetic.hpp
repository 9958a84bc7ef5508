#pragma once
// Arithmetic of arrays, elementwise with broadcasting: extents along each axis are equal or 1. The matrix product is matmul.

#include <costate/autodiff/array.hpp>
#include <costate/autodiff/function_operations.hpp>
#include <costate/autodiff/number_functions.hpp>

namespace costate {

namespace detail {

/// What is a literal where no tape is found.
template <class X>
concept MaybeLiteral = AnyArray<X> || Number<X> || Literal<X>;
template <class T, MaybeLiteral X>
typename T::scalar literal(const X& x) {
  if constexpr (Literal<X>) return static_cast<typename T::scalar>(x);
  else return x.value();
}

/// An elementwise operation of two operands with broadcasting; two literals fold into a literal.
template <class A, class B, class Fold, class Make>
auto binary(const char* name, const A& a, const B& b, const Fold& fold, const Make& make) {
  using T = tape_among<A, B>;
  using R = result_array<A, B>;
  T* const tape = find_tape<T>(a, b);
  if (tape == nullptr) {
    if constexpr (MaybeLiteral<A> && MaybeLiteral<B>) return R(fold(literal<T>(a), literal<T>(b)));
    else fail<ShapeError>(name, ": neither operand is tied to a tape; give the row a value that depends on the state or the parameters first");
  }
  const auto x = to_slot(*tape, a), y = to_slot(*tape, b);
  const auto [r, c] = broadcast_shape(*x, *y, name);
  return R(*tape, apply(*tape, make(x, y, r, c)));
}

template <class F, AnyArray A>
auto apply_function(const A& a) {
  using S = typename A::scalar;
  if (a.slot() == nullptr) return A(F::value(a.value()));
  return A(*a.tape(), apply(*a.tape(), Unary<S, F>(a.slot())));
}

}  // namespace detail

template <detail::AnyArray A>
A operator+(const A& a) { return a; }
template <detail::AnyArray A>
A operator-(const A& a) {
  using S = typename A::scalar;
  if (a.slot() == nullptr) return A(-a.value());
  return A(*a.tape(), detail::apply(*a.tape(), detail::Scale<S>(a.slot(), S(-1), a.rows(), a.cols())));
}

template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator+(const A& a, const B& b) {
  using S = typename detail::tape_among<A, B>::scalar;
  return detail::binary("+", a, b, [](S x, S y) { return x + y; }, [](auto x, auto y, Index r, Index c) { return detail::Combine<S>(x, S(1), y, S(1), r, c); });
}
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator-(const A& a, const B& b) {
  using S = typename detail::tape_among<A, B>::scalar;
  return detail::binary("-", a, b, [](S x, S y) { return x - y; }, [](auto x, auto y, Index r, Index c) { return detail::Combine<S>(x, S(1), y, S(-1), r, c); });
}
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator*(const A& a, const B& b) {
  using S = typename detail::tape_among<A, B>::scalar;
  if constexpr (detail::AnyArray<A> && detail::Literal<B>)
    if (a.slot() != nullptr)
      return A(*a.tape(), detail::apply(*a.tape(), detail::Scale<S>(a.slot(), static_cast<S>(b), a.rows(), a.cols())));
  if constexpr (detail::Literal<A> && detail::AnyArray<B>)
    if (b.slot() != nullptr)
      return B(*b.tape(), detail::apply(*b.tape(), detail::Scale<S>(b.slot(), static_cast<S>(a), b.rows(), b.cols())));
  return detail::binary("*", a, b, [](S x, S y) { return x * y; }, [](auto x, auto y, Index r, Index c) { return detail::Product<S>(x, y, S(1), r, c); });
}
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator/(const A& a, const B& b) {
  using S = typename detail::tape_among<A, B>::scalar;
  return detail::binary("/", a, b, [](S x, S y) { return x / y; }, [](auto x, auto y, Index r, Index c) { return detail::Quotient<S>(x, y, S(1), r, c); });
}
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto pow(const A& a, const B& b) {
  using S = typename detail::tape_among<A, B>::scalar;
  return detail::binary("pow", a, b, [](S x, S y) { return costate::pow(x, y); }, [](auto x, auto y, Index r, Index c) { return detail::Power<S>(x, y, r, c); });
}
/// The angle of the point (x, y); without a derivative at the origin.
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto atan2(const A& y_, const B& x_) {
  using S = typename detail::tape_among<A, B>::scalar;
  return detail::binary("atan2", y_, x_, [](S y, S x) { return costate::atan2(y, x); }, [](auto y, auto x, Index r, Index c) { return detail::Angle<S>(y, x, r, c); });
}

}  // namespace costate
