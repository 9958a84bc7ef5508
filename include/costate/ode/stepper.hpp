#pragma once
// One step after the other: a copyable value that holds the state, the time, the stages, the step size controller's memory and the counts.
// A copy goes on bit by bit alike. The engine (engine.hpp) takes it over times.
//
// A step is taken as it is, to a given end, or under error control, not beyond a given bound; f is never evaluated beyond either. Where
// error control rejects an attempt, the step is tried again, shorter.

#include <algorithm>
#include <cmath>
#include <string>

#include <costate/ode/box.hpp>
#include <costate/ode/failure.hpp>
#include <costate/ode/initial_step.hpp>
#include <costate/ode/method.hpp>
#include <costate/ode/part_norm.hpp>
#include <costate/ode/step_control.hpp>

namespace costate {

namespace detail {

template <class Stepper>
class StepInParts;

}  // namespace detail

template <Method M, class Y, class Rhs>
class Stepper {
  static_assert(RightHandSide<Rhs, Y>, "costate: a right-hand side is called as f(t, y, dydt)");

 public:
  using MethodType = M;
  using State = Y;
  using Scalar = typename Y::Scalar;
  using Time = time_of_t<Scalar>;
  using Window = typename M::template Window<Y>;
  using Trying = detail::Trying<Time>;

  /// Checks the options (OptionError) and sizes all memory. `tail` numbers may follow the state, see ScaledNorm.
  Stepper(M method, Rhs rhs, Shape shape, const SolveOptions& options = {}, Eigen::Index tail = 0)
      : method_(method), rhs_(std::move(rhs)), shape_(shape), tail_(tail), options_(options),
        norm_(detail::norm_of<Y>(*rhs_, shape, options, tail)),
        control_(options.controller, control_order()) {
    detail::check_error_control<M>("SolveOptions", options, options.step);
    if constexpr (detail::Parted<Rhs>)
      for (const NormPart& part : norm_.parts())
        if (!part.adjoint) detail::check_error_control<M>("PartOptions", part, options.step);
    if constexpr (!M::adaptive() && !OneStepMethod<M> && !ReversibleMethod<M>)
      if (!options.jump_times.empty())
        detail::fail<OptionError>("SolveOptions::jump_times: an Adams method on a grid looks back across them; take Adams, a Runge-Kutta method, or "
                                  "solve from jump to jump");
    method_.start(Y(Y::Zero(shape.size() + tail)), state_, trial_);
  }

  /// Begins anew at (t, y): no step size, no memory, counts at zero.
  void reset(Time t, const Y& y) {
    if (y.size() != shape_.size() + tail_)
      detail::fail<ShapeError>("the state has ", y.size(), " numbers, expected ", shape_.rows, " x ", shape_.cols);
    if (!std::isfinite(t)) detail::fail<TimeError>("the initial time is ", t, ": expected a finite number");
    if (!detail::all_finite(y)) fail_start(t, y);
    t_ = t;
    state_.y = y;
    restart();
    control_.go_on_from({static_cast<Time>(options_.first_step.value_or(0.0)), {}});
    direction_ = 1;
    stats_ = {};
  }

  const M& method() const { return method_; }
  Time t() const { return t_; }
  const Y& y() const { return state_.y; }
  const Stats& stats() const { return stats_; }
  const SolveOptions& options() const { return options_; }
  Shape shape() const { return shape_; }
  Eigen::Index tail() const { return tail_; }
  Rhs& rhs() { return *rhs_; }
  const detail::norm_of_t<Y, Rhs>& norm() const { return norm_; }
  /// The length of the step that will be tried next; 0 while undecided.
  Time next_step() const { return control_.proposal().length; }
  /// The order of the step taken last; of Adams the predictor's, its solution is of one more.
  int order() const {
    if constexpr (VariableOrderMethod<M>) return static_cast<int>(state_.last_order);
    else return M::order;
  }
  /// The step taken last, valid until the stepper moves again or jumps.
  Window window() const { return method_.window(window_t_, window_plan_, state_, trial_); }

  /// Everything that a solve goes on from, without what a step works in.
  struct Checkpoint {
    static constexpr std::size_t vectors = M::template State<Y>::vectors;
    typename M::template State<Y> state;
    Time t = 0, direction = 1;
    detail::StepProposal<Time> proposal;
  };
  /// A checkpoint that was saved before keeps its memory. The counts are not part of it.
  void save(Checkpoint& to) const {
    to.state = state_;
    to.t = t_;
    to.direction = direction_;
    to.proposal = control_.proposal();
  }
  void restore(const Checkpoint& from) {
    state_ = from.state;
    t_ = from.t;
    direction_ = from.direction;
    control_.go_on_from(from.proposal);
  }

  /// Evaluates the slope at the state if it is not known, as a step would.
  void prepare() {
    if (state_.stale) refresh();
  }

  /// change(y) alters the state from outside, as an impulse does. The first stage is evaluated again; step and controller go on.
  template <class Change>
  void jump(Change&& change) {
    change(state_.y);
    restart();
  }

 protected:
  /// Attempts are counted from here.
  void begin_counting() { attempts_ = 0; }
  std::int64_t attempts_left() const { return options_.max_steps - attempts_; }

  /// A multistep method begins anew.
  void forget() {
    if constexpr (VariableOrderMethod<M>) state_.stale = true;
  }

  void turn(Time direction) {
    if (direction == direction_) return;
    direction_ = direction;
    control_.turn();
    method_.turn(state_);
  }

  /// One step to exactly `end`, taken as it is.
  template <class Observer>
  Status plain_step(Time end, Observer& observer) {
    if (attempts_ >= options_.max_steps) return failed(Status::too_many_steps, end - t_);
    prepare();
    const StepPlan<Time> plan{end, end - t_};
    if constexpr (VariableOrderMethod<M>) {
      predict(plan);
      correct(plan);
    } else {
      attempt(plan);
    }
    return take(plan, observer);
  }

  /// One accepted step, not beyond `bound`.
  template <class Observer>
  Status adaptive_step(Time bound, Observer& observer) {
    const detail::StepRoom<Time> room(t_, bound, direction_, options_.max_step);
    if (!ready(room)) return failed(Status::non_finite, next_step());
    Trying trying = control_.begin(room);
    for (;;) {
      if (const Status status = refusal(room, trying); status != Status::success) return failed(status, trying.h);
      const StepPlan<Time> plan = plan_of(room, trying);
      bool good;
      if constexpr (VariableOrderMethod<M>) {
        predict(plan);
        good = predicted_well();
        if (good) {
          correct(plan);
          good = method_.finite(trial_);
        }
        decide(plan, trying, good);
      } else {
        attempt(plan);
        good = judge(plan, trying);
      }
      if (good) {
        observer(window());
        return Status::success;
      }
    }
  }

  [[gnu::cold, gnu::noinline]] Status failed(Status status, Time h) const {
    const std::int64_t attempts = status == Status::too_many_steps ? options_.max_steps : attempts_;
    if (options_.throw_on_failure) {
      if constexpr (detail::Parted<Rhs>) {
        if (status == Status::non_finite) detail::throw_part_failure(*rhs_, norm_, t_, h, state_.y, attempts, !M::adaptive());
      }
      detail::throw_failure(status, t_, h, static_cast<double>(state_.y.norm()), attempts, !M::adaptive());
    }
    return status;
  }

  M method_;
  detail::Box<Rhs> rhs_;
  Shape shape_;
  Eigen::Index tail_;
  SolveOptions options_;
  detail::norm_of_t<Y, Rhs> norm_;
  detail::StepControl<Time> control_;

  typename M::template State<Y> state_;
  typename M::template Trial<Y> trial_;
  Time t_ = 0;
  Time direction_ = 1;
  Stats stats_;
  std::int64_t attempts_ = 0;  // in this run, advance or step
  Time window_t_ = 0;
  StepPlan<Time> window_plan_{};

 private:
  template <class>
  friend class detail::StepInParts;

  /// The order of the error per step that the controller assumes.
  static constexpr int control_order() {
    if constexpr (M::adaptive()) return M::error_order + 1;
    else return 1;
  }
  /// Of the first step, in tolerances.
  static constexpr double first_error() {
    if constexpr (VariableOrderMethod<M>) return M::first_error;
    else return 0.01;
  }

  [[noreturn, gnu::cold, gnu::noinline]] void fail_start(Time t, const Y& y) const {
    std::string where = "the initial state";
    if constexpr (detail::Parted<Rhs>) where = norm_.non_finite_part(y) + " of the initial state";
    detail::fail<NonFiniteError>(where, " at t = ", t, " contains NaN or infinity: expected finite numbers");
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
  void predict(const StepPlan<Time>& plan) {
    const Time at = method_.predict(plan, state_, trial_).t;
    detail::evaluate_stage(*rhs_, 1, at, trial_.y, trial_.predicted);
    ++stats_.evaluations;
    method_.estimate(plan, state_, trial_, norm_);
    ++attempts_;
  }
  void correct(const StepPlan<Time>& plan) {
    const Time at = method_.correct(plan, trial_).t;
    detail::evaluate_stage(*rhs_, 2, at, trial_.y, trial_.slope);
    ++stats_.evaluations;
  }

  /// Returns the length that a method of variable order would take next.
  Time commit(const StepPlan<Time>& plan) {
    Time next = 0;
    if constexpr (QuadratureAware<Rhs, Y>) (*rhs_).accept();
    if constexpr (VariableOrderMethod<M>) next = method_.commit(t_, plan, state_, trial_, norm_);
    else if constexpr (ReversibleMethod<M>) {
      if constexpr (M::carries_slope)  // that of the side left behind
        if (state_.synchronise.choice < 0 && crosses_jump(plan)) state_.synchronise.choice = 1;
      method_.commit(plan, state_, trial_, norm_);
    } else method_.commit(t_, state_, trial_);
    window_t_ = t_;
    window_plan_ = plan;
    t_ = plan.end;
    ++stats_.accepted;
    return next;
  }

  [[nodiscard]] bool crosses_jump(const StepPlan<Time>& plan) const {
    const auto& jumps = options_.jump_times;
    const Time first = std::min(t_, plan.end), last = std::max(t_, plan.end);
    const auto jump = std::lower_bound(jumps.begin(), jumps.end(), first, [](double at, Time t) { return static_cast<Time>(at) < t; });
    return jump != jumps.end() && static_cast<Time>(*jump) <= last;
  }

  /// A finite attempt becomes the state.
  template <class Observer>
  Status take(const StepPlan<Time>& plan, Observer& observer) {
    if (!method_.finite(trial_)) return failed(Status::non_finite, plan.h);
    commit(plan);
    observer(window());
    return Status::success;
  }

  /// Scratch for the slope at the trial point that a first step is chosen by.
  Y& probed_slope() {
    if constexpr (VariableOrderMethod<M>) return trial_.predicted;
    else return trial_.k[1];
  }
  Time probe(const detail::StepRoom<Time>& room, detail::InitialStep<Time>& first) {
    const Time limit = room.limit();
    return first.probe(norm_, t_, state_.y, state_.slope, trial_.y, limit, t_ + direction_ * limit, direction_);
  }
  void propose(const detail::InitialStep<Time>& first) {
    ++stats_.evaluations;
    control_.propose(first.length(norm_, state_.y, state_.slope, probed_slope(), M::error_order, first_error()));
  }
  /// What an adaptive step needs before it is tried: the slope and a length. False where the slope is not finite.
  bool ready(const detail::StepRoom<Time>& room) {
    if (state_.stale) {
      refresh();
      if (!detail::all_finite(state_.slope)) return false;
    }
    if (!(next_step() > 0)) [[unlikely]] {
      detail::InitialStep<Time> first;
      const Time at = probe(room, first);
      (*rhs_)(at, trial_.y, probed_slope());
      propose(first);
    }
    return true;
  }

  Status refusal(const detail::StepRoom<Time>& room, const Trying& trying) const {
    if (attempts_ >= options_.max_steps) return Status::too_many_steps;
    return room.too_short(trying.h) ? trying.reason : Status::success;
  }
  static StepPlan<Time> plan_of(const detail::StepRoom<Time>& room, const Trying& trying) {
    return room.template plan<VariableOrderMethod<M>>(trying.h);
  }
  /// Whether the attempt meets the tolerance. It is the state then; else the next one's length is known.
  bool judge(const StepPlan<Time>& plan, Trying& trying) {
    double err2 = norm_.squared(method_.error(plan, state_, trial_), state_.y, trial_.y);
    if constexpr (QuadratureAware<Rhs, Y>) {
      const double quadrature = static_cast<double>((*rhs_).quadrature_error()), quadrature2 = quadrature * quadrature;
      bool counts = !(quadrature2 <= 1);
      if constexpr (requires { (*rhs_).in_norm(); }) counts |= (*rhs_).in_norm();
      if (counts && !(quadrature2 <= err2)) err2 = quadrature2;
    }
    const bool finite = std::isfinite(err2) && detail::all_finite(trial_.y);
    if (finite && err2 <= 1) {
      control_.accepted(plan, trying, err2);
      commit(plan);
      return true;
    }
    if constexpr (QuadratureAware<Rhs, Y>) (*rhs_).reject();
    ++stats_.rejected;
    control_.rejected(plan, trying, err2, finite);
    return false;
  }

  bool predicted_well() const { return std::isfinite(trial_.error) && trial_.error <= 1; }
  /// The same as judge of a method that chooses order and length itself, where it is known whether the attempt is `good`.
  void decide(const StepPlan<Time>& plan, Trying& trying, bool good) {
    if (good) {
      control_.accepted_for(plan, trying, commit(plan));
      return;
    }
    ++stats_.rejected;
    control_.again(trying, method_.retry(state_, trial_, std::abs(plan.h), ++trying.failures), std::isfinite(trial_.error) && !predicted_well());
  }
};

}  // namespace costate
