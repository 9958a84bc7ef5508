#pragma once
// The engine of every solve: a stepper (stepper.hpp) taken over times.
//
//   Engine engine(Dopri5{}, f, Shape{2, 1}, options);   // f(t, y, dydt) on flat states, see rhs.hpp
//   engine.reset(t0, y0);
//   engine.advance_to(t1);                              // or step(), run(times, output), replay(steps, times, output)
//
// Whatever moves the engine calls an observer with the window of every accepted step; a checkpoint saved by the observer is what the
// engine goes on from. What is asked for between steps is served by the interpolant: outputs neither shorten nor restart steps.

#include <cmath>
#include <limits>
#include <span>

#include <costate/ode/jump_times.hpp>
#include <costate/ode/stepper.hpp>

namespace costate {

/// An observer that ignores every step.
struct IgnoreSteps {
  template <class Window>
  void operator()(const Window&) const {}
};

template <Method M, class Y, class Rhs>
class Engine : public Stepper<M, Y, Rhs> {
  using Base = Stepper<M, Y, Rhs>;

 public:
  using typename Base::Scalar, typename Base::Time, typename Base::Window;
  using Base::Base, Base::prepare, Base::window;

  /// One accepted step in the direction of the last move (forward after a reset), of the controller's length or options.step; a fixed step
  /// with a jump in it is taken in three or more.
  template <class Observer = IgnoreSteps>
  Status step(Observer&& observer = {}) {
    begin_counting();
    if constexpr (M::adaptive()) {
      return step_towards(direction_ * std::numeric_limits<Time>::max(), observer);
    } else {
      if (!options_.step) detail::fail<OptionError>("step() of a fixed-step method needs SolveOptions::step");
      const Time h = direction_ * static_cast<Time>(*options_.step);
      if (fixed_index_ == 0 || t_ != fixed_origin_ + static_cast<Time>(fixed_index_) * h) {
        fixed_origin_ = t_;
        fixed_index_ = 0;
      }
      const Time end = fixed_origin_ + static_cast<Time>(fixed_index_ + 1) * h;
      const Status status = options_.jump_times.empty() ? plain_step(end, observer) : fixed_steps(end, observer);
      if (status == Status::success) ++fixed_index_;
      return status;
    }
  }

  /// Moves to exactly t, in either direction. The last step is cut to fit; the controller goes on from the step it had before that.
  template <class Observer = IgnoreSteps>
  Status advance_to(Time t, Observer&& observer = {}) {
    if (!std::isfinite(t)) detail::fail<TimeError>("advance_to(", t, "): expected a finite time");
    begin_counting();
    if (t == t_) return Status::success;
    turn(t > t_ ? Time(1) : Time(-1));
    if constexpr (M::adaptive()) {
      while (t_ != t)
        if (const Status status = step_towards(t, observer); status != Status::success) return status;
      return Status::success;
    } else {
      return fixed_steps(t, observer);
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
      if (const Status status = fixed_steps(times[i], serve); status != Status::success) return status;
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
    begin_counting();
    std::size_t next = 0;
    if (!times.empty()) {
      output(Eigen::Index(0), Eigen::Index(-1), state_.y);
      next = 1;
    }
    for (std::size_t k = 0; k < steps.size(); ++k) {
      prepare();
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

  /// How many steps run(times) takes; −1 where error control decides.
  Eigen::Index steps_of_run(std::span<const Time> times) const {
    if (times.size() < 2) return 0;
    if constexpr (M::adaptive()) return -1;
    if (options_.step) return steps_between(times.front(), times.back());
    if (options_.jump_times.empty()) return static_cast<Eigen::Index>(times.size()) - 1;
    Eigen::Index n = 0;
    for (std::size_t i = 1; i < times.size(); ++i) n += steps_between(times[i - 1], times[i]);
    return n;
  }
  /// Step number k of run(times) from where it begins.
  template <class Observer = IgnoreSteps>
  Status step_of_run(std::span<const Time> times, Eigen::Index k, Observer&& observer = {}) {
    begin_counting();
    turn(times.back() > times.front() ? Time(1) : Time(-1));
    if constexpr (M::adaptive()) return step_towards(times.back(), observer);
    else return plain_step(end_of_step(times, k), observer);
  }
  /// Where step number k of run(times) ends, for fixed steps.
  Time end_of_step(std::span<const Time> times, Eigen::Index k) const {
    if (options_.step) return end_between(times.front(), times.back(), k);
    if (options_.jump_times.empty()) return times[static_cast<std::size_t>(k) + 1];
    std::size_t i = 1;
    for (Eigen::Index n; k >= (n = steps_between(times[i - 1], times[i])); ++i) k -= n;
    return end_between(times[i - 1], times[i], k);
  }
  /// Fixed steps from t0 to t1: equal ones between the jumps.
  std::int64_t steps_between(Time t0, Time t1) const {
    if (options_.jump_times.empty()) return detail::steps_in(std::abs(t1 - t0), longest_step());
    return jumps(t1 > t0 ? Time(1) : Time(-1)).steps(t0, t1, longest_step());
  }
  /// The first of the parts of equal steps that lead from t0 to t1 without error control.
  detail::EqualSteps<Time> equal_steps(Time t0, Time t1) const {
    if (options_.jump_times.empty()) return {t1, steps_between(t0, t1)};
    return jumps(t1 > t0 ? Time(1) : Time(-1)).part(t0, t1, longest_step());
  }
  /// Where a step under error control towards `bound` must end at the latest, and whether it crosses a jump, to be taken as it is.
  detail::Stop<Time> next_stop(Time bound) const {
    if (options_.jump_times.empty()) return {bound};
    return jumps(bound > t_ ? Time(1) : Time(-1)).next(t_, bound);
  }

 private:
  /// Emits the first output; returns the index of the next.
  template <class Output>
  std::size_t begin(std::span<const Time> times, Output& output) {
    if (times.empty()) detail::fail<TimeError>("no times given: expected at least the initial time");
    if (times.front() != t_) detail::fail<TimeError>("the times begin at ", times.front(), " but the state is at t = ", t_);
    begin_counting();
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

  detail::JumpTimes<Scalar, Time> jumps(Time direction) const { return {options_.jump_times, direction}; }
  [[nodiscard]] Time longest_step() const { return options_.step ? static_cast<Time>(*options_.step) : std::numeric_limits<Time>::max(); }
  Time end_between(Time t0, Time t1, std::int64_t k) const {
    if (options_.jump_times.empty()) return detail::grid_point(t0, t1, k + 1, steps_between(t0, t1));
    return jumps(t1 > t0 ? Time(1) : Time(-1)).end_of_step(t0, t1, longest_step(), k);
  }

  template <class Observer>
  Status step_towards(Time bound, Observer& observer) {
    if (options_.jump_times.empty()) [[likely]] return adaptive_step(bound, observer);
    const auto stop = next_stop(bound);
    if (!stop.crossing) return adaptive_step(stop.end, observer);
    forget();
    const Status status = plain_step(stop.end, observer);
    forget();
    return status;
  }
  template <class Observer>
  Status fixed_steps(Time t1, Observer& observer) {
    const std::int64_t n = steps_between(t_, t1);
    if (n > attempts_left()) return failed(Status::too_many_steps, (t1 - t_) / static_cast<Time>(n));
    while (t_ != t1) {
      const Time t0 = t_;
      const auto part = equal_steps(t0, t1);
      for (std::int64_t k = 0; k < part.steps; ++k)
        if (const Status status = plain_step(detail::grid_point(t0, part.end, k + 1, part.steps), observer); status != Status::success) return status;
    }
    return Status::success;
  }

  using Base::adaptive_step, Base::forget, Base::plain_step, Base::failed, Base::turn, Base::begin_counting, Base::attempts_left;
  using Base::options_, Base::state_, Base::stats_, Base::t_, Base::direction_;

  Y scratch_ = Y(this->y());
  Time fixed_origin_ = 0;  // step() of a fixed-step method: origin + index h
  std::int64_t fixed_index_ = 0;
};

}  // namespace costate
