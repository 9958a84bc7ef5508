// The public face: solve, step, make_integrator on users' types.

#include <array>
#include <vector>

#include <costate/autodiff/functions.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/integrator.hpp>
#include <costate/ode/rk4.hpp>
#include <costate/ode/solve.hpp>

#include "../catch.hpp"

namespace cs = costate;
using Catch::Matchers::WithinAbs;

namespace {

const auto oscillator = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0]); };
const auto forced = [](auto t, const auto& y) { return cs::stack(y[1], t - y[0]); };  // no parameters

}  // namespace

TEST_CASE("a solution holds times, states, statistics and the solution in between", "[ode]") {
  const Eigen::VectorXd omega2 = Eigen::VectorXd::Constant(1, 4.0);
  const auto s = cs::solve(oscillator, Eigen::Vector2d(1, 0), cs::linspace(0.0, 3.0, 7), omega2, cs::Dopri5{},
                           {.rtol = 1e-10, .atol = 1e-10, .dense = true});
  REQUIRE(s.y.size() == 7);
  REQUIRE(s.t.size() == 7);
  CHECK(s.status == cs::Status::success);
  CHECK(s.y.front() == Eigen::Vector2d(1, 0));
  for (std::size_t i = 0; i < 7; ++i) CHECK_THAT(s.y[i][0], WithinAbs(std::cos(2 * s.t[i]), 1e-8));
  const Eigen::Vector2d between = s(1.234), slope = s.derivative(1.234);
  CHECK_THAT(between[0], WithinAbs(std::cos(2.468), 1e-8));
  CHECK_THAT(slope[0], WithinAbs(-2 * std::sin(2.468), 1e-6));
  CHECK_THAT((s(3.0) - s.y.back()).norm(), WithinAbs(0, 1e-14));
  CHECK_THAT((s(0.0) - s.y.front()).norm(), WithinAbs(0, 1e-15));
  std::size_t n = 0;
  for (const auto& y : s.y) CHECK(y == s.y[n++]);
  CHECK(n == 7);
}

TEST_CASE("dense output outside of the solve, or not asked for, is a range error", "[ode]") {
  const auto s = cs::solve(forced, Eigen::Vector2d(1, 0), {1.0, -1.0}, cs::Dopri5{}, {.dense = true});
  CHECK_THROWS_WITH(s(1.1), Catch::Matchers::Contains("[-1, 1]"));
  CHECK_THROWS_AS(s(-1.1), cs::RangeError);
  CHECK_THROWS_AS(s(std::nan("")), cs::RangeError);
  CHECK_NOTHROW(s(0.5));
  const auto plain = cs::solve(forced, Eigen::Vector2d(1, 0), {0.0, 1.0}, cs::Dopri5{});
  CHECK_THROWS_AS(plain(0.5), cs::RangeError);
}

TEST_CASE("a batch is solved as its samples, and its states lie side by side", "[ode]") {
  const Eigen::MatrixXd many = Eigen::MatrixXd::Random(2, 5);
  const cs::SolveOptions options{.rtol = 1e-10, .atol = 1e-10};
  const auto s = cs::solve(forced, many, {0.0, 0.5, 1.0}, cs::Dopri5{}, options);
  REQUIRE(s.y.block().cols() == 15);
  CHECK(s.y.block().middleCols(5, 5) == s.y[1]);
  CHECK(s.y.front() == many);
  for (Eigen::Index b = 0; b < 5; ++b) {
    const auto alone = cs::solve(forced, Eigen::VectorXd(many.col(b)), {0.0, 0.5, 1.0}, cs::Dopri5{}, options);
    CHECK((s.y.back().col(b) - alone.y.back()).norm() < 1e-8);
  }
  const auto dense = cs::solve(forced, many, {0.0, 1.0}, cs::Dopri5{}, {.rtol = 1e-10, .atol = 1e-10, .dense = true});
  CHECK((dense(0.5) - s.y[1]).norm() < 1e-8);
}

TEMPLATE_TEST_CASE("users get back what they hand over", "[ode]", float, double, long double) {
  const std::vector<TestType> start{1, 0};
  const auto s = cs::solve(forced, start, std::vector<double>{0.0, 1.0}, cs::Rk4{}, {.step = 0.01});
  const std::vector<TestType> end = s.y.back();
  // y = cos t + t − sin t
  CHECK_THAT(static_cast<double>(end[0]), WithinAbs(std::cos(1.0) + 1 - std::sin(1.0), std::is_same_v<TestType, float> ? 1e-5 : 1e-9));
  const std::vector<TestType> one = cs::step(cs::Rk4{}, forced, 0.0, start, 0.01);
  CHECK_THAT(static_cast<double>(one[0]), WithinAbs(std::cos(0.01) + 0.01 - std::sin(0.01), std::is_same_v<TestType, float> ? 1e-6 : 1e-12));
}

TEST_CASE("bad input to solve is told by kind", "[ode]") {
  const Eigen::Vector2d y(1, 0);
  CHECK_THROWS_AS(cs::solve(forced, y, std::vector<double>{}, cs::Dopri5{}), cs::TimeError);
  CHECK_THROWS_AS(cs::solve(forced, y, {0.0, 1.0, 1.0}, cs::Dopri5{}), cs::TimeError);
  CHECK_THROWS_AS(cs::solve(forced, y, {0.0, 1.0, 0.5}, cs::Dopri5{}), cs::TimeError);
  CHECK_THROWS_AS(cs::solve(forced, y, {0.0, std::nan("")}, cs::Dopri5{}), cs::TimeError);
  CHECK_THROWS_AS(cs::solve(forced, Eigen::Vector2d(1, std::nan("")), {0.0, 1.0}, cs::Dopri5{}), cs::NonFiniteError);
  CHECK_THROWS_AS(cs::solve(forced, y, {0.0, 1.0}, cs::Dopri5{}, {.rtol = 1e-17}), cs::OptionError);
  CHECK_THROWS_AS(cs::solve(forced, Eigen::VectorXd::Ones(3).eval(), {0.0, 1.0}, cs::Dopri5{}), cs::ShapeError);
  CHECK_THROWS_AS(cs::step(cs::Rk4{}, forced, 0.0, y, std::nan("")), cs::TimeError);
}

TEST_CASE("a failed solve returns what it reached when asked for a status", "[ode]") {
  const auto square = [](auto, const auto& y) { return cs::stack(y[0] * y[0]); };
  cs::SolveOptions options;
  options.throw_on_failure = false;
  const auto s = cs::solve(square, Eigen::VectorXd::Ones(1).eval(), {0.0, 0.5, 2.0}, cs::Dopri5{}, options);
  CHECK(s.status == cs::Status::step_underflow);
  CHECK(s.y.size() == 2);
  CHECK(s.t.size() == 2);
  CHECK_THAT(s.y.back()[0], WithinAbs(2.0, 1e-4));
}

TEST_CASE("one time is a solution of one state", "[ode]") {
  const auto s = cs::solve(forced, Eigen::Vector2d(1, 0), {0.5}, cs::Dopri5{});
  REQUIRE(s.y.size() == 1);
  CHECK(s.stats.evaluations == 0);
}

TEST_CASE("an integrator is a value", "[ode]") {
  const Eigen::VectorXd omega2 = Eigen::VectorXd::Constant(1, 4.0);
  const Eigen::Vector2d start(1, 0);
  auto integrator = cs::make_integrator(oscillator, start, 0.0, omega2, cs::Dopri5{}, {.rtol = 1e-10, .atol = 1e-10});
  integrator.advance_to(1.0);
  CHECK(integrator.order() == 5);
  auto again = integrator;
  integrator.advance_to(2.0);
  again.advance_to(2.0);
  CHECK(integrator.y() == again.y());
  CHECK_THAT(integrator.y()[0], WithinAbs(std::cos(4.0), 1e-8));
  again = integrator;
  integrator.reset(0.0, start);
  CHECK(integrator.stats().evaluations == 0);
  integrator.advance_to(2.0);
  CHECK_THAT(integrator.y()[0], WithinAbs(std::cos(4.0), 1e-8));
  CHECK_THAT(again.y()[0], WithinAbs(std::cos(4.0), 1e-8));

  auto from_expression = cs::make_integrator(oscillator, 2 * start, 0.0, omega2, cs::Rk4{}, {.step = 0.1});
  from_expression.advance_to(1.0);
  from_expression.reset(0.0, start + start);
  CHECK(from_expression.y()[0] == 2);

  auto batch = cs::make_integrator(forced, Eigen::MatrixXd::Ones(2, 3).eval(), 0.0, cs::Rk4{}, {.step = 0.1});
  batch.advance_to(1.0);
  CHECK(batch.y().cols() == 3);
  CHECK_THROWS_AS(batch.reset(0.0, Eigen::MatrixXd::Ones(2, 4)), cs::ShapeError);
}

TEST_CASE("a state that rounding keeps from zero does not stop the first step", "[ode]") {
  const auto grow = [](auto, const auto& y) { return cs::stack(1.0 + 0 * y[0]); };
  const auto solution = cs::solve(grow, Eigen::Matrix<double, 1, 1>(1.6e-16), {1.0, 3.0}, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-11});
  CHECK(std::abs(solution.y.back()[0] - 2) < 1e-14);
}
