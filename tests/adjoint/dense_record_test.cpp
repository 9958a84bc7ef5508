#include <costate/adjoint/dense_record.hpp>

#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/solve.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

const auto pendulum = [](auto, const auto& y) { return cs::stack(y[1], -cs::sin(y[0])); };

/// Largest distance from the solution's dense output, walking to and fro.
template <class M>
double distance(const M& method, double t0, double t1, cs::detail::DenseRecord<Eigen::Vector2d>& record) {
  const Eigen::Vector2d start(1.0, 0.3);
  const auto solution = cs::solve(pendulum, start, {t0, t1}, method, {.rtol = 1e-7, .dense = true});
  auto dynamics = cs::detail::bind(pendulum, start);
  cs::Engine<M, Eigen::Vector2d, decltype(dynamics)> engine(method, dynamics, {2, 1}, {.rtol = 1e-7});
  engine.reset(t0, start);
  record.clear(t0, 2, static_cast<Eigen::Index>(decltype(engine)::Window::degree()));
  engine.advance_to(t1, [&](const auto& w) { record.push_back(w); });
  double worst = 0;
  Eigen::Vector2d y;
  for (int i = 0; i <= 1000; ++i) {
    const double part = i == 1000 ? 0 : (1 - i / 1000.0) * (1 - 0.2 * (i % 7) / 7);
    const double t = t0 + part * (t1 - t0);
    record.value(t, y);
    worst = std::max(worst, (y - solution(t)).norm());
  }
  return worst;
}

}  // namespace

TEST_CASE("a dense record is the solve's dense output, in both directions and used again", "[adjoint]") {
  cs::detail::DenseRecord<Eigen::Vector2d> record;
  CHECK(distance(cs::Dopri5{}, 0.0, 20.0, record) < 1e-14);
  CHECK(distance(cs::Dopri5{}, 3.0, -7.0, record) < 1e-14);
  CHECK(distance(cs::Adams{}, 0.0, 20.0, record) < 1e-14);
}

TEST_CASE("a walk back covers as many steps as told", "[adjoint]") {
  cs::detail::DenseRecord<Eigen::Vector2d> record;
  const auto dynamics = [](double, const Eigen::Vector2d& y, Eigen::Vector2d& dydt) { dydt = -y; };
  cs::Engine<cs::FixedStep<cs::Dopri5>, Eigen::Vector2d, decltype(dynamics)> engine({}, dynamics, {2, 1}, {.step = 1.0});
  engine.reset(0, Eigen::Vector2d(1, 2));
  record.clear(0, 2, 4);
  engine.advance_to(10, [&](const auto& w) { record.push_back(w); });
  REQUIRE(record.steps() == 10);
  CHECK(record.back(9.5, 0, 1) == 9);
  CHECK(record.back(9.5, 0, 4) == 6);
  CHECK(record.back(9.5, 6.5, 4) == 6.5);
  CHECK(record.back(2.5, 0, 4) == 0);
}
