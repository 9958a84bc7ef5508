#include <costate/adjoint/gauss_kronrod.hpp>

#include <cmath>

#include "catch.hpp"

TEST_CASE("Gauss's rule is exact to degree 5, Kronrod's to degree 11, with positive weights", "[adjoint]") {
  const auto error = [](int degree, auto weight) {
    double sum = 0;
    for (const auto& node : costate::detail::gauss_kronrod) sum += node.*weight * std::pow(node.x, degree);
    return std::abs(sum - 1.0 / (degree + 1));
  };
  using Node = costate::detail::QuadratureNode;
  for (int degree = 0; degree <= 11; ++degree) {
    CHECK(error(degree, &Node::kronrod) < 1e-15);
    if (degree <= 5) CHECK(error(degree, &Node::gauss) < 1e-15);
  }
  CHECK(error(12, &Node::kronrod) > 1e-9);
  CHECK(error(6, &Node::gauss) > 1e-5);
  for (const auto& node : costate::detail::gauss_kronrod) CHECK((node.kronrod > 0 && node.gauss >= 0));
}
