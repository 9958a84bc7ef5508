#include "catch.hpp"

#include <cmath>
#include <limits>

#include <costate/optim/adam.hpp>

#include "problems.hpp"

namespace cs = costate;
using cs::optim::Adam;
using cs::optim::AdamW;

namespace {

// The recurrence as the paper prints it (algorithm 1), for one parameter, in long double.
struct Paper {
  long double rate, beta1, beta2, epsilon, l2 = 0, decoupled = 0;
  long double m = 0, v = 0;
  int t = 0;

  long double step(long double x, long double g) {
    g += l2 * x;
    x -= rate * decoupled * x;
    ++t;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const long double m_hat = m / (1 - std::pow(beta1, t)), v_hat = v / (1 - std::pow(beta2, t));
    return x - rate * m_hat / (std::sqrt(v_hat) + epsilon);
  }
};

}  // namespace

TEMPLATE_TEST_CASE("Adam and AdamW follow the published recurrences", "[optim]", float, double) {
  using S = TestType;
  Adam adam({.learning_rate = 0.05, .beta1 = 0.75, .beta2 = 0.875, .epsilon = 0.0625, .weight_decay = 0.25});
  AdamW adam_w({.learning_rate = 0.05, .beta1 = 0.75, .beta2 = 0.875, .epsilon = 0.0625, .weight_decay = 0.25});
  Paper paper{0.05L, 0.75L, 0.875L, 0.0625L, 0.25L, 0}, paper_w{0.05L, 0.75L, 0.875L, 0.0625L, 0, 0.25L};
  Eigen::VectorX<S> x = Eigen::VectorX<S>::Constant(3, 1), y = x;
  long double a = 1, b = 1;
  for (int i = 0; i < 20; ++i) {
    const S g = std::sin(static_cast<S>(i));
    const Eigen::VectorX<S> gradient = Eigen::VectorX<S>::Constant(3, g);
    adam.step(x, gradient), adam_w.step(y, gradient);
    a = paper.step(a, g), b = paper_w.step(b, g);
    const long double bound = 8 * static_cast<long double>(std::numeric_limits<S>::epsilon()) * (i + 1);  // some roundings a step
    CHECK(std::abs(x[2] - a) <= bound);
    CHECK(std::abs(y[2] - b) <= bound);
  }
}

TEMPLATE_TEST_CASE("with a constant gradient Adam walks at the learning rate from the first step", "[optim]", float, double,
                   long double) {
  using S = TestType;
  Adam adam({.learning_rate = 0.01});
  Eigen::VectorX<S> x = Eigen::VectorX<S>::Zero(5);
  Eigen::VectorX<S> g(5);
  g << S(1e3), S(-10), S(1), S(-0.5), S(100);
  for (int t = 1; t <= 50; ++t) {
    adam.step(x, g);
    // bias corrections cancel; what remains is ε/|g| ≤ 2e-8 relative, and roundings
    for (int k = 0; k < 5; ++k)
      CHECK(std::abs(x[k] + (g[k] > 0 ? 1 : -1) * S(0.01) * S(t)) <=
            (S(2.1e-8) + 40 * std::numeric_limits<S>::epsilon()) * S(0.01) * S(t));
  }
}

TEST_CASE("Adam does not feel the scale of the loss, AdamW's decay neither", "[optim]") {
  AdamW a({.epsilon = 1e-300}), b({.epsilon = 1e-300});
  Eigen::Vector2d x(-1.2, 1), y = x;
  for (int i = 0; i < 50; ++i) {
    a.step(x, problems::rosenbrock_gradient<double>(x));
    b.step(y, Eigen::Vector2d(1024 * problems::rosenbrock_gradient<double>(y)));
  }
  CHECK((x - y).norm() == 0);  // a power of two: not a rounding differs
}

TEST_CASE("without a gradient AdamW shrinks the parameters geometrically, Adam leaves them", "[optim]") {
  AdamW adam_w({.learning_rate = 0.5, .weight_decay = 0.25});
  Adam adam({.learning_rate = 0.5});
  Eigen::VectorXd x = Eigen::VectorXd::Constant(3, 2), y = x;
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(3);
  for (int i = 0; i < 4; ++i) adam_w.step(x, zero), adam.step(y, zero);
  CHECK(x[0] == 2 * std::pow(0.875, 4));
  CHECK(y[0] == 2);
}

TEMPLATE_TEST_CASE("Adam finds Rosenbrock's minimum in every type", "[optim]", float, double, long double) {
  using S = TestType;
  Adam adam({.learning_rate = 1e-2});
  Eigen::Vector<S, 2> x(S(-1.2), S(1));
  for (int i = 0; i < 8000; ++i) adam.step(x, problems::rosenbrock_gradient<S>(x));
  CHECK(problems::rosenbrock<S>(x) < S(1e-4));
}

TEST_CASE("the state is the moments, in the parameters' type", "[optim]") {
  Adam adam({.beta1 = 0.5, .beta2 = 0.75});
  Eigen::VectorXf x = Eigen::VectorXf::Zero(2);
  adam.step(x, Eigen::Vector2f(1, 2));
  CHECK(adam.state<float>() == std::vector<float>{0.5f, 1, 0.25f, 1});
  CHECK(adam.iteration() == 1);
}

TEST_CASE("Adam refuses options out of range", "[optim]") {
  CHECK_THROWS_AS(Adam({.learning_rate = -1}), cs::OptionError);
  CHECK_THROWS_AS(Adam({.beta1 = 1}), cs::OptionError);
  CHECK_THROWS_AS(Adam({.beta2 = -0.5}), cs::OptionError);
  CHECK_THROWS_AS(Adam({.epsilon = 0}), cs::OptionError);
  CHECK_THROWS_AS(AdamW({.weight_decay = -1}), cs::OptionError);
  CHECK_THROWS_AS(AdamW({.beta1 = std::numeric_limits<double>::quiet_NaN()}), cs::OptionError);
  CHECK(AdamW().options().weight_decay == 1e-2);
}
