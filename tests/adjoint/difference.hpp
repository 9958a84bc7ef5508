#pragma once
// The directional derivative of a loss of plain vectors by extrapolated differences.

#include <costate/autodiff/value_and_grad.hpp>

namespace adjoint_test {

template <class Loss>
double difference(const Loss& loss, const Eigen::VectorXd& x, const Eigen::VectorXd& along) {
  const auto slope = [&](double h) {
    return (costate::value(loss, Eigen::VectorXd(x + h * along)) - costate::value(loss, Eigen::VectorXd(x - h * along))) / (2 * h);
  };
  return (4 * slope(5e-4) - slope(1e-3)) / 3;
}

}  // namespace adjoint_test
