// A dynamics that jumps in t: no step leads across.

#include <costate/ode/jump_times.hpp>

#include <vector>

#include <costate/ode/adams.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/asynchronous_leapfrog.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/integrator.hpp>
#include <costate/ode/reversible.hpp>
#include <costate/ode/rk4.hpp>
#include <costate/ode/solve.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

const std::vector<double> jumps{0.0, 0.7, 1.9};
/// y' = level(t) − y with levels 1 and 5 in turn; what is returned at a jump itself is up to `closed`.
auto relaxation(bool closed) {
  return [closed](auto t, const auto& y) {
    bool odd = false;
    for (const double jump : jumps) odd ^= closed ? t >= jump : t > jump;
    return cs::stack((odd ? 5.0 : 1.0) - y[0]);
  };
}
double exact(double t0, double t1, double y) {
  double at = t0;
  const double direction = t1 > t0 ? 1 : -1;
  while (at != t1) {
    double next = t1;
    for (const double jump : jumps)
      if (direction * (jump - at) > 0 && direction * (next - jump) > 0) next = jump;
    bool odd = false;
    for (const double jump : jumps) odd ^= (at + next) / 2 > jump;
    const double level = odd ? 5 : 1;
    y = level + (y - level) * std::exp(at - next);
    at = next;
  }
  return y;
}
template <class M>
double error(const M& method, cs::SolveOptions options, bool closed, double t0, double t1) {
  options.jump_times = jumps;
  const std::vector<double> times{t0, (t0 + 0.7) / 2, 0.7, t1};
  const auto s = cs::solve(relaxation(closed), Eigen::VectorXd(Eigen::VectorXd::Constant(1, 2.0)), times, method, options);
  double worst = 0;
  for (std::size_t i = 0; i < times.size(); ++i) worst = std::max(worst, std::abs(s.y[i][0] - exact(t0, times[i], 2.0)));
  return worst;
}

}  // namespace

TEST_CASE("a jump of the dynamics costs no accuracy, whichever value it has there", "[ode]") {
  for (const bool closed : {false, true})
    for (const auto& [t0, t1] : {std::pair(-0.3, 2.6), std::pair(2.6, -0.3), std::pair(0.0, 1.9)}) {
      CHECK(error(cs::Dopri5{}, {.rtol = 1e-10, .atol = 1e-12}, closed, t0, t1) < 3e-9);
      CHECK(error(cs::Adams{}, {.rtol = 1e-10, .atol = 1e-12}, closed, t0, t1) < 3e-9);
      CHECK(error(cs::Rk4{}, {.step = 0.01}, closed, t0, t1) < 1e-7);
      CHECK(error(cs::Reversible<cs::Rk4>{}, {.step = 0.01}, closed, t0, t1) < 1e-7);
    }
  CHECK(error(cs::fixed(cs::Dopri5{}), {}, true, -0.3, 2.6) < 1e-2);  // one step from stop to stop
}

TEST_CASE("an adaptive step is not worn down at a jump that is known", "[ode]") {
  const Eigen::VectorXd y0 = Eigen::VectorXd::Constant(1, 2.0);
  const auto count = [&](const std::vector<double>& known) {
    return cs::solve(relaxation(true), y0, {-0.3, 2.6}, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-11, .jump_times = known}).stats;
  };
  CHECK(count(jumps).rejected < 4);
  CHECK(count({}).rejected > 10);
  CHECK(count(jumps).evaluations < count({}).evaluations * 3 / 4);
}

TEST_CASE("jump times that are none are refused", "[ode]") {
  const Eigen::VectorXd y0 = Eigen::VectorXd::Ones(1);
  const auto solve = [&](const auto& method, const std::vector<double>& known) {
    return cs::solve(relaxation(true), y0, {0.0, 1.0}, method, {.step = 0.1, .jump_times = known});
  };
  CHECK_THROWS_WITH(solve(cs::Dopri5{}, {1.0, 1.0}), Catch::Matchers::Contains("jump_times[1]") && Catch::Matchers::Contains("ascending"));
  CHECK_THROWS_AS(solve(cs::Dopri5{}, {std::nan("")}), cs::OptionError);
  CHECK_THROWS_WITH(solve(cs::AdamsMoulton<4>{}, {0.5}), Catch::Matchers::Contains("looks back"));
}

TEST_CASE("samples with times of their own stop at the jumps too", "[ode]") {
  const auto f = [](auto t, const auto& y) { return cs::stack(cs::where(t < 0.7, 1.0 - y[0], 5.0 - y[0])); };
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Constant(1, 3, 2.0);
  const std::vector<std::vector<double>> grids{{0.1, 0.6}, {0.1, 0.9}, {1.8, 0.2}};
  for (const auto& [s, bound] : {std::pair(cs::solve(f, y0, grids, cs::Dopri5{}, {.rtol = 1e-10, .atol = 1e-12, .jump_times = {0.7}}), 1e-9),
                                 std::pair(cs::solve(f, y0, grids, cs::Adams{}, {.rtol = 1e-10, .atol = 1e-12, .jump_times = {0.7}}), 1e-9)}) {
    CHECK(std::abs(s.sample(0)(0, 1) - (1 + std::exp(-0.5))) < bound);
    CHECK(std::abs(s.sample(1)(0, 1) - (5 + (1 + std::exp(-0.6) - 5) * std::exp(-0.2))) < bound);
    CHECK(std::abs(s.sample(2)(0, 1) - (1 + (5 - 3 * std::exp(1.1) - 1) * std::exp(0.5))) < 10 * bound);
    CHECK(s.stats[1].rejected < 6);
  }
}

TEST_CASE("a jump at zero is passed where the dynamics sees times in single precision", "[ode]") {
  const auto check = [](const auto& f, double direction) {
    const std::vector<std::vector<double>> grids{{-0.5 * direction, 0.5 * direction}};
    const Eigen::MatrixXf y0 = Eigen::MatrixXf::Constant(1, 1, 2.0f);
    const double e = std::exp(-0.5), g = std::exp(0.5), expected = direction > 0 ? 5 + (1 + e - 5) * e : 1 + (5 - 3 * g - 1) * g;
    const auto fixed = cs::solve(f, y0, grids, cs::Rk4{}, {.step = 0.125, .jump_times = {0.0}});
    CHECK(std::abs(static_cast<double>(fixed.sample(0)(0, 1)) - expected) < 1e-4);
    const auto adaptive = cs::solve(f, y0, grids, cs::Dopri5{}, {.jump_times = {0.0}});
    CHECK(std::abs(static_cast<double>(adaptive.sample(0)(0, 1)) - expected) < 1e-3);
    CHECK(adaptive.stats[0].rejected < 4);
  };
  for (const double direction : {1.0, -1.0}) {
    check([](auto t, const auto& y) { return cs::stack(cs::where(t < 0.0, 1.0 - y[0], 5.0 - y[0])); }, direction);
    check([](auto t, const auto& y) { return cs::stack(cs::where(t <= 0.0, 1.0 - y[0], 5.0 - y[0])); }, direction);
  }
}

TEST_CASE("the velocity of the asynchronous leapfrog is that of the side it is on", "[ode]") {
  for (const bool closed : {false, true})
    for (const Eigen::Index synchronise : {0, 1000}) {
      const double coarse = error(cs::AsynchronousLeapfrog{.synchronise = synchronise}, {.step = 0.02}, closed, -0.3, 0.7333),
                   fine = error(cs::AsynchronousLeapfrog{.synchronise = synchronise}, {.step = 0.01}, closed, -0.3, 0.7333);
      CHECK(coarse < 3e-4);
      CHECK(fine < 0.3 * coarse);  // of order 2
    }
}

TEST_CASE("an integrator's fixed step is taken up to a jump, over it and on", "[ode]") {
  const Eigen::VectorXd y0 = Eigen::VectorXd::Constant(1, 2.0);
  auto integrator = cs::make_integrator(relaxation(true), y0, -0.3, cs::Rk4{}, {.step = 0.03, .jump_times = jumps});
  for (int i = 0; i < 90; ++i) integrator.step();
  CHECK(std::abs(integrator.t() - 2.4) < 1e-12);
  CHECK(std::abs(integrator.y()[0] - exact(-0.3, integrator.t(), 2.0)) < 1e-6);
}

TEST_CASE("many jumps cost no more than the steps between them", "[ode]") {
  std::vector<double> known;
  for (int i = 0; i < 3000; ++i) known.push_back(0.1 * i + 0.05);
  const auto s = cs::solve([](auto, const auto& y) { return cs::stack(0.0 * y[0]); }, Eigen::VectorXd(Eigen::VectorXd::Ones(1)), {0.0, 300.0}, cs::Rk4{},
                           {.step = 0.025, .jump_times = known});
  CHECK(s.stats.accepted == 2 + 3000 + 2999 * 4 + 2);
}
