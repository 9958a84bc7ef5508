#include "adjoint/tiers.hpp"

#include <vector>

namespace cs = costate;
using cs::Index;
using tiers::check;
using tiers::states;

namespace {

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
};
const auto lorenz = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]);
};
const auto forced_pendulum = [](auto t, const auto& y, const auto& p) {
  return cs::stack(y[1], p[2] * cs::cos(p[3] * t) - p[0] * cs::sin(y[0]) - p[1] * y[1]);
};

/// Code for any scalar: what three oscillators feel from each other and from their walls.
template <class T>
std::vector<T> forces(const std::vector<T>& q, const T& stiffness, const T& softness) {
  using std::exp;
  std::vector<T> f(q.size(), T(0));
  for (std::size_t i = 0; i < q.size(); ++i) {
    T sum = 0;
    for (std::size_t j = 0; j < q.size(); ++j) {
      if (i == j) continue;
      const T d = q[i] - q[j];
      sum += d / (1 + d * d * softness);
    }
    f[i] -= stiffness * sum;
    f[i] += T(0.5) * exp(-q[i] * q[i]) - q[i];
  }
  return f;
}
const auto oscillators = [](auto t, const auto& y, const auto& p) {
  using T = cs::number_t<decltype(y)>;
  std::vector<T> q, damped;
  for (Index i = 0; i < 3; ++i) q.push_back(y[i]);
  const std::vector<T> f = forces(q, T(p[0]), T(p[1]));
  T energy = 0;
  for (Index i = 3; i < 6; ++i) energy += y[i] * y[i] / 2;
  for (std::size_t i = 0; i < 3; ++i) damped.push_back(cs::where(energy > 0.4, f[i] - p[2] * y[static_cast<Index>(i) + 3], f[i]));
  return cs::stack(y[3], y[4], y[5], damped[0] * cs::cos(t), damped[1], damped[2] + energy);
};

}  // namespace

TEST_CASE("one text gives one result, whatever it is run on: Lotka-Volterra", "[adjoint]") {
  check<2, 4>("Lotka-Volterra", lotka_volterra, states(2), Eigen::Vector4d(1.5, 1, 0.9, 3));
}
TEST_CASE("one text gives one result, whatever it is run on: Lorenz", "[adjoint]") {
  check<3, 3>("Lorenz", lorenz, states(3), Eigen::Vector3d(10, 28, 8.0 / 3));
}
TEST_CASE("one text gives one result, whatever it is run on: a forced pendulum", "[adjoint]") {
  check<2, 4>("forced pendulum", forced_pendulum, states(2), Eigen::Vector4d(2, 0.3, 1.1, 1.7));
}
TEST_CASE("one text gives one result, whatever it is run on: scalar code with accumulators", "[adjoint]") {
  check<6, 3>("oscillators", oscillators, states(6) * 0.6, Eigen::Vector3d(1.2, 0.8, 0.1));
}
