#include <costate/adjoint/tangent_pullback.hpp>

#include <costate/adjoint/dynamics_tangent.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/nn/mlp.hpp>

#include "catch.hpp"

namespace cs = costate;
using Eigen::Vector4d;
using Eigen::VectorXd;

namespace {

const Vector4d z(0.6, -0.4, 0.3, 1.1), a(0.4, -0.3, 0.9, 0.7);
const VectorXd q = (VectorXd(6) << 1.2, 0.5, -0.7, 0.2, -0.9, 0.4).finished();

struct Products {
  bool done;
  Vector4d dz, z_bar = Vector4d::Zero();
  VectorXd q_bar;
  double t_bar = 0;
};

/// By dual numbers, and by the recorded tangent.
template <class F>
Products in_dual_numbers(const F& f, bool along_theta, double t = 0.9) {
  cs::Tape<double> tape;
  Products r;
  r.q_bar.setZero(along_theta ? 6 : 3);
  const auto slot = cs::detail::view_slot(q.data(), r.q_bar.size(), 1);
  r.done = cs::detail::pull_tangent<true, true>(tape, f, t, z.data(), 2, slot, 3, along_theta, a.data(), r.dz.data(), r.z_bar.data(), r.q_bar.data(), &r.t_bar);
  return r;
}
template <class F>
Products recorded(const F& f, bool along_theta, double t = 0.9) {
  Products r;
  const VectorXd parameters = q.head(along_theta ? 6 : 3);
  cs::Tape<double> tape;
  const auto value = [&](const auto& z_, const auto& q_, const auto& t_) {
    const auto dz = cs::detail::DynamicsTangent(f, 3, along_theta)(t_[0], z_, q_);
    r.dz = dz.values();
    return cs::sum(a * dz);
  };
  Eigen::Matrix<double, 1, 1> t_bar;
  std::tie(std::ignore, r.z_bar, r.q_bar, t_bar) = cs::value_and_grad(tape, value, z, parameters, Eigen::Matrix<double, 1, 1>(t));
  r.t_bar = t_bar[0];
  return r;
}

template <class F>
void check(const F& f) {
  for (const bool along_theta : {false, true}) {
    const Products got = in_dual_numbers(f, along_theta), wanted = recorded(f, along_theta);
    REQUIRE(got.done);
    const double rounding = 1e-14 * (1 + wanted.z_bar.norm() + wanted.q_bar.norm());
    CHECK((got.dz - wanted.dz).norm() < rounding);
    CHECK((got.z_bar - wanted.z_bar).norm() < rounding);
    CHECK((got.q_bar - wanted.q_bar).norm() < rounding);
    CHECK(std::abs(got.t_bar - wanted.t_bar) < rounding);
  }
}

}  // namespace

TEST_CASE("second derivatives in dual numbers are those of the recorded tangent", "[adjoint]") {
  check([](auto t, const auto& y, const auto& p) { return cs::stack(p[0] * y[0] * y[1] * t, cs::sin(y[0] * t) * p[1] - p[2] / y[1]); });
  check([](auto t, const auto& y, const auto& p) {  // named scalars, a loop, a constant row's neighbour that is the state itself
    using N = cs::number_t<decltype(y)>;
    N total = t, product = p[0];
    for (int i = 0; i < 2; ++i) product *= y[i];
    total += product * product;
    const auto twice = cs::let(cs::exp(y[0]) * p[1]);
    return cs::stack(total * twice - twice / p[2], y[0]);
  });
  check([](auto /*t*/, const auto& y, const auto& p) {
    return cs::stack(cs::where(y[0] > 0, cs::pow(y[0], 3) * p[0], y[1]) + cs::pow(y[0] + 1, p[1]) + cs::tanh(p[2] * y[1]),
                     cs::atan2(y[1], p[0]) + cs::sigmoid(y[0]) * cs::softplus(p[1]) + cs::sqrt(p[0]) / (1 + cs::square(y[1])) + 3.0);
  });
  check([](auto t, const auto& y, const auto& p) {  // a slope that is one here, but not for long
    using N = cs::number_t<decltype(y)>;
    N unit = y[0] / 0.6;
    N same = unit * p[1];
    N again = same * unit;
    return cs::stack(again * t, unit * y[1]);
  });
}

TEST_CASE("a dynamics that is called with arrays inside is left to the recorded tangent", "[adjoint]") {
  const auto refused = [](const auto& f) {
    const Products r = in_dual_numbers(f, true);
    CHECK_FALSE(r.done);
    CHECK(r.z_bar == Vector4d::Zero());
    CHECK(r.q_bar == VectorXd::Zero(6));
    CHECK(r.t_bar == 0);
  };
  const cs::nn::Mlp net({2, 1}, cs::nn::tanh);
  refused([&](auto t, const auto& y, const auto& p) { return cs::stack(net(y, p)[0] * t, y[0]); });
  refused([](auto t, const auto& y, const auto& p) { return cs::stack(cs::sum(y) * t, cs::dot(y, y) * cs::mean(p)); });
  refused([](auto, const auto& y, const auto& p) {
    const auto u = cs::matmul(Eigen::Matrix2d{{1, 2}, {3, 4}}, cs::where(y > 0, y * y, cs::tanh(y) - 1));
    return cs::stack(u[0] * p[0], cs::logsumexp(u)[0] + cs::softmax(y)[1]);
  });
  refused([](auto, const auto& y, const auto& p) {
    const auto u = cs::vstack(cs::pow(y, 2) + cs::pow(2.0, y), cs::max(y, p[0]) * 2);
    const auto v = cs::colwise_sum(cs::atan2(y, y + 3));
    const auto [value, along] = cs::jvp([&](const auto& x) { return cs::exp(x) / p[1]; }, y, y);
    const auto [same, back] = cs::vjp([&](const auto& x) { return x * x; }, y, value);
    return cs::stack(u[3] * p[0] + cs::rows(p, 1, 2)(1, 0), v[0] + cs::rowwise_mean(along)[0] + back[1]);
  });
  refused([](auto, const auto& y, const auto& p) {
    const auto slope = cs::grad([&](const auto& x) { return cs::sum(cs::square(x)) * p[0]; }, y);
    return cs::stack(slope[1], -slope[0]);
  });
}
