// Weights of Adams methods against published ones and against the polynomials they must integrate.

#include <cmath>
#include <limits>

#include <costate/ode/adams_weights.hpp>

#include "../catch.hpp"

namespace {

using costate::Rational;
using namespace costate::literals;

template <std::size_t K>
void check_weights(int newest, std::array<std::int64_t, K> numerators, std::int64_t denominator) {
  static constexpr auto bashforth = costate::detail::regular_adams_weights<K>(0), moulton = costate::detail::regular_adams_weights<K>(1);
  const auto& w = newest == 0 ? bashforth : moulton;
  CAPTURE(K, newest);
  for (std::size_t j = 0; j < K; ++j) CHECK(w[j] == Rational(numerators[j], denominator));
}

}  // namespace

TEST_CASE("on a regular grid the weights are the published ones", "[ode]") {
  // Hairer, Nørsett & Wanner 1993, III.1, (1.5') and (1.9'); orders 5 to 8 from Bashforth & Adams 1883 by way of Lambert 1973, tables
  check_weights<1>(0, {1}, 1);
  check_weights<2>(0, {3, -1}, 2);
  check_weights<3>(0, {23, -16, 5}, 12);
  check_weights<4>(0, {55, -59, 37, -9}, 24);
  check_weights<5>(0, {1901, -2774, 2616, -1274, 251}, 720);
  check_weights<6>(0, {4277, -7923, 9982, -7298, 2877, -475}, 1440);
  check_weights<7>(0, {198721, -447288, 705549, -688256, 407139, -134472, 19087}, 60480);
  check_weights<8>(0, {434241, -1152169, 2183877, -2664477, 2102243, -1041723, 295767, -36799}, 120960);
  check_weights<1>(1, {1}, 1);
  check_weights<2>(1, {1, 1}, 2);
  check_weights<3>(1, {5, 8, -1}, 12);
  check_weights<4>(1, {9, 19, -5, 1}, 24);
  check_weights<5>(1, {251, 646, -264, 106, -19}, 720);
  check_weights<6>(1, {475, 1427, -798, 482, -173, 27}, 1440);
  check_weights<7>(1, {19087, 65112, -46461, 37504, -20211, 6312, -863}, 60480);
  check_weights<8>(1, {36799, 139849, -121797, 123133, -88547, 41499, -11351, 1375}, 120960);
}

TEST_CASE("on an irregular grid the weights integrate and interpolate polynomials", "[ode]") {
  const int newest = GENERATE(0, 1);
  const std::size_t k = GENERATE(1U, 2U, 3U, 5U, 8U, 13U);
  std::array<double, 13> s{};
  double at = newest, step = 1;
  for (std::size_t j = 0; j < k; ++j, at -= step, step *= 0.6 + 0.8 * std::abs(std::sin(3.0 * static_cast<double>(j) + 1))) s[j] = at;
  for (const double theta : {1.0, 0.3}) {
    const auto w = costate::detail::integral_weights(s, k, theta), v = costate::detail::value_weights(s, k, theta);
    for (std::size_t m = 0; m < k; ++m) {
      long double integral = 0, value = 0, size = 0;
      for (std::size_t j = 0; j < k; ++j) {
        const long double power = std::pow(static_cast<long double>(s[j]), static_cast<int>(m));
        integral += static_cast<long double>(w[j]) * power;
        value += static_cast<long double>(v[j]) * power;
        size += std::abs(static_cast<long double>(v[j]) * power) + std::abs(static_cast<long double>(w[j]) * power);
      }
      CAPTURE(k, m, theta, newest);
      const long double bound = 100 * std::numeric_limits<double>::epsilon() * (1 + size);  // backward stable: some roundings of the terms
      CHECK(std::abs(integral - std::pow(static_cast<long double>(theta), static_cast<int>(m + 1)) / (m + 1)) <= bound);
      CHECK(std::abs(value - std::pow(static_cast<long double>(theta), static_cast<int>(m))) <= bound);
    }
  }
}
