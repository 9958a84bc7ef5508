// Solves a predator–prey system with several methods, backward in time, by one step, and for a batch; says with its status whether
// they agree.
#include <costate/costate.hpp>

#include <cstdio>

namespace cs = costate;

namespace {

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1],
                   p[2] * y[0] * y[1] - p[3] * y[1]);
};

bool good = costate::version.major_number == COSTATE_VERSION_MAJOR;

void expect(const char* name, double error, double bound) {
  std::printf("%-24s %.1e\n", name, error);
  good = good && error <= bound;
}

template <class Method>
void report(const char* name, Method method, const Eigen::Vector2d& exact, double bound) {
  const Eigen::Vector2d y0(1.0, 1.0);
  const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
  const auto solution = cs::solve(lotka_volterra, y0, {0.0, 10.0}, p, method, {.rtol = 1e-8, .atol = 1e-10, .step = 1e-3});
  expect(name, (solution.y.back() - exact).norm(), bound);
}

}  // namespace

int main() {
  const Eigen::Vector2d y0(1.0, 1.0);
  const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
  const auto reference = cs::solve(lotka_volterra, y0, cs::linspace(0.0, 10.0, 101), p, cs::Dopri5{},
                                   {.rtol = 1e-13, .atol = 1e-13, .dense = true});
  const Eigen::Vector2d exact = reference.y.back();
  const Eigen::Vector2d between = reference(3.14159);
  std::printf("y(10) = %.10f %.10f   y(3.14159) = %.10f %.10f\n", exact[0], exact[1], between[0], between[1]);

  report("euler", cs::Euler{}, exact, 0.1);
  report("midpoint", cs::Midpoint{}, exact, 1e-4);
  report("rk4", cs::Rk4{}, exact, 1e-10);
  report("dopri5", cs::Dopri5{}, exact, 1e-6);
  report("ab4", cs::AdamsBashforth<4>{}, exact, 1e-8);
  report("abm4", cs::AdamsMoulton<4>{}, exact, 1e-8);
  report("adams", cs::Adams{}, exact, 1e-6);

  const auto back = cs::solve(lotka_volterra, exact, {10.0, 0.0}, p, cs::Dopri5{}, {.rtol = 1e-11, .atol = 1e-12});
  expect("there and back", (back.y.back() - y0).norm(), 1e-9);
  const Eigen::Vector2d one_step = cs::step(cs::Rk4{}, lotka_volterra, 0.0, y0, 0.01, p);
  const Eigen::MatrixXd many = Eigen::MatrixXd::Constant(2, 1000, 1.0);
  const auto batch = cs::solve(lotka_volterra, many, {0.0, 0.01}, p, cs::Rk4{}, {.step = 0.01});
  expect("batch and one sample", (batch.y.back().colwise() - one_step).norm(), 1e-13);
  return good ? 0 : 1;
}
