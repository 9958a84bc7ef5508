// Derivatives of solves whose state has parts, or running costs, with tolerances of their own: those of the steps that the solve takes.

#include <costate/adjoint/odeint_parts.hpp>
#include <costate/adjoint/odeint_with_cost.hpp>
#include <costate/autodiff/hvp.hpp>
#include <costate/ode/dopri5.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

const std::vector<double> times{0.0, 1.0, 3.0};
const Eigen::Vector2d theta(1.3, 0.7), along(0.6, -0.8), across(0.5, 0.9);

/// jvp and hvp agree with value_and_grad to rounding, and the Hessian is symmetric.
template <class L>
void check(const L& loss) {
  const auto [value, gradient] = cs::value_and_grad(loss, theta);
  const auto [same, slope] = cs::jvp(loss, theta, along);
  const auto [same_too, gradient_too, product] = cs::hvp(loss, theta, along);
  CHECK(std::abs(same[0] - value) < 1e-12);
  CHECK(std::abs(same_too - value) < 1e-12);
  CHECK(std::abs(slope[0] - gradient.dot(along)) < 1e-11 * gradient.norm());
  CHECK((gradient_too - gradient).norm() < 1e-11 * gradient.norm());
  const auto [again, and_again, other] = cs::hvp(loss, theta, across);
  CHECK(std::abs(product.dot(across) - other.dot(along)) < 1e-10 * (product.norm() + other.norm()));
}

}  // namespace

TEST_CASE("derivatives of mixed states follow the tolerances of their parts", "[adjoint]") {
  const auto f = [](auto, const auto& state, const auto& p) {
    const auto& [x, w] = state;
    return cs::parts(p[0] * w - x * x * x, -p[1] * x);
  };
  check([&](const auto& p) {
    const auto y = cs::odeint(f, cs::parts(cs::part(1.0, {.rtol = 1e-9, .atol = 1e-11}), 0.3), times, p, cs::Dopri5{}, cs::DirectAdjoint{},
                              {.rtol = 1e-2, .atol = 1e-2});
    const auto [x, w] = y.back();
    return 2.0 * x + w * w;
  });
}

TEST_CASE("derivatives of running costs follow what the costs ask for", "[adjoint]") {
  const auto f = [](auto, const auto& y, const auto& p) { return cs::stack(p[0] * y[1], -p[1] * y[0]); };
  const auto q = [](auto t, const auto& y, const auto& p) { return cs::sin(30.0 * t * p[0]) * y[0] * y[0]; };
  for (const bool in_norm : {true, false})
    check([&](const auto& p) {
      const auto [y, c] = cs::odeint_with_cost(f, cs::cost(q, {.in_norm = in_norm}), Eigen::Vector2d(1, 0), times, p, cs::Dopri5{},
                                               cs::DirectAdjoint{}, {.rtol = 1e-3, .atol = 1e-3});
      return c.back() + y.back()[0];
    });
}
