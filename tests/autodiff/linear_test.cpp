#include "derivatives.hpp"

#include <vector>

using derivatives::irregular;
namespace cs = costate;
namespace fn = costate::detail::fn;

namespace {

struct Shape {
  Eigen::Index rows, cols;
};
struct Case {
  const char* name;
  int which;
  Shape x, y;
};

template <class X>
X linear(int which, const X& x, const X& y) {
  switch (which) {
    case 0: return cs::matmul(x, y);
    case 1: return cs::transpose(x) * y;
    case 2: return cs::rows(x, 1, 2) * cs::rows(y, 0, 2) + x[2] * y[0];
    case 3: return cs::cols(x, 1, 3) * cs::cols(y, 0, 3);
    case 4: return cs::reshape(x, 2, 2, 4) * cs::reshape(y, 0, 2, 4) + x(1, 3) * y(0, 1);
    case 5: return cs::stack(x, y, 2, x[0] * y[0]);
    case 6: return cs::hstack(x, y, cs::cols(x, 0, 1));
    case 7: return cs::vstack(std::vector<X>{x, y, x * 2});
    case 8: return cs::hstack(std::vector<X>{x, y * x, x});
    case 9: return cs::rows(cs::cols(cs::rows(x * y, 1, 3), 1, 3), 1, 1) * cs::rows(cs::rows(y, 1, 2), 1, 1)[0](0, 2);
    default: return cs::matmul(cs::transpose(x), cs::matmul(x, y));
  }
}

template <class F, class X>
auto layer(const X& theta, const X& x) {  // weights 4 x 3 and bias, both slices of one vector
  return cs::dense(cs::reshape(theta, 0, 4, 3), cs::reshape(theta, 12, 4, 1), x, F{});
}
template <class X>
X activated(int which, const X& theta, const X& x) {
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
  // every specialised kernel: matrix-matrix, matrix-vector, row-matrix, outer product, one by one, short and long inner extents
  const auto c = GENERATE(values<Case>({{"matmul", 0, {3, 4}, {4, 5}}, {"matrix times vector", 0, {3, 6}, {6, 1}}, {"row times matrix", 0, {1, 4}, {4, 5}},
                                        {"outer product", 0, {4, 1}, {1, 3}}, {"inner product", 0, {1, 5}, {5, 1}}, {"one by one", 0, {1, 1}, {1, 1}},
                                        {"short inner extent", 0, {5, 2}, {2, 1}}, {"column times number", 0, {4, 1}, {1, 1}}, {"number times row", 0, {1, 1}, {1, 4}},
                                        {"transpose", 1, {3, 4}, {4, 3}}, {"transpose of a row", 1, {1, 4}, {4, 1}}, {"rows", 2, {4, 3}, {2, 3}},
                                        {"rows of a vector", 2, {4, 1}, {2, 1}}, {"columns", 3, {3, 5}, {3, 4}}, {"reshape", 4, {3, 4}, {4, 3}},
                                        {"stack of a batch", 5, {2, 3}, {3, 3}}, {"stack of a batch and a column", 5, {2, 3}, {2, 1}},
                                        {"stack of columns", 5, {2, 1}, {3, 1}}, {"hstack", 6, {3, 2}, {3, 4}}, {"vstack of a list", 7, {2, 3}, {1, 3}},
                                        {"hstack of a list", 8, {3, 2}, {3, 1}}, {"slices of slices", 9, {4, 5}, {4, 5}}, {"Gram matrix", 10, {4, 3}, {3, 2}}}));
  CAPTURE(c.name, c.x.rows, c.x.cols, c.y.rows, c.y.cols);
  const int which = c.which;
  derivatives::check([=](const auto& u, const auto& v) { return linear(which, u, v); }, irregular(c.x.rows, c.x.cols, 0.4),
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
