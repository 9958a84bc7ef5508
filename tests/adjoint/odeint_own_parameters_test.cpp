// Parameters of each sample's own.

#include <costate/ode/own_parameters.hpp>

#include <vector>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/ode/dopri5.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

const auto oscillator = [](auto, const auto& y, const auto& theta, const auto& own) { return cs::stack(y[1], -own[0] * y[0] - theta[0] * own[1] * y[1]); };
const Eigen::Matrix<double, 1, 1> damping(0.3);
const cs::SolveOptions options{.rtol = 1e-9, .atol = 1e-11, .norm_rows = 2};

struct Problem {
  Eigen::MatrixXd y0{2, 4}, own{2, 4};
  std::vector<std::vector<double>> grids;
  Problem() {
    for (int b = 0; b < 4; ++b) {
      y0.col(b) << 1.0 + 0.1 * b, -0.2 * b;
      own.col(b) << 1.0 + b, 0.5 + 0.25 * b;
      grids.push_back({0.0, 1.0 + 0.3 * b, 2.0 + 0.5 * b});
    }
  }
};

/// Of the sum of squares of all states of y.
template <class Grids, class A>
auto gradient(const Eigen::MatrixXd& y0, const Eigen::MatrixXd& own, const Grids& grids, const A& adjoint) {
  return cs::value_and_grad(
      [&](const auto& theta, const auto& p) {
        const auto y = cs::odeint(cs::own_parameters(oscillator, 2), cs::stack(y0, p), grids, theta, cs::Dopri5{}, adjoint, options);
        return cs::sum(cs::square(cs::rows(cs::hstack(y), 0, 2)));
      },
      damping, own);
}

}  // namespace

TEST_CASE("every sample is solved with its own parameters, and has their gradient", "[adjoint]") {
  const Problem problem;
  const auto check = [&](const auto& adjoint, double bound) {
    const auto [value, theta_bar, own_bar] = gradient(problem.y0, problem.own, problem.grids, adjoint);
    double sum = 0, theta_sum = 0;
    for (int b = 0; b < 4; ++b) {
      // written out: theta, own as three parameters of one sample
      const Eigen::Vector3d p(damping[0], problem.own(0, b), problem.own(1, b));
      const auto alone = cs::value_and_grad(
          [&](const auto& q) {
            const auto y = cs::odeint([](auto, const auto& s, const auto& r) { return cs::stack(s[1], -r[1] * s[0] - r[0] * r[2] * s[1]); },
                                      Eigen::Vector2d(problem.y0.col(b)), problem.grids[static_cast<std::size_t>(b)], q, cs::Dopri5{}, cs::DirectAdjoint{},
                                      {.rtol = 1e-9, .atol = 1e-11});
            return cs::sum(cs::square(cs::hstack(y)));
          },
          p);
      sum += std::get<0>(alone);
      theta_sum += std::get<1>(alone)[0];
      CHECK((own_bar.col(b) - std::get<1>(alone).tail(2)).norm() < bound);
    }
    CHECK_THAT(value, Catch::Matchers::WithinRel(sum, 1e-12));
    CHECK_THAT(theta_bar[0], Catch::Matchers::WithinRel(theta_sum, bound));
  };
  check(cs::DirectAdjoint{}, 1e-11);
  check(cs::BacksolveAdjoint{}, 1e-6);
  check(cs::InterpolatingAdjoint{}, 1e-6);
}

TEST_CASE("a batch on one grid has parameters of each sample's own too", "[adjoint]") {
  const Problem problem;
  const std::vector<double> grid{0.0, 1.0, 2.0};
  const auto [value, theta_bar, own_bar] = gradient(problem.y0, problem.own, grid, cs::DirectAdjoint{});
  const auto [value_of_grids, theta_of_grids, own_of_grids] = gradient(problem.y0, problem.own, std::vector(4, grid), cs::DirectAdjoint{});
  CHECK_THAT(value, Catch::Matchers::WithinRel(value_of_grids, 1e-7));
  CHECK((own_bar - own_of_grids).norm() < 1e-6 * own_of_grids.norm());
  CHECK(std::abs(theta_bar[0] - theta_of_grids[0]) < 1e-6 * std::abs(theta_bar[0]));
}

TEST_CASE("a state without parameters below is refused", "[adjoint]") {
  const Problem problem;
  CHECK_THROWS_WITH(cs::solve(cs::own_parameters(oscillator, 2), problem.y0, {0.0, 1.0}, damping, cs::Dopri5{}), Catch::Matchers::Contains("stack(y0, own)"));
}
