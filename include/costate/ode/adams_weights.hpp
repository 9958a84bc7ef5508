#pragma once
// The weights of Adams methods. Let p interpolate the slopes f_j at the nodes s_j, in units of the step and counted from its beginning
// (s = 0 now, 1 at the step's end, negative in the past). Then
//     y(t + θh) = y + h ∫₀^θ p(s) ds = y + h Σ_j w_j f_j,     y'(t + θh) = p(θ) = Σ_j v_j f_j.
// On a regular grid the nodes 0, −1, −2, … with θ = 1 give the Adams–Bashforth methods, 1, 0, −1, … the Adams–Moulton methods, in exact
// rationals at compile time; on any other grid the weights are those of the actual times. (Hairer, Nørsett & Wanner, Solving Ordinary
// Differential Equations I, 1993, III.1 and III.5.)

#include <array>
#include <cstddef>

#include <costate/ode/rational.hpp>

namespace costate::detail {

/// Solves Σ_j w_j s_j^m = w_m, m = 0 … k − 1, in place, in k² operations and, for nodes in order, without losing digits to cancellation
/// (Björck & Pereyra, Mathematics of Computation 24, 1970).
template <class T, std::size_t N>
constexpr void solve_moments(const std::array<T, N>& s, std::size_t k, std::array<T, N>& w) {
  for (std::size_t j = 0; j + 1 < k; ++j)
    for (std::size_t i = k - 1; i > j; --i) w[i] = w[i] - s[j] * w[i - 1];
  for (std::size_t j = k - 1; j-- > 0;) {
    for (std::size_t i = j + 1; i < k; ++i) w[i] = w[i] / (s[i] - s[i - j - 1]);
    for (std::size_t i = j; i + 1 < k; ++i) w[i] = w[i] - w[i + 1];
  }
}

/// w_j with Σ_j w_j p(s_j) = ∫₀^θ p for every polynomial p of degree less than k.
template <class T, std::size_t N>
constexpr std::array<T, N> integral_weights(const std::array<T, N>& s, std::size_t k, T theta) {
  std::array<T, N> w{};
  T power = theta;
  for (std::size_t m = 0; m < k; ++m, power = power * theta) w[m] = power / T(static_cast<int>(m + 1));
  solve_moments(s, k, w);
  return w;
}

/// v_j with Σ_j v_j p(s_j) = p(θ) for every polynomial p of degree less than k.
template <class T, std::size_t N>
constexpr std::array<T, N> value_weights(const std::array<T, N>& s, std::size_t k, T theta) {
  std::array<T, N> v{};
  T power = T(1);
  for (std::size_t m = 0; m < k; ++m, power = power * theta) v[m] = power;
  solve_moments(s, k, v);
  return v;
}

/// On a regular grid, K nodes from `newest` backward: 0 for Adams–Bashforth, 1 for Adams–Moulton.
template <std::size_t K>
consteval std::array<Rational, K> regular_adams_weights(int newest) {
  std::array<Rational, K> s;
  for (std::size_t j = 0; j < K; ++j) s[j] = Rational(newest - static_cast<int>(j));
  return integral_weights(s, K, Rational(1));
}

}  // namespace costate::detail
