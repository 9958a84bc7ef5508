#include "catch.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <costate/autodiff/check.hpp>

namespace cs = costate;

namespace {
// A number of the loss's own scalar type whose derivative is wrong by a factor: a fault for the checker to find.
template <class X>
auto wrong_square(const X& x) {
  const auto h = x * x;
  if constexpr (cs::detail::is_number<X>) {
    using T = typename X::tape_type;
    return cs::Expression<T, 1>{h.value_, {typename T::scalar(2.001) * x.value()}, {cs::detail::expression(x).cell[0]}, x.tape};
  } else {
    return h;
  }
}
}  // namespace

TEST_CASE("the gradient check accepts right gradients of every kind of argument", "[autodiff]") {
  const auto loss = [](const auto& v, const auto& list, const auto& pair, const auto& batch, const auto& number) {
    using std::exp;
    return v[0] * exp(v[1]) * list[2] + pair[0] * number / pair[1] + cs::sum(cs::sin(batch)) * number + list[0] * list[1];
  };
  const Eigen::Vector2d v(0.3, -1.2);
  const std::vector<double> list{1.0, 2.0, 3.0};
  const std::array<double, 2> pair{0.4, 2.5};
  const Eigen::Matrix<double, 2, 3, Eigen::RowMajor> batch = Eigen::MatrixXd::Random(2, 3);
  const auto check = cs::check_gradient(loss, v, list, pair, batch, 1.7);
  INFO(check.error);
  CHECK(check.ok(1e-14));  // a few roundings of the gradient; the differences are good to 1e-15
}

TEST_CASE("the gradient check names the argument, the component and both numbers of a wrong derivative", "[autodiff]") {
  const auto loss = [](const auto& a, const auto& b) { return a[0] * a[1] + b[0] + wrong_square(b[2]); };
  const auto check = cs::check_gradient(loss, Eigen::Vector2d(1, 2), Eigen::Vector3d(1, 2, 3));
  CHECK_FALSE(check.ok());
  CHECK(check.argument == 1);
  CHECK(check.index == 2);
  CHECK_THAT(check.gradient, Catch::Matchers::WithinRel(6.003, 1e-12));
  CHECK_THAT(check.difference, Catch::Matchers::WithinRel(6.0, 1e-12));
  CHECK_THAT(check.error, Catch::Matchers::WithinRel(0.003 / std::hypot(1.0, 6.003), 1e-9));
}

TEST_CASE("the gradient check shortens its step at the edge of a domain and beside a kink", "[autodiff]") {
  const auto logarithm = [](const auto& x) { return cs::sum(cs::log(x)); };
  CHECK(cs::check_gradient(logarithm, Eigen::Vector2d(1e-4, 2.0)).ok(1e-12));
  const auto kink = [](const auto& x) { return cs::sum(cs::relu(x) * x); };
  CHECK(cs::check_gradient(kink, Eigen::Vector3d(1e-4, -1e-4, 0.5)).ok(1e-12));
}

TEST_CASE("the gradient check refuses a gradient that is not a number", "[autodiff]") {
  const auto loss = [](const auto& x) { return cs::sqrt(x[0]) + x[1]; };
  CHECK_FALSE(cs::check_gradient(loss, Eigen::Vector2d(-1, 1)).ok());
}

TEST_CASE("the gradient check takes float arguments", "[autodiff]") {
  const auto loss = [](const auto& x) { return cs::sum(cs::exp(x) * cs::cos(x)); };
  const auto check = cs::check_gradient(loss, Eigen::VectorXf::LinSpaced(9, -1, 1).eval());
  CHECK(check.ok(1e-6));  // 8 ε
  CHECK(check.error > 0);
}

TEST_CASE("the adjoint check compares both modes", "[autodiff]") {
  const auto f = [](const auto& x) { return cs::stack(cs::sin(x[0]) * x[1], x[1] / x[2], x[0]); };
  CHECK(cs::check_adjoint(f, Eigen::Vector3d(0.2, 0.9, 1.4)).ok(1e-15));
  CHECK(cs::check_adjoint(f, Eigen::MatrixXd::Constant(3, 5, 0.7).eval()).ok(1e-14));
}
