#include <costate/adjoint/direct.hpp>

#include <costate/nn/mlp.hpp>
#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/heun.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/rk4.hpp>

#include "adjoint/replayed.hpp"
#include "catch.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

/// Interior times inside of steps and on their ends, both directions, with some outputs out of the loss.
template <class M>
double worst_on_the_pendulum(const M& method, const cs::SolveOptions& options) {
  const Eigen::Vector2d start(1.0, -0.3);
  const Eigen::Vector3d p(2.0, 0.3, 1.1);
  double worst = 0;
  for (const std::vector<double>& times : {std::vector<double>{0.1, 0.45, 0.8, 1.3, 1.9}, std::vector<double>{2.0, 1.7, 0.9, 0.25}}) {
    const auto loss = Loss::random(static_cast<Index>(times.size()), 2, 1, 7).leave_out(1);
    const Steps steps = steps_of(forced_pendulum, start, times, p, method, options);
    const auto g = adjoint_gradient(forced_pendulum, start, as_vector(times), p, method, cs::DirectAdjoint{}, options, loss);
    worst = std::max(worst, relative_distance(g, replayed_gradient(forced_pendulum, start, times, p, method, steps, loss)));
  }
  return worst;
}

}  // namespace

// Double's rounding over some hundred steps; the differences themselves are good to 1e-13.
constexpr double rounding = 1e-9;

TEST_CASE("the direct adjoint is the derivative of the replayed solve: fixed steps", "[adjoint]") {
  const cs::SolveOptions options{.step = 0.12};
  CHECK(worst_on_the_pendulum(cs::Euler{}, options) < rounding);
  CHECK(worst_on_the_pendulum(cs::Midpoint{}, options) < rounding);
  CHECK(worst_on_the_pendulum(cs::Heun{}, options) < rounding);
  CHECK(worst_on_the_pendulum(cs::Rk4{}, options) < rounding);
  CHECK(worst_on_the_pendulum(cs::fixed(cs::Dopri5{}), options) < rounding);
}

TEST_CASE("the direct adjoint is the derivative of the replayed solve: one step per output interval", "[adjoint]") {
  CHECK(worst_on_the_pendulum(cs::Rk4{}, {}) < rounding);
}

TEST_CASE("the direct adjoint is the derivative of the replayed solve: adaptive steps", "[adjoint]") {
  CHECK(worst_on_the_pendulum(cs::AdaptiveHeun{}, {.rtol = 1e-3, .atol = 1e-3}) < rounding);
  CHECK(worst_on_the_pendulum(cs::Bosh3{}, {.rtol = 1e-4, .atol = 1e-4}) < rounding);
  CHECK(worst_on_the_pendulum(cs::Dopri5{}, {.rtol = 1e-4, .atol = 1e-4}) < rounding);
  CHECK(worst_on_the_pendulum(cs::Dopri5{}, {.rtol = 1e-10, .atol = 1e-10}) < rounding);
}

TEST_CASE("the direct adjoint of a batched network is the derivative of the replayed solve", "[adjoint]") {
  const cs::nn::Mlp net({3, 5, 2}, cs::nn::tanh);
  std::mt19937 rng(3);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 3);
  const auto f = [&](auto t, const auto& y, const auto& theta_) { return net(cs::stack(y, t), theta_); };
  const std::vector<double> times{0.0, 0.3, 1.0, 1.5};
  const auto loss = Loss::random(4, 2, 3, 11);
  const auto check = [&](const auto& method, const cs::SolveOptions& options) {
    const Steps steps = steps_of(f, y0, times, theta, method, options);
    const auto g = adjoint_gradient(f, y0, as_vector(times), theta, method, cs::DirectAdjoint{}, options, loss);
    CHECK(relative_distance(g, replayed_gradient(f, y0, times, theta, method, steps, loss)) < rounding);
  };
  check(cs::Dopri5{}, {.rtol = 1e-5, .atol = 1e-5});
  check(cs::Rk4{}, {.step = 0.2});
}

TEST_CASE("the direct adjoint in single precision is good to its rounding", "[adjoint]") {
  const Eigen::Vector2d start(1.0, -0.3);
  const Eigen::Vector3d p(2.0, 0.3, 1.1);
  const std::vector<double> times{0.0, 0.5, 1.0, 1.5};  // exact in single precision
  const cs::SolveOptions options{.step = 0.125};
  const auto loss = Loss::random(4, 2, 1, 5);
  const Steps steps = steps_of(forced_pendulum, start, times, p, cs::Rk4{}, options);
  const auto g = adjoint_gradient(forced_pendulum, Eigen::Vector2f(start.cast<float>()), Eigen::VectorXf(as_vector(times).cast<float>()),
                                  Eigen::Vector3f(p.cast<float>()), cs::Rk4{}, cs::DirectAdjoint{}, options, loss);
  CHECK(relative_distance(g, replayed_gradient(forced_pendulum, start, times, p, cs::Rk4{}, steps, loss)) < 1e-4);
}
