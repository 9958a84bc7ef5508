#pragma once
// Differentiable numbers.
//
// An Expression is what arithmetic on numbers returns: its value and, flat, the partial derivative with respect to each of its N
// leaves. Its type depends on N alone, it is held by value, and nothing is recorded until it is given a name. Naming it (a Named,
// for users cs::Var<S>) records one statement: the partials of the whole right-hand side. An operator whose result would have
// more than max_leaves leaves names its larger operand first, so chains of `auto` intermediates cost linear time.

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

#include <costate/autodiff/functions.hpp>
#include <costate/autodiff/tape.hpp>
#include <costate/core/error.hpp>

namespace costate {

namespace detail {
inline constexpr int max_leaves = 16;
}

template <class T, int N>
struct Expression {
  using tape_type = T;
  using scalar = typename T::scalar;
  scalar value_;
  std::array<scalar, static_cast<std::size_t>(N)> partial;
  std::array<scalar*, static_cast<std::size_t>(N)> cell;  ///< null for constants
  T* tape;

  [[nodiscard]] scalar value() const { return value_; }
};

/// A number on a tape that runs as an ordinary scalar type: T(0), compound assignment, comparisons, std::vector<T>.
/// Copies share the cell; constants have none.
template <class T>
class Named {
 public:
  using tape_type = T;
  using scalar = typename T::scalar;

  Named() = default;
  template <class A>
    requires std::is_arithmetic_v<A> || std::same_as<A, scalar>
  Named(A constant) : value_(static_cast<scalar>(constant)) {}  // NOLINT: numbers convert from literals
  template <int N>
  Named(const Expression<T, N>& e) : value_(e.value_) {  // NOLINT: naming an expression is an initialisation
    if constexpr (N == 1) {
      if (detail::is_constant_one(e.partial[0])) {
        cell_ = e.cell[0];
        tape_ = e.tape;
        return;
      }
    }
    record(e);
  }
  Named(scalar value, scalar* cell, T* tape) : value_(value), cell_(cell), tape_(tape) {}

  template <class X>
  Named& operator+=(const X& x) { return *this = *this + x; }
  template <class X>
  Named& operator-=(const X& x) { return *this = *this - x; }
  template <class X>
  Named& operator*=(const X& x) { return *this = *this * x; }
  template <class X>
  Named& operator/=(const X& x) { return *this = *this / x; }

  [[nodiscard]] scalar value() const { return value_; }
  [[nodiscard]] scalar* cell() const { return cell_; }
  [[nodiscard]] T* tape() const { return tape_; }

 private:
  template <int N>
  void record(const Expression<T, N>& e) {
    bool constant = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(N); ++i) constant &= e.cell[i] == nullptr;
    if (constant) return;
    tape_ = e.tape;
    tape_->reserve(static_cast<std::size_t>(N));
    for (std::size_t i = 0; i < static_cast<std::size_t>(N); ++i)
      if (e.cell[i] != nullptr) tape_->entry(e.partial[i], e.cell[i]);
    cell_ = tape_->cells(1);
    tape_->close(cell_);
  }

  scalar value_ = 0;
  scalar* cell_ = nullptr;
  T* tape_ = nullptr;
};

/// A named scalar on the library's tape.
template <class S>
using Var = Named<Tape<S>>;

namespace detail {

template <class X>
inline constexpr bool is_number = false;
template <class T>
inline constexpr bool is_number<Named<T>> = true;
template <class T, int N>
inline constexpr bool is_number<Expression<T, N>> = true;

template <class X>
concept Number = is_number<std::remove_cvref_t<X>>;
/// A literal next to a number.
template <class X>
concept Literal = std::is_arithmetic_v<std::remove_cvref_t<X>>;

template <class T, int N>
[[gnu::always_inline]] inline const Expression<T, N>& expression(const Expression<T, N>& e) {
  return e;
}
template <class T>
[[gnu::always_inline]] inline Expression<T, 1> expression(const Named<T>& x) {
  return {x.value(), {typename T::scalar(1)}, {x.cell()}, x.tape()};
}

template <class T, int N, std::size_t... I>
[[gnu::always_inline]] inline Expression<T, N> chain(typename T::scalar value, typename T::scalar d, const Expression<T, N>& e, std::index_sequence<I...>) {
  return {value, {(d * e.partial[I])...}, {e.cell[I]...}, e.tape};
}
/// F(e) with slope d.
template <class T, int N>
[[gnu::always_inline]] inline Expression<T, N> chain(typename T::scalar value, typename T::scalar d, const Expression<T, N>& e) {
  return chain(value, d, e, std::make_index_sequence<static_cast<std::size_t>(N)>{});
}

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_tapes() {
  fail<Error>("the operands of one operation live on different tapes; a dynamics gets variables from outside through theta, not by capturing them");
}
template <class T>
[[gnu::always_inline]] inline T* one_tape(T* a, T* b) {
  if (a == nullptr) return b;
  if (b != nullptr && b != a) [[unlikely]] fail_tapes();
  return a;
}

template <class T, int N, int M, std::size_t... I, std::size_t... J>
[[gnu::always_inline]] inline Expression<T, N + M> join(typename T::scalar value, typename T::scalar da, const Expression<T, N>& a, typename T::scalar db,
                                                        const Expression<T, M>& b, std::index_sequence<I...>, std::index_sequence<J...>) {
  return {value, {(da * a.partial[I])..., (db * b.partial[J])...}, {a.cell[I]..., b.cell[J]...}, one_tape(a.tape, b.tape)};
}
/// F(a, b) with partial derivatives da and db.
template <class T, int N, int M>
[[gnu::always_inline]] inline auto join(typename T::scalar value, typename T::scalar da, const Expression<T, N>& a, typename T::scalar db,
                                        const Expression<T, M>& b) {
  if constexpr (N + M <= max_leaves)
    return join(value, da, a, db, b, std::make_index_sequence<static_cast<std::size_t>(N)>{}, std::make_index_sequence<static_cast<std::size_t>(M)>{});
  else if constexpr (N >= M)
    return join(value, da, expression(Named<T>(a)), db, b);
  else
    return join(value, da, a, db, expression(Named<T>(b)));
}

template <class X>
using tape_type_of = typename std::remove_cvref_t<X>::tape_type;
template <class X>
using number_scalar = typename std::remove_cvref_t<X>::scalar;

template <class A, class B>
concept NumberPair = Number<A> && Number<B> && std::same_as<tape_type_of<A>, tape_type_of<B>>;

template <class F, Number X>
[[gnu::always_inline]] inline auto apply_function(const X& x) {
  const auto& e = expression(x);
  const auto h = F::value(e.value_);
  return chain(h, F::slope(e.value_, h), e);
}

}  // namespace detail

template <detail::Number A>
[[gnu::always_inline]] inline A operator+(const A& a) { return a; }
template <detail::Number A>
[[gnu::always_inline]] inline auto operator-(const A& a) {
  const auto& x = detail::expression(a);
  using S = detail::number_scalar<A>;
  return detail::chain(-x.value_, S(-1), x);
}

template <class A, class B>
  requires detail::NumberPair<A, B>
[[gnu::always_inline]] inline auto operator+(const A& a, const B& b) {
  const auto& x = detail::expression(a);
  const auto& y = detail::expression(b);
  using S = detail::number_scalar<A>;
  return detail::join(x.value_ + y.value_, S(1), x, S(1), y);
}
template <class A, class B>
  requires detail::NumberPair<A, B>
[[gnu::always_inline]] inline auto operator-(const A& a, const B& b) {
  const auto& x = detail::expression(a);
  const auto& y = detail::expression(b);
  using S = detail::number_scalar<A>;
  return detail::join(x.value_ - y.value_, S(1), x, S(-1), y);
}
template <class A, class B>
  requires detail::NumberPair<A, B>
[[gnu::always_inline]] inline auto operator*(const A& a, const B& b) {
  const auto& x = detail::expression(a);
  const auto& y = detail::expression(b);
  return detail::join(x.value_ * y.value_, y.value_, x, x.value_, y);
}
template <class A, class B>
  requires detail::NumberPair<A, B>
[[gnu::always_inline]] inline auto operator/(const A& a, const B& b) {
  const auto& x = detail::expression(a);
  const auto& y = detail::expression(b);
  using S = detail::number_scalar<A>;
  const S r = S(1) / y.value_, q = x.value_ / y.value_;
  return detail::join(q, r, x, -q * r, y);
}

template <detail::Number A, detail::Literal B>
[[gnu::always_inline]] inline auto operator+(const A& a, B b) {
  using S = detail::number_scalar<A>;
  const auto& x = detail::expression(a);
  return detail::chain(x.value_ + static_cast<S>(b), S(1), x);
}
template <detail::Literal A, detail::Number B>
[[gnu::always_inline]] inline auto operator+(A a, const B& b) { return b + a; }
template <detail::Number A, detail::Literal B>
[[gnu::always_inline]] inline auto operator-(const A& a, B b) {
  using S = detail::number_scalar<A>;
  const auto& x = detail::expression(a);
  return detail::chain(x.value_ - static_cast<S>(b), S(1), x);
}
template <detail::Literal A, detail::Number B>
[[gnu::always_inline]] inline auto operator-(A a, const B& b) {
  using S = detail::number_scalar<B>;
  const auto& x = detail::expression(b);
  return detail::chain(static_cast<S>(a) - x.value_, S(-1), x);
}
template <detail::Number A, detail::Literal B>
[[gnu::always_inline]] inline auto operator*(const A& a, B b) {
  using S = detail::number_scalar<A>;
  const auto& x = detail::expression(a);
  return detail::chain(x.value_ * static_cast<S>(b), static_cast<S>(b), x);
}
template <detail::Literal A, detail::Number B>
[[gnu::always_inline]] inline auto operator*(A a, const B& b) { return b * a; }
template <detail::Number A, detail::Literal B>
[[gnu::always_inline]] inline auto operator/(const A& a, B b) {
  using S = detail::number_scalar<A>;
  const auto& x = detail::expression(a);
  return detail::chain(x.value_ / static_cast<S>(b), S(1) / static_cast<S>(b), x);
}
template <detail::Literal A, detail::Number B>
[[gnu::always_inline]] inline auto operator/(A a, const B& b) {
  using S = detail::number_scalar<B>;
  const auto& x = detail::expression(b);
  const S q = static_cast<S>(a) / x.value_;
  return detail::chain(q, -q / x.value_, x);
}

// Comparisons look at values alone. clang-format off
#define COSTATE_COMPARE(op)                                                                                            \
  template <class A, class B> requires detail::NumberPair<A, B>                                                        \
  [[gnu::always_inline]] inline auto operator op(const A& a, const B& b) { return a.value() op b.value(); }            \
  template <detail::Number A, detail::Literal B>                                                                       \
  [[gnu::always_inline]] inline auto operator op(const A& a, B b) { return a.value() op static_cast<detail::number_scalar<A>>(b); } \
  template <detail::Literal A, detail::Number B>                                                                       \
  [[gnu::always_inline]] inline auto operator op(A a, const B& b) { return static_cast<detail::number_scalar<B>>(a) op b.value(); }
COSTATE_COMPARE(<)
COSTATE_COMPARE(<=)
COSTATE_COMPARE(>)
COSTATE_COMPARE(>=)
COSTATE_COMPARE(==)
COSTATE_COMPARE(!=)
#undef COSTATE_COMPARE
// clang-format on

template <detail::Number X>
bool isfinite(const X& x) {
  return x.value() - x.value() == 0;
}
template <detail::Number X>
bool isnan(const X& x) {
  return !(x.value() == x.value());
}

}  // namespace costate

/// A named scalar has its value's limits.
template <class T>
class std::numeric_limits<costate::Named<T>> : public std::numeric_limits<typename T::scalar> {};
