// Integrals carried beside the state: the hooks of rhs.hpp in the order they are promised.

#include <algorithm>
#include <cmath>
#include <vector>

#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using Y1 = problems::Vector<double, 1>;
using Y2 = problems::Vector<double, 2>;

namespace {

// y' = −y beside Q' = scale · cos(frequency t) y. One number g by itself per end of the step, one sum each.
struct WithIntegral {
  double frequency = 1, scale = 1, tolerance = 1e-8;
  double q = 0, sum = 0, error = 0, first = 0, last = 0, h = 0;
  cs::QuadratureWeights<double> w{};

  void operator()(double, const Y1& y, Y1& dydt) const { dydt = -y; }
  void stage(int i, double t, const Y1& y, Y1& dydt) {
    dydt = -y;
    const double g = scale * std::cos(frequency * t) * y[0];
    if (i == 0) {
      first = g;
    } else {
      const auto k = static_cast<std::size_t>(i);
      sum += h * w.b[k] * g;
      error += h * w.e[k] * g;
      if (k + 1 == w.b.size()) last = g;
    }
  }
  void begin_step(double step, const cs::QuadratureWeights<double>& weights) {
    h = step;
    w = weights;
    sum = h * w.b[0] * first;
    error = h * w.e[0] * first;
  }
  double quadrature_error() const { return std::abs(error) / tolerance; }
  void accept() {
    q += sum;
    if (w.first_same_as_last) first = last;
  }
  void reject() {}
};
static_assert(cs::QuadratureAware<WithIntegral, Y1>);

// The same integral as a second component of the state.
template <class M>
Y2 as_state(M method, double t1, const std::vector<double>& steps) {
  auto e = problems::engine(method, [](double t, const Y2& y, Y2& d) { d << -y[0], std::cos(t) * y[0]; }, 0.0, Y2(1, 0));
  e.replay(steps, std::vector<double>{0.0, t1}, [](auto...) {});
  return e.y();
}

}  // namespace

TEMPLATE_TEST_CASE("a quadrature beside the state equals one inside, on the same steps", "[ode]", cs::Dopri5, cs::AdaptiveHeun, cs::FixedStep<cs::Rk4>,
                   cs::FixedStep<cs::Dopri5>) {
  cs::SolveOptions options{.rtol = 1e-5, .atol = 1e-5};
  if (!TestType::adaptive()) options.step = 0.25;
  std::vector<double> steps;
  auto e = problems::engine(TestType{}, WithIntegral{.tolerance = 1.0}, 0.0, Y1(1.0), options);
  e.advance_to(2.0, [&](const auto& w) { steps.push_back(w.end); });
  const Y2 inside = as_state(TestType{}, 2.0, steps);
  CHECK_THAT(e.y()[0], Catch::Matchers::WithinAbs(inside[0], 1e-15));
  CHECK_THAT(e.rhs().q, Catch::Matchers::WithinAbs(inside[1], 1e-14));  // a few hundred roundings
}

TEST_CASE("rejected steps leave nothing in the quadrature", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, WithIntegral{}, 0.0, Y1(1.0), {.rtol = 1e-9, .atol = 1e-9, .first_step = 2.0});
  e.advance_to(2.0);
  CHECK(e.stats().rejected > 0);
  const double exact = 0.5 * (1 + std::exp(-2.0) * (std::sin(2.0) - std::cos(2.0)));
  CHECK_THAT(e.rhs().q, Catch::Matchers::WithinAbs(exact, 1e-8));
}

TEST_CASE("a quadrature that varies faster than the state takes over the step", "[ode]") {
  auto calm = problems::engine(cs::Dopri5{}, WithIntegral{.frequency = 40, .tolerance = HUGE_VAL}, 0.0, Y1(1.0));
  auto guarded = problems::engine(cs::Dopri5{}, WithIntegral{.frequency = 40, .tolerance = 1e-8}, 0.0, Y1(1.0));
  calm.advance_to(2.0);
  guarded.advance_to(2.0);
  const double exact = (1 + std::exp(-2.0) * (40 * std::sin(80.0) - std::cos(80.0))) / 1601;
  CHECK(std::abs(calm.rhs().q - exact) > 1e-4);  // silently wrong without the guard
  CHECK_THAT(guarded.rhs().q, Catch::Matchers::WithinAbs(exact, 1e-6));
}

TEST_CASE("a jump replaces the first stage's integrand", "[ode]") {
  auto e = problems::engine(cs::Dopri5{}, WithIntegral{.scale = 1, .tolerance = 1e-10}, 0.0, Y1(1.0), {.rtol = 1e-10, .atol = 1e-10});
  e.advance_to(1.0);
  e.jump([](Y1& y) { y *= 3; });
  e.advance_to(2.0);
  const auto integral = [](double a, double b) {
    const auto primitive = [](double t) { return 0.5 * std::exp(-t) * (std::sin(t) - std::cos(t)); };
    return primitive(b) - primitive(a);
  };
  CHECK_THAT(e.rhs().q, Catch::Matchers::WithinAbs(integral(0, 1) + 3 * integral(1, 2), 1e-9));
}
