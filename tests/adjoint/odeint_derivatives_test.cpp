#include <costate/adjoint/odeint_derivatives.hpp>

#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"
#include "second_order.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

const Eigen::Vector3d pendulum(1.3, 0.2, 0.4);
const Eigen::Vector2d one(0.7, -0.3);
const Eigen::MatrixXd batch = (Eigen::MatrixXd(2, 3) << 0.7, 0.1, -0.5, -0.3, 0.4, 0.9).finished();
const std::vector<double> forward{0.0, 0.77, 2.0}, backward{2.0, 0.77, -0.5};

template <bool moving, class Y0, class M>
void check(const Y0& y0, const std::vector<double>& times, const M& method, const cs::SolveOptions& options) {
  const auto e = second_order_errors<moving>(forced_pendulum, y0, times, pendulum, method, cs::DirectAdjoint{}, options, 5);
  // 1e-12: some hundred roundings of sums that are larger than the results; differences of third and fourth order leave 1e-11 of a curvature
  CHECK(e.jvp < 1e-12);
  CHECK(e.gradient < 1e-12);
  CHECK(e.curvature < 2e-10);
  CHECK(e.symmetry < 1e-12);
  CHECK(e.nested < 1e-12);
}

}  // namespace

TEST_CASE("derivatives of the discrete solve are exact, by fixed steps", "[adjoint]") {
  check<false>(one, forward, cs::Rk4{}, {.step = 0.1});
  check<true>(batch, backward, cs::Rk4{}, {.step = 0.1});
}

TEST_CASE("derivatives of the discrete solve are exact, by adaptive steps", "[adjoint]") {
  check<false>(one, backward, cs::Dopri5{}, {});
  check<true>(batch, forward, cs::Dopri5{}, {});
}

TEST_CASE("derivatives of the discrete solve are exact, by steps of variable order", "[adjoint]") {
  check<false>(one, forward, cs::Adams{}, {});
  check<false>(batch, backward, cs::Adams{}, {});
}
