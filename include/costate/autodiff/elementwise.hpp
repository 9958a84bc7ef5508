#pragma once
// Elementwise operations with broadcasting. Each operand, and the result, has along each axis either the full extent or 1:
// operands of extent 1 are repeated, a result of extent 1 is a sum. That makes the pullback of every one of them another one
// of them, with the cotangent in the place of the other operand and the operand's own shape as the result's.

#include <utility>

#include <costate/autodiff/kernels.hpp>
#include <costate/autodiff/operation.hpp>
#include <costate/core/error.hpp>

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

/// The shape of x ∘ y, or an error that names both.
template <class S>
std::pair<Index, Index> broadcast_shape(const Slot<S>& x, const Slot<S>& y, const char* operation) {
  if ((x.rows != y.rows && x.rows != 1 && y.rows != 1) || (x.cols != y.cols && x.cols != 1 && y.cols != 1))
    fail<ShapeError>(operation, ": shapes ", x.rows, " x ", x.cols, " and ", y.rows, " x ", y.cols,
                     " do not broadcast; along each axis extents must be equal or 1 (cs::matmul is the matrix product)");
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
