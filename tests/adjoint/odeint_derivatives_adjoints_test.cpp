#include <costate/adjoint/odeint_derivatives.hpp>

#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"
#include "second_order.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

const Eigen::Vector3d pendulum(1.3, 0.2, 0.4);
const Eigen::Vector2d one(0.7, -0.3);

template <class M, class A>
SecondOrderErrors errors(const M& method, const A& adjoint, const cs::SolveOptions& options) {
  return second_order_errors<false>(forced_pendulum, one, {0.0, 0.77, 2.0}, pendulum, method, adjoint, options, 7);
}

}  // namespace

TEST_CASE("second derivatives are exact by every discrete adjoint", "[adjoint]") {
  const auto check = [](const SecondOrderErrors& e) {
    CHECK(e.jvp < 1e-12);
    CHECK(e.gradient < 1e-12);
    CHECK(e.curvature < 2e-10);
    CHECK(e.symmetry < 1e-12);
    CHECK(e.nested < 1e-12);
  };
  check(errors(cs::Rk4{}, cs::ReversibleAdjoint{}, {.step = 0.1}));
  check(errors(cs::Dopri5{}, cs::CheckpointedAdjoint{3}, {}));
}

TEMPLATE_TEST_CASE("second derivatives by a continuous adjoint converge with the tolerance", "[adjoint]", cs::BacksolveAdjoint, cs::InterpolatingAdjoint) {
  const SecondOrderErrors loose = errors(cs::Dopri5{}, TestType{}, {.rtol = 1e-6, .atol = 1e-6}), tight = errors(cs::Dopri5{}, TestType{}, {.rtol = 1e-9, .atol = 1e-9});
  CHECK(loose.jvp < 1e-12);  // forward mode does not need the adjoint
  CHECK(tight.jvp < 1e-12);
  for (const auto error : {&SecondOrderErrors::gradient, &SecondOrderErrors::curvature, &SecondOrderErrors::symmetry}) {
    CHECK(loose.*error < 1e-4);  // a hundred times the tolerance: there are as many steps
    CHECK(tight.*error < 1e-7);
  }
}
