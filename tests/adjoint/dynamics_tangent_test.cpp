#include <costate/adjoint/dynamics_tangent.hpp>

#include <costate/autodiff/value_and_grad.hpp>

#include "catch.hpp"

namespace cs = costate;
using Eigen::Matrix;
using Eigen::VectorXd;

namespace {

const Eigen::Vector2d y(0.6, -0.4), s(0.3, 1.1);
const Eigen::Vector3d p(1.2, 0.5, -0.7), along(0.2, -0.9, 0.4);

const auto rows_of_numbers = [](auto t, const auto& u, const auto& q) { return cs::stack(q[0] * u[0] * u[1] + t, cs::sin(u[0]) * q[1] - q[2] / u[1]); };
/// The same with named scalars, loops and what branches.
const auto named_numbers = [](auto t, const auto& u, const auto& q) {
  using N = cs::number_t<decltype(u)>;
  N total = t, product = q[0];
  for (int i = 0; i < 2; ++i) product *= u[i];
  total += product;
  const auto rest = cs::let(cs::sin(u[0]) * q[1]);
  return cs::stack(total, rest - q[2] / u[1]);
};
/// The same with an array operation inside, and as an array.
const auto arrays_inside = [](auto t, const auto& u, const auto& q) {
  const auto swapped = cs::matmul(Eigen::Matrix2d{{0, 1}, {1, 0}}, u);
  return cs::stack(q[0] * swapped[1] * swapped[0] + t, cs::sin(swapped[1]) * q[1] - q[2] / swapped[0]);
};
const auto one_array = [](auto t, const auto& u, const auto& q) {
  const auto flipped = cs::matmul(Eigen::Matrix2d{{1, 0}, {0, 1}}, u);
  return cs::stack(cs::rows(q, 0, 1) * cs::rows(flipped, 0, 1) * cs::rows(flipped, 1, 1) + t,
                   cs::sin(cs::rows(flipped, 0, 1)) * cs::rows(q, 1, 1) - cs::rows(q, 2, 1) / cs::rows(flipped, 1, 1));
};

/// [f; its tangent] at t = 0.9 as a plain solve has it, along s, and the parameters' direction if asked for.
template <class F>
Eigen::Vector4d tangent(const F& f, bool along_theta) {
  const Eigen::Vector4d z(y[0], y[1], s[0], s[1]);
  VectorXd q(along_theta ? 6 : 3);
  q.head(3) = p;
  if (along_theta) q.tail(3) = along;
  auto dynamics = cs::detail::bind(cs::detail::DynamicsTangent<F>(f, 3, along_theta), z, q);
  Eigen::Vector4d dz;
  dynamics(0.9, z, dz);
  return dz;
}

Eigen::Vector4d expected(bool along_theta) {
  const double du = s[0], dv = s[1], a = along_theta ? along[0] : 0, b = along_theta ? along[1] : 0, c = along_theta ? along[2] : 0;
  return {p[0] * y[0] * y[1] + 0.9, std::sin(y[0]) * p[1] - p[2] / y[1], p[0] * (du * y[1] + y[0] * dv) + a * y[0] * y[1],
          std::cos(y[0]) * p[1] * du + p[2] / (y[1] * y[1]) * dv + std::sin(y[0]) * b - c / y[1]};
}

}  // namespace

TEST_CASE("a dynamics' tangent is its directional derivative, in whatever way f is written", "[adjoint]") {
  for (const bool along_theta : {false, true}) {
    const Eigen::Vector4d wanted = expected(along_theta);
    CHECK((tangent(rows_of_numbers, along_theta) - wanted).norm() < 1e-15 * wanted.norm());
    CHECK((tangent(named_numbers, along_theta) - wanted).norm() < 1e-15 * wanted.norm());
    CHECK((tangent(arrays_inside, along_theta) - wanted).norm() < 1e-15 * wanted.norm());
    CHECK((tangent(one_array, along_theta) - wanted).norm() < 1e-15 * wanted.norm());
  }
}

TEST_CASE("a batch has its samples' tangents", "[adjoint]") {
  Eigen::MatrixXd z(4, 3), dz(4, 3);
  z.col(0) << y, s;
  z.col(1) << s, y;
  z.col(2) << s, s;
  const Eigen::VectorXd q = (Eigen::VectorXd(6) << p, along).finished();
  const cs::detail::DynamicsTangent f(rows_of_numbers, 3, true);
  auto batch = cs::detail::bind(f, z, q);
  using D = decltype(batch);
  typename D::State flat(12);
  batch(0.9, D::to_internal(z), flat);
  batch.to_user(flat, dz);
  for (Eigen::Index b = 0; b < 3; ++b) {
    const Eigen::Vector4d start = z.col(b);
    Eigen::Vector4d one;
    cs::detail::bind(f, start, q)(0.9, start, one);
    CHECK((dz.col(b) - one).norm() < 1e-15 * one.norm());
  }
}

TEST_CASE("the tangent can be pulled back, its time too", "[adjoint]") {
  // weights w of [f; tangent]; time enters f as t y_0
  const auto f = [](auto t, const auto& u, const auto& q) { return cs::stack(q[0] * u[0] * u[1] * t, cs::sin(u[0]) * q[1] - q[2] / u[1] * t); };
  const Eigen::Vector4d w(0.4, -0.3, 0.9, 0.7);
  const auto value = [&](const auto& z, const auto& q, const auto& t) {
    const auto dz = cs::detail::DynamicsTangent(f, 3, true)(t[0], z, q);
    if constexpr (cs::detail::is_stacked<std::remove_cvref_t<decltype(dz)>>)
      return std::apply([&](auto... row) { return Eigen::Vector4d(row...).dot(w); }, dz.rows);
    else return cs::sum(w * dz);
  };
  const Eigen::Vector4d z(y[0], y[1], s[0], s[1]);
  const Eigen::VectorXd q = (Eigen::VectorXd(6) << p, along).finished();
  const Eigen::Matrix<double, 1, 1> t(0.9);
  const auto [sum, dz, dq, dt] = cs::value_and_grad(value, z, q, t);
  const double h = 2e-6;
  const auto difference = [&](const Eigen::Vector4d& vz, const VectorXd& vq, double vt) {
    const auto at = [&](double e) { return cs::value(value, Eigen::Vector4d(z + e * vz), VectorXd(q + e * vq), Eigen::Matrix<double, 1, 1>(0.9 + e * vt)); };
    return (at(h) - at(-h)) / (2 * h);
  };
  const VectorXd none = VectorXd::Zero(6);
  // h² and a rounding over h
  for (int i = 0; i < 4; ++i) CHECK(std::abs(dz[i] - difference(Eigen::Vector4d::Unit(i), none, 0)) < 1e-8);
  for (int i = 0; i < 6; ++i) CHECK(std::abs(dq[i] - difference(Eigen::Vector4d::Zero(), VectorXd::Unit(6, i), 0)) < 1e-8);
  CHECK(std::abs(dt[0] - difference(Eigen::Vector4d::Zero(), none, 1)) < 1e-8);
}

TEST_CASE("a dynamics that returns another number of components is refused by its tangent", "[adjoint]") {
  const auto refused = [](const auto& f) {
    const VectorXd z = VectorXd::Ones(4), q = VectorXd::Ones(6);
    VectorXd dz(4);
    CHECK_THROWS_AS(cs::detail::bind(cs::detail::DynamicsTangent(f, 3, true), z, q)(0.9, z, dz), cs::ShapeError);
  };
  refused([](auto, const auto& u, const auto& q) { return cs::stack(u[0], u[1], q[0]); });
  refused([](auto, const auto& u, const auto&) { return cs::vstack(cs::rows(u, 0, 2), cs::rows(u, 0, 1)); });
}
