// A solve that cannot go on says why; it never loops and never returns NaN.

#include <limits>
#include <string>
#include <vector>

#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using Y = problems::Vector<double, 1>;
using Catch::Matchers::Contains;

namespace {

const auto square = [](double, const Y& y, Y& dydt) { dydt[0] = y[0] * y[0]; };  // y = 1/(1 − t)
const auto nan_after_1 = [](double t, const Y&, Y& dydt) { dydt[0] = t > 1 ? std::nan("") : 1.0; };

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const cs::Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace

TEST_CASE("a pole ends in a step size error that names the time", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, square, 0.0, Y(1.0));
  CHECK_THROWS_AS(e.advance_to(2.0), cs::StepSizeError);
  CHECK(e.t() < 1.001);
  CHECK(e.y().allFinite());
  e.reset(0.0, Y(1.0));
  CHECK_THAT(message([&] { e.advance_to(2.0); }), Contains("t = 1.0") && Contains("norm") && Contains("pole"));
}

TEST_CASE("NaN from the dynamics rejects steps and then fails, and is never accepted", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, nan_after_1, 0.0, Y(1.0));
  CHECK_THROWS_AS(e.advance_to(2.0), cs::NonFiniteError);
  CHECK(e.t() <= 1.0);
  CHECK_THAT(e.y()[0], Catch::Matchers::WithinAbs(1 + e.t(), 1e-12));

  auto heun = problems::engine(cs::AdaptiveHeun{}, nan_after_1, 0.0, Y(1.0));
  CHECK_THROWS_AS(heun.advance_to(2.0), cs::NonFiniteError);
  auto fixed = problems::engine(cs::Rk4{}, nan_after_1, 0.0, Y(1.0), {.step = 0.3});
  CHECK_THROWS_AS(fixed.advance_to(2.0), cs::NonFiniteError);
  CHECK(fixed.y().allFinite());
}

TEST_CASE("NaN at the start is told at once", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, [](double, const Y&, Y& d) { d[0] = std::nan(""); }, 0.0, Y(1.0));
  CHECK_THROWS_AS(e.advance_to(2.0), cs::NonFiniteError);
  CHECK(e.stats().evaluations == 1);
  CHECK_THROWS_AS(e.reset(0.0, Y(std::nan(""))), cs::NonFiniteError);
  CHECK_THROWS_AS(e.reset(std::nan(""), Y(1.0)), cs::TimeError);
}

TEST_CASE("a domain that the trial steps leave and the solution does not is no failure", "[ode]") {
  // y' = −2 sqrt(y) reaches y ≈ 1e-4 at the end; steps too long ask for the root of a negative number.
  auto e = problems::engine(cs::Dopri5{}, [](double, const Y& y, Y& d) { d[0] = -2 * std::sqrt(y[0]); }, 0.0, Y(1.0), {.first_step = 0.9});
  e.advance_to(0.99);
  CHECK_THAT(e.y()[0], Catch::Matchers::WithinAbs(1e-4, 1e-6));
}

TEST_CASE("an infinity that the error estimate cannot see is not accepted", "[ode]") {
  const double huge = 1e308;
  auto e = problems::engine(cs::Dopri5{}, [=](double, const Y&, Y& d) { d[0] = huge; }, 0.0, Y(1.0));
  CHECK_THROWS_AS(e.advance_to(10.0), cs::Error);
  CHECK(e.y().allFinite());
}

TEST_CASE("too many steps are an error that says how to go on", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::lorenz, 0.0, problems::Vector<double, 3>(1, 1, 1), {.max_steps = 20});
  CHECK_THROWS_AS(e.advance_to(100.0), cs::TooManyStepsError);
  CHECK(e.stats().steps() == 20);
  CHECK_THAT(message([&] { e.advance_to(100.0); }), Contains("max_steps = 20"));

  auto fixed = problems::engine(cs::Rk4{}, problems::decay, 0.0, Y(1.0), {.step = 1e-3, .max_steps = 100});
  CHECK_THROWS_AS(fixed.advance_to(1.0), cs::TooManyStepsError);
  CHECK(fixed.stats().evaluations == 0);  // told before the first step
  auto endless = problems::engine(cs::Rk4{}, problems::decay, 0.0, Y(1.0), {.step = 1e-300});
  CHECK_THROWS_AS(endless.advance_to(1.0), cs::TooManyStepsError);
}

TEST_CASE("a status instead of an exception when asked for", "[ode]") {
  cs::SolveOptions options;
  options.throw_on_failure = false;
  auto e = problems::engine(cs::Dopri5{}, square, 0.0, Y(1.0), options);
  int outputs = 0;
  const std::vector<double> t{0.0, 0.5, 0.9, 1.5};
  CHECK(e.run(t, [&](auto...) { ++outputs; }) == cs::Status::step_underflow);
  CHECK(outputs == 3);
}

TEST_CASE("an interval of a few roundings is one step", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::decay, 1.0, Y(1.0));
  e.advance_to(1.0 + 2 * std::numeric_limits<double>::epsilon());
  CHECK(e.stats().accepted == 1);
}

TEST_CASE("what no solve can start from is refused", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::decay, 0.0, Y(1.0));
  const auto nothing = [](auto...) {};
  CHECK_THROWS_AS(e.run(std::vector<double>{}, nothing), cs::TimeError);
  CHECK_THROWS_AS(e.run(std::vector<double>{1.0, 2.0}, nothing), cs::TimeError);
  CHECK_THROWS_AS(e.advance_to(HUGE_VAL), cs::TimeError);
  cs::Engine<cs::Dopri5, Eigen::VectorXd, decltype(problems::decay)> dynamic(cs::Dopri5{}, problems::decay, {3, 1});
  CHECK_THROWS_AS(dynamic.reset(0.0, Eigen::VectorXd::Ones(2)), cs::ShapeError);
  auto fixed = problems::engine(cs::Rk4{}, problems::decay, 0.0, Y(1.0));
  CHECK_THROWS_AS(fixed.step(), cs::OptionError);
}
