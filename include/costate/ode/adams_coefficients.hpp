#pragma once
// What a step of the Adams method of variable order multiplies its differences with (ode/adams.hpp; Shampine & Gordon 1975, chapter 5),
// a function of the last k times alone. τ_i is the distance from the step's end back to the i-th last time, in steps; after steps of one
// length τ_i = i, and what only such τ enter is a constant.

#include <algorithm>
#include <array>
#include <cstddef>

#include <costate/ode/adams_weights.hpp>

namespace costate::detail {

inline constexpr std::size_t most_adams_orders = 12;

/// Indexed from 1, up to one more than the highest order.
template <class Time>
using AdamsRow = std::array<Time, most_adams_orders + 2>;

/// τ_1 … τ_k of a step of length h; the times before its beginning, the newest first, are past[0], past[1], …. The first `equal` are known.
template <class Time, class Past>
constexpr AdamsRow<Time> adams_distances(Time end, Time h, const Past* past, std::size_t k, std::size_t equal) {
  AdamsRow<Time> tau{};
  for (std::size_t i = 1; i <= k; ++i) tau[i] = i <= equal ? static_cast<Time>(i) : (end - past[i - 2]) / h;
  return tau;
}

/// c_{i,q} = c_{i−1,q} − c_{i−1,q+1} / τ_{i−1} from c_{2,q} = 1/(q (q + 1)), with τ_i = i. The first of a row is g_i.
template <class Time>
inline constexpr std::array<AdamsRow<Time>, most_adams_orders + 2> regular_adams_rows = [] {
  std::array<AdamsRow<long double>, most_adams_orders + 2> c{};
  std::array<AdamsRow<Time>, most_adams_orders + 2> out{};
  constexpr std::size_t last = most_adams_orders + 1;
  for (std::size_t q = 1; q <= last; ++q) {
    c[1][q] = 1 / static_cast<long double>(q);
    c[2][q] = 1 / static_cast<long double>(q * (q + 1));
  }
  for (std::size_t i = 3; i <= last; ++i)
    for (std::size_t q = 1; q + i <= last + 1; ++q) c[i][q] = c[i - 1][q] - c[i - 1][q + 1] / static_cast<long double>(i - 1);
  for (std::size_t i = 0; i <= last; ++i)
    for (std::size_t q = 0; q <= last; ++q) out[i][q] = static_cast<Time>(c[i][q]);
  return out;
}();

/// By how much the predictor of order k may magnify the rounding of its slopes where each step was twice the one before: the sum of its weights'
/// absolute values.
inline constexpr AdamsRow<double> growth_over_doubled_steps = [] {
  AdamsRow<double> growth{}, nodes{};
  double step = 1;
  for (std::size_t k = 1; k <= most_adams_orders; ++k, nodes[k - 1] = nodes[k - 2] - (step /= 2))
    for (const double w : integral_weights(nodes, k, 1.0)) growth[k] += w < 0 ? -w : w;
  return growth;
}();

template <class Time>
struct AdamsCoefficients {
  AdamsRow<Time> beta{}, sigma{}, g{};

  /// For order k; τ_1 … τ_equal are 1 … equal.
  constexpr void compute(const AdamsRow<Time>& tau, std::size_t k, std::size_t equal) {
    const auto& regular = regular_adams_rows<Time>;
    equal = std::clamp<std::size_t>(equal, 1, k);
    for (std::size_t i = 1; i <= equal; ++i) {
      beta[i] = sigma[i] = 1;
      g[i] = regular[i][1];
    }
    sigma[equal + 1] = 1;
    g[equal + 1] = regular[equal + 1][1];
    if (equal == k) return;
    AdamsRow<Time> c = regular[equal + 1];
    for (std::size_t i = equal + 1; i <= k; ++i) {
      beta[i] = beta[i - 1] * tau[i - 1] / (tau[i] - 1);
      const Time alpha = 1 / tau[i];
      sigma[i + 1] = static_cast<Time>(i) * alpha * sigma[i];
      for (std::size_t q = 1; q + i <= k + 1; ++q) c[q] -= alpha * c[q + 1];
      g[i + 1] = c[1];
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

}  // namespace costate::detail
