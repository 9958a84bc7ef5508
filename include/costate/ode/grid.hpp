#pragma once
// Fixed steps: how many fit, and where they end.

#include <cmath>
#include <cstdint>
#include <limits>

namespace costate::detail {

/// ⌈length / step⌉, at least 1; a step that fits but for rounding fits (10 by 1e-3 is 10,000). Too many to count: the largest integer.
template <class Time>
std::int64_t steps_in(Time length, Time step) {
  const Time ratio = std::ceil(length / step * (1 - Time(1e-10)));
  if (!(ratio < Time(9e18))) return std::numeric_limits<std::int64_t>::max();
  return ratio < 1 ? 1 : static_cast<std::int64_t>(ratio);
}

/// Where step i of n from t0 to t1 ends: t0 + i h, never a running sum, and exactly t1 at the last.
template <class Time>
Time grid_point(Time t0, Time t1, std::int64_t i, std::int64_t n) {
  return i == n ? t1 : t0 + static_cast<Time>(i) * ((t1 - t0) / static_cast<Time>(n));
}

}  // namespace costate::detail
