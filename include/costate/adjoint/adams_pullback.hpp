#pragma once
// The pullback of Adams steps (ode/adams_grid.hpp, ode/adams.hpp), from the last to the first.
//
// A step y_{n+1} = y_n + h Σ_j w_j k_j shares its slopes f_m = f(t_m, y_m) with the steps before and after it, so their cotangents f̄_m
// gather in a ring: when step n is reached, f̄_{n+1} is complete and is pulled into ȳ_{n+1}. With a corrector one of the k_j is the slope
// at the predicted end, y^p = y_n + h Σ_j v_j f_{n−j}: it is pulled on the way. The values of the slopes are evaluated again, each once,
// where they are needed: for y^p and for the cotangents of times. On a grid the first steps are those of a Runge–Kutta method; a method
// of variable order has its own order at every step, and its differences are weights of slopes here.
//
// The discrete adjoint of a multistep method is no approximation of the costate point by point, only its sums are: the derivative with
// respect to a time is that of the interpolant there, never ȳ·f.

#include <array>
#include <concepts>
#include <span>

#include <costate/adjoint/step_pullback.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/adams_grid.hpp>
#include <costate/ode/euler.hpp>

namespace costate::detail {

/// A multistep method whose weights follow from the times and orders alone.
template <class M>
concept AdamsMethod = VariableOrderMethod<M> || requires {
  { M::slopes } -> std::convertible_to<std::size_t>;
  { M::predicting } -> std::convertible_to<std::size_t>;
};

/// What the formulas of a method's steps are made of, at most: nodes of p, slopes at hand, those that predict; and the method of its first steps.
template <class M>
struct AdamsShape {
  static constexpr std::size_t nodes = M::nodes, slopes = M::slopes, predicting = M::predicting, starting_steps = slopes - 1;
  using Start = typename M::Start;
};
template <VariableOrderMethod M>
struct AdamsShape<M> {
  static constexpr std::size_t nodes = M::most + 1, slopes = M::most, predicting = M::most, starting_steps = 0;
  using Start = Euler;
};

template <class State, std::size_t stages, std::size_t slopes>
struct AdamsPullbackBuffers : PullbackBuffers<State, stages> {
  std::array<State, slopes> f, fbar;  // slope m and its cotangent at m mod slopes
  State predicted, predicted_slope, predicted_bar, predicted_y_bar;
  void resize(Index n) {
    PullbackBuffers<State, stages>::resize(n);
    for (State* s : {&predicted, &predicted_slope, &predicted_bar, &predicted_y_bar}) s->resize(n);
    for (auto* list : {&f, &fbar})
      for (State& s : *list) s.resize(n);
  }
};

template <class M, class F, class Call, bool with_times, class Record = StepRecord<typename Call::Scalar, time_of_t<typename Call::Scalar>>>
class AdamsPullback : public StepPullback<typename AdamsShape<M>::Start, F, Call, with_times, Record> {
  using Base = StepPullback<typename AdamsShape<M>::Start, F, Call, with_times, Record>;
  using typename Base::S, typename Base::State, typename Base::Time;
  static constexpr std::size_t slopes = AdamsShape<M>::slopes, most_nodes = AdamsShape<M>::nodes, starting_steps = AdamsShape<M>::starting_steps;
  static constexpr bool corrector = AdamsShape<M>::predicting != most_nodes;
  static constexpr std::size_t shift = corrector ? 1 : 0;  // node j + shift is that of slope n − j

 public:
  using Buffers = AdamsPullbackBuffers<State, Base::stages, slopes>;

  AdamsPullback(const DynamicsView<F, Call>& f, const Record& record, std::span<const Time> times, const S* y_end,
                const Cotangents<S>& bar, Buffers& buffers, Stats& stats)
      : Base(f, record, times, y_end, bar, buffers, stats), a_(buffers), lowest_known_(record.size()) {
    a_.resize(this->n_);
    for (State& s : a_.fbar) s.setZero();
  }

  void pull(Index n, Index from, Index to) {
    if (n < static_cast<Index>(starting_steps)) {
      for (auto& kbar : a_.kbar) kbar.setZero();
      a_.kbar[0].swap(fbar(n));
      this->pull_runge_kutta(n, from, to);
    } else {
      pull_adams(n, from, to);
    }
  }

 private:
  using Weights = std::array<Time, most_nodes>;

  /// A step and what its weights depend on.
  struct Adams {
    Index n;
    Time t, end;
    S h;
    std::size_t nodes, predicting;  // of p; slopes in the predictor
    Weights s{};                    // the nodes
    [[nodiscard]] Time theta(Time at) const { return (at - t) / (end - t); }
  };

  State& f(Index m) { return a_.f[static_cast<std::size_t>(m) % slopes]; }
  State& fbar(Index m) { return a_.fbar[static_cast<std::size_t>(m) % slopes]; }

  void pull_adams(Index n, Index from, Index to) {
    const std::size_t predicting = predicting_slopes(n), nodes = predicting + shift;
    Adams step{n, this->beginning(n), this->record_.end(n), 0, nodes, predicting};
    step.h = static_cast<S>(step.end - step.t);
    if constexpr (corrector) step.s[0] = 1;
    for (std::size_t j = 0; j + shift < nodes; ++j) step.s[j + shift] = step.theta(this->beginning(n - static_cast<Index>(j)));
    a_.y = Eigen::Map<const State>(this->record_.state(n), this->n_);
    a_.Ybar.setZero();
    a_.predicted_bar.setZero();

    for (Index i = to; i-- > from;) {
      const auto g = this->cotangent(i);
      const Time at = this->time(i);
      if (at == step.end) {
        a_.ybar += g;
      } else {
        a_.Ybar += g;
        add_to_slopes(step, integral_weights(step.s, nodes, step.theta(at)), g);
      }
    }
    this->pull_slope(step.end);

    const auto w = integral_weights(step.s, nodes, Time(1));
    a_.Ybar += a_.ybar;
    add_to_slopes(step, w, a_.ybar);
    const bool need_slopes = corrector ? predicting > 0 || this->moves_times() : this->moves_times();
    if (need_slopes) evaluate_slopes(n, nodes - shift);
    Weights v{};
    if constexpr (corrector) {
      if (predicting > 0) v = integral_weights(predictor_nodes(step), predicting, Time(1));
      pull_prediction(step, v);
    }
    if (this->moves_times()) pull_times(step, w, v, from, to);

    // What remains of f̄_{n+1} is f̄_n now.
    a_.slope_bar.swap(fbar(n));
    fbar(n).setZero();
    this->slope_pending_ = true;
    this->slope_linearised_ = false;
    this->slope_known_ = need_slopes;
    if (need_slopes) a_.slope = f(n);
    a_.ybar.swap(a_.Ybar);
    a_.y_end.swap(a_.y);
  }

  /// k̄_j += h w_j g.
  template <class G>
  void add_to_slopes(const Adams& step, const Weights& w, const G& g) {
    if constexpr (corrector) a_.predicted_bar += (step.h * static_cast<S>(w[0])) * g;
    for (std::size_t j = 0; j + shift < step.nodes; ++j) fbar(step.n - static_cast<Index>(j)) += (step.h * static_cast<S>(w[j + shift])) * g;
  }

  /// How many slopes predict in step n; without a corrector, how many there are.
  [[nodiscard]] std::size_t predicting_slopes(Index n) const {
    if constexpr (VariableOrderMethod<M>) return this->record_.order(n);
    else return AdamsShape<M>::predicting;
  }

  /// The values of the slopes f_n, f_{n−1}, … : the record's, or evaluated again.
  void evaluate_slopes(Index n, std::size_t count) {
    if constexpr (requires(State& out) { this->record_.slope(n, out); }) {
      for (std::size_t j = 0; j < count; ++j) this->record_.slope(n - static_cast<Index>(j), f(n - static_cast<Index>(j)));
      return;
    }
    for (Index m = std::min(n, lowest_known_ - 1); m > n - static_cast<Index>(count); --m) {
      a_.Y = Eigen::Map<const State>(this->record_.state(m), this->n_);
      this->vjp_.dynamics()(this->beginning(m), a_.Y, f(m));
      ++this->stats_.backward_evaluations;
      lowest_known_ = m;
    }
  }

  static Weights predictor_nodes(const Adams& step) {
    Weights s{};
    for (std::size_t j = 0; j < step.predicting; ++j) s[j] = step.s[j + shift];
    return s;
  }

  /// Through the slope at the predicted end to the slopes that predicted it.
  void pull_prediction(const Adams& step, const Weights& v) {
    a_.predicted = a_.y;
    for (std::size_t j = 0; j < step.predicting; ++j) a_.predicted += (step.h * static_cast<S>(v[j])) * f(step.n - static_cast<Index>(j));
    a_.predicted_y_bar.setZero();
    this->pull_stage(step.end, a_.predicted, a_.predicted_bar, a_.predicted_y_bar, false, nullptr);
    if (this->moves_times()) a_.predicted_slope = a_.dydt;
    a_.Ybar += a_.predicted_y_bar;
    for (std::size_t j = 0; j < step.predicting; ++j) fbar(step.n - static_cast<Index>(j)) += (step.h * static_cast<S>(v[j])) * a_.predicted_y_bar;
  }

  /// Output times move the evaluation of the interpolant; the initial time is the beginning of the first step and a node of later ones.
  void pull_times(const Adams& step, const Weights& w, const Weights& v, Index from, Index to) {
    const auto node = static_cast<std::size_t>(step.n) + shift;  // of the initial time
    const bool sees_beginning = step.n == 0 || node < step.nodes;
    S t0_bar = 0;
    const auto slope = [&](std::size_t j) -> const State& {
      if constexpr (corrector)
        if (j == 0) return a_.predicted_slope;
      return f(step.n - static_cast<Index>(j - shift));
    };
    const auto along = [&](const Weights& weights, std::size_t count, std::size_t offset, const auto& g) {
      S sum = 0;
      for (std::size_t j = 0; j < count; ++j) sum += static_cast<S>(weights[j]) * g.dot(slope(j + offset));
      return sum;
    };
    // The derivative of h Σ w_j(θ) k_j as the initial time moves, in the direction g.
    const auto move_beginning = [&](const Weights& s, std::size_t count, std::size_t offset, const Weights& weights, Time theta, const auto& g) {
      if (step.n == 0) {  // h shrinks, θ = (t − t0)/h with it
        const S slope_at = along(value_weights(s, count, theta), count, offset, g);
        t0_bar += static_cast<S>(theta - 1) * slope_at - along(weights, count, offset, g);
      } else {
        t0_bar += along(weights_by_node(s, count, node - offset, weights), count, offset, g);
      }
    };
    for (Index i = from; i < to; ++i) {
      const auto g = this->cotangent(i);
      const Time theta = step.theta(this->time(i));
      this->bar_.times[i] += along(value_weights(step.s, step.nodes, theta), step.nodes, 0, g);
      if (sees_beginning && this->time(i) != step.end) move_beginning(step.s, step.nodes, 0, integral_weights(step.s, step.nodes, theta), theta, g);
    }
    if (!sees_beginning) return;
    move_beginning(step.s, step.nodes, 0, w, Time(1), a_.ybar);
    if constexpr (corrector)
      if (step.n == 0 ? step.predicting > 0 : node - 1 < step.predicting)
        move_beginning(predictor_nodes(step), step.predicting, 1, v, Time(1), a_.predicted_y_bar);
    this->bar_.times[0] += t0_bar;
  }

  /// ∂w_j/∂s_i from Σ_j w_j s_j^m = θ^(m+1)/(m + 1).
  static Weights weights_by_node(const Weights& s, std::size_t count, std::size_t i, const Weights& w) {
    Weights d{};
    Time power = 1;
    for (std::size_t m = 1; m < count; ++m, power *= s[i]) d[m] = -w[i] * static_cast<Time>(m) * power;
    solve_moments(s, count, d);
    return d;
  }

  Buffers& a_;
  Index lowest_known_;  // slopes from here on have been evaluated
};

}  // namespace costate::detail
