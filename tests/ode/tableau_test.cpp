// The order conditions of every tableau, exactly: Σ b_i Φ_i(τ) = 1/γ(τ) for all rooted trees τ (Butcher 1963; Hairer, Nørsett &
// Wanner I, II.2), and Σ b_i(θ) Φ_i(τ) = θ^|τ|/γ(τ) identically in θ for the dense output.

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/heun.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"

namespace cs = costate;

namespace {

__extension__ using Wide = __int128;  // int64 overflows on sums over Dopri5's dense output

struct Fraction {
  Wide num = 0, den = 1;
  Fraction(cs::Rational r) : num(r.num), den(r.den) {}
  Fraction(Wide n, Wide d) : num(n), den(d) {
    Wide x = n < 0 ? -n : n, y = d;
    while (y != 0) {
      const Wide z = x % y;
      x = y;
      y = z;
    }
    num /= x;
    den /= x;
  }
  static Wide product(Wide x, Wide y) {
    Wide z = 0;
    if (__builtin_mul_overflow(x, y, &z)) throw std::overflow_error("fraction");
    return z;
  }
  friend Fraction operator*(Fraction x, Fraction y) {
    const Fraction p(x.num, y.den), q(y.num, x.den);
    return {product(p.num, q.num), product(p.den, q.den)};
  }
  friend Fraction operator+(Fraction x, Fraction y) {
    const Wide g = y.den / Fraction(x.den, y.den).den;  // gcd of the denominators
    return {product(x.num, y.den / g) + product(y.num, x.den / g), product(x.den, y.den / g)};
  }
  bool operator==(const Fraction&) const = default;
};

struct Tree {
  std::vector<Tree> children;
  int order() const {
    int n = 1;
    for (const Tree& c : children) n += c.order();
    return n;
  }
  int gamma() const {
    int g = order();
    for (const Tree& c : children) g *= c.gamma();
    return g;
  }
};

std::vector<Tree> trees(int order);

// All multisets of trees with `nodes` nodes in total, taken from `pool` at index `from` and later.
void forests(const std::vector<Tree>& pool, std::size_t from, int nodes, Tree partial, std::vector<Tree>& out) {
  if (nodes == 0) out.push_back(partial);
  for (std::size_t i = from; i < pool.size(); ++i) {
    if (pool[i].order() > nodes) continue;
    Tree more = partial;
    more.children.push_back(pool[i]);
    forests(pool, i, nodes - pool[i].order(), more, out);
  }
}

std::vector<Tree> trees(int order) {
  std::vector<Tree> pool, out;
  for (int n = 1; n < order; ++n)
    for (const Tree& t : trees(n)) pool.push_back(t);
  forests(pool, 0, order - 1, {}, out);
  return out;
}

template <class Tableau>
Fraction weight(const Tableau& t, std::size_t i, const Tree& tree) {  // Φ_i
  Fraction product(1, 1);
  for (const Tree& child : tree.children) {
    Fraction sum(0, 1);
    for (std::size_t j = 0; j < i; ++j) sum = sum + Fraction(t.a[i][j]) * weight(t, j, child);
    product = product * sum;
  }
  return product;
}

template <class Tableau, class Weight>
bool satisfies(const Tableau& t, const Weight& b, const Tree& tree, Fraction expected) {
  Fraction sum(0, 1);
  for (std::size_t i = 0; i < t.c.size(); ++i) sum = sum + Fraction(b(i)) * weight(t, i, tree);
  return sum == expected;
}

template <class Tableau, class Weight>
int order_of(const Tableau& t, const Weight& b, int highest) {
  for (int p = 1; p <= highest; ++p)
    for (const Tree& tree : trees(p))
      if (!satisfies(t, b, tree, Fraction(1, tree.gamma()))) return p - 1;
  return highest;
}

template <class Tableau>
int dense_order_of(const Tableau& t, int highest) {
  for (int p = 1; p <= highest && p <= static_cast<int>(Tableau::degree); ++p)
    for (const Tree& tree : trees(p))
      for (std::size_t j = 0; j < Tableau::degree; ++j) {
        const Fraction expected = static_cast<int>(j) + 1 == p ? Fraction(1, tree.gamma()) : Fraction(0, 1);
        if (!satisfies(t, [&](std::size_t i) { return t.dense[i][j]; }, tree, expected)) return p - 1;
      }
  return std::min(highest, static_cast<int>(Tableau::degree));  // θ^p is missing beyond
}

}  // namespace

TEST_CASE("there are 1, 1, 2, 4, 9, 20 rooted trees", "[ode]") {
  const std::array<std::size_t, 6> expected{1, 1, 2, 4, 9, 20};
  for (int p = 1; p <= 6; ++p) CHECK(trees(p).size() == expected[static_cast<std::size_t>(p - 1)]);
}

TEMPLATE_TEST_CASE("every tableau has the order it states, no more and no less", "[ode]", cs::Euler, cs::Midpoint, cs::Heun, cs::AdaptiveHeun,
                   cs::Rk4, cs::Bosh3, cs::Dopri5) {
  constexpr auto t = TestType::tableau;
  CHECK(order_of(t, [&](std::size_t i) { return t.b[i]; }, 6) == TestType::order);
  CHECK(dense_order_of(t, 5) == TestType::dense_order);
}

TEMPLATE_TEST_CASE("every embedded pair has the error order it states", "[ode]", cs::AdaptiveHeun, cs::Bosh3, cs::Dopri5) {
  constexpr auto t = TestType::tableau;
  CHECK(order_of(t, [&](std::size_t i) { return t.b_hat[i]; }, 6) == TestType::error_order);
}

TEST_CASE("first same as last is read off the tableau", "[ode]") {
  STATIC_REQUIRE(cs::Dopri5::first_same_as_last());
  STATIC_REQUIRE(cs::Bosh3::first_same_as_last());
  STATIC_REQUIRE(!cs::Rk4::first_same_as_last());
  STATIC_REQUIRE(!cs::Heun::first_same_as_last());
  STATIC_REQUIRE(!cs::Euler::first_same_as_last());
}

TEST_CASE("the first-same-as-last interpolants are continuously differentiable", "[ode]") {
  // b_i'(1) must be 1 for the last stage and 0 for all others, so that y'(1) = k_s. To roundings of a few terms of size ≤ 10.
  for (const auto& w : {cs::Dopri5::dense_slopes(1.0)})
    for (std::size_t i = 0; i < w.size(); ++i) CHECK_THAT(w[i], Catch::Matchers::WithinAbs(i + 1 == w.size() ? 1.0 : 0.0, 1e-13));
  for (const auto& w : {cs::Bosh3::dense_slopes(1.0)})
    for (std::size_t i = 0; i < w.size(); ++i) CHECK_THAT(w[i], Catch::Matchers::WithinAbs(i + 1 == w.size() ? 1.0 : 0.0, 1e-15));
}
