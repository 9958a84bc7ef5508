// Certificates of losses that are not smooth themselves, or that do not use all that they are given.

#include "adjoint/faults.hpp"

using namespace faults;

TEST_CASE("a loss with many kinks, as a mean absolute error, is no fault of the gradient", "[adjoint]") {
  const auto f = [](auto, const auto& y, const auto& p) { return cs::stack(p[0] * y[1], -p[1] * cs::sin(y[0])); };
  const Eigen::Vector2d start(1.0, 0.3), p(1.3, 0.7);
  const auto times = cs::linspace(0.0, 6.0, 41);
  const auto truth = cs::solve(f, start, times, p, cs::Dopri5{}, {.rtol = 1e-11, .atol = 1e-12});
  for (const double noise : {1e-1, 1e-3}) {
    Eigen::MatrixXd data = cs::hstack(truth.y);
    for (Eigen::Index i = 0; i < data.cols(); ++i) {
      data(0, i) += noise * std::sin(13.0 * static_cast<double>(i) + 1);
      data(1, i) += noise * std::sin(78.0 * static_cast<double>(i) + 2);
    }
    const auto absolute = [&](const auto& q) {
      return cs::mean(cs::abs(cs::hstack(cs::odeint(f, start, times, q, cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-9, .atol = 1e-10})) - data));
    };
    for (const unsigned seed : {1u, 2u}) {
      const auto c = cs::certify({.seed = seed}, absolute, p);
      INFO(c);
      CHECK(c.ok());
    }
  }
}

TEST_CASE("an argument that plays no part is told where the others cannot be moved far", "[adjoint]") {
  const auto blowing_up = [](auto, const auto& y, const auto& p) { return cs::stack(p[0] * y[0] * y[0]); };  // at t = 1
  const Eigen::Matrix<double, 1, 1> one(1.0);
  const auto loss = [&](const auto& p, const auto& idle) {
    const auto y = cs::odeint(blowing_up, one, {0.0, 0.99}, p, cs::Dopri5{}, cs::DirectAdjoint{}, {.rtol = 1e-9, .atol = 1e-10}).back();
    return cs::sum(cs::square(y)) + 0.0 * cs::sum(idle);
  };
  const auto c = cs::certify(loss, one, Eigen::Vector2d(1.0, 2.0));
  CHECK(c.cause == GradientFault::hidden_dependence);
  CHECK(says(c, "by argument 2 of 2 is exactly zero"));
}
