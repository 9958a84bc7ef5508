#include <costate/adjoint/backsolve.hpp>
#include <costate/adjoint/interpolating.hpp>

#include <iostream>

#include <costate/nn/mlp.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/adams_bashforth.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "adjoint/replayed.hpp"
#include "catch.hpp"

namespace cs = costate;
using namespace adjoint_test;

namespace {

const auto lotka_volterra = [](auto t, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1] + 0.1 * cs::sin(t), p[2] * y[0] * y[1] - p[3] * y[1]);
};
const Eigen::Vector2d start(1.0, 1.2);
const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
const Eigen::VectorXd times = cs::linspace(0.0, 6.0, 13);

template <class M, class A>
Eigen::VectorXd gradient(const M& method, const A& adjoint, const cs::SolveOptions& options, const Loss& loss) {
  return adjoint_gradient(lotka_volterra, start, times, p, method, adjoint, options, loss);
}

}  // namespace

TEST_CASE("the backsolve adjoint converges to the gradient as the tolerances fall", "[adjoint]") {
  const auto loss = Loss::random(times.size(), 2, 1, 3).leave_out(4).leave_out(12);
  const Eigen::VectorXd exact = gradient(cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-13, .atol = 1e-13}, loss);
  double first = 0, last = 0;
  std::cout << "backsolve, Lotka-Volterra:  tolerance, relative error of the gradient\n";
  for (int k = 4; k <= 10; k += 2) {
    const double tolerance = std::pow(10.0, -k);
    const double error = (gradient(cs::Dopri5{}, cs::BacksolveAdjoint{}, {.rtol = tolerance, .atol = tolerance}, loss) - exact).norm() / exact.norm();
    std::cout << "  1e-" << k << "  " << error << '\n';
    if (k == 4) first = error;
    last = error;
    CHECK(error < 200 * tolerance);  // the solution's own condition over six time units
  }
  CHECK(std::log10(first / last) / 6 >= 0.8);
}

TEST_CASE("solved by the variable-order method the backsolve adjoint converges too", "[adjoint]") {
  const auto loss = Loss::random(times.size(), 2, 1, 3).leave_out(4).leave_out(12);
  const Eigen::VectorXd exact = gradient(cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-13, .atol = 1e-13}, loss);
  const auto error = [&](double tolerance) {
    return (gradient(cs::Adams{}, cs::BacksolveAdjoint{}, {.rtol = tolerance, .atol = tolerance}, loss) - exact).norm() / exact.norm();
  };
  const double loose = error(1e-4), tight = error(1e-10);
  CAPTURE(loose, tight);
  CHECK(loose < 0.02);
  CHECK(std::log10(loose / tight) / 6 >= 0.8);
}

TEST_CASE("with fixed steps the backsolve adjoint converges with the method's order", "[adjoint]") {
  const auto loss = Loss::random(times.size(), 2, 1, 3);
  const Eigen::VectorXd exact = gradient(cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-13, .atol = 1e-13}, loss);
  const auto error = [&](double step) { return (gradient(cs::Rk4{}, cs::BacksolveAdjoint{}, {.step = step}, loss) - exact).norm(); };
  const double coarse = error(1.0 / 64), fine = error(1.0 / 256);
  CHECK(std::log2(coarse / fine) / 2 > 3.8);
}

TEST_CASE("Adams methods solve the adjoint backward too, and begin anew at outputs", "[adjoint]") {
  const auto loss = Loss::random(times.size(), 2, 1, 3);
  const Eigen::VectorXd exact = gradient(cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-13, .atol = 1e-13}, loss);
  const auto order = [&](const auto& method) {
    const auto error = [&](double step) { return (gradient(method, cs::BacksolveAdjoint{}, {.step = step}, loss) - exact).norm(); };
    return std::log2(error(1.0 / 128) / error(1.0 / 512)) / 2;
  };
  CHECK(order(cs::AdamsBashforth<3>{}) > 2.8);
  CHECK(order(cs::AdamsMoulton<4>{}) > 3.8);
}

TEST_CASE("the backward solve has its own tolerances, step and norm", "[adjoint]") {
  const auto loss = Loss::random(times.size(), 2, 1, 3);
  const cs::SolveOptions tight{.rtol = 1e-11, .atol = 1e-11};
  const Eigen::VectorXd exact = gradient(cs::Dopri5{}, cs::DirectAdjoint{}, tight, loss);
  cs::Stats loose, normal, in_norm;
  const auto error = [&](const cs::BacksolveAdjoint& adjoint) { return (gradient(cs::Dopri5{}, adjoint, tight, loss) - exact).norm() / exact.norm(); };
  CHECK(error({.rtol = 1e-4, .atol = 1e-4, .stats = &loose}) > 1e-7);
  CHECK(error({.stats = &normal}) < 1e-8);
  CHECK(error({.parameters_in_norm = true, .stats = &in_norm}) < 1e-8);
  CHECK(loose.backward_evaluations < normal.backward_evaluations / 4);
  CHECK(in_norm.vjps != normal.vjps);  // the switch acts
  cs::Stats coarse, fine;
  gradient(cs::Rk4{}, cs::BacksolveAdjoint{.stats = &coarse}, {.step = 0.1}, loss);
  gradient(cs::Rk4{}, cs::BacksolveAdjoint{.step = 0.05, .stats = &fine}, {.step = 0.1}, loss);
  CHECK(fine.evaluations == coarse.evaluations);
  CHECK(fine.vjps == 2 * coarse.vjps);
}

TEST_CASE("an output in between costs the backward solve one evaluation and the cut of a step", "[adjoint]") {
  // Steps of 0.1 end at every output, so none is cut; the last stage is the next first one but where the state jumps.
  Loss last = Loss::random(times.size(), 2, 1, 3), all = last;
  for (std::size_t i = 0; i + 1 < 13; ++i) last.leave_out(i);
  cs::Stats of_last, of_all;
  gradient(cs::fixed(cs::Dopri5{}), cs::BacksolveAdjoint{.stats = &of_last}, {.step = 0.1}, last);
  gradient(cs::fixed(cs::Dopri5{}), cs::BacksolveAdjoint{.stats = &of_all}, {.step = 0.1}, all);
  CHECK(of_all.vjps - of_last.vjps == 11);  // one for each interior output
}

TEST_CASE("both adjoints agree on a batched network, backward in time too", "[adjoint]") {
  const cs::nn::Mlp net({3, 6, 2}, cs::nn::tanh);
  std::mt19937 rng(3);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 4);
  const auto f = [&](auto t, const auto& y, const auto& theta_) { return net(cs::stack(y, t), theta_); };
  const cs::SolveOptions options{.rtol = 1e-11, .atol = 1e-11};
  for (const auto& t : {Eigen::VectorXd(cs::linspace(0.0, 1.5, 4)), Eigen::VectorXd(cs::linspace(1.0, -0.5, 3))}) {
    const auto loss = Loss::random(t.size(), 2, 4, 9);
    const auto direct = adjoint_gradient(f, y0, t, theta, cs::Dopri5{}, cs::DirectAdjoint{}, options, loss);
    const auto backsolve = adjoint_gradient(f, y0, t, theta, cs::Dopri5{}, cs::BacksolveAdjoint{}, options, loss);
    CHECK((direct - backsolve).norm() / direct.norm() < 1e-8);  // 1000 times the tolerance
  }
}

TEST_CASE("a cotangent that is not a number is told, wherever it stands", "[adjoint]") {
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < 2; ++j) {
      const auto loss = [&](const auto& y0) {
        const auto y = cs::odeint(lotka_volterra, y0, {0.0, 0.5, 1.0}, p, cs::Dopri5{}, cs::BacksolveAdjoint{});
        return y[i][j] * std::numeric_limits<double>::quiet_NaN();
      };
      CHECK_THROWS_AS(cs::value_and_grad(loss, start), cs::NonFiniteError);
    }
}

TEST_CASE("a backward solve that fails says so", "[adjoint]") {
  const auto contracting = [](auto, const auto& y, const auto& k) { return cs::stack(-k[0] * y[0] * y[0] * y[0]); };
  const auto gradient_of = cs::value_and_grad([&](const auto& k) {
    return cs::sum(cs::odeint(contracting, Eigen::Matrix<double, 1, 1>(3.0), {0.0, 1.0}, k, cs::Dopri5{}, cs::BacksolveAdjoint{.rtol = 1e-12, .atol = 1e-14},
                              {.max_steps = 40}).back());
  });
  auto copy = gradient_of;
  CHECK_THROWS_MATCHES(copy(Eigen::Matrix<double, 1, 1>(5.0)), cs::TooManyStepsError,
                       Catch::Matchers::Predicate<cs::TooManyStepsError>(
                           [](const auto& e) { return std::string(e.what()).find("backward pass of BacksolveAdjoint") != std::string::npos; }));
}

// At rest the state says nothing about the steps; only the adjoint state controls them.
TEST_CASE("the backsolve adjoint's relative error does not depend on the loss's scale", "[adjoint]") {
  const auto pendulum = [](auto, const auto& y, const auto& k) { return cs::stack(y[1], -k[0] * cs::sin(y[0])); };
  const auto gradient_at = [&](double scale) {
    const auto [value, dy, dk] = cs::value_and_grad(
        [&](const auto& y0, const auto& k) {
          return scale * cs::sum(cs::odeint(pendulum, y0, {0.0, 10.0}, k, cs::Dopri5{}, cs::BacksolveAdjoint{}).back());
        },
        Eigen::Vector2d(0.0, 0.0), Eigen::Matrix<double, 1, 1>(9.81));
    return Eigen::Vector2d(dy / scale);
  };
  const double w = std::sqrt(9.81);
  const Eigen::Vector2d exact(std::cos(10 * w) - w * std::sin(10 * w), std::sin(10 * w) / w + std::cos(10 * w));
  for (const double scale : {1.0, 1e-8, 1e8}) CHECK((gradient_at(scale) - exact).norm() < 1e-3);  // rtol 1e-6 over five periods
}

TEST_CASE("a state that cannot be solved backward is noticed", "[adjoint]") {
  const auto tracking = [](auto t, const auto& y, const auto& k) { return cs::stack(-k[0] * cs::sin(y[0] - cs::cos(t))); };
  cs::Stats stats;
  const auto gradient_by = [&](const auto& adjoint, double end) {
    return cs::gradient([&](const auto& k) {
      return cs::sum(cs::odeint(tracking, Eigen::Matrix<double, 1, 1>(0.5), {0.0, end}, k, cs::Dopri5{}, adjoint, {.rtol = 1e-6, .atol = 1e-6}).back());
    }, Eigen::Matrix<double, 1, 1>(50.0))[0];
  };
  CHECK_THROWS_AS(gradient_by(cs::BacksolveAdjoint{.stats = &stats}, 2.0), cs::ReconstructionError);
  const double exact = gradient_by(cs::DirectAdjoint{}, 2.0);
  const double lost = gradient_by(cs::BacksolveAdjoint{.lost = std::numeric_limits<double>::infinity(), .stats = &stats}, 2.0);
  CHECK(stats.reconstruction > 0.1);
  CHECK(std::abs(lost - exact) > 10 * std::abs(exact));
  const double sound = gradient_by(cs::BacksolveAdjoint{.stats = &stats}, 0.05);
  CHECK(stats.reconstruction < 1e-4);
  CHECK(std::abs(sound - gradient_by(cs::DirectAdjoint{}, 0.05)) < 1e-4 * std::abs(sound));
  CHECK_THROWS_AS(gradient_by(cs::BacksolveAdjoint{.lost = 0}, 2.0), cs::OptionError);
}

TEST_CASE("a lost component is noticed beside one that is far larger, of its sample or of another", "[adjoint]") {
  // y[1] = 1 says that y[0] tracks the cosine, y[1] = 0 that it stays as it is
  const auto tracking = [](auto t, const auto& y, const auto& k) { return cs::stack(-k[0] * y[1] * cs::sin(y[0] - cs::cos(t)), 0.0 * y[1], 0.0 * y[2]); };
  const Eigen::Matrix<double, 1, 1> k(25.0);
  cs::Stats stats;
  const auto solve = [&](const auto& y0) {
    return cs::gradient([&](const auto& q) {
      const auto y = cs::odeint(tracking, y0, {0.0, 2.0}, q, cs::Dopri5{}, cs::BacksolveAdjoint{.stats = &stats}, {.rtol = 1e-8, .atol = 1e-8});
      return cs::sum(cs::square(cs::rows(y.back(), 0, 1)));
    }, k);
  };
  CHECK_THROWS_AS(solve(Eigen::Vector3d(0.3, 1, 0)), cs::ReconstructionError);
  CHECK_THROWS_AS(solve(Eigen::Vector3d(0.3, 1, 1e6)), cs::ReconstructionError);
  CHECK_THROWS_AS(solve(Eigen::MatrixXd{{0.3, 1e6}, {1, 0}, {0, 0}}), cs::ReconstructionError);
  solve(Eigen::MatrixXd{{0.3, 1e6}, {0, 0}, {0, 0}});
  CHECK(stats.reconstruction < 1e-12);
}

TEST_CASE("a state that begins at zero is not taken for lost", "[adjoint]") {
  const auto forced = [](auto t, const auto& y, const auto& k) { return cs::stack(y[1], cs::sin(t) - k[0] * y[0], -1.0 * y[2] + y[0]); };
  const Eigen::Matrix<double, 1, 1> k(2.0);
  for (const double tolerance : {1e-4, 1e-6, 1e-9}) {
    cs::Stats stats;
    const cs::SolveOptions options{.rtol = tolerance, .atol = tolerance / 100};
    const auto gradient_by = [&](const auto& adjoint) {
      return cs::gradient([&](const auto& q) {
        return cs::sum(cs::odeint(forced, Eigen::Vector3d(0, 0, 0), {0.0, 3.0}, q, cs::Dopri5{}, adjoint, options).back());
      }, k)[0];
    };
    const double direct = gradient_by(cs::DirectAdjoint{}), back = gradient_by(cs::BacksolveAdjoint{.stats = &stats});
    CAPTURE(tolerance, stats.reconstruction);
    CHECK(std::abs(back - direct) < 30 * tolerance * std::abs(direct));
    CHECK(stats.reconstruction < 1e4 * tolerance);
  }
}

TEST_CASE("tolerances alone are refused for a backward solve by fixed steps", "[adjoint]") {
  const auto solve = [](const auto& adjoint, const cs::SolveOptions& options) {
    const auto decay = [](auto, const auto& u, const auto& k) { return -k[0] * u; };
    const auto loss = [&](const auto& k) {
      return cs::sum(cs::odeint(decay, Eigen::Matrix<double, 1, 1>(1.0), {0.0, 1.0}, k, cs::Rk4{}, adjoint, options).back());
    };
    return cs::gradient(loss, Eigen::Matrix<double, 1, 1>(1.0))[0];
  };
  CHECK_THROWS_WITH(solve(cs::BacksolveAdjoint{.rtol = 1e-8}, {}), Catch::Matchers::Contains("rtol = 1e-08 for a method of fixed steps"));
  CHECK_THROWS_WITH(solve(cs::InterpolatingAdjoint{.atol = 1e-8}, {}), Catch::Matchers::Contains("atol = 1e-08 for a method of fixed steps"));
  const double exact = -std::exp(-1.0);
  CHECK(std::abs(solve(cs::BacksolveAdjoint{.rtol = 1e-8, .step = 0.01}, {.step = 0.1}) - exact) < 1e-4);
}

TEST_CASE("going on through outputs is cheaper than beginning anew at each", "[adjoint]") {
  const Eigen::VectorXd grid = cs::linspace(0.0, 10.0, 51);
  for (const double tolerance : {1e-4, 1e-6, 1e-8}) {
    const cs::SolveOptions options{.rtol = tolerance, .atol = tolerance};
    cs::Stats through;
    cs::gradient([&](const auto& k) {
      return cs::sum(cs::hstack(cs::odeint(lotka_volterra, start, grid, k, cs::Dopri5{}, cs::BacksolveAdjoint{.stats = &through}, options)));
    }, p);
    std::vector<cs::Stats> anew(50);
    cs::gradient([&](const auto& k) {
      const auto segment = [&](const auto& y, Index i) {
        return cs::odeint(lotka_volterra, y, {grid[i], grid[i + 1]}, k, cs::Dopri5{}, cs::BacksolveAdjoint{.stats = &anew[static_cast<std::size_t>(i)]}, options)
            .back().template as<cs::Kind::array>();
      };
      auto y = segment(start, 0);
      auto total = cs::sum(y);
      for (Index i = 1; i < 50; ++i) {
        y = segment(y, i);
        total = total + cs::sum(y);
      }
      return total;
    }, p);
    std::int64_t vjps = 0;
    for (const auto& stats : anew) vjps += stats.vjps;
    CAPTURE(tolerance, through.vjps, vjps);
    CHECK(10 * through.vjps <= 9 * vjps);
  }
}
