#include <costate/adjoint/odeint_with_cost.hpp>

#include <costate/autodiff/value_and_grad.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"
#include "difference.hpp"

namespace cs = costate;
using adjoint_test::difference;

namespace {

using One = Eigen::Matrix<double, 1, 1>;
const auto decay = [](auto, const auto& y, const auto& p) { return cs::stack(-p[0] * y[0]); };
const auto squared = [](auto, const auto& y, const auto&) { return y[0] * y[0]; };
const cs::SolveOptions tight{.rtol = 1e-10, .atol = 1e-10};

const cs::nn::Mlp net({2, 6, 2}, cs::nn::tanh);
const auto learned = [](auto, const auto& y, const auto& theta) { return net(y, theta); };
Eigen::VectorXd weights() {
  std::mt19937 rng(3);
  return net.init(rng);
}

}  // namespace

TEST_CASE("the integral of y squared along a decay, and its gradients, are the closed forms by every adjoint", "[adjoint]") {
  const auto check = [](const auto& adjoint) {
    const auto [value, dy, dp] = cs::value_and_grad(
        [&](const auto& y0, const auto& p) {
          const auto [y, cost] = cs::odeint_with_cost(decay, squared, y0, {0.0, 0.5, 1.0}, p, cs::Dopri5{}, adjoint, tight);
          return cost.back() + 0 * y.back()[0];
        },
        One(2.0), One(0.7));
    const double e = std::exp(-1.4), c = (1 - e) / 1.4;  // ∫ y² = y0² (1 − exp(−2p)) / 2p
    CHECK(std::abs(value - 4 * c) < 1e-8);
    CHECK(std::abs(dy[0] - 4 * c) < 1e-8);
    CHECK(std::abs(dp[0] - 4 * (e - c) / 0.7) < 1e-8);
  };
  check(cs::DirectAdjoint{});
  check(cs::CheckpointedAdjoint{.slots = 3});
  check(cs::ReversibleAdjoint{});
  check(cs::BacksolveAdjoint{});
  check(cs::InterpolatingAdjoint{});
}

TEST_CASE("costs are what they are as components of the state written by hand", "[adjoint]") {
  const auto by_hand = [](auto t, const auto& y, const auto& p) { return cs::stack(-p[0] * y[0], y[0] * y[0], t * p[0]); };
  const auto both = [](auto t, const auto& y, const auto& p) { return cs::stack(y[0] * y[0], t * p[0]); };
  const cs::SolveOptions steps{.step = 0.1};
  const auto with = [&](const auto& y0, const auto& p) {
    const auto [y, cost] = cs::odeint_with_cost(decay, both, y0, {0.0, 1.0}, p, cs::Rk4{}, cs::DirectAdjoint{}, steps);
    return cost.back()[0] * cost.back()[1] + y.back()[0];
  };
  const auto without = [&](const auto& y0, const auto& p) {
    const auto y = cs::odeint(by_hand, cs::stack(y0[0], 0.0, 0.0), {0.0, 1.0}, p, cs::Rk4{}, cs::DirectAdjoint{}, steps).back();
    return y[1] * y[2] + y[0];
  };
  const auto [v, dy, dp] = cs::value_and_grad(with, One(2.0), One(0.7));
  const auto [v2, dy2, dp2] = cs::value_and_grad(without, One(2.0), One(0.7));
  CHECK(v == v2);
  CHECK(std::abs(dy[0] - dy2[0]) < 1e-14);
  CHECK(std::abs(dp[0] - dp2[0]) < 1e-14);
}

TEST_CASE("a batch has a cost for each sample, as each has alone", "[adjoint]") {
  const Eigen::VectorXd theta = weights();
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 3), probe = Eigen::MatrixXd::Random(2, 3);
  const auto energy = [](auto, const auto& y, const auto&) { return cs::colwise_sum(cs::square(y)); };
  const auto solve = [&](const auto& start, const auto& eps) {
    return cs::odeint_with_cost(learned, cs::costs(energy, cs::kinetic_energy(), cs::jacobian_norm(eps)), start, {0.0, 1.0}, theta,
                                cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.1});
  };
  const auto [y, cost] = solve(y0, probe);
  const Eigen::MatrixXd costs = cost.back();
  REQUIRE(costs.rows() == 3);
  REQUIRE(costs.cols() == 3);
  for (Eigen::Index b = 0; b < 3; ++b) {
    const auto [y1, cost1] = solve(Eigen::Vector2d(y0.col(b)), Eigen::Vector2d(probe.col(b)));
    CHECK((cost1.back() - costs.col(b)).norm() < 1e-14);
    CHECK((y1.back() - y.back().col(b)).norm() < 1e-14);
  }
}

TEST_CASE("kinetic energy and the Jacobian's norm are those written by hand, with f evaluated once per stage", "[adjoint]") {
  const Eigen::VectorXd theta = weights(), along = Eigen::VectorXd::Random(theta.size());
  const Eigen::Vector2d y0(0.5, -1.0), eps(1.0, -1.0);
  int evaluations = 0;
  const auto counted = [&](auto t, const auto& y, const auto& p) {
    ++evaluations;
    return learned(t, y, p);
  };
  const cs::SolveOptions steps{.step = 0.25};
  const auto loss = [&](const auto& p) {
    const auto [y, cost] = cs::odeint_with_cost(counted, cs::costs(cs::kinetic_energy(), cs::jacobian_norm(eps)), y0, {0.0, 1.0}, p,
                                                cs::Rk4{}, cs::DirectAdjoint{}, steps);
    return cost.back()[0] + 0.5 * cost.back()[1];
  };
  const auto by_hand = [&](const auto& p) {
    const auto f = [&](auto t, const auto& z, const auto& q) {
      const auto y = cs::rows(z, 0, 2);
      const auto slope = learned(t, y, q);
      const auto [value, product] = cs::vjp([&](const auto& y_) { return learned(t, y_, q); }, y, eps);
      return cs::stack(slope, cs::sum(cs::square(slope)), cs::sum(cs::square(product)));
    };
    const auto z = cs::odeint(f, Eigen::Vector4d(0.5, -1.0, 0.0, 0.0), {0.0, 1.0}, p, cs::Rk4{}, cs::DirectAdjoint{}, steps).back();
    return z[2] + 0.5 * z[3];
  };
  evaluations = 0;
  const double value = cs::value(loss, theta);
  CHECK(evaluations == 16);
  CHECK(std::abs(value - cs::value(by_hand, theta)) < 1e-14);
  const auto [v, gradient] = cs::value_and_grad(loss, theta);
  const auto [v2, gradient2] = cs::value_and_grad(by_hand, theta);
  CHECK(v == value);
  CHECK((gradient - gradient2).norm() < 1e-13 * gradient.norm());
  CHECK(std::abs(gradient.dot(along) - difference(loss, theta, along)) < 1e-9);
}

TEST_CASE("samples with times of their own have costs, as the dynamics with costs has that one solves plainly", "[adjoint]") {
  const Eigen::MatrixXd y0{{1.0, -2.0, 0.5}};
  const std::vector<std::vector<double>> grids{{0, 1}, {0, 2}, {0, 0.5, 1.5}};
  const One p(0.7);
  const auto [value, dy] = cs::value_and_grad(
      [&](const auto& start) {
        const auto [y, cost] = cs::odeint_with_cost(decay, squared, start, grids, p, cs::Dopri5{}, cs::DirectAdjoint{}, tight);
        return cs::sum(cost[0]) + cs::sum(cost[1]) + cs::sum(cost[2]);  // of every path at all its times
      },
      y0);
  const auto integral = [](double t) { return (1 - std::exp(-1.4 * t)) / 1.4; };
  const Eigen::RowVector3d each(integral(1), integral(2), integral(0.5) + integral(1.5));
  CHECK((dy - 2 * (y0.array() * each.array()).matrix()).norm() < 1e-8);
  Eigen::MatrixXd with_zeros(2, 3);
  with_zeros << y0, Eigen::RowVector3d::Zero();
  const auto plain = cs::solve(cs::with_cost(decay, squared), with_zeros, grids, p, cs::Dopri5{}, tight);
  CHECK(std::abs(value - (plain[0](1, 1) + plain[1](1, 1) + plain[2](1, 1) + plain[2](1, 2))) < 1e-12);
}

TEST_CASE("a cost in the norm is met, one left out can be missed", "[adjoint]") {
  // The state stands still; the cost is a narrow bump, which a solve that looks at the state alone steps over.
  const auto still = [](auto, const auto& y) { return cs::stack(0 * y[0]); };
  const auto bump = [](auto t, const auto&) { return 1 / (0.01 + (t - 3) * (t - 3)); };
  const double exact = 10 * (std::atan(70.0) + std::atan(30.0));
  const auto of = [&](const cs::PartOptions& how) {
    return std::abs(
        cs::odeint_with_cost(still, cs::cost(bump, how), One(1.0), {0.0, 10.0}, cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-8})
            .cost.back() -
        exact);
  };
  CHECK(of({}) < 1e-5);
  CHECK(of({.in_norm = false}) > 0.1);
  CHECK(of({.rtol = 1e-3}) > 3 * of({}));
}

TEST_CASE("mixed states have costs that see the parts", "[adjoint]") {
  const auto f = [](auto, const auto& state, const auto& p) {
    const auto& [x, m] = state;
    return cs::parts(-p[0] * x, -m);
  };
  const auto q = [](auto, const auto& state, const auto&) {
    const auto& [x, m] = state;
    return cs::sum(cs::square(x)) + m;
  };
  const auto [value, dx, dp] = cs::value_and_grad(
      [&](const auto& x, const auto& p) {
        const auto [y, cost] = cs::odeint_with_cost(f, q, cs::parts(x, 2.0), {0.0, 1.0}, p, cs::Dopri5{}, cs::DirectAdjoint{}, tight);
        const auto [x1, m1] = y.back();
        return cost.back() + m1 + 0 * x1[0];
      },
      Eigen::Vector2d(1.0, 2.0), One(1.0));
  const double c = (1 - std::exp(-2.0)) / 2;
  CHECK(std::abs(value - (5 * c + 2)) < 1e-8);
  CHECK((dx - 2 * c * Eigen::Vector2d(1.0, 2.0)).norm() < 1e-8);
}

TEST_CASE("a slope that is the same for all samples, and a start that is a number, have costs", "[adjoint]") {
  const Eigen::MatrixXd batch = Eigen::MatrixXd::Ones(2, 3);
  const Eigen::Vector2d p(0.7, 0.3);
  const auto steady = [](auto, const auto&, const auto& q) { return cs::stack(q[0], q[1]); };
  const auto of = [&](const auto& cost) {
    return cs::value_and_grad([&](const auto& q) {
      return cs::sum(cs::odeint_with_cost(steady, cost, batch, {0.0, 1.0}, q, cs::Dopri5{}).cost.back());
    }, p);
  };
  const auto [energy, slope] = of(cs::kinetic_energy());
  CHECK(std::abs(energy - 3 * p.squaredNorm()) < 1e-12);
  CHECK((slope - 6 * p).norm() < 1e-12);
  CHECK(std::get<0>(of(cs::jacobian_norm(batch))) == 0);

  const auto [value, dp] = cs::value_and_grad([](const auto& q) {
    return cs::odeint_with_cost(decay, squared, q[1], {0.0, 1.0}, q, cs::Dopri5{}, cs::DirectAdjoint{}, tight).cost.back();
  }, Eigen::Vector2d(0.7, 2.0));
  CHECK(std::abs(value - 4 * (1 - std::exp(-1.4)) / 1.4) < 1e-8);
  CHECK(std::abs(dp[1] - 4 * (1 - std::exp(-1.4)) / 1.4) < 1e-8);
}

TEST_CASE("costs that are none are refused with a sentence", "[adjoint]") {
  const Eigen::MatrixXd batch = Eigen::MatrixXd::Ones(2, 3);
  const Eigen::VectorXd theta = weights();
  const auto solve = [&](const auto& q) { return cs::odeint_with_cost(learned, q, batch, {0.0, 1.0}, theta, cs::Rk4{}); };
  CHECK_THROWS_AS(solve([](auto, const auto& y, const auto&) { return cs::sum(cs::square(y)); }), cs::ShapeError);  // one for all
  CHECK_THROWS_AS(solve([](auto, const auto& y, const auto&) { return cs::square(y); }), cs::ShapeError);           // one per component
  CHECK_THROWS_AS(solve(cs::jacobian_norm(Eigen::MatrixXd::Ones(3, 3))), cs::ShapeError);
  CHECK_THROWS_AS(solve(cs::cost(cs::kinetic_energy(), {.rtol = -1.0})), cs::OptionError);
}
