// After its construction an engine allocates nothing, whatever it is asked to do; an integrator nothing after its first call, in which
// the dynamics' own intermediates find their memory.

#include <vector>

#include <costate/nn/mlp.hpp>
#include <costate/ode/dense_output.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/integrator.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "autodiff/allocations.hpp"
#include "problems.hpp"

namespace cs = costate;

TEST_CASE("allocations are counted", "[ode]") {
  if constexpr (!allocations::counted) return;
  CHECK(allocations::of([] { CHECK(Eigen::VectorXd::Ones(3).eval().sum() == 3); }) > 0);
}

TEMPLATE_TEST_CASE("a running engine does not allocate", "[ode]", cs::Dopri5, cs::Rk4) {
  const std::vector<double> t{0.0, 0.3, 0.7, 1.0}, steps{0.4, 1.0};
  const auto samples = GENERATE(Eigen::Index(1), Eigen::Index(7));
  const auto f = [](double, const Eigen::VectorXd& y, Eigen::VectorXd& dydt) { dydt = -y; };
  const Eigen::VectorXd start = Eigen::VectorXd::Ones(3 * samples);
  cs::Engine<TestType, Eigen::VectorXd, decltype(f)> e(TestType{}, f, {3, samples}, {.step = 0.01});
  double sum = 0;
  const auto output = [&](Eigen::Index, Eigen::Index, const Eigen::VectorXd& y) { sum += y[0]; };
  const std::size_t n = allocations::of([&] {
    for (int i = 0; i < 3; ++i) {
      e.reset(0.0, start);
      e.run(t, output);
      e.jump([](Eigen::VectorXd& y) { y[0] += 1; });
      e.advance_to(2.0);
      e.step();
      e.advance_to(0.0);
      e.reset(0.0, start);
      e.replay(steps, t, output);
    }
  });
  CHECK(n == 0);
  CHECK(sum > 0);
}

namespace {

template <class Integrator, class Y>
std::size_t allocations_of_second_solve(Integrator integrator, const Y& start) {
  const auto solve = [&] {
    integrator.reset(0.0, start);
    integrator.advance_to(1.0);
    integrator.step();
  };
  solve();
  return allocations::of(solve);
}

}  // namespace

TEMPLATE_TEST_CASE("an integrator in use does not allocate", "[ode]", cs::Dopri5, cs::Rk4) {
  const cs::SolveOptions options{.step = 0.02};
  const auto oscillator = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0]); };
  const Eigen::Matrix<double, 1, 1> stiffness(2.0);
  const Eigen::Vector2d small(1, 0);
  CHECK(allocations_of_second_solve(cs::make_integrator(oscillator, small, 0.0, stiffness, TestType{}, options), small) == 0);

  const cs::nn::Mlp net({2, 8, 2}, cs::nn::tanh);
  cs::Random random(0);
  const Eigen::VectorXd theta = net.init(random);
  const auto neural = [&](auto, const auto& y, const auto& p) { return net(y, p); };
  const Eigen::MatrixXd batch = Eigen::MatrixXd::Random(2, 16);
  CHECK(allocations_of_second_solve(cs::make_integrator(neural, batch, 0.0, theta, TestType{}, options), batch) == 0);
  const Eigen::VectorXd sample = batch.col(0);
  CHECK(allocations_of_second_solve(cs::make_integrator(neural, sample, 0.0, theta, TestType{}, options), sample) == 0);
}
