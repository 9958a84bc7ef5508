#include "catch.hpp"

#include <cstdio>
#include <vector>

#include <costate/core/math.hpp>

#include "ulp.hpp"

namespace cs = costate;

namespace {

long double exact_sigmoid(long double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
long double exact_softplus(long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); }

template <class S>
constexpr const char* name_of = sizeof(S) == 4 ? "float" : "double";

// One row of the table that this test prints.
template <class S, class F, class Exact>
void check(const char* name, F f, Exact exact, double low, double high, double bound) {
  const auto worst = ulp::over<S>(f, exact, low, high);
  std::printf("%-9s %-6s [%9.4g, %9.4g]  max %.3f ulp at %.9g\n", name, name_of<S>, low, high, worst.error, worst.at);
  INFO(name << " at " << worst.at);
  CHECK(worst.error <= bound);
}

template <class S>
std::vector<S> edge_cases() {
  using L = std::numeric_limits<S>;
  std::vector<S> x{0,
                   L::denorm_min(),
                   L::min() / 2,
                   L::min(),
                   L::epsilon() / 2,
                   S(0.5),
                   S(0.55),
                   S(0.5600001),
                   S(0.6931471806),
                   1,
                   2,
                   10,
                   20,
                   40,
                   S(88.7),
                   S(88.8),
                   S(103.9),
                   104,
                   S(709.7),
                   S(709.8),
                   S(745.1),
                   746,
                   S(1e5),
                   S(1e7),
                   S(1e30),
                   L::max() / 2,
                   L::max(),
                   L::infinity(),
                   L::quiet_NaN()};
  const auto n = x.size();
  for (std::size_t i = 0; i < n; ++i) x.push_back(-x[i]);
  return x;
}

// Every lane is tried with a different neighbour, so that no lane's case disturbs another's.
template <class S, class F, class Exact>
void check_edges(const char* name, F f, Exact exact, double bound) {
  using P = cs::simd::Packet<S>;
  const auto x = edge_cases<S>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    S in[P::width], out[P::width];
    for (std::size_t k = 0; k < P::width; ++k) in[k] = x[(i + k) % x.size()];
    P(f(P::load(in))).store(out);
    for (int k = 0; k < P::width; ++k) {
      INFO(name << "(" << in[k] << ") = " << out[k] << " in lane " << k);
      CHECK(ulp::error(out[k], exact(static_cast<long double>(in[k]))) <= bound);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("vector kernels stay within their ulp bounds", "[core]", float, double) {
  using S = TestType;
  const double overflow = sizeof(S) == 4 ? 88.7 : 709.7, underflow = sizeof(S) == 4 ? -103 : -745;
  const auto exp = [](auto x) { return cs::exp(x); };
  const auto exact_exp = [](long double x) { return std::exp(x); };
  check<S>("exp", exp, exact_exp, -1, 1, 1);
  check<S>("exp", exp, exact_exp, underflow, overflow, 1);
  const auto expm1 = [](auto x) { return cs::expm1(x); };
  const auto exact_expm1 = [](long double x) { return std::expm1(x); };
  check<S>("expm1", expm1, exact_expm1, -2, 2, 1.5);
  check<S>("expm1", expm1, exact_expm1, -50, overflow, 1.5);
  const auto tanh = [](auto x) { return cs::tanh(x); };
  const auto exact_tanh = [](long double x) { return std::tanh(x); };
  check<S>("tanh", tanh, exact_tanh, -1, 1, 2);
  check<S>("tanh", tanh, exact_tanh, -25, 25, 2);
  check<S>("tanh", tanh, exact_tanh, 0.1, 0.4, 2);
  check<S>("tanh", tanh, exact_tanh, 0.55, 0.57, 2);
  const auto sigmoid = [](auto x) { return cs::sigmoid(x); };
  check<S>("sigmoid", sigmoid, exact_sigmoid, -6, 6, 3);
  check<S>("sigmoid", sigmoid, exact_sigmoid, underflow, -underflow, 3);
  const auto log = [](auto x) { return cs::log(x); };
  const auto exact_log = [](long double x) { return std::log(x); };
  check<S>("log", log, exact_log, 0.3, 3, 1);
  check<S>("log", log, exact_log, 0, 1e30, 1);
  const auto log1p = [](auto x) { return cs::log1p(x); };
  const auto exact_log1p = [](long double x) { return std::log1p(x); };
  check<S>("log1p", log1p, exact_log1p, -0.999, 2, 1);
  check<S>("log1p", log1p, exact_log1p, -0.5, 1e20, 1);
  const auto softplus = [](auto x) { return cs::softplus(x); };
  check<S>("softplus", softplus, exact_softplus, -6, 6, 2);
  check<S>("softplus", softplus, exact_softplus, underflow, -underflow, 2);
  const auto sin = [](auto x) { return cs::sin(x); };
  const auto exact_sin = [](long double x) { return std::sin(x); };
  const auto cos = [](auto x) { return cs::cos(x); };
  const auto exact_cos = [](long double x) { return std::cos(x); };
  for (const double range : {4.0, 6000.0, 800000.0, 1e9}) {  // beyond the limit too
    check<S>("sin", sin, exact_sin, -range, range, 1);
    check<S>("cos", cos, exact_cos, -range, range, 1);
  }
  const auto sqrt = [](auto x) { return cs::sqrt(x); };
  check<S>(
      "sqrt", sqrt, [](long double x) { return std::sqrt(x); }, 0, 1e30, 0.5);
  // x·sigmoid(x): one more rounding
  check<S>(
      "silu", [](auto x) { return cs::silu(x); }, [](long double x) { return x * exact_sigmoid(x); }, -80, 80, 3.5);
  check<S>(
      "elu", [](auto x) { return cs::elu(x); }, [](long double x) { return x > 0 ? x : std::expm1(x); }, -80, 80, 1.5);
}

TEMPLATE_TEST_CASE("vector kernels are right at zeros, infinities, NaN, subnormal and huge numbers", "[core]", float, double) {
  using S = TestType;
  check_edges<S>(
      "exp", [](auto x) { return cs::exp(x); }, [](long double x) { return std::exp(x); }, 1);
  check_edges<S>(
      "expm1", [](auto x) { return cs::expm1(x); }, [](long double x) { return std::expm1(x); }, 1.5);
  check_edges<S>(
      "tanh", [](auto x) { return cs::tanh(x); }, [](long double x) { return std::tanh(x); }, 2);
  check_edges<S>(
      "sigmoid", [](auto x) { return cs::sigmoid(x); }, exact_sigmoid, 3);
  check_edges<S>(
      "log", [](auto x) { return cs::log(x); }, [](long double x) { return std::log(x); }, 1);
  check_edges<S>(
      "log1p", [](auto x) { return cs::log1p(x); }, [](long double x) { return std::log1p(x); }, 1);
  check_edges<S>(
      "softplus", [](auto x) { return cs::softplus(x); }, [](long double x) { return std::isnan(x) ? x : exact_softplus(x); }, 2);
  check_edges<S>(
      "sin", [](auto x) { return cs::sin(x); }, [](long double x) { return std::sin(x); }, 1);
  check_edges<S>(
      "cos", [](auto x) { return cs::cos(x); }, [](long double x) { return std::cos(x); }, 1);
  check_edges<S>(
      "sqrt", [](auto x) { return cs::sqrt(x); }, [](long double x) { return std::sqrt(x); }, 0.5);
  check_edges<S>(
      "abs", [](auto x) { return cs::abs(x); }, [](long double x) { return std::abs(x); }, 0);
  check_edges<S>(
      "sign", [](auto x) { return cs::sign(x); }, [](long double x) { return x > 0   ? 1
                                                                             : x < 0 ? -1
                                                                                     : x; }, 0);
  check_edges<S>(
      "relu", [](auto x) { return cs::relu(x); }, [](long double x) { return x <= 0 ? 0 : x; }, 0);
  check_edges<S>(
      "atan", [](auto x) { return cs::atan(x); }, [](long double x) { return std::atan(x); }, 1);
}

TEMPLATE_TEST_CASE("tanh is exactly odd, never beyond 1, and exactly 1 far out", "[core]", float, double) {
  using P = cs::simd::Packet<TestType>;
  for (int i = 0; i <= 100000; ++i) {
    const auto x = static_cast<TestType>(i) / 4000;
    const TestType y = cs::tanh(P(x))[0];
    REQUIRE(cs::tanh(P(-x))[0] == -y);
    REQUIRE(y <= 1);
    if (x > 20) REQUIRE(y == 1);
  }
}

TEMPLATE_TEST_CASE("sin and cos are accurate beside multiples of a quarter turn", "[core]", float, double) {
  using S = TestType;
  using P = cs::simd::Packet<S>;
  const double bound = 1;  // relative to results as small as 1e-17
  double worst = 0;
  for (int n = 1; n < (sizeof(S) == 4 ? 3800 : 500000); n += sizeof(S) == 4 ? 1 : 37) {
    const S x = static_cast<S>(n * 1.57079632679489661923132169163975144L);
    worst = std::max({worst, ulp::error(cs::sin(P(x))[0], std::sin(static_cast<long double>(x))),
                      ulp::error(cs::cos(P(x))[0], std::cos(static_cast<long double>(x)))});
  }
  CHECK(worst <= bound);
}

TEMPLATE_TEST_CASE("a number and a packet of it agree in every function", "[core]", float, double, long double) {
  using S = TestType;
  using P = cs::simd::Packet<S>;
  const auto agree = [](S scalar, P packet) {
    // both are within 3 ulp of the truth; integer powers within 8
    return std::abs(scalar - packet[P::width - 1]) <= 8 * std::numeric_limits<S>::epsilon() * std::abs(scalar);
  };
  for (const S x : {S(-2.5), S(-0.75), S(-0.25), S(0.3), S(0.8), S(3.5)}) {
    const P p = x;
    CAPTURE(x);
    CHECK(agree(cs::exp(x), cs::exp(p)));
    CHECK(agree(cs::expm1(x), cs::expm1(p)));
    CHECK(agree(cs::tanh(x), cs::tanh(p)));
    CHECK(agree(cs::sinh(x), cs::sinh(p)));
    CHECK(agree(cs::cosh(x), cs::cosh(p)));
    CHECK(agree(cs::sin(x), cs::sin(p)));
    CHECK(agree(cs::cos(x), cs::cos(p)));
    CHECK(agree(cs::tan(x), cs::tan(p)));
    CHECK(agree(cs::atan(x), cs::atan(p)));
    CHECK(agree(cs::erf(x), cs::erf(p)));
    CHECK(agree(cs::sigmoid(x), cs::sigmoid(p)));
    CHECK(agree(cs::softplus(x), cs::softplus(p)));
    CHECK(agree(cs::silu(x), cs::silu(p)));
    CHECK(agree(cs::elu(x), cs::elu(p)));
    CHECK(agree(cs::square(x), cs::square(p)));
    CHECK(agree(cs::cube(x), cs::cube(p)));
    CHECK(agree(cs::abs(x), cs::abs(p)));
    CHECK(agree(cs::sign(x), cs::sign(p)));
    CHECK(agree(cs::relu(x), cs::relu(p)));
    CHECK(agree(cs::atan2(x, 2), cs::atan2(p, 2)));
    CHECK(agree(cs::atan2(2, x), cs::atan2(2, p)));
    CHECK(agree(cs::pow(2, x), cs::pow(2, p)));
    CHECK(agree(cs::max(x, 0), cs::max(p, 0)));
    CHECK(agree(cs::min(1, x), cs::min(1, p)));
    for (const int n : {-17, -3, -1, 0, 1, 2, 3, 10, 16, 20}) CHECK(agree(cs::pow(x, n), cs::pow(p, n)));
    if (x > 0) {
      CHECK(agree(cs::log(x), cs::log(p)));
      CHECK(agree(cs::log1p(x), cs::log1p(p)));
      CHECK(agree(cs::sqrt(x), cs::sqrt(p)));
      CHECK(agree(cs::pow(x, S(1.5)), cs::pow(p, 1.5)));
    }
    if (std::abs(x) < 1) {
      CHECK(agree(cs::asin(x), cs::asin(p)));
      CHECK(agree(cs::acos(x), cs::acos(p)));
    }
  }
}

TEMPLATE_TEST_CASE("min and max hand on a NaN from either side", "[core]", float, double, long double) {
  using P = cs::simd::Packet<TestType>;
  const TestType nan = std::numeric_limits<TestType>::quiet_NaN(), one = 1;
  CHECK(std::isnan(cs::max(nan, one)));
  CHECK(std::isnan(cs::max(one, nan)));
  CHECK(std::isnan(cs::min(nan, one)));
  CHECK(std::isnan(cs::min(one, nan)));
  CHECK(std::isnan(cs::max(P(nan), P(one))[0]));
  CHECK(std::isnan(cs::max(P(one), nan)[0]));
  CHECK(std::isnan(cs::min(nan, P(one))[0]));
  CHECK(std::isnan(cs::min(P(one), P(nan))[0]));
  CHECK(std::isnan(cs::relu(nan)));
  CHECK(std::isnan(cs::sign(nan)));
}

TEST_CASE("functions keep the type of a number and take integers as double", "[core]") {
  STATIC_REQUIRE(std::is_same_v<decltype(cs::exp(1.0f)), float>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::exp(1.0L)), long double>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::exp(1)), double>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::pow(2.5f, 3)), float>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::max(1.0f, 0)), float>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::max(1.0f, 2.0)), double>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::pow(cs::simd::Packet<float>(2), 1.5)), cs::simd::Packet<float>>);
}
