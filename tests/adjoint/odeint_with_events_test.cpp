#include <costate/adjoint/odeint_with_events.hpp>

#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "adjoint/bouncing.hpp"
#include "catch.hpp"

namespace cs = costate;
using cs::Direction;
using namespace events_test;

namespace {

const auto fall = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0]); };

}  // namespace

TEST_CASE("the time of the fifth bounce, differentiated through all of them by every adjoint", "[adjoint]") {
  const double h = 2, g = 9.81, e = 0.8, first = std::sqrt(2 * h / g), sum = 1 + 2 * (e + e * e + e * e * e + e * e * e * e);
  const auto check = [&](const auto& method, const auto& adjoint, const cs::SolveOptions& options) {
    const auto fifth = [&](const auto& start, const auto& p) {
      return cs::odeint_with_events(fall, start, {0.0, 20.0}, p, method, adjoint, options,
                                    cs::event(ground, bounce, {.direction = Direction::falling, .stop_after = 5})).event_times.back();
    };
    const auto [value, slopes] = gradient_of(fifth, Eigen::Vector2d(h, 0), Eigen::Vector2d(g, e));
    CHECK(std::abs(value - first * sum) < 1e-10);
    CHECK(std::abs(slopes[0] - first * sum / (2 * h)) < 1e-8);
    CHECK(std::abs(slopes[2] + first * sum / (2 * g)) < 1e-8);
    CHECK(std::abs(slopes[3] - first * 2 * (1 + 2 * e + 3 * e * e + 4 * e * e * e)) < 1e-8);
  };
  check(cs::Dopri5{}, cs::DirectAdjoint{}, tight);
  check(cs::Dopri5{}, cs::CheckpointedAdjoint{.slots = 2}, tight);
  check(cs::Dopri5{}, cs::BacksolveAdjoint{}, tight);
  check(cs::Dopri5{}, cs::InterpolatingAdjoint{}, tight);
  check(cs::Rk4{}, cs::ReversibleAdjoint{}, {.step = 0.01});
}

TEST_CASE("states between and behind events, parameters of g and of the jump, and time itself in all of them", "[adjoint]") {
  const auto pendulum = [](auto t, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * cs::sin(y[0]) + 0.2 * cs::cos(t)); };
  const auto level = [](auto t, const auto& y, const auto& p) { return y[0] - p[1] - 0.1 * t; };
  const auto kick = [](auto t, const auto& y, const auto& p) { return cs::stack(y[0], y[1] * (1 + p[2]) - 0.05 * t); };
  const Eigen::Vector2d start(1, 0.3);
  const Eigen::Vector3d p(2, 0.2, 0.1);
  const auto loss_of = [](const auto& run) {
    return run.end[0] + 2.0 * run.y[1][1] - run.y[2][0] + run.event_times[0] * run.event_times[1] + run.before[1][1] + run.after[0][1];
  };
  const auto run = [&](const auto& start_, const auto& p_) {
    return cs::odeint_with_events(pendulum, start_, {0.0, 2.0, 4.0, 6.0}, p_, cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-12, .atol = 1e-13},
                                  cs::event(level, kick));
  };
  const auto [value, slopes] = gradient_of([&](const auto& start_, const auto& p_) { return loss_of(run(start_, p_)); }, start, p);
  const auto plain = [&](const Eigen::VectorXd& x) {
    const auto solved = run(Eigen::Vector2d(x.head(2)), Eigen::Vector3d(x.tail(3)));
    REQUIRE(solved.events.size() >= 2);
    return solved.end[0] + 2 * solved.y[1][1] - solved.y[2][0] + solved.events[0].t * solved.events[1].t + solved.events[1].before[1] +
           solved.events[0].after[1];
  };
  Eigen::VectorXd x(5);
  x << start, p;
  CHECK(std::abs(value - plain(x)) < 1e-9);
  for (Eigen::Index i = 0; i < 5; ++i) {
    const double step = 1e-4;
    const Eigen::VectorXd d = step * Eigen::VectorXd::Unit(5, i);
    const double slope = (8 * (plain(x + d) - plain(x - d)) - (plain(x + 2 * d) - plain(x - 2 * d))) / (12 * step);
    CAPTURE(i, slope, slopes[i]);
    CHECK(std::abs(slopes[i] - slope) < 1e-6 * std::max(1.0, std::abs(slope)));
  }
}

TEST_CASE("without a jump, without parameters, without an event at all", "[adjoint]") {
  const auto decay = [](auto, const auto& y) { return cs::stack(-y[0]); };
  const auto half = [](auto, const auto& y) { return y[0] - 0.5; };
  const auto time_of_half = [&](double end) {
    return cs::value_and_grad([&, end](const auto& start) {
      const auto run = cs::odeint_with_events(decay, start, {0.0, end}, cs::NoParameters{}, cs::Dopri5{}, cs::DirectAdjoint{}, tight, cs::event(half, {.stop_after = 1}));
      return run.end_time + run.end[0];
    }, Eigen::Matrix<double, 1, 1>(2.0));
  };
  const auto [stopped, d_stopped] = time_of_half(10);
  CHECK(std::abs(stopped - (std::log(4.0) + 0.5)) < 1e-9);
  CHECK(std::abs(d_stopped[0] - 0.5) < 1e-8);  // ∂ log(2 y0) / ∂y0
  const auto [reached, d_reached] = time_of_half(1);
  CHECK(std::abs(reached - (1 + 2 * std::exp(-1.0))) < 1e-9);
  CHECK(std::abs(d_reached[0] - std::exp(-1.0)) < 1e-9);
}

TEST_CASE("a loss through events has its value alone", "[adjoint]") {
  const auto decay = [](auto, const auto& y, const auto& p) { return cs::stack(-p[0] * y[0]); };
  const auto half = cs::event([](auto, const auto& y) { return y[0] - 0.5; }, {.stop_after = 1});
  const auto loss = [&](const auto& p) {
    return cs::odeint_with_events(decay, Eigen::Matrix<double, 1, 1>(2.0), {0.0, 10.0}, p, cs::Dopri5{}, cs::DirectAdjoint{}, tight, half).end_time;
  };
  CHECK(std::abs(cs::value(loss, Eigen::Matrix<double, 1, 1>(1.0)) - std::log(4.0)) < 1e-9);
}

TEST_CASE("an event that only grazes has no derivative, and is told", "[adjoint]") {
  const auto still = [](auto, const auto& y, const auto& p) { return cs::stack(p[0] + 0 * y[0]); };
  const auto cubic = [](auto, const auto& y, const auto&) { return y[0] * y[0] * y[0]; };
  CHECK_THROWS_AS(cs::value_and_grad([&](const auto& p) {
    return cs::odeint_with_events(still, Eigen::Matrix<double, 1, 1>(-1.0), {0.0, 3.0}, p, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.5}, cs::event(cubic)).event_times.back();
  }, Eigen::Matrix<double, 1, 1>(1.0)), cs::NonFiniteError);
}
