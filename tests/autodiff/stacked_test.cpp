#include <costate/autodiff/stacked.hpp>

#include <costate/autodiff/check.hpp>
#include <costate/autodiff/value_and_grad.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

/// Rows of numbers for one sample, rows of an array for a batch: one text for both.
const auto rows = [](const auto& x) {
  const auto a = cs::stack(x[0], x[1] * x[0]);
  const auto b = cs::stack(cs::exp(x[1]), 2.0);
  return -(a * x[1] - 0.5 * b / (x[0] + 3.0)) + a * b + 1.0 - b / a;
};
const auto loss = [](const auto& x) {
  const auto r = rows(x);
  return cs::dot(x, r);
};

}  // namespace

TEST_CASE("rows of numbers are scaled and added row by row", "[autodiff]") {
  const Eigen::Vector2d x(0.7, -0.4);
  const Eigen::Array2d a(x[0], x[1] * x[0]), b(std::exp(x[1]), 2.0);
  const Eigen::Vector2d expected = -(a * x[1] - 0.5 * b / (x[0] + 3.0)) + a * b + 1.0 - b / a;
  CHECK(std::abs(cs::value(loss, x) - expected.dot(x)) < 1e-15);
  CHECK(cs::check_gradient(loss, x).ok());
  const Eigen::MatrixXd two{{0.7, -1.2}, {-0.4, 0.5}};
  CHECK(cs::check_gradient(loss, two).ok());
  CHECK(std::abs(cs::value(loss, two) - cs::value(loss, x) - cs::value(loss, Eigen::Vector2d(two.col(1)))) < 1e-15);
}
