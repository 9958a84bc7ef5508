// Adams methods on given grids: measured orders on regular and irregular ones, exactness, history.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <costate/ode/adams_bashforth.hpp>
#include <costate/ode/adams_moulton.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using Real = long double;
using Y = problems::Vector<Real, 1>;

namespace {

struct Errors {
  Real at_ends = 0, in_between = 0;
};

/// y' = y: all derivatives are alike, so that the leading term of the error shows early.
constexpr auto growth = [](auto, const auto& y, auto& dydt) { dydt = y; };

/// The largest errors of e^t over [0, 2] in n steps. On the irregular grid the lengths repeat a pattern, the last one is cut short.
template <class M>
Errors errors(int n, bool regular) {
  const std::array<Real, 4> pattern{1, 1.3L, 0.7L, 1.1L};
  std::vector<Real> times{0};
  for (int i = 0; i < n; ++i) times.push_back(times.back() + (regular ? 1 : i + 1 == n ? 0.6L : pattern[static_cast<std::size_t>(i % 4)]));
  const Real scale = 2 / times.back();
  for (Real& t : times) t *= scale;
  Errors worst;
  Y out;
  auto e = problems::engine(M{}, growth, 0.0L, Y(1.0L));
  e.run(std::span<const Real>(times), [](auto...) {}, [&](const auto& w) {
    worst.at_ends = std::max(worst.at_ends, std::abs(w.y1[0] - std::exp(w.end)));
    for (int i = 1; i < 5; ++i) {
      const Real t = w.t + w.h * static_cast<Real>(i) / 5;
      w.interpolate(t, out);
      worst.in_between = std::max(worst.in_between, std::abs(out[0] - std::exp(t)));
    }
  });
  return worst;
}

template <class M>
void check_orders() {
  for (const bool regular : {true, false}) {
    // fine enough to be asymptotic, coarse enough for long double's rounding, which leaves the highest orders few halvings
    const int first = M::order <= 3 ? 640 : M::order <= 5 ? 160 : M::order == 6 ? 80 : M::order == 7 ? 64 : 90;
    const int finest = first * (M::order <= 6 ? 8 : M::order == 7 ? 4 : 2);
    Errors coarse = errors<M>(first, regular);
    for (int n = 2 * first; n <= finest; n *= 2) {
      const Errors fine = errors<M>(n, regular);
      const Real slope = std::log2(coarse.at_ends / fine.at_ends), between = std::log2(coarse.in_between / fine.in_between);
      CAPTURE(M::order, regular, n, static_cast<double>(slope), static_cast<double>(between));
      CHECK(std::abs(slope - M::order) < 0.15L);
      CHECK(between > static_cast<Real>(std::min(M::order, 4)) - 0.15L);  // the first steps' interpolant is a cubic
      coarse = fine;
    }
  }
}

template <template <int> class Family, int... K>
void check_family(std::integer_sequence<int, K...>) {
  (check_orders<Family<K + 1>>(), ...);
}

/// y' = (K − 1)-th degree polynomial of t.
template <int K>
constexpr auto power = [](auto t, const auto&, auto& dydt) {
  using S = typename std::remove_cvref_t<decltype(dydt)>::Scalar;
  dydt[0] = S(K) * static_cast<S>(std::pow(t, K - 1));
};

template <class M, int K>
void check_exact() {
  auto e = problems::engine(M{}, power<K>, 0.0L, Y(0.0L));
  Real worst = 0;
  Y out;
  const std::vector<Real> times{0, 0.3L, 0.5L, 0.9L, 1.0L, 1.6L, 2.0L, 2.1L, 2.5L, 3.0L, 3.3L, 3.4L};
  e.run(std::span<const Real>(times), [](auto...) {}, [&](const auto& w) {
    worst = std::max(worst, std::abs(w.y1[0] - std::pow(w.end, static_cast<Real>(K))) / std::pow(w.end, static_cast<Real>(K)));
    if (w.starting) return;
    const Real t = w.t + 0.3L * w.h;
    w.interpolate(t, out);
    worst = std::max(worst, std::abs(out[0] - std::pow(t, static_cast<Real>(K))) / std::pow(t, static_cast<Real>(K)));
    w.derivative(t, out);
    worst = std::max(worst, std::abs(out[0] - K * std::pow(t, static_cast<Real>(K - 1))) / (K * std::pow(t, static_cast<Real>(K - 1))));
  });
  CAPTURE(K);
  CHECK(worst < 1e-15L);
}

}  // namespace

TEST_CASE("Adams-Bashforth methods converge at their orders, on regular and irregular grids", "[ode]") {
  check_family<cs::AdamsBashforth>(std::make_integer_sequence<int, 8>{});
}

TEST_CASE("Adams-Moulton methods converge at their orders, on regular and irregular grids", "[ode]") {
  check_family<cs::AdamsMoulton>(std::make_integer_sequence<int, 8>{});
}

TEST_CASE("an Adams method of order K integrates polynomials of degree K - 1 exactly, whatever the grid", "[ode]") {
  check_exact<cs::AdamsBashforth<4>, 4>();
  check_exact<cs::AdamsBashforth<8>, 8>();
  check_exact<cs::AdamsMoulton<4>, 4>();
  check_exact<cs::AdamsMoulton<8>, 8>();
}

TEST_CASE("an Adams step costs one evaluation, with a corrector two, and f is never seen beyond the end", "[ode]") {
  double latest = 0;
  const auto watched = [&](double t, const auto& y, auto& dydt) {
    latest = std::max(latest, t);
    dydt = -y;
  };
  const problems::Vector<double, 1> one(1.0);
  auto bashforth = problems::engine(cs::AdamsBashforth<4>{}, watched, 0.0, one, {.step = 0.1});
  auto moulton = problems::engine(cs::AdamsMoulton<4>{}, watched, 0.0, one, {.step = 0.1});
  bashforth.advance_to(1.0);
  moulton.advance_to(1.0);
  CHECK(bashforth.stats().evaluations == 1 + 3 * 4 + 7);  // the first slope, three steps of Rk4 with the slope at their ends, seven of one
  CHECK(moulton.stats().evaluations == 1 + 2 * 4 + 2 * 8);
  CHECK(latest == 1.0);
}

TEST_CASE("an Adams history is a value: copies resume alike, jumps and turns begin anew", "[ode]") {
  const problems::Vector<double, 2> start(1, 0.5);
  auto e = problems::engine(cs::AdamsMoulton<5>{}, problems::pendulum, 0.0, start, {.step = 0.05});
  e.advance_to(1.0);
  auto copy = e;
  e.advance_to(2.0);
  copy.advance_to(2.0);
  CHECK(copy.y() == e.y());
  CHECK(copy.stats() == e.stats());

  // there and back: the way back begins with starting steps, and comes home as well as the way out was
  const auto out = e.stats().evaluations;
  e.advance_to(0.0);
  CHECK((e.y() - start).norm() < 1e-5);
  CHECK(e.stats().evaluations - out > 2 * 40);

  auto jumped = problems::engine(cs::AdamsMoulton<5>{}, problems::pendulum, 0.0, start, {.step = 0.05});
  jumped.advance_to(1.0);
  jumped.jump([](auto& y) { y[1] += 1; });
  auto fresh = problems::engine(cs::AdamsMoulton<5>{}, problems::pendulum, 1.0, problems::Vector<double, 2>(jumped.y()), {.step = 0.05});
  jumped.advance_to(1.5);
  fresh.advance_to(1.5);
  CHECK(jumped.y() == fresh.y());
}
