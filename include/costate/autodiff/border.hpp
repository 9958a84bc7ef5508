#pragma once
// Between the user's types and the tape's: Eigen objects, standard containers and scalars on one side, arrays and named scalars
// on the other. A column vector is one sample; any other Eigen object is a batch or a matrix.

#include <array>
#include <vector>

#include "costate/autodiff/nested.hpp"

namespace costate::detail {

/// What an argument's numbers are.
template <class X>
struct ScalarOf;
template <class X>
  requires std::is_floating_point_v<X>
struct ScalarOf<X> : std::type_identity<X> {};
template <EigenDense X>
struct ScalarOf<X> : std::type_identity<typename X::Scalar> {};
template <class S, class A>
struct ScalarOf<std::vector<S, A>> : std::type_identity<S> {};
template <class S, std::size_t N>
struct ScalarOf<std::array<S, N>> : std::type_identity<S> {};

template <class X>
concept DifferentiableArgument = requires { typename ScalarOf<std::remove_cvref_t<X>>::type; } &&
                                 std::is_floating_point_v<typename ScalarOf<std::remove_cvref_t<X>>::type>;
template <class X>
using scalar_of = typename ScalarOf<std::remove_cvref_t<X>>::type;

template <class X>
inline constexpr bool is_column = false;
template <EigenDense X>
inline constexpr bool is_column<X> = X::ColsAtCompileTime == 1;

template <class T, class X>
Slot<typename T::scalar>* copy_in(T& tape, const X& x, bool active) {
  const auto s = to_slot(tape, x);
  s->active = active;
  return s;
}

/// The variable (or, inactive, the constant of plain kind) a function sees in an argument's place.
template <bool active, class T, class X>
decltype(auto) variable(T& tape, const X& x) {
  using S = typename T::scalar;
  static_assert(std::is_same_v<S, scalar_of<X>>, "costate: all arguments of one derivative must have the same scalar type");
  if constexpr (std::is_floating_point_v<X>) {
    if constexpr (active) return Named<T>(x, tape.cells(1), &tape);
    else return x;
  } else if constexpr (EigenDense<X>) {
    constexpr Kind kind = !is_column<X> ? Kind::array : active ? Kind::sample : Kind::plain;
    const auto s = copy_in(tape, x, active);
    if constexpr (active) ready_cells(tape, *s);
    return Array<T, kind>(tape, s);
  } else if constexpr (!active) {
    return x;
  } else if constexpr (requires(X y) { y.resize(x.size()); }) {
    auto& list = tape.workspace().template object<std::vector<Named<T>>>();
    list.clear();
    S* const cells = tape.cells(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) list.emplace_back(x[i], cells + i, &tape);
    return static_cast<const std::vector<Named<T>>&>(list);
  } else {
    std::array<Named<T>, std::tuple_size_v<X>> list;
    S* const cells = tape.cells(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) list[i] = Named<T>(x[i], cells + i, &tape);
    return list;
  }
}

/// The plain type an argument's gradient is returned in.
template <class X>
struct PlainOf : std::type_identity<X> {};
template <EigenDense X>
struct PlainOf<X> : std::type_identity<typename X::PlainObject> {};
template <class X>
using plain_of = typename PlainOf<std::remove_cvref_t<X>>::type;

/// Copies a variable's cotangent to the user's object.
template <class V, class G>
void copy_cotangent(const V& v, G& gradient) {
  if constexpr (is_number<V>) {
    gradient = *v.cell();
  } else if constexpr (AnyArray<V>) {
    const auto& s = *v.slot();
    gradient.resize(s.rows, s.cols);
    if (s.written) gradient = MapIn<typename V::scalar>(s.cells, s.rows, s.cols);
    else gradient.setZero();
  } else {
    if constexpr (requires { gradient.resize(v.size()); }) gradient.resize(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) gradient[i] = *v[i].cell();
  }
}

}  // namespace costate::detail
