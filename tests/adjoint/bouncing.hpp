#pragma once
// What the tests of events on a tape share: the ground that a ball bounces on, and a gradient as one vector.

#include <Eigen/Core>

#include <costate/autodiff/stack.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/ode/options.hpp>

namespace events_test {

namespace cs = costate;

inline const auto ground = [](auto, const auto& y, const auto&) { return y[0]; };
inline const auto bounce = [](auto, const auto& y, const auto& p) { return cs::stack(0.0, -p[1] * y[1]); };
inline const cs::SolveOptions tight{.rtol = 1e-11, .atol = 1e-12};

/// Of (start, parameters).
struct Gradient {
  double value;
  Eigen::VectorXd slopes;
};
template <class Loss>
Gradient gradient_of(const Loss& loss, const Eigen::VectorXd& start, const Eigen::VectorXd& p) {
  const auto [value, d_start, d_p] = cs::value_and_grad(loss, start, p);
  Eigen::VectorXd slopes(d_start.size() + d_p.size());
  slopes << d_start, d_p;
  return {value, slopes};
}

}  // namespace events_test
