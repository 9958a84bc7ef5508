#pragma once
// The asynchronous leapfrog: a state and a velocity beside it, one evaluation a step, undone exactly.
//
//     x = y + h/2 v,   u = f(t + h/2, x),   v' = v + 2η (u − v),   y' = x + h/2 v'
// and back
//     x = y' − h/2 v',   u = f(t + h/2, x),   v = (v' − 2η u) / (1 − 2η),   y = x − h/2 v,
// from v = f(t, y). (Mutze, arXiv:1311.6602, 2013; as a reversible solver for neural ODEs, damped by η: Zhuang et al., MALI, ICLR 2021.)

#include <limits>

#include <costate/ode/midpoint.hpp>
#include <costate/ode/synchronisation.hpp>

namespace costate {

/// `slope` is v; f at y where `stale`.
template <class Y>
struct LeapfrogState : RungeKuttaState<Y> {
  static constexpr std::size_t vectors = 3;
  Y u;  // of the step before
  detail::Synchronisation synchronise;
};

template <class Y>
struct LeapfrogTrial {
  Y y, v, u;
  bool synchronised = false;
};

/// An accepted step: y0 and z0 = v at t, y1 and z1 = v at end, before it was made f there if `synchronised`.
template <class Y>
struct LeapfrogWindow {
  using Time = time_of_t<typename Y::Scalar>;
  using Scalar = typename Y::Scalar;

  Time t, end, h;
  const Y &y0, &y1, &z0, &z1;
  bool synchronised;

  /// out = y(at): the parabola through y0 and y1 whose slopes at the ends are v and v'.
  void interpolate(Time at, Y& out) const {
    if (at == t) {
      out = y0;
    } else if (at == end) {
      out = y1;
    } else {
      const Scalar x = theta(at), length = static_cast<Scalar>(h);
      out = y0 + (length * x) * z0 + (length * x * x / 2) * (z1 - z0);
    }
  }
  void derivative(Time at, Y& out) const { out = z0 + theta(at) * (z1 - z0); }
  template <class Q>
  void coefficients(Q&& q) const {
    const Scalar length = static_cast<Scalar>(h);
    q.col(0) = length * z0;
    q.col(1) = (length / 2) * (z1 - z0);
  }
  static constexpr std::size_t degree() { return 2; }
  Scalar theta(Time at) const { return static_cast<Scalar>((at - t) / h); }
};

/// Order 2 with one evaluation a step, on a fixed grid. For ReversibleAdjoint; else Rk4 or Dopri5 serve better.
///
/// The wrong choice for stiff problems: undamped (η = 1) it is stable for oscillations alone, and in a contraction v is lost until it is made f
/// again. Damping widens the region of stability, but the order is 1 then, and rounding is amplified backward by 1 / (2η − 1) a step.
struct AsynchronousLeapfrog {
  double damping = 1;               ///< η, 1/2 < η ≤ 1; 1: none
  Eigen::Index synchronise = 1000;  ///< v is made f(t, y) after so many steps, or earlier where needed; 0: at jump_times alone

  using Base = Midpoint;  // a step from v = f
  static constexpr bool reversible = true, carries_slope = true;
  static constexpr int order = 2, dense_order = 2;
  static constexpr bool adaptive() { return false; }
  constexpr bool operator==(const AsynchronousLeapfrog&) const = default;

  template <class Y>
  using State = LeapfrogState<Y>;
  template <class Y>
  using Trial = LeapfrogTrial<Y>;
  template <class Y>
  using Window = LeapfrogWindow<Y>;

  /// Sizes all memory and checks the options.
  template <class Y>
  void start(const Y& y, State<Y>& state, Trial<Y>& trial) const {
    if (!(damping > 0.5 && damping <= 1)) detail::fail<OptionError>("AsynchronousLeapfrog::damping = ", damping, ": expected 1/2 < damping <= 1");
    if (synchronise < 0)
      detail::fail<OptionError>("AsynchronousLeapfrog::synchronise = ", synchronise, ": expected a number of steps, 0 for never");
    state.y = y;
    state.slope.resize(y.size());
    state.u.setZero(y.size());
    for (Y* part : {&trial.y, &trial.v, &trial.u}) part->resize(y.size());
    restart(state);
  }
  /// The solution was set from outside.
  template <class Y>
  static void restart(State<Y>& state) {
    state.stale = true;
    state.synchronise = {};
  }
  template <class Y>
  static void turn(State<Y>&) {}
  template <class F, class Y, class Time>
  static void refresh(F& f, Time t, State<Y>& state) {
    detail::evaluate_stage(f, 0, t, state.y, state.slope);
    state.stale = false;
  }
  template <class Y, class Time>
  static Evaluation<Y> slope_wanted(Time t, State<Y>& state) {
    return {t, &state.y, &state.slope};
  }
  template <class Y>
  static void slope_known(State<Y>& state) {
    state.stale = false;
  }

  template <class F, class Y, class Time>
  int attempt(F& f, Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) const {
    const Evaluation<Y> middle = evaluation(0, t, plan, before, trial);
    detail::evaluate_stage(f, 1, middle.t, trial.y, trial.u);
    conclude(plan, before, trial);
    return 1;
  }
  /// An attempt for a caller who evaluates f himself, see runge_kutta.hpp.
  template <class Y>
  static int evaluations(const State<Y>&) {
    return 1;
  }
  template <class Y, class Time>
  static Evaluation<Y> evaluation(int, Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    trial.y = before.y + static_cast<typename Y::Scalar>(plan.h / 2) * before.slope;
    return {t + plan.h / 2, &trial.y, &trial.u};
  }
  template <class Y, class Time>
  void conclude(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) const {
    using S = typename Y::Scalar;
    trial.v = before.slope + static_cast<S>(2 * damping) * (trial.u - before.slope);
    trial.y += static_cast<S>(plan.h / 2) * trial.v;
  }
  template <class Y>
  static bool finite(const Trial<Y>& trial) {
    return detail::all_finite(trial.y) && detail::all_finite(trial.v);
  }
  /// Makes the attempt the state; the trial then holds the step's beginning, and u of the step before.
  ///
  /// v is compared with the mean of u on both sides of it. The gap does not add up: three times the first has grown by itself.
  template <class Y, class Time, class Norm>
  void commit(const StepPlan<Time>& plan, State<Y>& state, Trial<Y>& trial, Norm& norm) const {
    using S = typename Y::Scalar;
    detail::swap_states(state.y, trial.y);
    detail::swap_states(state.slope, trial.v);
    detail::swap_states(state.u, trial.u);
    constexpr S precision = std::numeric_limits<S>::epsilon();
    trial.synchronised = state.synchronise(
        synchronise, 2 * damping - 1, static_cast<double>(precision), 2,
        [&] { return norm(static_cast<S>(plan.h) * (trial.v - (state.u + trial.u) / 2), trial.y, state.y); },
        [&] { return norm(precision * state.y, trial.y, state.y); }, [](double) { return 3; });
    state.stale = trial.synchronised;
  }
  template <class Y, class Time>
  static Window<Y> window(Time t, const StepPlan<Time>& plan, const State<Y>& after, const Trial<Y>& trial) {
    return {t, plan.end, plan.h, trial.y, after.y, trial.v, after.slope, trial.synchronised};
  }
};

}  // namespace costate
