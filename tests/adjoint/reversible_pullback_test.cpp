#include <costate/adjoint/reversible_pullback.hpp>

#include <costate/adjoint/odeint.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/rk4.hpp>

#include "adjoint/replayed.hpp"
#include "catch.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

const Eigen::Vector2d start(1.0, -0.3);
const Eigen::Vector3d p(2.0, 0.3, 1.1);

/// Relative distance of the gradient by an adjoint from differences of the replayed solve, the larger of both directions.
template <class M, class A>
double worst_on_the_pendulum(const M& method, const A& adjoint, const cs::SolveOptions& options) {
  double worst = 0;
  for (const std::vector<double>& times : {std::vector<double>{0.1, 0.45, 0.8, 1.3, 1.9}, std::vector<double>{2.0, 1.7, 0.9, 0.25}}) {
    const auto loss = Loss::random(static_cast<Index>(times.size()), 2, 1, 7).leave_out(1);
    const Steps steps = steps_of(forced_pendulum, start, times, p, method, options);
    const auto g = adjoint_gradient(forced_pendulum, start, as_vector(times), p, method, adjoint, options, loss);
    worst = std::max(worst, relative_distance(g, replayed_gradient(forced_pendulum, start, times, p, method, steps, loss)));
  }
  return worst;
}

}  // namespace

TEST_CASE("the gradient of a reversible solve is the derivative of the replayed one, steps stored, checkpointed or undone", "[adjoint]") {
  const auto check = [](const auto& method, const cs::SolveOptions& options) {
    CHECK(worst_on_the_pendulum(method, cs::DirectAdjoint{}, options) < 1e-9);
    CHECK(worst_on_the_pendulum(method, cs::CheckpointedAdjoint{.slots = 3}, options) < 1e-9);
    CHECK(worst_on_the_pendulum(method, cs::ReversibleAdjoint{}, options) < 1e-9);
  };
  check(cs::Reversible<cs::Euler>{}, {.step = 0.12});
  check(cs::AsynchronousLeapfrog{.damping = 0.9, .synchronise = 5}, {.step = 0.12});
  check(cs::AsynchronousLeapfrog{}, {.step = 0.12});
  check(cs::Reversible<cs::Rk4>{.coupling = 0.9, .synchronise = 5}, {.step = 0.12});
  check(cs::Reversible<cs::Dopri5>{.coupling = 0.9, .synchronise = 3}, {.rtol = 1e-4, .atol = 1e-4});
  CHECK(worst_on_the_pendulum(cs::Reversible<cs::Rk4>{}, cs::ReversibleAdjoint{}, {}) < 1e-9);  // a step per output
}

TEST_CASE("the reversible gradient of a batched network is the derivative of the replayed solve", "[adjoint]") {
  const cs::nn::Mlp net({3, 5, 2}, cs::nn::tanh);
  std::mt19937 rng(3);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 3);
  const auto f = [&](auto t, const auto& y, const auto& theta_) { return net(cs::stack(y, t), theta_); };
  const std::vector<double> times{0.0, 0.3, 1.0, 1.5};
  const auto loss = Loss::random(4, 2, 3, 11);
  const cs::Reversible<cs::Rk4> method{.synchronise = 3};
  const cs::SolveOptions options{.step = 0.15};
  const Steps steps = steps_of(f, y0, times, theta, method, options);
  const auto g = adjoint_gradient(f, y0, as_vector(times), theta, method, cs::ReversibleAdjoint{}, options, loss);
  CHECK(relative_distance(g, replayed_gradient(f, y0, times, theta, method, steps, loss)) < 1e-9);
}

TEST_CASE("the reversible gradient in single precision is good to its rounding", "[adjoint]") {
  const std::vector<double> times{0.0, 0.5, 1.0, 1.5};  // exact in single precision
  const cs::Reversible<cs::Rk4> method{.coupling = 0.9375, .synchronise = 4};
  const cs::SolveOptions options{.step = 0.125};
  const auto loss = Loss::random(4, 2, 1, 5);
  const Steps steps = steps_of(forced_pendulum, start, times, p, method, options);
  const auto g = adjoint_gradient(forced_pendulum, Eigen::Vector2f(start.cast<float>()), Eigen::VectorXf(as_vector(times).cast<float>()),
                                  Eigen::Vector3f(p.cast<float>()), method, cs::ReversibleAdjoint{}, options, loss);
  CHECK(relative_distance(g, replayed_gradient(forced_pendulum, start, times, p, method, steps, loss)) < 1e-4);
}
