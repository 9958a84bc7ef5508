#pragma once
// What makes a type a method, and the choice not to use a pair's error estimate.

#include <concepts>

#include <costate/ode/runge_kutta.hpp>

namespace costate {

/// A method: a small value type with an order, a copyable state, and start / refresh / attempt / commit / turn / window.
template <class M>
concept Method = std::copyable<M> && requires {
  { M::order } -> std::convertible_to<int>;
  { M::adaptive() } -> std::convertible_to<bool>;
  typename M::template State<Eigen::VectorXd>;
  typename M::template Trial<Eigen::VectorXd>;
  typename M::template Window<Eigen::VectorXd>;
};

/// A method whose steps do not look back.
template <class M>
concept OneStepMethod = Method<M> && requires { M::tableau.stages; };

/// A method that chooses its order and its step itself.
template <class M>
concept VariableOrderMethod = Method<M> && requires { M::variable_order; };

/// A method whose steps can be undone: two solutions side by side, see reversible.hpp.
template <class M>
concept ReversibleMethod = Method<M> && requires { M::reversible; };

/// A method that controls its step by an embedded error estimate of order M::error_order.
template <class M>
concept AdaptiveMethod = Method<M> && M::adaptive() && requires {
  { M::error_order } -> std::convertible_to<int>;
};

/// An embedded pair on a fixed grid: the step is SolveOptions::step, or one per output interval; the estimate is not used.
template <Method M>
struct FixedStep : M {
  static_assert(!VariableOrderMethod<M>, "costate: Adams chooses its steps and orders; AdamsMoulton<K> is the method for a fixed grid");
  static constexpr bool adaptive() { return false; }
};

/// `fixed(Dopri5{})` is Dopri5 with fixed steps.
template <Method M>
constexpr FixedStep<M> fixed(const M& method) {
  return {method};
}

}  // namespace costate
