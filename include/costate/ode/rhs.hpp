#pragma once
// What a solve needs from a right-hand side, and how one may carry integrals along that are no part of the state.
//
// A right-hand side is any object called as f(t, y, dydt): it reads the state y and writes all of dydt, which has y's size.
//
// A *quadrature-aware* right-hand side also integrates some Q' = g(t, y) beside the state: the backward solve of an adjoint
// accumulates parameter integrals so, without stage storage and without their entering the state. Q is a plain quadrature, hence
//     Q_{n+1} = Q_n + h Σ b_i g_i,     with the embedded error  h Σ e_i g_i,  e = b − b̂,
// where g_i is seen at stage i. The solver speaks to it in this order:
//
//     stage(0, t, y, dydt)      only where the first stage is not known from the step before: keep g_0 by itself, unscaled
//     begin_step(h, w)          a trial of length h begins: the sums start with h w.b[0] g_0 and h w.e[0] g_0
//     stage(i, t, y, dydt)      i = 1 … s − 1: evaluate, add h w.b[i] g_i and h w.e[i] g_i to the sums
//                               (where w.first_same_as_last, also keep the last one, g_{s−1}, by itself)
//     quadrature_error()        methods with error control: norm of the summed error in units of the tolerance. The controller
//                               takes max(err, this), and only when this exceeds 1 (or is NaN); always where the right-hand side
//                               has a member in_norm() that returns true.
//     accept() | reject()       accept: Q += sum; where w.first_same_as_last, g_{s−1} becomes g_0. reject: g_0 stays.
//
// After a jump of the state stage(0, …) is called again and replaces g_0. The plain call f(t, y, dydt) is used for evaluations
// outside of steps (the choice of the first step) and must not touch g_0 nor the sums.

#include <concepts>
#include <span>
#include <type_traits>

#include <costate/ode/shape.hpp>

namespace costate {

/// The weights of a method's stages, for quadratures over a step.
template <class S>
struct QuadratureWeights {
  std::span<const S> b;
  std::span<const S> e;  ///< b − b̂; zero for methods without error estimate
  bool first_same_as_last = false;
};

/// Writes dy/dt of state Y.
template <class F, class Y>
concept RightHandSide = requires(F& f, time_of_t<typename Y::Scalar> t, const Y& y, Y& dydt) { f(t, y, dydt); };

/// A right-hand side that integrates beside the state; see above.
template <class F, class Y>
concept QuadratureAware = RightHandSide<F, Y> && requires(F& f, time_of_t<typename Y::Scalar> t, const Y& y, Y& dydt,
                                                          QuadratureWeights<typename Y::Scalar> w) {
  f.stage(0, t, y, dydt);
  f.begin_step(t, w);
  { f.quadrature_error() } -> std::convertible_to<double>;
  f.accept();
  f.reject();
};

namespace detail {

/// Whether f is so short that its code may be repeated at every stage. A right-hand side may state is_short; one without members, such as
/// a lambda without captures, is taken to be so.
template <class F>
inline constexpr bool is_short = std::is_empty_v<F>;
template <class F>
  requires requires { F::is_short; }
inline constexpr bool is_short<F> = F::is_short;

/// Evaluates f as stage i.
template <class F, class Time, class Y>
void evaluate_stage(F& f, int i, Time t, const Y& y, Y& dydt) {
  if constexpr (QuadratureAware<F, Y>) {
    f.stage(i, t, y, dydt);
  } else {
    f(t, y, dydt);
  }
}

}  // namespace detail
}  // namespace costate
