#pragma once
// Adams: variable step, variable order 1 … 12, predictor and corrector (PECE) with local extrapolation, after L. F. Shampine & M. K. Gordon,
// Computer Solution of Ordinary Differential Equations: the Initial Value Problem (1975).
//
// Order k predicts with the polynomial through the slopes at the last k times and corrects with one more, the slope at the predicted
// end, so that the solution has order k + 1. The history is kept as modified divided differences φ_i of the slopes, in which a change of
// step is exact and a change of order is to use one more or one less of them. With τ_i the distance from the new time back to the i-th
// last one, in steps, the step is
//     φ*_i = β_i φ_i,   p = y + h Σ_{i≤k} g_i φ*_i,   φ_i^p = Σ_{j=i…k} φ*_j,   y' = p + h g_{k+1} (f(p) − φ_1^p),
// and the estimated errors of orders k − 2 … k + 1 are differences' norms times h σ_i γ*_i. Coefficients are a function of the last k
// times alone.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <costate/ode/adams_state.hpp>
#include <costate/ode/error_norm.hpp>
#include <costate/ode/method.hpp>

namespace costate {

/// The Adams method of variable order 1 … 12 and variable step: fewest evaluations for smooth problems at tight tolerances, 14 slopes kept.
/// Takes rtol, atol, max_step and max_steps. Not for problems with many jumps, each of which begins it anew at order 1, nor for cheap f,
/// where a step's own work counts: take Dopri5 there.
struct Adams {
  static constexpr int order = 13, error_order = 1;
  static constexpr bool variable_order = true;
  static constexpr std::size_t most = detail::most_adams_orders;
  static constexpr double first_error = 0.25;  // of Euler's step, the first: too short a one is doubled soon
  static constexpr double start_rounding = 0.01;  // of the tolerance: what of it a step may lose to rounding while the order grows with it
  static constexpr bool adaptive() { return true; }

  template <class Y>
  using State = VariableAdamsState<Y>;
  template <class Y>
  using Trial = VariableAdamsTrial<Y>;
  template <class Y>
  using Window = VariableAdamsWindow<Y>;

  template <class Y>
  static void start(const Y& y, State<Y>& state, Trial<Y>& trial) {
    const auto n = y.size();
    state.y = y;
    state.slope.resize(n);
    for (Y& d : state.differences) d.resize(n);
    for (Y* p : {&trial.y, &trial.slope, &trial.predicted}) p->resize(n);
    for (Y& p : trial.phi) p.resize(n);
    forget(state);
    state.stale = true;
  }
  template <class F, class Y, class Time>
  static void refresh(F& f, Time t, State<Y>& state) {
    detail::evaluate_stage(f, 0, t, state.y, state.slope);
    slope_known(state);
  }
  template <class Y, class Time>
  static Evaluation<Y> slope_wanted(Time t, State<Y>& state) {
    return {t, &state.y, &state.slope};
  }
  template <class Y>
  static void slope_known(State<Y>& state) {
    forget(state);
    state.stale = false;
  }
  template <class Y>
  static void turn(State<Y>& state) {
    forget(state);
  }

  /// Predicts the state and its slope's differences; the slope at the predicted end is wanted then.
  template <class Y, class Time>
  static Evaluation<Y> predict(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    using S = typename Y::Scalar;
    const std::size_t k = trial.order = std::min(before.order, before.known + 1);
    // of one length but for the rounding of times
    const bool equal = std::abs(plan.h - before.last_length) <= 4 * std::numeric_limits<Time>::epsilon() * std::abs(plan.end);
    trial.equal_steps = equal ? std::min(before.equal_steps, before.last_order) + 1 : 1;
    auto& c = trial.coefficients;
    c.compute(detail::adams_distances(plan.end, plan.h, before.past_times.data(), k, trial.equal_steps), k, trial.equal_steps);
    const S h = static_cast<S>(plan.h);
    const auto phi = [&](std::size_t i) -> const Y& { return i == 1 ? before.slope : before.differences[i - 2]; };
    // from the highest difference down: the sum of those above is what the predicted slope's differences are
    detail::for_blocks<Y>(before.y.size(), [&](const auto& block) {
      auto difference = (static_cast<S>(c.beta[k]) * block(phi(k))).eval();
      auto increment = (static_cast<S>(c.g[k]) * difference).eval();
      block(trial.phi[k]) = difference;
      for (std::size_t i = k - 1; i >= 1; --i) {
        const auto scaled = (static_cast<S>(c.beta[i]) * block(phi(i))).eval();
        increment += static_cast<S>(c.g[i]) * scaled;
        difference += scaled;
        block(trial.phi[i]) = difference;
      }
      block(trial.y) = block(before.y) + h * increment;
    });
    return {plan.end, &trial.y, &trial.predicted};
  }

  /// The errors of the neighbouring orders.
  template <class Y, class Time, class Norm>
  static void estimate(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial, Norm& norm) {
    const std::size_t k = trial.order;
    const auto& c = trial.coefficients;
    const auto& constant = detail::adams_error_constants<Time>;
    const Time length = std::abs(plan.h);
    const auto error = [&](Time factor, const auto& difference) { return static_cast<double>(length * factor) * norm(difference, before.y, trial.y); };
    const double last = norm(trial.predicted - trial.phi[1], before.y, trial.y);
    trial.error = static_cast<double>(length * std::abs(c.g[k] - c.g[k + 1])) * last;
    trial.by_order = {0, 0, static_cast<double>(length * c.sigma[k + 1] * constant[k]) * last};
    if (k > 1) trial.by_order[1] = error(c.sigma[k] * constant[k - 1], trial.predicted - trial.phi[1] + trial.phi[k]);
    if (k > 2) trial.by_order[0] = error(c.sigma[k - 1] * constant[k - 2], trial.predicted - trial.phi[1] + trial.phi[k - 1]);
    trial.next_order = k;
    if (k > 2 && std::max(trial.by_order[0], trial.by_order[1]) <= trial.by_order[2]) trial.next_order = k - 1;
    if (k == 2 && trial.by_order[1] <= 0.5 * trial.by_order[2]) trial.next_order = 1;
  }

  /// After a rejection: lower order, shorter step.
  template <class Y, class Time>
  static Time retry(State<Y>& state, const Trial<Y>& trial, Time length, int failures) {
    state.starting = false;
    state.order = failures >= 3 ? 1 : trial.next_order;
    double factor = 0.5;
    if (failures > 3) factor = std::isfinite(trial.by_order[2]) ? std::clamp(std::sqrt(0.5 / trial.by_order[2]), 1e-3, 0.5) : 0.01;
    return length * static_cast<Time>(factor);
  }

  /// Corrects the state; the slope there is wanted then.
  template <class Y, class Time>
  static Evaluation<Y> correct(const StepPlan<Time>& plan, Trial<Y>& trial) {
    using S = typename Y::Scalar;
    const std::size_t k = trial.order;
    trial.y += (static_cast<S>(plan.h) * static_cast<S>(trial.coefficients.g[k + 1])) * (trial.predicted - trial.phi[1]);
    return {plan.end, &trial.y, &trial.slope};
  }
  template <class Y>
  static bool finite(const Trial<Y>& trial) {
    return detail::all_finite(trial.y) && detail::all_finite(trial.slope);
  }

  /// Makes the corrected attempt the state, and chooses order and length of the next step.
  template <class Y, class Time, class Norm>
  static Time commit(Time t, const StepPlan<Time>& plan, State<Y>& state, Trial<Y>& trial, Norm& norm) {
    const std::size_t k = trial.order;
    // φ_{k+1} at the new time, and on equal steps φ_{k+2}
    const bool raisable = trial.equal_steps > k && k < most;
    detail::for_blocks<Y>(state.y.size(), [&](const auto& block) {
      const auto change = (block(trial.slope) - block(trial.phi[1])).eval();
      if (raisable) block(trial.phi[k + 1]) = change - block(state.differences[k - 1]);
      block(state.differences[k - 1]) = change;
      for (std::size_t i = 2; i <= k; ++i) block(state.differences[i - 2]) = block(trial.phi[i]) + change;
    });
    state.y.swap(trial.y);
    state.slope.swap(trial.slope);

    double raised = 0;
    const auto& constant = detail::adams_error_constants<Time>;
    const Time length = std::abs(plan.h);
    const double here = trial.by_order[2], lower = trial.by_order[1];
    std::size_t next = k;
    double error = here;
    if (trial.next_order < k || k == most) state.starting = false;
    if (state.starting) {  // but for rounding, which a high order magnifies where steps double
      const auto step = static_cast<double>(2 * length * std::numeric_limits<typename Y::Scalar>::epsilon());
      state.starting = step * detail::growth_over_doubled_steps[k + 1] * norm(state.slope, trial.y, state.y) <= start_rounding;
    }
    if (state.starting) {
      next = k + 1;
      error = 0;
    } else if (trial.next_order < k) {
      next = k - 1;
      error = lower;
    } else if (raisable) {
      raised = static_cast<double>(length * constant[k + 1]) * norm(trial.phi[k + 1], trial.y, state.y);
      if (k > 1 && lower <= std::min(here, raised)) {
        next = k - 1;
        error = lower;
      } else if (k > 1 ? raised < here : raised < 0.5 * here) {
        next = k + 1;
        error = raised;
      }
    }
    Time suggested = length;
    if (state.starting || 0.5 >= error * std::exp2(static_cast<double>(next + 1))) suggested = 2 * length;
    else if (error > 0.5) suggested = length * static_cast<Time>(std::clamp(std::pow(0.5 / error, 1 / static_cast<double>(next + 1)), 0.5, 0.9));

    for (std::size_t j = state.past_times.size() - 1; j > 0; --j) state.past_times[j] = state.past_times[j - 1];
    state.past_times[0] = t;
    state.known = std::min(state.known + 1, state.past_times.size());
    state.equal_steps = trial.equal_steps;
    state.last_length = plan.h;
    state.last_order = k;
    state.order = next;
    state.stale = false;
    return suggested;
  }

  template <class Y, class Time>
  static Window<Y> window(Time t, const StepPlan<Time>& plan, const State<Y>& after, const Trial<Y>& trial) {
    return {t, plan.end, plan.h, trial.y, after.y, trial.order, after.past_times, &trial.phi, &trial.predicted};
  }

 private:
  template <class Y>
  static void forget(State<Y>& state) {
    state.known = 0;
    state.order = 1;
    state.equal_steps = 0;
    state.last_length = 0;
    state.starting = true;
  }
};

}  // namespace costate
