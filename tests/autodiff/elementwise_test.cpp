#include "derivatives.hpp"
#include "operations.hpp"

#include <cmath>

using derivatives::irregular;
namespace cs = costate;
using operations::binary, operations::unary, operations::functions, operations::binary_operations;

namespace {

Eigen::MatrixXd between(double low, double high, Eigen::Index rows, Eigen::Index cols, double phase) {
  return (irregular(rows, cols, phase).array() - 0.3 + 1) * (high - low) / 2 + low;
}

}  // namespace

TEST_CASE("every elementary function of arrays has right derivatives up to the third", "[autodiff]") {
  const int which = GENERATE(range(0, operations::functions));
  CAPTURE(which);
  // five columns: full packets and a remainder; away from the kinks at 0
  Eigen::MatrixXd x = between(-0.8, 0.8, 2, 5, 0.4);
  for (auto& value : x.reshaped()) value += std::copysign(0.05, value);
  derivatives::check([=](const auto& u, const auto& v) { return unary(which, u * v); }, x, Eigen::MatrixXd::Constant(1, 1, 1.03));
}

TEST_CASE("every binary operation broadcasts all shapes, with right derivatives up to the third", "[autodiff]") {
  const int which = GENERATE(range(0, operations::binary_operations));
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
  const Matrix x = between(-0.8, 0.8, functions + binary_operations + 1, 1, 1.1).cast<S>().array() + S(1e-3);
  const auto loss = [](const auto& v) {
    using N = cs::number_t<decltype(v[0])>;
    N total = 0;
    for (int i = 0; i < functions; ++i) total += (1 + 0.1 * i) * unary(i, N(v[i]));
    for (int i = 0; i < binary_operations; ++i)
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
