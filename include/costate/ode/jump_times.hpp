#pragma once
// Times at which the dynamics jumps, as of an input that is constant between them. A solve passes one in three steps: up to the last number
// before it, over to the first number behind it, in a step as short as that, and on. No step's stages lie on both sides but those of the
// short one, which changes the state by no more than rounding; for everything that looks at steps it is a step like others.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <costate/ode/grid.hpp>

namespace costate::detail {

/// Where a step ends; `crossing`: over a jump.
template <class Time>
struct Stop {
  Time end;
  bool crossing = false;
};

/// So many equal steps to `end`.
template <class Time>
struct EqualSteps {
  Time end;
  std::int64_t steps;
};

/// The jumps on the way in a direction (±1), for states of scalar S.
template <class S, class Time>
class JumpTimes {
 public:
  JumpTimes(std::span<const double> times, Time direction) : times_(times), direction_(direction) {}

  /// The next stop behind t, not beyond `bound`.
  [[nodiscard]] Stop<Time> next(Time t, Time bound) const {
    // the first jump, in this direction, that is not behind t altogether
    const bool forward = direction_ > 0;
    const auto at = std::partition_point(times_.begin(), times_.end(), [&](double jump) { return ahead(t, behind(jump)) != forward; });
    if (at == (forward ? times_.end() : times_.begin())) return {bound};
    const double jump = forward ? *at : *(at - 1);
    const bool crossing = !ahead(t, before(jump));
    const Time end = crossing ? behind(jump) : before(jump);
    return ahead(end, bound) ? Stop<Time>{end, crossing} : Stop<Time>{bound};
  }

  /// The next of the parts of equal steps, each of at most the given length, that lead from t to `bound`.
  [[nodiscard]] EqualSteps<Time> part(Time t, Time bound, Time step) const {
    const Stop<Time> stop = next(t, bound);
    return {stop.end, stop.crossing ? 1 : steps_in(std::abs(stop.end - t), step)};
  }
  /// How many steps there are in all.
  [[nodiscard]] std::int64_t steps(Time t, Time bound, Time step) const {
    std::int64_t n = 0;
    while (ahead(t, bound) && n < std::numeric_limits<std::int64_t>::max()) {
      const auto next = part(t, bound, step);
      n = next.steps > std::numeric_limits<std::int64_t>::max() - n ? std::numeric_limits<std::int64_t>::max() : n + next.steps;
      t = next.end;
    }
    return n;
  }
  /// Where step k of them ends.
  [[nodiscard]] Time end_of_step(Time t, Time bound, Time step, std::int64_t k) const {
    while (ahead(t, bound)) {
      const auto next = part(t, bound, step);
      if (k < next.steps) return grid_point(t, next.end, k + 1, next.steps);
      k -= next.steps;
      t = next.end;
    }
    return bound;
  }

 private:
  [[nodiscard]] bool ahead(Time from, Time to) const { return direction_ * (to - from) > 0; }
  [[nodiscard]] Time before(double jump) const { return static_cast<Time>(jump) - direction_ * gap(static_cast<Time>(jump)); }
  [[nodiscard]] Time behind(double jump) const { return static_cast<Time>(jump) + direction_ * gap(static_cast<Time>(jump)); }
  /// Between a jump and the next number that a dynamics may tell from it, which sees times as S.
  static Time gap(Time at) {
    return std::max(static_cast<Time>(std::numeric_limits<S>::epsilon()) * std::abs(at), 1000 * static_cast<Time>(std::numeric_limits<S>::min()));
  }

  std::span<const double> times_;
  Time direction_;
};

}  // namespace costate::detail
