#pragma once
// Parameters of each sample's own, beside those that all share: f(t, y, theta, own) with y of D × B and own of P × B.
//
// They ride along as P more components of the state, whose slope is zero: any solve, any adjoint, one grid of times or many.
//
//   const auto g = own_parameters(f, D);
//   const auto y = odeint(g, stack(y0, own), times, theta, Dopri5{}, DirectAdjoint{}, {.norm_rows = D});
//   rows(y[i], 0, D);                                         // and dL/d own with value_and_grad(loss, theta, own)
//
// With norm_rows = D they have no part in the step size of the solve; their cotangents have one in that of a continuous adjoint. An adjoint's cost
// grows by P numbers a state.

#include <type_traits>

#include <costate/autodiff/stack.hpp>

namespace costate {

/// The dynamics of [y; own], see own_parameters.
template <class F>
struct OwnParameters {
  F f;
  Index components;  // of y

  template <class T, class State, class Theta>
  auto operator()(const T& t, const State& state, const Theta& theta) const {
    static_assert(std::is_invocable_v<const F&, const T&, const State&, const Theta&, const State&>,
                  "costate: own_parameters(f, D) calls f(t, y, theta, own) with costate's views: write it as "
                  "[](auto t, const auto& y, const auto& theta, const auto& own) { … }");
    const Index own = state.rows() - components;
    if (components < 1 || own < 1)
      detail::fail<ShapeError>("own_parameters(f, ", components, ") of a state of ", state.rows(), " rows: expected the ", components,
                               " components of y and below them at least one parameter, stack(y0, own)");
    const auto p = rows(state, components, own);
    return stack(f(t, rows(state, 0, components), theta, p), 0.0 * p);
  }
};

/// f(t, y, theta, own) as a dynamics of the state [y; own], y being its first `components` rows.
template <class F>
OwnParameters<F> own_parameters(const F& f, Index components) {
  return {f, components};
}

}  // namespace costate
