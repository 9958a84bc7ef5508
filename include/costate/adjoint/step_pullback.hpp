#pragma once
// The pullback of Runge–Kutta steps, one after the other from the last to the first.
//
// A step is y_{n+1} = y_n + h Σ b_j k_j with k_i = f(t_n + c_i h, Y_i), Y_i = y_n + h Σ a_ij k_j; with cotangents marked by a bar, its
// pullback is
//     k̄_j = h b_j ȳ_{n+1} + h Σ_i a_ij Ȳ_i + (dense output),   Ȳ_i = k̄_iᵀ ∂f/∂y,   ȳ_n = ȳ_{n+1} + Σ Ȳ_i,   θ̄ += Σ k̄_iᵀ ∂f/∂θ,
// written once over the tableau; automatic differentiation touches f alone. (Sanz-Serna, SIAM Review 58 (2016) 3–33.)
//
// The slope f(t_n, y_n) belongs to two steps where the last stage is the next step's first, and to the dense output: its cotangent
// crosses the step, and it is pulled once, with the step before.

#include <array>
#include <span>
#include <vector>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/step_record.hpp>

namespace costate::detail {

/// What a sweep works in. Reused from call to call.
template <class State, std::size_t stages>
struct PullbackBuffers {
  State ybar, y_end;        // cotangent and value of the state at the end of the step at hand
  State slope, slope_bar;   // of f there
  State y, Ybar, Y, dydt;   // at the step's beginning; of one stage
  std::array<State, stages> k, kbar, Yi;
  std::vector<std::uintptr_t> segments;  // linearisations on the tape
  void resize(Index n) {
    for (State* s : {&ybar, &y_end, &slope, &slope_bar, &y, &Ybar, &Y, &dydt}) s->resize(n);
    for (auto* list : {&k, &kbar, &Yi})
      for (State& s : *list) s.resize(n);
  }
};

/// Record tells of a step what StepRecord does.
template <class M, class F, class Call, bool with_times, class Record = StepRecord<typename Call::Scalar, time_of_t<typename Call::Scalar>>>
class StepPullback {
 public:
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  static constexpr std::size_t stages = M::tableau.stages;
  using Buffers = PullbackBuffers<State, stages>;

  /// Begins at the end of the solve with the state y_end there. Cotangents of y0, theta and times are added to bar's.
  StepPullback(const DynamicsView<F, Call>& f, const Record& record, std::span<const Time> times, const S* y_end,
               const Cotangents<S>& bar, Buffers& buffers, Stats& stats)
      : vjp_(f), record_(record), n_(f.rows() * f.cols()), times_(times), bar_(bar), b_(buffers), stats_(stats) {
    b_.resize(n_);
    b_.segments.clear();
    b_.ybar.setZero();
    b_.slope_bar.setZero();
    b_.y_end = Eigen::Map<const State>(y_end, n_);
  }

  /// Pulls back step n, which serves the outputs `from` to `to` − 1.
  void pull(Index n, Index from, Index to) {
    for (auto& kbar : b_.kbar) kbar.setZero();
    pull_runge_kutta(n, from, to);
  }

  /// After the first step: what is left goes to y0, outputs 0 to `to` − 1 being the initial state itself.
  void finish(Index to) {
    if (slope_pending_) {
      S t_bar = 0;
      pull_stage(times_[0], b_.y_end, b_.slope_bar, b_.ybar, slope_linearised_, moves_times() ? &t_bar : nullptr);
      if (moves_times()) bar_.times[0] += t_bar;
    }
    for (Index i = 0; i < to; ++i) b_.ybar += cotangent(i);
    if (bar_.y0 != nullptr) Eigen::Map<State>(bar_.y0, n_) += b_.ybar;
  }

 protected:
  /// Pulls back a step of M; the stages' cotangents may hold what others contributed to them.
  void pull_runge_kutta(Index n, Index from, Index to) {
    const Time t = beginning(n), end = record_.end(n);
    const bool move_beginning = n == 0 && moves_times();
    const Step step{t, end, static_cast<S>(end - t), move_beginning, !componentwise && !move_beginning};
    b_.y = Eigen::Map<const State>(record_.state(n), n_);
    b_.Ybar.setZero();  // gathers ȳ_n

    for (Index i = to; i-- > from;) pull_output(step, i);
    pull_slope_at_end(step);
    evaluate_stages(step, from < to);
    S t0_bar = 0;
    if (moves_times())
      for (Index i = from; i < to; ++i) pull_output_time(step, i, t0_bar);
    pull_stages(step, t0_bar);
    pull_first_stage(step, t0_bar);
    b_.ybar.swap(b_.Ybar);
    b_.y_end.swap(b_.y);
  }

  static constexpr bool fsal = M::first_same_as_last();
  static constexpr std::size_t last = fsal ? stages - 1 : stages;  // stages evaluated in the step itself
  static constexpr bool componentwise = DynamicsVjp<F, Call>::componentwise();
  static constexpr auto& c = coefficients<M, S>;

  struct Step {
    Time t, end;
    S h;
    bool move_beginning;  // the cotangent of the initial time is wanted, and this is the first step
    bool linearise;

    template <std::size_t I>
    [[nodiscard]] Time stage() const {
      constexpr Time ci = M::tableau.c[I].template as<Time>();
      return ci == Time(1) ? end : t + ci * (end - t);
    }
  };

  [[nodiscard]] Time beginning(Index n) const { return n == 0 ? times_[0] : record_.end(n - 1); }
  /// Whether cotangents of the times are wanted.
  [[nodiscard]] bool moves_times() const { return with_times && bar_.times != nullptr; }
  auto cotangent(Index i) const { return Eigen::Map<const State>(bar_.outputs + i * n_, n_); }
  [[nodiscard]] Time time(Index i) const { return times_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] S fraction(const Step& step, Index i) const { return static_cast<S>((time(i) - step.t) / (step.end - step.t)); }

  /// into += kbarᵀ ∂f/∂y, and likewise for theta and, where asked for, t.
  void pull_stage(Time t, const State& y, const State& kbar, State& into, bool linearised, S* t_bar) {
    if (linearised) vjp_.pull(kbar, into, b_.segments);
    else {
      if (with_times && t_bar != nullptr) vjp_.template add<with_times>(t, y, kbar, b_.dydt, into, bar_.theta, t_bar);
      else vjp_.template add<false>(t, y, kbar, b_.dydt, into, bar_.theta, nullptr);
      ++stats_.backward_evaluations;
    }
    ++stats_.vjps;
  }

  /// An output at the step's end is ȳ_{n+1} itself, another goes through the dense output.
  void pull_output(const Step& step, Index i) {
    const auto g = cotangent(i);
    if (time(i) == step.end) {
      b_.ybar += g;
      return;
    }
    const auto w = M::dense_weights(fraction(step, i));
    b_.Ybar += g;
    for (std::size_t j = 0; j < stages; ++j)
      if (w[j] != S(0)) b_.kbar[j] += (step.h * w[j]) * g;
    if constexpr (fsal) slope_pending_ |= w[stages - 1] != S(0);
  }

  /// The slope at the step's end: used by the next step, and by this one's dense output where the last stage is the next one's first.
  void pull_slope_at_end(const Step& step) {
    if constexpr (fsal) b_.slope_bar += b_.kbar[stages - 1];
    pull_slope(step.end);
  }
  void pull_slope(Time end) {
    if (slope_pending_) pull_stage(end, b_.y_end, b_.slope_bar, b_.ybar, slope_linearised_, nullptr);
  }

  void evaluate_stages(const Step& step, bool outputs) {
    const auto& f = vjp_.dynamics();
    const auto evaluate = [&](Time at, const State& y, State& k) {
      if (step.linearise) vjp_.linearise(at, y, k, bar_.theta, b_.segments);
      else f(at, y, k);
      ++stats_.backward_evaluations;
    };
    if constexpr (fsal && with_times) {
      if (outputs && moves_times()) {
        if (!slope_known_) {
          f(step.end, b_.y_end, b_.slope);
          ++stats_.backward_evaluations;
        }
        b_.k[stages - 1] = b_.slope;
      }
    }
    evaluate(step.t, b_.y, b_.k[0]);
    unroll<1, last>([&]<std::size_t I>() {
      b_.Yi[I] = b_.y;
      [&]<std::size_t... J>(std::index_sequence<J...>) { b_.Yi[I] += (... + ((step.h * c.a[I][J]) * b_.k[J])); }(nonzero<StageRow<M, I>>());
      evaluate(step.template stage<I>(), b_.Yi[I], b_.k[I]);
    });
  }

  /// An output's time moves the evaluation of the interpolant; the first step's beginning moves its fraction of the step and its length.
  void pull_output_time(const Step& step, Index i, S& t0_bar) {
    const auto g = cotangent(i);
    const S theta = fraction(step, i);
    const auto slopes = M::dense_slopes(theta);
    S along = 0;
    for (std::size_t j = 0; j < stages; ++j)
      if (slopes[j] != S(0)) along += slopes[j] * g.dot(b_.k[j]);
    bar_.times[i] += along;
    if (step.move_beginning && time(i) != step.end) {
      const auto w = M::dense_weights(theta);
      for (std::size_t j = 0; j < stages; ++j)
        if (w[j] != S(0)) t0_bar -= w[j] * g.dot(b_.k[j]);
      t0_bar += (theta - S(1)) * along;
    }
  }

  /// Through the solution, then through all stages but the first.
  void pull_stages(const Step& step, S& t0_bar) {
    b_.Ybar += b_.ybar;
    unroll<0, stages>([&]<std::size_t J>() {
      if constexpr (M::tableau.b[J].num != 0) pull_into_slope<J>(step, c.b[J], b_.ybar, t0_bar);
    });
    unroll<1, last>([&]<std::size_t Reversed>() {
      constexpr std::size_t I = last - Reversed;
      b_.Y.setZero();
      S t_bar = 0;
      pull_stage(step.template stage<I>(), b_.Yi[I], b_.kbar[I], b_.Y, step.linearise, step.move_beginning ? &t_bar : nullptr);
      t0_bar += t_bar * static_cast<S>(1 - M::tableau.c[I].template as<Time>());
      b_.Ybar += b_.Y;
      unroll<0, I>([&]<std::size_t J>() {
        if constexpr (M::tableau.a[I][J].num != 0) pull_into_slope<J>(step, c.a[I][J], b_.Y, t0_bar);
      });
    });
  }
  /// Of h · weight · k_J, whose cotangent is given; h shrinks as the beginning moves.
  template <std::size_t J>
  void pull_into_slope(const Step& step, S weight, const State& bar, S& t0_bar) {
    b_.kbar[J] += (step.h * weight) * bar;
    if (step.move_beginning) t0_bar -= weight * bar.dot(b_.k[J]);
  }

  /// The first stage is the slope at the beginning, left to the step before unless there is none whose times matter.
  void pull_first_stage(const Step& step, S t0_bar) {
    if (step.move_beginning) {
      S t_bar = 0;
      pull_stage(step.t, b_.y, b_.kbar[0], b_.Ybar, step.linearise, &t_bar);
      bar_.times[0] += t0_bar + t_bar;
      slope_pending_ = false;
    } else {
      b_.slope_bar.swap(b_.kbar[0]);
      b_.slope.swap(b_.k[0]);
      slope_pending_ = slope_known_ = true;
      slope_linearised_ = step.linearise;
    }
  }

  DynamicsVjp<F, Call> vjp_;
  const Record& record_;
  Index n_;
  std::span<const Time> times_;
  Cotangents<S> bar_;
  Buffers& b_;
  Stats& stats_;

  bool slope_pending_ = false;     // slope_bar holds a cotangent of the slope at y_end
  bool slope_linearised_ = false;  // and its linearisation is on the tape
  bool slope_known_ = false;       // slope = f at y_end
};

}  // namespace costate::detail
