// One loss, four ways to its gradient.
#include <costate/costate.hpp>

#include <cstdio>

namespace cs = costate;

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1],
                   p[2] * y[0] * y[1] - p[3] * y[1]);
};

template <class Adjoint>
void report(const char* name, Adjoint adjoint) {
  const Eigen::Vector2d y0(1.0, 1.0);
  const Eigen::Vector4d p(1.5, 1.0, 1.0, 3.0);
  const auto t = cs::linspace(0.0, 5.0, 11);

  const auto loss = [&](const auto& y0_, const auto& p_) {
    const auto y = cs::odeint(lotka_volterra, y0_, t, p_, cs::Dopri5{}, adjoint, {.rtol = 1e-10, .atol = 1e-12});
    return cs::sum(cs::square(y.back())) + 0.1 * cs::sum(y[5]);
  };
  const auto [value, dy0, dp] = cs::value_and_grad(loss, y0, p);
  std::printf("%-14s L = %.10f  dL/dy0 = %.8f %.8f  dL/dp = %.8f %.8f %.8f %.8f\n", name, value, dy0[0], dy0[1],
              dp[0], dp[1], dp[2], dp[3]);
}

int main() {
  report("direct", cs::DirectAdjoint{});
  report("checkpointed", cs::CheckpointedAdjoint{.slots = 8});
  report("backsolve", cs::BacksolveAdjoint{});
  report("interpolating", cs::InterpolatingAdjoint{});
}
