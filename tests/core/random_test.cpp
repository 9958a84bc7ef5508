#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <costate/core/random.hpp>

namespace cs = costate;
using Words = std::array<std::uint32_t, 4>;

TEST_CASE("philox4x32-10 gives the published answers", "[core]") {
  // kat_vectors of Random123, the authors' own distribution
  CHECK(cs::philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(cs::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(cs::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a generator is a value: copies, streams and skips are reproducible", "[core]") {
  cs::Random random(42);
  for (int i = 0; i < 10; ++i) random();
  cs::Random copy = random;
  CHECK(copy() == random());
  cs::Random skipped(42);
  skipped.discard(11);
  CHECK(skipped == random);
  CHECK(skipped() == random());
  CHECK(random.position() == 12);

  cs::Random a = random.stream(3), b = cs::Random(42).stream(3), c = random.stream(4), d = cs::Random(43).stream(3);
  bool differs_by_stream = false, differs_by_seed = false;
  for (int i = 0; i < 100; ++i) {
    const auto x = a();
    CHECK(x == b());
    differs_by_stream |= x != c();
    differs_by_seed |= x != d();
  }
  CHECK(differs_by_stream);
  CHECK(differs_by_seed);
}

TEST_CASE("a generator is usable where std::mt19937 is", "[core]") {
  STATIC_REQUIRE(std::uniform_random_bit_generator<cs::Random>);
  cs::Random random(1);
  std::vector<int> order{1, 2, 3, 4, 5};
  std::shuffle(order.begin(), order.end(), random);
  CHECK(std::is_permutation(order.begin(), order.end(), std::vector<int>{1, 2, 3, 4, 5}.begin()));
  CHECK(std::uniform_int_distribution<int>(2, 5)(random) <= 5);
  std::mt19937 twister(1);
  std::mt19937_64 twister64(1);
  CHECK(cs::uniform(twister) < 1);
  CHECK(std::abs(cs::normal<float>(twister64)) < 10);
}

TEST_CASE("the first numbers are the same everywhere", "[core]") {
  cs::Random random(0);
  // from the first known answer: (0x6627e8d5e169c58d >> 11) 2⁻⁵³ and (0xbc57ac4c >> 8) 2⁻²⁴
  CHECK(cs::uniform(random) == static_cast<double>(0x6627e8d5e169c58dull >> 11) * 0x1p-53);
  CHECK(cs::uniform<float>(random) == static_cast<float>(0xbc57ac4cu >> 8) * 0x1p-24f);
}

TEMPLATE_TEST_CASE("uniform and normal numbers have the moments they should", "[core]", float, double, long double) {
  using S = TestType;
  constexpr int n = 200000;
  cs::Random random(5);
  std::vector<S> u(n), z(n);
  cs::fill_uniform(random, u.data(), n, -1, 3);
  cs::fill_normal(random, z.data(), n, 1, 2);
  CHECK(*std::min_element(u.begin(), u.end()) >= -1);
  CHECK(*std::max_element(u.begin(), u.end()) <= 3);
  const auto moment = [](const std::vector<S>& x, double center, int power) {
    double total = 0;
    for (const S xi : x) total += std::pow(static_cast<double>(xi) - center, power);
    return total / static_cast<double>(x.size());
  };
  // five standard errors of each estimate
  const double root = 5 / std::sqrt(double{n});
  CHECK(std::abs(moment(u, 1, 1)) < root * std::sqrt(4 / 3.0));
  CHECK(std::abs(moment(u, 1, 2) - 4 / 3.0) < root * std::sqrt(16 / 5.0 - 16 / 9.0));
  CHECK(std::abs(moment(z, 1, 1)) < root * 2);
  CHECK(std::abs(moment(z, 1, 2) - 4) < root * 4 * std::sqrt(2.0));
  CHECK(std::abs(moment(z, 1, 3)) < root * 8 * std::sqrt(15.0));
  CHECK(std::abs(moment(z, 1, 4) - 48) < root * 16 * std::sqrt(96.0));
}

TEST_CASE("streams and neighbouring seeds are uncorrelated", "[core]") {
  constexpr int n = 100000;
  cs::Random a(1), b = a.stream(1), c(2);
  double ab = 0, ac = 0, lag = 0, before = 0;
  for (int i = 0; i < n; ++i) {
    const double x = cs::normal(a);
    ab += x * cs::normal(b), ac += x * cs::normal(c), lag += x * before;
    before = x;
  }
  const double bound = 5 * std::sqrt(double{n});  // five standard deviations of a sum of products
  CHECK(std::abs(ab) < bound);
  CHECK(std::abs(ac) < bound);
  CHECK(std::abs(lag) < bound);
}
