#include "catch.hpp"
#include "random_program.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

// The number of programs: COSTATE_RANDOM_PROGRAMS; the first seed: COSTATE_RANDOM_SEED.

using namespace random_programs;

namespace {

constexpr std::size_t n = inputs;
using Gradient = std::array<double, n>;
using L = long double;
using Point = std::array<L, n>;
using Truth = forward::Bounded<n>;

long environment(const char* name, long otherwise) {
  const char* const text = std::getenv(name);  // NOLINT: tests start no threads
  return text == nullptr ? otherwise : std::atol(text);
}

template <class N>
N reference(const Program& p, const Point& at) {
  forward::decisions = {};
  std::vector<N> x;
  for (std::size_t i = 0; i < 4; ++i) x.push_back(N::input(at[i], i));
  naive::Array<N> u(4, 1), v(4, 1);
  for (std::size_t i = 0; i < 4; ++i) u.v[i] = N::input(at[4 + i], 4 + i), v.v[i] = N::input(at[8 + i], 8 + i);
  return start<N>(p, x, u, v);
}

/// Loss of one sample: numbers named one by one, components of arrays are numbers. Plain, they are doubles.
struct OfSample {
  const Program* p;
  template <class X, class U>
  auto operator()(const X& x, const U& u, const U& v) const {
    return start<std::remove_cvref_t<decltype(x[0])>>(*p, x, u, v);
  }
};
/// Loss of a batch: components are rows, arrays themselves.
struct OfBatch {
  const Program* p;
  template <class A>
  auto operator()(const A& all) const {
    std::vector<A> x;
    for (Index i = 0; i < 4; ++i) x.push_back(all[i]);
    return start<A>(*p, x, cs::rows(all, 4, 4), cs::rows(all, 8, 4));
  }
};

struct Tally {
  long compared = 0, skipped = 0, differenced = 0, nested = 0;
  double worst_bound = 0, worst_relative = 0, worst_difference = 0, worst_nested = 0;
};

/// A derivative from values at these distances: central differences at h, h/2, h/4, extrapolated to h⁶.
constexpr std::array<L, 6> distances = {1e-4L, -1e-4L, 0.5e-4L, -0.5e-4L, 0.25e-4L, -0.25e-4L};
L difference(const std::array<L, 6>& f) {
  const auto central = [&](std::size_t i) { return (f[i] - f[i + 1]) / (distances[i] - distances[i + 1]); };
  const L d1 = central(0), d2 = central(2), d4 = central(4), e1 = (4 * d2 - d1) / 3, e2 = (4 * d4 - d2) / 3;
  return (16 * e2 - e1) / 15;
}

class Comparison {
 public:
  Tally tally;

  /// An empty string, or what disagrees.
  std::string operator()(const Program& p, long number) {
    Point at;
    std::copy(p.input.begin(), p.input.end(), at.begin());
    const Truth truth = reference<Truth>(p, at);
    const auto decisions = forward::decisions;
    double size = 1, doubt = 0;
    for (std::size_t i = 0; i < n; ++i) {
      size = std::max(size, static_cast<double>(std::abs(truth.d[i])));
      doubt = std::max(doubt, truth.d_error[i]);
    }
    // rounding may decide a branch, or the program is so badly conditioned that nothing would be said
    if (decisions.close || !(doubt <= 1e-8 * size)) return ++tally.skipped, "";
    ++tally.compared;

    const std::vector<double> x(p.input.begin(), p.input.begin() + 4);
    const Eigen::VectorXd u = Eigen::Map<const Eigen::VectorXd>(&p.input[4], 4), v = Eigen::Map<const Eigen::VectorXd>(&p.input[8], 4);
    const Eigen::MatrixXd all = Eigen::Map<const Eigen::VectorXd>(p.input.data(), n);
    sample_.p = &p;
    batch_.p = &p;
    Gradient g;
    const auto [value, dx, du, dv] = cs::value_and_grad(tape_, sample_, x, u, v);
    for (std::size_t i = 0; i < 4; ++i) g[i] = dx[i], g[4 + i] = du[static_cast<Index>(i)], g[8 + i] = dv[static_cast<Index>(i)];
    if (auto wrong = compare("one sample", truth, value, g, size); !wrong.empty()) return wrong;
    const auto [batch_value, dall] = cs::value_and_grad(tape_, batch_, all);
    for (std::size_t i = 0; i < n; ++i) g[i] = dall(static_cast<Index>(i), 0);
    if (auto wrong = compare("batch", truth, batch_value, g, size); !wrong.empty()) return wrong;
    if (!(std::abs(cs::value(sample_, x, u, v) - truth.v) <= truth.error)) return "plain value";
    return differences(p, at, truth, size, all, number);
  }

 private:
  std::string compare(const char* how, const Truth& truth, double value, const Gradient& g, double size) {
    if (!(std::abs(value - truth.v) <= truth.error)) return std::string(how) + ": value";
    for (std::size_t i = 0; i < n; ++i) {
      const auto error = static_cast<double>(std::abs(g[i] - truth.d[i]));
      tally.worst_bound = std::max(tally.worst_bound, error / std::max(truth.d_error[i], 1e-300));
      tally.worst_relative = std::max(tally.worst_relative, error / size);
      if (!(error <= truth.d_error[i])) return std::string(how) + ": derivative " + std::to_string(i);
    }
    return "";
  }

  /// The derivatives, which agree with forward mode by now, against differences in one direction.
  std::string differences(const Program& p, const Point& at, const Truth& truth, double size, const Eigen::MatrixXd& all, long number) {
    Point w;
    Random random{static_cast<std::uint64_t>(number) * 77 + 5};
    for (auto& each : w) each = random.uniform(-1, 1);
    const auto along = [&](L h) {
      Point there = at;
      for (std::size_t i = 0; i < n; ++i) there[i] += h * w[i];
      return there;
    };
    reference<forward::Bounded<0>>(p, at);
    const auto path = forward::decisions.path;
    std::array<L, 6> values;
    for (std::size_t k = 0; k < 6; ++k) {
      values[k] = reference<forward::Bounded<0>>(p, along(distances[k])).v;
      if (forward::decisions.path != path) return "";  // across a branch or a kink
    }
    ++tally.differenced;
    L slope = 0;
    for (std::size_t i = 0; i < n; ++i) slope += truth.d[i] * w[i];
    const auto error = static_cast<double>(std::abs(difference(values) - slope)) / size;
    tally.worst_difference = std::max(tally.worst_difference, error);
    if (!(error <= 1e-9)) return "differences: " + std::to_string(error);
    if (number % 16 != 0) return "";

    // H w three ways: the gradient of ⟨grad, w⟩, that of a jvp, and a jvp of the gradient; against differences of forward mode
    ++tally.nested;
    Eigen::MatrixXd W(n, 1);
    for (std::size_t i = 0; i < n; ++i) W(static_cast<Index>(i), 0) = static_cast<double>(w[i]);
    const auto inner = [this](const auto& y) { return cs::grad(batch_, y); };
    const auto [a, reverse] = cs::value_and_grad(tape_, [&](const auto& y) { return cs::sum(inner(y) * W); }, all);
    const auto [b, mixed] = cs::value_and_grad(tape_, [&](const auto& y) { return cs::sum(std::get<1>(cs::jvp(batch_, y, W))); }, all);
    const auto forward_over = std::get<1>(cs::jvp(inner, all, W));
    double worst = std::max(std::abs(a - static_cast<double>(slope)), std::abs(b - static_cast<double>(slope))) / size;
    std::array<Truth, 6> truths;
    for (std::size_t k = 0; k < 6; ++k) truths[k] = reference<Truth>(p, along(distances[k]));
    Point exact;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < 6; ++k) values[k] = truths[k].d[i];
      exact[i] = difference(values);
      size = std::max(size, static_cast<double>(std::abs(exact[i])));
    }
    for (std::size_t i = 0; i < n; ++i)
      for (const auto* mine : {&reverse, &mixed, &forward_over})
        worst = std::max(worst, static_cast<double>(std::abs((*mine)(static_cast<Index>(i), 0) - exact[i])) / size);
    tally.worst_nested = std::max(tally.worst_nested, worst);
    return worst <= 1e-9 ? "" : "second derivatives: " + std::to_string(worst);
  }

  cs::Tape<double> tape_;
  OfSample sample_{};
  OfBatch batch_{};
};

std::string again(long seed) {
  return "; again with COSTATE_RANDOM_SEED=" + std::to_string(seed) + " COSTATE_RANDOM_PROGRAMS=1";
}

}  // namespace

TEST_CASE("random programs have the derivatives of forward mode and of differences", "[autodiff]") {
  const long count = environment("COSTATE_RANDOM_PROGRAMS", 110000), first = environment("COSTATE_RANDOM_SEED", 1);
  Comparison compare;
  for (long seed = first; seed < first + count; ++seed) {
    const std::string wrong = compare(generate(static_cast<std::uint64_t>(seed)), seed);
    if (!wrong.empty()) FAIL("seed " << seed << ": " << wrong << again(seed));
  }
  const Tally& t = compare.tally;
  WARN(t.compared << " programs compared, " << t.skipped << " undecided by rounding; error at most " << t.worst_bound
                  << " of its bound, " << t.worst_relative << " relative; " << t.differenced << " against differences to "
                  << t.worst_difference << ", " << t.nested << " second derivatives to " << t.worst_nested);
  CHECK(t.compared >= 95 * count / 100);
  CHECK(t.differenced >= 92 * count / 100);
}

TEST_CASE("random dynamics of components have each sample's derivatives in a batch", "[autodiff]") {
  constexpr Index samples = 5;  // packets and a remainder
  using Four = forward::Bounded<4>;
  const long count = environment("COSTATE_RANDOM_PROGRAMS", 110000) / 10 + 1, first = environment("COSTATE_RANDOM_SEED", 1);
  cs::Tape<double> tape;
  long compared = 0;
  double worst = 0;
  for (long seed = first; seed < first + count; ++seed) {
    const Program p = generate(static_cast<std::uint64_t>(seed), true);
    Eigen::MatrixXd y(4, samples);
    for (Index b = 0; b < samples; ++b)
      for (Index i = 0; i < 4; ++i) y(i, b) = p.input[static_cast<std::size_t>((i + 3 * b) % 12)] + 0.1 * static_cast<double>(b);
    forward::decisions = {};
    std::vector<Four> truth;
    Four total;
    double size = 1, doubt = 0;
    for (Index b = 0; b < samples; ++b) {
      Four one[4];  // NOLINT: counted like the rows of an array
      for (Index i = 0; i < 4; ++i) one[i] = Four::input(y(i, b), static_cast<std::size_t>(i));
      truth.push_back(run_components<Four>(p, one));
      total += truth.back();
      for (std::size_t i = 0; i < 4; ++i) {
        size = std::max(size, static_cast<double>(std::abs(truth.back().d[i])));
        doubt = std::max(doubt, truth.back().d_error[i]);
      }
    }
    if (forward::decisions.close || !(doubt <= 1e-8 * size)) continue;
    ++compared;
    const auto loss = [&](const auto& at) { return cs::sum(run_components<cs::number_t<decltype(at)>>(p, at)); };
    const auto [value, gradient] = cs::value_and_grad(tape, loss, y);
    bool wrong = !(std::abs(value - total.v) <= total.error);
    for (Index b = 0; b < samples; ++b)
      for (Index i = 0; i < 4; ++i) {
        const Four& t = truth[static_cast<std::size_t>(b)];
        const auto k = static_cast<std::size_t>(i);
        const auto error = static_cast<double>(std::abs(gradient(i, b) - t.d[k]));
        worst = std::max(worst, error / size);
        wrong = wrong || !(error <= t.d_error[k]);
      }
    if (wrong) FAIL("seed " << seed << ": a batch is not its samples" << again(seed));
  }
  WARN(compared << " of " << count << " dynamics compared, error at most " << worst << " relative");
  CHECK(compared >= 9 * count / 10);
}
