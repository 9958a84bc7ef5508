#pragma once
// The engine of every solve: a copyable value that holds the state, the time, the stages, the step size controller's memory and the
// counts, and moves them forward. A copy goes on bit by bit alike.
//
//   Engine engine(Dopri5{}, f, Shape{2, 1}, options);   // f(t, y, dydt) on flat states, see rhs.hpp
//   engine.reset(t0, y0);
//   engine.advance_to(t1);                              // or step(), run(times, output), replay(steps, times, output)
//
// Whatever moves the engine calls an observer with the window of every accepted step; a checkpoint saved by the observer is what the
// engine goes on from. f is never evaluated beyond the time the engine was asked to reach, and what is asked for in between is served by
// the interpolant: outputs neither shorten nor restart steps.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <costate/ode/box.hpp>
#include <costate/ode/failure.hpp>
#include <costate/ode/grid.hpp>
#include <costate/ode/initial_step.hpp>
#include <costate/ode/method.hpp>
#include <costate/ode/step_room.hpp>

namespace costate {

/// An observer that ignores every step.
struct IgnoreSteps {
  template <class Window>
  void operator()(const Window&) const {}
};

template <Method M, class Y, class Rhs>
class Engine {
  static_assert(RightHandSide<Rhs, Y>, "costate: a right-hand side is called as f(t, y, dydt)");

 public:
  using Scalar = typename Y::Scalar;
  using Time = time_of_t<Scalar>;
  using Window = typename M::template Window<Y>;

  /// Checks the options (OptionError) and sizes all memory. `tail` numbers may follow the state, see ScaledNorm.
  Engine(M method, Rhs rhs, Shape shape, const SolveOptions& options = {}, Eigen::Index tail = 0)
      : method_(method), rhs_(std::move(rhs)), shape_(shape), tail_(tail), options_(options), norm_(shape, options, tail),
        filter_(options.controller, control_order()) {
    method_.start(Y(Y::Zero(shape.size() + tail)), state_, trial_);
    scratch_ = state_.y;
  }

  /// Begins anew at (t, y): no step size, no memory, counts at zero.
  void reset(Time t, const Y& y) {
    if (y.size() != shape_.size() + tail_)
      detail::fail<ShapeError>("the state has ", y.size(), " numbers, expected ", shape_.rows, " x ", shape_.cols);
    if (!std::isfinite(t)) detail::fail<TimeError>("the initial time is ", t, ": expected a finite number");
    if (!detail::all_finite(y)) detail::fail<NonFiniteError>("the initial state at t = ", t, " contains NaN or infinity: expected finite numbers");
    t_ = t;
    state_.y = y;
    restart();
    proposal_ = static_cast<Time>(options_.first_step.value_or(0.0));
    direction_ = 1;
    memory_ = {};
    stats_ = {};
    fixed_index_ = 0;
  }

  const M& method() const { return method_; }
  Time t() const { return t_; }
  const Y& y() const { return state_.y; }
  const Stats& stats() const { return stats_; }
  const SolveOptions& options() const { return options_; }
  Shape shape() const { return shape_; }
  Eigen::Index tail() const { return tail_; }
  Rhs& rhs() { return *rhs_; }
  /// The length of the step that will be tried next; 0 while undecided.
  Time next_step() const { return proposal_; }
  /// The order of the step taken last; of Adams the predictor's, its solution is of one more.
  int order() const {
    if constexpr (VariableOrderMethod<M>) return static_cast<int>(state_.last_order);
    else return M::order;
  }
  /// The step taken last, valid until the engine moves again or jumps.
  Window window() const { return method_.window(window_t_, window_plan_, state_, trial_); }

  /// One accepted step in the direction of the last move (forward after a reset), of the controller's length or options.step.
  template <class Observer = IgnoreSteps>
  Status step(Observer&& observer = {}) {
    attempts_ = 0;
    if constexpr (M::adaptive()) {
      return adaptive_step(direction_ * std::numeric_limits<Time>::max(), observer);
    } else {
      if (!options_.step) detail::fail<OptionError>("step() of a fixed-step method needs SolveOptions::step");
      const Time h = direction_ * static_cast<Time>(*options_.step);
      if (fixed_index_ == 0 || t_ != fixed_origin_ + static_cast<Time>(fixed_index_) * h) {
        fixed_origin_ = t_;
        fixed_index_ = 0;
      }
      const Status status = plain_step(fixed_origin_ + static_cast<Time>(fixed_index_ + 1) * h, observer);
      if (status == Status::success) ++fixed_index_;
      return status;
    }
  }

  /// Moves to exactly t, in either direction. The last step is cut to fit; the controller goes on from the step it had before that.
  template <class Observer = IgnoreSteps>
  Status advance_to(Time t, Observer&& observer = {}) {
    if (!std::isfinite(t)) detail::fail<TimeError>("advance_to(", t, "): expected a finite time");
    attempts_ = 0;
    if (t == t_) return Status::success;
    turn(t > t_ ? Time(1) : Time(-1));
    if constexpr (M::adaptive()) {
      while (t_ != t)
        if (const Status status = adaptive_step(t, observer); status != Status::success) return status;
      return Status::success;
    } else {
      return fixed_steps(t, options_.step ? detail::steps_in(std::abs(t - t_), static_cast<Time>(*options_.step)) : 1, observer);
    }
  }

  /// Solves over strictly monotone times, the first of which is t(). output(i, step, y) receives the state at times[i] in order, and
  /// the index of the step that served it (−1: the start).
  template <class Output, class Observer = IgnoreSteps>
  Status run(std::span<const Time> times, Output&& output, Observer&& observer = {}) {
    std::size_t next = begin(times, output);
    const std::int64_t first = stats_.accepted;
    const auto serve = [&](const Window& w) {
      observer(w);
      for (; next < times.size() && direction_ * (w.end - times[next]) >= 0; ++next) {
        w.interpolate(times[next], scratch_);
        output(static_cast<Eigen::Index>(next), static_cast<Eigen::Index>(stats_.accepted - first - 1), std::as_const(scratch_));
      }
    };
    if (next == times.size()) return Status::success;
    const Time end = times.back();
    if (M::adaptive() || options_.step) return advance_to(end, serve);
    for (std::size_t i = next; i < times.size(); ++i)
      if (const Status status = fixed_steps(times[i], 1, serve); status != Status::success) return status;
    return Status::success;
  }

  /// Solves on given steps that end at steps[0], steps[1], …, without error control: the solve whose derivative a discrete adjoint is.
  /// Output i is served by step served[i]; without `served`, by the first step that reaches it, or the last one by extrapolation. What
  /// a method chose in each step is repeated too: `choices` holds orders, or of a reversible method whether it synchronised (1) or not.
  template <class Output, class Observer = IgnoreSteps>
  Status replay(std::span<const Time> steps, std::span<const Time> times, Output&& output, Observer&& observer = {},
                std::span<const Eigen::Index> served = {}, std::span<const int> choices = {}) {
    if constexpr (VariableOrderMethod<M>) check_choices(steps.size(), choices, 1, static_cast<int>(M::most));
    if constexpr (ReversibleMethod<M>)
      if (!choices.empty()) check_choices(steps.size(), choices, 0, 1);
    if (!steps.empty()) turn(steps.front() > t_ ? Time(1) : Time(-1));
    attempts_ = 0;
    std::size_t next = 0;
    if (!times.empty()) {
      output(Eigen::Index(0), Eigen::Index(-1), state_.y);
      next = 1;
    }
    for (std::size_t k = 0; k < steps.size(); ++k) {
      if (state_.stale) refresh();
      if constexpr (VariableOrderMethod<M>) state_.order = static_cast<std::size_t>(choices[k]);
      if constexpr (ReversibleMethod<M>) state_.synchronise.choice = choices.empty() ? -1 : choices[k];
      if (const Status status = plain_step(steps[k], observer); status != Status::success) return status;
      const Window w = window();
      const auto mine = [&](std::size_t i) {
        if (!served.empty()) return served[i] <= static_cast<Eigen::Index>(k);
        return k + 1 == steps.size() || direction_ * (w.end - times[i]) >= 0;
      };
      for (; next < times.size() && mine(next); ++next) {
        w.interpolate(times[next], scratch_);
        output(static_cast<Eigen::Index>(next), static_cast<Eigen::Index>(k), std::as_const(scratch_));
      }
    }
    return Status::success;
  }

  /// Everything that a solve goes on from, without what a step works in.
  struct Checkpoint {
    static constexpr std::size_t vectors = M::template State<Y>::vectors;
    typename M::template State<Y> state;
    Time t = 0, direction = 1, proposal = 0, fixed_origin = 0;
    std::int64_t fixed_index = 0;
    detail::ControllerMemory memory;
  };
  /// A checkpoint that was saved before keeps its memory. The counts are not part of it.
  void save(Checkpoint& to) const {
    to.state = state_;
    to.t = t_;
    to.direction = direction_;
    to.proposal = proposal_;
    to.memory = memory_;
    to.fixed_origin = fixed_origin_;
    to.fixed_index = fixed_index_;
  }
  void restore(const Checkpoint& from) {
    state_ = from.state;
    t_ = from.t;
    direction_ = from.direction;
    proposal_ = from.proposal;
    memory_ = from.memory;
    fixed_origin_ = from.fixed_origin;
    fixed_index_ = from.fixed_index;
  }

  /// Evaluates the slope at the state if it is not known, as a step would.
  void prepare() {
    if (state_.stale) refresh();
  }

  /// How many steps run(times) takes; −1 where error control decides.
  Eigen::Index steps_of_run(std::span<const Time> times) const {
    if constexpr (M::adaptive()) return times.size() < 2 ? 0 : -1;
    else if (times.size() < 2) return 0;
    else if (options_.step) return detail::steps_in(std::abs(times.back() - times.front()), static_cast<Time>(*options_.step));
    else return static_cast<Eigen::Index>(times.size()) - 1;
  }
  /// Step number k of run(times) from where it begins.
  template <class Observer = IgnoreSteps>
  Status step_of_run(std::span<const Time> times, Eigen::Index k, Observer&& observer = {}) {
    attempts_ = 0;
    turn(times.back() > times.front() ? Time(1) : Time(-1));
    if constexpr (M::adaptive()) return adaptive_step(times.back(), observer);
    else return plain_step(end_of_step(times, k), observer);
  }
  /// Where step number k of run(times) ends, for fixed steps.
  Time end_of_step(std::span<const Time> times, Eigen::Index k) const {
    if (options_.step) return detail::grid_point(times.front(), times.back(), k + 1, steps_of_run(times));
    return times[static_cast<std::size_t>(k) + 1];
  }

  /// change(y) alters the state from outside, as an impulse does. The first stage is evaluated again; step and controller go on.
  template <class Change>
  void jump(Change&& change) {
    change(state_.y);
    restart();
  }

 private:
  /// The order of the error per step that the controller assumes.
  static constexpr int control_order() {
    if constexpr (M::adaptive()) return M::error_order + 1;
    else return 1;
  }

  /// Emits the first output; returns the index of the next.
  template <class Output>
  std::size_t begin(std::span<const Time> times, Output& output) {
    if (times.empty()) detail::fail<TimeError>("no times given: expected at least the initial time");
    if (times.front() != t_) detail::fail<TimeError>("the times begin at ", times.front(), " but the state is at t = ", t_);
    attempts_ = 0;
    if (times.size() > 1) turn(times.back() > times.front() ? Time(1) : Time(-1));
    output(Eigen::Index(0), Eigen::Index(-1), std::as_const(state_.y));
    return 1;
  }

  static void check_choices(std::size_t steps, std::span<const int> choices, int least, int most) {
    if (choices.size() != steps)
      detail::fail<OptionError>("replay() of ", steps, " steps with ", choices.size(), " orders or choices: expected one for each step");
    for (const int k : choices)
      if (k < least || k > most) detail::fail<OptionError>("replay() with order or choice ", k, ": expected ", least, " to ", most);
  }

  void turn(Time direction) {
    if (direction == direction_) return;
    direction_ = direction;
    memory_ = {};
    method_.turn(state_);
  }

  /// The state was set from outside.
  void restart() {
    if constexpr (ReversibleMethod<M>) method_.restart(state_);
    else state_.stale = true;
  }

  void refresh() {
    method_.refresh(*rhs_, t_, state_);
    ++stats_.evaluations;
  }

  void attempt(const StepPlan<Time>& plan) {
    if constexpr (QuadratureAware<Rhs, Y>) {
      constexpr auto& c = coefficients<M, Scalar>;
      (*rhs_).begin_step(plan.h, QuadratureWeights<Scalar>{c.b, c.e, M::first_same_as_last()});
    }
    stats_.evaluations += method_.attempt(*rhs_, t_, plan, state_, trial_);
    ++attempts_;
  }

  /// Returns the length that a method of variable order would take next.
  Time commit(const StepPlan<Time>& plan) {
    Time next = 0;
    if constexpr (QuadratureAware<Rhs, Y>) (*rhs_).accept();
    if constexpr (VariableOrderMethod<M>) next = method_.commit(t_, plan, state_, trial_, norm_);
    else if constexpr (ReversibleMethod<M>) method_.commit(plan, state_, trial_, norm_);
    else method_.commit(t_, state_, trial_);
    window_t_ = t_;
    window_plan_ = plan;
    t_ = plan.end;
    ++stats_.accepted;
    return next;
  }

  /// One step to exactly `end`, taken as it is.
  template <class Observer>
  Status plain_step(Time end, Observer& observer) {
    if (attempts_ >= options_.max_steps) return failed(Status::too_many_steps, end - t_);
    if (state_.stale) refresh();
    const StepPlan<Time> plan{end, end - t_};
    if constexpr (VariableOrderMethod<M>) {
      predict(plan);
      correct(plan);
    } else {
      attempt(plan);
    }
    if (!method_.finite(trial_)) return failed(Status::non_finite, plan.h);
    commit(plan);
    observer(window());
    return Status::success;
  }

  void predict(const StepPlan<Time>& plan) {
    method_.predict(*rhs_, plan, state_, trial_, norm_);
    ++attempts_;
    ++stats_.evaluations;
  }
  void correct(const StepPlan<Time>& plan) {
    method_.correct(*rhs_, plan, trial_);
    ++stats_.evaluations;
  }

  template <class Observer>
  Status fixed_steps(Time t1, std::int64_t n, Observer& observer) {
    const Time t0 = t_;
    if (n > options_.max_steps - attempts_) return failed(Status::too_many_steps, (t1 - t0) / static_cast<Time>(n));
    for (std::int64_t i = 1; i <= n; ++i)
      if (const Status status = plain_step(detail::grid_point(t0, t1, i, n), observer); status != Status::success) return status;
    return Status::success;
  }

  /// What an adaptive step needs before it is tried: the slope and a length, of a first step the one whose error may be so many
  /// tolerances. False where the slope is not finite.
  bool ready(const detail::StepRoom<Time>& room, Y& scratch_slope, double first_error) {
    if (state_.stale) {
      refresh();
      if (!detail::all_finite(state_.slope)) return false;
    }
    if (!(proposal_ > 0)) {
      const Time limit = room.limit();
      proposal_ = detail::initial_step(*rhs_, norm_, t_, state_.y, state_.slope, trial_.y, scratch_slope, limit, t_ + direction_ * limit,
                                       direction_, M::error_order, first_error);
      ++stats_.evaluations;
    }
    return true;
  }

  /// One accepted step, not beyond `bound`, of a method that chooses order and length itself.
  template <class Observer>
  Status variable_order_step(Time bound, Observer& observer) {
    const detail::StepRoom<Time> room(t_, bound, direction_, options_.max_step);
    if (!ready(room, trial_.predicted, M::first_error)) return failed(Status::non_finite, proposal_);
    Time h = std::min(proposal_, room.longest());
    Status reason = Status::step_underflow;
    for (int failures = 1;; ++failures) {
      if (attempts_ >= options_.max_steps) return failed(Status::too_many_steps, h);
      if (room.too_short(h)) return failed(reason, h);
      const StepPlan<Time> plan = room.template plan<true>(h);
      predict(plan);
      bool finite = std::isfinite(trial_.error);
      if (finite && trial_.error <= 1) {
        correct(plan);
        finite = method_.finite(trial_);
        if (finite) {
          const bool was_cut = std::abs(plan.h) < h * (1 - Time(1e-6));
          const Time suggested = commit(plan);
          proposal_ = was_cut ? std::max(suggested, h) : suggested;
          observer(window());
          return Status::success;
        }
      }
      ++stats_.rejected;
      reason = finite ? Status::step_underflow : Status::non_finite;
      proposal_ = h = method_.retry(state_, trial_, std::abs(plan.h), failures);
    }
  }

  /// One accepted step, not beyond `bound`.
  template <class Observer>
  Status adaptive_step(Time bound, Observer& observer) {
    if constexpr (VariableOrderMethod<M>) return variable_order_step(bound, observer);
    else return error_controlled_step(bound, observer);
  }
  template <class Observer>
  Status error_controlled_step(Time bound, Observer& observer) {
    const detail::StepRoom<Time> room(t_, bound, direction_, options_.max_step);
    if (!ready(room, trial_.k[1], 0.01)) return failed(Status::non_finite, proposal_);
    Time h = proposal_;
    if (h > room.longest()) [[unlikely]] h = room.longest();
    Status reason = Status::step_underflow;
    for (;;) {
      if (attempts_ >= options_.max_steps) return failed(Status::too_many_steps, h);
      if (room.too_short(h)) return failed(reason, h);
      const StepPlan<Time> plan = room.template plan<false>(h);
      attempt(plan);
      double err2 = norm_.squared(method_.error(plan, state_, trial_), state_.y, trial_.y);
      if constexpr (QuadratureAware<Rhs, Y>) {
        const double quadrature = static_cast<double>((*rhs_).quadrature_error()), quadrature2 = quadrature * quadrature;
        bool counts = !(quadrature2 <= 1);
        if constexpr (requires { (*rhs_).in_norm(); }) counts |= (*rhs_).in_norm();
        if (counts && !(quadrature2 <= err2)) err2 = quadrature2;
      }
      const bool finite = std::isfinite(err2) && detail::all_finite(trial_.y);
      const double length = static_cast<double>(std::abs(plan.h));
      if (finite && err2 <= 1) {
        // A cut step may raise the proposal but tells nothing against it.
        detail::ControllerMemory after = memory_;
        const Time suggested = static_cast<Time>(filter_.accepted(after, length, err2));
        const bool was_cut = std::abs(plan.h) < h * (1 - Time(1e-6));
        if (!was_cut || suggested > h) {
          proposal_ = suggested;
          memory_ = after;
        } else {
          proposal_ = h;
          memory_.after_rejection = false;
        }
        commit(plan);
        observer(window());
        return Status::success;
      }
      if constexpr (QuadratureAware<Rhs, Y>) (*rhs_).reject();
      ++stats_.rejected;
      reason = finite ? Status::step_underflow : Status::non_finite;
      h = static_cast<Time>(filter_.rejected(memory_, length, finite ? err2 : std::numeric_limits<double>::infinity()));
      proposal_ = h;
    }
  }

  [[gnu::cold, gnu::noinline]] Status failed(Status status, Time h) const {
    const std::int64_t attempts = status == Status::too_many_steps ? options_.max_steps : attempts_;
    if (options_.throw_on_failure) detail::throw_failure(status, t_, h, static_cast<double>(state_.y.norm()), attempts);
    return status;
  }

  M method_;
  detail::Box<Rhs> rhs_;
  Shape shape_;
  Eigen::Index tail_;
  SolveOptions options_;
  ScaledNorm<Y> norm_;
  detail::StepFilter filter_;

  typename M::template State<Y> state_;
  typename M::template Trial<Y> trial_;
  Y scratch_;
  Time t_ = 0;
  Time direction_ = 1;
  Time proposal_ = 0;  // length of the next step, 0: to be chosen
  detail::ControllerMemory memory_;
  Stats stats_;
  std::int64_t attempts_ = 0;  // in this run, advance or step
  Time window_t_ = 0;
  StepPlan<Time> window_plan_{};
  Time fixed_origin_ = 0;  // step() of a fixed-step method: origin + index h
  std::int64_t fixed_index_ = 0;
};

}  // namespace costate
