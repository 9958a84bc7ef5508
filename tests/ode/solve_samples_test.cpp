// Samples with times of their own: each is solved as if it were alone.

#include <costate/ode/solve_samples.hpp>

#include <vector>

#include <costate/ode/adams.hpp>
#include <costate/ode/adams_bashforth.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/asynchronous_leapfrog.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/reversible.hpp>
#include <costate/ode/rk4.hpp>
#include <costate/ode/solve.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

const auto pendulum = [](auto t, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * cs::sin(y[0]) + p[1] * cs::cos(2.0 * t)); };
const Eigen::Vector2d p(1.5, 0.3);

/// Different in length, number, beginning and spacing; one is of a single time.
template <class S>
struct Problem {
  Eigen::Matrix<S, 2, Eigen::Dynamic> y0{2, 7};
  std::vector<std::vector<double>> grids;
  explicit Problem(double direction = 1) {
    for (int b = 0; b < 7; ++b) {
      y0.col(b) << static_cast<S>(0.2 + 0.15 * b), static_cast<S>(0.1 * b);
      auto& grid = grids.emplace_back();
      for (int i = 0; i < 1 + (b * 3) % 7; ++i) grid.push_back(0.25 * b + direction * (0.7 * i + 0.11 * i * i));
    }
  }
};

/// The largest distance from single solves; counts must agree.
template <class S, class M>
double distance(const M& method, const cs::SolveOptions& options, double direction = 1) {
  const Problem<S> problem(direction);
  const auto all = cs::solve(pendulum, problem.y0, problem.grids, p, method, options);
  double worst = 0;
  for (int b = 0; b < 7; ++b) {
    const Eigen::Matrix<S, 2, 1> y0 = problem.y0.col(b);
    const auto alone = cs::solve(pendulum, y0, problem.grids[static_cast<std::size_t>(b)], p, method, options);
    const cs::Stats& mine = all.stats[static_cast<std::size_t>(b)];
    INFO(typeid(M).name() << " " << sizeof(S) << " sample " << b << ": evaluations " << mine.evaluations << ", alone " << alone.stats.evaluations);
    if (sizeof(S) == sizeof(double)) CHECK(mine == alone.stats);  // of float, rounding decides whether steps are accepted
    CHECK(all.t[static_cast<std::size_t>(b)] == alone.t);
    REQUIRE(all.sample(b).cols() == alone.y.block().cols());
    worst = std::max(worst, static_cast<double>((all.sample(b) - alone.y.block()).cwiseAbs().maxCoeff()));
  }
  CHECK(all.success());
  return worst;
}

}  // namespace

TEST_CASE("every sample is solved as if it were alone, by every kind of method", "[ode]") {
  const cs::SolveOptions tight{.rtol = 1e-9, .atol = 1e-11}, grid{.step = 0.05};
  for (const double direction : {1.0, -1.0}) {
    CHECK(distance<double>(cs::Dopri5{}, tight, direction) < 1e-12);
    CHECK(distance<double>(cs::Bosh3{}, {.rtol = 1e-6, .atol = 1e-8, .max_step = 0.1}, direction) < 1e-12);
    CHECK(distance<double>(cs::Rk4{}, {}, direction) < 1e-13);
    CHECK(distance<double>(cs::fixed(cs::Dopri5{}), grid, direction) < 1e-13);
    CHECK(distance<double>(cs::Adams{}, tight, direction) < 1e-12);
    CHECK(distance<double>(cs::AdamsBashforth<3>{}, grid, direction) < 1e-13);
    CHECK(distance<double>(cs::AdamsMoulton<1>{}, grid, direction) < 1e-13);
    CHECK(distance<double>(cs::AdamsMoulton<5>{}, {}, direction) < 1e-13);
    CHECK(distance<double>(cs::Reversible<cs::Rk4>{.synchronise = 3}, grid, direction) < 1e-13);
    CHECK(distance<double>(cs::Reversible<cs::Dopri5>{}, tight, direction) < 1e-12);
    CHECK(distance<double>(cs::AsynchronousLeapfrog{}, grid, direction) < 1e-13);
  }
  CHECK(distance<float>(cs::Dopri5{}, {.rtol = 1e-5, .atol = 1e-6}) < 1e-5);
}

TEST_CASE("one stiff sample costs the others nothing", "[ode]") {
  const auto f = [](auto, const auto& y, const auto&) { return cs::stack(-y[1] * y[0], 0.0 * y[1]); };
  const std::vector<std::vector<double>> grids(5, {0.0, 1.0, 5.0});
  Eigen::Matrix2Xd y0 = Eigen::Matrix2Xd::Ones(2, 5);
  const auto calm = cs::solve(f, y0, grids, p, cs::Dopri5{});
  y0(1, 2) = 1e4;
  const auto mixed = cs::solve(f, y0, grids, p, cs::Dopri5{});
  CHECK(mixed.stats[2].evaluations > 100 * calm.stats[2].evaluations);
  for (const std::size_t b : {0U, 1U, 3U, 4U}) CHECK(mixed.stats[b] == calm.stats[b]);
}

TEST_CASE("a sample that fails leaves the others alone", "[ode]") {
  const auto f = [](auto, const auto& y, const auto&) { return cs::stack(y[0] * y[0]); };  // a pole at t = 1 / y0
  const Eigen::RowVector3d y0(0.1, 1.0, -1.0);
  const std::vector<std::vector<double>> grids{{0, 1, 2}, {0, 0.5, 3}, {0, 3}};
  const auto s = cs::solve(f, Eigen::MatrixXd(y0), grids, p, cs::Dopri5{}, {.throw_on_failure = false});
  CHECK_FALSE(s.success());
  CHECK(s.status[0] == cs::Status::success);
  CHECK(s.status[1] != cs::Status::success);
  CHECK(s.sample(1).cols() == 2);
  CHECK(s.t[1] == std::vector<double>{0, 0.5});
  CHECK_THAT(s.sample(2)(0, 1), Catch::Matchers::WithinRel(-0.25, 1e-6));
  CHECK_THROWS_WITH(cs::solve(f, Eigen::MatrixXd(y0), grids, p, cs::Dopri5{}), Catch::Matchers::Contains("sample 1: ") && Catch::Matchers::Contains("pole"));
}

TEST_CASE("bad grids, states and queries are refused with the sample named", "[ode]") {
  const Problem<double> problem;
  using Grids = std::vector<std::vector<double>>;
  const auto solve = [&](const Grids& grids) { return cs::solve(pendulum, problem.y0, grids, p, cs::Dopri5{}); };
  CHECK_THROWS_WITH(solve(Grids(3, {0, 1})), Catch::Matchers::Contains("3 grids of times for a state of 7 samples"));
  Grids grids(7, {0, 1});
  grids[4] = {0, 2, 1};
  CHECK_THROWS_WITH(solve(grids), Catch::Matchers::Contains("sample 4: ") && Catch::Matchers::Contains("strictly"));
  grids[4] = {};
  CHECK_THROWS_AS(solve(grids), cs::TimeError);
  grids[4] = {0, 1};
  auto y0 = problem.y0;
  y0(1, 6) = std::nan("");
  CHECK_THROWS_WITH(cs::solve(pendulum, y0, grids, p, cs::Dopri5{}), Catch::Matchers::Contains("sample 6: "));
  const auto s = solve(grids);
  CHECK_THROWS_AS(s.sample(7), cs::RangeError);
  CHECK_THROWS_WITH(s(0, 0.5), Catch::Matchers::Contains("SolveOptions::dense"));
}

TEST_CASE("dense output of every sample", "[ode]") {
  const Problem<double> problem;
  const auto s = cs::solve(pendulum, problem.y0, problem.grids, p, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-11, .dense = true});
  const Eigen::Vector2d y0 = problem.y0.col(3);
  const auto alone = cs::solve(pendulum, y0, problem.grids[3], p, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-11, .dense = true});
  CHECK((s(3, 1.03) - alone(1.03)).norm() < 1e-12);
  Eigen::Index times = 0;
  for (const auto& grid : problem.grids) times += static_cast<Eigen::Index>(grid.size());
  CHECK(cs::hstack(s).cols() == times);
}

TEST_CASE("a sample runs out of steps where it would alone", "[ode]") {
  const Problem<double> problem;
  const auto check = [&](const auto& method, cs::SolveOptions options) {
    options.throw_on_failure = false;
    for (options.max_steps = 1; options.max_steps < 40; ++options.max_steps) {
      const auto all = cs::solve(pendulum, problem.y0, problem.grids, p, method, options);
      const auto alone = cs::solve(pendulum, Eigen::Vector2d(problem.y0.col(2)), problem.grids[2], p, method, options);
      CHECK(all.status[2] == alone.status);
      CHECK(all.stats[2] == alone.stats);
      CHECK(all.t[2] == alone.t);
    }
  };
  check(cs::Dopri5{}, {.jump_times = {0.9}});
  check(cs::Adams{}, {.jump_times = {0.9, 1.5, 3.0}});
  check(cs::Rk4{}, {});
  check(cs::Rk4{}, {.step = 0.1});
  check(cs::Rk4{}, {.jump_times = {0.9, 1.0, 1.5}});
  check(cs::AdamsMoulton<4>{}, {.step = 0.1});
}

TEST_CASE("the states of a temporary solution, and a solve without samples", "[ode]") {
  const Problem<double> problem;
  static_assert(!std::is_reference_v<decltype(cs::hstack(cs::solve(pendulum, problem.y0, problem.grids, p, cs::Dopri5{})))>);
  CHECK_THROWS_WITH(cs::solve(pendulum, Eigen::MatrixXd(2, 0), std::vector<std::vector<double>>{}, p, cs::Dopri5{}), Catch::Matchers::Contains("no samples"));
}
