#pragma once
// The error of a parameters' integral, in units of the tolerance.

#include <algorithm>
#include <cmath>
#include <limits>

#include <costate/ode/options.hpp>

namespace costate::detail {

/// Of the whole gradient's norm: `error` is that of the part `sum` about to be added to `total`.
template <class Vector, class S>
double quadrature_error(const Vector& total, const Vector& sum, const Vector& error, const Tolerances<S>& tolerances) {
  const S least = std::numeric_limits<S>::min(), root = std::sqrt(static_cast<S>(total.size()));
  const S size = std::max(total.norm(), (total + sum).norm()) / root;
  return static_cast<double>(error.norm() / root / (tolerances.atol + least + tolerances.rtol * size));
}

}  // namespace costate::detail
