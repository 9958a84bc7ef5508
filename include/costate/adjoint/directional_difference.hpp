#pragma once
// The derivative of a function of one number at zero by differences, with what they can be trusted to.
//
// Central differences at steps h, h/2, h/4, …, extrapolated to ever higher order (C. J. F. Ridders, Accurate computation of F'(x) and
// F'(x)F''(x), Adv. Eng. Softw. 4 (1982) 75–76). Of an adaptive solve, whose steps change with its arguments, values carry noise of the
// tolerance's size, and the difference at h has that over h: the table's entry that changed least against its two parents is taken, and
// by how much it changed is the doubt. Neither a large step's truncation nor a small one's noise passes that.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <costate/core/error.hpp>

namespace costate::detail {

struct Difference {
  double slope = std::numeric_limits<double>::quiet_NaN();
  double doubt = std::numeric_limits<double>::infinity();
};

/// f'(0), from f at ±first and closer until the doubt is small enough, at three distances at least. Rounding: of f's values. What throws
/// an Error or is not finite is too far away.
template <class F>
Difference directional_difference(const F& f, double first, double enough, double rounding) {
  constexpr std::size_t most = 9;
  std::array<std::array<double, most>, most> a{};  // a[i][j]: from steps i − j … i
  Difference best;
  double h = first;
  std::size_t i = 0;
  for (std::size_t attempt = 0; attempt < most && i < most; ++attempt, h /= 2) {
    double d = std::numeric_limits<double>::quiet_NaN();
    try {
      d = (f(h) - f(-h)) / (2 * h);
    } catch (const Error&) {
    }
    if (!std::isfinite(d)) {
      i = 0;
      continue;
    }
    a[i][0] = d;
    double factor = 4;
    for (std::size_t j = 1; j <= i; ++j, factor *= 4) {
      a[i][j] = (factor * a[i][j - 1] - a[i - 1][j - 1]) / (factor - 1);
      const double doubt = std::max(std::abs(a[i][j] - a[i][j - 1]), std::abs(a[i][j] - a[i - 1][j - 1])) + rounding / h;
      if (doubt <= best.doubt) best = {a[i][j], doubt};
    }
    if (++i >= 3 && best.doubt <= enough) break;
  }
  return best;
}

}  // namespace costate::detail
