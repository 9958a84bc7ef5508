#pragma once
// Between the user's types and the tape's: Eigen objects, standard containers and scalars on one side, arrays and named scalars
// on the other. A column vector is one sample; any other Eigen object is a batch or a matrix.

#include <array>
#include <functional>
#include <tuple>
#include <vector>

#include <costate/autodiff/nested.hpp>

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

/// Whether an object's values may lie in memory as an array's do.
template <class X>
inline constexpr bool is_row_by_row = false;
template <EigenDense X>
inline constexpr bool is_row_by_row<X> = (X::Flags & Eigen::DirectAccessBit) != 0 && (X::IsVectorAtCompileTime || X::IsRowMajor);

/// An Eigen object as a slot: a view of its memory where that may be and serves, else a copy.
template <class T, class X>
Slot<typename T::scalar>* slot_of_argument(T& tape, const X& x, bool active, bool view = true) {
  using S = typename T::scalar;
  Slot<S>* s = nullptr;
  if constexpr (is_row_by_row<X>) {
    if (view && x.innerStride() == 1 && (X::IsVectorAtCompileTime || x.outerStride() == x.cols())) {
      s = ::new (tape.workspace().arena.template allocate<Slot<S>>(1)) Slot<S>{};
      s->value = const_cast<S*>(x.data());  // arrays never write to a variable's values
      s->rows = x.rows();
      s->cols = x.cols();
    }
  }
  if (s == nullptr) s = to_slot(tape, x);
  s->active = active;
  return s;
}

/// The variable (or, inactive, the constant of plain kind) a function sees in an argument's place; x must outlive it.
template <bool active, class T, class X>
decltype(auto) variable(T& tape, const X& x, bool view = true) {
  using S = typename T::scalar;
  static_assert(std::is_same_v<S, scalar_of<X>>, "costate: all arguments of one derivative must have the same scalar type");
  if constexpr (std::is_floating_point_v<X>) {
    if constexpr (active) return Named<T>(x, tape.cells(1), &tape);
    else return x;
  } else if constexpr (EigenDense<X>) {
    constexpr Kind kind = !is_column<X> ? Kind::array : active ? Kind::sample : Kind::plain;
    return Array<T, kind>(tape, slot_of_argument(tape, x, active, view));
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

/// Whether x lies in the memory of one of the results of an earlier call.
template <class X, class... G>
bool lies_in(const X& x, const std::tuple<G&...>& results) {
  if constexpr (is_row_by_row<X>) {
    const auto within = [&]<class R>(const R& result) {
      const std::less_equal<const void*> not_after{};
      if constexpr (is_row_by_row<R>)
        return result.size() > 0 && not_after(result.data(), x.data()) && not_after(x.data(), result.data() + (result.size() - 1));
      else return false;
    };
    return std::apply([&](const auto&... result) { return (within(result) || ...); }, results);
  } else {
    return false;
  }
}

/// Gives an array variable cells: on the library's tape, in the place of the result where that is laid out like an array.
template <class V, class G>
void make_cells_in(const V& v, G& result) {
  if constexpr (AnyArray<V>) {
    using T = typename V::tape_type;
    auto& s = *v.slot();
    if constexpr (std::is_same_v<T, Tape<typename T::scalar>> && is_row_by_row<G>) {
      result.resize(s.rows, s.cols);
      s.cells = result.data();
      s.piecewise = true;
    } else {
      ready_cells(*v.tape(), s);
    }
  }
}

/// Copies a variable's cotangent to the user's object, unless it lies there.
template <class V, class G>
void copy_cotangent(const V& v, G& gradient) {
  if constexpr (is_number<V>) {
    gradient = *v.cell();
  } else if constexpr (AnyArray<V>) {
    const auto& s = *v.slot();
    const auto* const cells = ready_cells(*v.tape(), *v.slot());
    if (cells != gradient.data()) gradient = MapIn<typename V::scalar>(cells, s.rows, s.cols);
  } else {
    if constexpr (requires { gradient.resize(v.size()); }) gradient.resize(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) gradient[i] = *v[i].cell();
  }
}

}  // namespace costate::detail
