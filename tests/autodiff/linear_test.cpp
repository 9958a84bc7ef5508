#include "derivatives.hpp"
#include "operations.hpp"

using derivatives::irregular;
namespace cs = costate;
namespace fn = costate::detail::fn;

namespace {

template <class F, class P, class X>
auto layer(const P& theta, const X& x) {  // weights 4 x 3 and bias, both slices of one vector
  return cs::dense(cs::reshape(theta, 0, 4, 3), cs::reshape(theta, 12, 4, 1), x, F{});
}
template <class P, class X>
operations::Common<P, X> activated(int which, const P& theta, const X& x) {
  switch (which) {
    case 0: return layer<fn::Tanh>(theta, x);
    case 1: return layer<fn::Sigmoid>(theta, x);
    case 2: return layer<fn::Relu>(theta, x);
    case 3: return layer<fn::Softplus>(theta, x);
    case 4: return layer<fn::Sin>(theta, x);
    default: return cs::dense(cs::reshape(theta, 0, 4, 3), cs::reshape(theta, 12, 4, 1), x);
  }
}

}  // namespace

TEST_CASE("products, slices and stacks have right derivatives up to the third", "[autodiff]") {
  const auto c = GENERATE(from_range(operations::linear_operations));
  CAPTURE(c.name, c.x.rows, c.x.cols, c.y.rows, c.y.cols);
  const int which = c.which;
  derivatives::check([=](const auto& u, const auto& v) { return operations::linear(which, u, v); }, irregular(c.x.rows, c.x.cols, 0.4),
                     irregular(c.y.rows, c.y.cols, 1.4));
}

TEST_CASE("dense layers have right derivatives up to the third, for one column and for a batch", "[autodiff]") {
  const int which = GENERATE(range(0, 6));
  const Eigen::Index samples = GENERATE(1, 5);
  CAPTURE(which, samples);
  derivatives::check([=](const auto& u, const auto& v) { return activated(which, u, v); }, irregular(16, 1, 0.2), irregular(3, samples, 1.4));
}

TEST_CASE("a dense layer with a linear head of slices has the gradient of its parts", "[autodiff]") {
  const auto net = [](const auto& theta, const auto& x) {
    const auto h = cs::dense(cs::reshape(theta, 0, 4, 3), cs::reshape(theta, 12, 4, 1), x, fn::Tanh{});
    return cs::sum(cs::square(cs::matmul(cs::reshape(theta, 16, 2, 4), h) + cs::reshape(theta, 24, 2, 1)));
  };
  const auto parts = [](const auto& theta, const auto& x) {
    const auto h = cs::tanh(cs::matmul(cs::reshape(theta, 0, 4, 3), x) + cs::reshape(theta, 12, 4, 1));
    return cs::sum(cs::square(cs::matmul(cs::reshape(theta, 16, 2, 4), h) + cs::reshape(theta, 24, 2, 1)));
  };
  const Eigen::VectorXd theta = irregular(26, 1, 0.2);
  const Eigen::MatrixXd x = irregular(3, 7, 0.9);
  const auto [a, atheta, ax] = cs::value_and_grad(net, theta, x);
  const auto [b, btheta, bx] = cs::value_and_grad(parts, theta, x);
  CHECK_THAT(a, Catch::Matchers::WithinRel(b, 1e-14));
  CHECK((atheta - btheta).norm() <= 1e-14 * btheta.norm());
  CHECK((ax - bx).norm() <= 1e-14 * bx.norm());
  const Eigen::VectorXd one = x.col(0);
  CHECK(cs::check_gradient(net, theta, one).ok(1e-13));
}
