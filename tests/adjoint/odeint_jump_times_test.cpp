// Gradients through a dynamics that jumps at known times.

#include <costate/adjoint/odeint.hpp>

#include <vector>

#include <costate/autodiff/value_and_grad.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

// y' = level(t) − k y, levels p0 before and between, p1 from 0.7 to 1.9
const std::vector<double> jumps{0.7, 1.9};
const auto relaxation = [](auto t, const auto& y, const auto& p) {
  return cs::stack(cs::where(t < 0.7, p[0], cs::where(t < 1.9, p[1], p[0])) - p[2] * y[0]);
};
const Eigen::Vector3d p(1.0, 5.0, 0.8);

/// y(2.6) from y(0) = y0, and its gradient in (y0, p), by the formula of each piece.
Eigen::Vector4d exact_gradient(double y0) {
  const double times[] = {0.0, 0.7, 1.9, 2.6};
  const int levels[] = {0, 1, 0};
  double y = y0;
  Eigen::Vector4d g(1, 0, 0, 0);
  for (int i = 0; i < 3; ++i) {
    const double h = times[i + 1] - times[i], e = std::exp(-p[2] * h), level = p[levels[i]], k = p[2];
    g *= e;
    g[1 + levels[i]] += (1 - e) / k;
    g[3] += -h * e * y + level * (h * e / k - (1 - e) / (k * k));
    y = level / k + (y - level / k) * e;
  }
  return g;
}

template <class M, class A>
double error(const M& method, const A& adjoint, cs::SolveOptions options) {
  options.jump_times = jumps;
  const Eigen::Matrix<double, 1, 1> y0(2.0);
  const auto loss = [&](const auto& y, const auto& theta) { return cs::odeint(relaxation, y, {0.0, 1.1, 2.6}, theta, method, adjoint, options).back()[0]; };
  const auto [value, y_bar, p_bar] = cs::value_and_grad(loss, y0, p);
  Eigen::Vector4d g;
  g << y_bar[0], p_bar;
  return (g - exact_gradient(2.0)).norm() / exact_gradient(2.0).norm();
}

}  // namespace

TEST_CASE("every adjoint differentiates through known jumps of the dynamics", "[adjoint]") {
  const cs::SolveOptions tight{.rtol = 1e-9, .atol = 1e-11}, grid{.step = 0.02};
  CHECK(error(cs::Dopri5{}, cs::DirectAdjoint{}, tight) < 1e-8);
  CHECK(error(cs::Dopri5{}, cs::CheckpointedAdjoint{.slots = 3}, tight) < 1e-8);
  CHECK(error(cs::Dopri5{}, cs::ReversibleAdjoint{}, tight) < 1e-7);
  CHECK(error(cs::Dopri5{}, cs::InterpolatingAdjoint{}, tight) < 1e-8);
  CHECK(error(cs::Dopri5{}, cs::BacksolveAdjoint{}, tight) < 1e-7);
  CHECK(error(cs::Adams{}, cs::DirectAdjoint{}, tight) < 1e-7);
  CHECK(error(cs::Adams{}, cs::InterpolatingAdjoint{}, tight) < 1e-7);
  CHECK(error(cs::Rk4{}, cs::DirectAdjoint{}, grid) < 1e-8);
  CHECK(error(cs::Rk4{}, cs::CheckpointedAdjoint{.slots = 4}, grid) < 1e-8);
  CHECK(error(cs::Rk4{}, cs::ReversibleAdjoint{}, grid) < 1e-7);
  CHECK(error(cs::Rk4{}, cs::BacksolveAdjoint{}, grid) < 1e-7);
}
