#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <costate/autodiff/check.hpp>

namespace cs = costate;
using Catch::Matchers::WithinRel;

namespace {

template <class T>
T rosenbrock(const std::vector<T>& x) {
  T total(0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const T a = x[i + 1] - x[i] * x[i];
    const T b = T(1) - x[i];
    total += 100.0 * a * a + b * b;
  }
  return total;
}

template <class T>
T pendulum_energy_drift(const std::vector<T>& x) {
  using std::cos;
  using std::sin;
  T q = x[0], p = x[1];
  for (int n = 0; n < 100; ++n) {
    p -= 0.01 * sin(q);
    q += 0.01 * p;
    if (q > 3.14159) q -= 6.28318;
  }
  return 0.5 * p * p - cos(q);
}

/// Gaussian elimination with pivoting: branches on values, swaps and overwriting of a std::vector's elements.
template <class T>
T log_determinant(std::vector<T> a, std::size_t n) {
  using std::abs;
  using std::log;
  T total = 0;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (abs(a[i * n + k]) > abs(a[pivot * n + k])) pivot = i;
    for (std::size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[pivot * n + j]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const T factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
    total += log(abs(a[k * n + k]));
  }
  return total;
}

}  // namespace

TEST_CASE("scalar-templated code runs on the tape unchanged", "[autodiff]") {
  const auto banana = [](const auto& v) { return rosenbrock(v); };
  CHECK(cs::check_gradient(banana, std::vector<double>{-1.2, 1.0, 0.3, 0.7}).ok(1e-14));
  const auto pendulum = [](const auto& v) { return pendulum_energy_drift(v); };
  CHECK(cs::check_gradient(pendulum, std::vector<double>{1.0, 0.5}).ok(1e-13));
  CHECK(cs::check_gradient(pendulum, std::vector<double>{3.1, 0.9}).ok(1e-13));  // passes the branch
  const std::vector<double> matrix{0.1, 2.0, -1.0, 1.5, 0.3, 0.7, -2.2, 0.4, 0.9};
  CHECK(cs::check_gradient([](const auto& a) { return log_determinant(a, 3); }, matrix).ok(1e-13));
}

TEST_CASE("a named scalar may be overwritten with what it holds", "[autodiff]") {
  const auto loss = [](const auto& x) {
    using T = cs::number_t<decltype(x)>;
    T a = x;
    a = a * a;        // x²
    a += a;           // 2 x²
    a *= a;           // 4 x⁴
    a -= a / 2;       // 2 x⁴
    a /= a + 1;       // 2 x⁴ / (2 x⁴ + 1)
    T b = a, c = b;   // copies share the cell
    b = b + c * x;
    std::swap(b, c);
    return b * c + a;
  };
  CHECK(cs::check_gradient(loss, 0.8).ok(1e-14));
  const double a = 2 * std::pow(0.8, 4) / (2 * std::pow(0.8, 4) + 1);
  CHECK_THAT(cs::value(loss, 0.8), WithinRel(a * (a + a * 0.8) + a, 1e-15));
}

TEST_CASE("constants, literals of every type and unary signs leave right partials", "[autodiff]") {
  const auto loss = [](const auto& x) {
    using T = cs::number_t<decltype(x)>;
    const T zero{}, two(2), three = 3.0f;
    T product = 1;
    for (int i = 0; i < 3; ++i) product *= x;
    return +product - (-x) * two + 5 * x / three + 2.5f - zero * x + 7u - 1L / x + two * three;
  };
  CHECK(cs::check_gradient(loss, 1.3).ok(1e-14));
  const auto [value, slope] = cs::value_and_grad([](const auto& x) { return cs::number_t<decltype(x)>(4); }, 1.0);
  CHECK(value == 4);
  CHECK(slope == 0);
  CHECK(std::get<1>(cs::value_and_grad([](const auto&) { return 4; }, 1.0)) == 0);
}

TEST_CASE("comparisons see values and std::max, std::min, std::clamp work", "[autodiff]") {
  const auto loss = [](const auto& x) {
    using T = typename std::remove_cvref_t<decltype(x)>::value_type;
    T best = x[0];
    for (const T& v : x) best = std::max(best, v);
    const T low = std::min(x[0], x[1]);
    const bool all = x[0] < x[1] && x[1] > 0.5 && 0 <= x[0] && x[0] != x[1] && !(x[0] == 2) && x[0] * 2 >= x[0] + 0.1;
    return best * low + std::clamp(x[2], T(0), T(1)) * (all ? 3 : 5);
  };
  const auto [value, slope] = cs::value_and_grad(loss, std::vector<double>{0.4, 2.0, 0.7});
  CHECK_THAT(value, WithinRel(2.0 * 0.4 + 2.1, 1e-15));
  CHECK(slope == std::vector<double>{2.0, 0.4, 3.0});
  CHECK(std::numeric_limits<cs::Var<double>>::epsilon() == std::numeric_limits<double>::epsilon());
  CHECK(std::numeric_limits<cs::Var<float>>::is_specialized);
}

TEST_CASE("where, max, min, pow and atan2 of numbers have right derivatives", "[autodiff]") {
  const auto loss = [](const auto& x) {
    return cs::where(x[0] < x[1], x[0] * x[1], 4 * x[2]) + cs::where(x[0] > 0, 3, x[1]) + cs::where(x[0] < 0, 3, x[1] * x[0]) +
           cs::max(x[0], x[1] * x[2]) * cs::min(x[2], 1.1) + cs::pow(x[0], x[1]) + cs::pow(x[1], 3) + cs::pow(1.7, x[2]) + cs::atan2(x[0], x[2]);
  };
  CHECK(cs::check_gradient(loss, Eigen::Vector3d(0.6, 1.1, 0.8)).ok(1e-14));
}

TEST_CASE("an expression has at most max_leaves leaves, however long the formula", "[autodiff]") {
  using E = cs::Expression<cs::Tape<double>, 1>;
  const auto leaves = []<int N>(const cs::Expression<cs::Tape<double>, N>&) { return N; };
  cs::Tape<double> tape;
  double* const cells = tape.cells(40);
  std::vector<E> x;
  for (std::size_t i = 0; i < 40; ++i) x.push_back({1.0 + 0.01 * static_cast<double>(i), {1.0}, {cells + i}, &tape});
  const auto eight = x[0] * x[1] + x[2] * x[3] + x[4] * x[5] + x[6] * x[7];
  const auto sixteen = eight + x[8] * x[9] + x[10] * x[11] + x[12] * x[13] + x[14] * x[15];
  CHECK(leaves(sixteen) == 16);
  CHECK(tape.position() == 0);  // nothing is recorded until the bound is passed
  const auto more = sixteen * x[16];
  CHECK(leaves(more) == 2);
  CHECK(tape.position() == 1);
  CHECK(leaves(eight * sixteen) == 9);

  const auto sum_of_products = [](const auto& v) {
    return v[0] * v[1] * v[2] * v[3] * v[4] * v[5] * v[6] * v[7] * v[8] * v[9] * v[10] * v[11] * v[12] * v[13] * v[14] * v[15] * v[16] * v[17] * v[18] +
           (v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6] + v[7] + v[8] + v[9] + v[10] + v[11] + v[12] + v[13] + v[14] + v[15]) *
               (v[3] - v[4] - v[5] - v[6] - v[7] - v[8] - v[9] - v[10] - v[11] - v[12] - v[13] - v[14] - v[15] - v[16] - v[17] - v[18]);
  };
  CHECK(cs::check_gradient(sum_of_products, Eigen::VectorXd::LinSpaced(19, 0.7, 1.4).eval()).ok(1e-13));
}

TEST_CASE("a chain of 40 squarings of auto intermediates is linear", "[autodiff]") {
  const auto chain = [](const auto& x) {  // (x²)^(2^39) would take 2^40 leaves as one expression
    const auto square = [](const auto& a) { return a * a; };
    const auto x5 = square(square(square(square(square(x)))));
    const auto x10 = square(square(square(square(square(x5)))));
    const auto x15 = square(square(square(square(square(x10)))));
    const auto x20 = square(square(square(square(square(x15)))));
    const auto x25 = square(square(square(square(square(x20)))));
    const auto x30 = square(square(square(square(square(x25)))));
    const auto x35 = square(square(square(square(square(x30)))));
    return square(square(square(square(square(x35)))));
  };
  const double x = 1 + 1e-12, power = std::ldexp(1.0, 40);
  const double value = std::exp(power * std::log1p(x - 1));
  const auto check = [&](double h, double slope) {  // rounding doubles with each squaring: 2⁴⁰ ε = 2.4e-4
    CHECK_THAT(h, WithinRel(value, 3e-4));
    CHECK_THAT(slope, WithinRel(power * value / x, 3e-4));
  };
  cs::Tape<double> tape;
  const auto [h, slope] = cs::value_and_grad(tape, chain, x);
  check(h, slope);
  const auto [array_h, array_slope] =
      cs::value_and_grad([&](const auto& v) { return cs::sum(chain(v)); }, Eigen::MatrixXd::Constant(1, 2, x).eval());
  check(array_h / 2, array_slope(0, 1));
}

TEST_CASE("a million statements are swept without recursion", "[autodiff]") {
  const auto loss = [](const auto& x) {
    using T = cs::number_t<decltype(x)>;
    T a = x, b = 1;
    for (int i = 0; i < 500000; ++i) {
      a = a + 1e-6 * b;
      b = b - 1e-6 * a;
    }
    return a * b;
  };
  const auto [value, slope] = cs::value_and_grad(loss, 0.5);
  // leapfrog of a harmonic oscillator over half a unit: a = x cos h + sin h + O(1e-6)
  const double c = std::cos(0.5), s = std::sin(0.5), a = 0.5 * c + s, b = c - 0.5 * s;
  CHECK_THAT(value, WithinRel(a * b, 1e-5));
  CHECK_THAT(slope, WithinRel(c * b - s * a, 1e-5));
}
