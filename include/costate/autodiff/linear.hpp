#pragma once
// Matrix products, dense layers, slices and stacks: the linear operations, each other's pullbacks.

#include "costate/autodiff/elementwise.hpp"

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
    for (Index i = 0; i < w->rows; ++i) std::fill_n(out + i * n, n, b->value[i]);
    multiply(*w, *x, out, true, scratch);
    if constexpr (!std::is_same_v<F, Identity>) map([](auto a) { return F::value(a); }, out, out, w->rows * n, false);
  }
  template <class K>
  void pull(K& k, V<S> h, V<S> g) const {
    V<S> d = g;
    if constexpr (!std::is_same_v<F, Identity>) d = through(k, h, g);
    k.add(x, MatrixProduct<S, Form::atb>{w, d});
    k.add(w, MatrixProduct<S, Form::abt>{d, x});
    k.add(b, Scale<S>(d, S(1), b->rows, 1));
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

template <class S>
struct Pad;

/// A slice of consecutive values, reshaped. It shares the parent's values and cells: nothing is evaluated, and in a numeric sweep
/// nothing is left to pull back.
template <class S>
struct Slice {
  V<S> x;
  Index offset, r, c;

  [[nodiscard]] Index rows() const { return r; }
  [[nodiscard]] Index cols() const { return c; }
  void eval(S* out, bool add) const {
    for (Index i = 0; i < r * c; ++i) out[i] = add ? out[i] + x->value[offset + i] : x->value[offset + i];
  }
  template <class K>
  void pull(K& k, V<S> h, V<S> g) const {
    if constexpr (requires { k.epoch; })
      k.add(x, Pad<S>{g, offset, x->rows, x->cols});
    else if (h->parent == nullptr || !h->parent->active)
      k.add(x, Pad<S>{g, offset, x->rows, x->cols});
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(Slice{dx, offset, r, c});
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

/// Zeros but for a slice.
template <class S>
struct Pad {
  V<S> x;
  Index offset, r, c;

  [[nodiscard]] Index rows() const { return r; }
  [[nodiscard]] Index cols() const { return c; }
  void eval(S* out, bool add) const {
    if (!add) std::fill_n(out, r * c, S(0));
    for (Index i = 0; i < x->size(); ++i) out[offset + i] = add ? out[offset + i] + x->value[i] : x->value[i];
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Slice<S>{g, offset, x->rows, x->cols});
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(Pad{dx, offset, r, c});
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

template <class S>
struct PadColumns;

/// Consecutive columns.
template <class S>
struct Columns {
  V<S> x;
  Index first, n;

  [[nodiscard]] Index rows() const { return x->rows; }
  [[nodiscard]] Index cols() const { return n; }
  void eval(S* out, bool add) const {
    for (Index i = 0; i < x->rows; ++i)
      for (Index j = 0; j < n; ++j) out[i * n + j] = (add ? out[i * n + j] : S(0)) + x->value[i * x->cols + first + j];
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, PadColumns<S>{g, first, x->cols});
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(Columns{dx, first, n});
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

/// Zeros but for consecutive columns.
template <class S>
struct PadColumns {
  V<S> x;
  Index first, width;

  [[nodiscard]] Index rows() const { return x->rows; }
  [[nodiscard]] Index cols() const { return width; }
  void eval(S* out, bool add) const {
    if (!add) std::fill_n(out, x->rows * width, S(0));
    for (Index i = 0; i < x->rows; ++i)
      for (Index j = 0; j < x->cols; ++j) out[i * width + first + j] += x->value[i * x->cols + j];
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Columns<S>{g, first, x->cols});
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(PadColumns{dx, first, width});
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

/// The transpose.
template <class S>
struct Transpose {
  V<S> x;

  [[nodiscard]] Index rows() const { return x->cols; }
  [[nodiscard]] Index cols() const { return x->rows; }
  void eval(S* out, bool add) const {
    MapOut<S> o(out, x->cols, x->rows);
    const MapIn<S> in(x->value, x->rows, x->cols);
    if (add)
      o += in.transpose();
    else
      o = in.transpose();
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    k.add(x, Transpose{g});
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    const V<S> dx = k.tangent(x);
    return dx == nullptr ? nullptr : k.let(Transpose{dx});
  }
  template <class F>
  void operands(F&& visit) const {
    visit(x);
  }
};

/// Several arrays one below the other (or side by side): the list lies in the arena. Parts of one column repeat over a batch,
/// parts of one row do so in a side-by-side join of columns.
template <class S, bool vertical>
struct Join {
  V<S>* parts;
  Index n, r, c;

  [[nodiscard]] Index rows() const { return r; }
  [[nodiscard]] Index cols() const { return c; }
  void eval(S* out, bool add) const {
    Index at = 0;
    for (Index p = 0; p < n; ++p) {
      const Slot<S>& x = *parts[p];
      if constexpr (vertical) {
        for (Index i = 0; i < x.rows; ++i, ++at)
          for (Index j = 0; j < c; ++j) put(out[at * c + j], x.value[x.cols == 1 ? i : i * x.cols + j], add);
      } else {
        for (Index i = 0; i < r; ++i)
          for (Index j = 0; j < x.cols; ++j) put(out[i * c + at + j], x.value[i * x.cols + j], add);
        at += x.cols;
      }
    }
  }
  template <class K>
  void pull(K& k, V<S>, V<S> g) const {
    Index at = 0;
    for (Index p = 0; p < n; ++p) {
      const V<S> x = parts[p];
      if constexpr (vertical) {
        if (x->cols == c)
          k.add(x, Slice<S>{g, at * c, x->rows, c});
        else if (k.wants(x))
          k.add(x, Scale<S>(k.let(Slice<S>{g, at * c, x->rows, c}), S(1), x->rows, 1));
        at += x->rows;
      } else {
        k.add(x, Columns<S>{g, at, x->cols});
        at += x->cols;
      }
    }
  }
  template <class K>
  V<S> push(K& k, V<S>) const {
    V<S>* tangents = k.tape.workspace().arena.template allocate<V<S>>(static_cast<std::size_t>(n));
    bool any = false;
    for (Index p = 0; p < n; ++p) {
      tangents[p] = k.tangent(parts[p]);
      any |= tangents[p] != nullptr;
    }
    if (!any) return nullptr;
    for (Index p = 0; p < n; ++p) {
      if (tangents[p] != nullptr) continue;
      tangents[p] = make_slot(k.tape, parts[p]->rows, parts[p]->cols);
      std::fill_n(tangents[p]->value, tangents[p]->size(), S(0));
    }
    return k.let(Join{tangents, n, r, c});
  }
  template <class F>
  void operands(F&& visit) const {
    for (Index p = 0; p < n; ++p) visit(parts[p]);
  }

 private:
  static void put(S& out, S value, bool add) { out = add ? out + value : value; }
};

}  // namespace costate::detail
