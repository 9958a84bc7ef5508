#pragma once
// One generic explicit Runge–Kutta stepper: a method is its tableau and its orders, everything else is derived.
//
//   struct Heun : ExplicitRungeKutta<Heun> { static constexpr int order = 2; static constexpr auto tableau = butcher_tableau(…); };
//
// A method's *state* is the solution with its first stage; copying it is a checkpoint. An *attempt* fills a trial and leaves the
// state alone, so that a rejection costs nothing more; a *commit* exchanges the two, whereupon the trial holds the step's beginning
// and its stages, to be seen through a *window*. Stage sums are one pass over the state each; coefficients that are zero are gone
// at compile time; a last stage that is the next step's first is found from the tableau and never evaluated twice.

#include <array>
#include <cstddef>
#include <utility>

#include <costate/ode/error_norm.hpp>
#include <costate/ode/rhs.hpp>
#include <costate/ode/stage_sum.hpp>
#include <costate/ode/tableau.hpp>

namespace costate {

/// A step to be tried: it ends exactly at `end`, and h = end − t. Replay freezes these.
template <class Time>
struct StepPlan {
  Time end;
  Time h;
};

/// Where a method wants f: *dydt = f(t, *y).
template <class Y>
struct Evaluation {
  time_of_t<typename Y::Scalar> t;
  const Y* y;
  Y* dydt;
};

/// The solution at a step's beginning. `slope` is f there unless `stale`.
template <class Y>
struct RungeKuttaState {
  static constexpr std::size_t vectors = 2;  // of the state's size, in all
  Y y;
  Y slope;
  bool stale = true;
};

/// The stages of an attempt and the solution at its end. k[0] is spare until the commit: the first stage is the state's slope.
template <class Y, std::size_t Stages>
struct RungeKuttaTrial {
  Y y;
  std::array<Y, Stages> k;
};

/// An accepted step as seen from outside: refers to the stepper's memory, valid until it moves on. y0 is the state at t, y1 at
/// end = t + h, *k[i] the stages.
template <class M, class Y>
struct StepWindow {
  using Time = time_of_t<typename Y::Scalar>;
  using Scalar = typename Y::Scalar;

  Time t, end, h;
  const Y& y0;
  const Y& y1;
  std::array<const Y*, M::tableau.stages> k;

  /// out = y(at) by the method's dense output; exactly y0 and y1 at the ends. A little outside of the step it extrapolates.
  template <class Out>
  void interpolate(Time at, Out& out) const {
    if (at == t) {
      out = y0;
    } else if (at == end) {
      out = y1;
    } else {
      out = y0;
      M::add_stages(M::dense_weights(theta(at)), h, k, out);
    }
  }
  /// out = dy/dt(at) of the dense output.
  template <class Out>
  void derivative(Time at, Out& out) const {
    out.setZero(y0.size());
    M::add_stages(M::dense_slopes(theta(at)), Time(1), k, out);
  }
  /// The dense output as a polynomial: q.col(j) receives the coefficient of θ^(j+1) of y(t + θh) − y0, j < degree().
  template <class Q>
  void coefficients(Q&& q) const {
    M::dense_coefficients(*this, q);
  }
  static constexpr std::size_t degree() { return M::tableau.degree; }
  Scalar theta(Time at) const { return static_cast<Scalar>((at - t) / h); }
};

namespace detail {

template <class M, std::size_t I>
struct StageRow {
  consteval auto operator()() const { return M::tableau.a[I]; }
};
template <class M>
struct SolutionRow {
  consteval auto operator()() const { return M::tableau.b; }
};
template <class M>
struct ErrorRow {
  consteval auto operator()() const {
    auto e = M::tableau.b;
    for (std::size_t i = 0; i < e.size(); ++i) e[i] = e[i] - M::tableau.b_hat[i];
    return e;
  }
};
template <class M>
struct DenseRow {  // a stage counts if any coefficient of its polynomial does
  consteval auto operator()() const {
    auto used = M::tableau.b;
    for (std::size_t i = 0; i < used.size(); ++i) {
      used[i] = Rational(0);
      for (const Rational& p : M::tableau.dense[i])
        if (p.num != 0) used[i] = Rational(1);
    }
    return used;
  }
};

/// The stages during an attempt: the first is the state's slope.
template <class Y, std::size_t N>
struct TrialStages {
  const RungeKuttaState<Y>& before;
  const RungeKuttaTrial<Y, N>& trial;

  template <std::size_t J>
  const Y& get() const {
    if constexpr (J == 0) {
      return before.slope;
    } else {
      return trial.k[J];
    }
  }
};

}  // namespace detail

/// Base of every explicit Runge–Kutta method M, which states `order`, `tableau`, `dense_order`, and `error_order` for a pair.
template <class M>
struct ExplicitRungeKutta {
  template <class Y>
  using State = RungeKuttaState<Y>;
  template <class Y, class Self = M>  // Self delays the look at M, which is incomplete here
  using Trial = RungeKuttaTrial<Y, Self::tableau.stages>;
  template <class Y>
  using Window = StepWindow<M, Y>;

  static constexpr std::size_t stages() { return M::tableau.stages; }
  static constexpr bool first_same_as_last() { return M::tableau.first_same_as_last(); }
  static constexpr bool adaptive() { return M::tableau.adaptive; }

  /// Sizes all memory; f is not evaluated.
  template <class Y, std::size_t N>
  static void start(const Y& y, RungeKuttaState<Y>& state, RungeKuttaTrial<Y, N>& trial) {
    state.y = y;
    state.stale = true;
    state.slope.resize(y.size());
    trial.y.resize(y.size());
    for (Y& k : trial.k) k.resize(y.size());
  }

  /// Evaluates the first stage anew: at the start, after a jump, and for each step of a method without first same as last.
  template <class F, class Y, class Time>
  static void refresh(F& f, Time t, RungeKuttaState<Y>& state) {
    if constexpr (inlined<F, Y>()) evaluate_inlined(f, t, state);
    else detail::evaluate_stage(f, 0, t, state.y, state.slope);
    state.stale = false;
  }

  /// The same for a caller who evaluates f himself: what it is wanted at, and that it is known now.
  template <class Y, class Time>
  static Evaluation<Y> slope_wanted(Time t, RungeKuttaState<Y>& state) {
    return {t, &state.y, &state.slope};
  }
  template <class Y>
  static void slope_known(RungeKuttaState<Y>& state) {
    state.stale = false;
  }

  /// One-step methods have no past to forget.
  template <class Y>
  static void turn(RungeKuttaState<Y>&) {}

  /// Tries a step from a state whose slope is fresh; returns the number of evaluations, at times from t to plan.end and never beyond.
  template <class F, class Y, std::size_t N, class Time>
  static int attempt(F& f, Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& before, RungeKuttaTrial<Y, N>& trial) {
    if constexpr (inlined<F, Y>()) attempt_inlined(f, t, plan, before, trial);
    else if constexpr (detail::is_small<Y>) attempt_in_registers(f, t, plan, before, trial);
    else evaluate(f, t, plan, before, trial);
    return static_cast<int>(stages()) - 1;  // the first stage is the state's own
  }

  /// An attempt for a caller who evaluates f himself: what evaluation(i, …) wants for i = 0 … evaluations(before) − 1, then conclude(…).
  template <class Y>
  static int evaluations(const RungeKuttaState<Y>&) {
    return static_cast<int>(stages()) - 1;
  }
  template <class Y, std::size_t N, class Time>
  static Evaluation<Y> evaluation(int i, Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& before, RungeKuttaTrial<Y, N>& trial) {
    const auto stage = static_cast<std::size_t>(i) + 1;
    Evaluation<Y> wanted{t, &trial.y, &trial.k[stage]};
    detail::unroll<1, N>([&]<std::size_t I>() {
      if (I == stage) wanted.t = prepare<I>(t, plan, before, trial);
    });
    return wanted;
  }
  template <class Y, std::size_t N, class Time>
  static void conclude(const StepPlan<Time>& plan, const RungeKuttaState<Y>& before, RungeKuttaTrial<Y, N>& trial) {
    if constexpr (!first_same_as_last())
      detail::add_stages_to<detail::SolutionRow<M>, true>(before.y, static_cast<typename Y::Scalar>(plan.h), detail::TrialStages<Y, N>{before, trial}, trial.y);
  }

  /// Whether the attempt's end, and the slope there where it is a stage, are finite.
  template <class Y, std::size_t N>
  static bool finite(const RungeKuttaTrial<Y, N>& trial) {
    if constexpr (first_same_as_last())
      if (!detail::all_finite(trial.k[N - 1])) return false;
    return detail::all_finite(trial.y);
  }

  /// The embedded error h Σ (b_i − b̂_i) k_i of an attempt, as an expression to be used at once.
  template <class Y, std::size_t N, class Time>
  static auto error(const StepPlan<Time>& plan, const RungeKuttaState<Y>& before, const RungeKuttaTrial<Y, N>& trial) {
    using S = typename Y::Scalar;
    return detail::sum_stages<detail::ErrorRow<M>, Y>(static_cast<S>(plan.h), detail::TrialStages<Y, N>{before, trial});
  }

  /// Makes the attempt the state. The trial then holds the step's beginning.
  template <class Y, std::size_t N, class Time>
  static void commit(Time /*t*/, RungeKuttaState<Y>& state, RungeKuttaTrial<Y, N>& trial) {
    if constexpr (detail::is_small<Y>) {
      Y y;
      detail::copy_state(state.y, y);
      detail::copy_state(trial.y, state.y);
      detail::copy_state(y, trial.y);
      detail::copy_state(state.slope, trial.k[0]);
      if constexpr (first_same_as_last()) detail::copy_state(trial.k[N - 1], state.slope);
    } else {
      state.y.swap(trial.y);
      trial.k[0].swap(state.slope);
      if constexpr (first_same_as_last()) state.slope.swap(trial.k[N - 1]);
    }
    state.stale = !first_same_as_last();
  }

  /// The step just committed.
  template <class Y, std::size_t N, class Time>
  static Window<Y> window(Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& after, const RungeKuttaTrial<Y, N>& trial) {
    Window<Y> w{t, plan.end, plan.h, trial.y, after.y, {}};
    for (std::size_t i = 0; i < N; ++i) w.k[i] = &trial.k[i];
    if constexpr (first_same_as_last()) w.k[N - 1] = &after.slope;
    return w;
  }

  /// b_i(θ): y(t + θh) = y + h Σ b_i(θ) k_i.
  template <class S>
  static auto dense_weights(S theta) {
    std::array<S, M::tableau.stages> w{};
    for (std::size_t i = 0; i < w.size(); ++i) {
      for (std::size_t j = M::tableau.degree; j-- > 0;) w[i] = (w[i] + coefficients<M, S>.dense[i][j]) * theta;
    }
    return w;
  }
  /// b_i'(θ): y'(t + θh) = Σ b_i'(θ) k_i.
  template <class S>
  static auto dense_slopes(S theta) {
    std::array<S, M::tableau.stages> w{};
    for (std::size_t i = 0; i < w.size(); ++i) {
      for (std::size_t j = M::tableau.degree; j-- > 0;) w[i] = w[i] * theta + static_cast<S>(j + 1) * coefficients<M, S>.dense[i][j];
    }
    return w;
  }
  /// out += h Σ w_i k_i over the stages that the dense output uses.
  template <class S, class Time, class Y, std::size_t N, class Out>
  static void add_stages(const std::array<S, N>& w, Time h, const std::array<const Y*, N>& k, Out& out) {
    [&]<std::size_t... J>(std::index_sequence<J...>) {
      out += (... + ((static_cast<S>(h) * w[J]) * *k[J]));
    }(detail::nonzero<detail::DenseRow<M>>());
  }
  /// q.col(j) = h Σ_i dense[i][j] k_i.
  template <class Window, class Q>
  static void dense_coefficients(const Window& w, Q&& q) {
    using S = typename Window::Scalar;
    [&]<std::size_t... J>(std::index_sequence<J...>) {
      for (std::size_t j = 0; j < M::tableau.degree; ++j)
        q.col(static_cast<Eigen::Index>(j)) = (... + ((static_cast<S>(w.h) * costate::coefficients<M, S>.dense[J][j]) * *w.k[J]));
    }(detail::nonzero<detail::DenseRow<M>>());
  }

 private:
  /// Whether f is part of the step's code, at every stage, however much else the program inlines: a call would cost as much as f.
  template <class F, class Y>
  static constexpr bool inlined() { return detail::is_small<Y> && detail::is_short<F>; }

  template <class F, class Y, class Time>
  [[gnu::flatten]] static void evaluate_inlined(F& f, Time t, RungeKuttaState<Y>& state) {
    detail::evaluate_stage(f, 0, t, state.y, state.slope);
  }
  template <class F, class Y, std::size_t N, class Time>
  [[gnu::flatten]] static void attempt_inlined(F& f, Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& before,
                                               RungeKuttaTrial<Y, N>& trial) {
    attempt_in_registers(f, t, plan, before, trial);
  }

  /// For small states: with local stages that stay in registers.
  template <class F, class Y, std::size_t N, class Time>
  static void attempt_in_registers(F& f, Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& before,
                                   RungeKuttaTrial<Y, N>& trial) {
    RungeKuttaState<Y> start;
    RungeKuttaTrial<Y, N> work;
    detail::copy_state(before.y, start.y);
    detail::copy_state(before.slope, start.slope);
    evaluate(f, t, plan, start, work);
    detail::copy_state(work.y, trial.y);
    detail::unroll<1, N>([&]<std::size_t I>() { detail::copy_state(work.k[I], trial.k[I]); });
  }

  template <class F, class Y, std::size_t N, class Time>
  static void evaluate(F& f, Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& before, RungeKuttaTrial<Y, N>& trial) {
    detail::unroll<1, N>([&]<std::size_t I>() {
      const Time at = prepare<I>(t, plan, before, trial);
      detail::evaluate_stage(f, static_cast<int>(I), at, trial.y, trial.k[I]);
    });
    conclude(plan, before, trial);
  }

  /// trial.y becomes the state of stage I, whose time is returned.
  template <std::size_t I, class Y, std::size_t N, class Time>
  static Time prepare(Time t, const StepPlan<Time>& plan, const RungeKuttaState<Y>& before, RungeKuttaTrial<Y, N>& trial) {
    detail::add_stages_to<detail::StageRow<M, I>, first_same_as_last() && I + 1 == N>(before.y, static_cast<typename Y::Scalar>(plan.h),
                                                                                      detail::TrialStages<Y, N>{before, trial}, trial.y);
    constexpr Time c = M::tableau.c[I].template as<Time>();
    return c == Time(1) ? plan.end : t + c * plan.h;
  }
};

}  // namespace costate
