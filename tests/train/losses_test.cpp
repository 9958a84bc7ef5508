#include <costate/train/losses.hpp>

#include <cmath>

#include <costate/autodiff/check.hpp>
#include <costate/autodiff/value_and_grad.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

// Residuals on both sides of every kink, none close to one.
const Eigen::MatrixXd prediction{{0.3, -1.4, 2.0}, {1.0, 0.2, -0.7}}, target{{0.1, 0.9, 1.5}, {-2.0, 0.25, -0.2}};

template <class Loss>
void check(const Loss& loss, double value) {
  const auto [v, g] = cs::value_and_grad(loss, prediction);
  CHECK(std::abs(v - value) < 1e-15 * (1 + std::abs(value)));
  CHECK(cs::check_gradient(loss, prediction).error < 1e-9);
}

}  // namespace

TEST_CASE("losses are the means they say", "[train]") {
  const Eigen::ArrayXXd r = prediction - target;
  check([](const auto& p) { return cs::squared_loss(p, target); }, r.square().mean());
  check([](const auto& p) { return cs::absolute_loss(p, target); }, r.abs().mean());
  const auto huber = [](double x) { return std::abs(x) <= 0.6 ? x * x / 2 : 0.6 * (std::abs(x) - 0.3); };
  check([](const auto& p) { return cs::huber_loss(p, target, 0.6); }, r.unaryExpr(huber).mean());
  const Eigen::Vector2d column(0.5, -0.5);
  check([&](const auto& p) { return cs::squared_loss(p, column); }, (prediction.colwise() - column).array().square().mean());
}

TEST_CASE("the huber loss is the squared one inside and grows linearly outside", "[train]") {
  const auto at = [](double x, double delta) {
    return cs::value([&](const auto& p) { return cs::huber_loss(p, Eigen::MatrixXd::Zero(1, 1), delta); }, Eigen::MatrixXd(Eigen::MatrixXd::Constant(1, 1, x)));
  };
  CHECK(at(0.5, 1.0) == 0.125);
  CHECK(at(3.0, 1.0) == 2.5);
  CHECK(at(1e200, 1.0) == 1e200);
  CHECK_THROWS_AS(at(1.0, 0.0), cs::OptionError);
  CHECK_THROWS_AS(at(1.0, NAN), cs::OptionError);
}

TEST_CASE("cross entropy takes labels or probabilities", "[train]") {
  const std::vector<int> labels{1, 0, 1};
  const Eigen::Vector3i eigen_labels(1, 0, 1);
  const Eigen::MatrixXd one_hot{{0, 1, 0}, {1, 0, 1}};
  double expected = 0;
  for (Eigen::Index b = 0; b < 3; ++b)
    expected -= std::log(std::exp(prediction(labels[static_cast<std::size_t>(b)], b)) / prediction.col(b).array().exp().sum()) / 3;
  check([&](const auto& p) { return cs::cross_entropy(p, labels); }, expected);
  check([&](const auto& p) { return cs::cross_entropy(p, eigen_labels); }, expected);
  check([&](const auto& p) { return cs::cross_entropy(p, one_hot); }, expected);
  const Eigen::MatrixXd huge = 1e4 * prediction;  // no overflow
  CHECK(std::isfinite(cs::value([&](const auto& p) { return cs::cross_entropy(p, labels); }, huge)));
}

TEST_CASE("cross entropy bears classes that are ruled out", "[train]") {
  const double inf = std::numeric_limits<double>::infinity();
  const Eigen::Vector3d logits(0, 1, -inf);
  const auto by_label = [](const auto& p) { return cs::cross_entropy(p, std::vector<int>{0}); };
  const auto by_probability = [](const auto& p) { return cs::cross_entropy(p, Eigen::MatrixXd(Eigen::Vector3d(1, 0, 0))); };
  const double expected = std::log1p(std::exp(1.0)), share = 1 / (1 + std::exp(1.0));
  for (const auto& [value, slope] : {cs::value_and_grad(by_label, logits), cs::value_and_grad(by_probability, logits)}) {
    CHECK(std::abs(value - expected) < 1e-15);
    CHECK((slope - Eigen::Vector3d(share - 1, 1 - share, 0)).norm() < 1e-15);
  }
}

TEST_CASE("one sample has losses too, in every scalar type", "[train]") {
  const Eigen::Vector2f p(0.5f, -1.0f), t(0.25f, 1.0f);
  CHECK(cs::value([&](const auto& x) { return cs::squared_loss(x, t); }, p) == (0.0625f + 4.0f) / 2);
  CHECK(std::get<0>(cs::value_and_grad([&](const auto& x) { return cs::absolute_loss(x, t); }, p)) == 1.125f);
  CHECK(std::abs(cs::value([&](const auto& x) { return cs::cross_entropy(x, std::vector<int>{0}); }, p) - std::log1p(std::exp(-1.5f))) < 1e-6f);
}

TEST_CASE("targets that do not fit are refused", "[train]") {
  const auto value = [](const auto& loss) { return cs::value(loss, prediction); };
  CHECK_THROWS_AS(value([](const auto& p) { return cs::squared_loss(p, Eigen::MatrixXd::Zero(3, 3)); }), cs::ShapeError);
  CHECK_THROWS_AS(value([](const auto& p) { return cs::cross_entropy(p, Eigen::MatrixXd::Zero(2, 2)); }), cs::ShapeError);
  CHECK_THROWS_AS(value([](const auto& p) { return cs::cross_entropy(p, std::vector<int>{0, 1}); }), cs::ShapeError);
  CHECK_THROWS_AS(value([](const auto& p) { return cs::cross_entropy(p, std::vector<int>{0, 1, 2}); }), cs::RangeError);
  CHECK_THROWS_AS(value([](const auto& p) { return cs::cross_entropy(p, std::vector<int>{0, -1, 1}); }), cs::RangeError);
}

TEST_CASE("a target larger than the prediction is refused", "[train]") {
  CHECK_THROWS_AS(cs::value([](const auto& p) { return cs::squared_loss(cs::rows(p, 0, 1), target); }, prediction), cs::ShapeError);
}
