#pragma once
// Products of matrices, each the pullback of another, and dense layers, as operations on arrays.

#include <costate/autodiff/function_operations.hpp>

namespace costate::detail {

/// The product of two row-major matrices in one of three forms.
template <class S, Form form>
struct MatrixProduct {
  V<S> a, b;

  [[nodiscard]] Index rows() const { return form == Form::atb ? a->cols : a->rows; }
  [[nodiscard]] Index cols() const { return form == Form::abt ? b->rows : b->cols; }
  void eval(S* out, bool add, Scratch& scratch) const {
    if constexpr (form == Form::ab) multiply(*a, *b, out, add, scratch);
    else if constexpr (form == Form::atb) multiply_transposed_left(*a, *b, out, add, scratch);
    else multiply_transposed_right(*a, *b, out, add, scratch);
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    if constexpr (form == Form::ab) {
      k.add(a, MatrixProduct<S, Form::abt>{g, b});
      k.add(b, MatrixProduct<S, Form::atb>{a, g});
    } else if constexpr (form == Form::atb) {
      k.add(a, MatrixProduct<S, Form::abt>{b, g});
      k.add(b, MatrixProduct<S, Form::ab>{a, g});
    } else {
      k.add(a, MatrixProduct<S, Form::ab>{g, b});
      k.add(b, MatrixProduct<S, Form::atb>{g, a});
    }
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> da = k.tangent(a), db = k.tangent(b);
    return k.sum(da == nullptr ? nullptr : k.let(MatrixProduct{da, b}), db == nullptr ? nullptr : k.let(MatrixProduct{a, db}));
  }
  template <class F>
  void operands(F&& visit) const {
    visit(a);
    visit(b);
  }
};

/// h = F(W x + b) in one operation, for activations F whose slope is a polynomial in h (or F = Identity).
struct Identity {};

template <class S, class F>
struct DenseLayer {
  V<S> w, b, x;

  [[nodiscard]] Index rows() const { return w->rows; }
  [[nodiscard]] Index cols() const { return x->cols; }
  void eval(S* out, bool add, Scratch& scratch) const {
    const Index n = x->cols;
    if (add) {  // never needed by a pullback, but an operation means the same whether it stores or adds
      RowMajor<S> h(w->rows, n);
      eval(h.data(), false, scratch);
      MapOut<S>(out, w->rows, n) += h;
      return;
    }
    multiply_onto(b->value, *w, *x, out, scratch);
    if constexpr (!std::is_same_v<F, Identity>) map([](auto a) { return F::value(a); }, out, out, w->rows * n, false);
  }
  template <class K>
  void pull(K& k, V<S> h, V<S> g) const {
    V<S> d = g;
    if constexpr (!std::is_same_v<F, Identity>) d = through(k, h, g);
    k.add(x, MatrixProduct<S, Form::atb>{w, d});
    k.add(b, Scale<S>(d, S(1), b->rows, 1));
    k.add(w, MatrixProduct<S, Form::abt>{d, x});  // after b, before which it lies in a layer's parameters
  }
  template <class K>
  V<S> push(K& k, V<S> h) const {
    const V<S> dx = k.tangent(x), dw = k.tangent(w), db = k.tangent(b);
    V<S> d = k.sum(dx == nullptr ? nullptr : k.let(MatrixProduct<S, Form::ab>{w, dx}),
                   dw == nullptr ? nullptr : k.let(MatrixProduct<S, Form::ab>{dw, x}));
    if (db != nullptr) {
      const V<S> wide = k.let(Scale<S>(db, S(1), rows(), cols()));
      d = k.sum(d, wide);
    }
    if constexpr (!std::is_same_v<F, Identity>)
      if (d != nullptr) d = through(k, h, d);
    return d;
  }
  template <class Visit>
  void operands(Visit&& visit) const {
    visit(w);
    visit(b);
    visit(x);
  }

 private:
  /// F'(z) g, where g is needed no more.
  template <class K>
  static V<S> through(K& k, V<S> h, V<S> g) {
    if constexpr (std::is_same_v<F, fn::Tanh>) return k.let_replace(g, PolynomialTimes<S>(g, h, S(1), S(0), S(-1)));
    else if constexpr (std::is_same_v<F, fn::Sigmoid>) return k.let_replace(g, PolynomialTimes<S>(g, h, S(0), S(1), S(-1)));
    else {
      static_assert(std::is_same_v<F, fn::Relu>);  // the sign of relu's value is its slope
      return k.let_replace(g, Product<S>(g, k.let(Unary<S, fn::Sign>(h)), S(1), h->rows, h->cols));
    }
  }
};

}  // namespace costate::detail
