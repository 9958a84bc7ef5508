// Every sample has its own events, as if it were alone.

#include <costate/ode/solve_samples_with_events.hpp>

#include <vector>

#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

// a ball that falls from y0 and loses speed at every bounce; p: gravity, restitution
const auto fall = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] + 0.0 * y[0]); };
const auto ground = [](auto, const auto& y, const auto&) { return y[0]; };
const auto bounce = [](auto, const auto& y, const auto& p) { return cs::stack(y[0], -p[1] * y[1]); };
const Eigen::Vector2d p(9.81, 0.7);
const auto bounces = cs::event(ground, bounce, {.direction = cs::Direction::falling, .stop_after = 4});

template <class M>
void compare(const M& method, const cs::SolveOptions& options, double bound) {
  Eigen::Matrix2Xd y0(2, 5);
  y0 << 0.5, 1.0, 2.0, 4.0, 90.0, 0.0, 0.3, -1.0, 2.0, 0.0;
  const std::vector<std::vector<double>> grids{{0, 0.2, 0.9, 3}, {0, 9}, {0, 1}, {1, 1.5, 2, 3, 8}, {0, 0.5}};
  const auto all = cs::solve_with_events(fall, y0, grids, p, method, options, bounces);
  REQUIRE(all.size() == 5);
  for (std::size_t b = 0; b < 5; ++b) {
    const Eigen::Vector2d start = y0.col(static_cast<Eigen::Index>(b));
    const auto alone = cs::solve_with_events(fall, start, grids[b], p, method, options, bounces);
    CHECK(all[b].t == alone.t);
    CHECK(all[b].stats == alone.stats);
    REQUIRE(all[b].events.size() == alone.events.size());
    for (std::size_t i = 0; i < alone.events.size(); ++i) {
      CHECK(std::abs(all[b].events[i].t - alone.events[i].t) < bound);
      CHECK((all[b].events[i].after - alone.events[i].after).norm() < bound);
    }
    CHECK((all[b].y.block() - alone.y.block()).norm() < bound);
    CHECK(std::abs(all[b].end_time - alone.end_time) < bound);
  }
  CHECK(all[0].events.size() == 4);
  CHECK(all[4].events.empty());
}

}  // namespace

TEST_CASE("samples bounce when they do, however the others bounce", "[ode]") {
  compare(cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-11}, 1e-12);
  compare(cs::Rk4{}, {.step = 0.05}, 1e-12);
  compare(cs::Adams{}, {.rtol = 1e-9, .atol = 1e-11}, 1e-12);
}

TEST_CASE("what fails is named by its sample", "[ode]") {
  Eigen::Matrix2Xd y0(2, 2);
  y0 << 1.0, 1.0, 0.0, std::nan("");
  const std::vector<std::vector<double>> grids(2, {0, 3});
  CHECK_THROWS_WITH(cs::solve_with_events(fall, y0, grids, p, cs::Dopri5{}, {}, bounces), Catch::Matchers::Contains("sample 1: "));
  y0(1, 1) = 0;
  CHECK_THROWS_WITH(cs::solve_with_events(fall, y0, grids, p, cs::Dopri5{}, {.max_steps = 3}, bounces), Catch::Matchers::Contains("sample 0: "));
  const auto s = cs::solve_with_events(fall, y0, grids, p, cs::Dopri5{}, {.max_steps = 3, .throw_on_failure = false}, bounces);
  CHECK(s[0].status == cs::Status::too_many_steps);
}

TEST_CASE("samples of a dynamics without parameters have events too", "[ode]") {
  const auto f = [](auto, const auto& y) { return cs::stack(y[1], -9.81 + 0.0 * y[0]); };
  const Eigen::MatrixXd y0 = (Eigen::MatrixXd(2, 2) << 1.0, 2.0, 0.0, 0.0).finished();
  const auto s = cs::solve_with_events(f, y0, std::vector<std::vector<double>>{{0, 3}, {0, 2, 3}}, cs::Dopri5{}, {},
                                       cs::event([](auto, const auto& y) { return y[0]; }, {.stop_after = 1}));
  for (std::size_t b : {0U, 1U}) CHECK_THAT(s[b].end_time, Catch::Matchers::WithinRel(std::sqrt(2 * (1.0 + static_cast<double>(b)) / 9.81), 1e-9));
}
