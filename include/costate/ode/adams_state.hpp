#pragma once
// What the Adams method of variable order carries (ode/adams.hpp): its state, an attempt, and the window of an accepted step, whose
// interpolant is of the method's order.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <span>

#include <costate/ode/adams_coefficients.hpp>
#include <costate/ode/method.hpp>

namespace costate {

/// The solution with the differences of its slopes.
template <class Y>
struct VariableAdamsState : RungeKuttaState<Y> {
  using Time = time_of_t<typename Y::Scalar>;
  static constexpr std::size_t most = detail::most_adams_orders, vectors = 2 + most;
  std::array<Y, most> differences;             ///< φ_2 … φ_13; φ_1 is the slope
  std::array<Time, most + 1> past_times{};     ///< before the current one, the newest first
  std::size_t known = 0;                       ///< how many of them
  std::size_t order = 1;                       ///< of the next step
  std::size_t last_order = 1;
  std::size_t equal_steps = 0;                 ///< taken last with the length of the last one, as far as differences allow to raise the order
  Time last_length = 0;
  bool starting = true;                        ///< order and step grow with every step

  /// The slope at the j-th time before t, the current one: Newton's polynomial at its node. Only as far as the next step looks back.
  void past_slope(Time t, std::size_t j, Y& out) const {
    using S = typename Y::Scalar;
    out = this->slope;
    Time c = 1;
    for (std::size_t i = 0; i < j; ++i) {
      c *= (past_times[j - 1] - (i == 0 ? t : past_times[i - 1])) / (t - past_times[i]);
      out += static_cast<S>(c) * differences[i];
    }
  }
};

template <class Y>
struct VariableAdamsTrial {
  using Time = time_of_t<typename Y::Scalar>;
  static constexpr std::size_t most = detail::most_adams_orders;
  Y y, slope, predicted;                       // at the end; there; slope at the predicted end
  std::array<Y, most + 1> phi;                 // from 1: φ_1^p … φ_k^p, then the new differences
  detail::AdamsCoefficients<Time> coefficients;
  std::size_t order = 1, equal_steps = 0;
  double error = 0;                            // of the step, in tolerances
  std::array<double, 3> by_order{};            // estimated errors of orders k − 2, k − 1, k
  std::size_t next_order = 1;
};

/// An accepted step: y(t + θh) = y0 + h ∫ p with p through the slopes that the corrector saw.
template <class Y>
struct VariableAdamsWindow {
  using Scalar = typename Y::Scalar;
  using Time = time_of_t<Scalar>;
  static constexpr std::size_t most = detail::most_adams_orders;

  Time t, end, h;
  const Y& y0;
  const Y& y1;
  std::size_t order;                          ///< of the predictor; the solution's is one more
  std::span<const Time, most + 1> past_times; ///< before the step's end, the newest first: t is past_times[0]
  const std::array<Y, most + 1>* phi;         // differences of the predicted slopes, φ*_i = φ_i^p − φ_{i+1}^p
  const Y* predicted;                         // f at the predicted end

  void interpolate(Time at, Y& out) const {
    if (at == t) out = y0;
    else if (at == end) out = y1;
    else {
      out = y0;
      add(integrals(distances(), theta(at)), static_cast<Scalar>(h), out);
    }
  }
  void derivative(Time at, Y& out) const {
    out.setZero(y0.size());
    add(basis(distances(), theta(at)), Scalar(1), out);
  }
  template <class Q>
  void coefficients(Q&& q) const {
    q.setZero();
    // c_i as polynomials in s: c_1 = 1, c_{i+1} = c_i (s + τ_i − 1) / τ_i
    const Row tau = distances();
    Row c{};
    c[0] = 1;
    for (std::size_t i = 1; i <= order + 1; ++i) {
      for (std::size_t m = 0; m < i; ++m) add_difference(i, static_cast<Scalar>(h * c[m] / static_cast<Time>(m + 1)), q.col(static_cast<Eigen::Index>(m)));
      for (std::size_t m = i; m > 0; --m) c[m] = (c[m - 1] + (tau[i] - 1) * c[m]) / tau[i];
      c[0] *= (tau[i] - 1) / tau[i];
    }
  }
  static constexpr std::size_t degree() { return most + 1; }
  Time theta(Time at) const { return (at - t) / h; }

 private:
  using Row = detail::AdamsRow<Time>;

  Row distances() const { return detail::adams_distances(end, h, past_times.data() + 1, order, 1); }
  /// c_i(s), the Newton basis of p.
  Row basis(const Row& tau, Time s) const {
    Row c{};
    c[1] = 1;
    for (std::size_t i = 1; i <= order; ++i) c[i + 1] = c[i] * (s + tau[i] - 1) / tau[i];
    return c;
  }
  /// ∫₀^θ c_i by seven Gauss points, exact to degree 13.
  Row integrals(const Row& tau, Time theta) const {
    static constexpr std::array<long double, 4> x{0.0L, 0.405845151377397166906606412076961L, 0.741531185599394439863864773280788L,
                                                  0.949107912342758524526189684047851L},
        w{0.417959183673469387755102040816327L, 0.381830050505118944950369775488975L, 0.279705391489276667901467771423780L,
          0.129484966168869693270611432679082L};
    Row g{};
    for (int point = -3; point <= 3; ++point) {
      const auto j = static_cast<std::size_t>(std::abs(point));
      const Time s = theta * static_cast<Time>((1 + (point < 0 ? -x[j] : x[j])) / 2);
      const Row c = basis(tau, s);
      for (std::size_t i = 1; i <= order + 1; ++i) g[i] += theta * static_cast<Time>(w[j] / 2) * c[i];
    }
    return g;
  }
  void add(const Row& w, Scalar factor, Y& out) const {
    for (std::size_t i = 1; i <= order + 1; ++i) add_difference(i, factor * static_cast<Scalar>(w[i]), out);
  }
  /// out += w φ*_i, where φ*_{k+1} stands for the corrector's f(p) − φ_1^p.
  template <class Out>
  void add_difference(std::size_t i, Scalar w, Out&& out) const {
    const auto& p = *phi;
    if (i == order + 1) out += w * (*predicted - p[1]);
    else if (i == order) out += w * p[i];
    else out += w * (p[i] - p[i + 1]);
  }
};

}  // namespace costate
