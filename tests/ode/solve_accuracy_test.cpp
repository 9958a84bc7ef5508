// Error control keeps the error in proportion to the tolerance.

#include <numbers>

#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using problems::Vector;

TEST_CASE("dopri5 at 1e-10 is within 10 tolerances on decay", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::decay, 0.0, Vector<double, 1>(1.0), {.rtol = 1e-10, .atol = 1e-10});
  e.advance_to(10.0);
  CHECK_THAT(e.y()[0], Catch::Matchers::WithinAbs(std::exp(-10.0), 10e-10));
}

TEST_CASE("dopri5 at 1e-10 is within 1000 tolerances on an orbit of eccentricity 0.6", "[ode]") {
  const Vector<double, 4> start = problems::pericentre(0.6);
  auto e = problems::engine(cs::Dopri5{}, problems::kepler, 0.0, start, {.rtol = 1e-10, .atol = 1e-10});
  e.advance_to(2 * std::numbers::pi);
  CHECK((e.y() - start).norm() < 1e3 * 1e-10);
}

TEMPLATE_TEST_CASE("the error falls with the tolerance", "[ode]", cs::AdaptiveHeun, cs::Bosh3, cs::Dopri5) {
  const auto error = [](double tolerance) {
    const Vector<double, 4> start = problems::pericentre(0.3);
    auto e = problems::engine(TestType{}, problems::kepler, 0.0, start, {.rtol = tolerance, .atol = tolerance});
    e.advance_to(2 * std::numbers::pi);
    return (e.y() - start).norm();
  };
  // Local extrapolation: the error follows tolerance^(order / (error_order + 1)) = tolerance; half of that is a safe border.
  CHECK(error(1e-6) < 0.1 * error(1e-4));
  CHECK(error(1e-8) < 0.1 * error(1e-6));
}

TEST_CASE("every controller keeps the tolerance and accepts most steps", "[ode]") {
  const auto controller = GENERATE(cs::StepController::integral(), cs::StepController::hairer(), cs::StepController::gustafsson(),
                                   cs::StepController::h211pi(), cs::StepController::h312pid());
  const Vector<double, 4> start = problems::pericentre(0.6);
  auto e = problems::engine(cs::Dopri5{}, problems::kepler, 0.0, start, {.rtol = 1e-8, .atol = 1e-8, .controller = controller});
  e.advance_to(2 * std::numbers::pi);
  CHECK((e.y() - start).norm() < 1e3 * 1e-8);
  CHECK(e.stats().rejected < e.stats().accepted / 2);
}

TEST_CASE("a float state is solved to float's default tolerance, its time in double", "[ode]") {
  double latest = 0;
  const auto f = [&](auto t, const Vector<float, 1>& y, Vector<float, 1>& dydt) {
    static_assert(std::is_same_v<decltype(t), double>);
    latest = t;
    dydt = -y;
  };
  auto e = problems::engine(cs::Dopri5{}, f, 1e6, Vector<float, 1>(1.0f));  // in float, t + h would lose every step below 0.06
  e.advance_to(1e6 + 1);
  CHECK_THAT(static_cast<double>(e.y()[0]), Catch::Matchers::WithinAbs(std::exp(-1.0), 1e-4));
  CHECK(latest == 1e6 + 1);
}

TEST_CASE("a long double state goes beyond double's rounding", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::decay, 0.0L, Vector<long double, 1>(1.0L), {.rtol = 1e-17, .atol = 1e-17});
  e.advance_to(1.0L);
  CHECK(std::abs(e.y()[0] - std::exp(-1.0L)) < 1e-16L);
}
