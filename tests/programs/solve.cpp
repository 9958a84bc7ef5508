// Solve a predator-prey system with every method of the design card; print error and cost of each.
#include <costate/costate.hpp>

#include <cstdio>

namespace cs = costate;

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1],
                   p[2] * y[0] * y[1] - p[3] * y[1]);
};

template <class Method>
void report(const char* name, Method method, const Eigen::Vector2d& exact) {
  const Eigen::Vector2d y0(1.0, 1.0);
  const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
  const auto solution =
      cs::solve(lotka_volterra, y0, {0.0, 10.0}, p, method,
                {.rtol = 1e-8, .atol = 1e-10, .step = 1e-3});  // step: fixed-step methods only
  std::printf("%-12s error %.1e  evaluations %6ld  steps %5ld  rejected %3ld\n", name,
              (solution.y.back() - exact).norm(), static_cast<long>(solution.stats.evaluations),
              static_cast<long>(solution.stats.accepted), static_cast<long>(solution.stats.rejected));
}

int main() {
  const Eigen::Vector2d y0(1.0, 1.0);
  const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);

  const auto reference = cs::solve(lotka_volterra, y0, cs::linspace(0.0, 10.0, 101), p, cs::Dopri5{},
                                   {.rtol = 1e-13, .atol = 1e-13, .dense = true});
  const Eigen::Vector2d exact = reference.y.back();
  const Eigen::Vector2d between = reference(3.14159);  // dense output
  std::printf("y(10) = %.10f %.10f   y(3.14159) = %.10f %.10f\n", exact[0], exact[1], between[0], between[1]);

  report("euler", cs::Euler{}, exact);
  report("midpoint", cs::Midpoint{}, exact);
  report("rk4", cs::Rk4{}, exact);
  report("dopri5", cs::Dopri5{}, exact);

  // Backward in time, one step by hand, and a batch of 1000 initial states as columns.
  const auto back = cs::solve(lotka_volterra, exact, {10.0, 0.0}, p, cs::Dopri5{}, {.rtol = 1e-11, .atol = 1e-12});
  std::printf("there and back: %.1e\n", (back.y.back() - y0).norm());
  const Eigen::Vector2d one_step = cs::step(cs::Rk4{}, lotka_volterra, 0.0, y0, 0.01, p);
  const Eigen::MatrixXd many = Eigen::MatrixXd::Constant(2, 1000, 1.0);
  const auto batch = cs::solve(lotka_volterra, many, {0.0, 0.01}, p, cs::Rk4{}, {.step = 0.01});
  std::printf("batch agrees with one: %.1e\n", (batch.y.back().colwise() - one_step).norm());
}
