// Certificates of sound gradients by other methods, adjoints and precisions, and of networks: silent, all of them.
#include <costate/adjoint/certificate.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"
#include "sound.hpp"

namespace cs = costate;
using sound::pendulum, sound::silent;

namespace {

template <class Y, class M, class A>
auto end_of(const Y& y0, const M& method, const A& adjoint, const cs::SolveOptions& options) {
  return [=](const auto& p) { return cs::sum(cs::square(cs::odeint(pendulum, y0, {0.0, 1.5, 3.0}, p, method, adjoint, options).back())); };
}
const Eigen::Vector2d start(1.0, 0.0), constants(9.8, 0.2);

}  // namespace

TEST_CASE("certificates know fixed steps, whose error falls with their order", "[adjoint]") {
  const auto exact = cs::gradient(end_of(start, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 1e-3}), constants);
  const auto check = [&](const auto& adjoint) {
    const auto loss = end_of(start, cs::Rk4{}, adjoint, {.step = 0.05});
    const auto c = silent(loss, constants);
    const double error = (cs::gradient(loss, constants) - exact).norm() / exact.norm();
    // half the step leaves a sixteenth of the error
    CHECK(c.error < 1.5 * error);
    CHECK(c.error > error / 1.5);
    const auto fine = cs::certify({.accuracy = 1e-8}, loss, constants);
    INFO(fine);
    CHECK(fine.cause == cs::GradientFault::loose_tolerance);
    CHECK(fine.message.find("{.step = ") != std::string::npos);
  };
  check(cs::DirectAdjoint{});
  check(cs::BacksolveAdjoint{});
}

TEST_CASE("certificates know steps of one per output", "[adjoint]") {
  const auto times = cs::linspace(0.0, 2.0, 41);
  silent([&](const auto& p) { return cs::mean(cs::square(cs::hstack(cs::odeint(pendulum, start, times, p, cs::Rk4{})))); }, constants);
}

TEST_CASE("certificates of single precision ask for what it has", "[adjoint]") {
  const auto check = [](const auto& adjoint) {
    const auto c = silent(end_of(Eigen::Vector2f(1.0f, 0.0f), cs::Dopri5{}, adjoint, {}), Eigen::Vector2f(9.8f, 0.2f));
    CHECK(c.accuracy == 1e-2);
  };
  check(cs::DirectAdjoint{});
  check(cs::BacksolveAdjoint{});
}

TEST_CASE("certificates of Adams' method and of a pendulum are silent", "[adjoint]") {
  silent(end_of(start, cs::Adams{}, cs::DirectAdjoint{}, {}), constants);
}

TEST_CASE("certificates of a network over a batch are silent, with kinks that do not matter too", "[adjoint]") {
  cs::Random rng(0);
  const auto check = [&](const auto& activation, const auto& adjoint) {
    const cs::nn::Mlp net({2, 16, 2}, activation);
    const Eigen::VectorXd theta = net.init(rng);
    const auto f = [&](auto, const auto& y, const auto& w) { return net(y, w); };
    const Eigen::MatrixXd y0 = Eigen::VectorXd::LinSpaced(20, 1.0, 39.0).array().sin().matrix().reshaped(2, 10);
    const auto states = [&](const auto& w) { return cs::hstack(cs::odeint(f, y0, {0.0, 0.5, 1.0}, w, cs::Dopri5{}, adjoint)); };
    silent([&](const auto& w) { return cs::mean(cs::square(states(w))); }, theta);
  };
  check(cs::nn::tanh, cs::DirectAdjoint{});
  check(cs::nn::relu, cs::BacksolveAdjoint{});
}
