#pragma once
// Operations that move values without changing them: slices, columns, the transpose, joins. The pullback of a slice is the array that is
// zero but for it, and of a join its slices.

#include <costate/autodiff/elementwise.hpp>

namespace costate::detail {

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

/// Several arrays one below the other, where those of one column repeat over a batch, or side by side. The list lies in the arena.
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
