#include "catch.hpp"

#include <vector>

#include <costate/core/elementwise.hpp>
#include <costate/core/math.hpp>

namespace cs = costate;

TEMPLATE_TEST_CASE("an element's result depends neither on its position nor on the array's length", "[core]", float, double,
                   long double) {
  using S = TestType;
  const auto f = [](auto x) { return cs::tanh(x) * cs::exp(x) + cs::sin(3 * x) - cs::softplus(x); };
  const auto g = [](auto x, auto y) { return cs::sigmoid(x) * y + cs::log1p(x * x); };
  constexpr int longest = 70;
  std::vector<S> x(longest), y(longest), reference(longest), reference2(longest);
  for (std::size_t i = 0; i < longest; ++i) {
    x[i] = static_cast<S>(i) / 10 - 3, y[i] = 1 - x[i];
    cs::map(f, &x[i], &reference[i], 1);
    cs::map(g, &x[i], &y[i], &reference2[i], 1);
  }
  for (int n = 0; n <= longest; ++n)
    for (int begin = 0; begin + n <= longest; begin += 7) {
      std::vector<S> out(static_cast<std::size_t>(n) + 1, S(42)), out2 = out;
      cs::map(f, x.data() + begin, out.data(), n);
      cs::map(g, x.data() + begin, y.data() + begin, out2.data(), n);
      std::vector<S> in_place(x.begin() + begin, x.begin() + begin + n);
      cs::map(f, in_place.data(), in_place.data(), n);
      bool same = out.back() == 42 && out2.back() == 42;
      for (int i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(i), from = static_cast<std::size_t>(begin + i);
        same = same && out[at] == reference[from] && out2[at] == reference2[from] && in_place[at] == reference[from];
      }
      CHECK(same);
    }
}
