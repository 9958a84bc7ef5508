#include <costate/adjoint/certificate.hpp>
#include <costate/ode/dopri5.hpp>

#include <sstream>

#include "catch.hpp"

namespace cs = costate;
using cs::GradientFault;

namespace {

const auto lotka_volterra = [](auto, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
};
template <class A>
auto loss_of(const A& adjoint, const cs::SolveOptions& options) {
  return [=](const auto& y0, const auto& p) {
    const auto y = cs::odeint(lotka_volterra, y0, {0.0, 3.0, 10.0}, p, cs::Dopri5{}, adjoint, options);
    return cs::sum(cs::square(y.back())) + y[1][0];
  };
}
const Eigen::Vector2d start(1.0, 1.0);
const Eigen::Vector4d rates(1.5, 1.0, 1.0, 3.0);

}  // namespace

TEST_CASE("a sound gradient passes by every adjoint, and its error is estimated", "[adjoint]") {
  const auto exact = cs::value_and_grad(loss_of(cs::DirectAdjoint{}, {.rtol = 1e-13, .atol = 1e-15}), start, rates);
  const double size = rates.norm() / 2;
  const auto check = [&](const auto& adjoint) {
    const auto loss = loss_of(adjoint, {.rtol = 1e-10, .atol = 1e-12});
    const auto c = cs::certify({.accuracy = 1e-7}, loss, start, rates);
    INFO(adjoint.name << ": " << c);
    CHECK(c.ok());
    const auto [value, dy, dp] = cs::value_and_grad(loss, start, rates);
    CHECK(c.value == value);
    const double error = std::hypot((dy - std::get<1>(exact)).norm(), size * (dp - std::get<2>(exact)).norm()) /
                         std::hypot(std::get<1>(exact).norm(), size * std::get<2>(exact).norm());
    // a sixteenth of the tolerance leaves some fifteenth of the error; a factor of three is for irregular steps
    CHECK(c.error > error / 3);
    CHECK(c.error < 3 * error);
    // the differences' doubt: noise of 1e-10 / 16 over steps of 1/128
    CHECK(c.doubt < 1e-8);
    CHECK(c.difference < 1e-8);
  };
  check(cs::DirectAdjoint{});
  check(cs::CheckpointedAdjoint{.slots = 8});
  check(cs::ReversibleAdjoint{});
  check(cs::BacksolveAdjoint{});
  check(cs::InterpolatingAdjoint{});
}

TEST_CASE("a certificate is the same when asked again, and leaves the gradient as it was", "[adjoint]") {
  const auto loss = loss_of(cs::BacksolveAdjoint{}, {});
  const auto before = cs::value_and_grad(loss, start, rates);
  const auto a = cs::certify(loss, start, rates), b = cs::certify(loss, start, rates);
  CHECK(a.error == b.error);
  CHECK(a.difference == b.difference);
  CHECK(a.message == b.message);
  CHECK(cs::value_and_grad(loss, start, rates) == before);
}

TEST_CASE("a certificate prints its sentences", "[adjoint]") {
  std::ostringstream out;
  const auto loss = loss_of(cs::BacksolveAdjoint{}, {});
  out << cs::certify(loss, start, rates);
  CHECK(out.str().starts_with("gradient ok: its relative error is about "));
  CHECK(out.str().find("of the backward pass") != std::string::npos);
  out.str("");
  out << cs::certify({.accuracy = 1e-9}, loss, start, rates);
  CHECK(out.str().starts_with("gradient not ok, loose tolerance: "));
}

TEST_CASE("a certificate of a loss without a solve compares it with its values", "[adjoint]") {
  const auto c = cs::certify([](const auto& x, const auto& a) { return a * cs::sum(cs::exp(x)); }, start, 2.0);
  INFO(c);
  CHECK(c.ok());
  CHECK(c.message.find("calls no odeint on the tape") != std::string::npos);
  const auto hides = [](const auto& x, const auto& a) {
    if constexpr (requires { a.value(); }) return a.value() * cs::sum(cs::exp(x));
    else return a * cs::sum(cs::exp(x));
  };
  CHECK(cs::certify(hides, start, 2.0).cause == GradientFault::hidden_dependence);
}

TEST_CASE("a certificate refuses an accuracy that is none, and passes on what a solve throws", "[adjoint]") {
  const auto loss = loss_of(cs::DirectAdjoint{}, {});
  CHECK_THROWS_AS(cs::certify({.accuracy = -1}, loss, start, rates), cs::OptionError);
  CHECK_THROWS_AS(cs::certify({.accuracy = std::nan("")}, loss, start, rates), cs::OptionError);
  CHECK_THROWS_AS(cs::certify(loss_of(cs::DirectAdjoint{}, {.max_steps = 3}), start, rates), cs::TooManyStepsError);
}

TEST_CASE("where only the finer solve fails, the error is undetermined", "[adjoint]") {
  cs::Stats stats;
  cs::value(loss_of(cs::DirectAdjoint{.stats = &stats}, {}), start, rates);
  const auto c = cs::certify(loss_of(cs::DirectAdjoint{}, {.max_steps = stats.steps() + 5}), start, rates);
  INFO(c);
  CHECK(c.cause == GradientFault::undetermined);
  CHECK(c.message.find("steps") != std::string::npos);
}

TEST_CASE("the flat bottom of a loss is no fault", "[adjoint]") {
  // at rest in the origin the loss and all of its gradient are zero, though the rates matter beside it
  const auto loss = [](const auto& y0, const auto& p) {
    return cs::sum(cs::square(cs::odeint(lotka_volterra, y0, {0.0, 1.0}, p, cs::Dopri5{}).back()));
  };
  const auto c = cs::certify(loss, Eigen::Vector2d(0.0, 0.0), rates);
  INFO(c);
  CHECK(c.ok());
}
