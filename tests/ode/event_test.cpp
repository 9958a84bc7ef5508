#include <costate/ode/event.hpp>

#include <cmath>
#include <utility>
#include <vector>

#include "../catch.hpp"

namespace cs = costate;
using cs::Direction;
using Watch = cs::detail::Watch<double>;

namespace {

const auto ignore = [](double, double) {};

}  // namespace

TEST_CASE("a root is found to the spacing of numbers", "[ode]") {
  const auto check = [](const auto& f, double a, double b, double root) {
    int calls = 0;
    const double x = cs::detail::find_root(a, f(a), b, f(b), [&](double t) {
      ++calls;
      return f(t);
    });
    CAPTURE(root, x, calls);
    CHECK(std::abs(x - root) <= 1e-15 * std::max(1.0, std::abs(root)));
    CHECK(calls < 80);
  };
  check([](double t) { return std::cos(t); }, 0, 2, std::acos(-1.0) / 2);
  check([](double t) { return t * t * t - 2; }, 3, 0, std::cbrt(2.0));
  check([](double t) { return std::pow(t - 1, 9); }, 0, 3, 1);            // flat
  check([](double t) { return t < 0.3 ? -1.0 : 1.0; }, 0, 1, 0.3);        // a jump
  check([](double t) { return std::exp(50 * t) - 1e9; }, 0, 1, std::log(1e9) / 50);
}

TEST_CASE("zeros in a step are told by their direction, the first of them", "[ode]") {
  const auto first = [](Direction direction, double from, double to) {
    Watch watch(direction);
    watch.begin(false);
    const auto found = watch.step(from, to, [](double t) { return std::sin(t); }, 1e-8, ignore);
    return found.crossed ? found.t : -1;
  };
  const double pi = std::acos(-1.0);
  CHECK(first(Direction::any, 1, 4) == Approx(pi));
  CHECK(first(Direction::rising, 1, 4) == -1);
  CHECK(first(Direction::rising, 1, 7) == Approx(2 * pi));
  CHECK(first(Direction::falling, 4, 1) == -1);  // backward g rises there
  CHECK(first(Direction::rising, 4, 1) == Approx(pi));
}

TEST_CASE("two zeros between samples, and a touch, are seen wherever in a step they lie", "[ode]") {
  for (int i = 0; i <= 40; ++i) {
    const double top = 0.5 + 0.05 * i;  // over two steps, [0.5, 1.5] and [1.5, 2.5]
    const auto looks = [&](double height) {
      Watch watch;
      watch.begin(false);
      const auto g = [&](double t) { return height - (t - top) * (t - top); };
      bool touched = false;
      const auto touch = [&](double, double) { touched = true; };
      auto found = watch.step(0.5, 1.5, g, 1e-8, touch);
      if (!found.crossed && !touched) found = watch.step(1.5, 2.5, g, 1e-8, touch);
      return std::pair(found, touched);
    };
    CAPTURE(top);
    if (i > 0 && i < 40) {  // g turns at the ends themselves in the solve's other steps
      const auto twice = looks(1e-4).first;
      CHECK(twice.crossed);
      CHECK(std::abs(twice.t - (top - 0.01)) < 1e-9);
      const auto [found, touched] = looks(0);
      CHECK((touched || found.crossed));
    }
    const auto [found, touched] = looks(-1e-3);
    CHECK(!found.crossed);
    CHECK(!touched);
  }
}

TEST_CASE("behind an event of its own a zero does not count again", "[ode]") {
  Watch watch(Direction::falling);
  const auto ball = [](double t) { return t * (1 - t); };  // up from zero, and down again
  watch.begin(true);
  const auto found = watch.step(0, 1.5, ball, 1e-8, ignore);
  CHECK(found.crossed);
  CHECK(found.t == Approx(1));
  watch.begin(true);
  CHECK(!watch.step(0, 0.9, ball, 1e-8, ignore).crossed);
  CHECK(watch.step(0.9, 1.2, ball, 1e-8, ignore).t == Approx(1));
}

TEST_CASE("every touch in a step is told", "[ode]") {
  Watch watch;
  watch.begin(false);
  std::vector<double> where;
  const auto twice = [](double t) { return std::pow((t - 0.31) * (t - 0.77), 2); };
  CHECK(!watch.step(0, 1, twice, 1e-8, [&](double t, double) { where.push_back(t); }).crossed);
  REQUIRE(where.size() == 2);
  CHECK(where[0] == Approx(0.31));
  CHECK(where[1] == Approx(0.77));
}

TEST_CASE("zero on an interval is one event, at its beginning; zero from the beginning is told", "[ode]") {
  for (const double sign : {1.0, -1.0}) {
    Watch watch;
    watch.begin(false);
    const auto empty = [](double t) { return std::max(std::abs(0.3 - t) * (t < 0.3), 0.0); };
    const auto g = [&](double t) { return empty(sign * t); };
    const auto found = watch.step(0, sign, g, 1e-8, ignore);
    REQUIRE(found.crossed);
    CHECK(std::abs(found.t - sign * 0.3) < 1e-14);
    watch.begin(true);
    CHECK(!watch.step(found.t, sign, g, 1e-8, ignore).crossed);
  }
  Watch watch;
  watch.begin(false);
  int told = 0;
  CHECK(!watch.step(0, 1, [](double t) { return t; }, 1e-8, [&](double t, double) { told += t == 0; }).crossed);
  CHECK(told == 1);
}

TEST_CASE("a g that is no number is told where it is met, but not behind a passage", "[ode]") {
  Watch watch;
  watch.begin(false);
  const auto found = watch.step(0, 1, [](double t) { return std::sqrt(0.6 - t); }, 1e-8, ignore);
  CHECK(!found.crossed);
  CHECK(found.broken);
  CHECK(found.broken_at == 0.625);
  watch.begin(false);
  const auto passed = watch.step(0, 1, [](double t) { return t < 0.6 ? 0.3 - t : std::nan(""); }, 1e-8, ignore);
  CHECK(passed.crossed);
  CHECK(!passed.broken);
}
