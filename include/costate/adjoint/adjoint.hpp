#pragma once
// What an adjoint is: a way to turn cotangents of a solve's outputs into cotangents of its initial state, parameters and times.
//
// An adjoint A is a small value with options. It names the method that is really solved, A::Solver<M>, and for that method, a
// dynamics and a kind of state a *pass*, which lives as long as the tape and keeps its memory. With times that are variables it is
// another type, since only then f sees t as one:
//
//   A::Pass<M, F, Call, with_times> pass;
//   pass.begin(adjoint, engine, times);                 before the forward solve, which engine makes and which has not moved yet
//   pass.accept(window);                                after every accepted step
//   pass.serve(i, step);                                output i was served by that step, −1: the start
//   pass.pull(f, times, outputs, bar, stats);           the backward pass; outputs holds the states at the times one after the other,
//                                                       and the engine may be moved

#include <concepts>

#include <costate/adjoint/vjp.hpp>
#include <costate/ode/engine.hpp>

namespace costate {

template <class A>
concept Adjoint = std::copyable<A> && requires {
  { A::name } -> std::convertible_to<const char*>;
  typename A::template Solver<int>;
};

namespace detail {

/// Cotangents going into a backward pass and coming out of it; the latter are added to and null where nobody wants them. The
/// outputs' lie one after the other, each in the solver's layout.
template <class S>
struct Cotangents {
  const S* outputs = nullptr;
  S* y0 = nullptr;
  S* theta = nullptr;
  S* times = nullptr;
};

}  // namespace detail
}  // namespace costate
