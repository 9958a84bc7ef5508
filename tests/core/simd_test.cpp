#include "catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <costate/core/math.hpp>

namespace cs = costate;
using cs::simd::Mask;
using cs::simd::Packet;

namespace {

template <class S>
Packet<S> ramp() {
  Packet<S> p;
  for (int i = 0; i < Packet<S>::width; ++i) p.set(i, static_cast<S>(i) - 1);
  return p;
}

// What a user writes once for a number, a packet or anything else.
template <class T>
T logistic_growth(const T& x) {
  using std::exp;
  T s = 0;
  for (int i = 1; i <= 3; ++i) s += T(i) * x / (1 + exp(-2 * x)) - 0.5f;
  return -s + 1.0f;
}

}  // namespace

TEMPLATE_TEST_CASE("a packet is a plain value", "[core]", float, double, long double) {
  using P = Packet<TestType>;
  STATIC_REQUIRE(std::is_trivially_copyable_v<P>);
  STATIC_REQUIRE(std::is_trivially_default_constructible_v<P>);
  STATIC_REQUIRE(sizeof(P) == P::width * sizeof(TestType));
  CHECK(cs::simd::sum(P{}) == 0);
  CHECK(std::signbit(P(-0.0)[0]));
  CHECK(P(0.1)[0] == static_cast<TestType>(0.1));
}

TEMPLATE_TEST_CASE("a packet computes lane by lane what its number computes", "[core]", float, double, long double) {
  using S = TestType;
  using P = Packet<S>;
  const P p = ramp<S>();
  for (int i = 0; i < P::width; ++i) {
    const S x = p[i];
    CAPTURE(i);
    CHECK((p + 2)[i] == x + 2);
    CHECK((1.5 - p)[i] == S(1.5) - x);
    CHECK((p * 0.1f)[i] == x * S(0.1f));
    CHECK((2 / (p + 3))[i] == 2 / (x + 3));
    CHECK((-p)[i] == -x);
    CHECK((p < 1)[i] == (x < 1));
    CHECK((p <= 1 && p != 0)[i] == (x <= 1 && x != 0));
    CHECK((!(p > 1) || p == 3)[i] == (!(x > 1) || x == 3));
    CHECK(select(p >= 1, p, -1)[i] == (x >= 1 ? x : S(-1)));
    // the exponential may differ by an ulp, divided by a sum that is at least 1, times 6 at most
    CHECK(std::abs(logistic_growth(p)[i] - logistic_growth(x)) <= 12 * std::numeric_limits<S>::epsilon() * (1 + std::abs(x)));
  }
  P q = p;
  q += 1, q *= 2, q -= p, q /= 4;
  for (int i = 0; i < P::width; ++i) CHECK(q[i] == ((p[i] + 1) * 2 - p[i]) / 4);
}

TEMPLATE_TEST_CASE("lanes are summed, searched and asked", "[core]", float, double, long double) {
  using S = TestType;
  using P = Packet<S>;
  const P p = ramp<S>();
  const int n = P::width;
  CHECK(cs::simd::sum(p) == static_cast<S>(n * (n - 1) / 2 - n));
  CHECK(cs::simd::max(p) == static_cast<S>(n - 2));
  CHECK(cs::simd::max(-p) == 1);
  for (int i = 0; i < n; ++i) {
    P q = p;
    q.set(i, std::numeric_limits<S>::quiet_NaN());
    CHECK(std::isnan(cs::simd::max(q)));
    q.set(i, 100);
    CHECK(cs::simd::max(q) == 100);
    CHECK(cs::simd::any(q == 100));
    CHECK(cs::simd::all(q == 100) == (n == 1));
    CHECK_FALSE(cs::simd::any(q > 100));
    CHECK(cs::simd::all(q <= 100));
  }
}

TEMPLATE_TEST_CASE("partial loads and stores touch nothing else", "[core]", float, double, long double) {
  using S = TestType;
  using P = Packet<S>;
  for (int n = 1; n <= P::width; ++n) {
    const std::vector<S> from(static_cast<std::size_t>(n), S(2));  // the address sanitizer watches its end
    const P p = P::load(from.data(), n);
    CHECK(cs::simd::all(p == 2));
    std::vector<S> to(P::width + 1, S(7));
    (p + 1).store(to.data(), n);
    for (int i = 0; i <= P::width; ++i) CHECK(to[static_cast<std::size_t>(i)] == (i < n ? 3 : 7));
  }
}
