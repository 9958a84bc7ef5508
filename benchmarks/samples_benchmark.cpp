// What do samples with times of their own gain from being solved together?
//   256 samples of a 64-64-64 tanh network, each with a grid of 3 to 6 random times of its own, Dopri5 adaptive: all in one solve, beside one solve
//   for each. The solves alone, and value and gradient by DirectAdjoint. Both take the same steps; the paths must agree to 1e-12 of their size.

#include <costate/costate.hpp>

#include <cstdio>
#include <random>
#include <vector>

#include "side_by_side.hpp"

namespace cs = costate;

int main(int argc, char** argv) {
  const SideBySide race(argc, argv);
  constexpr Eigen::Index samples = 256, states = 64;
  std::mt19937 rng(0);
  std::uniform_real_distribution<double> uniform(0.1, 1.0);
  const cs::nn::Mlp net({states, 64, states}, cs::nn::tanh);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd y0 = Eigen::MatrixXd::NullaryExpr(states, samples, [&] { return 2 * uniform(rng) - 1.1; });
  std::vector<Eigen::VectorXd> grids, starts;
  for (Eigen::Index b = 0; b < samples; ++b) {
    Eigen::VectorXd grid(3 + b % 4);
    double at = 0;
    for (double& t : grid) {
      t = at;
      at += uniform(rng);
    }
    grids.push_back(grid);
    starts.push_back(y0.col(b));
  }
  const auto f = [&](auto /*t*/, const auto& y, const auto& p) { return net(y, p); };
  const cs::SolveOptions options{.rtol = 1e-9, .atol = 1e-11};

  double distance = 0, size = 0;
  const auto all = cs::solve(f, y0, grids, theta, cs::Dopri5{}, options);
  for (std::size_t b = 0; b < grids.size(); ++b) {
    const auto alone = cs::solve(f, starts[b], grids[b], theta, cs::Dopri5{}, options);
    distance = std::max(distance, (all.sample(static_cast<Eigen::Index>(b)) - cs::hstack(alone.y)).cwiseAbs().maxCoeff());
    size = std::max(size, cs::hstack(alone.y).cwiseAbs().maxCoeff());
  }
  std::printf("paths of up to %.1f differ by %.1e\n", size, distance);

  const auto together = [&] {
    auto solution = cs::solve(f, y0, grids, theta, cs::Dopri5{}, options);
    benchmark::DoNotOptimize(solution);
  };
  const auto one_by_one = [&] {
    for (std::size_t b = 0; b < grids.size(); ++b) {
      auto solution = cs::solve(f, starts[b], grids[b], theta, cs::Dopri5{}, options);
      benchmark::DoNotOptimize(solution);
    }
  };
  race("256 samples together, solve, per sample", together, one_by_one, samples, "alone");

  cs::Tape<double> tape, tape_of_one;
  const auto gradient_together = [&] {
    auto result = cs::value_and_grad(
        tape, [&](const auto& p) { return cs::sum(cs::square(cs::hstack(cs::odeint(f, y0, grids, p, cs::Dopri5{}, cs::DirectAdjoint{}, options)))); }, theta);
    benchmark::DoNotOptimize(result);
  };
  std::size_t at = 0;
  const auto loss_of_one = [&](const auto& p) {
    return cs::sum(cs::square(cs::hstack(cs::odeint(f, starts[at], grids[at], p, cs::Dopri5{}, cs::DirectAdjoint{}, options))));
  };
  const auto gradients_one_by_one = [&] {
    for (at = 0; at < grids.size(); ++at) {
      auto result = cs::value_and_grad(tape_of_one, loss_of_one, theta);
      benchmark::DoNotOptimize(result);
    }
  };
  race("256 samples together, value and gradient, per sample", gradient_together, gradients_one_by_one, samples, "alone");
  return distance <= 1e-12 * size ? 0 : 1;
}
