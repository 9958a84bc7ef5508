#include "faults.hpp"

using namespace faults;

TEST_CASE("a kink that costs a discrete gradient its digits is named with its time", "[adjoint]") {
  // a spring of two stiffnesses: y passes zero first at t = π / (2 √(p0 + p1))
  const auto spring = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0] - p[1] * cs::abs(y[0])); };
  const Eigen::Vector2d y0(1.0, 0.0), p(2.0, 1.0);
  const auto loss = loss_of(spring, cs::DirectAdjoint{}, usual, 2.0);
  const auto c = cs::certify({.accuracy = 1e-5}, loss, y0, p);
  INFO(c);
  CHECK(c.cause == GradientFault::not_smooth);
  CHECK(says(c, "component 1 of the dynamics has a kink"));
  CHECK(std::abs(c.time - std::acos(-1.0) / 2 / std::sqrt(3.0)) < 1e-4);  // looked for along a solution of tolerance 1e-6
  check_size(c, true_error(loss, loss_of(spring, cs::BacksolveAdjoint{}, {.rtol = 1e-12, .atol = 1e-14}, 2.0), y0, p));
  CHECK(cs::certify({.accuracy = 0.1}, loss, y0, p).ok());  // that much it has
}

TEST_CASE("a jump of the dynamics, which makes every gradient wrong, is named with its time", "[adjoint]") {
  // from y0 < 1 to y = 1 at the rate 1, on at the rate 1 + p: y(T) = 1 + (1 + p)(T − 1 + y0)
  const auto ramp = [](auto, const auto& y, const auto& p) { return cs::stack(1.0 + cs::where(y[0] > 1.0, 1.0, 0.0) * p[0]); };
  const auto exact = [](const auto& y0, const auto& p) {
    const auto y = 1.0 + (1.0 + p[0]) * (1.0 + y0[0]);
    return y * y + y;
  };
  const Eigen::Matrix<double, 1, 1> y0(0.25), p(2.0);
  const auto check = [&](const auto& adjoint) {
    const auto loss = loss_of(ramp, adjoint, usual, 2.0);
    const auto c = cs::certify(loss, y0, p);
    CHECK(c.cause == GradientFault::not_smooth);
    CHECK(says(c, "component 0 of the dynamics jumps"));
    CHECK(std::abs(c.time - 0.75) < 1e-4);
    CHECK(says(c, "odeint_with_events"));
    check_size(c, true_error(loss, exact, y0, p));
  };
  check(cs::DirectAdjoint{});
  check(cs::BacksolveAdjoint{});
}

TEST_CASE("a jump in time is silent where it is given, and named where it is not", "[adjoint]") {
  const auto pushed = [](auto t, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0] - (t > 0.77 ? 3.0 : -1.0) * p[1]); };
  const Eigen::Vector2d y0(1.0, 0.0), p(2.0, 0.3);
  const auto c = cs::certify({.accuracy = 1e-5}, loss_of(pushed, cs::DirectAdjoint{}, {.rtol = 1e-4, .atol = 1e-6}, 3.0), y0, p);
  CHECK(c.cause == GradientFault::not_smooth);
  CHECK(says(c, "SolveOptions::jump_times"));
  const auto given = loss_of(pushed, cs::DirectAdjoint{}, {.rtol = 1e-7, .atol = 1e-9, .jump_times = {0.77}}, 3.0);
  CHECK(cs::certify({.accuracy = 1e-5}, given, y0, p).ok());
}

TEST_CASE("a steep but smooth dynamics is not accused of a kink", "[adjoint]") {
  const auto steep = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0] - p[1] * cs::tanh(100.0 * y[0])); };
  const Eigen::Vector2d y0(1.0, 0.0), p(2.0, 0.3);
  const auto c = cs::certify({.accuracy = 1e-6}, loss_of(steep, cs::DirectAdjoint{}, {.rtol = 1e-4, .atol = 1e-6}, 2.0), y0, p);
  INFO(c);
  CHECK(c.cause == GradientFault::loose_tolerance);
  CHECK(cs::certify(loss_of(steep, cs::DirectAdjoint{}, {.rtol = 1e-9, .atol = 1e-11}, 2.0), y0, p).ok());
}
