#pragma once
// When the two solutions of a reversible method are made one: every so many steps, earlier where they drift apart, and before undoing
// steps amplifies rounding too much.

#include <algorithm>
#include <cmath>

#include <costate/core/eigen.hpp>

namespace costate::detail {

struct Synchronisation {
  Eigen::Index steps = 0;  // since they were one
  double first_gap = 0;    // between them when there first was one to compare with
  int choice = -1;         // whether the next step synchronises: 0, 1, or −1: to be decided

  /// After a step. `factor` is what undoing a step divides by: ε^(−1/3) is the most that rounding may be amplified. gap() and rounding()
  /// are in units of the error norm; the first gap is that after step number `first`, and allowed(n) times as much after n steps.
  template <class Gap, class Rounding, class Allowed>
  bool operator()(Eigen::Index every, double factor, double precision, Eigen::Index first, Gap&& gap, Rounding&& rounding, Allowed&& allowed) {
    ++steps;
    const bool now = choice < 0 ? due(every, factor, precision, first, gap, rounding, allowed) : choice > 0;
    choice = -1;
    if (now) steps = 0;
    return now;
  }

 private:
  template <class Gap, class Rounding, class Allowed>
  bool due(Eigen::Index every, double factor, double precision, Eigen::Index first, Gap& gap, Rounding& rounding, Allowed& allowed) {
    if (every == 0) return false;
    const auto n = static_cast<double>(steps);
    if (steps >= every || -n * std::log(factor) > -std::log(precision) / 3) return true;
    if (steps < first) return false;
    const double now = gap();
    if (steps == first) first_gap = std::max(now, 100 * rounding());
    return !(now <= allowed(n) * first_gap);
  }
};

}  // namespace costate::detail
