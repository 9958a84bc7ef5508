// The engine's promises: where f is evaluated, what outputs cost, what a copy is, jumps, replay.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using problems::Vector;
using Y2 = Vector<double, 2>;

namespace {

const auto ignore_output = [](Eigen::Index, Eigen::Index, const auto&) {};

std::vector<double> grid(double t0, double t1, int n) {
  std::vector<double> t;
  for (int i = 0; i < n; ++i) t.push_back(i + 1 == n ? t1 : t0 + (t1 - t0) * i / (n - 1));
  return t;
}

}  // namespace

TEMPLATE_TEST_CASE("f is never evaluated outside of the solve", "[ode]", cs::Euler, cs::Midpoint, cs::Rk4, cs::AdaptiveHeun, cs::Bosh3, cs::Dopri5,
                   cs::FixedStep<cs::Dopri5>) {
  const auto ends = GENERATE(std::pair{0.0, 0.3}, std::pair{0.3, 0.0}, std::pair{1.0, 1.0 + 1e-12}, std::pair{-7.1, 1e3}, std::pair{0.1, 1e-9},
                             std::pair{1e9, 1e9 + 1e-3});
  const double t0 = ends.first, t1 = ends.second;
  double low = t0, high = t0;
  const auto f = [&](double t, const Y2& y, Y2& dydt) {
    low = std::min(low, t);
    high = std::max(high, t);
    dydt << y[1], -y[0];
  };
  cs::SolveOptions options{.rtol = 1e-5, .atol = 1e-5};
  if (!TestType::adaptive()) options.step = std::abs(t1 - t0) / 7.3;
  auto e = problems::engine(TestType{}, f, t0, Y2(1, 0), options);
  e.run(grid(t0, t1, 4), ignore_output);
  CHECK(low >= std::min(t0, t1));
  CHECK(high <= std::max(t0, t1));
  CHECK(e.t() == t1);
}

TEST_CASE("outputs neither change nor add steps", "[ode]") {
  const double t1 = 20;
  auto few = problems::engine(cs::Dopri5{}, problems::pendulum, 0.0, Y2(2, 0));
  auto many = few;
  few.run(grid(0, t1, 2), ignore_output);
  many.run(grid(0, t1, 1000), ignore_output);
  CHECK(few.stats() == many.stats());
  CHECK(few.y() == many.y());
}

TEST_CASE("outputs are in order, at their times, by the step that reaches them", "[ode]") {
  const auto t = grid(0, 5, 40);
  std::vector<double> ends;
  auto e = problems::engine(cs::Dopri5{}, problems::swing, 0.0, Vector<double, 1>(1.0), {.rtol = 1e-9, .atol = 1e-9});
  Eigen::Index next = 0;
  e.run(
      t,
      [&](Eigen::Index i, Eigen::Index step, const Vector<double, 1>& y) {
        CHECK(i == next++);
        CHECK_THAT(y[0], Catch::Matchers::WithinAbs(std::exp(std::sin(t[static_cast<std::size_t>(i)])), 1e-7));
        if (i > 0) {
          CHECK(step == static_cast<Eigen::Index>(ends.size()) - 1);
          CHECK(t[static_cast<std::size_t>(i)] <= ends.back());
        }
      },
      [&](const auto& w) { ends.push_back(w.end); });
  CHECK(next == 40);
}

TEST_CASE("a copy resumes bit by bit alike", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::lorenz, 0.0, Vector<double, 3>(1, 1, 1));
  e.advance_to(3.0);
  const auto checkpoint = e;
  e.advance_to(7.0);
  auto again = checkpoint;
  again.advance_to(7.0);
  CHECK(e.y() == again.y());
  CHECK(e.stats() == again.stats());
  CHECK(e.next_step() == again.next_step());
}

TEST_CASE("copies can be assigned even if f is a lambda with captures", "[ode]") {
  const double rate = 2;
  auto e = problems::engine(cs::Dopri5{}, [rate](double, const Y2& y, Y2& d) { d = -rate * y; }, 0.0, Y2(1, 2));
  const auto checkpoint = e;
  e.advance_to(1.0);
  const Y2 there = e.y();
  e = checkpoint;
  CHECK(e.t() == 0);
  e.advance_to(1.0);
  CHECK(e.y() == there);
}

TEST_CASE("the step after a cut one is the step before it", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::swing, 0.0, Vector<double, 1>(1.0));
  e.step();
  e.step();
  e.step();
  const double proposed = e.next_step();
  e.advance_to(e.t() + proposed / 100);
  CHECK(e.next_step() >= proposed);
}

TEST_CASE("many short moves cost one step each and still let the step grow", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::decay, 0.0, Vector<double, 1>(1.0), {.first_step = 1e-6});
  for (int i = 1; i <= 1000; ++i) e.advance_to(0.001 * i);
  CHECK(e.stats().accepted < 1010);
  CHECK(e.next_step() > 0.01);
}

TEST_CASE("the last steps are alike, never a tiny one", "[ode]") {
  for (int i = 0; i < 50; ++i) {
    std::vector<double> h;
    auto e = problems::engine(cs::Dopri5{}, problems::pendulum, 0.0, Y2(1, 0), {.rtol = 1e-6, .atol = 1e-6});
    e.advance_to(5 + 0.05 * i, [&](const auto& w) { h.push_back(w.h); });
    REQUIRE(h.size() > 3);
    CHECK(h.back() > 0.3 * h[h.size() - 2]);
  }
}

TEST_CASE("a jump costs one evaluation and leaves the step alone", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::pendulum, 0.0, Y2(1, 0));
  e.advance_to(2.0);
  auto other = e;
  const double proposed = e.next_step();
  e.jump([](Y2& y) { y[1] += 1e-3; });
  CHECK(e.next_step() == proposed);
  e.step();
  other.step();
  CHECK(e.stats().evaluations == other.stats().evaluations + 1);
  CHECK_THAT((e.y() - other.y()).norm(), Catch::Matchers::WithinAbs(1e-3, 5e-4));
}

TEMPLATE_TEST_CASE("a replay of the steps taken is the same solve", "[ode]", cs::Dopri5, cs::Bosh3, cs::AdaptiveHeun, cs::FixedStep<cs::Rk4>) {
  cs::SolveOptions options{.rtol = 1e-4, .atol = 1e-4};
  if (!TestType::adaptive()) options.step = 0.1;
  const auto t = grid(0, 4, 9);
  std::vector<double> steps;
  std::vector<Y2> outputs, replayed;
  auto e = problems::engine(TestType{}, problems::pendulum, 0.0, Y2(1, 0), options);
  auto again = e;
  e.run(t, [&](auto, auto, const Y2& y) { outputs.push_back(y); }, [&](const auto& w) { steps.push_back(w.end); });
  again.replay(steps, t, [&](auto, auto, const Y2& y) { replayed.push_back(y); });
  REQUIRE(outputs.size() == t.size());
  CHECK(outputs == replayed);
}

TEST_CASE("a replay serves outputs outside of their step by extrapolation", "[ode]") {
  const std::vector<double> steps{0.5, 1.0};
  const std::vector<double> t{0.0, 0.5 + 1e-7, 1.0 + 1e-7};
  const std::vector<Eigen::Index> served{-1, 0, 1};
  std::vector<double> y;
  auto e = problems::engine(cs::Dopri5{}, problems::decay, 0.0, Vector<double, 1>(1.0));
  e.replay(steps, t, [&](auto, Eigen::Index step, const auto& v) {
    CHECK(step == served[y.size()]);
    y.push_back(v[0]);
  }, cs::IgnoreSteps{}, served);
  REQUIRE(y.size() == 3);
  CHECK_THAT(y[1], Catch::Matchers::WithinAbs(std::exp(-t[1]), 1e-5));  // a step of 0.5 is good for 0.5⁶ (1/600 − 1/720) = 4e-6
  CHECK_THAT(y[2], Catch::Matchers::WithinAbs(std::exp(-t[2]), 1e-5));
}

TEST_CASE("fixed steps are as many as fit, and end exactly", "[ode]") {
  std::vector<double> ends;
  auto e = problems::engine(cs::Rk4{}, problems::decay, 0.0, Vector<double, 1>(1.0), {.step = 1e-3});
  e.run(grid(0, 10, 2), ignore_output, [&](const auto& w) { ends.push_back(w.end); });
  REQUIRE(ends.size() == 10000);
  CHECK(ends.back() == 10.0);
  CHECK(ends[6999] == 7.0);  // t0 + n h, not a running sum
}

TEST_CASE("without a step, fixed-step methods take one per output interval", "[ode]") {
  const std::vector<double> t{0.0, 0.1, 0.5, 0.6};
  std::vector<double> ends;
  auto e = problems::engine(cs::Rk4{}, problems::decay, 0.0, Vector<double, 1>(1.0));
  e.run(t, ignore_output, [&](const auto& w) { ends.push_back(w.end); });
  CHECK(ends == std::vector<double>{0.1, 0.5, 0.6});
}

TEST_CASE("forward and back again returns to the start", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, problems::pendulum, 0.0, Y2(1, 0.5), {.rtol = 1e-11, .atol = 1e-11});
  e.advance_to(5.0);
  e.advance_to(0.0);
  CHECK((e.y() - Y2(1, 0.5)).norm() < 1e-8);
}
