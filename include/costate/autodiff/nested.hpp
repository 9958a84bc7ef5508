#pragma once
// Derivatives inside a function that is differentiated itself: grad, vjp and jvp of arrays.
//
// The function is recorded on the ambient tape and its segment swept in recording mode: pullbacks become operations, so the
// result can be pulled back again, to any depth and without a tower of types. When nobody outside is recording, the segment is
// swept numerically instead and nothing stays behind. The derivative is taken with respect to the argument alone; captured
// variables are constants of the inner derivative and variables of the outer one.

#include <costate/autodiff/algebra.hpp>

namespace costate {

/// Several arguments of an inner derivative: vjp(g, args(x1, x2), cotangent) gives [value, x1bar, x2bar].
template <class... X>
struct Arguments {
  std::tuple<X...> x;
};
template <detail::AnyArray... X>
Arguments<X...> args(const X&... x) {
  return {std::tuple<X...>(x...)};
}

namespace detail {

/// Records g at fresh variables; gives what the sweeps need.
template <class T>
struct Inner {
  using S = typename T::scalar;
  T& tape;
  bool recording;         // somebody outside will differentiate the result
  typename T::Mark mark;  // where the segment begins
  std::size_t begin = 0, end = 0;
  V<S> out = nullptr;

  explicit Inner(T& t) : tape(t), recording(t.workspace().recording || t.workspace().depth > 0), mark(t.mark()) {}

  /// The variable of the inner derivative at x: an alias where x is a variable outside, so that cotangents flow on.
  V<S> variable(V<S> x) const {
    V<S> v = nullptr;
    if (recording && x->active) {
      v = make_slice(tape, x, 0, x->rows, x->cols);
    } else {
      v = ::new (tape.workspace().arena.template allocate<Slot<S>>(1)) Slot<S>{};
      v->value = x->value;
      v->rows = x->rows;
      v->cols = x->cols;
      v->active = true;
    }
    return v;
  }

  template <class G, class... X>
  void record(const G& g, V<S>* variables, const X&... x) {
    Index i = 0;
    ((variables[i++] = variable(to_slot(tape, x))), ...);
    Workspace& w = tape.workspace();
    struct Deeper {
      Workspace& w;
      explicit Deeper(Workspace& ws) : w(ws) { ++w.depth; }
      ~Deeper() { --w.depth; }
    };
    {
      const Deeper deeper(w);
      mark = tape.mark();  // the alias nodes above stay outside the segment
      begin = tape.position();
      call(g, variables, std::make_index_sequence<sizeof...(X)>{});
    }
    end = tape.position();
  }

  /// Marks what depends on the variables.
  std::uint64_t stamp(V<S>* variables, std::size_t n) {
    const std::uint64_t epoch = ++tape.workspace().epoch;
    for (std::size_t i = 0; i < n; ++i) {
      variables[i]->epoch = epoch;
      variables[i]->dual = nullptr;
    }
    for (std::size_t i = begin; i < end; ++i) {
      Node<T>* const node = tape.node_at(i);
      if (node == nullptr || !node->depends(epoch)) continue;
      node->out->epoch = epoch;
      node->out->dual = nullptr;
    }
    return epoch;
  }

  /// Cotangents of the variables, in recording mode.
  void pull_recorded(V<S>* variables, std::size_t n, V<S> cotangent) {
    const std::uint64_t epoch = stamp(variables, n);
    if (out->epoch == epoch) out->dual = cotangent;
    for (std::size_t i = end; i-- > begin;) {
      Node<T>* const node = tape.node_at(i);
      if (node == nullptr || node->out->epoch != epoch || node->out->dual == nullptr) continue;
      node->pull_recorded(tape, epoch);
    }
    for (std::size_t i = 0; i < n; ++i) {
      V<S> bar = variables[i]->dual;
      variables[i] = bar != nullptr ? bar : zeros(variables[i]);
    }
  }

  /// Cotangents of the variables as numbers; the segment is forgotten.
  void pull(V<S>* variables, std::size_t n, V<S> cotangent) {
    if (out->active) {
      S* const cells = ready_cells(tape, *out);
      for (Index i = 0; i < out->size(); ++i) cells[i] += cotangent->value[cotangent->size() == 1 ? 0 : i];
      tape.reverse(mark);
    }
    tape.drop(mark);
    for (std::size_t i = 0; i < n; ++i) {
      V<S> bar = zeros(variables[i]);
      if (variables[i]->written) bar->value = variables[i]->cells;
      variables[i] = bar;
    }
  }

  void pull_either(V<S>* variables, std::size_t n, V<S> cotangent) {
    recording ? pull_recorded(variables, n, cotangent) : pull(variables, n, cotangent);
  }

  /// Tangent of the result for the tangents of the variables, null for zero.
  V<S> push(V<S>* variables, V<S>* tangents, std::size_t n) {
    const V<S> dot = push_again(variables, tangents, n);
    if (!recording) tape.drop(mark);
    return dot;
  }
  /// The same, and the segment stays for other tangents.
  V<S> push_again(V<S>* variables, V<S>* tangents, std::size_t n) {
    Workspace& w = tape.workspace();
    const std::uint64_t epoch = stamp(variables, n);
    for (std::size_t i = 0; i < n; ++i) variables[i]->dual = tangents[i];
    const bool paused = w.paused;
    w.paused |= !recording;
    for (std::size_t i = begin; i < end; ++i) {
      Node<T>* const node = tape.node_at(i);
      if (node != nullptr && node->out->epoch == epoch) node->out->dual = node->push_recorded(tape, epoch);
    }
    w.paused = paused;
    return out->epoch == epoch && out->dual != nullptr ? out->dual : zeros(out);
  }

  /// The value of the function; a constant when nobody records.
  V<S> value() const {
    if (recording) return out;
    auto* v = ::new (tape.workspace().arena.template allocate<Slot<S>>(1)) Slot<S>{};
    v->value = out->value;
    v->rows = out->rows;
    v->cols = out->cols;
    return v;
  }

 private:
  template <class G, std::size_t... I>
  void call(const G& g, V<S>* variables, std::index_sequence<I...>) {
    out = to_slot(tape, g(Array<T, Kind::nested>(tape, variables[I])...));
  }
  V<S> zeros(V<S> like) const {
    const V<S> z = make_slot(tape, like->rows, like->cols);
    std::fill_n(z->value, z->size(), S(0));
    return z;
  }
};

template <class C, class T>
V<typename T::scalar> cotangent_slot(T& tape, const C& c, V<typename T::scalar> out, const char* what) {
  const auto s = to_slot(tape, c);
  if (s->rows != out->rows || s->cols != out->cols)
    fail<ShapeError>(what, " of ", s->rows, " x ", s->cols, " for a value of ", out->rows, " x ", out->cols, "; expected equal shapes");
  return s;
}

template <class... X, class T, std::size_t... I>
auto results(T& tape, V<typename T::scalar> value, V<typename T::scalar>* bars, std::index_sequence<I...>) {
  constexpr Kind kind = common_kind<X...>;
  return std::tuple(Array<T, kind>(tape, value), Array<T, KindOfArray<X>>(tape, bars[I])...);
}

}  // namespace detail

/// The gradient of the number g(x) with respect to x: an array like x.
template <class G, detail::AnyArray X>
[[gnu::noinline]] auto grad(const G& g, const X& x) {
  using T = typename X::tape_type;
  using S = typename T::scalar;
  detail::Inner<T> inner(detail::tape_of(x));
  detail::V<S> variable[1];
  inner.record(g, variable, x);
  if (inner.out->size() != 1)
    detail::fail<ShapeError>("grad: the function returned ", inner.out->rows, " x ", inner.out->cols, " values; expected one number (use vjp, or sum it)");
  const auto one = detail::make_slot(*x.tape(), 1, 1);
  one->value[0] = 1;
  inner.pull_either(variable, 1, one);
  return X(*x.tape(), variable[0]);
}

/// [g(x), Jᵀ cotangent]; the cotangent is an array or an Eigen object of g(x)'s shape.
template <class G, detail::AnyArray X, detail::Operand C>
auto vjp(const G& g, const X& x, const C& cotangent) {
  return vjp(g, args(x), cotangent);
}
template <class G, class... X, detail::Operand C>
[[gnu::noinline]] auto vjp(const G& g, const Arguments<X...>& x, const C& cotangent) {
  using T = detail::tape_among<X...>;
  using S = typename T::scalar;
  T& tape = detail::tape_of(std::get<0>(x.x));
  detail::Inner<T> inner(tape);
  detail::V<S> variables[sizeof...(X)];
  std::apply([&](const auto&... each) { inner.record(g, variables, each...); }, x.x);
  inner.pull_either(variables, sizeof...(X), detail::cotangent_slot(tape, cotangent, inner.out, "vjp: a cotangent"));
  return detail::results<X...>(tape, inner.value(), variables, std::index_sequence_for<X...>{});
}

/// [g(x), J tangent].
template <class G, detail::AnyArray X, detail::Operand V>
[[gnu::noinline]] auto jvp(const G& g, const X& x, const V& tangent) {
  using T = typename X::tape_type;
  using S = typename T::scalar;
  T& tape = detail::tape_of(x);
  detail::Inner<T> inner(tape);
  detail::V<S> variable[1];
  inner.record(g, variable, x);
  detail::V<S> tangents[1] = {detail::cotangent_slot(tape, tangent, variable[0], "jvp: a tangent")};
  const auto dot = inner.push(variable, tangents, 1);
  return std::tuple(X(tape, inner.value()), X(tape, dot));
}

}  // namespace costate
