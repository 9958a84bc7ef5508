#include <costate/ode/asynchronous_leapfrog.hpp>

#include <costate/ode/solve.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;

TEST_CASE("the asynchronous leapfrog is of order 2 with one evaluation a step, its dense output too", "[ode]") {
  const cs::AsynchronousLeapfrog method;
  const auto coarse = problems::errors_on_swing(method, 320), fine = problems::errors_on_swing(method, 640);
  const auto slope = [](long double a, long double b) { return static_cast<double>(std::log2(a / b)); };
  CHECK(std::abs(slope(coarse.ends, fine.ends) - 2) < 0.15);
  CHECK(std::abs(slope(coarse.between, fine.between) - 2) < 0.15);
  CHECK(slope(coarse.slopes, fine.slopes) > 0.85);
  auto e = problems::engine(cs::AsynchronousLeapfrog{.synchronise = 0}, problems::swing, 0.0, problems::Vector<double, 1>(1), {.step = 0.01});
  e.advance_to(1.0);
  CHECK(e.stats().evaluations == 101);
}

TEST_CASE("a leapfrog step is undone to rounding", "[ode]") {
  using State = problems::Vector<double, 2>;
  const double h = 0.1, damping = 0.9;
  auto e = problems::engine(cs::AsynchronousLeapfrog{.damping = damping}, problems::pendulum, 0.0, State(1, 0.2), {.step = h});
  for (int i = 0; i < 5; ++i) {
    e.step();
    const auto w = e.window();
    const State x = w.y1 - h / 2 * w.z1;
    State u;
    problems::pendulum(0.0, x, u);
    const State v = (w.z1 - 2 * damping * u) / (1 - 2 * damping), y = x - h / 2 * v;
    CHECK((v - w.z0).norm() < 1e-14);
    CHECK((y - w.y0).norm() < 1e-15);
  }
}

TEST_CASE("v is f again after so many steps and after a change from outside, and earlier in a contraction", "[ode]") {
  using State = problems::Vector<double, 1>;
  const auto count = [](const cs::AsynchronousLeapfrog& method) {
    auto e = problems::engine(method, problems::swing, 0.0, State(1), {.step = 0.01});
    int synchronised = 0;
    e.advance_to(1.0, [&](const auto& w) { synchronised += w.synchronised; });
    return synchronised;
  };
  CHECK(count({.synchronise = 0}) == 0);
  CHECK(count({.synchronise = 10}) >= 10);
  auto e = problems::engine(cs::AsynchronousLeapfrog{}, problems::decay, 0.0, State(1), {.step = 0.01});
  e.advance_to(20.0);
  CHECK(std::abs(e.y()[0] * std::exp(20.0) - 1) < 1e-3);  // the midpoint rule: 3e-4; lost altogether where v is never made f again
  e.jump([](State& y) { y[0] = 2; });
  e.step();
  CHECK(e.window().z0[0] == -2);
}

TEST_CASE("batches in single precision, and options out of their range", "[ode]") {
  const auto f = [](auto t, const auto& y) { return cs::cos(t) * y; };
  const Eigen::MatrixXf y0 = Eigen::MatrixXf::Constant(2, 5, 0.5f);
  const auto solution = cs::solve(f, y0, {0.0f, 1.0f, 3.0f}, cs::AsynchronousLeapfrog{}, {.step = 0.01});
  CHECK((solution.y.back() - 0.5f * std::exp(std::sin(3.0f)) * Eigen::MatrixXf::Ones(2, 5)).norm() < 1e-3f);
  const auto with = [&](const cs::AsynchronousLeapfrog& method) { cs::solve(f, y0, {0.0f, 1.0f}, method, {.step = 0.1}); };
  for (const double damping : {0.5, 1.01, std::nan("")}) CHECK_THROWS_AS(with({.damping = damping}), cs::OptionError);
  CHECK_THROWS_AS(with({.synchronise = -1}), cs::OptionError);
}
