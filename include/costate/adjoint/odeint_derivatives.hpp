#pragma once
// Derivatives of a solve that can be differentiated again: its tangent, and its pullback recorded as a node.
//
// With the solution operator y = Φ(x) of x = (y_0, θ, times), a tangent ẋ and a cotangent g, the recorded pullback is u = gᵀ∂Φ/∂x. Its
// own pullback with the cotangent ẋ of u asks for the gradient of ẋᵀu = gᵀ(∂Φ/∂x ẋ), which is the tangent solve along ẋ, pulled back with
// g; the tangent itself is the cotangent of g.

#include <costate/adjoint/odeint_node.hpp>
#include <costate/autodiff/value_and_grad.hpp>

namespace costate::detail {

/// f(t_i, y_i, θ) times the tangent of t_i.
template <bool parametric, class T, class F>
V<typename T::scalar> along_time(T& tape, const F& f, V<typename T::scalar> y, V<typename T::scalar> theta, V<typename T::scalar> times,
                                 V<typename T::scalar> dtimes, Index i) {
  using S = typename T::scalar;
  using A = Array<T, Kind::array>;
  const A t(tape, make_slice(tape, times, i, 1, 1)), state(tape, y);
  const V<S> dt = make_slice(tape, dtimes, i, 1, 1);
  V<S> slope = nullptr;
  const Shape shape{y->rows, y->cols};
  if constexpr (parametric) slope = pushed_result(tape, call_dynamics(f, t, state, A(tape, theta)), shape);
  else slope = pushed_result(tape, call_dynamics(f, t, state, NoParameters{}), shape);
  return apply(tape, Product<S>(slope, dt, S(1), y->rows, y->cols));
}

/// The tangent of the states at all times along the tangents d of the arguments, null for zero. Times move an output by f(t_i, y_i) ṫ_i,
/// and the initial state at a fixed time by −f(t_0, y_0) ṫ_0: the exact solution's derivative, which a discrete one has to its order.
template <class T, class Solve>
V<typename T::scalar> push_solve(T& tape, Solve& solve, const SolveArguments<typename T::scalar>& x,
    const SolveArguments<typename T::scalar>& d) {
  using S = typename T::scalar;
  using Call = typename Solve::Call;
  using F = std::remove_cvref_t<decltype(solve.dynamics())>;
  constexpr bool parametric = Call::parameters != 0;
  if (d.y0 == nullptr && d.theta == nullptr && d.times == nullptr) return nullptr;
  const auto join = [&](V<S> a, V<S> b) {
    V<S>* const parts = tape.workspace().arena.template allocate<V<S>>(2);
    parts[0] = a;
    parts[1] = b;
    return join_rows(tape, parts, 2);
  };

  const Index rows = x.y0->rows, cols = x.y0->cols;
  V<S> s0 = d.y0;
  if (s0 == nullptr) {
    s0 = make_slot(tape, rows, cols);
    std::fill_n(s0->value, s0->size(), S(0));
  }
  if constexpr (Solve::timed)
    if (d.times != nullptr)
      s0 = apply(tape, Combine<S>(s0, S(1), along_time<parametric>(tape, solve.dynamics(), x.y0, x.theta, x.times, d.times, 0), S(-1),
          rows, cols));
  SolveArguments<S> z{join(x.y0, s0), x.theta, x.times};
  if (d.theta != nullptr) z.theta = join(x.theta, d.theta);

  auto adjoint = solve.adjoint();
  adjoint.stats = nullptr;  // they tell of the solve itself
  SolveOptions options = solve.options();
  if constexpr (!PartedFunction<F>)
    if (options.norm_rows == 0) options.norm_rows = rows;
  const DynamicsTangent<F> f(solve.dynamics(), x.theta == nullptr ? 0 : x.theta->rows, d.theta != nullptr);
  const V<S> both = solve_on_tape<Call::one_sample, parametric, Solve::timed, false>(tape, f, z, solve.times(), solve.method(), adjoint,
      options);

  const Index n = solve.times().size(), size = rows * cols;
  V<S>* const parts = tape.workspace().arena.template allocate<V<S>>(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) {
    parts[i] = make_slice(tape, both, (2 * i + 1) * size, rows, cols);
    if constexpr (Solve::timed)
      if (d.times != nullptr) {
        const V<S> y = make_slice(tape, both, 2 * i * size, rows, cols);
        parts[i] = apply(tape, Combine<S>(parts[i], S(1), along_time<parametric>(tape, solve.dynamics(), y, x.theta, x.times, d.times, i),
            S(1), rows, cols));
      }
  }
  return join_rows(tape, parts, n);
}

/// u = gᵀ∂Φ/∂x, all parts one after the other in one column.
template <class T, class Solve>
struct OdeintPullbackNode final : Node<T> {
  using S = typename T::scalar;
  using OwnTape = Tape<S>;
  Solve* solve = nullptr;
  OwnTape* own = nullptr;  // for the tangent solve
  SolveArguments<S> x;
  V<S> g = nullptr;
  Index y0_at = -1, theta_at = -1, times_at = -1;  // where a part begins in u; −1: not wanted

  void pull(T& tape) override {
    if (!this->out->written) return;
    this->out->written = false;
    const Recording<OwnTape> scope(*own, true);
    const auto variable = [&](V<S> v) -> V<S> {
      if (v == nullptr) return nullptr;
      const V<S> copy = own_slot(v->value, v->rows, v->cols);
      copy->active = v->active;
      if (v->active) ready_cells(*own, *copy);
      return copy;
    };
    const auto tangent = [&](V<S> v, Index at) -> V<S> { return at < 0 ? nullptr : own_slot(this->out->cells + at, v->rows, v->cols); };
    const SolveArguments<S> at{variable(x.y0), variable(x.theta), variable(x.times)};
    const auto mark = own->mark();
    const V<S> dot = push_solve(*own, *solve, at, {tangent(x.y0, y0_at), tangent(x.theta, theta_at), tangent(x.times, times_at)});
    if (dot == nullptr) return;
    const auto add = [&](V<S> v, const S* from) {
      if (v == nullptr || !v->active) return;
      S* const cells = ready_cells(tape, *v);
      for (Index i = 0; i < v->size(); ++i) cells[i] += from[i];
    };
    add(g, dot->value);
    if (!dot->active) return;
    S* const cells = ready_cells(*own, *dot);
    for (Index i = 0; i < dot->size(); ++i) cells[i] += g->value[i];
    own->reverse(mark);
    if (at.y0->active) add(x.y0, at.y0->cells);
    if (at.theta != nullptr && at.theta->active) add(x.theta, at.theta->cells);
    if (at.times != nullptr && at.times->active) add(x.times, at.times->cells);
  }
  void pull_recorded(T&, std::uint64_t) override { refuse_third_derivative(); }
  V<S> push_recorded(T&, std::uint64_t) override { refuse_third_derivative(); }
  bool depends(std::uint64_t epoch) const override {
    return g->epoch == epoch || x.any([&](V<S> v) { return v->epoch == epoch; });
  }

 private:
  V<S> own_slot(S* value, Index rows, Index cols) {
    auto* s = ::new (own->workspace().arena.template allocate<Slot<S>>(1)) Slot<S>(view_slot(value, rows, cols));
    return s;
  }
};

/// Adds gᵀ∂Φ/∂x to the duals of what depends on the inner derivative's variable, as a node.
template <class T, class Solve>
void pull_solve_recorded(T& tape, std::uint64_t epoch, Solve& solve, const SolveArguments<typename T::scalar>& x, V<typename T::scalar> g) {
  using S = typename T::scalar;
  using N = OdeintPullbackNode<T, Solve>;
  Record<T> k{tape, epoch};
  auto* node = ::new (tape.workspace().arena.template allocate<N>(1)) N;
  node->solve = &solve;
  node->x = x;
  node->g = g;
  Index size = 0;
  const auto place = [&](V<S> v) -> Index {
    if (v == nullptr || !k.wants(v)) return -1;
    size += v->size();
    return size - v->size();
  };
  node->y0_at = place(x.y0);
  node->theta_at = place(x.theta);
  node->times_at = place(x.times);
  const V<S> u = make_slot(tape, size, 1);
  std::fill_n(u->value, size, S(0));
  const auto part = [&](Index at) -> S* { return at < 0 ? nullptr : u->value + at; };
  solve.pull({g->value, part(node->y0_at), part(node->theta_at), part(node->times_at)});
  u->active = !tape.workspace().paused && (g->active || x.any([](V<S> v) { return v->active; }));
  if (u->active) {
    node->out = u;
    node->own = &tape.workspace().template object<typename N::OwnTape>();
    tape.node(node);
  }
  const auto add = [&](V<S> v, Index at) {
    if (at >= 0) k.add(v, Slice<S>{u, at, v->rows, v->cols});
  };
  add(x.y0, node->y0_at);
  add(x.theta, node->theta_at);
  add(x.times, node->times_at);
}

}  // namespace costate::detail
