// The discrete adjoint of Adams methods against differences of the replayed solve.

#include <costate/adjoint/adams_pullback.hpp>

#include <costate/nn/mlp.hpp>
#include <costate/ode/adams_bashforth.hpp>
#include <costate/ode/adams_moulton.hpp>

#include "adjoint/replayed.hpp"
#include "catch.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

/// Regular grids and irregular ones, outputs inside of starting steps and of others and on their ends, both directions.
template <class M>
void check_on_the_pendulum(const M& method) {
  const Eigen::Vector2d start(1.0, -0.3);
  const Eigen::Vector3d p(2.0, 0.3, 1.1);
  const auto check = [&](const std::vector<double>& times, const cs::SolveOptions& options) {
    const auto loss = Loss::random(static_cast<Index>(times.size()), 2, 1, 7).leave_out(1);
    const Steps steps = steps_of(forced_pendulum, start, times, p, method, options);
    const auto g = adjoint_gradient(forced_pendulum, start, as_vector(times), p, method, cs::DirectAdjoint{}, options, loss);
    const double distance = relative_distance(g, replayed_gradient(forced_pendulum, start, times, p, method, steps, loss));
    CAPTURE(M::order, times.size(), times.front(), distance);
    CHECK(distance < 1e-9);
  };
  check({0.1, 0.45, 0.8, 1.3, 1.9}, {.step = 0.12});
  check({2.0, 1.7, 0.9, 0.25}, {.step = 0.1});
  check({0.0, 0.1, 0.25, 0.33, 0.5, 0.6, 0.8, 0.9, 1.0, 1.2}, {});
  check({0.0, 0.03, 0.1}, {.step = 0.06});  // over before the history is full
}

}  // namespace

TEST_CASE("the direct adjoint of Adams-Bashforth methods is the derivative of the replayed solve", "[adjoint]") {
  check_on_the_pendulum(cs::AdamsBashforth<1>{});
  check_on_the_pendulum(cs::AdamsBashforth<2>{});
  check_on_the_pendulum(cs::AdamsBashforth<4>{});
}

TEST_CASE("the direct adjoint of Adams-Moulton methods is the derivative of the replayed solve", "[adjoint]") {
  check_on_the_pendulum(cs::AdamsMoulton<1>{});
  check_on_the_pendulum(cs::AdamsMoulton<2>{});
  check_on_the_pendulum(cs::AdamsMoulton<3>{});
  check_on_the_pendulum(cs::AdamsMoulton<5>{});
}

TEST_CASE("the direct adjoint of the variable-order method is the derivative of the replayed solve", "[adjoint]") {
  const Eigen::Vector2d start(1.0, -0.3);
  const Eigen::Vector3d p(2.0, 0.3, 1.1);
  for (const double tolerance : {1e-4, 1e-9})
    for (const std::vector<double>& times : {std::vector<double>{0.1, 0.45, 0.8, 1.3, 3.9}, std::vector<double>{4.0, 1.7, 0.9, 0.25}}) {
      const cs::SolveOptions options{.rtol = tolerance, .atol = tolerance};
      const auto loss = Loss::random(static_cast<Index>(times.size()), 2, 1, 7).leave_out(1);
      const Steps steps = steps_of(forced_pendulum, start, times, p, cs::Adams{}, options);
      const auto g = adjoint_gradient(forced_pendulum, start, as_vector(times), p, cs::Adams{}, cs::DirectAdjoint{}, options, loss);
      const double distance = relative_distance(g, replayed_gradient(forced_pendulum, start, times, p, cs::Adams{}, steps, loss));
      CAPTURE(tolerance, steps.ends.size(), distance, *std::max_element(steps.choices.begin(), steps.choices.end()));
      CHECK(distance < 1e-9);
    }
}
