#pragma once
// The standard problems that every optimiser is tried on.

#include <Eigen/Core>

namespace problems {

/// Rosenbrock's valley, minimum 0 at (1, 1); the usual start is (−1.2, 1).
template <class S>
Eigen::Vector<S, 2> rosenbrock_gradient(const Eigen::Vector<S, 2>& x) {
  const S slope = x[1] - x[0] * x[0];
  return {-2 * (1 - x[0]) - 400 * x[0] * slope, 200 * slope};
}

template <class S>
S rosenbrock(const Eigen::Vector<S, 2>& x) {
  const S a = 1 - x[0], b = x[1] - x[0] * x[0];
  return a * a + 100 * b * b;
}

/// ½ Σ cᵢ(xᵢ − 1)² with curvatures from 1 to 20.
template <class S>
Eigen::VectorX<S> quadratic_gradient(const Eigen::VectorX<S>& x) {
  const auto curvature = Eigen::VectorX<S>::LinSpaced(x.size(), 1, 20);
  return (curvature.array() * (x.array() - 1)).matrix();
}

}  // namespace problems
