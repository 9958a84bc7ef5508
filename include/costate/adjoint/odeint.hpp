#pragma once
// odeint: a solve as a differentiable operation.
//
//   auto y = odeint(f, y0, times, theta, Dopri5{}, BacksolveAdjoint{}, {.rtol = 1e-8});   // y[i], y.back(), hstack(y)
//
// With plain arguments it is solve(…).y. Where the initial state, the parameters or the times are arrays on a tape, it records one
// node, whose pullback runs the adjoint: encoders before it, decoders after it, several solves one after the other, losses on any
// of the outputs. What f captures by reference must live until the gradient is done, and may not be a variable of the tape itself:
// give variables to f through theta. Solving again with the same loss object allocates nothing.

#include <algorithm>
#include <utility>

#include <costate/adjoint/backsolve.hpp>
#include <costate/adjoint/checkpointed.hpp>
#include <costate/adjoint/direct.hpp>
#include <costate/adjoint/interpolating.hpp>
#include <costate/adjoint/odeint_arguments.hpp>
#include <costate/adjoint/path_list.hpp>
#include <costate/adjoint/reversible.hpp>
#include <costate/adjoint/state_list.hpp>
#include <costate/adjoint/taped_samples.hpp>
#include <costate/adjoint/taped_solve.hpp>
#include <costate/ode/solve.hpp>

namespace costate {
namespace detail {

/// The number of components that a dynamics' result tells.
template <class R>
struct RowsOf : std::integral_constant<int, Eigen::Dynamic> {};
template <class... R>
struct RowsOf<Stacked<R...>> : std::integral_constant<int, static_cast<int>(sizeof...(R))> {};

/// How odeint calls f. A dynamics of components tells the number of states at compile time.
template <class S, bool sample, class F, bool parametric>
struct TapedCall {
  static constexpr Kind kind = sample ? Kind::plain : Kind::array;
  using A = Array<Tape<S>, kind>;
  using P = std::conditional_t<parametric, A, NoParameters>;
  using Result = std::remove_cvref_t<decltype(call_dynamics(std::declval<const F&>(), time_of_t<S>(), std::declval<const A&>(),
                                                            std::declval<const P&>()))>;
  using type = CallShape<S, sample, sample ? RowsOf<Result>::value : Eigen::Dynamic, parametric ? Eigen::Dynamic : 0>;
};

/// The method that an adjoint has solved in place of M.
template <class A, class M>
auto solver_of(const A& adjoint, const M& method) {
  if constexpr (requires { adjoint.solver(method); }) return adjoint.solver(method);
  else return method;
}

/// odeint has no status to return: it throws.
inline SolveOptions throwing(SolveOptions options) {
  options.throw_on_failure = true;
  return options;
}

template <class T, class Solve>
struct OdeintNode final : Node<T> {
  using S = typename T::scalar;
  Solve* solve = nullptr;
  V<S> y0 = nullptr, theta = nullptr, times = nullptr;  // null: not given as an array

  void pull(T& tape) override {
    if (!this->out->written) return;
    const auto cells = [&](V<S> x) -> S* { return x != nullptr && x->active ? ready_cells(tape, *x) : nullptr; };
    solve->pull({this->out->cells, cells(y0), cells(theta), cells(times)});
    this->out->written = false;
  }
  void pull_recorded(T&, std::uint64_t) override { refuse(); }
  V<S> push_recorded(T&, std::uint64_t) override { refuse(); }
  bool depends(std::uint64_t epoch) const override {
    const auto on = [&](V<S> x) { return x != nullptr && x->epoch == epoch; };
    return on(y0) || on(theta) || on(times);
  }

 private:
  [[noreturn]] static void refuse() {
    fail<Error>("cs::grad, cs::vjp or cs::jvp of a function that calls odeint: a solve can be differentiated once, from outside, with "
                "value_and_grad, gradient or vjp of a plain function");
  }
};

/// The tape that all of the arguments lie on.
template <class T, class... X>
T& common_tape(const X&... x) {
  T* found = nullptr;
  const auto look = [&](T* t) {
    if (found == nullptr) found = t;
    else if (t != nullptr && t != found) fail_tapes();
  };
  (look(tape_at<T>(x)), ...);
  if (found == nullptr) fail<ShapeError>("odeint: the arguments are literals; give y0 and theta as arrays or Eigen objects");
  return *found;
}

/// Puts a solve's pullback on the tape.
template <class T, class Solve, class S = typename T::scalar>
void record_solve(T& tape, V<S> out, Solve& solve, V<S> y0, V<S> theta, V<S> times) {
  using N = OdeintNode<T, Solve>;
  auto* node = ::new (tape.workspace().arena.template allocate<N>(1)) N;
  node->out = out;
  node->solve = &solve;
  node->y0 = y0;
  node->theta = theta;
  node->times = times;
  tape.node(node);
}

template <class F, class Y0, class T, class Theta, class M, class A>
auto taped_odeint(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint, const SolveOptions& options) {
  using TapeType = typename FirstTape<Y0, Theta, T>::type;
  using S = typename TapeType::scalar;
  constexpr bool sample = one_sample<Y0>(), parametric = !std::is_same_v<Theta, NoParameters>;
  using Call = typename TapedCall<S, sample, F, parametric>::type;
  using Solve = TapedSolve<F, Call, typename A::template Solver<M>, A, Tied<T>>;
  constexpr Kind kind = !sample ? Kind::array : std::max({kind_seen<Y0>, kind_seen<Theta>, kind_seen<T>});

  TapeType& tape = common_tape<TapeType>(y0, theta, times);

  const V<S> start = argument_slot(tape, y0);
  V<S> p = nullptr, at = nullptr;
  if constexpr (parametric) p = argument_slot(tape, theta);
  Solve& solve = tape.workspace().template object<Solve>();
  if constexpr (Tied<T>) {
    at = argument_slot(tape, times);
    if (at->cols != 1 && at->rows != 1) fail<TimeError>("odeint: times of ", at->rows, " x ", at->cols, "; expected a vector");
    solve.times().assign(std::span<const S>(at->value, static_cast<std::size_t>(at->size())));
  } else {
    solve.times().assign(times);
  }
  const Index n = solve.times().size();
  if (n == 0) check_times(solve.times());
  const Shape shape{start->rows, start->cols};
  if constexpr (Call::one_sample && Call::rows != Eigen::Dynamic)
    if (shape.rows != Call::rows) fail_result(Call::rows, 1, shape);

  const V<S> out = make_slot(tape, n * shape.rows, shape.cols);
  const auto active = [](V<S> x) { return x != nullptr && x->active; };
  out->active = !tape.workspace().paused && (active(start) || active(p) || active(at));
  solve.solve(f, solver_of(adjoint, method), adjoint, throwing(options), shape, start->value, p == nullptr ? nullptr : p->value, p == nullptr ? 0 : p->rows,
              p == nullptr ? 1 : p->cols, out->active, out->value);
  if (out->active) record_solve(tape, out, solve, start, p, at);
  return StateList<TapeType, kind>(tape, out, n);
}

/// The same with a grid of times for every sample.
template <class F, class Y0, class T, class Theta, class M, class A>
auto taped_samples(const F& f, const Y0& y0, const T& grids, const Theta& theta, const M& method, const A& adjoint, const SolveOptions& options) {
  using TapeType = typename FirstTape<Y0, Theta>::type;
  using S = typename TapeType::scalar;
  constexpr bool parametric = !std::is_same_v<Theta, NoParameters>;
  static_assert(!one_sample<Y0>(), "costate: a grid of times for each sample needs a D x B matrix of initial states, samples as columns");
  using One = typename TapedCall<S, true, F, parametric>::type;
  using Solve = TapedSamples<F, One, typename TapedCall<S, false, F, parametric>::type, typename A::template Solver<M>, A>;

  TapeType& tape = common_tape<TapeType>(y0, theta);
  const V<S> start = argument_slot(tape, y0);
  V<S> p = nullptr;
  if constexpr (parametric) p = argument_slot(tape, theta);
  Solve& solve = tape.workspace().template object<Solve>();
  const Shape shape{start->rows, start->cols};
  if constexpr (One::rows != Eigen::Dynamic)
    if (shape.rows != One::rows) fail_result(One::rows, shape.cols, shape);
  solve.times(grids, shape.cols);
  const auto ends = solve.ends(tape);
  const V<S> out = make_slot(tape, ends.back() * shape.rows, 1);
  const auto active = [](V<S> x) { return x != nullptr && x->active; };
  out->active = !tape.workspace().paused && (active(start) || active(p));
  solve.solve(f, solver_of(adjoint, method), adjoint, throwing(options), shape, start->value, p == nullptr ? nullptr : p->value, p == nullptr ? 0 : p->rows,
              p == nullptr ? 1 : p->cols, out->active, out->value);
  if (out->active) record_solve(tape, out, solve, start, p, V<S>(nullptr));
  return PathList<TapeType, Kind::array>(tape, out, shape.rows, ends);
}

}  // namespace detail

/// The states at the given times, differentiable in y0, theta and the times. y0: one sample is a column vector, a batch a D × B
/// matrix with samples as columns, an array on the tape, or numbers stacked to one sample. Throws what `solve` throws; the backward pass too.
template <class F, class Y0, class T = Times, class Theta, Method M, Adjoint A = DirectAdjoint>
  requires(!Method<Theta>)
auto odeint(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint = {}, const SolveOptions& options = {}) {
  if constexpr (detail::is_stacked<Y0>) {
    return odeint(f, detail::as_state(y0), times, theta, method, adjoint, options);
  } else if constexpr (detail::Tied<Y0> || detail::Tied<T> || detail::Tied<Theta>) {
    if constexpr (SampleTimes<T>) return detail::taped_samples(f, y0, times, theta, method, adjoint, options);
    else return detail::taped_odeint(f, y0, times, theta, method, adjoint, options);
  } else {
    auto solution = solve(f, y0, times, theta, detail::solver_of(adjoint, method), detail::throwing(options));
    if constexpr (SampleTimes<T>) {
      detail::leave(solution.total(), adjoint.stats);
      return solution;
    } else {
      detail::leave(solution.stats, adjoint.stats);
      return std::move(solution.y);
    }
  }
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, class T = Times, Method M, Adjoint A = DirectAdjoint>
auto odeint(const F& f, const Y0& y0, const T& times, const M& method, const A& adjoint = {}, const SolveOptions& options = {}) {
  return odeint(f, y0, times, NoParameters{}, method, adjoint, options);
}

}  // namespace costate
