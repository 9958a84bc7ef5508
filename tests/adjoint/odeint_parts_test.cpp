#include <costate/adjoint/odeint_parts.hpp>

#include <costate/autodiff/value_and_grad.hpp>
#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

/// A position in the plane, two springs beside it as a matrix, and a mass that is lost; and the same as seven numbers.
const auto mixed = [](auto t, const auto& state, const auto& p) {
  const auto& [x, s, m] = state;
  return cs::parts(cs::matmul(s, x) - p[0] * x, p[1] * cs::sin(s) + 0.1 * m, -p[2] * m * cs::cos(t) + 0.05 * cs::sum(s));
};
const auto flat = [](auto t, const auto& y, const auto& p) {
  const auto x = cs::rows(y, 0, 2);
  const auto s = cs::reshape(y, 2, 2, 2);
  const auto m = y[6];
  const auto ds = p[1] * cs::sin(s) + 0.1 * m;
  return cs::stack(cs::matmul(s, x) - p[0] * x, cs::reshape(ds, 0, 4, 1), -p[2] * m * cs::cos(t) + 0.05 * cs::sum(s));
};

template <class S>
struct Problem {
  Eigen::Matrix<S, 2, 1> x{S(1), S(-0.5)};
  Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> s = Eigen::Matrix<S, 2, 2>{{S(0.1), S(0.9)}, {S(-0.8), S(0.2)}};
  S m = S(1.3);
  Eigen::Matrix<S, 3, 1> p{S(0.3), S(0.4), S(0.6)};
  Eigen::Matrix<S, 7, 1> y0() const { return {x[0], x[1], s(0, 0), s(0, 1), s(1, 0), s(1, 1), m}; }
};

const auto loss_of_parts = [](const auto& y) {
  const auto [x1, s1, m1] = y[1];
  const auto [x2, s2, m2] = y.back();
  return cs::sum(cs::square(x1)) + cs::sum(s1) * m1 + x2[0] * m2 + cs::sum(cs::square(s2));
};
const auto loss_of_flat = [](const auto& y) {
  const auto a = y[1], b = y.back();
  return cs::sum(cs::square(cs::rows(a, 0, 2))) + cs::sum(cs::rows(a, 2, 4)) * a[6] + b[0] * b[6] + cs::sum(cs::square(cs::rows(b, 2, 4)));
};

template <class S>
using Gradient = Eigen::Matrix<S, 10, 1>;

template <class S, class M, class A>
Gradient<S> of_parts(const M& method, const A& adjoint, const cs::SolveOptions& options) {
  const Problem<S> q;
  const auto [value, dx, ds, dm, dp] = cs::value_and_grad(
      [&](const auto& x, const auto& s, const auto& m, const auto& p) {
        return loss_of_parts(cs::odeint(mixed, cs::parts(x, s, m), {0.0, 0.4, 1.0}, p, method, adjoint, options));
      },
      q.x, q.s, q.m, q.p);
  return Gradient<S>{dx[0], dx[1], ds(0, 0), ds(0, 1), ds(1, 0), ds(1, 1), dm, dp[0], dp[1], dp[2]};
}
template <class S, class M, class A>
Gradient<S> of_flat(const M& method, const A& adjoint, const cs::SolveOptions& options) {
  const Problem<S> q;
  const auto [value, dy, dp] = cs::value_and_grad(
      [&](const auto& y0, const auto& p) {
        return loss_of_flat(cs::odeint(flat, y0, {0.0, 0.4, 1.0}, p, method, adjoint, options));
      },
      q.y0(), q.p);
  Gradient<S> all;
  all << dy, dp;
  return all;
}
template <class S>
double apart(const Gradient<S>& a, const Gradient<S>& b) {
  return static_cast<double>((a - b).norm() / b.norm());
}

const cs::SolveOptions tight{.rtol = 1e-10, .atol = 1e-10};

}  // namespace

TEMPLATE_TEST_CASE("gradients of all parts are those of the same state written flat, on fixed steps", "[adjoint]", float, double) {
  using S = TestType;
  const double rounding = 200 * static_cast<double>(std::numeric_limits<S>::epsilon());  // over 20 steps
  const cs::SolveOptions steps{.step = 0.05};
  CHECK(apart<S>(of_parts<S>(cs::Rk4{}, cs::DirectAdjoint{}, steps), of_flat<S>(cs::Rk4{}, cs::DirectAdjoint{}, steps)) < rounding);
  CHECK(apart<S>(of_parts<S>(cs::Rk4{}, cs::BacksolveAdjoint{}, steps), of_flat<S>(cs::Rk4{}, cs::BacksolveAdjoint{}, steps)) < rounding);
}

TEST_CASE("gradients of parts by every adjoint of Dopri5 and Adams are those of the flat state, to the tolerance", "[adjoint]") {
  const auto exact = of_flat<double>(cs::Dopri5{}, cs::DirectAdjoint{}, tight);
  CHECK(apart(of_parts<double>(cs::Dopri5{}, cs::DirectAdjoint{}, tight), exact) < 1e-8);
  CHECK(apart(of_parts<double>(cs::Dopri5{}, cs::CheckpointedAdjoint{.slots = 3}, tight), exact) < 1e-8);
  CHECK(apart(of_parts<double>(cs::Dopri5{}, cs::BacksolveAdjoint{}, tight), exact) < 1e-8);
  CHECK(apart(of_parts<double>(cs::Dopri5{}, cs::InterpolatingAdjoint{}, tight), exact) < 1e-8);
  CHECK(apart(of_parts<double>(cs::Dopri5{}, cs::ReversibleAdjoint{}, tight), exact) < 1e-8);
  CHECK(apart(of_parts<double>(cs::Adams{}, cs::DirectAdjoint{}, tight), exact) < 1e-8);
  CHECK(apart(of_parts<double>(cs::Adams{}, cs::BacksolveAdjoint{}, tight), exact) < 1e-8);
}

TEST_CASE("parts may be stacks, literals and constants, and their lists go into losses", "[adjoint]") {
  const auto f = [](auto, const auto& state, const auto& p) {
    const auto& [x, n] = state;
    return cs::parts(cs::stack(x[1], -p[0] * x[0]), -n);
  };
  const auto loss = [&](const auto& p) {
    const auto y = cs::odeint(f, cs::parts(cs::stack(p[0], 1.0), 2), {0.0, 0.5, 1.0}, p, cs::Rk4{}, cs::DirectAdjoint{}, {.step = 0.1});
    return cs::sum(cs::hstack(cs::part<0>(y))) + cs::part<1>(y).back();
  };
  const Eigen::Matrix<double, 1, 1> p(1.5), h(1e-5);
  const auto [value, gradient] = cs::value_and_grad(loss, p);
  CHECK(value == cs::value(loss, p));
  CHECK(std::abs(gradient[0] - (cs::value(loss, Eigen::Matrix<double, 1, 1>(p + h)) - cs::value(loss, Eigen::Matrix<double, 1, 1>(p - h))) /
                                   2e-5) < 1e-9);
}

TEST_CASE("a cotangent's tolerance is the inverse of its part's: a large part's gradient is as good as a small one's", "[adjoint]") {
  const auto oscillator = [](auto, const auto& state, const auto& p) {  // x = 1e6 u with u'' = −p u
    const auto& [x, v] = state;
    return cs::parts(1e6 * v, -1e-6 * p[0] * x);
  };
  const auto gradient = [&](const auto& adjoint) {
    const auto [l, dx0, dp0] = cs::value_and_grad(
        [&](const auto& x, const auto& p) {
          const auto y = cs::odeint(oscillator, cs::parts(cs::part(x, {.atol = 1e-2}), cs::part(0.0, {.atol = 1e-8})), {0.0, 3.0}, p,
                                    cs::Dopri5{}, adjoint, {.rtol = 1e-8, .atol = 1e-8});
          return std::get<1>(y.back());
        },
        1e6, Eigen::Matrix<double, 1, 1>(2.0));
    return Eigen::Vector2d(1e6 * dx0, dp0[0]);
  };
  const double w = std::sqrt(2.0), s = std::sin(3 * w), c = std::cos(3 * w);  // v = −w sin(w t) x / 1e6
  const Eigen::Vector2d exact(-w * s, -(s + 3 * w * c) / (2 * w));
  CHECK((gradient(cs::BacksolveAdjoint{}) - exact).norm() < 1e-6);
  CHECK((gradient(cs::InterpolatingAdjoint{}) - exact).norm() < 1e-6);
}
