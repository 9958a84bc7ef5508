// Gradients through samples with times of their own: the sum of those through each alone.

#include <costate/adjoint/taped_samples.hpp>

#include <vector>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

const auto pendulum = [](auto t, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * cs::sin(y[0]) + p[1] * cs::cos(2.0 * t)); };

struct Problem {
  Eigen::MatrixXd y0{2, 5};
  Eigen::VectorXd p = Eigen::Vector2d(1.5, 0.3);
  std::vector<std::vector<double>> grids;
  explicit Problem(double direction = 1) {
    for (int b = 0; b < 5; ++b) {
      y0.col(b) << 0.2 + 0.15 * b, 0.1 * b;
      auto& grid = grids.emplace_back();
      for (int i = 0; i < 1 + (b * 3) % 5; ++i) grid.push_back(0.25 * b + direction * (0.5 * i + 0.11 * i * i));
    }
  }
};

/// Of a loss on all states, each with a weight of its own: its gradient with respect to theta and y0, from all samples at once and one by one.
template <class F, class M, class A>
double distance(const F& f, const Eigen::VectorXd& theta, const M& method, const A& adjoint, const cs::SolveOptions& options, double direction = 1) {
  const Problem problem(direction);
  const auto part = [](const auto& path, const Eigen::MatrixXd& weight) { return cs::sum(cs::sin(weight * path)); };
  const auto weight = [&](std::size_t b) {
    return Eigen::MatrixXd(Eigen::MatrixXd::Constant(2, static_cast<Eigen::Index>(problem.grids[b].size()), 1.0 + 0.3 * static_cast<double>(b)));
  };
  Eigen::MatrixXd weights(2, 0);
  for (std::size_t b = 0; b < problem.grids.size(); ++b) {
    const Eigen::MatrixXd more = weight(b);
    weights.conservativeResize(2, weights.cols() + more.cols());
    weights.rightCols(more.cols()) = more;
  }
  cs::Stats all, alone;
  A counted = adjoint;
  std::remove_pointer_t<decltype(A::stats)> counts{};
  counted.stats = &counts;
  const auto [value, theta_bar, y0_bar] = cs::value_and_grad(
      [&](const auto& th, const auto& y0) {
        return part(cs::hstack(cs::odeint(f, y0, problem.grids, th, method, counted, options)), weights);
      },
      theta, problem.y0);
  all = counts;
  double sum = 0;
  Eigen::VectorXd theta_sum = Eigen::VectorXd::Zero(theta.size());
  Eigen::MatrixXd y0_sum(2, 5);
  for (std::size_t b = 0; b < problem.grids.size(); ++b) {
    const Eigen::VectorXd start = problem.y0.col(static_cast<Eigen::Index>(b));
    const auto [v, g, gy] = cs::value_and_grad(
        [&](const auto& th, const auto& y0) { return part(cs::hstack(cs::odeint(f, y0, problem.grids[b], th, method, counted, options)), weight(b)); }, theta, start);
    alone += counts;
    sum += v;
    theta_sum += g;
    y0_sum.col(static_cast<Eigen::Index>(b)) = gy;
  }
  CHECK_THAT(value, Catch::Matchers::WithinRel(sum, 1e-12));
  CHECK(all.evaluations == alone.evaluations);
  return std::max((theta_bar - theta_sum).norm() / theta_sum.norm(), (y0_bar - y0_sum).norm() / y0_sum.norm());
}

}  // namespace

TEST_CASE("gradients of all samples at once are those of one by one, by every adjoint", "[adjoint]") {
  const Eigen::VectorXd p = Problem().p;
  const cs::SolveOptions tight{.rtol = 1e-8, .atol = 1e-10}, grid{.step = 0.05};
  for (const double direction : {1.0, -1.0}) {
    CHECK(distance(pendulum, p, cs::Dopri5{}, cs::DirectAdjoint{}, tight, direction) < 1e-12);
    CHECK(distance(pendulum, p, cs::Rk4{}, cs::DirectAdjoint{}, grid, direction) < 1e-12);
    CHECK(distance(pendulum, p, cs::Dopri5{}, cs::CheckpointedAdjoint{.slots = 3}, tight, direction) < 1e-12);
    CHECK(distance(pendulum, p, cs::Rk4{}, cs::ReversibleAdjoint{}, grid, direction) < 1e-10);
    CHECK(distance(pendulum, p, cs::Dopri5{}, cs::BacksolveAdjoint{}, tight, direction) < 1e-10);
    CHECK(distance(pendulum, p, cs::Dopri5{}, cs::InterpolatingAdjoint{}, tight, direction) < 1e-10);
  }
}

TEST_CASE("gradients of all samples by multistep methods", "[adjoint]") {
  const Eigen::VectorXd p = Problem().p;
  CHECK(distance(pendulum, p, cs::Adams{}, cs::DirectAdjoint{}, {.rtol = 1e-8, .atol = 1e-10}) < 1e-11);
  CHECK(distance(pendulum, p, cs::AdamsMoulton<4>{}, cs::DirectAdjoint{}, {.step = 0.05}) < 1e-12);
}

TEST_CASE("gradients of all samples through a network", "[adjoint]") {
  std::mt19937 rng(3);
  const cs::nn::Mlp net({2, 16, 2}, cs::nn::tanh);
  const Eigen::VectorXd theta = net.init(rng);
  const auto f = [&](auto, const auto& y, const auto& th) { return net(y, th); };
  CHECK(distance(f, theta, cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-8, .atol = 1e-10}) < 1e-12);
  CHECK(distance(f, theta, cs::Rk4{}, cs::CheckpointedAdjoint{.slots = 2}, {}) < 1e-12);
}
