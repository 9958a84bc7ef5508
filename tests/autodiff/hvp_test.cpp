#include <costate/autodiff/hvp.hpp>

#include "autodiff/allocations.hpp"
#include "catch.hpp"

namespace cs = costate;
namespace fn = costate::detail::fn;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Σ over samples of a 2-6-1 network's squared output, all weights in theta (25).
const MatrixXd states = VectorXd::LinSpaced(10, 0, 9).array().cos().matrix().reshaped(2, 5);
const auto network_loss = [](const auto& theta) {
  const auto h = cs::dense(cs::reshape(theta, 0, 6, 2), cs::reshape(theta, 12, 6, 1), states, fn::Tanh{});
  return cs::mean(cs::square(cs::dense(cs::reshape(theta, 18, 1, 6), cs::reshape(theta, 24, 1, 1), h)));
};
const VectorXd weights = VectorXd::LinSpaced(25, 0, 24).array().sin();

}  // namespace

TEMPLATE_TEST_CASE("the Hessian of a cubic is known", "[autodiff]", float, double, long double) {
  using S = TestType;
  using Vector = Eigen::Matrix<S, 3, 1>;
  const auto loss = [](const auto& x) { return cs::sum(cs::cube(x)) + x[0] * x[1] * x[2]; };
  const Vector x(1, 2, -3), v(S(0.5), 1, -1);
  const auto [value, gradient, product] = cs::hvp(loss, x, v);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(product)>, Vector>);
  Eigen::Matrix<S, 3, 3> H;
  H << 6 * x[0], x[2], x[1], x[2], 6 * x[1], x[0], x[1], x[0], 6 * x[2];
  CHECK(value == S(1 + 8 - 27 - 6));
  CHECK(gradient == Vector(3 + x[1] * x[2], 12 + x[0] * x[2], 27 + x[0] * x[1]));
  CHECK(product == Vector(H * v));  // small integers and halves
}

TEST_CASE("a network's Hessian is symmetric and agrees with differences of gradients", "[autodiff]") {
  const VectorXd u = weights.reverse().array() + 0.2, v = weights.array().cos();
  const auto Hu = cs::hvp(network_loss, weights, u), Hv = cs::hvp(network_loss, weights, v);
  CHECK(std::abs(v.dot(Hu.product) - u.dot(Hv.product)) < 1e-13 * std::abs(v.dot(Hu.product)));
  using L = Eigen::Matrix<long double, Eigen::Dynamic, 1>;
  const auto wide = [](const auto& theta) {
    const Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> x = states.cast<long double>();
    const auto h = cs::dense(cs::reshape(theta, 0, 6, 2), cs::reshape(theta, 12, 6, 1), x, fn::Tanh{});
    return cs::mean(cs::square(cs::dense(cs::reshape(theta, 18, 1, 6), cs::reshape(theta, 24, 1, 1), h)));
  };
  const L at = weights.cast<long double>(), along = u.cast<long double>();
  const auto central = [&](long double h) { return L((cs::gradient(wide, L(at + h * along)) - cs::gradient(wide, L(at - h * along))) / (2 * h)); };
  const L difference = (4 * central(5e-5L) - central(1e-4L)) / 3;
  CHECK(static_cast<double>((Hu.product.cast<long double>() - difference).norm() / difference.norm()) < 1e-12);
}

TEST_CASE("a matrix has a product of its own shape", "[autodiff]") {
  const auto loss = [](const auto& x) { return cs::sum(cs::square(cs::matmul(cs::transpose(x), x))); };
  const MatrixXd x = states.leftCols(3), v = states.rightCols(3);
  const auto [value, gradient, product] = cs::hvp(loss, x, v);
  // L = ‖xᵀx‖², ∇L = 4 x xᵀx
  CHECK((gradient - 4 * x * x.transpose() * x).norm() < 1e-13);
  CHECK((product - 4 * (v * x.transpose() * x + x * v.transpose() * x + x * x.transpose() * v)).norm() < 1e-13);
}

TEST_CASE("Hessian products on a kept tape reuse its memory", "[autodiff]") {
  cs::Tape<double> tape;
  const VectorXd v = weights.reverse();
  const auto first = cs::hvp(tape, network_loss, weights, v);
  const auto again = cs::hvp(tape, network_loss, weights, v);
  CHECK(first.product == again.product);
  const auto kept = allocations::of([&] { cs::hvp(tape, network_loss, weights, v); }), fresh = allocations::of([&] { cs::hvp(network_loss, weights, v); });
  if (allocations::counted) CHECK(kept < fresh);  // the results alone
}

TEST_CASE("a constant or linear loss has no curvature; what is no loss is refused", "[autodiff]") {
  const Eigen::Vector2d x(1, 2), v(3, 4);
  CHECK(cs::hvp([](const auto& y) { return cs::sum(y); }, x, v).product == Eigen::Vector2d::Zero());
  const auto constant = cs::hvp([](const auto&) { return 5.0; }, x, v);
  CHECK(constant.value == 5);
  CHECK(constant.gradient == Eigen::Vector2d::Zero());
  CHECK_THROWS_AS(cs::hvp([](const auto& y) { return y * y; }, x, v), cs::ShapeError);
  CHECK_THROWS_AS(cs::hvp([](const auto& y) { return cs::sum(y * y); }, VectorXd(x), VectorXd(VectorXd::Ones(3))), cs::ShapeError);
}
