#pragma once
// A step whose evaluations of f somebody else makes: many solves can then share one call of f for all of them.
//
//   StepInParts step(engine);
//   Progress progress = step.begin(bound);              // not beyond `bound` under error control, else exactly to it
//   while (progress == Progress::evaluate) {
//     const auto& wanted = step.wanted();               // evaluate *wanted.dydt = f(wanted.t, *wanted.y)
//     progress = step.resume();
//   }

#include <optional>

#include <costate/ode/stepper.hpp>

namespace costate::detail {

enum class Progress {
  evaluate,  ///< wanted() tells what
  accepted,  ///< the engine is a step further
  failed,    ///< status() tells why; thrown where the options say so
};

template <class Stepper>
class StepInParts {
  using M = typename Stepper::MethodType;
  using Y = typename Stepper::State;
  using Time = typename Stepper::Time;

 public:
  /// Attempts are counted from here.
  explicit StepInParts(Stepper& stepper) : s_(&stepper) { stepper.begin_counting(); }

  /// Not beyond `bound` under error control; exactly to it where the step is taken as it is.
  [[nodiscard]] Progress begin(Time bound, bool as_it_is = !M::adaptive()) {
    bound_ = bound;
    as_it_is_ = as_it_is;
    if (as_it_is && s_->attempts_left() <= 0) return refuse(Status::too_many_steps, bound - s_->t_);
    if (as_it_is) s_->forget();
    s_->turn(bound > s_->t_ ? Time(1) : Time(-1));
    if (s_->state_.stale) return ask(Phase::slope, s_->method_.slope_wanted(s_->t_, s_->state_));
    return after_slope();
  }
  [[nodiscard]] const Evaluation<Y>& wanted() const { return wanted_; }
  /// After *wanted().dydt was written.
  [[nodiscard]] Progress resume() {
    if constexpr (M::adaptive())
      if (phase_ == Phase::first_step) {
        s_->propose(first_);
        return begin_trying();
      }
    ++s_->stats_.evaluations;
    if (phase_ == Phase::slope) return take_slope();
    if constexpr (VariableOrderMethod<M>) return phase_ == Phase::prediction ? take_prediction() : take_correction();
    else return take_stage();
  }
  [[nodiscard]] Status status() const { return status_; }
  /// Fails before anything is tried, where a step of length h would.
  [[nodiscard]] Progress refuse(Status status, Time h) {
    status_ = s_->failed(status, h);
    return Progress::failed;
  }

 private:
  enum class Phase { slope, first_step, stages, prediction, correction };

  Progress ask(Phase phase, const Evaluation<Y>& wanted) {
    phase_ = phase;
    wanted_ = wanted;
    return Progress::evaluate;
  }

  Progress take_slope() {
    auto& s = *s_;
    s.method_.slope_known(s.state_);
    if (M::adaptive() && !all_finite(s.state_.slope)) return refuse(Status::non_finite, s.next_step());
    return after_slope();
  }
  Progress after_slope() {
    auto& s = *s_;
    if (as_it_is_) return begin_attempt({bound_, bound_ - s.t_});
    if constexpr (M::adaptive()) {
      room_.emplace(s.t_, bound_, s.direction_, s.options_.max_step);
      if (s.next_step() > 0) return begin_trying();
      const Time at = s.probe(*room_, first_);
      return ask(Phase::first_step, {at, &s.trial_.y, &s.probed_slope()});
    } else {
      return Progress::failed;
    }
  }
  Progress begin_trying() {
    trying_ = s_->control_.begin(*room_);
    return try_again();
  }
  Progress try_again() {
    if (const Status status = s_->refusal(*room_, trying_); status != Status::success) return refuse(status, trying_.h);
    return begin_attempt(s_->plan_of(*room_, trying_));
  }
  Progress begin_attempt(const StepPlan<Time>& plan) {
    plan_ = plan;
    if constexpr (VariableOrderMethod<M>) return ask(Phase::prediction, s_->method_.predict(plan_, s_->state_, s_->trial_));
    else {
      stage_ = 0;
      return ask_stage();
    }
  }
  Progress ask_stage() { return ask(Phase::stages, s_->method_.evaluation(stage_, s_->t_, plan_, s_->state_, s_->trial_)); }

  Progress take_stage() {
    auto& s = *s_;
    if (++stage_ < s.method_.evaluations(s.state_)) return ask_stage();
    s.method_.conclude(plan_, s.state_, s.trial_);
    ++s.attempts_;
    if (as_it_is_) return take_as_it_is();
    if constexpr (M::adaptive()) return s.judge(plan_, trying_) ? Progress::accepted : try_again();
    else return Progress::failed;
  }
  Progress take_as_it_is() {
    auto& s = *s_;
    if (!s.method_.finite(s.trial_)) return refuse(Status::non_finite, plan_.h);
    s.commit(plan_);
    s.forget();
    return Progress::accepted;
  }
  Progress take_prediction() {
    auto& s = *s_;
    s.method_.estimate(plan_, s.state_, s.trial_, s.norm_);
    ++s.attempts_;
    return as_it_is_ || s.predicted_well() ? ask(Phase::correction, s.method_.correct(plan_, s.trial_)) : decide(false);
  }
  Progress take_correction() { return as_it_is_ ? take_as_it_is() : decide(s_->method_.finite(s_->trial_)); }
  Progress decide(bool good) {
    s_->decide(plan_, trying_, good);
    return good ? Progress::accepted : try_again();
  }

  Stepper* s_;
  Time bound_ = 0;
  bool as_it_is_ = false;
  Phase phase_ = Phase::slope;
  int stage_ = 0;
  Evaluation<Y> wanted_{};
  StepPlan<Time> plan_{};
  std::optional<StepRoom<Time>> room_;  // under error control
  Trying<Time> trying_;
  InitialStep<Time> first_;
  Status status_ = Status::success;
};

}  // namespace costate::detail
