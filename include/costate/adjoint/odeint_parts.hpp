#pragma once
// odeint of mixed states (ode/parts.hpp), differentiable in every part, the parameters and the times, by every adjoint.
//
//   const auto y = cs::odeint(f, cs::parts(x0, v0, m0), times, theta, cs::Dopri5{}, cs::DirectAdjoint{});
//   const auto [x, v, m] = y.back();                       // arrays on the tape; m a number
//   cs::hstack(cs::part<0>(y))                             // one part at all times

#include <costate/adjoint/odeint.hpp>
#include <costate/ode/solve_parts.hpp>

namespace costate {
namespace detail {

/// A part with the numbers of a stack made a list.
template <class X>
decltype(auto) as_part(const X& x) {
  if constexpr (is_stacked<X>) return as_state(x);
  else return (x);
}

/// An initial state of which some part is on a tape, flat and on it.
template <class Layout, class... X, class... Other>
auto taped_flat(const Layout& /*layout*/, const Parts<X...>& y0, const Other&... other) {
  using T = typename FirstTape<typename Unwrapped<X>::type..., Other...>::type;
  using S = typename T::scalar;
  // Inactive numbers and columns stay plain, as those of cs::value are.
  constexpr Kind seen = std::max({kind_seen<typename Unwrapped<X>::type>...}), kind = seen == Kind::array ? Kind::sample : seen;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    T& tape = common_tape<T>(part_value(std::get<I>(y0))..., other...);
    auto* const slots = tape.workspace().arena.template allocate<V<S>>(Layout::count);
    const auto put = [&]<class Q>(std::size_t i, const Q& x) {
      const auto s = [&] {
        if constexpr (std::is_arithmetic_v<Q>) return to_slot(tape, static_cast<S>(x));
        else return argument_slot(tape, x);
      }();
      slots[i] = s->cols == 1 ? s : make_slice(tape, s, 0, s->size(), 1);
    };
    (put(I, part_value(std::get<I>(y0))), ...);
    return Array<T, kind>(tape, join_rows(tape, slots, static_cast<Index>(Layout::count)));
  }(std::index_sequence_for<X...>());
}

/// Calls run(dynamics, layout, start) for the flat state.
template <class F, class... X, class Run, class... Other>
auto with_flat(const F& f, const Parts<X...>& given, const Run& run, const Other&... other) {
  if constexpr ((is_stacked<typename Unwrapped<X>::type> || ...)) {
    const auto unstacked = [](const auto& p) {
      if constexpr (requires { p.options; }) return part(as_part(p.value), p.options);
      else return held(as_part(p));
    };
    return std::apply([&](const auto&... p) { return with_flat(f, Parts<decltype(unstacked(p))...>(unstacked(p)...), run, other...); },
                      static_cast<const std::tuple<X...>&>(given));
  } else {
    const auto layout = layout_of(given);
    const PartsDynamics<F, std::remove_const_t<decltype(layout)>> dynamics{f, layout};
    if constexpr ((Tied<typename Unwrapped<X>::type> || ...)) return run(dynamics, layout, taped_flat(layout, given, other...));
    else return run(dynamics, layout, flatten(layout, given));
  }
}

/// Solves flat; run(dynamics, start) is the call of odeint.
template <class F, class... X, class Run, class... Other>
auto odeint_flat(const F& f, const Parts<X...>& given, const Run& run, const Other&... other) {
  return with_flat(f, given, [&](const auto& dynamics, const auto& layout, const auto& start) {
    auto flat = run(dynamics, start);
    return PartsList<std::remove_cvref_t<decltype(layout)>, decltype(flat)>(layout, std::move(flat));
  }, other...);
}

}  // namespace detail

/// The states at the given times as tuples of the parts, see above; otherwise as odeint of a plain state. A part is an array or a number on
/// the tape, a stack of numbers, or a plain value.
template <class F, class... X, class T = Times, class Theta, Method M, Adjoint A = DirectAdjoint>
  requires(!Method<Theta>)
auto odeint(const F& f, const Parts<X...>& y0, const T& times, const Theta& theta, const M& method, const A& adjoint = {},
            const SolveOptions& options = {}) {
  static_assert(!SampleTimes<T>, "costate: a state of parts is one sample: give it one grid of times");
  return detail::odeint_flat(
      f, y0, [&](const auto& g, const auto& start) { return odeint(g, start, times, theta, method, adjoint, options); }, times, theta);
}
/// The same for a dynamics without parameters, f(t, state).
template <class F, class... X, class T = Times, Method M, Adjoint A = DirectAdjoint>
auto odeint(const F& f, const Parts<X...>& y0, const T& times, const M& method, const A& adjoint = {}, const SolveOptions& options = {}) {
  static_assert(!SampleTimes<T>, "costate: a state of parts is one sample: give it one grid of times");
  return detail::odeint_flat(
      f, y0, [&](const auto& g, const auto& start) { return odeint(g, start, times, method, adjoint, options); }, times);
}

}  // namespace costate
