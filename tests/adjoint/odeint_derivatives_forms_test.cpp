#include <costate/adjoint/odeint_derivatives.hpp>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/check.hpp>
#include <costate/autodiff/hvp.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

template <class S>
using Vector1 = Eigen::Matrix<S, 1, 1>;
using Eigen::VectorXd;

const auto growth = [](auto /*t*/, const auto& y, const auto& theta) { return cs::stack(theta[0] * y[0]); };

}  // namespace

TEMPLATE_TEST_CASE("the derivatives of exponential growth are t y and t² y", "[adjoint]", float, double) {
  using S = TestType;
  constexpr bool single = std::is_same_v<S, float>;
  const cs::SolveOptions tight{.rtol = single ? 2e-6 : 1e-12, .atol = single ? 1e-7 : 1e-13};
  const auto end = [&](const auto& theta) {
    return cs::sum(cs::odeint(growth, Vector1<S>(1.5), {0.0, 2.0}, theta, cs::Dopri5{}, cs::DirectAdjoint{}, tight).back());
  };
  const Vector1<S> theta(S(0.3)), along(S(1));
  const S y = S(1.5) * std::exp(S(0.6)), tolerance = single ? S(1e-5) : S(1e-10);  // the steps' errors at rtol, of derivatives larger ones
  const auto [value, slope] = cs::jvp(end, theta, along);
  CHECK(std::abs(value[0] - y) < tolerance * y);
  CHECK(std::abs(slope[0] - 2 * y) < 2 * tolerance * y);
  const auto [same, gradient, product] = cs::hvp(end, theta, along);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(product)>, Vector1<S>>);
  CHECK(std::abs(gradient[0] - 2 * y) < 2 * tolerance * y);
  CHECK(std::abs(product[0] - 4 * y) < 4 * tolerance * y);
}

TEST_CASE("times have tangents, and these derivatives, to the method's order", "[adjoint]") {
  // y' = −θ t y: y(t_1) = y_0 exp(−θ (t_1² − t_0²) / 2), all of y_0, θ, t_0 and t_1 variables
  const auto decay = [](auto t, const auto& y, const auto& theta) { return cs::stack(-theta[0] * t * y[0]); };
  const auto end = [&](const auto& x) {
    return cs::sum(cs::odeint(decay, cs::rows(x, 0, 1), cs::rows(x, 2, 3), cs::rows(x, 1, 1), cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-10, .atol = 1e-12}).back());
  };
  const auto exact = [](const auto& x) { return cs::sum(x[0] * cs::exp(-x[1] * (cs::square(x[4]) - cs::square(x[2])) / 2)); };
  const VectorXd x = (VectorXd(5) << 1.2, 0.7, 0.4, 1.0, 1.6).finished(), v = (VectorXd(5) << 0.3, -0.5, 0.8, 0.2, -0.6).finished();
  const auto solved = cs::hvp(end, x, v), wanted = cs::hvp(exact, x, v);
  CHECK(std::abs(std::get<1>(cs::jvp(end, x, v))[0] - wanted.gradient.dot(v)) < 1e-8);
  CHECK((solved.gradient - wanted.gradient).norm() < 1e-8);
  CHECK((solved.product - wanted.product).norm() < 1e-8);
  const auto nested = cs::gradient([&](const auto& at) { return cs::sum(cs::grad(end, at) * v); }, x);
  CHECK((nested - wanted.product).norm() < 1e-7);  // the discrete gradient of an initial time is differentiated as the continuous one
}

TEST_CASE("an initial state moves as it should where only outputs in between are seen", "[adjoint]") {
  const auto rotation = [](auto /*t*/, const auto& y) { return cs::stack(y[1], -y[0]); };
  const auto middle = [&](const auto& y0) { return cs::odeint(rotation, y0, {1.0, 0.3, -1.0}, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.01})[1]; };
  const Eigen::Vector2d y0(0.4, 0.9), v(1.0, -2.0);
  const auto [value, dot] = cs::jvp(middle, y0, v);
  const double c = std::cos(-0.7), s = std::sin(-0.7);
  const Eigen::Matrix2d turn{{c, s}, {-s, c}};
  CHECK((value - turn * y0).norm() < 1e-8);  // h⁴
  CHECK((dot - turn * v).norm() < 1e-8);
}

TEST_CASE("solves in a row, networks and a batch: Hessians agree with differences of gradients", "[adjoint]") {
  const cs::nn::Mlp net({2, 3, 2}, cs::nn::tanh);
  std::mt19937 rng(1);
  const VectorXd theta = net.init(rng), u = VectorXd::LinSpaced(theta.size(), -1, 1), v = u.array().cos();
  const Eigen::MatrixXd x = Eigen::MatrixXd::Constant(2, 3, 0.4) + 0.3 * Eigen::MatrixXd::Identity(2, 3);
  const auto f = [&](auto t, const auto& y, const auto& p) { return net(y, p) * (1.0 + t); };
  const auto loss = [&](const auto& p) {
    const auto half = cs::odeint(f, net(x, p), {0.0, 0.5}, p, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.25});
    return cs::mean(cs::square(cs::hstack(cs::odeint(f, half.back() * half.front(), {0.5, 0.8, 1.0}, p, cs::Rk4{}, cs::DirectAdjoint{}))));
  };
  const auto Hu = cs::hvp(loss, theta, u), Hv = cs::hvp(loss, theta, v);
  const auto [value, gradient] = cs::value_and_grad(loss, theta);
  CHECK(std::abs(Hu.value - value) < 1e-15);
  CHECK((Hu.gradient - gradient).norm() < 1e-14);
  CHECK(std::abs(v.dot(Hu.product) - u.dot(Hv.product)) < 1e-13);
  const auto gradient_at = [&](double h) { return cs::gradient(loss, VectorXd(theta + h * u)); };
  const auto difference = [&](double h) { return VectorXd((gradient_at(h) - gradient_at(-h)) / (2 * h)); };
  CHECK((Hu.product - (4 * difference(2e-4) - difference(4e-4)) / 3).norm() < 1e-10);
}

TEST_CASE("every sample may have its own parameters in a derivative", "[adjoint]") {
  const auto f = [](auto /*t*/, const auto& y, const auto& theta) { return cs::stack(theta[0] * y[0] - theta[1] * cs::cube(y[0])); };
  const Eigen::MatrixXd y0 = Eigen::RowVector3d(0.5, 1.0, 1.5), theta = (Eigen::MatrixXd(2, 3) << 1.0, 0.8, 1.2, 0.3, 0.5, 0.1).finished();
  const Eigen::MatrixXd v = (Eigen::MatrixXd(2, 3) << 0.4, -1.0, 0.2, 0.7, 0.1, -0.9).finished();
  const auto end = [&](const auto& start, const auto& p) {
    return cs::odeint(f, start, {0.0, 1.0}, p, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.1}).back();
  };
  const auto all = cs::hvp([&](const auto& p) { return cs::sum(cs::square(end(y0, p))); }, theta, v);
  for (Eigen::Index b = 0; b < 3; ++b) {
    const Eigen::Matrix<double, 1, 1> start(y0(0, b));
    const auto one = cs::hvp([&](const auto& p) { return cs::sum(cs::square(end(start, p))); }, Eigen::Vector2d(theta.col(b)), Eigen::Vector2d(v.col(b)));
    CHECK((all.gradient.col(b) - one.gradient).norm() < 1e-14 * one.gradient.norm());
    CHECK((all.product.col(b) - one.product).norm() < 1e-13 * one.product.norm());
  }
}

TEST_CASE("statistics tell of the solve, not of its tangent", "[adjoint]") {
  cs::Stats stats;
  const auto end = [&](const auto& theta) {
    return cs::sum(cs::odeint(growth, Vector1<double>(1.5), {0.0, 1.0}, theta, cs::Rk4{}, cs::DirectAdjoint{.stats = &stats}, {.step = 0.1}).back());
  };
  cs::hvp(end, Vector1<double>(0.3), Vector1<double>(1.0));
  CHECK(stats.evaluations == 40);
  CHECK(stats.vjps <= 40);
}

TEST_CASE("third derivatives of a solve, and one sample's numbers as a batch, are refused with a sentence", "[adjoint]") {
  using Catch::Matchers::Contains;
  const auto end = [](const auto& theta) { return cs::sum(cs::odeint(growth, Vector1<double>(1.5), {0.0, 1.0}, theta, cs::Rk4{}, cs::DirectAdjoint{}).back()); };
  const Vector1<double> theta(0.3), v(1.0);
  const auto slope = [&](const auto& at) { return std::get<1>(cs::jvp(end, at, v)); };
  const auto steepness = [&](const auto& at) { return cs::grad(end, at); };
  CHECK_THROWS_WITH(cs::hvp(slope, theta, v), Contains("third derivative"));
  CHECK_THROWS_WITH(cs::hvp(steepness, theta, v), Contains("third derivative"));
  const auto folded = [](const auto& x) {
    return cs::sum(cs::odeint([](auto, const auto& y) { return -1.0 * y; }, cs::reshape(x, 0, 2, 3), {0.0, 1.0}, cs::Rk4{}, cs::DirectAdjoint{}).back());
  };
  CHECK_THROWS_AS(cs::value_and_grad(folded, VectorXd(VectorXd::Ones(6))), cs::ShapeError);
}
