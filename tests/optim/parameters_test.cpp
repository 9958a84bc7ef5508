#include "catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <costate/optim/adam.hpp>
#include <costate/optim/rms_prop.hpp>
#include <costate/optim/sgd.hpp>

// What all optimisers have in common: what they take, what they refuse, what they leave as it was.

namespace cs = costate;
namespace optim = costate::optim;

namespace {

template <class Optimiser>
Optimiser make() {
  if constexpr (std::is_same_v<Optimiser, optim::Sgd>)
    return optim::Sgd({.momentum = 0.9});
  else if constexpr (std::is_same_v<Optimiser, optim::RmsProp>)
    return optim::RmsProp({.momentum = 0.5});
  else
    return Optimiser();
}

template <class S, class Optimiser>
std::vector<S> copy_of_state(const Optimiser& optimiser) {
  return optimiser.template state<S>();
}

}  // namespace

TEMPLATE_TEST_CASE("a step does the same to every kind of parameters", "[optim]", optim::Sgd, optim::RmsProp, optim::Adam,
                   optim::AdamW) {
  Eigen::MatrixXd start(5, 3);
  Eigen::MatrixXd slope(5, 3);
  for (Eigen::Index i = 0; i < 15; ++i)
    start(i) = 0.1 * static_cast<double>(i) - 0.7, slope(i) = std::cos(static_cast<double>(i));
  const auto after = [&](auto&& theta, const auto& gradient) {
    auto optimiser = make<TestType>();
    for (int k = 0; k < 3; ++k) optimiser.step(theta, gradient);
  };
  Eigen::MatrixXd expected = start;
  after(expected, slope);
  CHECK(expected != start);

  std::vector<double> flat(start.data(), start.data() + 15);
  const std::vector<double> flat_slope(slope.data(), slope.data() + 15);
  after(flat, flat_slope);
  CHECK(Eigen::Map<Eigen::MatrixXd>(flat.data(), 5, 3) == expected);

  Eigen::VectorXd vector = start.reshaped();
  after(vector, flat_slope);
  CHECK(vector == expected.reshaped());

  Eigen::MatrixXd expression = start;
  after(expression, slope * 2 - slope);  // exact
  CHECK(expression == expected);

  Eigen::Matrix<double, 5, 3, Eigen::RowMajor> row_major = start;
  after(row_major, slope);
  CHECK(row_major == expected);

  Eigen::Matrix<double, 5, 3> fixed = start;
  after(fixed, slope);
  CHECK(fixed == expected);

  Eigen::ArrayXXd array = start;
  after(array, slope.array());
  CHECK((array.matrix() == expected));

  Eigen::MatrixXd larger = Eigen::MatrixXd::Constant(8, 6, 42);
  larger.block(2, 1, 5, 3) = start;
  after(larger.block(2, 1, 5, 3), slope);
  CHECK(larger.block(2, 1, 5, 3) == expected);
  larger.block(2, 1, 5, 3).setConstant(42);
  CHECK((larger.array() == 42).all());

  Eigen::MatrixXd strided(3, 15);
  strided.row(1) = start.reshaped().transpose();
  after(strided.row(1), slope.reshaped().transpose());
  CHECK(strided.row(1) == expected.reshaped().transpose());

  Eigen::Map<Eigen::VectorXd> map(flat.data(), 15);
  map = start.reshaped();
  after(map.segment(0, 15), Eigen::Map<const Eigen::VectorXd>(flat_slope.data(), 15));
  CHECK(map == expected.reshaped());
}

TEMPLATE_TEST_CASE("a step that throws has changed nothing", "[optim]", optim::Sgd, optim::RmsProp, optim::Adam, optim::AdamW) {
  auto optimiser = make<TestType>();
  Eigen::VectorXd theta = Eigen::VectorXd::LinSpaced(11, -1, 1);
  const Eigen::VectorXd gradient = Eigen::VectorXd::LinSpaced(11, 2, 3);
  if (GENERATE(false, true)) optimiser.step(theta, gradient);
  const Eigen::VectorXd theta_before = theta;
  const auto state_before = copy_of_state<double>(optimiser);
  const auto iteration_before = optimiser.iteration();

  Eigen::VectorXd bad = gradient;
  bad[GENERATE(0, 4, 10)] = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  CHECK_THROWS_AS(optimiser.step(theta, bad), cs::NonFiniteError);
  CHECK_THROWS_AS(optimiser.step(theta, gradient.head(10)), cs::ShapeError);
  CHECK_THROWS_AS(optimiser.step(theta, gradient.transpose()), cs::ShapeError);
  CHECK_THROWS_AS(optimiser.step(theta, std::vector<double>(12, 1.0)), cs::ShapeError);
  if (iteration_before > 0) {
    std::vector<double> other(12);
    CHECK_THROWS_AS(optimiser.step(other, other), cs::ShapeError);
    Eigen::VectorXf single = Eigen::VectorXf::Zero(11);
    CHECK_THROWS_AS(optimiser.step(single, single), cs::ShapeError);
    CHECK_THROWS_AS(optimiser.template state<float>(), cs::ShapeError);
  }
  CHECK(theta == theta_before);
  CHECK(copy_of_state<double>(optimiser) == state_before);
  CHECK(optimiser.iteration() == iteration_before);
}

TEMPLATE_TEST_CASE("state saved and restored continues exactly", "[optim]", optim::Sgd, optim::RmsProp, optim::Adam,
                   optim::AdamW) {
  auto whole = make<TestType>(), first = make<TestType>(), second = make<TestType>();
  Eigen::VectorXf a = Eigen::VectorXf::LinSpaced(19, -1, 1), b = a;
  const auto gradient = [](const Eigen::VectorXf& x) -> Eigen::VectorXf { return x.array().cube() - 0.2f; };
  for (int i = 0; i < 10; ++i) whole.step(a, gradient(a));
  for (int i = 0; i < 4; ++i) first.step(b, gradient(b));
  second.restore(first.iteration(), first.template state<float>());
  for (int i = 4; i < 10; ++i) second.step(b, gradient(b));
  CHECK(a == b);
  CHECK(second.iteration() == 10);

  second.reset();
  CHECK(second.iteration() == 0);
  CHECK(second.state().empty());
  Eigen::VectorXd other_type = Eigen::VectorXd::Ones(4);
  second.step(other_type, other_type);
  CHECK(second.iteration() == 1);
}

TEMPLATE_TEST_CASE("a state that cannot be is refused", "[optim]", optim::RmsProp, optim::Adam, optim::AdamW) {
  auto optimiser = make<TestType>();
  CHECK_THROWS_AS(optimiser.restore(-1, std::vector<double>(4)), cs::OptionError);
  CHECK_THROWS_AS(optimiser.restore(1, std::vector<double>(5)), cs::ShapeError);
  CHECK_THROWS_AS(optimiser.restore(1, std::vector<double>(4, std::numeric_limits<double>::infinity())), cs::NonFiniteError);
  CHECK(optimiser.iteration() == 0);
}

TEMPLATE_TEST_CASE("a gradient whose square overflows is refused where squares are kept", "[optim]", optim::Sgd, optim::RmsProp, optim::Adam,
                   optim::AdamW) {
  auto optimiser = make<TestType>();
  Eigen::VectorXf theta = Eigen::VectorXf::Ones(9), g = Eigen::VectorXf::Ones(9);
  g[7] = 1e25F;
  if constexpr (std::is_same_v<TestType, optim::Sgd>) {
    CHECK_NOTHROW(optimiser.step(theta, g));
  } else {
    CHECK_THROWS_WITH(optimiser.step(theta, g), Catch::Contains("row 7") && Catch::Contains("square"));
    CHECK(theta == Eigen::VectorXf::Ones(9));
    CHECK(optimiser.iteration() == 0);
    g[7] = 1e18F;
    CHECK_NOTHROW(optimiser.step(theta, g));
    CHECK(theta.allFinite());
  }
}

TEMPLATE_TEST_CASE("after the first step the memory stays where it is", "[optim]", optim::Sgd, optim::RmsProp, optim::Adam,
                   optim::AdamW) {
  auto optimiser = make<TestType>();
  Eigen::VectorXd theta = Eigen::VectorXd::Ones(100);
  optimiser.step(theta, theta);
  const double* memory = optimiser.state().data();
  for (int i = 0; i < 5; ++i) optimiser.step(theta, theta);
  CHECK(optimiser.state().data() == memory);
}

TEMPLATE_TEST_CASE("no parameters are no trouble", "[optim]", optim::Sgd, optim::RmsProp, optim::Adam, optim::AdamW) {
  auto optimiser = make<TestType>();
  Eigen::VectorXd theta(0);
  optimiser.step(theta, theta);
  optimiser.step(theta, theta);
  CHECK(optimiser.iteration() == 2);
}
