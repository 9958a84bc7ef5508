// Certificates of sound gradients of the forms that odeint has: silent, all of them.
#include <costate/adjoint/certificate.hpp>
#include <costate/adjoint/odeint_parts.hpp>
#include <costate/adjoint/odeint_with_cost.hpp>
#include <costate/adjoint/odeint_with_events.hpp>
#include <costate/ode/dopri5.hpp>

#include "catch.hpp"
#include "sound.hpp"

namespace cs = costate;
using sound::pendulum, sound::silent;

namespace {

const Eigen::Vector2d start(1.0, 0.0), constants(9.8, 0.2);

}  // namespace

TEST_CASE("certificates reach samples with times of their own, loose ones too", "[adjoint]") {
  const std::vector<Eigen::VectorXd> grids{cs::linspace(0.0, 1.0, 3), cs::linspace(0.0, 3.0, 5)};
  const Eigen::MatrixXd y0 = (Eigen::MatrixXd(2, 2) << 1.0, 0.5, 0.0, 0.2).finished();
  const auto loss = [&](const cs::SolveOptions& options) {
    return [&, options](const auto& p) {
      return cs::mean(cs::square(cs::hstack(cs::odeint(pendulum, y0, grids, p, cs::Dopri5{}, cs::DirectAdjoint{}, options))));
    };
  };
  silent(loss({}), constants);
  CHECK(cs::certify({.accuracy = 1e-5}, loss({.rtol = 1e-3, .atol = 1e-3}), constants).cause == cs::GradientFault::loose_tolerance);
}

TEST_CASE("certificates reach events and running costs", "[adjoint]") {
  const auto fall = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] + 0.0 * y[0]); };
  const auto ground = [](auto, const auto& y, const auto&) { return y[0]; };
  const auto bounce = [](auto, const auto& y, const auto& p) { return cs::stack(0.0 * y[0], -p[1] * y[1]); };
  silent([&](const auto& p) {
    const auto third = cs::event(ground, bounce, {.stop_after = 3});
    return cs::odeint_with_events(fall, start, {0.0, 20.0}, p, cs::Dopri5{}, cs::DirectAdjoint{}, {}, third).event_times.back();
  }, Eigen::Vector2d(9.81, 0.8));
  silent([&](const auto& p) { return cs::odeint_with_cost(pendulum, cs::kinetic_energy(), start, {0.0, 2.0}, p, cs::Dopri5{}).cost.back(); },
         constants);
}

TEST_CASE("certificates know times, numbers and lists as arguments", "[adjoint]") {
  silent([](const auto& times, const auto& p) { return cs::sum(cs::square(cs::odeint(pendulum, start, times, p, cs::Dopri5{}).back())); },
         Eigen::Vector3d(0.0, 1.0, 2.0), constants);
  const auto of_numbers = [](const auto& angle, const auto& p) {
    return cs::square(cs::odeint(pendulum, cs::stack(angle, 0.5), {0.0, 2.0}, p, cs::Dopri5{}).back()[0]);
  };
  silent(of_numbers, 1.2, std::vector<double>{9.8, 0.2});
}

TEST_CASE("tolerances that parts and costs have of their own are tightened with the solve's", "[adjoint]") {
  // the velocity alone controls the step, by its own tolerances; the solve's have no say
  const double own = GENERATE(1e-2, 1e-9);
  const cs::PartOptions loose{.rtol = own, .atol = own}, out{.in_norm = false};
  const auto f = [](auto, const auto& state, const auto& p) {
    const auto& [q, v] = state;
    return cs::parts(v, -p[0] * cs::sin(q) - p[1] * v);
  };
  const cs::SolveOptions options{.rtol = 1e-11, .atol = 1e-11};
  const Eigen::Matrix<double, 1, 1> q0(1.0), v0(0.0);
  const auto of_parts = [&](const auto& p) {
    const auto y = cs::odeint(f, cs::parts(cs::part(q0, out), cs::part(v0, loose)), {0.0, 2.0}, p, cs::Dopri5{}, cs::DirectAdjoint{}, options);
    return cs::sum(cs::square(std::get<0>(y.back())));
  };
  const auto certificate = cs::certify({.accuracy = 1e-5}, of_parts, constants);
  INFO(certificate);
  CHECK(certificate.cause == (own == 1e-2 ? cs::GradientFault::loose_tolerance : cs::GradientFault::none));
  if (own == 1e-2) CHECK(certificate.message.find("those that parts or costs have of their own") != std::string::npos);
}

TEST_CASE("a part's own tolerance that is as fine as can be stays within what a finer certificate asks for", "[adjoint]") {
  const auto f = [](auto, const auto& state, const auto& p) {
    const auto& [q, v] = state;
    return cs::parts(v, -p[0] * cs::sin(q) - p[1] * v);
  };
  const Eigen::Matrix<double, 1, 1> q0(1.0), v0(0.0);
  const auto loss = [&](const auto& p) {
    const auto y = cs::odeint(f, cs::parts(q0, cs::part(v0, {.rtol = 1e-13, .atol = 1e-13})), {0.0, 2.0}, p, cs::Dopri5{},
                              cs::InterpolatingAdjoint{.rtol = 1e-7, .atol = 1e-9}, {.rtol = 1e-6, .atol = 1e-8});
    return cs::sum(cs::square(std::get<0>(y.back())));
  };
  const auto certificate = cs::certify({.accuracy = 1e-5}, loss, constants);
  INFO(certificate);
  CHECK(certificate.ok());
}
