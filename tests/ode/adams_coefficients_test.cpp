// Coefficients of variable-order Adams steps against integrals of the Newton basis, which they are.

#include <cmath>
#include <limits>

#include <costate/ode/adams_coefficients.hpp>

#include "../catch.hpp"

namespace {

namespace detail = costate::detail;
using L = long double;

/// τ after some steps of one length and before them of others.
detail::AdamsRow<L> distances(std::size_t k, std::size_t equal) {
  detail::AdamsRow<L> tau{};
  for (std::size_t i = 1; i <= k; ++i) tau[i] = i <= equal ? static_cast<L>(i) : tau[i - 1] + 0.4L + std::abs(std::sin(static_cast<L>(i)));
  return tau;
}

}  // namespace

TEST_CASE("the weights g of an Adams step are the integrals of Newton's basis over it", "[ode]") {
  // c_1 = 1, c_{i+1}(s) = Π_{j ≤ i} (s + τ_j − 1) / τ_j, normalised to 1 at the step's end s = 1; g_i = ∫₀¹ c_i
  const std::size_t k = GENERATE(1U, 2U, 5U, 12U), equal = GENERATE(1U, 3U, 12U);
  const auto tau = distances(k, equal);
  detail::AdamsCoefficients<L> c;
  c.compute(tau, k, std::min(equal, k));
  detail::AdamsRow<L> polynomial{1};
  for (std::size_t i = 1; i <= k + 1; ++i) {
    L integral = 0;
    for (std::size_t m = 0; m < i; ++m) integral += polynomial[m] / static_cast<L>(m + 1);
    CAPTURE(k, equal, i);
    CHECK(std::abs(c.g[i] - integral) < 100 * std::numeric_limits<L>::epsilon());
    if (i > k) break;
    for (std::size_t m = i; m > 0; --m) polynomial[m] = (polynomial[m - 1] + (tau[i] - 1) * polynomial[m]) / tau[i];
    polynomial[0] *= (tau[i] - 1) / tau[i];
  }
}

TEST_CASE("coefficients of equal steps are the same, known or computed", "[ode]") {
  const std::size_t k = GENERATE(1U, 2U, 7U, 12U), equal = GENERATE(2U, 5U, 12U);
  const auto tau = distances(k, equal);
  detail::AdamsCoefficients<L> computed, known;
  computed.compute(tau, k, 1);
  known.compute(tau, k, std::min(equal, k));
  for (std::size_t i = 1; i <= k + 1; ++i) {
    CAPTURE(k, equal, i);
    CHECK(std::abs(known.g[i] - computed.g[i]) < 100 * std::numeric_limits<L>::epsilon());
    CHECK(std::abs(known.sigma[i] - computed.sigma[i]) < 100 * std::numeric_limits<L>::epsilon() * known.sigma[i]);
    if (i <= k) CHECK(std::abs(known.beta[i] - computed.beta[i]) < 100 * std::numeric_limits<L>::epsilon() * known.beta[i]);
  }
}

TEST_CASE("on equal steps the weights and the error constants are the classical ones", "[ode]") {
  // Bashforth & Adams 1883: 1, 1/2, 5/12, 3/8, 251/720, 95/288; the corrector's 1/2, 1/12, 1/24, 19/720, 3/160
  detail::AdamsCoefficients<double> c;
  c.compute(detail::adams_distances<double>(1.0, 1.0, static_cast<const double*>(nullptr), 5, 5), 5, 5);
  const double g[] = {1, 1.0 / 2, 5.0 / 12, 3.0 / 8, 251.0 / 720, 95.0 / 288};
  for (std::size_t i = 0; i < 6; ++i) CHECK(std::abs(c.g[i + 1] - g[i]) < 1e-15);
  const double constants[] = {1.0 / 2, 1.0 / 12, 1.0 / 24, 19.0 / 720, 3.0 / 160};
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::abs(detail::adams_error_constants<double>[i + 1] - constants[i]) < 1e-15);
}

TEST_CASE("what steps that double make of the slopes' rounding is the sum of their weights", "[ode]") {
  // nodes 0, −1/2, −3/4, …; the values are of exact rationals
  const auto& growth = detail::growth_over_doubled_steps;
  CHECK(growth[1] == 1);
  CHECK(std::abs(growth[2] - 3) < 1e-14);
  CHECK(std::abs(growth[3] - 37.0 / 3) < 1e-13);
  CHECK(std::abs(growth[6] - 37756.97972350231) < 1e-8);
  CHECK(std::abs(growth[12] / 5.0783533202950955e19 - 1) < 1e-12);
}
