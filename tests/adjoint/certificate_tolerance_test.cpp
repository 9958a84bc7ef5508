#include "faults.hpp"

using namespace faults;

namespace {

const auto lotka_volterra = [](auto, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
};
const Eigen::Vector2d ones(1.0, 1.0);
const Eigen::Vector4d rates(1.5, 1.0, 1.0, 3.0);

}  // namespace

TEST_CASE("a loose tolerance is named, and the one advised is fine", "[adjoint]") {
  const auto exact = loss_of(lotka_volterra, cs::DirectAdjoint{}, {.rtol = 1e-12, .atol = 1e-14}, 5.0);
  const auto check = [&](const auto& adjoint) {
    const auto loose = loss_of(lotka_volterra, adjoint, {.rtol = 1e-2, .atol = 1e-4}, 5.0);
    const auto c = cs::certify({.accuracy = 1e-4}, loose, ones, rates);
    INFO(c);
    CHECK(c.cause == GradientFault::loose_tolerance);
    check_size(c, true_error(loose, exact, ones, rates));
    const auto at = c.message.find(".rtol = ");
    REQUIRE(at != std::string::npos);
    const double rtol = std::stod(c.message.substr(at + 8));
    const auto advised = loss_of(lotka_volterra, adjoint, {.rtol = rtol, .atol = rtol / 100}, 5.0);
    // advice is extrapolated from an error of some percent, where steps are irregular: a factor of five
    CHECK(true_error(advised, exact, ones, rates) < 5e-4);
  };
  check(cs::DirectAdjoint{});
  check(cs::BacksolveAdjoint{});
  check(cs::InterpolatingAdjoint{});
}

TEST_CASE("a loose backward pass is told from a loose solve", "[adjoint]") {
  const auto loss = loss_of(lotka_volterra, cs::BacksolveAdjoint{.rtol = 1e-2, .atol = 1e-2}, {.rtol = 1e-9, .atol = 1e-11}, 5.0);
  const auto c = cs::certify({.accuracy = 1e-4}, loss, ones, rates);
  CHECK(c.cause == GradientFault::loose_tolerance);
  CHECK(c.backward > 100 * c.discretisation);
  CHECK(says(c, "BacksolveAdjoint{.rtol = "));
  check_size(c, true_error(loss, loss_of(lotka_volterra, cs::DirectAdjoint{}, {.rtol = 1e-12, .atol = 1e-14}, 5.0), ones, rates));
}
