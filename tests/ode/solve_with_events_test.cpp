#include <costate/ode/solve_with_events.hpp>

#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include <cmath>
#include <string>
#include <type_traits>

#include "../catch.hpp"

namespace cs = costate;
using cs::Direction;

namespace {

const auto fall = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0]); };
const auto ground = [](auto, const auto& y, const auto&) { return y[0]; };
const auto bounce = [](auto, const auto& y, const auto& p) { return cs::stack(0.0, -p[1] * y[1]); };
const auto oscillator = [](auto, const auto& y) { return cs::stack(y[1], -y[0]); };
const double pi = std::acos(-1.0);
const cs::SolveOptions tight{.rtol = 1e-10, .atol = 1e-12};

}  // namespace

TEST_CASE("a bouncing ball: every bounce at its time, with any method", "[ode]") {
  const Eigen::Vector2d start(2, 0), p(9.81, 0.8);
  const auto check = [&](const auto& method, const cs::SolveOptions& options) {
    const auto run = cs::solve_with_events(fall, start, {0.0, 1.0, 2.0, 20.0}, p, method, options,
                                           cs::event(ground, bounce, {.direction = Direction::falling, .stop_after = 5}));
    REQUIRE(run.events.size() == 5);
    double t = std::sqrt(2 * start[0] / p[0]), speed = std::sqrt(2 * p[0] * start[0]);
    for (const auto& bounced : run.events) {
      CHECK(std::abs(bounced.t - t) < 1e-10);
      CHECK(std::abs(bounced.before[1] + speed) < 1e-9);
      speed *= p[1];
      CHECK(std::abs(bounced.after[1] - speed) < 1e-9);
      t += 2 * speed / p[0];
    }
    CHECK(run.end_time == run.events.back().t);
    CHECK(run.end == run.events.back().after);
    CHECK(run.y.size() == 3);  // 20 was not reached
    CHECK(run.t == std::vector<double>{0, 1, 2});
    CHECK(run.doubtful.empty());
  };
  check(cs::Dopri5{}, tight);
  check(cs::Rk4{}, {.step = 0.01});
  check(cs::Adams{}, tight);
}

TEST_CASE("several events: the earliest wins, in both directions of time; a touch is reported", "[ode]") {
  const auto top = [](auto, const auto& y) { return y[0] - 1.0; };
  const auto at_rest = [](auto, const auto& y) { return y[1]; };
  const auto alarm = [](auto t, const auto&) { return t * t - 25.0; };
  const auto order = [&](double end) {
    return cs::solve_with_events(oscillator, Eigen::Vector2d(1, 0), {0.0, end}, cs::Dopri5{}, tight, cs::event(top),
                                 cs::event(at_rest, {.direction = end > 0 ? Direction::rising : Direction::falling}), cs::event(alarm));
  };
  for (const double sign : {1.0, -1.0}) {
    const auto run = order(10 * sign);
    REQUIRE(run.events.size() == 3);
    CHECK(run.events[0].which == 1);
    CHECK(std::abs(run.events[0].t - sign * pi) < 1e-9);
    CHECK(run.events[1].which == 2);
    CHECK(std::abs(run.events[1].t - sign * 5) < 1e-12);
    CHECK(run.events[2].which == 1);
    CHECK(run.end_time == 10 * sign);
    CHECK(std::abs(run.end[0] - std::cos(10.0)) < 1e-8);
    REQUIRE(!run.doubtful.empty());
    CHECK(run.doubtful.back().which == 0);
    CHECK(std::abs(run.doubtful.back().t - 2 * sign * pi) < 1e-4);
  }
}

TEST_CASE("outputs between, before and at events are the solve's own", "[ode]") {
  const auto flip = [](auto, const auto& y) { return cs::stack(-y[0], y[1]); };
  const auto when = [](auto t, const auto&) { return t - 1.0; };
  const auto run = cs::solve_with_events(oscillator, Eigen::Vector2d(1, 0), {0.0, 0.5, 1.0, 1.5}, cs::Dopri5{}, tight, cs::event(when, flip));
  REQUIRE(run.y.size() == 4);
  CHECK(std::abs(run.y[1][0] - std::cos(0.5)) < 1e-9);
  CHECK(std::abs(run.y[2][0] - std::cos(1.0)) < 1e-9);  // before the jump
  CHECK(std::abs(run.y[3][0] - (-std::cos(1.0) * std::cos(0.5) - std::sin(1.0) * std::sin(0.5))) < 1e-9);
}

TEST_CASE("what cannot be is refused", "[ode]") {
  const Eigen::Vector2d start(2, 0), p(9.81, 0.5);
  const auto bounces = cs::event(ground, bounce, {.direction = Direction::falling});
  SECTION("bounces without end in finite time") {
    CHECK_THROWS_AS(cs::solve_with_events(fall, start, {0.0, 20.0}, p, cs::Dopri5{}, {.max_steps = 2000}, bounces), cs::Error);
  }
  SECTION("too many steps, told by status if asked to") {
    const auto run = cs::solve_with_events(fall, start, {0.0, 1.0, 20.0}, p, cs::Dopri5{}, {.max_steps = 3, .throw_on_failure = false}, bounces);
    CHECK(run.status == cs::Status::too_many_steps);
    CHECK(run.y.size() < 3);
  }
  SECTION("a g that is no number where it is looked at") {
    const auto broken = [](auto, const auto& y, const auto&) { return cs::log(y[0] - 1.0); };
    CHECK_NOTHROW(cs::solve_with_events(fall, start, {0.0, 0.1}, p, cs::Dopri5{}, {}, cs::event(broken)));
    CHECK_THROWS_AS(cs::solve_with_events(fall, start, {0.0, 0.6}, p, cs::Dopri5{}, {}, cs::event(broken)), cs::NonFiniteError);
    const auto stop = cs::event([](auto, const auto& y, const auto&) { return y[0] - 1.2; }, {.stop_after = 1});
    CHECK_NOTHROW(cs::solve_with_events(fall, start, {0.0, 0.6}, p, cs::Dopri5{}, {}, cs::event(broken), stop));  // it ends before
  }
  SECTION("jumps and g of other sizes, and jumps to what is no number, in their own name") {
    const Eigen::VectorXd any = start;
    const auto message = [&](const auto& event) -> std::string {
      try {
        cs::solve_with_events(fall, any, {0.0, 1.0}, p, cs::Dopri5{}, {}, event);
      } catch (const cs::Error& e) {
        return e.what();
      }
      return "";
    };
    const auto three = [](auto, const auto& y, const auto&) { return cs::stack(y[0], y[1], y[0]); };
    const auto nowhere = [](auto, const auto& y, const auto&) { return cs::stack(std::nan(""), y[1]); };
    CHECK(message(cs::event(ground, three)).find("the jump of event 0 returned 3 x 1") == 0);
    CHECK(message(cs::event(three)).find("the g of event 0 returned 3 x 1") == 0);
    CHECK(message(cs::event(ground, nowhere, {.stop_after = 1})).find("the jump of event 0 at t = ") == 0);
    CHECK(message(cs::event(ground, {.stop_after = -1})).find("event 0: stop_after = -1") == 0);
  }
  CHECK_THROWS_AS(cs::solve_with_events(fall, start, {0.0, 1.0}, p, cs::Dopri5{}, {.dense = true}, bounces), cs::OptionError);
  CHECK_THROWS_AS(cs::solve_with_events(fall, start, {0.0, 0.0}, p, cs::Dopri5{}, {}, bounces), cs::TimeError);
}

TEST_CASE("events at the same time all happen, each with the state that the one before has left", "[ode]") {
  const auto drift = [](auto, const auto& y, const auto& p) { return cs::stack(p[0] + 0 * y[0], p[1] + 0 * y[1]); };
  const auto reverse = [](int i) {  // marks the order in the state
    return [i](auto, const auto& y, const auto&) { return cs::stack(2.0 * y[0] + i, y[1] + i); };
  };
  for (const double end : {3.0, 0.7}) {  // between the times, and at the last of them
    const double at = 0.7;
    const auto run = cs::solve_with_events(drift, Eigen::Vector2d(-at, at), {0.0, end}, Eigen::Vector2d(1, -1), cs::Dopri5{}, tight,
                                           cs::event([](auto, const auto& y, const auto&) { return y[0]; }, reverse(1)),
                                           cs::event([](auto, const auto& y, const auto&) { return y[1]; }, reverse(10)),
                                           cs::event([at](auto t, const auto&, const auto&) { return t - at; }));
    CAPTURE(end);
    REQUIRE(run.events.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(run.events[i].which == i);
      CHECK(std::abs(run.events[i].t - at) < 1e-14);
    }
    CHECK(run.events[1].before == run.events[0].after);
    CHECK(std::abs(run.events[1].after[0] - 12) < 1e-12);
    CHECK(run.end_time == end);
  }
}

TEST_CASE("no event happens twice, however roughly numbers resolve it", "[ode]") {
  const auto passages = [](const auto& start, double from, double offset) {
    using S = typename std::remove_cvref_t<decltype(start)>::Scalar;
    const auto swing = [offset](auto, const auto& y) { return cs::stack(y[1], static_cast<S>(offset) - y[0]); };
    const auto g = [offset](auto, const auto& y) { return y[0] - static_cast<S>(offset); };
    const cs::SolveOptions options{.rtol = std::is_same_v<S, float> ? 1e-5 : 1e-9, .atol = 1e-6, .max_steps = 5000};
    return cs::solve_with_events(swing, start, {from, from + 20}, cs::Dopri5{}, options, cs::event(g)).events.size();
  };
  CHECK(passages(Eigen::Vector2d(1, 0.1), 0, 0) == 6);
  CHECK(passages(Eigen::Vector2d(1, 0.1), 1e6, 0) == 6);          // late
  CHECK(passages(Eigen::Vector2d(1e6 + 1, 0.1), 0, 1e6) == 6);    // far from zero
  CHECK(passages(Eigen::Vector2f(1, 0.1F), 0, 0) == 6);           // in single precision
  CHECK(passages(Eigen::Vector2f(1, 0.1F), 1000, 0) == 6);
  CHECK(passages(Eigen::Vector2f(101, 0.1F), 0, 100) == 6);
}

TEST_CASE("touches that an event has made void are not told", "[ode]") {
  const auto drift = [](auto, const auto& y) { return cs::stack(1.0 + 0 * y[0]); };
  const auto graze = cs::event([](auto, const auto& y) { return cs::square(y[0] - 0.3); });
  const auto leave = cs::event([](auto, const auto& y) { return y[0] + 0.5; }, [](auto, const auto& y) { return cs::stack(y[0] - 100.0); });
  const Eigen::Matrix<double, 1, 1> start(-1.0);
  CHECK(cs::solve_with_events(drift, start, {0.0, 3.0}, cs::Rk4{}, {.step = 3}, graze).doubtful.size() == 1);
  CHECK(cs::solve_with_events(drift, start, {0.0, 3.0}, cs::Rk4{}, {.step = 3}, leave, graze).doubtful.empty());
}

TEST_CASE("an event at the last time happens, or is told to be that close", "[ode]") {
  const auto drift = [](auto, const auto& y) { return cs::stack(1.0 + 0 * y[0]); };
  const auto zero = cs::event([](auto, const auto& y) { return y[0]; });
  for (const double start : {-1.0, -1.0 - 1e-13, -1.0 - 1e-9, -1.0 + 1e-13}) {
    const auto run = cs::solve_with_events(drift, Eigen::Matrix<double, 1, 1>(start), {0.0, 1.0}, cs::Rk4{}, {.step = 0.25}, zero);
    CAPTURE(start);
    CHECK(run.events.size() + run.doubtful.size() == 1);
  }
}
