#pragma once
// The first steps of a multistep method: one step of a Runge–Kutta method each, of an order that keeps the multistep method's. Its last
// stage is made the slope at the step's end, which the history needs.
//
//   K = 1, 2: Midpoint     3: Bosh3     4: Rk4     5, 6: Dopri5     7, 8: Gragg8 below
//
// p steps to start with have a local error h^(p+1) each, whose number does not grow as h falls: order K needs p ≥ K − 1.

#include <array>
#include <cstddef>
#include <type_traits>

#include <costate/ode/bosh3.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/rk4.hpp>

namespace costate::detail {

/// A tableau with f at the step's end as another stage, and the cubic through both ends' values and slopes as its dense output.
template <std::size_t N, std::size_t D>
consteval auto with_slope_at_end(const ButcherTableau<N, D>& t) {
  ButcherTableau<N + 1, 3> out;
  for (std::size_t i = 0; i < N; ++i) {
    out.c[i] = t.c[i];
    for (std::size_t j = 0; j < N; ++j) out.a[i][j] = t.a[i][j];
    out.a[N][i] = out.b[i] = out.b_hat[i] = t.b[i];
    out.dense[i] = {Rational(0), Rational(3) * t.b[i], Rational(-2) * t.b[i]};  // (3θ² − 2θ³) (y₁ − y₀)
  }
  out.c[N] = Rational(1);
  out.dense[0] = {Rational(1), out.dense[0][1] - Rational(2), out.dense[0][2] + Rational(1)};  // + (θ − 2θ² + θ³) h f₀
  out.dense[N] = {Rational(0), Rational(-1), Rational(1)};                                     // + (θ³ − θ²) h f₁
  return out;
}

/// Gragg's midpoint rule over 2, 4, 6 and 8 parts of the step, whose error expands in h², extrapolated to order 8: 17 stages.
/// W. B. Gragg, SIAM J. Numer. Anal. 2 (1965) 384–403; Hairer, Nørsett & Wanner 1993, II.9.
consteval auto gragg8() {
  ButcherTableau<17, 1> t;
  std::size_t next = 1;  // stage 0 is shared
  for (int m = 1; m <= 4; ++m) {
    Rational share(1);
    for (int i = 1; i <= 4; ++i)
      if (i != m) share = share * Rational(m * m, m * m - i * i);
    const int parts = 2 * m;
    const std::size_t first = next - 1;  // the stage at part i is first + i
    for (int i = 1; i < parts; ++i, ++next) {
      t.c[next] = Rational(i, parts);
      if (i % 2 == 1) t.a[next][0] = Rational(1, parts);
      for (int j = i - 1; j >= 1; j -= 2) t.a[next][first + static_cast<std::size_t>(j)] = Rational(2, parts);
      if (i % 2 == 1) t.b[next] = share * Rational(2, parts);
    }
  }
  t.b_hat = t.b;
  return t;
}

struct MidpointStart : ExplicitRungeKutta<MidpointStart> {
  static constexpr int order = 2, dense_order = 3;
  static constexpr auto tableau = with_slope_at_end(Midpoint::tableau);
};
struct Rk4Start : ExplicitRungeKutta<Rk4Start> {
  static constexpr int order = 4, dense_order = 3;
  static constexpr auto tableau = with_slope_at_end(Rk4::tableau);
};
struct Gragg8Start : ExplicitRungeKutta<Gragg8Start> {
  static constexpr int order = 8, dense_order = 3;
  static constexpr auto tableau = with_slope_at_end(gragg8());
};

template <int K>
using AdamsStart = std::conditional_t<
    (K <= 2), MidpointStart,
    std::conditional_t<K == 3, Bosh3, std::conditional_t<K == 4, Rk4Start, std::conditional_t<(K <= 6), Dopri5, Gragg8Start>>>>;

}  // namespace costate::detail
