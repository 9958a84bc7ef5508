#include <costate/adjoint/directional_difference.hpp>

#include "catch.hpp"

using costate::detail::Difference;
using costate::detail::directional_difference;

TEST_CASE("differences know a smooth function's slope, and how well", "[adjoint]") {
  const auto check = [](const auto& f, double slope, double least) {
    const Difference d = directional_difference(f, 1.0 / 32, 0.0, 1e-16);
    CHECK(std::abs(d.slope - slope) <= 5 * d.doubt);
    CHECK(d.doubt < least);
  };
  check([](double x) { return std::exp(x); }, 1.0, 1e-12);
  check([](double x) { return std::sin(50 * x); }, 50.0, 1e-8);
  check([](double x) { return x * x; }, 0.0, 1e-13);
  check([](double x) { return 3 * x + 1e6; }, 3.0, 1e-6);  // the rounding of 1e6 over 1/32
}

TEST_CASE("noise makes differences doubtful, not wrong", "[adjoint]") {
  for (int seed = 0; seed < 100; ++seed) {
    const auto noisy = [=](double x) { return std::exp(x) + 1e-6 * std::sin(1e7 * (x + 0.37 * seed)); };
    const Difference d = directional_difference(noisy, 1.0 / 32, 0.0, 1e-16);
    // an accusation asks for five doubts
    CHECK(std::abs(d.slope - 1) < 5 * d.doubt + 1e-3);
    CHECK(d.doubt < 1e-2);
  }
}

TEST_CASE("differences come closer where a function throws or is not finite", "[adjoint]") {
  const auto root = [](double x) { return std::sqrt(0.01 + x); };  // NaN at -1/32
  CHECK(std::abs(directional_difference(root, 1.0 / 32, 1e-9, 1e-16).slope - 5) < 1e-6);
  const auto throws = [](double x) {
    if (std::abs(x) > 0.01) costate::detail::fail<costate::NonFiniteError>("too far");
    return 2 * x;
  };
  CHECK(std::abs(directional_difference(throws, 1.0 / 32, 1e-9, 1e-16).slope - 2) < 1e-12);
  CHECK(directional_difference([](double) { return std::nan(""); }, 1.0 / 32, 1e-9, 1e-16).doubt > 1e300);
}
