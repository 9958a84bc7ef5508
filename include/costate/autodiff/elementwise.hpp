#pragma once
// Elementwise operations with broadcasting. Each operand, and the result, has along each axis either the full extent or 1:
// operands of extent 1 are repeated, a result of extent 1 is a sum. That makes the pullback of every one of them another one
// of them, with the cotangent in the place of the other operand and the operand's own shape as the result's.

#include <algorithm>

#include "costate/autodiff/functions.hpp"
#include "costate/autodiff/kernels.hpp"
#include "costate/autodiff/operation.hpp"
#include "costate/core/error.hpp"

namespace costate::detail {

template <class S>
struct Shaped {
  Index rows_, cols_;
  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }
};

/// c Σ x: a multiple, repeated or summed to the given shape.
template <class S>
struct Scale : Shaped<S> {
  V<S> x;
  S factor;
  Scale(V<S> x_in, S by, Index rows, Index cols) : Shaped<S>{rows, cols}, x(x_in), factor(by) {}

  void eval(S* out, bool add) const {
    broadcast([c = simd::Packet<S>(factor)](auto a, auto) { return c * a; }, *x, *x, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Scale(g, factor, x->rows, x->cols));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(Scale(dx, factor, this->rows_, this->cols_));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

/// c Σ x y.
template <class S>
struct Product : Shaped<S> {
  V<S> x, y;
  S factor;
  Product(V<S> x_in, V<S> y_in, S by, Index rows, Index cols) : Shaped<S>{rows, cols}, x(x_in), y(y_in), factor(by) {}

  void eval(S* out, bool add) const {
    if (factor == S(1))
      broadcast([](auto a, auto b) { return a * b; }, *x, *y, this->rows_, this->cols_, out, add);
    else
      broadcast([c = simd::Packet<S>(factor)](auto a, auto b) { return c * a * b; }, *x, *y, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Product(g, y, factor, x->rows, x->cols));
    k.add(y, Product(g, x, factor, y->rows, y->cols));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x), dy = k.tangent(y);
    return k.sum(dx == nullptr ? nullptr : k.let(Product(dx, y, factor, this->rows_, this->cols_)),
                 dy == nullptr ? nullptr : k.let(Product(x, dy, factor, this->rows_, this->cols_)));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
    visit(y);
  }
};

/// a x + b y.
template <class S>
struct Combine : Shaped<S> {
  V<S> x, y;
  S a, b;
  Combine(V<S> x_in, S a_in, V<S> y_in, S b_in, Index rows, Index cols) : Shaped<S>{rows, cols}, x(x_in), y(y_in), a(a_in), b(b_in) {}

  void eval(S* out, bool add) const {
    if (a == S(1) && b == S(1))
      broadcast([](auto u, auto v) { return u + v; }, *x, *y, this->rows_, this->cols_, out, add);
    else if (a == S(1) && b == S(-1))
      broadcast([](auto u, auto v) { return u - v; }, *x, *y, this->rows_, this->cols_, out, add);
    else
      broadcast([p = simd::Packet<S>(a), q = simd::Packet<S>(b)](auto u, auto v) { return p * u + q * v; }, *x, *y, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Scale<S>(g, a, x->rows, x->cols));
    k.add(y, Scale<S>(g, b, y->rows, y->cols));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x), dy = k.tangent(y);
    if (dx != nullptr && dy != nullptr) return k.let(Combine(dx, a, dy, b, this->rows_, this->cols_));
    if (dx != nullptr) return k.let(Scale<S>(dx, a, this->rows_, this->cols_));
    return dy == nullptr ? nullptr : k.let(Scale<S>(dy, b, this->rows_, this->cols_));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
    visit(y);
  }
};

/// c Σ x / y.
template <class S>
struct Quotient : Shaped<S> {
  V<S> x, y;
  S factor;
  Quotient(V<S> x_in, V<S> y_in, S by, Index rows, Index cols) : Shaped<S>{rows, cols}, x(x_in), y(y_in), factor(by) {}

  void eval(S* out, bool add) const {
    broadcast([c = simd::Packet<S>(factor)](auto a, auto b) { return c * a / b; }, *x, *y, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Quotient(g, y, factor, x->rows, x->cols));
    if (k.wants(y)) k.add(y, Product<S>(g, negated_slope(k), S(1), y->rows, y->cols));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x), dy = k.tangent(y);
    return k.sum(dx == nullptr ? nullptr : k.let(Quotient(dx, y, factor, this->rows_, this->cols_)),
                 dy == nullptr ? nullptr : k.let(Product<S>(dy, negated_slope(k), S(1), this->rows_, this->cols_)));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
    visit(y);
  }

 private:
  template <class K>
  V<S> negated_slope(K& k) const {  // -c x / y², over the full extent of both
    const Index rows = x->rows != 1 ? x->rows : y->rows, cols = x->cols != 1 ? x->cols : y->cols;
    return k.let(Quotient(k.let(Quotient(x, y, -factor, rows, cols)), y, S(1), rows, cols));
  }
};

/// Σ of x where the mask (zeros and ones, a constant) equals `keep`; nothing, not even a NaN, passes elsewhere.
template <class S>
struct Masked : Shaped<S> {
  V<S> mask, x;
  bool keep;
  Masked(V<S> mask_in, V<S> x_in, bool keep_in, Index rows, Index cols) : Shaped<S>{rows, cols}, mask(mask_in), x(x_in), keep(keep_in) {}

  void eval(S* out, bool add) const {
    using P = simd::Packet<S>;
    broadcast([k = P(S(keep))](auto m, auto a) { return select(m == k, a, P(S(0))); }, *mask, *x, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Masked(mask, g, keep, x->rows, x->cols));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(Masked(mask, dx, keep, this->rows_, this->cols_));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

/// g (c0 + c1 h + c2 h²): what the derivatives of tanh, sigmoid, square, … multiply a cotangent with.
template <class S>
struct PolynomialTimes : Shaped<S> {
  V<S> g, h;
  S c0, c1, c2;
  PolynomialTimes(V<S> g_in, V<S> h_in, S p0, S p1, S p2) : Shaped<S>{h_in->rows, h_in->cols}, g(g_in), h(h_in), c0(p0), c1(p1), c2(p2) {}

  void eval(S* out, bool add) const {
    using P = simd::Packet<S>;
    broadcast([a = P(c0), b = P(c1), c = P(c2)](auto u, auto v) { return u * (a + v * (b + v * c)); }, *g, *h, this->rows_, this->cols_, out, add);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> bar) const {
    k.add(g, PolynomialTimes(bar, h, c0, c1, c2));
    if (k.wants(h)) k.add(h, PolynomialTimes(k.let(Product<S>(bar, g, S(1), this->rows_, this->cols_)), h, c1, 2 * c2, S(0)));
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dg = k.tangent(g), dh = k.tangent(h);
    return k.sum(dg == nullptr ? nullptr : k.let(PolynomialTimes(dg, h, c0, c1, c2)),
                 dh == nullptr ? nullptr : k.let(PolynomialTimes(k.let(Product<S>(dh, g, S(1), this->rows_, this->cols_)), h, c1, 2 * c2, S(0))));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(g);
    visit(h);
  }
};

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

/// The shape of x ∘ y, or an error that names both.
template <class S>
std::pair<Index, Index> broadcast_shape(const Slot<S>& x, const Slot<S>& y, const char* operation) {
  if ((x.rows != y.rows && x.rows != 1 && y.rows != 1) || (x.cols != y.cols && x.cols != 1 && y.cols != 1))
    fail<ShapeError>(operation, ": shapes ", x.rows, " x ", x.cols, " and ", y.rows, " x ", y.cols,
                     " do not broadcast; along each axis extents must be equal or 1");
  return {x.rows != 1 ? x.rows : y.rows, x.cols != 1 ? x.cols : y.cols};
}

template <class T>
V<typename T::scalar> Record<T>::sum(V<S> a, V<S> b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return let(Combine<S>(a, S(1), b, S(1), a->rows, a->cols));
}

template <class T>
template <class Op>
void Record<T>::add(V<S> x, const Op& op) {
  if (x->epoch == epoch) x->dual = sum(x->dual, let(op));
}

}  // namespace costate::detail
