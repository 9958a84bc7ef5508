#pragma once
// Arithmetic on rows of numbers: stack(a, b) * t, stack(a, b) + stack(c, d), row by row. Rows become an array where they meet one.

#include <costate/autodiff/array.hpp>

namespace costate {
namespace detail {

template <class X>
concept AnyStacked = is_stacked<std::remove_cvref_t<X>>;
/// What an operation on rows applies to each of them.
template <class X>
concept RowOperand = Number<X> || Literal<X>;
/// An operation row by row: at least one side is rows, the other rows as well or a number for all.
template <class A, class B>
concept RowOperands = (AnyStacked<A> && (RowOperand<B> || AnyStacked<B>)) || (RowOperand<A> && AnyStacked<B>);

template <std::size_t I, class X>
decltype(auto) row(const X& x) {
  if constexpr (AnyStacked<X>) return (std::get<I>(x.rows));
  else return (x);
}
template <class X>
inline constexpr std::size_t row_count = 0;
template <class... R>
inline constexpr std::size_t row_count<Stacked<R...>> = sizeof...(R);

template <class F, class A, class B>
auto by_rows(const F& f, const A& a, const B& b) {
  constexpr std::size_t n = std::max(row_count<A>, row_count<B>);
  static_assert(!(AnyStacked<A> && AnyStacked<B>) || row_count<A> == row_count<B>, "costate: stacks of different numbers of rows");
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return Stacked<decltype(f(row<I>(a), row<I>(b)))...>{{f(row<I>(a), row<I>(b))...}};
  }(std::make_index_sequence<n>{});
}

// Beside Stacked, where lookup finds them for rows of plain scalars too.
template <class A, class B>
  requires RowOperands<A, B>
auto operator+(const A& a, const B& b) { return by_rows([](const auto& x, const auto& y) { return x + y; }, a, b); }
template <class A, class B>
  requires RowOperands<A, B>
auto operator-(const A& a, const B& b) { return by_rows([](const auto& x, const auto& y) { return x - y; }, a, b); }
template <class A, class B>
  requires RowOperands<A, B>
auto operator*(const A& a, const B& b) { return by_rows([](const auto& x, const auto& y) { return x * y; }, a, b); }
template <class A, class B>
  requires RowOperands<A, B>
auto operator/(const A& a, const B& b) { return by_rows([](const auto& x, const auto& y) { return x / y; }, a, b); }
template <AnyStacked A>
auto operator-(const A& a) { return by_rows([](const auto& x, const auto&) { return -x; }, a, 0); }

}  // namespace detail
}  // namespace costate
