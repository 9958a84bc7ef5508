#include <costate/ode/reversible.hpp>

#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/rk4.hpp>
#include <costate/ode/solve.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;

TEMPLATE_TEST_CASE("a method made reversible keeps its order, that of its dense output too", "[ode]", cs::Euler, cs::Midpoint, cs::Rk4, cs::Dopri5) {
  const int n = TestType::order == 1 ? 800 : 160;
  const cs::Reversible<cs::FixedStep<TestType>> method;
  const auto coarse = problems::errors_on_swing(method, n), fine = problems::errors_on_swing(method, 2 * n);
  const auto slope = [](long double a, long double b) { return static_cast<double>(std::log2(a / b)); };
  CAPTURE(slope(coarse.ends, fine.ends), slope(coarse.between, fine.between), slope(coarse.slopes, fine.slopes));
  CHECK(slope(coarse.ends, fine.ends) > TestType::order - 0.15);
  CHECK(slope(coarse.between, fine.between) > std::min(TestType::order, TestType::dense_order + 1) - 0.15);
  CHECK(slope(coarse.slopes, fine.slopes) > TestType::dense_order - 0.15);
}

TEST_CASE("a reversible step is undone to rounding", "[ode]") {
  using State = problems::Vector<double, 2>;
  const double coupling = 0.9, h = 0.1;
  auto e = problems::engine(cs::Reversible<cs::Rk4>{.coupling = coupling, .synchronise = 0}, problems::pendulum, 0.0, State(1, 0.2), {.step = h});
  const auto increment = [](double length, const State& x) {
    auto one = problems::engine(cs::Rk4{}, problems::pendulum, 0.0, x);
    one.advance_to(length);
    return State(one.y() - x);
  };
  for (int i = 0; i < 20; ++i) {
    e.step();
    const auto w = e.window();
    const State z = w.z1 + increment(-h, w.y1), y = z + (w.y1 - z - increment(h, z)) / coupling;
    CHECK((z - w.z0).norm() < 1e-15);
    CHECK((y - w.y0).norm() < 1e-15);
  }
}

TEST_CASE("synchronising keeps a contracting problem right where coupling alone loses it", "[ode]") {
  using State = problems::Vector<double, 1>;
  const auto relative_error = [](Eigen::Index synchronise) {  // the method alone: 8e-9
    auto e = problems::engine(cs::Reversible<cs::Rk4>{.synchronise = synchronise}, problems::decay, 0.0, State(1), {.step = 0.01});
    e.advance_to(100.0);
    return std::abs(e.y()[0] * std::exp(100.0) - 1);
  };
  CHECK(relative_error(1000) < 1e-6);
  CHECK(relative_error(10) < 1e-8);
  CHECK(!(relative_error(0) < 1));
}

TEST_CASE("where y and z are one: after so many steps, earlier where they drift apart, anew after a change from outside", "[ode]") {
  using State = problems::Vector<double, 2>;
  auto e = problems::engine(cs::Reversible<cs::Rk4>{.synchronise = 7}, problems::pendulum, 0.0, State(1, 0.2), {.step = 0.01});
  int steps = 0;
  e.advance_to(1.0, [&](const auto& w) {
    ++steps;
    CHECK(w.synchronised == (steps % 7 == 0));
    CHECK((w.z0 == w.y0) == (steps % 7 == 1));
    CHECK(w.z1 != w.y1);
  });
  e.jump([](State& y) { y[1] = -1; });
  e.step();
  CHECK(e.window().z0 == e.window().y0);
  CHECK(e.window().y0[1] == -1);
}

TEST_CASE("an adaptive reversible solve meets its tolerance, and a copy goes on bit by bit alike", "[ode]") {
  const auto y0 = problems::pericentre(0.5);
  const cs::SolveOptions options{.rtol = 1e-8, .atol = 1e-8};
  auto alone = problems::engine(cs::Dopri5{}, problems::kepler, 0.0, y0, options);
  auto e = problems::engine(cs::Reversible<cs::Dopri5>{}, problems::kepler, 0.0, y0, options);
  const double period = 2 * std::acos(-1.0);
  alone.advance_to(period);
  e.advance_to(period / 2);
  auto copy = e;
  e.advance_to(period);
  copy.advance_to(period);
  CHECK(e.y() == copy.y());
  CHECK((e.y() - y0).norm() < 20 * (alone.y() - y0).norm());
  CHECK(10 * e.stats().accepted < 11 * alone.stats().accepted);
}

TEST_CASE("in single precision and for batches of any size", "[ode]") {
  const auto f = [](auto t, const auto& y) { return cs::cos(t) * y; };
  const Eigen::MatrixXf y0 = Eigen::MatrixXf::Constant(2, 5, 0.5f);
  const auto solution = cs::solve(f, y0, {0.0f, 1.0f, 3.0f}, cs::Reversible<cs::Bosh3>{}, {.rtol = 1e-4, .atol = 1e-5});
  CHECK((solution.y.back() - 0.5f * std::exp(std::sin(3.0f)) * Eigen::MatrixXf::Ones(2, 5)).norm() < 1e-3f);
}

TEST_CASE("options out of their range are refused", "[ode]") {
  const auto with = [](double coupling, Eigen::Index synchronise) {
    problems::engine(cs::Reversible<cs::Rk4>{coupling, synchronise}, problems::decay, 0.0, problems::Vector<double, 1>(1));
  };
  CHECK_NOTHROW(with(1, 0));
  for (const double coupling : {0.0, -0.5, 1.0001, std::nan("")}) CHECK_THROWS_AS(with(coupling, 10), cs::OptionError);
  CHECK_THROWS_AS(with(0.999, -1), cs::OptionError);
}
