#pragma once
// What odeint takes for a state, parameters and times: arrays, numbers and lists of numbers on a tape, rows of numbers, or plain values.

#include <array>
#include <type_traits>
#include <vector>

#include <costate/autodiff/algebra.hpp>
#include <costate/ode/dynamics.hpp>

namespace costate::detail {

template <class X>
inline constexpr bool is_number_list = false;
template <class T, class A>
inline constexpr bool is_number_list<std::vector<Named<T>, A>> = true;
template <class T, std::size_t N>
inline constexpr bool is_number_list<std::array<Named<T>, N>> = true;

/// An argument of odeint that is tied to a tape.
template <class X>
concept Tied = AnyArray<X> || Number<X> || is_number_list<std::remove_cvref_t<X>>;

template <class X>
struct TapeOf;
template <AnyArray X>
struct TapeOf<X> : std::type_identity<typename X::tape_type> {};
template <Number X>
struct TapeOf<X> : std::type_identity<typename X::tape_type> {};
template <class X>
  requires is_number_list<X>
struct TapeOf<X> : std::type_identity<typename X::value_type::tape_type> {};
/// The tape type of the first argument that has one.
template <class X, class... Rest>
struct FirstTape : std::conditional_t<Tied<X>, TapeOf<X>, FirstTape<Rest...>> {};
template <class X>
struct FirstTape<X> : TapeOf<X> {};

template <class T, class X>
T* tape_at(const X& x) {
  if constexpr (AnyArray<X> || Number<X>) {
    return tape_pointer(x);
  } else if constexpr (is_number_list<X>) {
    for (const auto& number : x)
      if (number.tape() != nullptr) return number.tape();
  }
  return nullptr;
}

/// An argument as a slot of the tape; one sample or a vector of parameters from a list of numbers is a column.
template <class T, class X>
V<typename T::scalar> argument_slot(T& tape, const X& x) {
  using S = typename T::scalar;
  if constexpr (is_number_list<X>) {
    const auto n = static_cast<Index>(x.size());
    const V<S> s = make_slot(tape, n, 1);
    s->cells = tape.cells(x.size());
    s->active = s->written = true;
    for (Index i = 0; i < n; ++i) {
      const auto& number = x[static_cast<std::size_t>(i)];
      s->value[i] = number.value();
      if (number.cell() == nullptr) continue;
      tape.reserve(1);
      tape.entry(S(1), number.cell());
      tape.close(s->cells + i);
    }
    return s;
  } else if constexpr (AnyArray<X> || Number<X>) {
    return to_slot(tape, x);
  } else {
    return to_slot(tape, dense_view(x));
  }
}

/// A state stacked from numbers is one sample.
template <class... R>
auto as_state(const Stacked<R...>& y0) {
  if constexpr ((Number<R> || ...))
    return std::apply([](const R&... row) { return std::array{Named<typename FirstTape<R...>::type>(row)...}; }, y0.rows);
  else
    return std::apply([](const R&... row) { return Eigen::Matrix<std::common_type_t<R...>, static_cast<int>(sizeof...(R)), 1>{row...}; }, y0.rows);
}

/// Whether a state of this type is one sample.
template <class Y0>
constexpr bool one_sample() {
  if constexpr (AnyArray<Y0>) return KindOfArray<Y0> < Kind::array;
  else if constexpr (Tied<Y0>) return true;
  else return StateTraits<Y0>::one_sample;
}

/// What an argument makes of the result for one sample: plain if all are; an array's variable may be one of an inner derivative.
template <class X>
inline constexpr Kind kind_seen = Kind::plain;
template <Tied X>
inline constexpr Kind kind_seen<X> = Kind::sample;
template <AnyArray X>
inline constexpr Kind kind_seen<X> = KindOfArray<X>;

}  // namespace costate::detail
