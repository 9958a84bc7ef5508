#pragma once
// The problems that accuracy is measured on. Each is one text f(t, y, p) with an initial state, parameters and an end; the reference is
// the same text solved in long double, to 1e-14, of Arenstorf's orbit to 1e-11.
//
// To measure your own: write it like these, and add its name to `problems` in CMakeLists.txt beside this file.

#include <costate/costate.hpp>

#include <algorithm>
#include <initializer_list>
#include <numbers>
#include <string>
#include <vector>

namespace accuracy {

namespace cs = costate;

template <class F, int D>
struct Problem {
  std::string name;
  F f;
  Eigen::Matrix<double, D, 1> start;
  Eigen::VectorXd parameters;
  double t1;
  int coarsest;      ///< steps of the coarsest fixed grid
  int outputs = 10;  ///< in a loss
};
template <class F, int D>
Problem(std::string, F, Eigen::Matrix<double, D, 1>, Eigen::VectorXd, double, int, int = 10) -> Problem<F, D>;

/// The reference at n times after the initial one, equally spaced.
template <class F, int D>
std::vector<Eigen::Matrix<double, D, 1>> reference(const Problem<F, D>& p, int n) {
  using Long = Eigen::Matrix<long double, D, 1>;
  const Long start = p.start.template cast<long double>();
  const Eigen::Matrix<long double, Eigen::Dynamic, 1> parameters = p.parameters.template cast<long double>();
  const auto s = cs::solve(p.f, start, cs::linspace(0.0L, static_cast<long double>(p.t1), n + 1), parameters, cs::Adams{},
                           {.rtol = 1e-17, .atol = 1e-18});
  std::vector<Eigen::Matrix<double, D, 1>> out;
  for (std::size_t i = 1; i < s.y.size(); ++i) out.push_back(s.y[i].template cast<double>());
  return out;
}

inline Eigen::VectorXd parameters(std::initializer_list<double> p) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(p.size()));
  std::copy(p.begin(), p.end(), out.data());
  return out;
}

inline auto decay() {
  return Problem{"decay", [](auto, const auto& y, const auto& p) { return cs::stack(-p[0] * y[0]); }, Eigen::Matrix<double, 1, 1>(1.0),
                 parameters({1}), 10.0, 20};
}

inline auto oscillator() {
  return Problem{"oscillator, 16 periods", [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * y[0]); },
                 Eigen::Vector2d(1, 0), parameters({1}), 32 * std::numbers::pi, 200};
}

inline auto lotka_volterra() {
  return Problem{"Lotka-Volterra",
                 [](auto, const auto& y, const auto& p) {
                   return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
                 },
                 Eigen::Vector2d(1, 1), parameters({1.5, 1, 1, 3}), 10.0, 50};
}

inline auto kepler() {
  return Problem{"Kepler, eccentricity 0.6",
                 [](auto, const auto& y, const auto& p) {
                   const auto r2 = cs::let(y[0] * y[0] + y[1] * y[1]), k = cs::let(p[0] / (r2 * cs::sqrt(r2)));
                   return cs::stack(y[2], y[3], -k * y[0], -k * y[1]);
                 },
                 Eigen::Vector4d(0.4, 0, 0, 2), parameters({1}), 2 * std::numbers::pi, 50};
}

/// A closed orbit of three bodies: Hairer, Nørsett & Wanner 1993, II.0.
inline auto arenstorf() {
  return Problem{"Arenstorf's orbit",
                 [](auto, const auto& y, const auto& p) {
                   const auto mu = p[0], nu = 1 - p[0];
                   const auto a = cs::let((y[0] + mu) * (y[0] + mu) + y[1] * y[1]), b = cs::let((y[0] - nu) * (y[0] - nu) + y[1] * y[1]);
                   const auto a3 = cs::let(a * cs::sqrt(a)), b3 = cs::let(b * cs::sqrt(b));
                   return cs::stack(y[2], y[3], y[0] + 2 * y[3] - nu * (y[0] + mu) / a3 - mu * (y[0] - nu) / b3,
                                    y[1] - 2 * y[2] - nu * y[1] / a3 - mu * y[1] / b3);
                 },
                 Eigen::Vector4d(0.994, 0, 0, -2.00158510637908252240537862224), parameters({0.012277471}), 17.0652165601579625588917206249,
                 4000};
}

/// A slow solution that others join at once: forward easy, backward hopeless.
inline auto tracking() {
  return Problem{"stiff tracking", [](auto t, const auto& y, const auto& p) { return cs::stack(-p[0] * cs::sin(y[0] - cs::cos(t))); },
                 Eigen::Matrix<double, 1, 1>(0.5), parameters({50}), 2.0, 100, 1};
}

inline auto lorenz() {
  return Problem{"Lorenz, t = 5",
                 [](auto, const auto& y, const auto& p) {
                   return cs::stack(p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]);
                 },
                 Eigen::Vector3d(1, 1, 1), parameters({10, 28, 8.0 / 3}), 5.0, 200};
}

/// The network of examples/hare_lynx, fitted to all years: rates of the logarithms of both populations.
inline auto neural_ode() {
  static const cs::nn::Mlp net({2, 16, 2}, cs::nn::tanh);
  return Problem{"trained neural ODE", [](auto, const auto& y, const auto& theta) { return net(y, theta); },
                 Eigen::Vector2d(3.4489688537782417, 1.58454787377546),
                 Eigen::VectorXd(cs::read_csv(ACCURACY_DIR "/neural_ode.csv")["theta"]), 20.0, 20};
}

}  // namespace accuracy
