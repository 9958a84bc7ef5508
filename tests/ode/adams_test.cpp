// The variable-order Adams method.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <costate/ode/adams.hpp>
#include <costate/ode/dense_output.hpp>
#include <costate/ode/dopri5.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;

namespace {

constexpr auto lotka_volterra = [](auto, const auto& y, auto& dydt) { dydt << 1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3 * y[1]; };

template <class Y>
struct Run {
  Y y;
  cs::Stats stats;
  std::vector<int> orders;
  double interpolation = 0;  // largest distance of the interpolant from a tight solve
};

template <class F, class Y>
Run<Y> run(const F& f, const Y& start, double t1, double tolerance) {
  auto e = problems::engine(cs::Adams{}, f, 0.0, start, {.rtol = tolerance, .atol = tolerance});
  auto tight = problems::engine(cs::Dopri5{}, f, 0.0, start, {.rtol = 1e-13, .atol = 1e-13});
  Run<Y> out;
  Y between;
  e.advance_to(t1, [&](const auto& w) {
    out.orders.push_back(static_cast<int>(w.order));
    const double t = w.t + 0.4 * w.h;
    tight.advance_to(t);
    w.interpolate(t, between);
    out.interpolation = std::max(out.interpolation, (between - tight.y()).norm());
  });
  out.y = e.y();
  out.stats = e.stats();
  return out;
}

int median(std::vector<int> x) {
  std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2), x.end());
  return x[x.size() / 2];
}

}  // namespace

TEST_CASE("Adams reaches what a tolerance asks for with a fraction of Dopri5's evaluations", "[ode]") {
  const auto start = problems::pericentre<double>(0.6);
  const double period = 2 * std::numbers::pi;
  for (const double tolerance : {1e-6, 1e-8, 1e-10, 1e-12}) {
    const auto adams = run(problems::kepler, start, period, tolerance);
    auto dopri5 = problems::engine(cs::Dopri5{}, problems::kepler, 0.0, start, {.rtol = tolerance, .atol = tolerance});
    dopri5.advance_to(period);
    CAPTURE(tolerance, adams.stats.evaluations, dopri5.stats().evaluations, (adams.y - start).norm(), adams.interpolation);
    CHECK((adams.y - start).norm() < 1000 * tolerance);  // the orbit's condition, as for Dopri5
    CHECK(adams.interpolation < 1000 * tolerance);
    CHECK(static_cast<double>(adams.stats.evaluations) < (tolerance < 1e-9 ? 0.5 : 0.9) * static_cast<double>(dopri5.stats().evaluations));
    // a step costs two evaluations, a rejection one; two choose the first step
    CHECK(adams.stats.evaluations == 2 + 2 * adams.stats.accepted + adams.stats.rejected);
  }
}

TEST_CASE("at tight tolerances Adams works at high orders", "[ode]") {
  CHECK(median(run(problems::kepler, problems::pericentre<double>(0.6), 2 * std::numbers::pi, 1e-10).orders) >= 10);
  CHECK(median(run(lotka_volterra, problems::Vector<double, 2>(1, 1), 20.0, 1e-10).orders) >= 10);
}

TEST_CASE("Adams is exact where nothing changes, or changes evenly", "[ode]") {
  const problems::Vector<double, 2> start(1, -2);
  const auto rest = [](auto, const auto&, auto& dydt) { dydt.setZero(); };
  const auto even = [](auto, const auto&, auto& dydt) { dydt << 3, 0.5; };
  auto resting = problems::engine(cs::Adams{}, rest, 0.0, start);
  resting.advance_to(1e6);
  CHECK(resting.y() == start);
  auto moving = problems::engine(cs::Adams{}, even, 0.0, start);
  moving.advance_to(8.0);
  CHECK((moving.y() - start - 8 * problems::Vector<double, 2>(3, 0.5)).norm() < 1e-13);  // roundings
}

TEST_CASE("at a jump of the slope Adams lowers its order, and recovers", "[ode]") {
  const auto kicked = [](double t, const auto& y, auto& dydt) { dydt << y[1], -y[0] + (t > 5 ? 3.0 : 0.0); };
  std::vector<std::pair<double, int>> orders;
  auto e = problems::engine(cs::Adams{}, kicked, 0.0, problems::Vector<double, 2>(1, 0), {.rtol = 1e-8, .atol = 1e-8});
  e.advance_to(12.0, [&](const auto& w) { orders.emplace_back(w.end, static_cast<int>(w.order)); });
  int before = 0, lowest = 99, after = 0;
  for (const auto& [t, k] : orders) {
    if (t < 4.9) before = std::max(before, k);
    else if (t < 5.5) lowest = std::min(lowest, k);
    else after = std::max(after, k);
  }
  CAPTURE(before, lowest, after);
  CHECK(before >= 7);
  CHECK(lowest <= 4);
  CHECK(after >= 7);
  // y = 3 + (y(5) − 3) cos + … after the jump
  const double c = std::cos(5.0) - 3, s = -std::sin(5.0), angle = 7;
  CHECK(std::abs(e.y()[0] - (3 + c * std::cos(angle) + s * std::sin(angle))) < 1e-6);
}

TEST_CASE("Adams looks at no time beyond the end, in either direction", "[ode]") {
  double least = 1e9, greatest = -1e9;
  const auto watched = [&](double t, const auto& y, auto& dydt) {
    least = std::min(least, t);
    greatest = std::max(greatest, t);
    dydt = -y * std::cos(t);
  };
  const problems::Vector<double, 1> one(1.0);
  auto e = problems::engine(cs::Adams{}, watched, 0.0, one, {.rtol = 1e-8, .atol = 1e-8});
  e.advance_to(3.0);
  CHECK(std::abs(e.y()[0] - std::exp(-std::sin(3.0))) < 1e-7);
  e.advance_to(-1.0);
  CHECK(std::abs(e.y()[0] - std::exp(std::sin(1.0))) < 1e-6);
  CHECK(least == -1.0);
  CHECK(greatest == 3.0);
}

TEST_CASE("an Adams state is a value: a copy resumes bit by bit alike, and replays its steps and orders", "[ode]") {
  const auto start = problems::pericentre<double>(0.3);
  const cs::SolveOptions options{.rtol = 1e-7, .atol = 1e-7};
  auto e = problems::engine(cs::Adams{}, problems::kepler, 0.0, start, options);
  std::vector<double> ends;
  std::vector<int> orders;
  const auto keep = [&](const auto& w) {
    ends.push_back(w.end);
    orders.push_back(static_cast<int>(w.order));
  };
  e.advance_to(2.0, keep);
  auto copy = e;
  e.advance_to(4.0, keep);
  copy.advance_to(4.0);
  CHECK(copy.y() == e.y());
  CHECK(copy.stats() == e.stats());
  CHECK(copy.order() == orders.back());
  auto again = problems::engine(cs::Adams{}, problems::kepler, 0.0, start, options);
  again.replay(std::span<const double>(ends), {}, [](auto&&...) {}, cs::IgnoreSteps{}, {}, std::span<const int>(orders));
  CHECK(again.y() == e.y());
}

TEST_CASE("the dense output of Adams is its interpolant", "[ode]") {
  const problems::Vector<double, 2> start(1, 1);
  auto e = problems::engine(cs::Adams{}, lotka_volterra, 0.0, start, {.rtol = 1e-8, .atol = 1e-8});
  cs::DenseOutput<double> dense;
  problems::Vector<double, 2> a, b, slope, difference;
  double worst = 0, worst_slope = 0;
  e.advance_to(10.0, [&](const auto& w) {
    dense.add(w);
    for (const double theta : {0.1, 0.5, 0.9}) {
      const double t = w.t + theta * w.h;
      w.interpolate(t, a);
      dense.value(t, b);
      worst = std::max(worst, (a - b).norm());
      w.derivative(t, slope);
      dense.derivative(t, difference);
      worst_slope = std::max(worst_slope, (slope - difference).norm());
    }
  });
  CHECK(worst < 1e-13);
  CHECK(worst_slope < 1e-11);
}

TEST_CASE("Adams solves batches, states of unknown size and single precision", "[ode]") {
  Eigen::VectorXf y = Eigen::VectorXf::LinSpaced(8, 0.5F, 1.5F);
  auto e = problems::engine(cs::Adams{}, problems::decay, 0.0, y, {.rtol = 1e-5, .atol = 1e-6}, {2, 4});
  e.advance_to(2.0);
  CHECK((e.y() - std::exp(-2.0F) * y).norm() < 1e-5F);
}

TEST_CASE("Adams takes a long state in blocks as it takes a short one", "[ode]") {
  const Eigen::Index copies = 5;  // 20 numbers: two blocks and a rest
  const auto many = [](double t, const Eigen::VectorXd& y, Eigen::VectorXd& dydt) {
    problems::Vector<double, 4> one, slope;
    for (Eigen::Index c = 0; c < copies; ++c) {
      for (Eigen::Index i = 0; i < 4; ++i) one[i] = y[i * copies + c];
      problems::kepler(t, one, slope);
      for (Eigen::Index i = 0; i < 4; ++i) dydt[i * copies + c] = slope[i];
    }
  };
  const auto start = problems::pericentre<double>(0.6);
  Eigen::VectorXd starts(4 * copies);
  for (Eigen::Index i = 0; i < 4; ++i) starts.segment(i * copies, copies).setConstant(start[i]);
  const cs::SolveOptions options{.rtol = 1e-8, .atol = 1e-8};
  auto one = problems::engine(cs::Adams{}, problems::kepler, 0.0, start, options);
  auto all = problems::engine(cs::Adams{}, many, 0.0, starts, options, {4, copies});
  one.advance_to(5.0);
  all.advance_to(5.0);
  CHECK(all.stats() == one.stats());
  for (Eigen::Index i = 0; i < 4; ++i)
    CHECK((all.y().segment(i * copies, copies).array() - one.y()[i]).abs().maxCoeff() < 1e-11);  // the orbit's condition times roundings
}

TEST_CASE("at rest Adams looks before it leaps", "[ode]") {
  const double pi = std::numbers::pi;
  const auto pulses = [&](double t, const auto&, auto& dydt) { dydt.setConstant(std::pow(std::sin(pi * t), 2)); };
  const problems::Vector<double, 1> nothing(0.0);
  auto e = problems::engine(cs::Adams{}, pulses, 0.0, nothing);
  e.advance_to(10.0);
  CHECK(std::abs(e.y()[0] - 5) < 1e-5);
  auto stepped = problems::engine(cs::Adams{}, pulses, 0.0, nothing);
  for (int i = 0; i < 20; ++i) stepped.step();
  CHECK(stepped.t() < 10);
  CHECK(std::abs(stepped.y()[0] - (stepped.t() / 2 - std::sin(2 * pi * stepped.t()) / (4 * pi))) < 1e-5);
  // no tolerance at all at the beginning
  const auto wave = [](double t, const auto&, auto& dydt) { dydt.setConstant(std::cos(t)); };
  auto relative = problems::engine(cs::Adams{}, wave, 0.0, nothing, {.rtol = 1e-6, .atol = 0.0});
  relative.advance_to(1.0);
  CHECK(std::abs(relative.y()[0] - std::sin(1.0)) < 1e-5);
}

TEST_CASE("Adams comes back from steps that are far too long", "[ode]") {
  const problems::Vector<double, 1> one(1.0);
  for (const double beyond : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const auto guarded = [&](double, const auto& y, auto& dydt) { dydt.setConstant(y[0] < 0 ? beyond : -y[0]); };
    auto e = problems::engine(cs::Adams{}, guarded, 0.0, one, {.rtol = 1e-6, .atol = 1e-8, .first_step = 1000});
    e.advance_to(10.0);
    CHECK(std::abs(e.y()[0] - std::exp(-10.0)) < 1e-7);
  }
  const auto cubic = [](double, const auto& y, auto& dydt) { dydt.setConstant(-y[0] * y[0] * y[0]); };
  auto single = problems::engine(cs::Adams{}, cubic, 0.0, problems::Vector<float, 1>(1e3F), {.rtol = 1e-4, .atol = 1e-6, .first_step = 10});
  single.advance_to(10.0);
  CHECK(std::abs(single.y()[0] - 1 / std::sqrt(20.0F + 1e-6F)) < 1e-3F);
}

TEST_CASE("Adams keeps its order and its steps where it is asked to stop often", "[ode]") {
  const auto oscillator = [](auto, const auto& y, auto& dydt) { dydt << y[1], -y[0]; };
  const auto evaluations = [&](double every, double tolerance) {
    auto e = problems::engine(cs::Adams{}, oscillator, 0.0, problems::Vector<double, 2>(1, 0), {.rtol = tolerance, .atol = tolerance});
    const auto stops = static_cast<int>(std::round(40 / every));
    for (int i = 1; i <= stops; ++i) e.advance_to(40.0 * i / stops);
    CHECK(std::abs(e.y()[0] - std::cos(40.0)) < 1000 * tolerance);
    return static_cast<double>(e.stats().evaluations);
  };
  const double tolerance = GENERATE(1e-6, 1e-10), once = evaluations(40, tolerance);
  CAPTURE(tolerance, once);
  CHECK(evaluations(5, tolerance) < 1.3 * once);
  CHECK(evaluations(1, tolerance) < 1.5 * once);
  CHECK(evaluations(0.5, tolerance) < 1.5 * once);
}

TEST_CASE("a replay of Adams asks for the orders of its steps", "[ode]") {
  auto e = problems::engine(cs::Adams{}, problems::decay, 0.0, problems::Vector<double, 1>(1.0));
  const std::vector<double> steps{0.1, 0.2};
  const auto replay = [&](std::vector<int> orders) {
    e.replay(std::span<const double>(steps), {}, [](auto&&...) {}, cs::IgnoreSteps{}, {}, std::span<const int>(orders));
  };
  CHECK_THROWS_AS(replay({}), cs::OptionError);
  CHECK_THROWS_AS(replay({1, 0}), cs::OptionError);
  CHECK_THROWS_AS(replay({1, 13}), cs::OptionError);
  CHECK_NOTHROW(replay({1, 2}));
}

TEST_CASE("Adams takes no step longer than max_step, wherever it is asked to stop", "[ode]") {
  const double longest = 0.1;
  auto e = problems::engine(cs::Adams{}, problems::decay, 0.0, problems::Vector<double, 1>(1.0), {.rtol = 1e-4, .atol = 1e-4, .max_step = longest});
  double greatest = 0;
  for (const double stop : {0.4021, 0.503, 1.2, 2.509})
    e.advance_to(stop, [&](const auto& w) { greatest = std::max(greatest, w.h); });
  CHECK(greatest > 0.09);
  CHECK(greatest <= longest * (1 + 1e-12));  // ends of steps are rounded
}
