#include "catch.hpp"

#include <cmath>
#include <limits>

#include <costate/optim/sgd.hpp>

#include "problems.hpp"

namespace cs = costate;
using Catch::Matchers::WithinRel;
using cs::optim::Sgd;

TEMPLATE_TEST_CASE("gradient descent on a quadratic contracts by 1 - rate * curvature a step", "[optim]", float, double,
                   long double) {
  using S = TestType;
  Sgd sgd({.learning_rate = 0.03125});
  Eigen::VectorX<S> x = Eigen::VectorX<S>::Zero(20);
  for (int i = 0; i < 10; ++i) sgd.step(x, problems::quadratic_gradient<S>(x));
  const Eigen::VectorX<S> curvature = Eigen::VectorX<S>::LinSpaced(20, 1, 20);
  for (Eigen::Index k = 0; k < 20; ++k) {
    const S expected = 1 - std::pow(1 - S(0.03125) * curvature[k], S(10));
    CHECK(std::abs(x[k] - expected) <= 40 * std::numeric_limits<S>::epsilon());  // 4 roundings a step
  }
}

TEST_CASE("momentum and Nesterov's momentum take their first steps as computed by hand", "[optim]") {
  // f = x²/2, x = 1, rate 0.1, momentum 0.5:
  //   g = 1, b = 1, x = 0.9;  g = 0.9, b = 1.4, x = 0.76;  g = 0.76, b = 1.46, x = 0.614
  Eigen::Vector2d x(1, 1);
  Sgd momentum({.learning_rate = 0.1, .momentum = 0.5});
  for (const double expected : {0.9, 0.76, 0.614}) {
    momentum.step(x, x);
    CHECK_THAT(x[1], WithinRel(expected, 1e-15));
  }
  CHECK_THAT(momentum.state()[0], WithinRel(1.46, 1e-15));
  // Nesterov: g = 1, b = 1, d = 1.5, x = 0.85;  g = 0.85, b = 1.35, d = 1.525, x = 0.6975
  x = {1, 1};
  Sgd nesterov({.learning_rate = 0.1, .momentum = 0.5, .nesterov = true});
  for (const double expected : {0.85, 0.6975}) {
    nesterov.step(x, x);
    CHECK_THAT(x[0], WithinRel(expected, 1e-15));
  }
}

TEST_CASE("with a constant gradient momentum reaches the speed rate / (1 - momentum)", "[optim]") {
  Sgd sgd({.learning_rate = 0.01, .momentum = 0.9});
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3), before = x;
  const Eigen::VectorXd g = Eigen::VectorXd::Ones(3);
  for (int i = 0; i < 400; ++i) before = x, sgd.step(x, g);
  CHECK_THAT(before[0] - x[0], WithinRel(0.1, 1e-12));  // 0.9⁴⁰⁰ = 5e-19, and differences of numbers near 40
}

TEST_CASE("weight decay is the gradient of an L2 penalty", "[optim]") {
  Eigen::VectorXd a = Eigen::VectorXd::LinSpaced(7, -1, 2), b = a;
  Sgd with({.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.25}), without({.learning_rate = 0.1, .momentum = 0.9});
  for (int i = 0; i < 5; ++i) {
    const Eigen::VectorXd g = a.array().sin();
    with.step(a, g);
    without.step(b, Eigen::VectorXd(b.array().sin() + 0.25 * b.array()));
  }
  CHECK((a - b).norm() <= 1e-14);
}

TEST_CASE("gradient descent with momentum finds Rosenbrock's minimum", "[optim]") {
  const bool nesterov = GENERATE(false, true);
  Sgd sgd({.learning_rate = 1e-3, .momentum = 0.9, .nesterov = nesterov});
  Eigen::Vector2d x(-1.2, 1);
  for (int i = 0; i < 5000; ++i) sgd.step(x, problems::rosenbrock_gradient<double>(x));
  CHECK(problems::rosenbrock<double>(x) < 1e-8);
}

TEST_CASE("gradient descent refuses options out of range", "[optim]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(Sgd({.learning_rate = -1}), cs::OptionError);
  CHECK_THROWS_AS(Sgd({.learning_rate = nan}), cs::OptionError);
  CHECK_THROWS_AS(Sgd({.momentum = 1}), cs::OptionError);
  CHECK_THROWS_AS(Sgd({.momentum = -0.1}), cs::OptionError);
  CHECK_THROWS_AS(Sgd({.nesterov = true}), cs::OptionError);
  CHECK_THROWS_AS(Sgd({.weight_decay = -1}), cs::OptionError);
  Sgd sgd({.learning_rate = 0.5});
  CHECK_THROWS_AS(sgd.set_learning_rate(nan), cs::OptionError);
  CHECK(sgd.learning_rate() == 0.5);
  sgd.set_learning_rate(0.25);
  CHECK(sgd.learning_rate() == 0.25);
}
