#include "derivatives.hpp"
#include "operations.hpp"

using derivatives::irregular;
namespace cs = costate;

namespace {

/// ⟨a, J v⟩ = ⟨Jᵀ a, v⟩ to rounding, and the gradient against long double differences to 1e-4; operands lie in one column.
template <class Op>
void check(const Op& op, const Eigen::MatrixXd& x, const Eigen::MatrixXd& y) {
  const Eigen::MatrixXd xt = x.transpose(), yt = y.transpose();  // values row by row
  Eigen::MatrixXf both(x.size() + y.size(), 1);
  both << xt.reshaped().cast<float>(), yt.reshaped().cast<float>();
  const auto joined = [&](const auto& z) { return op(cs::reshape(z, 0, x.rows(), x.cols()), cs::reshape(z, x.size(), y.rows(), y.cols())); };
  const auto identity = cs::check_adjoint(joined, both);
  CAPTURE(identity.forward, identity.reverse);
  CHECK(identity.ok(1e-5));
  const float tolerance = 1e-4f;
  COSTATE_CHECK_GRADIENT("in float", [&](const auto& z) { return derivatives::weighted(joined(z), 0.1); }, both);
}

}  // namespace

TEST_CASE("every elementwise operation in float has its derivatives", "[autodiff]") {
  Eigen::MatrixXd x = irregular(2, 5, 0.4) * 0.5, y = irregular(2, 1, 1.9) * 0.3;
  for (auto& value : x.reshaped()) value += std::copysign(0.05, value);  // away from kinks
  for (int which = 0; which < operations::functions; ++which) {
    CAPTURE(which);
    check([=](const auto& u, const auto& v) { return operations::unary(which, u * v); }, x, Eigen::MatrixXd::Constant(1, 1, 1.03));
  }
  x.array() += 1, y.array() += 1.05;
  for (int which = 0; which < operations::binary_operations; ++which) {
    CAPTURE(which);
    check([=](const auto& u, const auto& v) { return operations::binary(which, u, v); }, x, y);
  }
}

TEST_CASE("every reduction, product, slice and stack in float has its derivatives", "[autodiff]") {
  for (int which = 0; which < operations::reductions; ++which) {
    CAPTURE(which);
    check([=](const auto& u, const auto& v) { return operations::reduced(which, u, v); }, irregular(3, 5, 0.4), irregular(3, 5, 1.4));
  }
  for (const auto& c : operations::linear_operations) {
    CAPTURE(c.name);
    const int which = c.which;
    check([=](const auto& u, const auto& v) { return operations::linear(which, u, v); }, irregular(c.x.rows, c.x.cols, 0.4),
          irregular(c.y.rows, c.y.cols, 1.4));
  }
}
