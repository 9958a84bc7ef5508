#pragma once
// odeint: a solve as a differentiable operation.
//
//   auto y = odeint(f, y0, times, theta, Dopri5{}, BacksolveAdjoint{}, {.rtol = 1e-8});   // y[i], y.back(), hstack(y)
//
// With plain arguments it is solve(…).y. Where the initial state, the parameters or the times are arrays on a tape, it records one node,
// whose pullback runs the adjoint: encoders before it, decoders after it, several solves one after the other, losses on any of the
// outputs. jvp, grad and vjp of functions that call it may be differentiated once more (odeint_derivatives.hpp). What f captures by
// reference must live until the gradient is done, and may not be a variable of the tape itself: give variables to f through theta.
// Solving again with the same loss object allocates nothing.

#include <algorithm>
#include <utility>

#include <costate/adjoint/backsolve.hpp>
#include <costate/adjoint/checkpointed.hpp>
#include <costate/adjoint/direct.hpp>
#include <costate/adjoint/interpolating.hpp>
#include <costate/adjoint/odeint_arguments.hpp>
#include <costate/adjoint/odeint_derivatives.hpp>
#include <costate/adjoint/path_list.hpp>
#include <costate/adjoint/reversible.hpp>
#include <costate/adjoint/state_list.hpp>
#include <costate/adjoint/taped_samples.hpp>
#include <costate/ode/solve.hpp>

namespace costate {
namespace detail {

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

template <class F, class Y0, class T, class Theta, class M, class A>
auto taped_odeint(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint,
    const SolveOptions& options) {
  using TapeType = typename FirstTape<Y0, Theta, T>::type;
  using S = typename TapeType::scalar;
  constexpr bool sample = one_sample<Y0>(), parametric = !std::is_same_v<Theta, NoParameters>;
  constexpr Kind seen = std::max({kind_seen<Y0>, kind_seen<Theta>, kind_seen<T>}), kind = sample ? seen : std::max(seen, Kind::array);
  constexpr bool nested = seen == Kind::nested;

  TapeType& tape = common_tape<TapeType>(y0, theta, times);

  SolveArguments<S> x{argument_slot(tape, y0)};
  if constexpr (parametric) x.theta = argument_slot(tape, theta);
  if constexpr (Tied<T>) x.times = argument_slot(tape, times);
  const V<S> out = solve_on_tape<sample, parametric, Tied<T>, nested>(tape, f, x, times, solver_of(adjoint, method), adjoint,
      throwing(options), tape.workspace().watch);
  return StateList<TapeType, kind>(tape, out, out->rows / x.y0->rows);
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
              p == nullptr ? 1 : p->cols, out->active, out->value, tape.workspace().watch);
  if (out->active) {
    using N = SamplesNode<TapeType, Solve>;
    auto* node = ::new (tape.workspace().arena.template allocate<N>(1)) N;
    node->out = out;
    node->solve = &solve;
    node->y0 = start;
    node->theta = p;
    tape.node(node);
  }
  return PathList<TapeType, Kind::array>(tape, out, shape.rows, ends);
}

}  // namespace detail

/// The states at the given times, differentiable in y0, theta and the times. y0: one sample is a column vector, a batch a D × B matrix
/// with samples as columns, an array on the tape, or numbers stacked to one sample. Throws what `solve` throws; the backward pass too.
template <class F, class Y0, class T = Times, class Theta, Method M, Adjoint A = DirectAdjoint>
  requires(!Method<Theta>)
auto odeint(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint = {},
    const SolveOptions& options = {}) {
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

/// The same by DirectAdjoint, with options.
template <class F, class Y0, class T = Times, class Theta, Method M>
  requires(!Method<Theta>)
auto odeint(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const SolveOptions& options) {
  return odeint(f, y0, times, theta, method, DirectAdjoint{}, options);
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, class T = Times, Method M, Adjoint A = DirectAdjoint>
auto odeint(const F& f, const Y0& y0, const T& times, const M& method, const A& adjoint = {}, const SolveOptions& options = {}) {
  return odeint(f, y0, times, NoParameters{}, method, adjoint, options);
}
template <class F, class Y0, class T = Times, Method M>
auto odeint(const F& f, const Y0& y0, const T& times, const M& method, const SolveOptions& options) {
  return odeint(f, y0, times, NoParameters{}, method, DirectAdjoint{}, options);
}

}  // namespace costate
