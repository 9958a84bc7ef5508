#include <costate/adjoint/odeint.hpp>

#include <costate/autodiff/check.hpp>
#include <costate/nn/mlp.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "autodiff/allocations.hpp"
#include "catch.hpp"
#include "difference.hpp"

namespace cs = costate;
using adjoint_test::difference;

namespace {

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
};
const Eigen::Vector2d start(1.0, 1.2);
const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
const cs::SolveOptions tight{.rtol = 1e-9, .atol = 1e-9};

}  // namespace

TEST_CASE("odeint of plain arguments is solve", "[adjoint]") {
  const auto y = cs::odeint(lotka_volterra, start, {0.0, 1.0, 2.0}, p, cs::Dopri5{}, cs::BacksolveAdjoint{}, tight);
  const auto solution = cs::solve(lotka_volterra, start, {0.0, 1.0, 2.0}, p, cs::Dopri5{}, tight);
  REQUIRE(y.size() == 3);
  CHECK(y.block() == solution.y.block());
  CHECK(cs::hstack(y) == solution.y.block());
}

TEST_CASE("the taped solve takes the same steps as the plain one, whatever the adjoint", "[adjoint]") {
  const auto end_of = [&](const auto& adjoint) {
    return cs::value_and_grad(
        [&](const auto& p_) { return cs::sum(cs::odeint(lotka_volterra, start, {0.0, 2.0}, p_, cs::Dopri5{}, adjoint, tight).back()); }, p);
  };
  const double plain = cs::solve(lotka_volterra, start, {0.0, 2.0}, p, cs::Dopri5{}, tight).y.back().sum();
  CHECK(std::get<0>(end_of(cs::DirectAdjoint{})) == plain);
  CHECK(std::get<0>(end_of(cs::BacksolveAdjoint{})) == plain);
}

TEST_CASE("solves compose: an encoder before, a decoder after, a reset between", "[adjoint]") {
  const cs::nn::Mlp net({2, 4, 2}, cs::nn::tanh);
  std::mt19937 rng(1);
  const Eigen::VectorXd theta = net.init(rng);
  const auto f = [&](auto, const auto& y, const auto& theta_) { return net(y, theta_); };
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(2, 3);
  const auto loss = [&](const auto& theta_) {
    const auto encoded = net(cs::tanh(net(cs::rows(theta_, 0, 1) * x, theta_)), theta_);
    const auto half = cs::odeint(f, encoded, {0.0, 0.5}, theta_, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.1});
    const auto reset = half.back() * half.front() + 0.1;
    const auto all = cs::odeint(f, reset, {0.5, 0.8, 1.0}, theta_, cs::Dopri5{}, cs::DirectAdjoint{}, tight);
    return cs::mean(cs::square(cs::hstack(all))) + cs::sum(cs::vstack(half)) + all[1](0, 0);
  };
  const auto [value, gradient] = cs::value_and_grad(loss, theta);
  const Eigen::VectorXd along = Eigen::VectorXd::Random(theta.size());
  CHECK(value == cs::value(loss, theta));
  CHECK(std::abs(gradient.dot(along) - difference(loss, theta, along)) < 1e-8);  // steps of the adaptive solve move with theta
}

TEST_CASE("a batch's gradient is that of its samples", "[adjoint]") {
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Constant(2, 5, 1.0) + 0.3 * Eigen::MatrixXd::Random(2, 5);
  const auto loss = [&](const auto& y0_, const auto& p_) {
    return cs::sum(cs::square(cs::odeint(lotka_volterra, y0_, {0.0, 1.0}, p_, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.05}).back()));
  };
  const auto [value, dy0, dp] = cs::value_and_grad(loss, y0, p);
  double sum = 0;
  Eigen::Vector4d total = Eigen::Vector4d::Zero();
  for (Eigen::Index b = 0; b < y0.cols(); ++b) {
    const auto [v, dy, dq] = cs::value_and_grad(loss, Eigen::Vector2d(y0.col(b)), p);
    sum += v;
    total += dq;
    CHECK((dy - dy0.col(b)).norm() < 1e-13 * dy.norm());
  }
  CHECK(std::abs(value - sum) < 1e-13 * sum);
  CHECK((dp - total).norm() < 1e-13 * total.norm());
}

TEST_CASE("states, parameters and times come as Eigen objects, standard vectors and numbers", "[adjoint]") {
  const auto loss = [](const auto& y0, const auto& p_, const auto& t) {
    const auto y = cs::odeint(lotka_volterra, y0, t, p_, cs::Dopri5{}, cs::DirectAdjoint{}, tight);
    return cs::sum(y.back()) + cs::sum(cs::square(y[1]));
  };
  const Eigen::Vector3d t(0.0, 0.7, 1.5);
  const auto [value, dy, dp, dt] = cs::value_and_grad(loss, start, p, t);
  const std::vector<double> y_list(start.begin(), start.end()), p_list(p.begin(), p.end()), t_list(t.begin(), t.end());
  const auto [value2, dy2, dp2, dt2] = cs::value_and_grad(loss, y_list, p_list, t_list);
  CHECK(value == value2);
  CHECK(std::equal(dy.begin(), dy.end(), dy2.begin()));
  CHECK(std::equal(dp.begin(), dp.end(), dp2.begin()));
  CHECK(std::equal(dt.begin(), dt.end(), dt2.begin()));
}

TEST_CASE("an initial state may be stacked from numbers", "[adjoint]") {
  const auto loss = [](const auto& q) {
    const auto y0 = cs::stack(q[0] * q[1], 1.5);
    return cs::sum(cs::odeint(lotka_volterra, y0, {0.0, 1.0}, q, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.1}).back());
  };
  const auto listed = [](const auto& q, const auto& y0) {
    return cs::sum(cs::odeint(lotka_volterra, y0, {0.0, 1.0}, q, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.1}).back());
  };
  const auto [value, dq] = cs::value_and_grad(loss, p);
  const auto [value2, dp, dy] = cs::value_and_grad(listed, p, Eigen::Vector2d(p[0] * p[1], 1.5));
  CHECK(value == value2);
  CHECK(cs::value(loss, p) == value2);
  Eigen::VectorXd chained = dp;
  chained[0] += dy[0] * p[1];
  chained[1] += dy[0] * p[0];
  CHECK((dq - chained).norm() < 1e-14 * chained.norm());  // a rounding or two
}

TEST_CASE("a dynamics without parameters has gradients for its state and times", "[adjoint]") {
  const auto decay = [](auto t, const auto& y) { return cs::stack(-y[0] * t); };  // y = y0 exp((t0² − t²) / 2)
  const auto [value, dy, dt] = cs::value_and_grad(
      [&](const auto& y0, const auto& t) { return cs::sum(cs::odeint(decay, y0, t, cs::Dopri5{}, cs::BacksolveAdjoint{}, tight).back()); },
      Eigen::Matrix<double, 1, 1>(2.0), Eigen::Vector2d(0.5, 1.5));
  const double exact = 2 * std::exp(-1.0);
  CHECK(std::abs(value - exact) < 1e-8);
  CHECK(std::abs(dy[0] - exact / 2) < 1e-8);
  CHECK(std::abs(dt[0] - 0.5 * exact) < 1e-7);
  CHECK(std::abs(dt[1] + 1.5 * exact) < 1e-7);
}

TEMPLATE_TEST_CASE("every scalar type is solved and differentiated in itself", "[adjoint]", float, long double) {
  using S = TestType;
  using State = Eigen::Matrix<S, 2, 1>;
  using Parameters = Eigen::Matrix<S, 4, 1>;
  const auto loss = [](const auto& y0, const auto& p_) {
    return cs::sum(cs::square(cs::odeint(lotka_volterra, y0, {0.0, 1.0}, p_, cs::Rk4{}, cs::BacksolveAdjoint{}, {.step = 0.02}).back()));
  };
  const auto [value, dy, dp] = cs::value_and_grad(loss, State(start.cast<S>()), Parameters(p.cast<S>()));
  const auto [value2, dy2, dp2] = cs::value_and_grad(loss, start, p);
  static_assert(std::is_same_v<decltype(value), const S>);
  const double rounding = std::is_same_v<S, float> ? 1e-5 : 1e-14;
  CHECK(std::abs(static_cast<double>(value) - value2) < rounding * value2);
  CHECK((dy.template cast<double>() - dy2).norm() < rounding * dy2.norm());
  CHECK((dp.template cast<double>() - dp2).norm() < rounding * dp2.norm());
}

TEST_CASE("statistics are left where one asks for them", "[adjoint]") {
  cs::Stats stats;
  const auto loss = [&](const auto& p_) {
    return cs::sum(cs::odeint(lotka_volterra, start, {0.0, 1.0}, p_, cs::Rk4{}, cs::DirectAdjoint{.stats = &stats}, {.step = 0.1}).back());
  };
  cs::value_and_grad(loss, p);
  CHECK(stats.evaluations == 40);
  CHECK(stats.accepted == 10);
  CHECK(stats.vjps == 40);
}

TEST_CASE("a reused gradient of a solve does not allocate", "[adjoint]") {
  const cs::nn::Mlp net({2, 8, 2}, cs::nn::tanh);
  std::mt19937 rng(1);
  const Eigen::VectorXd theta = net.init(rng);
  const auto f = [&](auto, const auto& y, const auto& theta_) { return net(y, theta_); };
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::Random(2, 16), target = Eigen::MatrixXd::Random(2, 48);
  const auto times = cs::linspace(0.0, 1.0, 3);
  const auto check = [&](auto gradient, const auto& x) {
    gradient(x);
    gradient(x);
    const std::size_t n = allocations::of([&] { gradient(x); });
    if (allocations::counted) CHECK(n == 0);
  };
  const auto fixed_size = [&](const auto& adjoint) {
    return cs::value_and_grad([&, adjoint](const auto& p_) {
      return cs::sum(cs::odeint(lotka_volterra, start, times, p_, cs::Dopri5{}, adjoint, tight).back());
    });
  };
  const auto batch = [&](const auto& adjoint) {
    return cs::value_and_grad([&, adjoint](const auto& theta_) {
      return cs::mean(cs::square(cs::hstack(cs::odeint(f, y0, times, theta_, cs::Dopri5{}, adjoint, tight)) - target));
    });
  };
  check(fixed_size(cs::DirectAdjoint{}), p);
  check(fixed_size(cs::BacksolveAdjoint{}), p);
  check(batch(cs::DirectAdjoint{}), theta);
  check(batch(cs::BacksolveAdjoint{}), theta);
}

TEST_CASE("what odeint cannot do it refuses with a sentence", "[adjoint]") {
  const auto gradient = [](const auto& loss, const auto& x) { return cs::value_and_grad(loss, x); };
  const auto solve = [](const auto& y0, const auto& times, const auto& p_) {
    return cs::sum(cs::odeint(lotka_volterra, y0, times, p_, cs::Dopri5{}, cs::DirectAdjoint{}).back());
  };
  CHECK_THROWS_AS(gradient([&](const auto& p_) { return solve(start, std::vector<double>{}, p_); }, p), cs::TimeError);
  CHECK_THROWS_AS(gradient([&](const auto& p_) { return solve(start, std::vector<double>{0.0, 1.0, 1.0}, p_); }, p), cs::TimeError);
  CHECK_THROWS_AS(gradient([&](const auto& t) { return solve(start, t, p); }, Eigen::Vector2d(0.0, 0.0)), cs::TimeError);
  CHECK_THROWS_AS(gradient([&](const auto& y0) { return solve(y0, std::vector<double>{0.0, 1.0}, p); }, Eigen::Vector2d(0.0, NAN)), cs::NonFiniteError);
  CHECK_THROWS_AS(gradient([&](const auto& y0) { return solve(y0, std::vector<double>{0.0, 1.0}, p); }, Eigen::VectorXd(Eigen::VectorXd::Ones(3))),
                  cs::ShapeError);
  CHECK_THROWS_AS(gradient([&](const auto& p_) { return cs::odeint(lotka_volterra, start, {0.0, 1.0}, p_, cs::Dopri5{}).back(); }, p), cs::ShapeError);
  CHECK_THROWS_AS(gradient([&](const auto& p_) { return cs::odeint(lotka_volterra, start, {0.0, 1.0}, p_, cs::Dopri5{})[2][0]; }, p), cs::RangeError);
}

TEST_CASE("a dynamics that takes its time as a double is differentiated in everything else", "[adjoint]") {
  const auto f = [](double t, const auto& y, const auto& p_) { return cs::stack(-p_[0] * y[0] * std::sin(t)); };
  const auto loss = [&](const auto& p_) {
    return cs::sum(cs::odeint(f, Eigen::Matrix<double, 1, 1>(1.0), {0.0, 1.0}, p_, cs::Dopri5{}, cs::DirectAdjoint{}, tight).back());
  };
  const auto [value, gradient] = cs::value_and_grad(loss, Eigen::Matrix<double, 1, 1>(0.5));
  const double a = 1 - std::cos(1.0);  // y = exp(-p a)
  CHECK(std::abs(gradient[0] + a * std::exp(-0.5 * a)) < 1e-8);
}

TEST_CASE("the last state of a temporary list outlives it", "[adjoint]") {
  const auto end = cs::odeint(lotka_volterra, start, {0.0, 1.0}, p, cs::Dopri5{}, cs::DirectAdjoint{}, tight).back();
  static_assert(std::is_same_v<decltype(end), const Eigen::Vector2d>);
  CHECK(end == cs::solve(lotka_volterra, start, {0.0, 1.0}, p, cs::Dopri5{}, tight).y.back());
}

TEST_CASE("arguments of different tapes are refused", "[adjoint]") {
  const auto outer = [&](const auto& p_) {
    const auto inner = [&](const auto& y0) { return cs::sum(cs::odeint(lotka_volterra, y0, {0.0, 1.0}, p_, cs::Rk4{}, cs::DirectAdjoint{}).back()); };
    return p_[0] * std::get<1>(cs::value_and_grad(inner, start))[0];
  };
  CHECK_THROWS_AS(cs::value_and_grad(outer, p), cs::Error);
}
