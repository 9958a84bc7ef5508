#include "catch.hpp"

#include <cmath>

#include <costate/autodiff/check.hpp>

namespace cs = costate;
namespace fn = costate::detail::fn;
using Catch::Matchers::WithinRel;

namespace {

// a 2-6-1 network, all weights in theta (25)
template <class Y, class P>
auto network(const Y& y, const P& theta) {
  const auto h = cs::dense(cs::reshape(theta, 0, 6, 2), cs::reshape(theta, 12, 6, 1), y, fn::Tanh{});
  return cs::dense(cs::reshape(theta, 18, 1, 6), cs::reshape(theta, 24, 1, 1), h);
}

const Eigen::VectorXd weights = Eigen::VectorXd::LinSpaced(25, 0, 24).array().sin();
const Eigen::MatrixXd states = Eigen::VectorXd::LinSpaced(10, 0, 9).array().cos().matrix().reshaped(2, 5);

}  // namespace

TEST_CASE("a Hamiltonian network's rates are differentiated through, on one sample and in a batch", "[autodiff]") {
  const auto loss = [](const auto& theta, const auto& y) {
    const auto dH = cs::grad([&](const auto& y_) { return cs::sum(network(y_, theta)); }, y);
    const auto rates = cs::stack(dH[1], -dH[0]);
    if constexpr (cs::detail::is_stacked<std::remove_cvref_t<decltype(rates)>>) return std::get<0>(rates.rows) * std::get<1>(rates.rows) + dH[0] * dH[0];
    else return cs::sum(rates[0] * rates[1] + dH[0] * dH[0]);
  };
  CHECK(cs::check_gradient(loss, weights, states).ok(1e-12));
  const Eigen::Vector2d one = states.col(0);
  CHECK(cs::check_gradient(loss, weights, one).ok(1e-12));
  const Eigen::MatrixXd column = one;
  CHECK_THAT(std::get<0>(cs::value_and_grad(loss, weights, one)), WithinRel(std::get<0>(cs::value_and_grad(loss, weights, column)), 1e-14));
}

TEST_CASE("the trace of a flow's Jacobian by vjp is differentiated through", "[autodiff]") {
  const Eigen::MatrixXd noise = states.cwiseSign();
  const auto loss = [&](const auto& theta, const auto& y) {
    const auto [velocity, eJ] = cs::vjp(
        [&](const auto& x) {
          const auto h = cs::dense(cs::reshape(theta, 0, 6, 2), cs::reshape(theta, 12, 6, 1), x, fn::Sigmoid{});
          return cs::matmul(cs::reshape(theta, 13, 2, 6), h);
        },
        y, noise);
    return cs::sum(cs::square(velocity)) - cs::sum(cs::colwise_sum(eJ * noise) * velocity[0]);
  };
  CHECK(cs::check_gradient(loss, weights, states).ok(1e-12));
}

TEST_CASE("a Lagrangian network's accelerations, derivatives of derivatives, are differentiated once more", "[autodiff]") {
  // one coordinate: L(q, v); L_vv q̈ = L_q − L_vq v, with the mass made positive
  const auto loss = [](const auto& theta, const auto& y) {
    const auto lagrangian = [&](const auto& z) { return cs::sum(network(z, theta) + cs::square(z[1])); };
    const auto slope = [&](const auto& z) { return cs::grad(lagrangian, z); };
    Eigen::MatrixXd along_q = Eigen::MatrixXd::Zero(2, y.cols()), along_v = along_q;
    along_q.row(0).setOnes();
    along_v.row(1).setOnes();
    const auto [g, g_q] = cs::jvp(slope, y, along_q);
    const auto [same, g_v] = cs::jvp(slope, y, along_v);
    const auto acceleration = (g[0] - g_q[1] * y[1]) / g_v[1];
    return cs::sum(cs::square(acceleration));
  };
  const auto report = cs::check_gradient(loss, weights, states);
  CAPTURE(report.error);
  CHECK(report.ok(1e-10));
}

TEST_CASE("the third derivative of a polynomial by grad of grad of grad is exact", "[autodiff]") {
  const auto derivative = [](const auto& f) { return [f](const auto& x) { return cs::grad([&](const auto& y) { return cs::sum(f(y)); }, x); }; };
  const auto f = [](const auto& x) { return x * x * x * x; };
  const auto third = derivative(derivative(derivative(f)));
  const Eigen::MatrixXd x = Eigen::RowVector3d(1, 2, -3);
  const auto [value, slope] = cs::value_and_grad([&](const auto& v) { return cs::sum(third(v)); }, x);
  CHECK(value == 24 * x.sum());
  CHECK(slope == Eigen::MatrixXd::Constant(1, 3, 24));
  CHECK(cs::value([&](const auto& v) { return cs::sum(third(v)); }, x) == 24 * x.sum());  // nobody records outside
  const Eigen::Vector3d one(1, 2, -3);
  CHECK(Eigen::Vector3d(std::get<1>(cs::value_and_grad([&](const auto& v) { return cs::sum(third(v)); }, one))) == Eigen::Vector3d(24, 24, 24));
}

TEST_CASE("captured variables are constants inside and variables outside", "[autodiff]") {
  // d/dx Σ a x² = 2 a x, then by a and x
  const auto loss = [](const auto& a, const auto& x) {
    return cs::sum(cs::grad([&](const auto& v) { return cs::sum(a[0] * v * v) * a[1]; }, x) * a[1]);
  };
  const Eigen::Vector2d a(3, 0.5);
  const Eigen::MatrixXd x = Eigen::RowVector2d(1, 2);
  const auto [value, da, dx] = cs::value_and_grad(loss, a, x);
  CHECK_THAT(value, WithinRel(2 * 3 * 3 * 0.25, 1e-15));
  CHECK((da - Eigen::Vector2d(1.5, 18)).norm() < 1e-14);
  CHECK((dx - Eigen::RowVector2d(1.5, 1.5)).norm() < 1e-15);
}

TEST_CASE("an inner function may return what does not depend on its argument, or the argument itself", "[autodiff]") {
  const Eigen::MatrixXd x = Eigen::RowVector2d(1, 2);
  const auto constant = [](const auto& a) {
    return cs::sum(cs::grad([&](const auto&) { return cs::sum(a); }, a)) + cs::sum(a) + cs::sum(cs::grad([](const auto&) { return 3.0; }, a));
  };
  CHECK(Eigen::MatrixXd(std::get<1>(cs::value_and_grad(constant, x))) == Eigen::MatrixXd::Ones(1, 2));
  CHECK(cs::value(constant, x) == 3);
  const auto identity = [](const auto& a) {
    const auto [v, pulled] = cs::vjp([](const auto& y) { return y; }, a, a * a);
    const auto [w, pushed] = cs::jvp([](const auto& y) { return y; }, a, a * a * a);
    return cs::sum(pulled * v) + cs::sum(pushed * w);
  };
  CHECK(cs::check_gradient(identity, x).ok(1e-14));
  CHECK(cs::value(identity, x) == 1 + 8 + 1 + 16);
}

TEST_CASE("inner derivatives go through slices, rows, stacks and where", "[autodiff]") {
  const auto loss = [](const auto& y) {
    const auto part = cs::rows(y, 0, 2);
    const auto g = cs::grad(
        [&](const auto& z) {
          using N = cs::number_t<decltype(z)>;
          N total = 0;
          for (int i = 0; i < 2; ++i) total += z[i] * z[i] * y[2] + cs::sin(z[1 - i]);
          const auto s = cs::stack(total, z[0], z * 2, 1.5);
          return cs::sum(cs::square(cs::rows(s, 0, 3)) * s[4]) + cs::sum(cs::where(z[0] > 0, z[0] * y[2], cs::cube(z[1]))) + cs::sum(cs::cols(s, 1, 2));
        },
        part);
    const auto inner = [&](const auto& z) { return cs::grad([&](const auto& w) { return cs::sum(cs::exp(w[0] * w[1]) * y[2]); }, z); };
    const auto [h, hv] = cs::jvp(inner, cs::rows(y, 1, 2), g);
    return cs::sum(g * g) + cs::sum(hv * h);
  };
  const Eigen::MatrixXd y = Eigen::VectorXd::LinSpaced(12, 0, 11).array().cos().matrix().reshaped(3, 4) * 0.5;
  CHECK(cs::check_gradient(loss, y).ok(1e-12));
}

TEST_CASE("two arguments of an inner derivative", "[autodiff]") {
  const auto loss = [](const auto& a, const auto& b) {
    const auto [value, abar, bbar] = cs::vjp([](const auto& u, const auto& v) { return cs::matmul(u, cs::tanh(v)); }, cs::args(a, b), cs::matmul(a, b));
    return cs::sum(cs::square(abar)) + cs::sum(bbar * b) + cs::sum(value);
  };
  const Eigen::MatrixXd a = states.topRows(2) * 0.7, b = states.transpose();
  CHECK(cs::check_gradient(loss, a, b).ok(1e-12));
  // the same array twice: both cotangents count
  const auto twice = [](const auto& x) {
    const auto [value, u, v] = cs::vjp([](const auto& p, const auto& q) { return p * q * q; }, cs::args(x, x), x);
    return cs::sum(u * u) + cs::sum(v);
  };
  CHECK(cs::check_gradient(twice, a).ok(1e-12));
}

TEST_CASE("errors inside name the shapes", "[autodiff]") {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Ones(2, 3);
  CHECK_THROWS_AS(cs::value_and_grad([](const auto& v) { return cs::sum(cs::grad([](const auto& u) { return u * u; }, v)); }, x), cs::ShapeError);
  const auto wrong = [](const auto& v) { return cs::sum(std::get<1>(cs::vjp([](const auto& u) { return u * u; }, v, v[0]))); };
  CHECK_THROWS_AS(cs::value_and_grad(wrong, x), cs::ShapeError);
  const auto wrong_tangent = [](const auto& v) { return cs::sum(std::get<1>(cs::jvp([](const auto& u) { return u * u; }, v, v[0]))); };
  CHECK_THROWS_AS(cs::value_and_grad(wrong_tangent, x), cs::ShapeError);
}
