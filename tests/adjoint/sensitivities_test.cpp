#include <costate/adjoint/sensitivities.hpp>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/cost.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;
using Eigen::Index;

namespace {

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
};
const Eigen::Vector2d start(1.0, 1.2);
const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
const cs::SensitivityOptions all{.initial_state = true};

/// The largest difference, relative to the largest entry, from the rows that the discrete adjoint gives.
template <class F, class Y0, class Theta, class M>
double distance_from_adjoint(const F& f, const Y0& y0, const std::vector<double>& times, const Theta& theta, const M& method, const cs::SolveOptions& options,
                             bool in_norm) {
  const auto forward = cs::sensitivities(f, y0, times, theta, method, options, {.initial_state = true, .in_error_norm = in_norm});
  double worst = 0;
  for (std::size_t i = 0; i < times.size(); ++i)
    for (Index row = 0; row < y0.size(); ++row) {
      const Index b = row / y0.rows(), d = row % y0.rows();
      const auto [value, dy0, dtheta] = cs::value_and_grad(
          [&](const auto& y0_, const auto& theta_) {
            const auto y = cs::odeint(f, y0_, times, theta_, method, cs::DirectAdjoint{}, options)[static_cast<Index>(i)];
            return y(d, b);
          },
          y0, theta);
      const Eigen::VectorXd flat = dtheta.reshaped();
      worst = std::max(worst, (forward.dtheta[i].row(row).transpose() - flat).cwiseAbs().maxCoeff() / std::max(1.0, flat.cwiseAbs().maxCoeff()));
      worst = std::max(worst, (forward.dy0[i].row(row).transpose() - dy0.col(b)).cwiseAbs().maxCoeff() / std::max(1.0, dy0.cwiseAbs().maxCoeff()));
    }
  return worst;
}

}  // namespace

TEST_CASE("sensitivities are the rows of the discrete adjoint where the steps are the same", "[adjoint]") {
  const Eigen::MatrixXd batch = (Eigen::MatrixXd(2, 2) << 1.0, 0.8, 1.2, 0.5).finished();
  CHECK(distance_from_adjoint(lotka_volterra, start, {0.0, 0.45, 1.0}, p, cs::Rk4{}, {.step = 0.1}, true) < 1e-13);
  CHECK(distance_from_adjoint(lotka_volterra, batch, {1.0, 0.45, 0.0}, p, cs::Rk4{}, {.step = 0.1}, false) < 1e-13);
  CHECK(distance_from_adjoint(lotka_volterra, start, {0.0, 0.45, 1.0}, p, cs::Dopri5{}, {}, false) < 1e-12);
  CHECK(distance_from_adjoint(lotka_volterra, batch, {0.0, 0.45, 1.0}, p, cs::Adams{}, {}, false) < 1e-12);
}

TEST_CASE("a network's sensitivities in a batch, by samples' own parameters too", "[adjoint]") {
  const cs::nn::Mlp net({2, 3, 2}, cs::nn::tanh);
  std::mt19937 rng(1);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd batch = (Eigen::MatrixXd(2, 2) << 1.0, 0.8, 1.2, 0.5).finished();
  CHECK(distance_from_adjoint([&](auto, const auto& y, const auto& q) { return net(y, q); }, batch, {0.0, 0.4, 1.0}, theta, cs::Rk4{}, {.step = 0.2}, true) < 1e-13);
  Eigen::MatrixXd own(4, 2);
  own << p, 0.9 * p;
  CHECK(distance_from_adjoint(lotka_volterra, batch, {0.0, 1.0}, own, cs::Rk4{}, {.step = 0.2}, true) < 1e-13);
}

TEMPLATE_TEST_CASE("sensitivities of exponential growth", "[adjoint]", float, double) {
  using S = TestType;
  const auto growth = [](auto /*t*/, const auto& y, const auto& theta) { return cs::stack(theta[0] * y[0]); };
  const Eigen::Matrix<S, 1, 1> y0(S(1.5)), theta(S(-0.8));
  for (const double end : {2.0, -1.0}) {
    const auto s = cs::sensitivities(growth, y0, {0.0, end / 2, end}, theta, cs::Dopri5{}, {}, all);
    const double rtol = std::is_same_v<S, float> ? 1e-4 : 1e-6;
    for (std::size_t i = 0; i < 3; ++i) {
      const double t = static_cast<double>(s.t[i]), e = std::exp(-0.8 * t);
      CHECK(std::abs(static_cast<double>(s.y[i][0]) - 1.5 * e) < 10 * rtol * (1 + e));  // of ten steps or fewer
      CHECK(std::abs(static_cast<double>(s.dtheta[i](0, 0)) - 1.5 * t * e) < 10 * rtol * (1 + e));
      CHECK(std::abs(static_cast<double>(s.dy0[i](0, 0)) - e) < 10 * rtol * (1 + e));
    }
  }
}

TEST_CASE("sensitivities control the step, or leave it to the state", "[adjoint]") {
  // the state rests while its sensitivity oscillates: y_0 = y_1 = 0, forced by the parameter alone
  const auto forced = [](auto t, const auto& y, const auto& theta) { return cs::stack(y[1], theta[0] * cs::sin(20.0 * t) - y[0]); };
  const Eigen::Vector2d rest(0.0, 0.0);
  const Eigen::Matrix<double, 1, 1> none(0.0);
  const auto error = [](const auto& solution) {  // y_0 / θ = (sin 20 t − 20 sin t) / (1 − 400)
    const double t = 5, exact = (std::sin(20 * t) - 20 * std::sin(t)) / (1 - 400.0);
    return std::abs(solution.dtheta.back()(0, 0) - exact);
  };
  const auto with = cs::sensitivities(forced, rest, {0.0, 5.0}, none, cs::Dopri5{}, {});
  const auto without = cs::sensitivities(forced, rest, {0.0, 5.0}, none, cs::Dopri5{}, {}, {.in_error_norm = false});
  CHECK(error(with) < 1e-5);
  CHECK(error(without) > 1e-3);
  CHECK(without.stats.accepted == cs::solve(forced, rest, {0.0, 5.0}, none, cs::Dopri5{}, {}).stats.accepted);
}

TEST_CASE("a dynamics without parameters has sensitivities to its initial state; states may be standard vectors", "[adjoint]") {
  const auto rotation = [](auto /*t*/, const auto& y) { return cs::stack(y[1], -y[0]); };
  const std::vector<double> y0{1.0, 0.0};
  const auto s = cs::sensitivities(rotation, y0, {0.0, 1.0}, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-9});
  const Eigen::Matrix2d turn{{std::cos(1.0), std::sin(1.0)}, {-std::sin(1.0), std::cos(1.0)}};
  CHECK(s.dtheta.empty());
  CHECK((s.dy0.front() - Eigen::Matrix2d::Identity()).norm() == 0);
  CHECK((s.dy0.back() - turn).norm() < 1e-7);
}

TEST_CASE("sensitivities refuse what they cannot do, and report what failed", "[adjoint]") {
  CHECK_THROWS_AS(cs::sensitivities(lotka_volterra, start, {0.0, 1.0}, p, cs::Dopri5{}, {.dense = true}), cs::OptionError);
  const auto rotation = [](auto /*t*/, const auto& y) { return cs::stack(y[1], -y[0]); };
  CHECK_THROWS_AS(cs::sensitivities(rotation, start, {0.0, 1.0}, cs::Dopri5{}, {}, {.initial_state = false}), cs::OptionError);
  CHECK_THROWS_AS(cs::sensitivities(lotka_volterra, start, {0.0, 0.0}, p, cs::Dopri5{}), cs::TimeError);
  CHECK_THROWS_AS(cs::sensitivities(lotka_volterra, Eigen::Vector3d(1, 1, 1), {0.0, 1.0}, Eigen::MatrixXd(p), cs::Dopri5{}), cs::ShapeError);
  const auto cut = cs::sensitivities(lotka_volterra, start, {0.0, 0.1, 50.0}, p, cs::Dopri5{}, {.max_steps = 20, .throw_on_failure = false});
  CHECK(cut.status == cs::Status::too_many_steps);
  CHECK(cut.t.size() == cut.dtheta.size());
}

TEST_CASE("sensitivities of costs take the steps that the costs ask for", "[adjoint]") {
  const auto f = [](auto, const auto& y, const auto& k) { return cs::stack(k[0] * y[1], -k[1] * y[0]); };
  const auto q = [](auto t, const auto& y, const auto& k) { return cs::sin(30.0 * t * k[0]) * y[0] * y[0]; };
  const Eigen::Vector3d y0(1, 0, 0);
  const Eigen::Vector2d theta(1.3, 0.7);
  const cs::SolveOptions loose{.rtol = 1e-3, .atol = 1e-3};
  for (const bool in_norm : {true, false}) {
    const auto costly = cs::with_cost(f, cs::cost(q, {.in_norm = in_norm}));
    const auto solution = cs::solve(costly, y0, {0.0, 1.0, 3.0}, theta, cs::Dopri5{}, loose);
    const auto s = cs::sensitivities(costly, y0, {0.0, 1.0, 3.0}, theta, cs::Dopri5{}, loose, {.in_error_norm = false});
    CHECK(s.stats.accepted == solution.stats.accepted);
    CHECK((s.y.back() - solution.y.back()).norm() < 1e-8);
    const auto along = cs::sensitivities(costly, y0, {0.0, 1.0, 3.0}, theta, cs::Dopri5{}, loose);
    CHECK(along.stats.accepted >= solution.stats.accepted);
  }
}
