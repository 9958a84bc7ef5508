#include "autodiff/derivatives.hpp"
#include "nn/activations.hpp"

#include <limits>

namespace cs = costate;
namespace nn = costate::nn;

namespace {

/// Activation number `which` of a scalar, a number or an array.
template <class X>
auto activate(int which, const X& x) {
  using R = decltype(costate::detail::apply_function<costate::detail::fn::Tanh>(x));
  return activations::with(which, [&](const auto& a) { return R(a(x)); });
}

}  // namespace

TEMPLATE_TEST_CASE("an activation is its formula, of scalars, numbers and arrays", "[nn]", float, double, long double) {
  using S = TestType;
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  const int which = GENERATE(range(0, activations::count));
  CAPTURE(which);
  // the formulas as written cancel near 0 and in the slopes' tails: a few roundings of 1
  const S tolerance = 8 * std::numeric_limits<S>::epsilon();
  const Matrix x = Eigen::RowVectorXd::LinSpaced(83, -6.3, 6.1).cast<S>();
  const auto [total, slopes] = cs::value_and_grad([&](const auto& v) { return cs::sum(activate(which, v)); }, x);
  S sum = 0, worst = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const S at = x(0, i), h = activations::formula(which, at), d = activations::slope(which, at);
    sum += h;
    const S scalar = activations::with(which, [&](const auto& a) { return a(at); });
    const auto [number, slope] = cs::value_and_grad([&](const auto& v) { return activations::with(which, [&](const auto& a) {
      return cs::number_t<decltype(v)>(a(v));
    }); }, at);
    static_assert(std::is_same_v<std::remove_const_t<decltype(scalar)>, S>);
    worst = std::max({worst, std::abs(scalar - h), std::abs(number - h), std::abs(slope - d), std::abs(slopes(0, i) - d)});
  }
  CHECK(worst <= tolerance);
  CHECK(std::abs(total - sum) <= tolerance * x.cwiseAbs().sum());
}

TEST_CASE("every activation has right derivatives up to the third, and ⟨a, J v⟩ = ⟨Jᵀ a, v⟩", "[nn]") {
  const int which = GENERATE(range(0, activations::count));
  CAPTURE(which);
  Eigen::MatrixXd x = derivatives::irregular(3, 5, 0.4) * 2;
  for (auto& value : x.reshaped()) value += std::copysign(0.05, value);  // differences must not cross the kinks at 0
  derivatives::check([=](const auto& u, const auto& v) { return activate(which, u * v); }, x, Eigen::MatrixXd::Constant(1, 1, 1.03));
}

TEST_CASE("activations keep their limits, and hand a NaN on", "[nn]") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto at = [](const auto& activation, double x) {
    const auto [h, d] = cs::value_and_grad([&](const auto& v) { return activation(v); }, x);
    const auto [array_h, array_d] = cs::value_and_grad([&](const auto& v) { return cs::sum(activation(v)); }, Eigen::MatrixXd::Constant(1, 1, x).eval());
    CHECK(h == activation(x));
    CHECK(array_h == h);
    CHECK(array_d(0, 0) == d);
    return std::pair(h, d);
  };
  using P = std::pair<double, double>;
  CHECK(at(nn::tanh, inf) == P(1, 0));
  CHECK(at(nn::sigmoid, -inf) == P(0, 0));
  CHECK(at(nn::relu, 0) == P(0, 0));
  CHECK(at(nn::softplus, 1000) == P(1000, 1));
  CHECK(at(nn::softplus, -inf) == P(0, 0));
  CHECK(at(nn::silu, -inf) == P(0, 0));
  CHECK(at(nn::silu, 1000) == P(1000, 1));
  CHECK(at(nn::elu, 0) == P(0, 1));
  CHECK(at(nn::elu, inf) == P(inf, 1));
  CHECK(at(nn::elu, -inf) == P(-1, 0));
  for (int which = 0; which < activations::count; ++which) {
    CAPTURE(which);
    CHECK(std::isnan(activations::with(which, [](const auto& a) { return a(std::numeric_limits<double>::quiet_NaN()); })));
  }
  CHECK(nn::tanh(1) == std::tanh(1.0));  // an integer counts as double
}
