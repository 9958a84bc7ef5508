// Sums over stages, component by component for small states and as expressions for others: the same sums, the same solves.

#include <array>
#include <type_traits>

#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using problems::Vector;

namespace {

struct Weights {
  consteval auto operator()() const {
    using namespace cs;
    return std::array<Rational, 4>{1_r/3, 0_r, -2_r/7, 5_r/2};
  }
};
struct OneWeight {
  consteval auto operator()() const {
    using namespace cs;
    return std::array<Rational, 4>{0_r, 3_r/4, 0_r, 0_r};
  }
};

template <class Y>
struct Stages {
  std::array<Y, 4> k;
  template <std::size_t J>
  const Y& get() const { return k[J]; }
};

template <int N>
using State = std::integral_constant<int, N>;

}  // namespace

TEMPLATE_TEST_CASE("a sum over stages is the sum, whatever the size of the state", "[ode]", State<1>, State<2>, State<3>, State<6>,
                   State<7>, State<Eigen::Dynamic>) {
  using Y = Vector<double, TestType::value>;
  const Eigen::Index n = TestType::value == Eigen::Dynamic ? 11 : TestType::value;
  const double h = 0.3;
  Stages<Y> s;
  for (auto& k : s.k) k = Y::Random(n);
  const Y y = Y::Random(n), expected = h * (s.k[0] / 3 - s.k[2] * 2 / 7 + s.k[3] * 2.5);
  Y out(n);
  const double few_roundings = 1e-14;  // of numbers up to 2, in 11 components

  out = cs::detail::sum_stages<Weights, Y>(h, s);
  CHECK((out - expected).norm() < few_roundings);
  cs::detail::add_stages_to<Weights, true>(y, h, s, out);
  CHECK((out - y - expected).norm() < few_roundings);
  cs::detail::add_stages_to<Weights, false>(y, h, s, out);
  CHECK((out - y - expected).norm() < few_roundings);
  cs::detail::add_stages_to<OneWeight, false>(y, h, s, out);
  CHECK((out - y - h * 0.75 * s.k[1]).norm() < few_roundings);
}

TEMPLATE_TEST_CASE("a small state is solved as one of unknown size", "[ode]", cs::Dopri5, cs::Bosh3, cs::FixedStep<cs::Rk4>) {
  cs::SolveOptions options{.rtol = 1e-7, .atol = 1e-7};
  if (!TestType::adaptive()) options.step = 0.01;
  const Vector<double, 3> start(1, 1, 1);
  auto small = problems::engine(TestType{}, problems::lorenz, 0.0, start, options);
  auto large = problems::engine(TestType{}, problems::lorenz, 0.0, Eigen::VectorXd(start), options);
  small.advance_to(2.0);
  large.advance_to(2.0);
  CHECK(small.stats() == large.stats());
  CHECK((small.y() - large.y()).norm() < 1e-11);  // roundings, which 2 units of time multiply by less than 1000
}
