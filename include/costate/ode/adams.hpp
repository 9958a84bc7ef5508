#pragma once
// Adams: variable step, variable order 1 … 12, predictor and corrector (PECE) with local extrapolation, after L. F. Shampine & M. K. Gordon,
// Computer Solution of Ordinary Differential Equations: the Initial Value Problem (1975).
//
// Order k predicts with the polynomial through the slopes at the last k times and corrects with one more, the slope at the predicted
// end, so that the solution has order k + 1. The history is kept as modified divided differences φ_i of the slopes, in which a change of
// step is exact and a change of order is to use one more or one less of them. With τ_i the distance from the new time back to the i-th
// last one, in steps, the step is
//     φ*_i = β_i φ_i,   p = y + h Σ_{i≤k} g_i φ*_i,   φ_i^p = Σ_{j=i…k} φ*_j,   y' = p + h g_{k+1} (f(p) − φ_1^p),
// and the estimated errors of orders k − 2 … k + 1 are differences' norms times h σ_i γ*_i. Coefficients are a function of the last k
// times alone.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <costate/ode/error_norm.hpp>
#include <costate/ode/method.hpp>

namespace costate {

namespace detail {

inline constexpr std::size_t most_adams_orders = 12;

/// What a step of order k multiplies the differences with; indices count from 1.
template <class Time>
struct AdamsCoefficients {
  std::array<Time, most_adams_orders + 2> beta{}, sigma{}, g{};

  /// tau[i]: from the step's end back to its beginning (1) and the times before, in steps.
  void compute(const std::array<Time, most_adams_orders + 2>& tau, std::size_t k) {
    std::array<Time, most_adams_orders + 2> c{};
    beta[1] = sigma[1] = 1;
    for (std::size_t i = 1; i <= k; ++i) {
      if (i > 1) beta[i] = beta[i - 1] * tau[i - 1] / (tau[i] - 1);
      sigma[i + 1] = static_cast<Time>(i) * sigma[i] / tau[i];
    }
    // c_{i,q} = c_{i−1,q} − c_{i−1,q+1} / τ_{i−1}, from c_{1,q} = 1/q and c_{2,q} = 1/(q (q + 1)); g_i = c_{i,1}
    for (std::size_t q = 1; q <= k; ++q) c[q] = 1 / static_cast<Time>(q * (q + 1));
    g[1] = 1;
    g[2] = c[1];
    for (std::size_t i = 3; i <= k + 1; ++i) {
      const Time alpha = 1 / tau[i - 1];
      for (std::size_t q = 1; q + i <= k + 2; ++q) c[q] -= alpha * c[q + 1];
      g[i] = c[1];
    }
  }
};

/// |γ*_i|, i = 1 … 13: what the corrector of order i + 1 adds on a regular grid, 1/2, 1/12, 1/24, 19/720, ….
template <class Time>
inline constexpr std::array<Time, most_adams_orders + 2> adams_error_constants = [] {
  // γ*_i = γ_i − γ_{i−1} with γ_m + γ_{m−1}/2 + … + γ_0/(m + 1) = 1 (Henrici 1962, 5.1)
  std::array<long double, most_adams_orders + 2> gamma{};
  std::array<Time, most_adams_orders + 2> out{};
  for (std::size_t m = 0; m < gamma.size(); ++m) {
    gamma[m] = 1;
    for (std::size_t j = 1; j <= m; ++j) gamma[m] -= gamma[m - j] / static_cast<long double>(j + 1);
    if (m > 0) out[m] = static_cast<Time>(gamma[m - 1] - gamma[m]);
  }
  return out;
}();

}  // namespace detail

/// The solution with the differences of its slopes.
template <class Y>
struct VariableAdamsState : RungeKuttaState<Y> {
  using Time = time_of_t<typename Y::Scalar>;
  static constexpr std::size_t most = detail::most_adams_orders;
  std::array<Y, most + 1> differences;         ///< φ_2 … φ_14; φ_1 is the slope
  std::array<Time, most + 1> past_times{};     ///< before the current one, the newest first
  std::size_t known = 0;                       ///< how many of them
  std::size_t order = 1;                       ///< of the next step
  std::size_t last_order = 1;
  std::size_t equal_steps = 0;                 ///< taken last with the length of the last one, as far as differences allow to raise the order
  Time last_length = 0;
  bool starting = true;                        ///< order and step grow with every step
};

template <class Y>
struct VariableAdamsTrial {
  using Time = time_of_t<typename Y::Scalar>;
  static constexpr std::size_t most = detail::most_adams_orders;
  Y y, slope, predicted;                       // at the end; there; slope at the predicted end
  std::array<Y, most + 2> phi;                 // φ_1^p … φ_k^p, then the new differences
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
  std::array<Time, most + 2> tau;
  const std::array<Y, most + 2>* phi;         // differences of the predicted slopes, φ*_i = φ_i^p − φ_{i+1}^p
  const Y* predicted;                         // f at the predicted end

  void interpolate(Time at, Y& out) const {
    if (at == t) out = y0;
    else if (at == end) out = y1;
    else {
      out = y0;
      add(integrals(theta(at)), static_cast<Scalar>(h), out);
    }
  }
  void derivative(Time at, Y& out) const {
    out.setZero(y0.size());
    add(basis(theta(at)), Scalar(1), out);
  }
  template <class Q>
  void coefficients(Q&& q) const {
    q.setZero();
    // c_i as polynomials in s: c_1 = 1, c_{i+1} = c_i (s + τ_i − 1) / τ_i
    std::array<Time, most + 2> c{};
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
  using Row = std::array<Time, most + 2>;

  /// c_i(s), the Newton basis of p.
  Row basis(Time s) const {
    Row c{};
    c[1] = 1;
    for (std::size_t i = 1; i <= order; ++i) c[i + 1] = c[i] * (s + tau[i] - 1) / tau[i];
    return c;
  }
  /// ∫₀^θ c_i by seven Gauss points, exact to degree 13.
  Row integrals(Time theta) const {
    static constexpr std::array<long double, 4> x{0.0L, 0.405845151377397166906606412076961L, 0.741531185599394439863864773280788L,
                                                  0.949107912342758524526189684047851L},
        w{0.417959183673469387755102040816327L, 0.381830050505118944950369775488975L, 0.279705391489276667901467771423780L,
          0.129484966168869693270611432679082L};
    Row g{};
    for (int point = -3; point <= 3; ++point) {
      const auto j = static_cast<std::size_t>(std::abs(point));
      const Time s = theta * static_cast<Time>((1 + (point < 0 ? -x[j] : x[j])) / 2);
      const Row c = basis(s);
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

/// The Adams method of variable order 1 … 12 and variable step: fewest evaluations for smooth problems at tight tolerances, 14 slopes kept.
/// Takes rtol, atol, max_step and max_steps. Not for problems with many jumps, each of which begins it anew at order 1, nor for cheap f,
/// where a step's own work counts: take Dopri5 there.
struct Adams {
  static constexpr int order = 13, error_order = 1;
  static constexpr bool variable_order = true;
  static constexpr std::size_t most = detail::most_adams_orders;
  static constexpr bool adaptive() { return true; }

  template <class Y>
  using State = VariableAdamsState<Y>;
  template <class Y>
  using Trial = VariableAdamsTrial<Y>;
  template <class Y>
  using Window = VariableAdamsWindow<Y>;

  template <class Y>
  static void start(const Y& y, State<Y>& state, Trial<Y>& trial) {
    const auto n = y.size();
    state.y = y;
    state.slope.resize(n);
    for (Y& d : state.differences) d.resize(n);
    for (Y* p : {&trial.y, &trial.slope, &trial.predicted}) p->resize(n);
    for (Y& p : trial.phi) p.resize(n);
    forget(state);
    state.stale = true;
  }
  template <class F, class Y, class Time>
  static void refresh(F& f, Time t, State<Y>& state) {
    detail::evaluate_stage(f, 0, t, state.y, state.slope);
    forget(state);
    state.stale = false;
  }
  template <class Y>
  static void turn(State<Y>& state) {
    forget(state);
  }

  /// The first length: where Euler's error is a quarter of the tolerance, or so.
  template <class Y, class Time, class Norm>
  static Time first_step(const State<Y>& state, Norm& norm, Time limit) {
    const double slope = norm(state.slope, state.y, state.y);
    return slope > 0 ? std::min(static_cast<Time>(0.25 / std::sqrt(slope)), limit) : limit;
  }

  /// Predicts, evaluates and estimates the errors: one evaluation.
  template <class F, class Y, class Time, class Norm>
  static void predict(F& f, const StepPlan<Time>& plan, const State<Y>& before, Trial<Y>& trial, Norm& norm) {
    using S = typename Y::Scalar;
    const std::size_t k = trial.order = std::min(before.order, before.known + 1);
    const bool equal = std::abs(plan.h - before.last_length) <= Time(1e-12) * std::abs(plan.h);
    trial.equal_steps = equal ? std::min(before.equal_steps, before.last_order) + 1 : 1;
    auto& c = trial.coefficients;
    c.compute(distances(plan, before, k), k);
    const S h = static_cast<S>(plan.h);
    // from the highest difference down: the sum of those above is what the predicted slope's differences are
    const auto phi = [&](std::size_t i) -> const Y& { return i == 1 ? before.slope : before.differences[i - 2]; };
    trial.phi[k] = static_cast<S>(c.beta[k]) * phi(k);
    trial.y = before.y + (h * static_cast<S>(c.g[k])) * trial.phi[k];
    for (std::size_t i = k - 1; i >= 1; --i) {
      trial.phi[i] = static_cast<S>(c.beta[i]) * phi(i);
      trial.y += (h * static_cast<S>(c.g[i])) * trial.phi[i];
      trial.phi[i] += trial.phi[i + 1];
    }
    detail::evaluate_stage(f, 1, plan.end, trial.y, trial.predicted);

    const auto& constant = detail::adams_error_constants<Time>;
    const Time length = std::abs(plan.h);
    const auto estimate = [&](Time factor, const auto& difference) { return static_cast<double>(length * factor) * norm(difference, before.y, trial.y); };
    const double last = norm(trial.predicted - trial.phi[1], before.y, trial.y);
    trial.error = static_cast<double>(length * std::abs(c.g[k] - c.g[k + 1])) * last;
    trial.by_order = {0, 0, static_cast<double>(length * c.sigma[k + 1] * constant[k]) * last};
    if (k > 1) trial.by_order[1] = estimate(c.sigma[k] * constant[k - 1], trial.predicted - trial.phi[1] + trial.phi[k]);
    if (k > 2) trial.by_order[0] = estimate(c.sigma[k - 1] * constant[k - 2], trial.predicted - trial.phi[1] + trial.phi[k - 1]);
    trial.next_order = k;
    if (k > 2 && std::max(trial.by_order[0], trial.by_order[1]) <= trial.by_order[2]) trial.next_order = k - 1;
    if (k == 2 && trial.by_order[1] <= 0.5 * trial.by_order[2]) trial.next_order = 1;
  }

  /// After a rejection: lower order, shorter step.
  template <class Y, class Time>
  static Time retry(State<Y>& state, const Trial<Y>& trial, Time length, int failures) {
    state.starting = false;
    state.order = failures >= 3 ? 1 : trial.next_order;
    double factor = 0.5;
    if (failures > 3 && trial.by_order[2] > 2) factor = std::sqrt(0.5 / trial.by_order[2]);
    return length * static_cast<Time>(factor);
  }

  /// Corrects and evaluates, one evaluation; the differences at the new time.
  template <class F, class Y, class Time>
  static void correct(F& f, const StepPlan<Time>& plan, Trial<Y>& trial) {
    using S = typename Y::Scalar;
    const std::size_t k = trial.order;
    trial.y += (static_cast<S>(plan.h) * static_cast<S>(trial.coefficients.g[k + 1])) * (trial.predicted - trial.phi[1]);
    detail::evaluate_stage(f, 2, plan.end, trial.y, trial.slope);
  }
  template <class Y>
  static bool finite(const Trial<Y>& trial) {
    return detail::all_finite(trial.y) && detail::all_finite(trial.slope);
  }

  /// Makes the corrected attempt the state, and chooses order and length of the next step.
  template <class Y, class Time, class Norm>
  static Time commit(Time t, const StepPlan<Time>& plan, State<Y>& state, Trial<Y>& trial, Norm& norm) {
    const std::size_t k = trial.order;
    // φ_{k+1} at the new time, and on equal steps φ_{k+2}
    const bool raisable = trial.equal_steps > k && k < most;
    Y& highest = state.differences[k - 1];
    if (raisable) trial.phi[k + 1] = -highest;
    highest = trial.slope - trial.phi[1];
    if (raisable) trial.phi[k + 1] += highest;
    for (std::size_t i = 2; i <= k; ++i) state.differences[i - 2] = trial.phi[i] + highest;
    state.y.swap(trial.y);
    state.slope.swap(trial.slope);

    double raised = 0;
    const auto& constant = detail::adams_error_constants<Time>;
    const Time length = std::abs(plan.h);
    const double here = trial.by_order[2], lower = trial.by_order[1];
    std::size_t next = k;
    double error = here;
    if (trial.next_order < k || k == most) state.starting = false;
    if (state.starting) {
      next = k + 1;
      error = 0;
    } else if (trial.next_order < k) {
      next = k - 1;
      error = lower;
    } else if (raisable) {
      raised = static_cast<double>(length * constant[k + 1]) * norm(trial.phi[k + 1], trial.y, state.y);
      if (k > 1 && lower <= std::min(here, raised)) {
        next = k - 1;
        error = lower;
      } else if (k > 1 ? raised < here : raised < 0.5 * here) {
        next = k + 1;
        error = raised;
      }
    }
    Time suggested = length;
    if (state.starting || 0.5 >= error * std::exp2(static_cast<double>(next + 1))) suggested = 2 * length;
    else if (error > 0.5) suggested = length * static_cast<Time>(std::clamp(std::pow(0.5 / error, 1 / static_cast<double>(next + 1)), 0.5, 0.9));

    for (std::size_t j = state.past_times.size() - 1; j > 0; --j) state.past_times[j] = state.past_times[j - 1];
    state.past_times[0] = t;
    state.known = std::min(state.known + 1, state.past_times.size());
    state.equal_steps = trial.equal_steps;
    state.last_length = plan.h;
    state.last_order = k;
    state.order = next;
    state.stale = false;
    return suggested;
  }

  template <class Y, class Time>
  static Window<Y> window(Time t, const StepPlan<Time>& plan, const State<Y>& after, const Trial<Y>& trial) {
    std::array<Time, most + 2> tau{};
    tau[1] = 1;
    for (std::size_t i = 2; i <= trial.order; ++i) tau[i] = (plan.end - after.past_times[i - 1]) / plan.h;
    return {t, plan.end, plan.h, trial.y, after.y, trial.order, tau, &trial.phi, &trial.predicted};
  }

 private:
  template <class Y>
  static void forget(State<Y>& state) {
    state.known = 0;
    state.order = 1;
    state.equal_steps = 0;
    state.last_length = 0;
    state.starting = true;
  }
  template <class Y, class Time>
  static std::array<Time, most + 2> distances(const StepPlan<Time>& plan, const State<Y>& before, std::size_t k) {
    std::array<Time, most + 2> tau{};
    tau[1] = 1;
    for (std::size_t i = 2; i <= k; ++i) tau[i] = (plan.end - before.past_times[i - 2]) / plan.h;
    return tau;
  }
};

}  // namespace costate
