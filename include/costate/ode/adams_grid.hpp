#pragma once
// Adams methods on a given grid: y' = y + h ∫ p over the step, where p interpolates the slopes at the last accepted times.
//
// The first steps, and the first ones after a jump or a turn, are Runge–Kutta steps (adams_start.hpp) until enough slopes are known. On
// a regular grid the weights are the exact ones of the published methods; where times differ from one by more than their rounding, as on
// irregular grids and before a shortened last step, those of the actual times (adams_weights.hpp).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include <costate/ode/adams_start.hpp>
#include <costate/ode/adams_weights.hpp>
#include <costate/ode/error_norm.hpp>
#include <costate/ode/method.hpp>

namespace costate {

/// The solution with its slope and up to H − 1 slopes before.
template <class Y, std::size_t H>
struct AdamsState : RungeKuttaState<Y> {
  static constexpr std::size_t vectors = 1 + H;
  std::array<Y, H - 1> past;                                       ///< the newest first
  std::array<time_of_t<typename Y::Scalar>, H - 1> past_times{};
  std::size_t known = 0;                                           ///< how many of them
};

/// An attempt; after the commit y is the step's beginning.
template <class Y, std::size_t K, std::size_t StartStages>
struct AdamsTrial {
  using Time = time_of_t<typename Y::Scalar>;
  Y y, slope;                           // at the end, there
  Y oldest;                             // after the commit: the slope that the history lost
  Y predicted;                          // slope at the predicted end
  std::array<Time, K> nodes{};          // of p, in units of h
  bool starting = false;                // a Runge–Kutta step:
  RungeKuttaTrial<Y, StartStages> start;
};

/// An accepted step: y(t + θh) = y0 + h Σ w_i(θ) k_i over its `count` slopes.
template <class M, class Y>
struct AdamsWindow {
  using Scalar = typename Y::Scalar;
  using Time = time_of_t<Scalar>;
  using Start = typename M::Start;
  static constexpr std::size_t steps = M::order, stages = Start::tableau.stages, most = std::max(steps, stages);

  Time t, end, h;
  const Y& y0;
  const Y& y1;
  bool starting;
  std::array<Time, steps> nodes;
  std::array<const Y*, most> k{};

  void interpolate(Time at, Y& out) const {
    if (at == t) out = y0;
    else if (at == end) out = y1;
    else {
      out = y0;
      if (starting) add(Start::dense_weights(static_cast<Scalar>(theta(at))), static_cast<Scalar>(h), out);
      else add(detail::integral_weights(nodes, steps, theta(at)), static_cast<Scalar>(h), out);
    }
  }
  void derivative(Time at, Y& out) const {
    out.setZero(y0.size());
    if (starting) add(Start::dense_slopes(static_cast<Scalar>(theta(at))), Scalar(1), out);
    else add(detail::value_weights(nodes, steps, theta(at)), Scalar(1), out);
  }
  /// q.col(j) receives the coefficient of θ^(j+1) of y(t + θh) − y0, j < degree().
  template <class Q>
  void coefficients(Q&& q) const {
    q.setZero();
    if (starting) {
      for (std::size_t j = 0; j < Start::tableau.degree; ++j)
        for (std::size_t i = 0; i < stages; ++i)
          q.col(static_cast<Eigen::Index>(j)) += (static_cast<Scalar>(h) * costate::coefficients<Start, Scalar>.dense[i][j]) * *k[i];
      return;
    }
    for (std::size_t m = 0; m < steps; ++m) {  // the coefficient of s^m in p
      std::array<Time, steps> c{};
      c[m] = 1;
      detail::solve_moments(nodes, steps, c);
      for (std::size_t i = 0; i < steps; ++i) q.col(static_cast<Eigen::Index>(m)) += static_cast<Scalar>(h * c[i] / static_cast<Time>(m + 1)) * *k[i];
    }
  }
  static constexpr std::size_t degree() { return std::max(steps, Start::tableau.degree); }
  Time theta(Time at) const { return (at - t) / h; }

 private:
  template <class W>
  void add(const W& w, Scalar factor, Y& out) const {
    for (std::size_t i = 0; i < w.size(); ++i) out += (factor * static_cast<Scalar>(w[i])) * *k[i];
  }
};

/// Base of AdamsBashforth<K> (explicit) and AdamsMoulton<K> (predictor–corrector). K nodes of p: for the explicit one the slopes at hand,
/// for the other the slope at the predicted end and K − 1 of those at hand, which also predict.
template <class M, int K, bool corrector>
struct GridAdams {
  static_assert(1 <= K && K <= 8, "costate: Adams methods on a grid have order K = 1 … 8");
  static constexpr int order = K;
  using Start = detail::AdamsStart<K>;
  static constexpr std::size_t nodes = K;
  static constexpr std::size_t slopes = corrector ? std::max(1, K - 1) : K;       // that a step needs, the current one included
  static constexpr std::size_t predicting = corrector ? nodes - 1 : nodes;        // of them, in the explicit formula

  template <class Y>
  using State = AdamsState<Y, slopes>;
  template <class Y>
  using Trial = AdamsTrial<Y, nodes, Start::tableau.stages>;
  template <class Y>
  using Window = AdamsWindow<M, Y>;

  static constexpr bool adaptive() { return false; }

  /// Sizes all memory; f is not evaluated.
  template <class Y>
  static void start(const Y& y, State<Y>& state, Trial<Y>& trial) {
    const auto n = y.size();
    Start::start(y, state, trial.start);
    for (Y& p : state.past) p.resize(n);
    for (Y* p : {&trial.y, &trial.slope, &trial.oldest, &trial.predicted}) p->resize(n);
    state.known = 0;
  }

  /// Evaluates the slope anew; nothing is known of the past then.
  template <class F, class Y, class Time>
  static void refresh(F& f, Time t, State<Y>& state) {
    Start::refresh(f, t, static_cast<RungeKuttaState<Y>&>(state));
    state.known = 0;
  }
  template <class Y, class Time>
  static Evaluation<Y> slope_wanted(Time t, State<Y>& state) {
    return Start::slope_wanted(t, state);
  }
  template <class Y>
  static void slope_known(State<Y>& state) {
    Start::slope_known(state);
    state.known = 0;
  }
  /// The other direction begins without a past.
  template <class Y>
  static void turn(State<Y>& state) {
    state.known = 0;
  }

  /// Tries a step; returns the number of evaluations.
  template <class F, class Y, class Time>
  static int attempt(F& f, Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    trial.starting = !enough(before);
    if (trial.starting) {
      const int evaluations = Start::attempt(f, t, plan, before, trial.start);
      take_start(trial);
      return evaluations;
    }
    const bool regular = place_nodes(t, plan, before, trial);
    if constexpr (corrector) {
      predict(plan, before, trial, regular);
      detail::evaluate_stage(f, 1, plan.end, trial.y, trial.predicted);
    }
    advance(plan, before, trial, regular);
    detail::evaluate_stage(f, 1, plan.end, trial.y, trial.slope);
    return corrector ? 2 : 1;
  }

  /// An attempt for a caller who evaluates f himself, see runge_kutta.hpp.
  template <class Y>
  static int evaluations(const State<Y>& before) {
    return !enough(before) ? Start::evaluations(before) : corrector ? 2 : 1;
  }
  template <class Y, class Time>
  static Evaluation<Y> evaluation(int i, Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    trial.starting = !enough(before);
    if (trial.starting) return Start::evaluation(i, t, plan, before, trial.start);
    const bool regular = place_nodes(t, plan, before, trial);
    if constexpr (corrector) {
      if (i == 0) {
        predict(plan, before, trial, regular);
        return {plan.end, &trial.y, &trial.predicted};
      }
    }
    advance(plan, before, trial, regular);
    return {plan.end, &trial.y, &trial.slope};
  }
  template <class Y, class Time>
  static void conclude(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    if (!trial.starting) return;
    Start::conclude(plan, before, trial.start);
    take_start(trial);
  }

  /// Whether the attempt's end and the slope there are finite.
  template <class Y>
  static bool finite(const Trial<Y>& trial) {
    return detail::all_finite(trial.y) && detail::all_finite(trial.slope);
  }

  /// Makes the attempt the state.
  template <class Y, class Time>
  static void commit(Time t, State<Y>& state, Trial<Y>& trial) {
    detail::swap_states(state.y, trial.y);
    if constexpr (slopes == 1) {
      detail::swap_states(trial.oldest, state.slope);
    } else {
      detail::swap_states(trial.oldest, state.past[slopes - 2]);
      for (std::size_t j = slopes - 2; j > 0; --j) {
        detail::swap_states(state.past[j], state.past[j - 1]);
        state.past_times[j] = state.past_times[j - 1];
      }
      detail::swap_states(state.past[0], state.slope);
      state.past_times[0] = t;
      state.known = std::min(state.known + 1, slopes - 1);
    }
    detail::swap_states(state.slope, trial.slope);
    state.stale = false;
  }

  /// The step just committed.
  template <class Y, class Time>
  static Window<Y> window(Time t, const StepPlan<Time>& plan, const State<Y>& after, const Trial<Y>& trial) {
    Window<Y> w{t, plan.end, plan.h, trial.y, after.y, trial.starting, trial.nodes};
    const auto before = [&](std::size_t j) { return j + 1 < slopes ? &after.past[j] : &trial.oldest; };
    if (trial.starting) {
      w.k[0] = before(0);
      for (std::size_t i = 1; i < Start::tableau.stages; ++i) w.k[i] = &trial.start.k[i];
    } else {
      if constexpr (corrector) w.k[0] = &trial.predicted;
      for (std::size_t j = 0; j + shift < nodes; ++j) w.k[j + shift] = before(j);
    }
    return w;
  }

 private:
  static constexpr std::size_t shift = corrector ? 1 : 0;  // of the nodes at hand among those of p

  /// Whether enough slopes are known for a step that looks back.
  template <class Y>
  static bool enough(const State<Y>& before) {
    return before.known + 1 >= slopes;
  }
  template <class Y>
  static void take_start(Trial<Y>& trial) {
    trial.y = trial.start.y;
    trial.slope = trial.start.k[Start::tableau.stages - 1];
  }

  /// The nodes in units of h; whether they are evenly spaced but for the rounding of times.
  template <class Y, class Time>
  static bool place_nodes(Time t, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial) {
    const Time rounding = 8 * std::numeric_limits<Time>::epsilon() * std::max(std::abs(t), std::abs(plan.end));
    bool regular = true;
    for (std::size_t j = 1; j < slopes; ++j) regular &= std::abs(before.past_times[j - 1] - t + static_cast<Time>(j) * plan.h) <= rounding;
    if constexpr (corrector) trial.nodes[0] = 1;
    for (std::size_t j = 0; j + shift < nodes; ++j)
      trial.nodes[j + shift] = j == 0 ? Time(0) : regular ? -static_cast<Time>(j) : (before.past_times[j - 1] - t) / plan.h;
    return regular;
  }
  /// The slopes at the nodes; of the first, the predicted one.
  template <class Y>
  static std::array<const Y*, nodes> slopes_at_nodes(const State<Y>& before, const Trial<Y>& trial) {
    std::array<const Y*, nodes> k{};
    if constexpr (corrector) k[0] = &trial.predicted;
    for (std::size_t j = 0; j + shift < nodes; ++j) k[j + shift] = j == 0 ? &before.slope : &before.past[j - 1];
    return k;
  }
  template <class Y, class Time>
  static void predict(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial, bool regular) {
    using S = typename Y::Scalar;
    if constexpr (predicting == 0) {
      trial.y = before.y;
    } else {
      std::array<Time, predicting> s{};
      for (std::size_t j = 0; j < predicting; ++j) s[j] = trial.nodes[j + shift];
      add<1, predicting>(before.y, static_cast<S>(plan.h), regular ? regular_weights<S, predicting, 0> : weights<S, predicting>(s), slopes_at_nodes(before, trial),
                         trial.y);
    }
  }
  template <class Y, class Time>
  static void advance(const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial, bool regular) {
    using S = typename Y::Scalar;
    add<0, nodes>(before.y, static_cast<S>(plan.h), regular ? regular_weights<S, nodes, corrector ? 1 : 0> : weights<S, nodes>(trial.nodes),
                  slopes_at_nodes(before, trial), trial.y);
  }

  template <class S, std::size_t N, int newest>
  static constexpr std::array<S, N> regular_weights = [] {
    std::array<S, N> w{};
    for (std::size_t j = 0; j < N; ++j) w[j] = detail::regular_adams_weights<N>(newest)[j].template as<S>();
    return w;
  }();

  /// Of the first N nodes.
  template <class S, std::size_t N, class Time, std::size_t Size>
  static std::array<S, N> weights(const std::array<Time, Size>& s) {
    const auto w = detail::integral_weights(s, N, Time(1));
    std::array<S, N> out{};
    for (std::size_t j = 0; j < N; ++j) out[j] = static_cast<S>(w[j]);
    return out;
  }

  /// out = y + h Σ_j w_j k[First + j], in one pass.
  template <std::size_t First, std::size_t N, class S, class Y>
  static void add(const Y& y, S h, const std::array<S, N>& w, const std::array<const Y*, nodes>& k, Y& out) {
    [&]<std::size_t... J>(std::index_sequence<J...>) {
      if constexpr (detail::is_small<Y>)
        detail::for_components<Y>([&]<std::size_t I>() { out.coeffRef(I) = y.coeff(I) + (... + ((h * w[J]) * k[First + J]->coeff(I))); });
      else
        out = y + (... + ((h * w[J]) * *k[First + J]));
    }(std::make_index_sequence<N>{});
  }
};

}  // namespace costate
