#include <costate/adjoint/certificate.hpp>
#include <costate/ode/dopri5.hpp>

#include "catch.hpp"

namespace cs = costate;
using cs::GradientFault;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const cs::SolveOptions usual{.rtol = 1e-6, .atol = 1e-8};

/// A loss of one output at t = T.
template <class F, class A>
auto loss_of(const F& f, const A& adjoint, const cs::SolveOptions& options, double T) {
  return [=](const auto& y0, const auto& p) {
    const auto y = cs::odeint(f, y0, {0.0, T}, p, cs::Dopri5{}, adjoint, options).back();
    return cs::sum(cs::square(y)) + y[0];
  };
}

/// The error of value_and_grad(loss, y0, p) against the gradient of `exact`, in the certificate's units.
template <class L, class E, class Y, class P>
double true_error(const L& loss, const E& exact, const Y& y0, const P& p) {
  const auto [value, dy, dp] = cs::value_and_grad(loss, y0, p);
  const auto [same, ey, ep] = cs::value_and_grad(exact, y0, p);
  const double size_y = y0.norm() / std::sqrt(static_cast<double>(y0.size())), size_p = p.norm() / std::sqrt(static_cast<double>(p.size()));
  return std::hypot(size_y * (dy - ey).norm(), size_p * (dp - ep).norm()) / std::hypot(size_y * ey.norm(), size_p * ep.norm());
}

bool says(const cs::GradientCertificate& c, const std::string& what) {
  INFO(c);
  const bool found = c.message.find(what) != std::string::npos;
  CHECK(found);
  return found;
}

// Differences along one direction know an error to a factor: a Gaussian's is below a tenth of its size in 8 of 100 directions, and the
// signs are fixed.
void check_size(const cs::GradientCertificate& c, double error) {
  INFO(c);
  CHECK(c.error < 10 * error);
  CHECK(c.error > error / 10);
}

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
  CHECK(cs::certify({.accuracy = 1e-5}, loss_of(pushed, cs::DirectAdjoint{}, {.rtol = 1e-7, .atol = 1e-9, .jump_times = {0.77}}, 3.0), y0, p).ok());
}

TEST_CASE("a steep but smooth dynamics is not accused of a kink", "[adjoint]") {
  const auto steep = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0] - p[1] * cs::tanh(100.0 * y[0])); };
  const Eigen::Vector2d y0(1.0, 0.0), p(2.0, 0.3);
  const auto c = cs::certify({.accuracy = 1e-6}, loss_of(steep, cs::DirectAdjoint{}, {.rtol = 1e-4, .atol = 1e-6}, 2.0), y0, p);
  INFO(c);
  CHECK(c.cause == GradientFault::loose_tolerance);
  CHECK(cs::certify(loss_of(steep, cs::DirectAdjoint{}, {.rtol = 1e-9, .atol = 1e-11}, 2.0), y0, p).ok());
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
  const auto loss = [&](const auto& start, const auto& /*parameters*/) { return cs::sum(cs::square(cs::odeint(captured, start, {0.0, 3.0}, cs::Dopri5{}).back())); };
  const auto c = cs::certify(loss, y0, p);
  CHECK(c.cause == GradientFault::hidden_dependence);
  CHECK(says(c, "argument 2 of 2 is exactly zero"));
}
