// What a solve cannot work with is refused at the border, by an error whose kind tells what is wrong and whose sentence tells what was
// given and what to do.

#include <limits>
#include <string>
#include <vector>

#include <costate/autodiff/algebra.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/asynchronous_leapfrog.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/integrator.hpp>
#include <costate/ode/reversible.hpp>
#include <costate/ode/rk4.hpp>
#include <costate/ode/solve.hpp>
#include <costate/ode/solve_samples.hpp>

#include "../catch.hpp"

namespace cs = costate;

namespace {

const double NaN = std::numeric_limits<double>::quiet_NaN();
const Eigen::Vector2d y(1, 0);
const auto oscillator = [](auto, const auto& u) { return cs::stack(u[1], -u[0]); };

/// The sentence in which an error of kind E is told.
template <class E, class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  } catch (const cs::Error& error) {
    return std::string("another kind of error: ") + error.what();
  }
  return "nothing was refused";
}

/// Checks that a sentence contains all of the parts.
template <class... Part>
void check_says(const std::string& sentence, const Part&... part) {
  for (const std::string& each : {std::string(part)...}) CHECK_THAT(sentence, Catch::Matchers::Contains(each));
}

template <class E, class M = cs::Dopri5>
std::string refused_options(const cs::SolveOptions& options, const M& method = {}) {
  return refusal<E>([&] { cs::solve(oscillator, y, {0.0, 1.0}, method, options); });
}

}  // namespace

TEST_CASE("times that are no grid are refused", "[ode]") {
  const auto with = [](const std::vector<double>& times) {
    return refusal<cs::TimeError>([&] { cs::solve(oscillator, y, times, cs::Dopri5{}); });
  };
  check_says(with({}), "no times", "give at least the initial one");
  check_says(with({0.0, 1.0, 1.0}), "times[2] = 1", "strictly increasing or strictly decreasing");
  check_says(with({0.0, 1.0, 0.5}), "times[2] = 0.5 follows times[1] = 1");
  check_says(with({1.0, 0.0, 0.5}), "in decreasing times");
  check_says(with({0.0, NaN}), "finite", "times[1] is nan");
  check_says(with({-HUGE_VAL, 0.0}), "times[0] is -inf");
}

TEST_CASE("a state that is no number is refused", "[ode]") {
  const auto from = [](const auto& start) {
    return refusal<cs::NonFiniteError>([&] { cs::solve(oscillator, start, {0.5, 1.0}, cs::Rk4{}); });
  };
  check_says(from(Eigen::Vector2d(1, NaN)), "initial state at t = 0.5", "NaN", "expected finite");
  check_says(from(std::vector<double>{HUGE_VAL, 0.0}), "initial state");
  Eigen::MatrixXd batch = Eigen::MatrixXd::Ones(2, 5);
  batch(1, 3) = NaN;
  check_says(from(batch), "initial state");
  auto integrator = cs::make_integrator(oscillator, y, 0.0, cs::Dopri5{});
  check_says(refusal<cs::NonFiniteError>([&] { integrator.reset(0.0, Eigen::Vector2d(NaN, 0)); }), "initial state");
  check_says(refusal<cs::NonFiniteError>([&] { cs::step(cs::Rk4{}, oscillator, 0.0, Eigen::Vector2d(NaN, 0), 0.1); }), "the state");
}

TEST_CASE("a dynamics that returns another size is refused, whatever it returns", "[ode]") {
  const auto returns = [](const auto& f, const auto& start) {
    return refusal<cs::ShapeError>([&] { cs::solve(f, start, {0.0, 1.0}, cs::Dopri5{}); });
  };
  const Eigen::VectorXd three = Eigen::VectorXd::Ones(3);
  const Eigen::MatrixXd batch = Eigen::MatrixXd::Ones(3, 4);
  check_says(returns(oscillator, three), "returned 2 x 1", "state of 3 x 1", "one row per component");
  check_says(returns(oscillator, batch), "state of 3 x 4");
  check_says(returns([](auto, const auto&) { return 1.0; }, three), "returned 1 x 1", "state of 3 x 1");
  check_says(returns([](auto, const auto& u) { return cs::rows(u, 0, 2); }, three), "returned 2 x 1");
  check_says(returns([](auto, const auto& u) { return cs::rows(u, 0, 2); }, batch), "returned 2 x 4", "state of 3 x 4");
  check_says(returns([](auto, const auto&) { return Eigen::VectorXd::Ones(5).eval(); }, three), "returned 5 x 1");
}

TEST_CASE("a dynamics that returns NaN is told with the time", "[ode]") {
  const auto at_once = [](auto, const auto& u) { return cs::stack(u[1], NaN * u[0]); };
  const auto later = [](double t, const auto& u) { return cs::stack(u[1], t > 0.5 ? NaN : -u[0]); };
  const auto message = [](const auto& f, const auto& method, const cs::SolveOptions& options) {
    return refusal<cs::NonFiniteError>([&] { cs::solve(f, y, {0.0, 1.0}, method, options); });
  };
  check_says(message(at_once, cs::Dopri5{}, {}), "NaN or infinity at t = 0", "check its domain");
  check_says(message(at_once, cs::Rk4{}, {.step = 0.1}), "NaN or infinity at t = 0", "check its domain");
  check_says(message(later, cs::Dopri5{}, {}), "NaN or infinity at t = 0.", "check its domain");
  check_says(message(later, cs::Rk4{}, {.step = 0.1}), "NaN or infinity at t = 0.", "check its domain");
}

TEST_CASE("a slope at the end that is infinite fails every method that uses it", "[ode]") {
  const auto singular = [](auto t, const auto&) { return cs::stack(1 / std::sqrt(1 - t)); };
  const Eigen::Matrix<double, 1, 1> zero(0.0);
  const auto with = [&](const auto& method, const cs::SolveOptions& options) {
    return refusal<cs::NonFiniteError>([&] { cs::solve(singular, zero, {0.0, 0.9, 1.0}, method, options); });
  };
  check_says(with(cs::fixed(cs::Bosh3{}), {.step = 0.25}), "NaN or infinity");
  check_says(with(cs::fixed(cs::Dopri5{}), {.step = 0.25}), "NaN or infinity");
  check_says(with(cs::Bosh3{}, {}), "NaN or infinity");
}

TEST_CASE("a state at rest lets steps grow, to an end", "[ode]") {
  auto resting = cs::make_integrator([](auto, const auto&) { return cs::stack(0.0, 0.0); }, y, 0.0, cs::Dopri5{});
  for (int i = 0; i < 400; ++i) resting.step();
  CHECK(resting.y() == y);
  CHECK(std::isfinite(resting.t()));
}

TEST_CASE("tolerances that no step can meet are refused", "[ode]") {
  using E = cs::OptionError;
  check_says(refused_options<E>({.rtol = -1e-6}), "rtol = -1e-06", "expected a finite number ≥ 0");
  check_says(refused_options<E>({.rtol = NaN}), "rtol = nan");
  check_says(refused_options<E>({.atol = -1.0}), "atol = -1");
  check_says(refused_options<E>({.atol = NaN}), "atol = nan");
  check_says(refused_options<E>({.rtol = 0.0, .atol = 0.0}), "both zero", "Set one");
  check_says(refused_options<E>({.rtol = 1e-16}), "rtol = 1e-16", "rounding", "take a larger rtol");
  const Eigen::Vector2f single(1, 0);
  check_says(refusal<E>([&] { cs::solve(oscillator, single, {0.0, 1.0}, cs::Dopri5{}, {.rtol = 1e-8}); }), "rtol = 1e-08", "wider type");
}

TEST_CASE("steps without a length are refused", "[ode]") {
  using E = cs::OptionError;
  for (const double step : {-0.1, 0.0, NaN}) {
    check_says(refused_options<E>({.step = step}, cs::Rk4{}), "step = ", "expected a positive step length", "leave it out");
    check_says(refused_options<E>({.first_step = step}), "first_step = ", "expected a positive");
    check_says(refused_options<E>({.max_step = step}), "max_step = ", "expected a positive");
  }
  check_says(refused_options<E>({.step = HUGE_VAL}, cs::Rk4{}), "step = inf", "finite");
  check_says(refusal<cs::TimeError>([] { cs::step(cs::Rk4{}, oscillator, 0.0, y, NaN); }), "by h = nan", "finite");
  auto fixed = cs::make_integrator(oscillator, y, 0.0, cs::Rk4{});
  check_says(refusal<E>([&] { fixed.step(); }), "needs SolveOptions::step");
  check_says(refusal<cs::TimeError>([&] { fixed.advance_to(NaN); }), "advance_to(nan)", "finite");
}

TEST_CASE("tolerances alone are refused by methods that estimate no error", "[ode]") {
  using E = cs::OptionError;
  const auto says = [](const std::string& sentence, const char* given) {
    check_says(sentence, given, "fixed steps", "give SolveOptions::step", "Dopri5");
  };
  says(refused_options<E>({.rtol = 1e-8}, cs::Rk4{}), "rtol = 1e-08");
  says(refused_options<E>({.atol = 1e-3}, cs::Euler{}), "atol = 0.001");
  says(refused_options<E>({.rtol = 1e-5, .atol = 1e-3}, cs::fixed(cs::Dopri5{})), "rtol = 1e-05");
  says(refused_options<E>({.rtol = 1e-5}, cs::AdamsMoulton<4>{}), "rtol = 1e-05");
  says(refused_options<E>({.rtol = 1e-5}, cs::Reversible<cs::Rk4>{}), "rtol = 1e-05");
  says(refused_options<E>({.rtol = 1e-5}, cs::AsynchronousLeapfrog{}), "rtol = 1e-05");
  says(refusal<E>([] { cs::make_integrator(oscillator, y, 0.0, cs::Rk4{}, {.rtol = 1e-8}); }), "rtol = 1e-08");
  const Eigen::MatrixXd batch = Eigen::MatrixXd::Ones(2, 3);
  says(refusal<E>([&] { cs::solve(oscillator, batch, std::vector<Eigen::VectorXd>(3, Eigen::Vector2d(0, 1)), cs::Rk4{}, {.atol = 1e-8}); }), "atol");
  CHECK_NOTHROW(cs::solve(oscillator, y, {0.0, 1.0}, cs::Rk4{}, {.rtol = 1e-8, .atol = 1e-8, .step = 0.1}));
  CHECK_NOTHROW(cs::solve(oscillator, y, {0.0, 1.0}, cs::Reversible<cs::Dopri5>{}, {.rtol = 1e-8}));
}

TEST_CASE("more steps than allowed are told with what to change", "[ode]") {
  using E = cs::TooManyStepsError;
  check_says(refused_options<E>({.rtol = 1e-12, .atol = 1e-12, .max_steps = 5}), "max_steps = 5", "stands at t = ", "raise max_steps");
  check_says(refused_options<E>({.step = 1e-3, .max_steps = 5}, cs::Rk4{}), "max_steps = 5", "raise max_steps");
  check_says(refused_options<cs::OptionError>({.max_steps = 0}), "max_steps = 0", "at least 1");
}

TEST_CASE("dense output is refused outside of the solve, and where it was not kept", "[ode]") {
  const auto kept = cs::solve(oscillator, y, {0.0, 1.0}, cs::Dopri5{}, {.dense = true});
  check_says(refusal<cs::RangeError>([&] { kept(1.5); }), "t = 1.5", "covers [0, 1]");
  check_says(refusal<cs::RangeError>([&] { kept(NaN); }), "covers [0, 1]");
  check_says(refusal<cs::RangeError>([&] { kept.derivative(-0.1); }), "t = -0.1", "covers [0, 1]");
  const auto plain = cs::solve(oscillator, y, {0.0, 1.0}, cs::Dopri5{});
  check_says(refusal<cs::RangeError>([&] { plain(0.5); }), "dense = true");
}
