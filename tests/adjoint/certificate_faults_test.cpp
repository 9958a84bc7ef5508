#include "faults.hpp"

using namespace faults;

TEST_CASE("a lost reconstruction is named, whether it throws or not", "[adjoint]") {
  const auto contracting = [](auto t, const auto& y, const auto& p) { return cs::stack(p[0] * cs::sin(y[0] - p[1] * cs::cos(t))); };
  const Eigen::Matrix<double, 1, 1> y0(0.5);
  const Eigen::Vector2d p(-50.0, 1.0);
  const auto silent = loss_of(contracting, cs::BacksolveAdjoint{.lost = infinity}, usual, 1.0);
  const auto c = cs::certify(silent, y0, p);
  CHECK(c.cause == GradientFault::lost_reconstruction);
  CHECK(c.reconstruction > 0.1);
  CHECK(says(c, "InterpolatingAdjoint"));
  check_size(c, true_error(silent, loss_of(contracting, cs::InterpolatingAdjoint{}, {.rtol = 1e-10, .atol = 1e-12}, 1.0), y0, p));

  const auto guarded = cs::certify(loss_of(contracting, cs::BacksolveAdjoint{}, usual, 1.0), y0, p);
  CHECK(guarded.cause == GradientFault::lost_reconstruction);
  CHECK(guarded.error == infinity);

  CHECK(cs::certify(loss_of(contracting, cs::InterpolatingAdjoint{}, usual, 1.0), y0, p).ok());
}

TEST_CASE("a parameter that the dynamics takes the value of is named by argument and component", "[adjoint]") {
  const auto damped = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0] - p[1] * y[1]); };
  const auto hides = [](auto, const auto& y, const auto& p) {
    double damping = 0;
    if constexpr (requires { p[1].value(); }) damping = p[1].value();
    else damping = p[1];
    return cs::stack(y[1], -p[0] * y[0] - damping * y[1]);
  };
  const Eigen::Vector2d y0(1.0, 0.0), p(2.0, 0.3);
  const auto check = [&](const auto& adjoint) {
    const auto loss = loss_of(hides, adjoint, usual, 3.0);
    const auto c = cs::certify(loss, y0, p);
    CHECK(c.cause == GradientFault::hidden_dependence);
    CHECK(says(c, "argument 2 of 2"));
    CHECK(says(c, "by component 1 its derivative is 0,"));
    check_size(c, true_error(loss, loss_of(damped, adjoint, usual, 3.0), y0, p));
  };
  check(cs::DirectAdjoint{});
  check(cs::BacksolveAdjoint{});
  check(cs::CheckpointedAdjoint{});
}

TEST_CASE("a dynamics that captured a copy of its parameters is named", "[adjoint]") {
  const Eigen::Vector2d y0(1.0, 0.0), p(2.0, 0.3);
  const auto captured = [&](auto, const auto& y) { return cs::stack(y[1], -p[0] * y[0] - p[1] * y[1]); };
  const auto loss = [&](const auto& start, const auto& /*parameters*/) {
    return cs::sum(cs::square(cs::odeint(captured, start, {0.0, 3.0}, cs::Dopri5{}).back()));
  };
  const auto c = cs::certify(loss, y0, p);
  CHECK(c.cause == GradientFault::hidden_dependence);
  CHECK(says(c, "argument 2 of 2 is exactly zero"));
}
