#pragma once
// The elementary functions of numbers and arrays on a tape. Those of plain scalars and packets are in core/math.hpp.

#include <costate/autodiff/array_arithmetic.hpp>

namespace costate {

namespace detail {
template <class X>
concept OnTape = Number<X> || AnyArray<X>;
}

template <detail::OnTape X> auto exp(const X& x) { return detail::apply_function<detail::fn::Exp>(x); }
template <detail::OnTape X> auto expm1(const X& x) { return detail::apply_function<detail::fn::Expm1>(x); }
template <detail::OnTape X> auto log(const X& x) { return detail::apply_function<detail::fn::Log>(x); }
template <detail::OnTape X> auto log1p(const X& x) { return detail::apply_function<detail::fn::Log1p>(x); }
template <detail::OnTape X> auto sqrt(const X& x) { return detail::apply_function<detail::fn::Sqrt>(x); }
template <detail::OnTape X> auto sin(const X& x) { return detail::apply_function<detail::fn::Sin>(x); }
template <detail::OnTape X> auto cos(const X& x) { return detail::apply_function<detail::fn::Cos>(x); }
template <detail::OnTape X> auto tan(const X& x) { return detail::apply_function<detail::fn::Tan>(x); }
template <detail::OnTape X> auto asin(const X& x) { return detail::apply_function<detail::fn::Asin>(x); }
template <detail::OnTape X> auto acos(const X& x) { return detail::apply_function<detail::fn::Acos>(x); }
template <detail::OnTape X> auto atan(const X& x) { return detail::apply_function<detail::fn::Atan>(x); }
template <detail::OnTape X> auto sinh(const X& x) { return detail::apply_function<detail::fn::Sinh>(x); }
template <detail::OnTape X> auto cosh(const X& x) { return detail::apply_function<detail::fn::Cosh>(x); }
template <detail::OnTape X> auto tanh(const X& x) { return detail::apply_function<detail::fn::Tanh>(x); }
template <detail::OnTape X> auto erf(const X& x) { return detail::apply_function<detail::fn::Erf>(x); }
template <detail::OnTape X> auto sigmoid(const X& x) { return detail::apply_function<detail::fn::Sigmoid>(x); }
template <detail::OnTape X> auto softplus(const X& x) { return detail::apply_function<detail::fn::Softplus>(x); }
/// x²
template <detail::OnTape X> auto square(const X& x) { return detail::apply_function<detail::fn::Square>(x); }
/// x³
template <detail::OnTape X> auto cube(const X& x) { return detail::apply_function<detail::fn::Cube>(x); }
/// |x|, with derivative 0 at 0.
template <detail::OnTape X> auto abs(const X& x) { return detail::apply_function<detail::fn::Abs>(x); }
/// max(x, 0), with derivative 0 at 0.
template <detail::OnTape X> auto relu(const X& x) { return detail::apply_function<detail::fn::Relu>(x); }
/// -1, 0 or 1; its derivative is 0.
template <detail::OnTape X> auto sign(const X& x) { return detail::apply_function<detail::fn::Sign>(x); }
/// x sigmoid(x), also called swish.
template <detail::OnTape X> auto silu(const X& x) { return detail::apply_function<detail::fn::Silu>(x); }
/// x where positive, else eˣ − 1.
template <detail::OnTape X> auto elu(const X& x) { return detail::apply_function<detail::fn::Elu>(x); }

// ---- comparisons and selection of arrays ------------------------------------------------------------------------------------

/// The outcome of comparing arrays, one truth value per element, for where().
template <class T>
struct ArrayMask {
  using S = typename T::scalar;
  T* tape;            ///< null if two literals were compared
  Slot<S>* slot;      ///< zeros and ones
  S of_literals = 0;  ///< zero or one

  /// The mask on a tape.
  [[nodiscard]] Slot<S>* on(T& t) const {
    if (slot != nullptr) return slot;
    Slot<S>* const s = detail::make_slot(t, 1, 1);
    s->value[0] = of_literals;
    return s;
  }

  friend ArrayMask operator&&(const ArrayMask& a, const ArrayMask& b) { return both(a, b, [](auto x, auto y) { return x * y; }); }
  friend ArrayMask operator||(const ArrayMask& a, const ArrayMask& b) { return both(a, b, [](auto x, auto y) { return x + y - x * y; }); }
  friend ArrayMask operator!(const ArrayMask& a) { return both(a, a, [](auto x, auto) { return decltype(x)(1) - x; }); }

 private:
  template <class F>
  static ArrayMask both(const ArrayMask& a, const ArrayMask& b, const F& f) {
    T* const t = a.tape != nullptr ? a.tape : b.tape;
    if (t == nullptr) return {nullptr, nullptr, f(a.of_literals, b.of_literals)};
    const auto x = a.on(*t), y = b.on(*t);
    const auto [r, c] = detail::broadcast_shape(*x, *y, "logical operator");
    const auto s = detail::make_slot(*t, r, c);
    detail::broadcast(f, *x, *y, r, c, s->value, false);
    return {t, s};
  }
};

namespace detail {
template <class A, class B, class F>
auto compare(const A& a, const B& b, const F& f) {
  using T = tape_among<A, B>;
  using S = typename T::scalar;
  using P = simd::Packet<S>;
  T* const tape = find_tape<T>(a, b);
  if (tape == nullptr) {
    if constexpr (MaybeLiteral<A> && MaybeLiteral<B>) return ArrayMask<T>{nullptr, nullptr, f(literal<T>(a), literal<T>(b)) ? S(1) : S(0)};
    else fail<ShapeError>("comparison: neither operand is tied to a tape");
  }
  const auto x = to_slot(*tape, a), y = to_slot(*tape, b);
  const auto [r, c] = broadcast_shape(*x, *y, "comparison");
  const auto s = make_slot(*tape, r, c);
  broadcast([&](auto u, auto v) { return select(f(u, v), P(1), P(0)); }, *x, *y, r, c, s->value, false);
  return ArrayMask<T>{tape, s};
}
}  // namespace detail

template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator<(const A& a, const B& b) { return detail::compare(a, b, [](auto x, auto y) { return x < y; }); }
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator<=(const A& a, const B& b) { return detail::compare(a, b, [](auto x, auto y) { return x <= y; }); }
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator>(const A& a, const B& b) { return detail::compare(a, b, [](auto x, auto y) { return x > y; }); }
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator>=(const A& a, const B& b) { return detail::compare(a, b, [](auto x, auto y) { return x >= y; }); }
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator==(const A& a, const B& b) { return detail::compare(a, b, [](auto x, auto y) { return x == y; }); }
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto operator!=(const A& a, const B& b) { return detail::compare(a, b, [](auto x, auto y) { return !(x == y); }); }

/// a where the condition holds, b elsewhere; both broadcast against it. The branch not taken receives the cotangent 0. That is
/// nothing unless an operation inside it has an infinite or undefined slope there (0 · ∞ is NaN): guard the argument then,
/// `where(x > 0, log(where(x > 0, x, 1)), 0)`.
template <class T, detail::Operand A, detail::Operand B>
auto where(const ArrayMask<T>& condition, const A& a, const B& b) {
  using S = typename T::scalar;
  constexpr Kind kind = detail::AnyArray<A> || detail::AnyArray<B> ? detail::common_kind<A, B> : Kind::array;
  T* const any = condition.tape != nullptr ? condition.tape : detail::find_tape<T>(a, b);
  if (any == nullptr) {
    if constexpr (detail::MaybeLiteral<A> && detail::MaybeLiteral<B>)
      return Array<T, kind>(condition.of_literals == S(1) ? detail::literal<T>(a) : detail::literal<T>(b));
    else detail::fail<ShapeError>("where: neither the condition nor a branch is tied to a tape");
  }
  T& tape = *any;
  const auto x = detail::to_slot(tape, a), y = detail::to_slot(tape, b), m = condition.on(tape);
  auto [r, c] = detail::broadcast_shape(*x, *y, "where");
  if ((m->rows != r && m->rows != 1 && r != 1) || (m->cols != c && m->cols != 1 && c != 1))
    detail::fail<ShapeError>("where: a condition of ", m->rows, " x ", m->cols, " does not broadcast against ", r, " x ", c);
  if (r == 1) r = m->rows;
  if (c == 1) c = m->cols;
  const auto yes = detail::apply(tape, detail::Masked<S>(m, x, true, r, c)), no = detail::apply(tape, detail::Masked<S>(m, y, false, r, c));
  return Array<T, kind>(tape, detail::apply(tape, detail::Combine<S>(yes, S(1), no, S(1), r, c)));
}
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto where(bool condition, const A& a, const B& b) {
  using R = detail::result_array<A, B>;
  using T = typename R::tape_type;
  T* const tape = detail::find_tape<T>(a, b);
  if (tape == nullptr) {
    if constexpr (detail::MaybeLiteral<A> && detail::MaybeLiteral<B>) return R(condition ? detail::literal<T>(a) : detail::literal<T>(b));
    else detail::fail<ShapeError>("where: neither branch is tied to a tape");
  }
  return condition ? R(*tape, detail::to_slot(*tape, a)) : R(*tape, detail::to_slot(*tape, b));
}

namespace detail {
/// What a comparison of values says: a mask for arrays, a truth value for numbers.
template <class A, class B, class F>
auto prefer(const A& a, const B& b, const F& f) {
  if constexpr (AnyArray<A> || AnyArray<B>) {
    return compare(a, b, f);
  } else {
    using S = number_scalar<std::conditional_t<Number<A>, A, B>>;
    const auto plain = [](const auto& x) {
      if constexpr (Literal<decltype(x)>) return static_cast<S>(x);
      else return x.value();
    };
    return f(plain(a), plain(b));
  }
}
}  // namespace detail

/// The larger (smaller) of two, elementwise; NaN if either is. At a tie the derivative goes to the first.
template <class A, class B>
  requires(detail::OnTape<A> || detail::OnTape<B>)
auto max(const A& a, const B& b) { return where(detail::prefer(a, b, [](auto x, auto y) { return x >= y || x != x; }), a, b); }
template <class A, class B>
  requires(detail::OnTape<A> || detail::OnTape<B>)
auto min(const A& a, const B& b) { return where(detail::prefer(a, b, [](auto x, auto y) { return x <= y || x != x; }), a, b); }

}  // namespace costate
