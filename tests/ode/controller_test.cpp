// Step size control against its formulas, taken with the standard library's powers.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <costate/ode/controller.hpp>

#include "../catch.hpp"

namespace cs = costate;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

// The exponents are at most 1/2 per unit of log₂ err², whose error is 0.003; the power adds 2e-4.
constexpr double three_digits = 0.5 * 0.003 * 0.693 + 2.1e-4;

/// The formula of controller.hpp after errors e[0], e[1], … .
double factor(const cs::StepController& c, int k, const std::vector<double>& e) {
  const auto past = [&](std::size_t back) { return e.size() > back ? std::max(e[e.size() - 1 - back], 1e-4) : 1.0; };
  const double raw = c.safety * std::pow(e.back(), -c.beta1 / k) * std::pow(past(1), -c.beta2 / k) * std::pow(past(2), -c.beta3 / k);
  return std::clamp(raw, c.min_factor, c.max_factor);
}

}  // namespace

TEST_CASE("the controller's logarithms and powers are good for three digits", "[ode]") {
  for (int i = -2000; i <= 2000; ++i) {
    const double x = std::exp2(i * 0.0937);
    CHECK_THAT(cs::detail::rough_log2(x), WithinAbs(std::log2(x), 0.003));
    CHECK_THAT(cs::detail::rough_scale(3.0, i * 0.0937), WithinRel(3 * std::exp2(i * 0.0937), 2.1e-4));
  }
  CHECK(cs::detail::rough_scale(0.1, 0.0) == 0.1);
  CHECK(cs::detail::rough_log2(1.0) == 0);
  CHECK(cs::detail::rough_log2(0.0) < -1000);
}

TEST_CASE("accepted steps follow the controller's formula", "[ode]") {
  const auto c = GENERATE(cs::StepController::integral(), cs::StepController::hairer(), cs::StepController::gustafsson(),
                          cs::StepController::h211pi(), cs::StepController::h312pid());
  const int k = GENERATE(2, 3, 5);
  const cs::detail::StepFilter filter(c, k);
  cs::detail::ControllerMemory memory;
  std::vector<double> errors;
  for (const double error : {0.5, 0.9, 0.03, 1e-7, 0.2, 1.0, 0.77, 1e-3}) {
    errors.push_back(error);
    CAPTURE(c.beta1, k, error);
    CHECK_THAT(filter.accepted(memory, 2.0, error * error) / 2, WithinRel(factor(c, k, errors), three_digits));
  }
}

TEST_CASE("a rejected step shrinks by the elementary controller, and the step after it does not grow", "[ode]") {
  const cs::StepController c;
  const cs::detail::StepFilter filter(c, 5);
  cs::detail::ControllerMemory memory;
  for (const double error : {1.1, 3.0, 100.0, 1e8}) {
    const double expected = std::max(c.min_factor, c.safety * std::pow(error, -0.2));
    CHECK_THAT(filter.rejected(memory, 1.0, error * error), WithinRel(expected, three_digits));
  }
  CHECK_THAT(filter.rejected(memory, 1.0, std::numeric_limits<double>::infinity()), WithinRel(c.min_factor, three_digits));
  CHECK_THAT(filter.rejected(memory, 1.0, std::nan("")), WithinRel(c.min_factor, three_digits));
  CHECK(filter.accepted(memory, 1.0, 1e-10) == 1.0);
  CHECK(filter.accepted(memory, 1.0, 1e-10) > 1.0);
}

TEST_CASE("factors stay within their limits", "[ode]") {
  const cs::StepController c{.min_factor = 0.3, .max_factor = 4.0};
  const cs::detail::StepFilter filter(c, 5);
  cs::detail::ControllerMemory memory;
  CHECK_THAT(filter.accepted(memory, 1.0, 0.0), WithinRel(4.0, three_digits));  // no error at all
  CHECK_THAT(filter.accepted(memory, 1.0, 1e-300), WithinRel(4.0, three_digits));
  CHECK_THAT(filter.rejected(memory, 1.0, 1e300), WithinRel(0.3, three_digits));
}

TEST_CASE("within the dead band the step stays as it is", "[ode]") {
  const cs::StepController c{.beta2 = 0.0, .dead_band_low = 0.9, .dead_band_high = 1.2};
  const cs::detail::StepFilter filter(c, 5);
  cs::detail::ControllerMemory memory;
  CHECK(filter.accepted(memory, 0.7, 0.5) == 0.7);   // 0.9 · 0.5^(−0.085) = 0.95
  CHECK(filter.accepted(memory, 0.7, 1e-4) > 0.84);  // 0.9 · 1e-4^(−0.085) = 1.97
}
