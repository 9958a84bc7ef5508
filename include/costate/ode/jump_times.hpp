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

/// The jumps on the way in a direction (±1), for states of scalar S.
template <class S, class Time>
class JumpTimes {
 public:
  JumpTimes(std::span<const double> times, Time direction) : times_(times), direction_(direction) {}

  /// The next stop behind t, not beyond `bound`.
  [[nodiscard]] Stop<Time> next(Time t, Time bound) const {
    Stop<Time> stop{bound};
    for (const double jump : times_) {
      const Time at = static_cast<Time>(jump), width = direction_ * gap(at), before = at - width, behind = at + width;
      if (!ahead(t, behind)) continue;
      const bool crossing = !ahead(t, before);
      const Time end = crossing ? behind : before;
      if (ahead(end, stop.end)) stop = {end, crossing};
    }
    return stop;
  }

  /// How many steps of at most the given length lead from t to `bound`.
  [[nodiscard]] std::int64_t steps(Time t, Time bound, Time step) const {
    std::int64_t n = 0;
    while (ahead(t, bound) && n < std::numeric_limits<std::int64_t>::max()) {
      const Stop<Time> stop = next(t, bound);
      const std::int64_t more = in_part(t, stop, step);
      n = more > std::numeric_limits<std::int64_t>::max() - n ? std::numeric_limits<std::int64_t>::max() : n + more;
      t = stop.end;
    }
    return n;
  }
  /// Where step k of them ends.
  [[nodiscard]] Time end_of_step(Time t, Time bound, Time step, std::int64_t k) const {
    while (ahead(t, bound)) {
      const Stop<Time> stop = next(t, bound);
      const std::int64_t n = in_part(t, stop, step);
      if (k < n) return grid_point(t, stop.end, k + 1, n);
      k -= n;
      t = stop.end;
    }
    return bound;
  }

 private:
  [[nodiscard]] bool ahead(Time from, Time to) const { return direction_ * (to - from) > 0; }
  static std::int64_t in_part(Time t, const Stop<Time>& stop, Time step) { return stop.crossing ? 1 : steps_in(std::abs(stop.end - t), step); }
  /// Between a jump and the next number that a dynamics may tell from it, which sees times as S.
  static Time gap(Time at) {
    return std::max(static_cast<Time>(std::numeric_limits<S>::epsilon()) * std::abs(at), 1000 * std::numeric_limits<Time>::min());
  }

  std::span<const double> times_;
  Time direction_;
};

}  // namespace costate::detail
