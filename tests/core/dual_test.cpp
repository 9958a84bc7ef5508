#include <costate/core/dual.hpp>

#include "catch.hpp"

namespace cs = costate;
using D = cs::Dual<double>;
using L = long double;

namespace {

/// The error of f's tangent at x against extrapolated differences in extended precision, relative to 1 or the derivative.
template <class F>
double error(const F& f, double x) {
  const auto central = [&](L h) { return (f(x + h) - f(x - h)) / (2 * h); };
  const L wanted = (4 * central(5e-5L) - central(1e-4L)) / 3;
  const D h = f(D(x, 1.0));
  CHECK(h.value == Approx(static_cast<double>(f(static_cast<L>(x)))).epsilon(1e-15));
  return static_cast<double>(std::abs(h.tangent - wanted) / std::max(L(1), std::abs(wanted)));
}

}  // namespace

#define COSTATE_CHECK_DUAL(function, x) CHECK(error([](auto v) { return cs::function(v); }, x) < 1e-14)

TEST_CASE("every elementwise function of a dual number has its derivative", "[core]") {
  for (const double x : {-0.7, 0.3, 0.8}) {
    COSTATE_CHECK_DUAL(exp, x);
    COSTATE_CHECK_DUAL(expm1, x);
    COSTATE_CHECK_DUAL(log1p, x);
    COSTATE_CHECK_DUAL(tanh, x);
    COSTATE_CHECK_DUAL(sigmoid, x);
    COSTATE_CHECK_DUAL(softplus, x);
    COSTATE_CHECK_DUAL(silu, x);
    COSTATE_CHECK_DUAL(elu, x);
    COSTATE_CHECK_DUAL(relu, x);
    COSTATE_CHECK_DUAL(abs, x);
    COSTATE_CHECK_DUAL(sign, x);
    COSTATE_CHECK_DUAL(sin, x);
    COSTATE_CHECK_DUAL(cos, x);
    COSTATE_CHECK_DUAL(tan, x);
    COSTATE_CHECK_DUAL(sinh, x);
    COSTATE_CHECK_DUAL(cosh, x);
    COSTATE_CHECK_DUAL(asin, x);
    COSTATE_CHECK_DUAL(acos, x);
    COSTATE_CHECK_DUAL(atan, x);
    COSTATE_CHECK_DUAL(erf, x);
    COSTATE_CHECK_DUAL(square, x);
    COSTATE_CHECK_DUAL(cube, x);
  }
  for (const double x : {0.3, 2.5}) {
    COSTATE_CHECK_DUAL(log, x);
    COSTATE_CHECK_DUAL(sqrt, x);
  }
}

TEST_CASE("arithmetic, powers and the choice of two dual numbers follow the product rule", "[core]") {
  const auto rational = [](auto x) { return (x * x - 3 * x + 1) / (2 + x * x) - x / 4; };
  CHECK(error(rational, 0.8) < 1e-14);
  CHECK(error([](auto x) { auto y = x; y += x * x, y *= x, y -= 1, y /= x; return -y; }, 0.8) < 1e-14);
  CHECK(error([](auto x) { using X = decltype(x); return cs::pow(x, X(x * 2)); }, 0.8) < 1e-14);
  CHECK(error([](auto x) { using X = decltype(x); return cs::atan2(X(x - 2), X(x * x)); }, 0.8) < 1e-14);
  CHECK(error([](auto x) { using X = decltype(x); return cs::min(X(x * x), X(2 - x)) * cs::max(x, X(x * x)); }, 0.8) < 1e-14);
}

TEST_CASE("powers have no derivative where a vanishing factor meets an infinite one", "[core]") {
  CHECK(cs::pow(D(0.0, 1.0), D(0)).tangent == 0);
  CHECK(cs::pow(D(0.0, 0.0), D(2.0, 1.0)).tangent == 0);
  CHECK(cs::pow(D(-2.0, 1.0), D(3)).tangent == 12);
  CHECK(cs::pow(D(0.0, 1.0), D(1)).tangent == 1);
}

TEST_CASE("dual numbers compare by their values", "[core]") {
  CHECK(D(1.0, 2.0) == D(1));
  CHECK(D(1.0, 2.0) < 1.5);
  CHECK(D(1.0, 2.0) >= 1);
  CHECK(D(1.0, 2.0) != 2);
  CHECK(cs::detail::is_constant_one(D(1)));
  CHECK_FALSE(cs::detail::is_constant_one(D(1.0, 2.0)));
}
