// Samples in lockstep come, are rejected, fail and leave at different times; each must fare as if it were alone.

#include <costate/ode/lockstep.hpp>

#include <cmath>
#include <random>
#include <vector>

#include <costate/ode/bosh3.hpp>
#include <costate/ode/cost.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/solve.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

/// A chain of oscillators with a pulse that comes suddenly, at another time for every sample: the last component. Before it steps are long.
const auto pulse = [](auto t, const auto& y, const auto& p) {
  const cs::Index n = y.rows();
  const auto x = cs::rows(y, 0, n - 1);
  const auto kick = cs::exp(-400.0 * cs::square(t - y[n - 1]));
  return cs::vstack(p[0] * cs::sin(x) + kick - p[1] * x, 0.0 * cs::rows(y, n - 1, 1));
};
const Eigen::Vector2d p(0.7, 1.1);

template <class S>
struct Many {
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix y0;
  std::vector<std::vector<double>> grids;

  Many(cs::Index rows, int samples, double direction = 1) : y0(rows, samples) {
    std::mt19937 rng(3);
    std::uniform_real_distribution<double> uniform(0.1, 1.0);
    for (int b = 0; b < samples; ++b) {
      auto& grid = grids.emplace_back();
      double t = direction * uniform(rng);
      for (int i = 0; i < 1 + b % 5; ++i, t += direction * (0.1 + uniform(rng))) grid.push_back(t);
      for (cs::Index i = 0; i + 1 < rows; ++i) y0(i, b) = static_cast<S>(uniform(rng));
      y0(rows - 1, b) = static_cast<S>(grid[grid.size() / 2] + direction * 0.3);
    }
  }
};

/// The shortest pair whose last stage is the next step's first.
struct TwoStages : cs::ExplicitRungeKutta<TwoStages> {
  [[maybe_unused]] static constexpr int order = 1, error_order = 1, dense_order = 1;
  static constexpr auto tableau =
      cs::butcher_tableau(cs::row(0), cs::row(1, 1), cs::weights(1, 0), cs::embedded(cs::Rational(1, 2), cs::Rational(1, 2)),
                          cs::dense_output(cs::polynomial(1), cs::polynomial(0)));
};
static_assert(cs::detail::LockstepMethod<TwoStages>);

/// Counts are equal; states to what steps whose lengths follow the rounding of an error estimate leave.
template <class S, class F, class M>
void check_alone(const F& f, const Many<S>& many, const M& method, const cs::SolveOptions& options, double tolerance) {
  const auto all = cs::solve(f, many.y0, many.grids, p, method, options);
  std::int64_t rejected = 0;
  for (std::size_t b = 0; b < many.grids.size(); ++b) {
    const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> start = many.y0.col(static_cast<cs::Index>(b));  // a batch of one
    const auto alone = cs::solve(f, start, many.grids[b], p, method, options);
    INFO("sample " << b << ": evaluations " << all.stats[b].evaluations << ", alone " << alone.stats.evaluations);
    CHECK(all.stats[b] == alone.stats);
    CHECK(all.status[b] == alone.status);
    REQUIRE(all.t[b] == alone.t);
    for (cs::Index i = 0; i < all.sample(static_cast<cs::Index>(b)).cols(); ++i)
      CHECK(static_cast<double>((all.sample(static_cast<cs::Index>(b)).col(i) - alone.y[static_cast<std::size_t>(i)]).cwiseAbs().maxCoeff()) < tolerance);
    rejected += alone.stats.rejected;
  }
  CHECK(rejected > 0);
}

}  // namespace

TEST_CASE("more samples than go at a time, which come, are rejected and leave one by one", "[ode]") {
  for (const double direction : {1.0, -1.0}) {
    check_alone(pulse, Many<double>(130, 90, direction), cs::Dopri5{}, {.rtol = 1e-8, .atol = 1e-10}, 1e-11);
    check_alone(pulse, Many<double>(130, 70, direction), cs::Bosh3{}, {.rtol = 1e-5, .atol = 1e-7}, 1e-12);
  }
  check_alone(pulse, Many<double>(3, 41), TwoStages{}, {.rtol = 1e-4, .atol = 1e-6}, 1e-11);
  check_alone(pulse, Many<long double>(3, 11), cs::Dopri5{}, {.rtol = 1e-12, .atol = 1e-13}, 1e-14);
}

TEST_CASE("the options of samples in lockstep", "[ode]") {
  const Many<double> many(5, 23);
  const cs::SolveOptions tight{.rtol = 1e-8, .atol = 1e-10};
  const auto with = [&](auto change) {
    cs::SolveOptions options = tight;
    change(options);
    check_alone(pulse, many, cs::Dopri5{}, options, 1e-12);
  };
  with([](auto& o) { o.first_step = 0.3; });
  with([](auto& o) { o.max_step = 0.11; });
  with([](auto& o) { o.norm_rows = 3; });
  with([](auto& o) { o.jump_times = {0.4, 0.9, 1.7}; });
  with([&](auto& o) { o.jump_times = {many.grids[3][0], many.grids[3][2]}; });  // where a sample begins, and at an output
  with([](auto& o) { o.max_steps = 25, o.throw_on_failure = false; });
}

TEST_CASE("parts of samples in lockstep are measured by their own tolerances", "[ode]") {
  const auto f = cs::with_cost(pulse, cs::cost([](auto, const auto& y, const auto&) { return cs::square(y[0]); }, {.rtol = 1e-10, .atol = 1e-12}));
  Many<double> many(5, 19);
  many.y0.conservativeResize(6, Eigen::NoChange);
  many.y0.row(5).setZero();
  check_alone(f, many, cs::Dopri5{}, {.rtol = 1e-5, .atol = 1e-7}, 1e-10);
}

TEST_CASE("a sample that becomes NaN in lockstep ends there, the others go on", "[ode]") {
  const auto f = [](auto, const auto& y, const auto&) { return cs::stack(-cs::sqrt(y[0]) - 0.5, 0.0 * y[1]); };  // no square root below 0
  Eigen::MatrixXd y0(2, 3);
  y0 << 100, 0.5, 200, 1, 1, 1;
  const std::vector<std::vector<double>> grids{{0, 1, 4}, {0, 0.1, 4}, {0, 5}};
  const auto s = cs::solve(f, y0, grids, p, cs::Dopri5{}, {.throw_on_failure = false});
  CHECK(s.status == std::vector{cs::Status::success, cs::Status::non_finite, cs::Status::success});
  CHECK(s.t[1] == std::vector<double>{0, 0.1});
  CHECK_THROWS_WITH(cs::solve(f, y0, grids, p, cs::Dopri5{}), Catch::Matchers::Contains("sample 1: the dynamics gives NaN"));

  y0(0, 0) = -1;  // at once
  const auto at_once = cs::solve(f, y0, grids, p, cs::Dopri5{}, {.throw_on_failure = false});
  CHECK(at_once.status == std::vector{cs::Status::non_finite, cs::Status::non_finite, cs::Status::success});
  CHECK(at_once.stats[0].evaluations == 1);
  CHECK(at_once.sample(2).col(1) == s.sample(2).col(1));
}

TEST_CASE("samples that wait are solved where all before them fail at once", "[ode]") {
  const auto f = [](auto, const auto& y, const auto&) { return -cs::sqrt(y); };
  const int samples = 40;
  Eigen::MatrixXd y0 = Eigen::MatrixXd::Constant(200, samples, -1.0);  // 32 go at a time
  y0.rightCols(8).setOnes();
  std::vector<std::vector<double>> grids(samples, {0, 1.5});
  for (std::size_t b = samples - 8; b < samples; ++b) grids[b] = {0, 1};  // the shorter wait
  const auto s = cs::solve(f, y0, grids, p, cs::Dopri5{}, {.throw_on_failure = false});
  for (std::size_t b = 0; b < samples; ++b) {
    INFO(b);
    CHECK(s.status[b] == (b < samples - 8 ? cs::Status::non_finite : cs::Status::success));
    CHECK(s.t[b].size() == (b < samples - 8 ? 1U : 2U));
  }
  CHECK((s.sample(39).col(1).array() - 0.25).abs().maxCoeff() < 1e-6);  // (1 − t / 2)²
}

TEST_CASE("float samples in lockstep", "[ode]") {
  const Many<float> many(40, 150);
  const auto s = cs::solve(pulse, many.y0, many.grids, p, cs::Dopri5{}, {.rtol = 1e-5, .atol = 1e-6, .max_step = 0.1});
  const auto exact = cs::solve(pulse, Eigen::MatrixXd(many.y0.cast<double>()), many.grids, p, cs::Dopri5{}, {.rtol = 1e-10, .atol = 1e-12});
  CHECK(static_cast<double>((s.block().cast<double>() - exact.block()).cwiseAbs().maxCoeff()) < 1e-4);
}
