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

#include "autodiff/allocations.hpp"
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

TEST_CASE("a sample that has ended takes no part in the others' steps", "[adjoint]") {
  // the derivatives at the end of the second sample, which takes no step, are infinite
  const auto root = [](auto t, const auto& y, const auto& q) { return cs::stack(q[0] * cs::sqrt(y[0]) + 0.0 * t); };
  const auto pole = [](auto t, const auto& y, const auto& q) { return cs::stack(q[0] * y[0] / (1.0 - t)); };
  const Eigen::VectorXd q = Eigen::VectorXd::Constant(1, 0.5);
  const auto check = [&](const auto& f, double other, double at, const auto& method) {
    Eigen::MatrixXd y0(1, 2);
    y0 << 1.0, other;
    const std::vector<std::vector<double>> grids{{0.0, 0.3, 0.5}, {at}};
    const auto gradient = [&](const auto& start, const auto& times) {
      return cs::value_and_grad([&](const auto& th, const auto& y) { return cs::sum(cs::hstack(cs::odeint(f, y, times, th, method))); }, q, start);
    };
    const auto [value, q_bar, y_bar] = gradient(y0, grids);
    const auto [value1, q_bar1, y_bar1] = gradient(Eigen::VectorXd(Eigen::VectorXd::Ones(1)), grids[0]);
    CHECK_THAT(q_bar[0], Catch::Matchers::WithinRel(q_bar1[0], 1e-12));
    CHECK_THAT(y_bar(0, 0), Catch::Matchers::WithinRel(y_bar1[0], 1e-12));
    CHECK(y_bar(0, 1) == 1);
  };
  check(root, 0.0, 0.0, cs::Dopri5{});
  check(root, 0.0, 0.0, cs::Rk4{});
  check(pole, 1.0, 1.0, cs::Dopri5{});
}

TEST_CASE("steps of samples that end before a jump are pulled back before it", "[adjoint]") {
  // where t + h rounds to the jump, the last stage's time does not
  const auto f = [](auto t, const auto& y, const auto& q) { return cs::stack(cs::where(t < 0.7, q[0], q[1]) - y[0]); };
  const Eigen::Vector2d q(1.0, 5.0);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Constant(1, 1, 2.0);
  const cs::SolveOptions options{.jump_times = {0.7}};
  for (int i = 0; i < 60; ++i) {
    const std::vector<std::vector<double>> grids{{0.65 - 0.0137 * i, 1.0 + 0.01 * i}};
    const auto gradient = [&](const auto& adjoint) {
      return std::get<1>(cs::value_and_grad([&](const auto& th) { return cs::sum(cs::hstack(cs::odeint(f, y0, grids, th, cs::Rk4{}, adjoint, options))); }, q));
    };
    const Eigen::Vector2d stored = gradient(cs::DirectAdjoint{}), repeated = gradient(cs::CheckpointedAdjoint{});
    CHECK((stored - repeated).norm() < 1e-13 * repeated.norm());
  }
}

TEST_CASE("a reused gradient of samples does not allocate", "[adjoint]") {
  const Problem problem;
  auto gradient = cs::value_and_grad([&](const auto& th) { return cs::sum(cs::hstack(cs::odeint(pendulum, problem.y0, problem.grids, th, cs::Dopri5{}))); });
  for (int i = 0; i < 3; ++i) gradient(problem.p);
  const std::size_t n = allocations::of([&] { gradient(problem.p); });
  if (allocations::counted) CHECK(n == 0);
}

TEST_CASE("what adjoints tell and may use is of all samples", "[adjoint]") {
  const Problem problem;
  const std::vector<std::vector<double>> grids(5, {0.0, 5.0});
  const auto run = [&](const auto& adjoint) {
    cs::value_and_grad([&](const auto& th) { return cs::sum(cs::hstack(cs::odeint(pendulum, problem.y0, grids, th, cs::Rk4{}, adjoint, {.step = 0.05}))); }, problem.p);
  };
  cs::ReversibleStats told;
  run(cs::ReversibleAdjoint{.synchronise = 10, .stats = &told});
  CHECK(told.coupling == cs::Reversible<cs::Rk4>{}.coupling);
  CHECK(told.synchronise == 10);
  CHECK(told.synchronisations >= 5 * 10);  // earlier ones beside
  CHECK(told.amplification > 0);
  cs::Stats stats;
  const std::size_t budget = 10000;
  run(cs::AutoAdjoint{.memory_bytes = budget, .stats = &stats});
  CHECK(stats.kept > 5);
  CHECK(static_cast<std::size_t>(stats.kept) * 2 * sizeof(Eigen::VectorXd) < budget);  // at the very least
  CHECK(stats.repeated > 0);
}

TEST_CASE("samples of another number of components than the dynamics returns are refused, and none at all", "[adjoint]") {
  const auto one = [](auto, const auto& y, const auto& q) { return cs::stack(q[0] * y[0]); };
  const Problem problem;
  const auto run = [&](const Eigen::MatrixXd& y0, const std::vector<std::vector<double>>& grids) {
    cs::value_and_grad([&](const auto& th) { return cs::sum(cs::hstack(cs::odeint(one, y0, grids, th, cs::Dopri5{}))); }, problem.p);
  };
  CHECK_THROWS_WITH(run(problem.y0, problem.grids), Catch::Matchers::Contains("the dynamics returned 1 x 5 values for a state of 2 x 5"));
  CHECK_THROWS_WITH(run(Eigen::MatrixXd(1, 0), {}), Catch::Matchers::Contains("no samples"));
}
