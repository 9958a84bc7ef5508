#pragma once
// Error control of one step after the other: how long the next one is tried, and what an attempt's error says about it. The controller
// (controller.hpp) makes lengths of errors; of a method that chooses its order its own lengths are taken.

#include <algorithm>
#include <cmath>
#include <limits>

#include <costate/ode/controller.hpp>
#include <costate/ode/stats.hpp>
#include <costate/ode/step_room.hpp>

namespace costate::detail {

/// A step that is tried until it is accepted.
template <class Time>
struct Trying {
  Time h = 0;                              // the length in mind
  Status reason = Status::step_underflow;  // if it becomes too short
  int failures = 0;
};

/// What a controlled solve goes on from.
template <class Time>
struct StepProposal {
  Time length = 0;  // of the next step, 0: to be chosen
  ControllerMemory memory;
};

template <class Time>
class StepControl {
 public:
  /// `order` is that of the error per step.
  StepControl(const StepController& c, int order) : filter_(c, order) {}

  const StepProposal<Time>& proposal() const { return proposal_; }
  void go_on_from(const StepProposal<Time>& proposal) { proposal_ = proposal; }
  void propose(Time length) { proposal_.length = length; }
  /// Errors in the other direction tell nothing.
  void turn() { proposal_.memory = {}; }

  Trying<Time> begin(const StepRoom<Time>& room) const {
    Time h = proposal_.length;
    if (h > room.longest()) [[unlikely]] h = room.longest();
    return {h};
  }

  /// After an accepted step whose squared error, in tolerances, was `err2`. One that was cut to fit may raise the proposal but tells nothing
  /// against it.
  void accepted(const StepPlan<Time>& plan, const Trying<Time>& trying, double err2) {
    ControllerMemory after = proposal_.memory;
    const Time suggested = static_cast<Time>(filter_.accepted(after, static_cast<double>(std::abs(plan.h)), err2));
    if (!was_cut(plan, trying) || suggested > trying.h) {
      proposal_ = {suggested, after};
    } else {
      proposal_.length = trying.h;
      proposal_.memory.after_rejection = false;
    }
  }
  /// After a rejected attempt; not `finite`: its state or its error is not.
  void rejected(const StepPlan<Time>& plan, Trying<Time>& trying, double err2, bool finite) {
    const double error = finite ? err2 : std::numeric_limits<double>::infinity();
    again(trying, static_cast<Time>(filter_.rejected(proposal_.memory, static_cast<double>(std::abs(plan.h)), error)), finite);
  }

  /// The same of a method that suggests the next step's length itself.
  void accepted_for(const StepPlan<Time>& plan, const Trying<Time>& trying, Time suggested) {
    proposal_.length = was_cut(plan, trying) ? std::max(suggested, trying.h) : suggested;
  }
  void again(Trying<Time>& trying, Time h, bool finite) {
    trying.reason = finite ? Status::step_underflow : Status::non_finite;
    proposal_.length = trying.h = h;
  }

 private:
  static bool was_cut(const StepPlan<Time>& plan, const Trying<Time>& trying) { return std::abs(plan.h) < trying.h * (1 - Time(1e-6)); }

  StepFilter filter_;
  StepProposal<Time> proposal_;
};

}  // namespace costate::detail
