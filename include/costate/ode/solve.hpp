#pragma once
// Solving an initial value problem: dy/dt = f(t, y, theta), y(times[0]) = y0.

#include <costate/ode/engine.hpp>
#include <costate/ode/solve_samples.hpp>
#include <costate/ode/user_state.hpp>

namespace costate {
namespace detail {

template <class D, class Y0, class T, Method M>
auto solve_over(D dynamics, const Y0& y0, const T& user_times, const M& method, const SolveOptions& options) {
  using User = UserState<Y0>;
  using State = typename D::State;
  using Time = time_of_t<typename User::Scalar>;
  const BasicTimes<Time> times(user_times);
  check_times(times);
  const auto n = static_cast<std::size_t>(times.size());

  const Shape shape = dynamics.shape();
  typename User::SolutionType solution;
  solution.shape = shape;
  solution.y = {shape, n};
  Engine<M, State, D> engine(method, std::move(dynamics), shape, options);
  engine.reset(times.front(), D::to_internal(y0));
  const auto output = [&](Eigen::Index, Eigen::Index, const State& y) { solution.y.push_back(y); };
  const std::span<const Time> span(times.data(), n);
  const auto keep = [&](const auto& window) { solution.dense.add(window); };
  solution.status = options.dense ? engine.run(span, output, keep) : engine.run(span, output);
  if (solution.y.size() < n) solution.y.trim();
  solution.t.assign(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(solution.y.size()));
  solution.stats = engine.stats();
  return solution;
}

template <class D, class Y0, class T, Method M>
auto solve_bound(D dynamics, const Y0& y0, const T& user_times, const M& method, const SolveOptions& options) {
  if constexpr (SampleTimes<T>) return solve_samples(std::move(dynamics), y0, user_times, method, options);
  else return solve_over(std::move(dynamics), y0, user_times, method, options);
}

template <class D, class Y0, Method M>
typename UserState<Y0>::Type step_bound(D dynamics, const M& method, typename TimeOf<Y0>::type t, const Y0& y0,
                                        typename TimeOf<Y0>::type h) {
  static_assert(!VariableOrderMethod<M>, "costate: step() takes one step of a given length; Adams chooses its own: use make_integrator");
  using User = UserState<Y0>;
  using State = typename D::State;
  const Shape shape = dynamics.shape();
  if (!std::isfinite(t) || !std::isfinite(h)) fail<TimeError>("step() from t = ", t, " by h = ", h, ": expected finite numbers");
  typename M::template State<State> state;
  typename M::template Trial<State> trial;
  method.start(D::to_internal(y0), state, trial);
  if (!all_finite(state.y)) fail<NonFiniteError>("step() from t = ", t, ": the state contains NaN or infinity, expected finite numbers");
  method.refresh(dynamics, t, state);
  method.attempt(dynamics, t, StepPlan<decltype(t)>{t + h, h}, state, trial);
  if (!all_finite(trial.y)) throw_failure(Status::non_finite, t, h, static_cast<double>(state.y.norm()), 1, true);
  States<typename User::Scalar, typename User::View> out(shape, 1);
  out.push_back(trial.y);
  return typename User::Type(out[0]);
}

}  // namespace detail

/// The solution at the given times, the first of which is the initial one; they increase or decrease strictly.
/// f(t, y, theta) returns dy/dt, see dynamics.hpp. y0 is a column vector (one sample) or a D × B matrix (a batch, samples as columns).
/// A batch may have a grid of times for every sample (a range of B ranges): each is solved with its own steps then, as if alone, and the result
/// is a SampleSolution; f sees those under way, no more at a time than the cache holds, and t as the row of their times.
/// Throws TimeError, ShapeError, OptionError, NonFiniteError, StepSizeError, TooManyStepsError.
template <class F, class Y0, class T = Times, class Theta, Method M>
  requires(!Method<Theta>)
auto solve(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const SolveOptions& options = {}) {
  if constexpr (detail::check_state_type<Y0>()) return detail::solve_bound(detail::bind(f, y0, theta), y0, times, method, options);
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, class T = Times, Method M>
auto solve(const F& f, const Y0& y0, const T& times, const M& method, const SolveOptions& options = {}) {
  if constexpr (detail::check_state_type<Y0>()) return detail::solve_bound(detail::bind(f, y0, NoParameters{}), y0, times, method, options);
}

/// One step of length h from (t, y), as it is: no error control. Negative h steps backward.
template <Method M, class F, class Y0, class Theta>
auto step(const M& method, const F& f, typename detail::TimeOf<Y0>::type t, const Y0& y, typename detail::TimeOf<Y0>::type h,
          const Theta& theta) {
  if constexpr (detail::check_state_type<Y0>()) return detail::step_bound(detail::bind(f, y, theta), method, t, y, h);
}

/// The same for a dynamics without parameters, f(t, y).
template <Method M, class F, class Y0>
auto step(const M& method, const F& f, typename detail::TimeOf<Y0>::type t, const Y0& y, typename detail::TimeOf<Y0>::type h) {
  if constexpr (detail::check_state_type<Y0>()) return detail::step_bound(detail::bind(f, y, NoParameters{}), method, t, y, h);
}

}  // namespace costate
