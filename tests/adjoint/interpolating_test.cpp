#include <costate/adjoint/interpolating.hpp>

#include <iostream>
#include <numbers>

#include <costate/nn/mlp.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "adjoint/replayed.hpp"
#include "autodiff/allocations.hpp"
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
const Loss loss = Loss::random(13, 2, 1, 3).leave_out(4).leave_out(12);

/// With respect to y0 (2), p (4) and the times (13).
template <class M, class A>
Eigen::VectorXd gradient(const M& method, const A& adjoint, const cs::SolveOptions& options) {
  return adjoint_gradient(lotka_volterra, start, times, p, method, adjoint, options, loss);
}
/// Outputs are ends of steps: no dense output, whose slope is of lower order, enters the times' gradient.
const Eigen::VectorXd& exact() {
  static const Eigen::VectorXd g = gradient(cs::fixed(cs::Dopri5{}), cs::DirectAdjoint{}, {.step = 1.0 / 1024});
  return g;
}
/// Relative, of the three parts.
Eigen::Array3d errors(const Eigen::VectorXd& g) {
  const auto part = [&](Index from, Index n) { return (g - exact()).segment(from, n).norm() / exact().segment(from, n).norm(); };
  return {part(0, 2), part(2, 4), part(6, 13)};
}
template <class M>
Eigen::Array3d errors_at(const M& method, double tolerance) {
  return errors(gradient(method, cs::InterpolatingAdjoint{}, {.rtol = tolerance, .atol = tolerance}));
}

}  // namespace

TEST_CASE("the interpolating adjoint converges to the gradient as the tolerances fall", "[adjoint]") {
  std::cout << "interpolating, Lotka-Volterra:  tolerance, relative error of the gradients by y0, parameters, times\n";
  Eigen::Array3d first, last;
  for (int k = 4; k <= 10; k += 2) {
    const double tolerance = std::pow(10.0, -k);
    last = errors_at(cs::Dopri5{}, tolerance);
    if (k == 4) first = last;
    std::cout << "  1e-" << k << "  " << last.transpose() << '\n';
    CHECK(last.maxCoeff() < 200 * tolerance);  // the solution's own condition over six time units
  }
  CHECK((log10(first / last) / 6).minCoeff() >= 0.8);
}

TEST_CASE("solved by the variable-order method the interpolating adjoint converges too", "[adjoint]") {
  const Eigen::Array3d loose = errors_at(cs::Adams{}, 1e-4), tight = errors_at(cs::Adams{}, 1e-10);
  CHECK(loose.maxCoeff() < 0.02);
  CHECK((log10(loose / tight) / 6).minCoeff() >= 0.8);
}

TEST_CASE("with fixed steps the interpolating adjoint converges with the method's order", "[adjoint]") {
  const auto order = [&](const auto& method) {
    const auto error = [&](double step) { return (gradient(method, cs::InterpolatingAdjoint{}, {.step = step}) - exact()).norm(); };
    return std::log2(error(1.0 / 32) / error(1.0 / 128)) / 2;
  };
  CHECK(order(cs::Rk4{}) > 3.7);
  CHECK(order(cs::fixed(cs::Dopri5{})) > 4.5);
  CHECK(order(cs::AdamsMoulton<4>{}) > 3.7);
}

// Contraction by e⁻¹⁰⁰: backward the state cannot be had from its end.
TEST_CASE("stiff tracking is right with the interpolating adjoint, where the state cannot be reconstructed", "[adjoint]") {
  const auto tracking = [](auto t, const auto& y, const auto& k) { return cs::stack(-k[0] * cs::sin(y[0] - k[1] * cs::cos(t))); };
  const Eigen::Matrix<double, 1, 1> y0(0.5);
  const Eigen::Vector2d k(50, 1), t(0, 2);
  const auto gradient_by = [&](const auto& adjoint, double tolerance) {
    const auto last = [&](const auto& y0_, const auto& k_, const auto& t_) {
      return cs::sum(cs::odeint(tracking, y0_, t_, k_, cs::Dopri5{}, adjoint, {.rtol = tolerance, .atol = tolerance}).back());
    };
    const auto [value, dy, dk, dt] = cs::value_and_grad(last, y0, k, t);
    return (Eigen::VectorXd(5) << dy, dk, dt).finished();
  };
  const Eigen::VectorXd reference = gradient_by(cs::DirectAdjoint{}, 1e-13);
  for (const double tolerance : {1e-6, 1e-9}) {
    const double error = (gradient_by(cs::InterpolatingAdjoint{}, tolerance) - reference).norm();
    std::cout << "stiff tracking, interpolating at " << tolerance << ": error " << error << '\n';
    CHECK(error < 20 * tolerance);  // ∂L/∂t1 is f, which has the state's error fifty times
  }
  const auto backsolve_error = [&] {
    try {
      return (gradient_by(cs::BacksolveAdjoint{}, 1e-9) - reference).norm();
    } catch (const cs::Error&) {
      return std::numeric_limits<double>::infinity();
    }
  };
  CHECK(backsolve_error() > 0.01);  // the problem is as hard as it says
}

TEST_CASE("the interpolating adjoint agrees with the direct one on a batched network, backward in time and in float too", "[adjoint]") {
  const cs::nn::Mlp net({3, 6, 2}, cs::nn::tanh);
  std::mt19937 rng(3);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 4);
  const auto f = [&](auto t, const auto& y, const auto& theta_) { return net(cs::stack(y, t), theta_); };
  const cs::SolveOptions tight{.rtol = 1e-11, .atol = 1e-11};
  for (const auto& t : {Eigen::VectorXd(cs::linspace(0.0, 1.5, 4)), Eigen::VectorXd(cs::linspace(1.0, -0.5, 3))}) {
    const auto of_batch = Loss::random(t.size(), 2, 4, 9);
    const auto direct = adjoint_gradient(f, y0, t, theta, cs::Dopri5{}, cs::DirectAdjoint{}, tight, of_batch);
    const auto with = [&](const cs::SolveOptions& options) {
      const auto g = adjoint_gradient(f, y0, t, theta, cs::Dopri5{}, cs::InterpolatingAdjoint{}, options, of_batch);
      return (g - direct).norm() / direct.norm();
    };
    CHECK(with(tight) < 1e-8);  // 1000 times the tolerance
  }
  const Eigen::VectorXf t = cs::linspace(0.0, 1.5, 4).cast<float>();
  const auto of_batch = Loss::random(t.size(), 2, 4, 9);
  const auto direct = adjoint_gradient(f, y0, Eigen::VectorXd(t.cast<double>()), theta, cs::Dopri5{}, cs::DirectAdjoint{}, tight, of_batch);
  const auto single = adjoint_gradient(f, Eigen::MatrixXf(y0.cast<float>()), t, Eigen::VectorXf(theta.cast<float>()), cs::Dopri5{},
                                       cs::InterpolatingAdjoint{}, {.rtol = 1e-5, .atol = 1e-6}, of_batch);
  CHECK((single.cast<double>() - direct).norm() / direct.norm() < 1e-4);
}

// f does not depend on y: a is constant, its solve is a handful of steps, and the parameters' integral is as exact as its own tolerance. What
// of f is nothing but a pulse, few nodes would miss.
TEST_CASE("the parameters' integral is resolved where the adjoint state needs no steps", "[adjoint]") {
  const auto wave_and_pulse = [](auto t, const auto&, const auto& k) {
    return cs::stack(k[0] * cs::square(cs::cos(20 * t)), k[0] * cs::exp(-1000 * cs::square(t - 3.3)));
  };
  const auto gradient_of = [&](Index component, double tolerance) {
    return cs::gradient(
        [&](const auto& k) {
          const cs::InterpolatingAdjoint adjoint{.rtol = 1e-9, .atol = 1e-9};
          const cs::SolveOptions options{.rtol = tolerance, .atol = tolerance};
          return cs::odeint(wave_and_pulse, Eigen::Vector2d(0, 0), {0.0, 10.0}, k, cs::Dopri5{}, adjoint, options).back()[component];
        },
        Eigen::Matrix<double, 1, 1>(1.0))[0];
  };
  for (const double forward : {1e-3, 1e-6, 1e-9}) {
    CAPTURE(forward);
    CHECK(std::abs(gradient_of(0, forward) - (5 + std::sin(400.0) / 80)) < 1e-8);  // ten tolerances
    CHECK(std::abs(gradient_of(1, forward) - std::sqrt(std::numbers::pi / 1000)) < 1e-8);
  }
}

TEST_CASE("the parameters cost as many products per step whatever the method's stages", "[adjoint]") {
  // 55 steps back from the last output with a cotangent, ten of which begin at one
  const auto vjps = [&](const auto& method) {
    cs::Stats stats;
    gradient(method, cs::InterpolatingAdjoint{.stats = &stats}, {.step = 0.1});
    return stats.vjps;
  };
  CHECK(vjps(cs::Rk4{}) == 55 * (4 + 3));
  CHECK(vjps(cs::fixed(cs::Dopri5{})) == 55 * (6 + 3) + 10);
  cs::Stats stats;
  cs::gradient([&](const auto& y0) {
    return cs::sum(cs::odeint(lotka_volterra, y0, times, p, cs::Rk4{}, cs::InterpolatingAdjoint{.stats = &stats}, {.step = 0.1}).back());
  }, start);
  CHECK(stats.vjps == 60 * 4);  // none for parameters that nobody asks for
}

TEST_CASE("the interpolating adjoint has its own tolerances and passes outputs without a cotangent by", "[adjoint]") {
  const cs::SolveOptions tight{.rtol = 1e-11, .atol = 1e-11};
  cs::Stats loose, normal, few, many;
  CHECK(errors(gradient(cs::Dopri5{}, cs::InterpolatingAdjoint{.rtol = 1e-4, .atol = 1e-4, .stats = &loose}, tight)).maxCoeff() > 1e-7);
  CHECK(errors(gradient(cs::Dopri5{}, cs::InterpolatingAdjoint{.stats = &normal}, tight)).maxCoeff() < 1e-8);
  CHECK(loose.backward_evaluations < normal.backward_evaluations / 4);
  const auto of_last = [&](Index outputs, cs::Stats& stats) {
    Loss last = Loss::random(outputs, 2, 1, 3);
    for (Index i = 0; i < outputs; ++i) last.leave_out(static_cast<std::size_t>(i));
    last.linear.back().setOnes();
    return adjoint_gradient(lotka_volterra, start, Eigen::VectorXd(cs::linspace(0.0, 6.0, outputs)), p, cs::Dopri5{},
                            cs::InterpolatingAdjoint{.stats = &stats}, {}, last);
  };
  CHECK(of_last(2, few).head(6) == of_last(61, many).head(6));
  CHECK(few == many);
}

TEST_CASE("a reused gradient of the interpolating adjoint does not allocate", "[adjoint]") {
  const auto run = [](const auto& method, const cs::SolveOptions& options) {
    auto of = cs::value_and_grad([&](const auto& y0, const auto& p_, const auto& t) {
      return cs::sum(cs::square(cs::odeint(lotka_volterra, y0, t, p_, method, cs::InterpolatingAdjoint{}, options).back()));
    });
    const auto again = [&] { of(start, p, times); };
    again();
    const std::size_t n = allocations::of(again);
    if (allocations::counted) CHECK(n == 0);
  };
  run(cs::Dopri5{}, {.rtol = 1e-8});
  run(cs::Adams{}, {.rtol = 1e-8});
}
