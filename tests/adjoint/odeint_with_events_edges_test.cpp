#include <costate/adjoint/odeint_with_events.hpp>

#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>

#include "adjoint/bouncing.hpp"
#include "catch.hpp"

namespace cs = costate;
using cs::Direction;
using namespace events_test;

TEST_CASE("events at the last of the times, at the same time, and close to an output", "[adjoint]") {
  const auto drift = [](auto, const auto& y, const auto& p) { return cs::stack(p[0] + 0 * y[0], p[1] + 0 * y[1]); };
  const auto first = [](auto, const auto& y, const auto&) { return y[0]; };
  const auto second = [](auto, const auto& y, const auto&) { return y[1]; };
  const auto turn = [](auto, const auto& y, const auto&) { return cs::stack(-1.0 * y[0], 3.0 * y[1]); };
  const Eigen::Vector2d start(-1, 2), p(1, -2);
  SECTION("at the last time, stopping there or not") {
    for (const std::int64_t stop : {0, 1}) {
      const auto [value, slopes] = gradient_of([&](const auto& start_, const auto& p_) {
        const auto run = cs::odeint_with_events(drift, start_, {0.0, 1.0}, p_, cs::Euler{}, cs::DirectAdjoint{}, {.step = 0.25},
                                                cs::event(first, {.stop_after = stop}));
        REQUIRE(run.y.size() == 2);
        REQUIRE(run.event_times.size() == 1);
        return run.end_time + run.end[1];
      }, start, p);
      CHECK(value == Approx(1));
      CHECK(slopes.isApprox(stop ? Eigen::Vector4d(-1 + 2, 1, -1 + 2, 1) : Eigen::Vector4d(0, 1, 0, 1), 1e-12));
    }
  }
  SECTION("both at once, in their order") {  // y0 = 1 and y1 = 0, at t = 1: y[0] turns at −s0/p0, y[1] then triples where it is zero
    const auto [value, slopes] = gradient_of([&](const auto& start_, const auto& p_) {
      const auto run = cs::odeint_with_events(drift, start_, {0.0, 1.0, 2.0}, p_, cs::Dopri5{}, cs::DirectAdjoint{}, tight, cs::event(first, turn),
                                              cs::event(second));
      REQUIRE(run.which == std::vector<std::size_t>{0, 1});
      REQUIRE(run.y.size() == 3);
      return run.end[1] + run.event_times[1];
    }, start, p);
    // at t = τ = −s0/p0: 3 (s1 + p1 τ), then p1 a unit of time; zero again at σ = τ − 3 (s1 + p1 τ)/p1
    CHECK(value == Approx(-2 + 1));
    const double d_s0 = -1, d_p0 = -1;  // of τ
    CHECK(slopes.isApprox(Eigen::Vector4d((2 * p[1] + 1 - 3) * d_s0, 3 - 3 / p[1], (2 * p[1] + 1 - 3) * d_p0, 3 * 1 + 1 - 3 / p[1]), 1e-9));
  }
  SECTION("an output closer behind the event than its time is known") {
    const cs::SolveOptions loose{.rtol = 1e-3, .atol = 1e-3};
    const auto gravity = [](auto, const auto& y, const auto& p_) { return cs::stack(y[1], -9.81 * cs::cos(p_[0] * y[0])); };
    const Eigen::Vector2d high(2, 0), q(0.1, 0.8);
    const auto ball = cs::event(ground, bounce, {.direction = Direction::falling});
    const double bounced = cs::solve_with_events(gravity, high, {0.0, 1.0}, q, cs::Dopri5{}, loose, ball).events[0].t;
    for (const double behind : {1e-13, 1e-9, 1e-6, 1e-5}) {
      const auto loss = [&](const auto& start_, const auto& p_) {
        return cs::odeint_with_events(gravity, start_, {0.0, bounced + behind, 1.0}, p_, cs::Dopri5{}, cs::DirectAdjoint{}, loose, ball);
      };
      const auto [value, slopes] = gradient_of([&](const auto& start_, const auto& p_) { return loss(start_, p_).y[1][1]; }, high, q);
      CAPTURE(behind);
      CHECK(std::abs(value - loss(high, q).y[1][1]) < 1e-2);  // loose
      CHECK(slopes.allFinite());
    }
  }
}

TEST_CASE("parameters that are a matrix, and g of whole arrays", "[adjoint]") {
  const auto linear = [](auto, const auto& y, const auto& a) { return cs::matmul(a, y); };
  const auto level = [](auto, const auto& y, const auto& a) { return cs::sum(y * cs::matmul(a, y)); };  // |y|² / 2 is at rest
  const Eigen::Matrix2d a{{0, 1}, {-2, 0.1}};
  const Eigen::Vector2d start(1, 0.3);
  const auto [value, d_start, d_a] = cs::value_and_grad([&](const auto& start_, const auto& a_) {
    return cs::odeint_with_events(linear, start_, {0.0, 3.0}, a_, cs::Dopri5{}, cs::DirectAdjoint{}, tight, cs::event(level)).event_times[0];
  }, start, a);
  const auto plain = [&](const Eigen::Vector2d& s, const Eigen::Matrix2d& m) {
    return cs::solve_with_events(linear, s, {0.0, 3.0}, m, cs::Dopri5{}, tight, cs::event(level)).events[0].t;
  };
  CHECK(std::abs(value - plain(start, a)) < 1e-9);
  const double h = 1e-5;  // error h², and 1e-11 of the times over h
  for (int i = 0; i < 4; ++i) {
    Eigen::Matrix2d d = Eigen::Matrix2d::Zero();
    d(i / 2, i % 2) = h;
    CHECK(std::abs(d_a(i / 2, i % 2) - (plain(start, a + d) - plain(start, a - d)) / (2 * h)) < 1e-5);
  }
  for (int i = 0; i < 2; ++i) {
    const Eigen::Vector2d d = h * Eigen::Vector2d::Unit(i);
    CHECK(std::abs(d_start[i] - (plain(start + d, a) - plain(start - d, a)) / (2 * h)) < 1e-5);
  }
}

TEST_CASE("single precision, and counts where they are asked for", "[adjoint]") {
  const auto decay = [](auto, const auto& y) { return cs::stack(-1.0F * y[0]); };
  const auto half = [](auto, const auto& y) { return y[0] - 0.5F; };
  const Eigen::Matrix<float, 1, 1> start(2.0F);
  cs::Stats stats;
  const auto time = [&](const auto& start_) {
    return cs::odeint_with_events(decay, start_, {0.0, 3.0}, cs::Dopri5{}, cs::DirectAdjoint{.stats = &stats}, {.rtol = 1e-5, .atol = 1e-6}, cs::event(half));
  };
  const auto [value, slope] = cs::value_and_grad([&](const auto& start_) { return time(start_).event_times[0]; }, start);
  CHECK(std::abs(value - std::log(4.0F)) < 1e-4F);
  CHECK(std::abs(slope[0] - 0.5F) < 1e-4F);
  stats = {};
  CHECK(time(start).stats == stats);
  CHECK(stats.evaluations > 0);
}
