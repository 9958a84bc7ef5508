#include "catch.hpp"

#include <cmath>
#include <limits>

#include <costate/optim/rms_prop.hpp>

#include "problems.hpp"

namespace cs = costate;
using Catch::Matchers::WithinRel;
using cs::optim::RmsProp;

TEMPLATE_TEST_CASE("RMSProp takes its first steps as computed by hand", "[optim]", float, double, long double) {
  using S = TestType;
  // constant gradient g: vₜ = (1 − β₂ᵗ)g², so a step is rate·g/(√(1 − β₂ᵗ)|g| + ε)
  RmsProp rms_prop({.learning_rate = 0.01, .beta2 = 0.75, .epsilon = 0.125});
  Eigen::VectorX<S> x = Eigen::VectorX<S>::Zero(9);
  const Eigen::VectorX<S> g = Eigen::VectorX<S>::LinSpaced(9, -4, 4);
  S size[9] = {};
  for (int t = 1; t <= 4; ++t) {
    rms_prop.step(x, g);
    for (int k = 0; k < 9; ++k) {
      size[k] -= S(0.01) * g[k] / (std::sqrt(1 - std::pow(S(0.75), S(t))) * std::abs(g[k]) + S(0.125));
      CHECK(std::abs(x[k] - size[k]) <= 8 * std::numeric_limits<S>::epsilon() * S(0.1));
    }
  }
}

TEST_CASE("RMSProp's momentum accumulates the normalised gradient", "[optim]") {
  RmsProp rms_prop({.learning_rate = 0.1, .beta2 = 0, .epsilon = 1e-300, .momentum = 0.5});
  Eigen::VectorXd x = Eigen::VectorXd::Zero(1);
  const Eigen::VectorXd g = Eigen::VectorXd::Constant(1, 3);
  double expected = 0;
  for (const double speed : {1.0, 1.5, 1.75, 1.875}) {  // with β₂ = 0 the normalised gradient is its sign
    rms_prop.step(x, g);
    expected -= 0.1 * speed;
    CHECK_THAT(x[0], WithinRel(expected, 1e-14));
  }
}

TEST_CASE("RMSProp does not feel the scale of the loss", "[optim]") {
  RmsProp a({.epsilon = 1e-300}), b({.epsilon = 1e-300});
  Eigen::Vector2d x(-1.2, 1), y = x;
  for (int i = 0; i < 50; ++i) {
    a.step(x, problems::rosenbrock_gradient<double>(x));
    b.step(y, Eigen::Vector2d(1024 * problems::rosenbrock_gradient<double>(y)));
  }
  CHECK((x - y).norm() == 0);  // a power of two: not a rounding differs
}

TEST_CASE("RMSProp finds the minimum of a quadratic as its rate falls", "[optim]") {
  RmsProp rms_prop;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(20);
  for (int i = 0; i < 4000; ++i) {
    rms_prop.set_learning_rate(1e-2 * std::pow(0.997, i));
    rms_prop.step(x, problems::quadratic_gradient<double>(x));
  }
  CHECK((x.array() - 1).abs().maxCoeff() < 1e-4);
}

TEST_CASE("RMSProp refuses options out of range", "[optim]") {
  CHECK_THROWS_AS(RmsProp({.learning_rate = -1}), cs::OptionError);
  CHECK_THROWS_AS(RmsProp({.beta2 = 1}), cs::OptionError);
  CHECK_THROWS_AS(RmsProp({.epsilon = 0}), cs::OptionError);
  CHECK_THROWS_AS(RmsProp({.momentum = 1.5}), cs::OptionError);
  CHECK_THROWS_AS(RmsProp({.weight_decay = std::numeric_limits<double>::infinity()}), cs::OptionError);
}
