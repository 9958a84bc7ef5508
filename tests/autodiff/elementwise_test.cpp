#include "derivatives.hpp"

#include <cmath>

using derivatives::irregular;
namespace cs = costate;

namespace {

constexpr int functions = 23;
/// Function number `which`, with its argument moved into the domain.
template <class X>
X unary(int which, const X& x) {
  switch (which) {
    case 0: return cs::exp(x);
    case 1: return cs::expm1(x);
    case 2: return cs::log(x + 1.5);
    case 3: return cs::log1p(x);
    case 4: return cs::sqrt(x + 1.5);
    case 5: return cs::sin(x);
    case 6: return cs::cos(x);
    case 7: return cs::tan(x);
    case 8: return cs::asin(x);
    case 9: return cs::acos(x);
    case 10: return cs::atan(x);
    case 11: return cs::sinh(x);
    case 12: return cs::cosh(x);
    case 13: return cs::tanh(x);
    case 14: return cs::erf(x);
    case 15: return cs::sigmoid(x);
    case 16: return cs::softplus(x);
    case 17: return cs::square(x);
    case 18: return cs::cube(x);
    case 19: return cs::abs(x);
    case 20: return cs::relu(x);
    case 21: return cs::silu(x);
    default: return cs::sign(x) + x;
  }
}

constexpr int operations = 16;
template <class X>
X binary(int which, const X& x, const X& y) {
  switch (which) {
    case 0: return x + y;
    case 1: return x - y;
    case 2: return x * y;
    case 3: return x / y;
    case 4: return cs::pow(x, y);
    case 5: return cs::max(x, y);
    case 6: return cs::min(x, y);
    case 7: return cs::where((x < 0.8 && !(y > 1.1)) || x >= 1.2, x * x, y * y * x);
    case 8: return -x + (+y);
    case 9: return 2 - x * 3 / y;
    case 10: return x / 4 + 1.5 / y - 2 * y;
    case 11: return cs::pow(x, 3) + cs::pow(y, 0.5) + cs::pow(2, x);
    case 12: return cs::where(which == 12, x * x * y, y);
    case 13: return cs::max(x, 0.9) * cs::min(1.1, y);
    case 14: {
      X z = x;
      z *= y;
      z += z * z;
      z -= x;
      z /= y;
      return z;
    }
    default: return cs::where(cs::abs(x - y) <= 0.3, x, 2) * y;
  }
}

Eigen::MatrixXd between(double low, double high, Eigen::Index rows, Eigen::Index cols, double phase) {
  return (irregular(rows, cols, phase).array() - 0.3 + 1) * (high - low) / 2 + low;
}

}  // namespace

TEST_CASE("every elementary function of arrays has right derivatives up to the third", "[autodiff]") {
  const int which = GENERATE(range(0, functions));
  CAPTURE(which);
  // five columns: full packets and a remainder; away from the kinks at 0
  Eigen::MatrixXd x = between(-0.8, 0.8, 2, 5, 0.4);
  for (auto& value : x.reshaped()) value += std::copysign(0.05, value);
  derivatives::check([=](const auto& u, const auto& v) { return unary(which, u * v); }, x, Eigen::MatrixXd::Constant(1, 1, 1.03));
}

TEST_CASE("every binary operation broadcasts all shapes, with right derivatives up to the third", "[autodiff]") {
  const int which = GENERATE(range(0, operations));
  for (const auto& [xr, xc] : {std::pair{3, 5}, {3, 1}, {1, 5}, {1, 1}})
    for (const auto& [yr, yc] : {std::pair{3, 5}, {3, 1}, {1, 5}, {1, 1}}) {
      CAPTURE(which, xr, xc, yr, yc);
      derivatives::check([=](const auto& u, const auto& v) { return binary(which, u, v); }, between(0.6, 1.4, xr, xc, 0.3), between(0.7, 1.5, yr, yc, 1.9));
    }
}

TEMPLATE_TEST_CASE("every elementary function of numbers has the derivative of its array form", "[autodiff]", float, double, long double) {
  using S = TestType;
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  const Matrix x = between(-0.8, 0.8, functions + operations + 1, 1, 1.1).cast<S>().array() + S(1e-3);
  const auto loss = [](const auto& v) {
    using N = cs::number_t<decltype(v[0])>;
    N total = 0;
    for (int i = 0; i < functions; ++i) total += (1 + 0.1 * i) * unary(i, N(v[i]));
    for (int i = 0; i < operations; ++i)
      total += (1 - 0.07 * i) * binary(i, N(v[functions + i] + 1), N(v[functions + i + 1] * v[0] + 1.5));
    return total;
  };
  const auto [value, gradient] = cs::value_and_grad(loss, Vector(x));
  const auto [batch_value, batch_gradient] = cs::value_and_grad(loss, x);
  const S e = std::numeric_limits<S>::epsilon();
  CAPTURE(value, batch_value, (gradient - batch_gradient).norm() / gradient.norm() / e);
  CHECK(std::abs(value - batch_value) <= 16 * e * std::abs(value));
  CHECK((gradient - batch_gradient).norm() <= 16 * e * gradient.norm());
  CHECK(cs::check_gradient(loss, Vector(x)).ok(std::is_same_v<S, float> ? 1e-5 : 1e-13));
}
