#pragma once
// The functions of functions.hpp, powers and angles as operations on arrays: their pullbacks are elementwise operations again.

#include <algorithm>

#include <costate/autodiff/elementwise.hpp>
#include <costate/autodiff/functions.hpp>

namespace costate::detail {

/// F(x) for one of the functions of functions.hpp.
template <class S, class F>
struct Unary : Shaped<S> {
  V<S> x;
  explicit Unary(V<S> x_in) : Shaped<S>{x_in->rows, x_in->cols}, x(x_in) {}

  void eval(S* out, bool add) const {
    map([](auto a) { return F::value(a); }, x->value, out, x->size(), add);
  }
  template <class K>
  void pull(K& k, V<S> h, V<S> g) const {
    slope_times(k, h, g, [&](const auto& op) { k.add(x, op); });
  }
  template <class K>
  V<S> push(K& k, V<S> h) const {
    const V<S> dx = k.tangent(x);
    V<S> out = nullptr;
    if (dx != nullptr) slope_times(k, h, dx, [&](const auto& op) { out = k.let(op); });
    return out;
  }
  template <class Visit>
  void operands(Visit&& visit) const {
    visit(x);
  }

  /// Hands F'(x) g to the receiver as an operation; h = F(x).
  template <class K, class Receive>
  void slope_times(K& k, V<S> h, V<S> g, const Receive& receive) const {
    const Index r = this->rows_, c = this->cols_;
    const auto product = [&](V<S> slope, S times) { receive(Product<S>(g, slope, times, r, c)); };
    const auto quotient = [&](V<S> by, S times) { receive(Quotient<S>(g, by, times, r, c)); };
    const auto one_plus = [&](V<S> u, S a, S b) { return k.let(Combine<S>(constant(k, S(1)), a, k.let(Product<S>(u, u, S(1), r, c)), b, r, c)); };
    if constexpr (std::is_same_v<F, fn::Tanh>) receive(PolynomialTimes<S>(g, h, S(1), S(0), S(-1)));
    else if constexpr (std::is_same_v<F, fn::Sigmoid>) receive(PolynomialTimes<S>(g, h, S(0), S(1), S(-1)));
    else if constexpr (std::is_same_v<F, fn::Square>) receive(PolynomialTimes<S>(g, x, S(0), S(2), S(0)));
    else if constexpr (std::is_same_v<F, fn::Cube>) receive(PolynomialTimes<S>(g, x, S(0), S(0), S(3)));
    else if constexpr (std::is_same_v<F, fn::Expm1>) receive(PolynomialTimes<S>(g, h, S(1), S(1), S(0)));
    else if constexpr (std::is_same_v<F, fn::Tan>) receive(PolynomialTimes<S>(g, h, S(1), S(0), S(1)));
    else if constexpr (std::is_same_v<F, fn::Exp>) product(h, S(1));
    else if constexpr (std::is_same_v<F, fn::Log>) quotient(x, S(1));
    else if constexpr (std::is_same_v<F, fn::Log1p>) quotient(k.let(Combine<S>(constant(k, S(1)), S(1), x, S(1), r, c)), S(1));
    else if constexpr (std::is_same_v<F, fn::Sqrt>) quotient(h, S(0.5));
    else if constexpr (std::is_same_v<F, fn::Softplus>) product(k.let(Unary<S, fn::Sigmoid>(x)), S(1));
    else if constexpr (std::is_same_v<F, fn::Silu>) {  // s + h (1 - s)
      const V<S> s = k.let(Unary<S, fn::Sigmoid>(x)), rest = k.let(Combine<S>(constant(k, S(1)), S(1), s, S(-1), r, c));
      product(k.let(Combine<S>(s, S(1), k.let(Product<S>(h, rest, S(1), r, c)), S(1), r, c)), S(1));
    } else if constexpr (std::is_same_v<F, fn::Elu>) {  // 1 + min(h, 0)
      const V<S> below = k.let(Unary<S, fn::Relu>(k.let(Scale<S>(h, S(-1), r, c))));
      product(k.let(Combine<S>(constant(k, S(1)), S(1), below, S(-1), r, c)), S(1));
    } else if constexpr (std::is_same_v<F, fn::Sin>) product(k.let(Unary<S, fn::Cos>(x)), S(1));
    else if constexpr (std::is_same_v<F, fn::Cos>) product(k.let(Unary<S, fn::Sin>(x)), S(-1));
    else if constexpr (std::is_same_v<F, fn::Sinh>) product(k.let(Unary<S, fn::Cosh>(x)), S(1));
    else if constexpr (std::is_same_v<F, fn::Cosh>) product(k.let(Unary<S, fn::Sinh>(x)), S(1));
    else if constexpr (std::is_same_v<F, fn::Abs>) product(k.let(Unary<S, fn::Sign>(x)), S(1));
    else if constexpr (std::is_same_v<F, fn::Relu>) product(k.let(Unary<S, fn::Step>(x)), S(1));
    else if constexpr (std::is_same_v<F, fn::Atan>) quotient(one_plus(x, S(1), S(1)), S(1));
    else if constexpr (std::is_same_v<F, fn::Asin>) quotient(k.let(Unary<S, fn::Sqrt>(one_plus(x, S(1), S(-1)))), S(1));
    else if constexpr (std::is_same_v<F, fn::Acos>) quotient(k.let(Unary<S, fn::Sqrt>(one_plus(x, S(1), S(-1)))), S(-1));
    else if constexpr (std::is_same_v<F, fn::Erf>)
      product(k.let(Unary<S, fn::Exp>(k.let(Product<S>(x, x, S(-1), r, c)))), static_cast<S>(1.1283791670955125738961589031215452L));
    else static_assert(std::is_same_v<F, fn::Sign> || std::is_same_v<F, fn::Step>);  // constant almost everywhere
  }

 private:
  template <class K>
  static V<S> constant(K& k, S value) {
    const V<S> one = make_slot(k.tape, 1, 1);
    one->value[0] = value;
    return one;
  }
};

/// x to the power y, elementwise with broadcasting.
template <class S>
struct Power : Shaped<S> {
  V<S> x, y;
  Power(V<S> x_in, V<S> y_in, Index rows, Index cols) : Shaped<S>{rows, cols}, x(x_in), y(y_in) {}

  void eval(S* out, bool add) const {
    broadcast([](auto a, auto b) { return costate::pow(a, b); }, *x, *y, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S> h, V<S> g) const {
    if (k.wants(x)) k.add(x, Product<S>(g, base_slope(k), S(1), x->rows, x->cols));
    if (k.wants(y)) k.add(y, Product<S>(g, exponent_slope(k, h), S(1), y->rows, y->cols));
  }
  template <class K>
  V<S> push(K& k, V<S> h) const {
    const V<S> dx = k.tangent(x), dy = k.tangent(y);
    return k.sum(dx == nullptr ? nullptr : k.let(Product<S>(dx, base_slope(k), S(1), this->rows_, this->cols_)),
                 dy == nullptr ? nullptr : k.let(Product<S>(dy, exponent_slope(k, h), S(1), this->rows_, this->cols_)));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
    visit(y);
  }

 private:
  using P = simd::Packet<S>;

  template <class K>
  V<S> base_slope(K& k) const {  // y x^(y - 1); 0 at x = y = 0
    const V<S> one = make_slot(k.tape, 1, 1);
    one->value[0] = 1;
    V<S> less = k.let(Combine<S>(y, S(1), one, S(-1), y->rows, y->cols));
    less = guarded(k, less, S(0), *y, [](auto a, auto b) { return a == P(S(0)) && b == P(S(0)); });
    return k.let(Product<S>(y, k.let(Power(x, less, this->rows_, this->cols_)), S(1), this->rows_, this->cols_));
  }
  template <class K>
  V<S> exponent_slope(K& k, V<S> h) const {  // h log x; 0 where h is, and at x = y = 0
    const V<S> base = guarded(k, x, S(1), *h, [](auto a, auto b) { return b == P(S(0)) || (a == P(S(0)) && b <= P(S(1))); });
    return k.let(Product<S>(h, k.let(Unary<S, fn::Log>(base)), S(1), this->rows_, this->cols_));
  }
  /// v, or a constant where `edge` holds for x and the other: a factor that keeps 0 · ∞ out of the value and of its derivatives.
  template <class K, class Edge>
  V<S> guarded(K& k, V<S> v, S constant, const Slot<S>& other, const Edge& edge) const {
    const Index r = this->rows_, c = this->cols_;
    const V<S> inside = make_slot(k.tape, r, c), fill = make_slot(k.tape, r, c);
    broadcast([&](auto a, auto b) { return select(edge(a, b), P(S(0)), P(S(1))); }, *x, other, r, c, inside->value, false);
    if (std::all_of(inside->value, inside->value + r * c, [](S m) { return m == S(1); })) return v;
    for (Index i = 0; i < r * c; ++i) fill->value[i] = inside->value[i] == S(1) ? S(0) : constant;
    return k.let(Combine<S>(k.let(Masked<S>(inside, v, true, r, c)), S(1), fill, S(1), r, c));
  }
};

/// atan2(y, x), elementwise with broadcasting.
template <class S>
struct Angle : Shaped<S> {
  V<S> y, x;
  Angle(V<S> y_in, V<S> x_in, Index rows, Index cols) : Shaped<S>{rows, cols}, y(y_in), x(x_in) {}

  void eval(S* out, bool add) const {
    broadcast([](auto a, auto b) { return costate::atan2(a, b); }, *y, *x, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    if (k.wants(y)) k.add(y, Product<S>(g, slope(k, x, S(1)), S(1), y->rows, y->cols));
    if (k.wants(x)) k.add(x, Product<S>(g, slope(k, y, S(-1)), S(1), x->rows, x->cols));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dy = k.tangent(y), dx = k.tangent(x);
    return k.sum(dy == nullptr ? nullptr : k.let(Product<S>(dy, slope(k, x, S(1)), S(1), this->rows_, this->cols_)),
                 dx == nullptr ? nullptr : k.let(Product<S>(dx, slope(k, y, S(-1)), S(1), this->rows_, this->cols_)));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(y);
    visit(x);
  }

 private:
  template <class K>
  V<S> slope(K& k, V<S> other, S sign) const {  // x / (x² + y²) for y, −y / (x² + y²) for x
    const Index r = this->rows_, c = this->cols_;
    const auto squared = [&](V<S> u) { return k.let(Product<S>(u, u, S(1), u->rows, u->cols)); };
    return k.let(Quotient<S>(other, k.let(Combine<S>(squared(x), S(1), squared(y), S(1), r, c)), sign, r, c));
  }
};

}  // namespace costate::detail
