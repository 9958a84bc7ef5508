#include <costate/adjoint/gauss_kronrod.hpp>

#include <cmath>

#include "catch.hpp"

TEST_CASE("nested quadrature rules are exact to degrees 1, 5 and 11 and no further", "[adjoint]") {
  using costate::detail::gauss_kronrod;
  const auto error = [](std::size_t rule, int degree) {
    double sum = 0;
    for (const auto& node : gauss_kronrod) sum += node.weight[rule] * std::pow(node.x, degree);
    return std::abs(sum - 1.0 / (degree + 1));
  };
  for (std::size_t rule = 0; rule < 3; ++rule) {
    const int exact = rule == 0 ? 1 : rule == 1 ? 5 : 11;
    for (int degree = 0; degree <= exact; ++degree) CHECK(error(rule, degree) < 1e-15);
    CHECK(error(rule, exact + 1) > 1e-9);
    for (std::size_t i = 0; i < gauss_kronrod.size(); ++i) {
      const bool member = i < (std::size_t{2} << rule) - 1;
      CHECK((member ? gauss_kronrod[i].weight[rule] > 0 : gauss_kronrod[i].weight[rule] == 0));
    }
  }
}
