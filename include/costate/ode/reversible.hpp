#pragma once
// Any one-step method made algebraically reversible: a step can be undone to rounding without being stored.
//
// Two solutions y and z of the same problem go side by side. With Ψ_h(t, x) the increment of the method's step of length h from (t, x),
//     y' = λ y + (1 − λ) z + Ψ_h(t, z),     z' = z − Ψ_{−h}(t + h, y'),
// which is undone by
//     z = z' + Ψ_{−h}(t + h, y'),     y = z + (y' − z − Ψ_h(t, z)) / λ.
// The order is the method's. (McCallum & Foster, arXiv:2410.11648, 2024.)
//
// The coupling λ < 1 draws y and z together. Where solutions contract faster than 1 − λ per step, y and z drift apart, and backward
// rounding grows like λ^−n, the faster the more solutions contract. Making z equal y again (synchronising) every so many steps is the
// cure for both: earlier where the two have drifted apart by more than the method's own errors explain.

#include <array>
#include <cmath>
#include <limits>

#include <costate/ode/method.hpp>
#include <costate/ode/synchronisation.hpp>

namespace costate {

/// The solution y, and z beside it. `slope` is f at z unless `stale`.
template <class Y>
struct ReversibleState : RungeKuttaState<Y> {
  static constexpr std::size_t vectors = 3;
  Y z;
  detail::Synchronisation synchronise;
};

/// What a step from z gives, then that back from y'.
template <class Y, std::size_t Stages>
struct ReversibleTrial : RungeKuttaTrial<Y, Stages> {
  RungeKuttaState<Y> half;            // where the two steps begin
  RungeKuttaTrial<Y, Stages> back;
  Y z;
  bool synchronised = false;          // half.y is what z was before
};

/// An accepted step: y0 and z0 at t, y1 and z1 at end, z1 before it was made equal y1 if `synchronised`; *k[i] the stages of the step from z0.
template <class M, class Y>
struct ReversibleWindow {
  using Time = time_of_t<typename Y::Scalar>;
  using Scalar = typename Y::Scalar;

  Time t, end, h;
  const Y &y0, &y1, &z0, &z1;
  std::array<const Y*, M::tableau.stages> k;
  Scalar coupling;
  bool synchronised;

  /// out = y(at): the method's dense output from z0, and what y0 is away from z0 goes linearly to what y1 has of it.
  void interpolate(Time at, Y& out) const {
    if (at == t) {
      out = y0;
    } else if (at == end) {
      out = y1;
    } else {
      out = y0 - (theta(at) * (1 - coupling)) * (y0 - z0);
      M::add_stages(M::dense_weights(theta(at)), h, k, out);
    }
  }
  void derivative(Time at, Y& out) const {
    out = (-(1 - coupling) / static_cast<Scalar>(h)) * (y0 - z0);
    M::add_stages(M::dense_slopes(theta(at)), Time(1), k, out);
  }
  template <class Q>
  void coefficients(Q&& q) const {
    M::dense_coefficients(*this, q);
    q.col(0) -= (1 - coupling) * (y0 - z0);
  }
  static constexpr std::size_t degree() { return M::tableau.degree; }
  Scalar theta(Time at) const { return static_cast<Scalar>((at - t) / h); }
};

/// `Reversible<Rk4>{}` is Rk4 made reversible, `Reversible<Dopri5>{}` adaptive: the larger of both steps' error estimates counts. Two of the method's
/// steps a step. For ReversibleAdjoint; where nothing is reversed the method alone costs half, and in contractions errs two to ten times less.
///
/// The wrong choice for stiff or strongly contracting problems: |h μ| ≪ 1 is wanted, μ the fastest rate of decay, and 1 − coupling above it
/// where nothing is synchronised.
template <Method M>
struct Reversible {
  static_assert(OneStepMethod<M>, "costate: Reversible is made of a one-step method, such as Rk4 or Dopri5");
  double coupling = 0.999;          ///< λ, 0 < λ ≤ 1
  Eigen::Index synchronise = 1000;  ///< z is made equal y after so many steps, or earlier where needed; 0: never

  using Base = M;
  static constexpr bool reversible = true, carries_slope = false;
  static constexpr int order = M::order, dense_order = M::dense_order;
  static constexpr int error_order = [] {
    if constexpr (M::adaptive()) return M::error_order;
    else return M::order;
  }();
  static constexpr bool adaptive() { return M::adaptive(); }
  constexpr bool operator==(const Reversible&) const = default;

  template <class Y>
  using State = ReversibleState<Y>;
  template <class Y>
  using Trial = ReversibleTrial<Y, M::tableau.stages>;
  template <class Y>
  using Window = ReversibleWindow<M, Y>;

  /// Sizes all memory and checks the options.
  template <class Y>
  void start(const Y& y, State<Y>& state, Trial<Y>& trial) const {
    if (!(coupling > 0 && coupling <= 1)) detail::fail<OptionError>("Reversible::coupling = ", coupling, ": expected 0 < coupling <= 1");
    if (synchronise < 0) detail::fail<OptionError>("Reversible::synchronise = ", synchronise, ": expected a number of steps, 0 for never");
    M::start(y, state, trial);
    M::start(y, trial.half, trial.back);
    trial.z.resize(y.size());
    restart(state);
  }
  /// The solution was set from outside.
  template <class Y>
  static void restart(State<Y>& state) {
    state.stale = true;
    state.z = state.y;
    state.synchronise = {};
  }
  template <class Y>
  static void turn(State<Y>&) {}
  template <class F, class Y, class Time>
  static void refresh(F& f, Time t, State<Y>& state) {
    detail::swap_states(state.y, state.z);
    M::refresh(f, t, state);
    detail::swap_states(state.y, state.z);
  }
  template <class Y, class Time>
  static Evaluation<Y> slope_wanted(Time t, State<Y>& state) {
    return {t, &state.z, &state.slope};
  }
  template <class Y>
  static void slope_known(State<Y>& state) {
    M::slope_known(state);
  }

  template <class F, class Y, class Time>
  int attempt(F& f, Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) const {
    begin_forth(before, trial);
    int evaluations = M::attempt(f, t, plan, trial.half, trial);
    begin_back(before, trial);
    M::refresh(f, plan.end, trial.half);
    evaluations += 1 + M::attempt(f, plan.end, back(t, plan), trial.half, trial.back);
    trial.z = before.z + (trial.y - trial.back.y);
    return evaluations;
  }
  /// An attempt for a caller who evaluates f himself, see runge_kutta.hpp: those forth, the slope at y', those back.
  template <class Y>
  static int evaluations(const State<Y>& before) {
    return 2 * M::evaluations(before) + 1;
  }
  template <class Y, class Time>
  Evaluation<Y> evaluation(int i, Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) const {
    const int forth = M::evaluations(before);
    if (i > forth) return M::evaluation(i - forth - 1, plan.end, back(t, plan), trial.half, trial.back);
    if (i == 0) begin_forth(before, trial);
    if (i < forth) return M::evaluation(i, t, plan, trial.half, trial);
    M::conclude(plan, trial.half, trial);
    begin_back(before, trial);
    return M::slope_wanted(plan.end, trial.half);
  }
  template <class Y, class Time>
  static void conclude(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    M::conclude(StepPlan<Time>{plan.end, -plan.h}, trial.half, trial.back);
    trial.z = before.z + (trial.y - trial.back.y);
  }
  template <class Y>
  static bool finite(const Trial<Y>& trial) {
    return M::finite(trial) && M::finite(trial.back);
  }
  /// Component by component the larger of both steps' estimates.
  template <class Y, class Time>
  static auto error(const StepPlan<Time>& plan, const State<Y>& before, const Trial<Y>& trial) {
    const auto forth = M::error(plan, static_cast<const RungeKuttaState<Y>&>(before), static_cast<const RungeKuttaTrial<Y, M::tableau.stages>&>(trial));
    const auto back_again = M::error(StepPlan<Time>{plan.end, -plan.h}, trial.half, trial.back);
    if constexpr (detail::is_small<Y>) return Y(forth.cwiseAbs().cwiseMax(back_again.cwiseAbs()));
    else return forth.cwiseAbs().cwiseMax(back_again.cwiseAbs());
  }

  /// Makes the attempt the state; the trial then holds the step's beginning.
  ///
  /// Errors of n steps like the first add up to n times the first gap: three times as much has grown by itself. With error control, whose
  /// steps are long against what contracts, √n is allowed in place of n: on Lotka–Volterra at 1e-6 the gradient is 400 times better for it.
  template <class Y, class Time, class Norm>
  void commit(const StepPlan<Time>& /*plan*/, State<Y>& state, Trial<Y>& trial, Norm& norm) const {
    using S = typename Y::Scalar;
    detail::swap_states(state.y, trial.y);
    detail::swap_states(state.z, trial.z);
    detail::swap_states(state.slope, trial.k[0]);
    state.stale = true;
    constexpr S precision = std::numeric_limits<S>::epsilon();
    trial.synchronised = state.synchronise(
        synchronise, coupling, static_cast<double>(precision), 1, [&] { return norm(state.y - state.z, trial.y, state.y); },
        [&] { return norm(precision * state.y, trial.y, state.y); }, [](double n) { return 3 * (adaptive() ? std::sqrt(n) : n); });
    if (trial.synchronised) {
      detail::copy_state(state.z, trial.half.y);
      detail::copy_state(state.y, state.z);
    }
  }
  template <class Y, class Time>
  Window<Y> window(Time t, const StepPlan<Time>& plan, const State<Y>& after, const Trial<Y>& trial) const {
    Window<Y> w{t,  plan.end, plan.h, trial.y, after.y, trial.z, trial.synchronised ? trial.half.y : after.z, {}, static_cast<typename Y::Scalar>(coupling),
                trial.synchronised};
    for (std::size_t i = 0; i < w.k.size(); ++i) w.k[i] = &trial.k[i];
    return w;
  }

 private:
  template <class Y>
  static void begin_forth(const State<Y>& before, Trial<Y>& trial) {
    detail::copy_state(before.z, trial.half.y);
    detail::copy_state(before.slope, trial.half.slope);
  }
  template <class Y>
  void begin_back(const State<Y>& before, Trial<Y>& trial) const {
    trial.y += static_cast<typename Y::Scalar>(coupling) * (before.y - before.z);
    detail::copy_state(trial.y, trial.half.y);
  }
  template <class Time>
  static StepPlan<Time> back(Time t, const StepPlan<Time>& plan) {
    return {t, t - plan.end};
  }
};

namespace detail {

/// The method that a reversible one is made of, where nothing is undone: for a continuous adjoint's own solve.
template <class M>
struct WithoutReversal : std::type_identity<M> {};
template <ReversibleMethod M>
struct WithoutReversal<M> : std::type_identity<std::conditional_t<M::adaptive(), typename M::Base, FixedStep<typename M::Base>>> {};

}  // namespace detail
}  // namespace costate
