#pragma once
// Every operation on arrays by number, for the tests that go through all of them.

#include <vector>

#include <costate/autodiff/nested.hpp>

namespace operations {

namespace cs = costate;

/// The type of both, or that of their sum where one of them is an inner derivative's variable.
template <class X, class Y>
using Common = typename std::conditional_t<std::is_same_v<X, Y>, std::type_identity<X>, std::type_identity<decltype(std::declval<X>() + std::declval<Y>())>>::type;

constexpr int functions = 24;
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
    case 22: return cs::elu(x);
    default: return cs::sign(x) + x;
  }
}

constexpr int binary_operations = 18;
template <class X, class Y>
Common<X, Y> binary(int which, const X& x, const Y& y) {
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
    case 15: return cs::atan2(x - 1.1, y) + cs::atan2(y - 2, 3) + cs::atan2(0.5, -x);
    case 16: return cs::where(cs::sign(x - 1) == -1, x * y, y) + cs::where(x != y, y * y, 0.5);
    default: return cs::where(cs::abs(x - y) <= 0.3, x, 2) * y;
  }
}

constexpr int reductions = 9;
template <class X, class Y>
Common<X, Y> reduced(int which, const X& x, const Y& y) {
  switch (which) {
    case 0: return cs::sum(x) * cs::mean(y) * x;
    case 1: return cs::colwise_sum(x * y) + cs::colwise_mean(x);
    case 2: return cs::rowwise_sum(x * x) * cs::rowwise_mean(y);
    case 3: return cs::dot(x, y) + cs::dot(x, x);
    case 4: return cs::softmax(x * y);
    case 5: return cs::log_softmax(x + y * y);
    case 6: return cs::logsumexp(x * y);
    case 7: return cs::let(x * y) + cs::colwise_sum(x) * cs::rowwise_sum(y);
    default: return cs::mean(cs::square(x - cs::colwise_mean(x))) * cs::sum(y);
  }
}

struct Shape {
  Eigen::Index rows, cols;
};
struct Linear {
  const char* name;
  int which;
  Shape x, y;
};

/// Every specialised kernel: matrix-matrix, matrix-vector, row-matrix, outer product, one by one, short and long inner extents.
inline const std::vector<Linear> linear_operations = {
    {"matmul", 0, {3, 4}, {4, 5}}, {"matrix times vector", 0, {3, 6}, {6, 1}}, {"row times matrix", 0, {1, 4}, {4, 5}},
    {"outer product", 0, {4, 1}, {1, 3}}, {"inner product", 0, {1, 5}, {5, 1}}, {"one by one", 0, {1, 1}, {1, 1}},
    {"short inner extent", 0, {5, 2}, {2, 1}}, {"column times number", 0, {4, 1}, {1, 1}}, {"number times row", 0, {1, 1}, {1, 4}},
    {"transpose", 1, {3, 4}, {4, 3}}, {"transpose of a row", 1, {1, 4}, {4, 1}}, {"rows", 2, {4, 3}, {2, 3}},
    {"rows of a vector", 2, {4, 1}, {2, 1}}, {"columns", 3, {3, 5}, {3, 4}}, {"reshape", 4, {3, 4}, {4, 3}},
    {"stack of a batch", 5, {2, 3}, {3, 3}}, {"stack of a batch and a column", 5, {2, 3}, {2, 1}},
    {"stack of columns", 5, {2, 1}, {3, 1}}, {"hstack", 6, {3, 2}, {3, 4}}, {"vstack of a list", 7, {2, 3}, {1, 3}},
    {"hstack of a list", 8, {3, 2}, {3, 1}}, {"slices of slices", 9, {4, 5}, {4, 5}}, {"Gram matrix", 10, {4, 3}, {3, 2}},
};
template <class X, class Y>
Common<X, Y> linear(int which, const X& x, const Y& y) {
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

}  // namespace operations
