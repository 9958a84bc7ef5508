#include <costate/adjoint/checkpointed.hpp>

#include <costate/nn/mlp.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/asynchronous_leapfrog.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "adjoint/replayed.hpp"
#include "autodiff/allocations.hpp"
#include "catch.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

const Eigen::Vector2d start(1.0, -0.3);
const Eigen::Vector3d p(2.0, 0.3, 1.1);

/// Largest difference of the gradients by both adjoints, relative, over numbers of slots and both directions.
template <class M>
double distance_to_direct(const M& method, const cs::SolveOptions& options) {
  double worst = 0;
  for (const std::vector<double>& times : {std::vector<double>{0.1, 0.45, 0.8, 1.3, 5.9}, std::vector<double>{2.0, 1.7, 0.9, -2.5}}) {
    const auto loss = Loss::random(static_cast<Index>(times.size()), 2, 1, 7).leave_out(1);
    const auto gradient = [&](const auto& adjoint) {
      return adjoint_gradient(forced_pendulum, start, as_vector(times), p, method, adjoint, options, loss);
    };
    const auto direct = gradient(cs::DirectAdjoint{});
    for (const Index slots : {1, 2, 3, 7, 1000})
      worst = std::max(worst, (gradient(cs::CheckpointedAdjoint{.slots = slots}) - direct).norm() / direct.norm());
  }
  return worst;
}

}  // namespace

TEST_CASE("a checkpointed gradient is the direct one, bit by bit where slopes are stored", "[adjoint]") {
  CHECK(distance_to_direct(cs::Rk4{}, {.step = 0.1}) == 0);
  CHECK(distance_to_direct(cs::Rk4{}, {}) == 0);
  CHECK(distance_to_direct(cs::Dopri5{}, {.rtol = 1e-6, .atol = 1e-6}) == 0);
  CHECK(distance_to_direct(cs::AdamsMoulton<4>{}, {.step = 0.1}) == 0);
}

TEST_CASE("a checkpointed gradient of Adams is the direct one to rounding", "[adjoint]") {
  CHECK(distance_to_direct(cs::Adams{}, {.rtol = 1e-7, .atol = 1e-7}) < 1e-10);  // differences of slopes, of order 12
}

TEST_CASE("fewer slots cost evaluations, as many as there are steps none", "[adjoint]") {
  const cs::nn::Mlp net({2, 8, 2}, cs::nn::tanh);
  std::mt19937 rng(3);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 3);
  const auto f = [&](auto, const auto& y, const auto& theta_) { return net(y, theta_); };
  cs::Stats stats;
  const auto backward = [&](auto adjoint) {
    adjoint.stats = &stats;
    cs::gradient([&](const auto& theta_) { return cs::sum(cs::square(cs::odeint(f, y0, {0.0, 1.0}, theta_, cs::Rk4{}, adjoint, {.step = 0.01}).back())); },
                 theta);
    return stats.backward_evaluations;
  };
  const auto direct = backward(cs::DirectAdjoint{});
  CHECK(backward(cs::CheckpointedAdjoint{.slots = 100}) == direct);
  // 100 steps with 8 slots: 3 · 100 − C(11, 2) = 245 in all, 99 of them in the forward solve
  CHECK(backward(cs::CheckpointedAdjoint{.slots = 8}) == direct + 4 * (245 - 99));
}

TEST_CASE("a reused checkpointed gradient does not allocate", "[adjoint]") {
  const auto run = [](const auto& method, const cs::SolveOptions& options) {
    const Eigen::Vector3d times(0, 1, 3);
    auto gradient = cs::value_and_grad([&](const auto& start_, const auto& p_) {
      return cs::sum(cs::square(cs::odeint(forced_pendulum, start_, times, p_, method, cs::CheckpointedAdjoint{.slots = 5}, options).back()));
    });
    gradient(start, p);
    const std::size_t n = allocations::of([&] { gradient(start, p); });
    if (allocations::counted) CHECK(n == 0);
  };
  run(cs::Rk4{}, {.step = 0.02});
  run(cs::Dopri5{}, {.rtol = 1e-8});
}

TEST_CASE("a budget of memory: no step is taken again while all fit, then checkpoints thin out, and the gradient stays", "[adjoint]") {
  cs::Stats stats;
  const auto gradient = [&](const auto& method, const auto& adjoint, const cs::SolveOptions& options) {
    return cs::gradient([&](const auto& p_) { return cs::sum(cs::odeint(forced_pendulum, Eigen::VectorXd(start), {0.0, 20.0}, p_, method, adjoint, options).back()); }, p);
  };
  const auto check = [&](const auto& method, const cs::SolveOptions& options) {
    const Eigen::Vector3d direct = gradient(method, cs::DirectAdjoint{.stats = &stats}, options);
    const auto steps = stats.accepted;
    CHECK(stats.kept == steps);
    CHECK(gradient(method, cs::AutoAdjoint{.memory_bytes = 1000000, .stats = &stats}, options) == direct);
    CHECK(stats.repeated == 0);
    CHECK(stats.kept >= steps);
    CHECK(gradient(method, cs::AutoAdjoint{.memory_bytes = 4000, .stats = &stats}, options) == direct);
    CHECK(stats.repeated > steps / 2);
    CHECK(stats.repeated < 3 * steps);
    CHECK(stats.kept * 100 < 4000);
    CHECK_THROWS_AS(gradient(method, cs::AutoAdjoint{.memory_bytes = 50}, options), cs::OptionError);
  };
  check(cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-9});
  check(cs::Rk4{}, {.step = 0.05});
}

TEST_CASE("what a step turned out to be is not what its beginning foretold", "[adjoint]") {
  SECTION("an order lowered by a rejection") {
    const auto kicked = [](auto t, const auto& y, const auto& k) {
      return cs::stack(y[1], k[2] * cs::tanh(100 * cs::sin(3 * t)) - k[0] * cs::sin(y[0]) - k[1] * y[1]);
    };
    cs::Stats stats;
    const auto gradient = [&](const auto& adjoint) {
      return cs::gradient([&](const auto& k) {
        return cs::sum(cs::odeint(kicked, start, {0.0, 5.0}, k, cs::Adams{}, adjoint, {.rtol = 1e-5, .atol = 1e-5}).back());
      }, p);
    };
    const Eigen::Vector3d direct = gradient(cs::DirectAdjoint{.stats = &stats});
    REQUIRE(stats.rejected > 0);
    for (const Index slots : {1, 3, 1000}) CHECK((gradient(cs::CheckpointedAdjoint{.slots = slots}) - direct).norm() < 1e-9 * direct.norm());
  }
  SECTION("a synchronisation just before the last step") {
    const auto gradient = [&](const auto& adjoint) {
      return cs::gradient([&](const auto& p_) {
        return cs::sum(cs::odeint(forced_pendulum, start, {0.0, 1.1}, p_, cs::AsynchronousLeapfrog{.synchronise = 5}, adjoint, {.step = 0.1}).back());
      }, p);
    };
    for (const Index slots : {1, 3, 1000}) CHECK(gradient(cs::CheckpointedAdjoint{.slots = slots}) == gradient(cs::DirectAdjoint{}));
  }
}

TEST_CASE("a checkpointed adjoint wants a slot", "[adjoint]") {
  const auto gradient = [](Index slots) {
    return cs::gradient([&](const auto& p_) {
      return cs::sum(cs::odeint(forced_pendulum, start, {0.0, 1.0}, p_, cs::Rk4{}, cs::CheckpointedAdjoint{.slots = slots}).back());
    }, p);
  };
  CHECK_NOTHROW(gradient(1));
  CHECK_THROWS_AS(gradient(0), cs::OptionError);
}
