#include <costate/adjoint/reversible.hpp>

#include <costate/adjoint/odeint.hpp>
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

/// Relative distance of the gradient by undoing steps from the one that stored them.
template <class F, class Y0, class Theta, class M>
double distance_to_direct(const F& f, const Y0& y0, const std::vector<double>& times, const Theta& theta, const M& method,
                          const cs::SolveOptions& options, cs::ReversibleStats& stats) {
  const auto loss = Loss::random(static_cast<Index>(times.size()), y0.rows(), y0.cols(), 7).leave_out(0);  // y0 itself has no part in it
  const auto direct = adjoint_gradient(f, y0, as_vector(times), theta, method, cs::DirectAdjoint{}, options, loss);
  return (adjoint_gradient(f, y0, as_vector(times), theta, method, cs::ReversibleAdjoint{.stats = &stats}, options, loss) - direct).norm() / direct.norm();
}

const auto kepler = [](auto, const auto& y, const auto& mass) {
  const auto r2 = y[0] * y[0] + y[1] * y[1];
  const auto r3 = r2 * cs::sqrt(r2);
  return cs::stack(y[2], y[3], -mass[0] * y[0] / r3, -mass[0] * y[1] / r3);
};
const auto lorenz = [](auto, const auto& y, const auto& q) {
  return cs::stack(q[0] * (y[1] - y[0]), y[0] * (q[1] - y[2]) - y[1], y[0] * y[1] - q[2] * y[2]);
};
const auto decay = [](auto, const auto& y, const auto& q) { return cs::stack(-q[0] * y[0]); };

}  // namespace

TEST_CASE("the adjoint makes a one-step method reversible, on a tape and off it", "[adjoint]") {
  cs::ReversibleStats stats;
  const cs::ReversibleAdjoint adjoint{.coupling = 0.99, .synchronise = 10, .stats = &stats};
  const cs::SolveOptions options{.step = 0.05};
  const auto end = [&](const auto& p_) { return cs::odeint(forced_pendulum, start, {0.0, 2.0}, p_, cs::Rk4{}, adjoint, options).back(); };
  const auto [value, gradient] = cs::value_and_grad([&](const auto& p_) { return cs::sum(end(p_)); }, p);
  CHECK(stats.coupling == 0.99);
  CHECK(stats.synchronise == 10);
  CHECK(stats.synchronisations == 4);
  CHECK(stats.evaluations == 40 * 8);
  CHECK(value == end(p).sum());
  CHECK(value == cs::solve(forced_pendulum, start, {0.0, 2.0}, p, cs::Reversible<cs::Rk4>{0.99, 10}, options).y.back().sum());
}

TEST_CASE("100,000 steps are undone: by a coupling close to one, or synchronised every 1,000", "[adjoint]") {
  const Eigen::Vector2d from(1, 0);
  const Eigen::Vector3d undamped(1, 0, 0);
  const std::vector<double> times{0, 1000};
  const cs::SolveOptions options{.step = 0.01};
  const auto loss = Loss::random(2, 2, 1, 7);
  const LongVector direction = LongVector::LinSpaced(7, 0.3L, 1.0L).cwiseProduct((LongVector(7) << 1, 1, 1, 1, 1, 0, 0).finished());
  for (const auto& method : {cs::Reversible<cs::Rk4>{0.9999, 0}, cs::Reversible<cs::Rk4>{0.999, 1000}}) {
    cs::ReversibleStats stats;
    const auto gradient = adjoint_gradient(forced_pendulum, from, as_vector(times), undamped, method, cs::ReversibleAdjoint{.stats = &stats}, options, loss);
    const auto direct = adjoint_gradient(forced_pendulum, from, as_vector(times), undamped, method, cs::DirectAdjoint{}, options, loss);
    const Steps steps = steps_of(forced_pendulum, from, times, undamped, method, options);
    const auto slope = replayed_gradient(forced_pendulum, from, times, undamped, method, steps, loss, 1e-7L, &direction)[0];
    const auto along = gradient.cast<long double>().dot(direction);
    CAPTURE(method.coupling, stats.amplification, static_cast<double>(along / slope - 1), (gradient - direct).norm() / direct.norm());
    CHECK(stats.accepted == 100000);
    CHECK(stats.synchronisations >= (method.synchronise == 0 ? 0 : 100));
    CHECK(stats.synchronisations <= (method.synchronise == 0 ? 0 : 1000));
    CHECK(stats.repairs == 0);
    CHECK((gradient - direct).norm() < 1e-9 * direct.norm());
    CHECK(std::abs(along - slope) < 1e-9L * std::abs(slope));
  }
}

TEST_CASE("asynchronous leapfrog steps are undone, and what cannot be is refused", "[adjoint]") {
  const cs::SolveOptions options{.step = 0.01};
  const Eigen::Vector3d undamped(1, 0, 0);
  cs::ReversibleStats stats;
  for (const cs::AsynchronousLeapfrog& method : {cs::AsynchronousLeapfrog{}, cs::AsynchronousLeapfrog{.synchronise = 0}, cs::AsynchronousLeapfrog{.damping = 0.99}}) {
    CHECK(distance_to_direct(forced_pendulum, start, {0, 30, 100}, undamped, method, options, stats) < 1e-9);
    CHECK(stats.evaluations <= 10001 + stats.synchronisations);
  }
  const auto damped = [&] { distance_to_direct(forced_pendulum, start, {0, 100}, undamped, cs::AsynchronousLeapfrog{0.9, 0}, options, stats); };
  CHECK_THROWS_AS(damped(), cs::ReconstructionError);
}

TEST_CASE("adaptive reversible steps on Kepler's problem are undone", "[adjoint]") {
  const Eigen::Vector4d y0(0.5, 0, 0, std::sqrt(3.0));
  const Eigen::Matrix<double, 1, 1> mass(1.0);
  const std::vector<double> times{0, 5, 20};
  const cs::Reversible<cs::Dopri5> method;
  const cs::SolveOptions options{.rtol = 1e-8, .atol = 1e-8};
  cs::ReversibleStats stats;
  CHECK(distance_to_direct(kepler, y0, times, mass, method, options, stats) < 1e-9);
  const auto loss = Loss::random(3, 4, 1, 7);
  const Steps steps = steps_of(kepler, y0, times, mass, method, options);
  const auto g = adjoint_gradient(kepler, y0, as_vector(times), mass, method, cs::ReversibleAdjoint{}, options, loss);
  CHECK(relative_distance(g, replayed_gradient(kepler, y0, times, mass, method, steps, loss, 1e-6L)) < 1e-9);
}

TEST_CASE("steps that cannot be undone are never wrong in silence", "[adjoint]") {
  cs::ReversibleStats stats;
  const Eigen::Matrix<double, 1, 1> one(1.0);
  const cs::SolveOptions options{.step = 0.01};
  SECTION("without synchronisation the guard throws: rounding amplified by the coupling, or by a contraction") {
    const auto pendulum = [&] { distance_to_direct(forced_pendulum, start, {0, 1000}, Eigen::Vector3d(1, 0, 0), cs::Reversible<cs::Rk4>{0.99, 0}, options, stats); };
    CHECK_THROWS_AS(pendulum(), cs::ReconstructionError);
    const auto contraction = [&] { distance_to_direct(decay, one, {0, 100}, one, cs::Reversible<cs::Rk4>{0.999, 0}, options, stats); };
    CHECK_THROWS_AS(contraction(), cs::ReconstructionError);
  }
  SECTION("a contraction is synchronised as often as it needs") {
    CHECK(distance_to_direct(decay, one, {0, 100}, one, cs::Reversible<cs::Rk4>{}, options, stats) < 1e-9);
    CHECK(stats.synchronisations > 10);
  }
  SECTION("a segment that is lost is taken again") {
    CHECK(distance_to_direct(lorenz, Eigen::Vector3d(1, 1, 1), {0, 2.2, 5}, Eigen::Vector3d(10, 28, 8.0 / 3), cs::Reversible<cs::Rk4>{.coupling = 0.9}, options,
                             stats) < 1e-9);
    CHECK(stats.repairs > 0);
    CHECK(stats.amplification > 1e6);
  }
}

TEST_CASE("components far smaller than others are kept right too", "[adjoint]") {
  // an oscillation of amplitude 10,000 beside a contraction of size one
  const auto mixed = [](auto t, const auto& y, const auto& k) { return cs::stack(y[1], -y[0], -k[0] * (y[2] - cs::cos(t))); };
  const auto gradient = [&](const auto& adjoint, double tolerance) {
    return cs::gradient([&](const auto& k) {
      return cs::odeint(mixed, Eigen::Vector3d(1e4, 0, 1), {0.0, 30.0}, k, cs::Dopri5{}, adjoint, {.rtol = tolerance, .atol = tolerance}).back()[2];
    }, Eigen::Matrix<double, 1, 1>(1.0))[0];
  };
  const double exact = gradient(cs::DirectAdjoint{}, 1e-12);
  CHECK(std::abs(gradient(cs::ReversibleAdjoint{}, 1e-4) - exact) < 1e-2 * std::abs(exact));
  CHECK(std::abs(gradient(cs::ReversibleAdjoint{}, 1e-8) - exact) < 3e-7 * std::abs(exact));
}

TEST_CASE("a reused reversible gradient does not allocate, whatever the state", "[adjoint]") {
  const Eigen::Vector3d times(0, 1, 3);
  const auto run = [&](const auto& y0, const auto& method, const cs::SolveOptions& options) {
    auto gradient = cs::value_and_grad([&](const auto& p_) {
      return cs::sum(cs::square(cs::odeint(forced_pendulum, y0, times, p_, method, cs::ReversibleAdjoint{.synchronise = 10}, options).back()));
    });
    gradient(p);
    const std::size_t n = allocations::of([&] { gradient(p); });
    if (allocations::counted) CHECK(n == 0);
  };
  run(start, cs::Rk4{}, {.step = 0.02});
  run(start, cs::Dopri5{}, {.rtol = 1e-8});
  const Eigen::MatrixXd batch = Eigen::MatrixXd::Random(2, 20);
  run(batch, cs::Rk4{}, {.step = 0.02});
  run(batch, cs::AsynchronousLeapfrog{.synchronise = 10}, {.step = 0.02});
}

TEST_CASE("continuous adjoints of a reversible solve are solved by the method that was made reversible", "[adjoint]") {
  const auto distance = [](const auto& method, const auto& adjoint, const cs::SolveOptions& options) {
    const auto loss = Loss::random(3, 2, 1, 5);
    const auto gradient = [&](const auto& by) { return adjoint_gradient(forced_pendulum, start, Eigen::Vector3d(0, 1, 2), p, method, by, options, loss); };
    return (gradient(adjoint) - gradient(cs::DirectAdjoint{})).norm();
  };
  const cs::SolveOptions tight{.rtol = 1e-10, .atol = 1e-10}, short_steps{.step = 1e-3};
  CHECK(distance(cs::Reversible<cs::Dopri5>{}, cs::BacksolveAdjoint{}, tight) < 1e-6);
  CHECK(distance(cs::Reversible<cs::Dopri5>{}, cs::InterpolatingAdjoint{}, tight) < 1e-6);
  CHECK(distance(cs::AsynchronousLeapfrog{}, cs::BacksolveAdjoint{}, short_steps) < 1e-4);
}
