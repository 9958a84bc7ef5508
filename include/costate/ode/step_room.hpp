#pragma once
// How far an adaptive step may go from t: not beyond a bound, no longer than max_step, not below what the clock can tell, and so that no
// tiny step is left over at the end.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <costate/ode/method.hpp>

namespace costate::detail {

template <class Time>
class StepRoom {
 public:
  /// Between two times, which lie in the direction ±1.
  StepRoom(Time from, Time to, Time direction, std::optional<double> max_step)
      : t_(from), bound_(to), direction_(direction), remaining_(std::abs(to - from)),
        longest_(static_cast<Time>(max_step.value_or(std::numeric_limits<double>::max() / 4))) {}

  /// No step is longer than max_step.
  Time longest() const { return longest_; }
  /// The farthest that one step may look.
  Time limit() const { return std::min(remaining_, longest_); }
  /// Stage times can no longer be told apart, and the bound is not that near.
  bool too_short(Time h) const {
    const Time shortest = std::max(10 * std::numeric_limits<Time>::epsilon() * std::abs(t_), 1000 * std::numeric_limits<Time>::min());
    return h < shortest && h < remaining_;
  }

  /// The step to try with length h in mind. Near the bound it is stretched by up to 1 % to reach it, or what remains is halved: no tiny
  /// last step arises. `evenly`: the last dozen steps are of one length, for methods that raise their order on equal steps alone.
  template <bool evenly>
  StepPlan<Time> plan(Time h) const {
    Time end = bound_;
    if (remaining_ > h * Time(1.01) || remaining_ > longest_) [[likely]] {
      if constexpr (evenly) {
        const Time steps = std::ceil(remaining_ / std::min(h * Time(1.01), longest_));
        if (steps <= 12) h = remaining_ / steps;
      } else if (remaining_ < 2 * h) [[unlikely]] {
        h = remaining_ / 2;
      }
      end = direction_ > 0 ? t_ + h : t_ - h;
    }
    return {end, end - t_};
  }

 private:
  Time t_, bound_, direction_, remaining_, longest_;
};

}  // namespace costate::detail
