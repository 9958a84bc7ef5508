#pragma once
// How an array operation is recorded, pulled back and pushed forward.
//
// An operation is one trivially copyable struct over slots:
//   rows(), cols()                         shape of the result
//   eval(S* out, bool add) const           the value, stored or added; eval(out, add, Scratch&) where it needs memory for that
//   pull(K& k, V h, V g) const             result h, its cotangent g: k.add(operand, another operation)
//   push(K& k, V h) const -> V             tangent of the result from k.tangent(operand), null for zero
//   operands(visit) const
// Pullback and tangent are written once, in the vocabulary of operations. Under `Accumulate` k.add evaluates straight into the
// operand's cells; under `Record` it appends the operation, so that the derivative can be differentiated again. The set of
// operations is closed: no pullback or tangent leaves it.

#include <algorithm>
#include <type_traits>

#include <costate/autodiff/tape.hpp>
#include <costate/core/dual.hpp>

namespace costate::detail {

template <class S>
using V = Slot<S>*;

/// A fresh inactive slot with uninitialised values.
template <class T>
V<typename T::scalar> make_slot(T& tape, Index rows, Index cols) {
  using S = typename T::scalar;
  Arena& arena = tape.workspace().arena;
  auto* slot = ::new (arena.allocate<Slot<S>>(1)) Slot<S>{};
  slot->value = arena.allocate<S>(static_cast<std::size_t>(rows * cols));
  slot->rows = rows;
  slot->cols = cols;
  return slot;
}

template <class T>
typename T::scalar* make_cells(T& tape, Slot<typename T::scalar>& s);

/// The cells of a slot, zeroed unless they hold something already.
template <class T>
[[gnu::always_inline]] inline typename T::scalar* ready_cells(T& tape, Slot<typename T::scalar>& s) {
  return s.written ? s.cells : make_cells(tape, s);
}

template <class T>
[[gnu::noinline]] typename T::scalar* make_cells(T& tape, Slot<typename T::scalar>& s) {
  using S = typename T::scalar;
  if (s.parent != nullptr && s.parent->active) {
    s.cells = ready_cells(tape, *s.parent) + s.offset;
  } else if (s.cells == nullptr) {
    s.cells = tape.cells(static_cast<std::size_t>(s.size()));
  } else {
    std::fill_n(s.cells, s.from, S(0));
    std::fill_n(s.cells + s.to, s.size() - s.to, S(0));
  }
  s.written = true;
  return s.cells;
}

/// Makes ready for a contribution to x; true if there was none yet, so that it may be stored instead of added.
template <class T>
bool is_first(T& tape, Slot<typename T::scalar>& x) {
  using S = typename T::scalar;
  if (x.written) return false;
  Slot<S>* root = &x;
  Index offset = 0;
  for (; root->parent != nullptr && root->parent->active; root = root->parent) offset += root->offset;
  if (root == &x && x.from == x.to) {
    if (x.cells == nullptr) x.cells = tape.workspace().arena.template allocate<S>(static_cast<std::size_t>(x.size()));
    x.written = true;
    return true;
  }
  if (root == &x || root->written || !root->piecewise) {
    make_cells(tape, x);
    return false;
  }
  // A network's layers are pulled back one after the other: their parameters' cotangents lie side by side.
  const Index end = offset + x.size();
  x.cells = root->cells + offset;
  x.written = true;
  if (root->from == root->to) root->from = offset, root->to = end;
  else if (root->from == end) root->from = offset;
  else if (root->to == offset) root->to = end;
  else {
    if (offset < root->from || end > root->to) make_cells(tape, *root);
    return false;
  }
  return true;
}

template <class T, class Op>
void evaluate(T& tape, const Op& op, typename T::scalar* out, bool add) {
  if constexpr (requires { op.eval(out, add, tape.workspace().scratch); }) op.eval(out, add, tape.workspace().scratch);
  else op.eval(out, add);
}

template <class T, class Op>
struct OpNode;

/// Evaluates an operation; records it if an operand is active. Out of line: solvers repeat the code around it at every stage.
template <class T, class Op>
[[gnu::noinline]] V<typename T::scalar> apply(T& tape, const Op& op) {
  using S = typename T::scalar;
  const V<S> out = make_slot(tape, op.rows(), op.cols());
  if constexpr (is_dual<S>) {
    std::fill_n(out->value, out->size(), S(0));
    tape.workspace().arrays = true;
  } else {
    evaluate(tape, op, out->value, false);
    if (!tape.workspace().paused) {
      op.operands([&](V<S> x) { out->active |= x->active; });
      if (out->active) {
        auto* node = ::new (tape.workspace().arena.template allocate<OpNode<T, Op>>(1)) OpNode<T, Op>(op);
        node->out = out;
        tape.node(node);
      }
    }
  }
  return out;
}

/// Pullbacks that add to adjoint cells.
template <class T>
struct Accumulate {
  using S = typename T::scalar;
  T& tape;

  template <class Op>
  V<S> let(const Op& op) {
    return apply(tape, op);
  }
  /// The same in the place of g, a cotangent that nobody else needs.
  template <class Op>
  V<S> let_replace(V<S> g, const Op& op) {
    evaluate(tape, op, g->value, false);
    return g;
  }
  [[nodiscard]] bool wants(V<S> x) const { return x->active; }
  template <class Op>
  void add(V<S> x, const Op& op) {
    if (!wants(x)) return;
    const bool first = is_first(tape, *x);
    evaluate(tape, op, x->cells, !first);
  }
};

/// Pullbacks and tangents that are operations themselves, for the inner derivative named by the epoch.
template <class T>
struct Record {
  using S = typename T::scalar;
  T& tape;
  std::uint64_t epoch;

  template <class Op>
  V<S> let(const Op& op) {
    return apply(tape, op);
  }
  template <class Op>
  V<S> let_replace(V<S>, const Op& op) {
    return let(op);
  }
  [[nodiscard]] bool wants(V<S> x) const { return x->epoch == epoch; }
  template <class Op>
  void add(V<S> x, const Op& op);
  V<S> tangent(V<S> x) const { return x->epoch == epoch ? x->dual : nullptr; }
  V<S> sum(V<S> a, V<S> b);  ///< either may be null
};

template <class T, class Op>
struct OpNode final : Node<T> {
  using S = typename T::scalar;
  Op op;

  explicit OpNode(const Op& o) : op(o) {}

  void pull(T& tape) override {
    Slot<S>& result = *this->out;
    if (!result.written) return;
    Slot<S> g;
    g.value = result.cells;
    g.rows = result.rows;
    g.cols = result.cols;
    Accumulate<T> k{tape};
    op.pull(k, this->out, &g);
    result.written = false;
  }
  void pull_recorded(T& tape, std::uint64_t epoch) override {
    Record<T> k{tape, epoch};
    op.pull(k, this->out, this->out->dual);
  }
  V<S> push_recorded(T& tape, std::uint64_t epoch) override {
    Record<T> k{tape, epoch};
    return op.push(k, this->out);
  }
  bool depends(std::uint64_t epoch) const override {
    bool any = false;
    op.operands([&](V<S> x) { any |= x->epoch == epoch; });
    return any;
  }
};

}  // namespace costate::detail
