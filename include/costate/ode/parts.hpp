#pragma once
// Mixed states: one sample's state of several parts of different shapes, each with a tolerance of its own if wanted.
//
//   const auto fall = [](auto t, const auto& state, const auto& theta) {
//     const auto& [x, v, m] = state;                             // a column vector, another, and a number
//     return cs::parts(v, -theta[0] / m * v, -0.1 * m);
//   };
//   const auto solution = cs::solve(fall, cs::parts(x0, v0, m0), times, theta, cs::Dopri5{});
//   const auto [x, v, m] = solution.y.back();
//   cs::parts(x0, cs::part(v0, {.rtol = 1e-3}), m0)
//
// A part is a column vector, a matrix or a number (on a tape: an array or a number). The solvers see the parts' values one after the other,
// a matrix's row by row; every method and adjoint works. The error norm is the worst of the parts' (part_norm.hpp).

#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include <costate/ode/dynamics.hpp>
#include <costate/ode/part_norm.hpp>

namespace costate {

/// How a part is measured; for designated initialisers in this order.
struct PartOptions {
  const char* name = nullptr;                 ///< for messages; must live as long as the solve
  std::optional<double> rtol = std::nullopt;  ///< relative tolerance; default: the solve's
  std::optional<double> atol = std::nullopt;  ///< absolute tolerance, likewise
  bool in_norm = true;                        ///< otherwise the part's error is not looked at, and may be anything
};

/// A part of an initial state with its options.
template <class X>
struct Part {
  X value;
  PartOptions options;
};

/// The parts of a state: a tuple, for structured bindings and std::get.
template <class... X>
struct Parts : std::tuple<X...> {
  using std::tuple<X...>::tuple;
};

namespace detail {

template <class X>
auto held(const X& x) {
  if constexpr (EigenDense<X>) return typename X::PlainObject(x);
  else return x;
}

}  // namespace detail

template <class X>
auto part(const X& value, const PartOptions& options) {
  return Part<decltype(detail::held(value))>{value, options};
}
/// Of an initial state, or of what a dynamics returns: dx/dt for every part x, in its shape.
template <class... X>
auto parts(const X&... x) {
  static_assert(sizeof...(X) > 0, "costate: a state has one part at least");
  return Parts<decltype(detail::held(x))...>(detail::held(x)...);
}

namespace detail {

template <class X>
inline constexpr bool is_parts = false;
template <class... X>
inline constexpr bool is_parts<Parts<X...>> = true;

template <class X>
struct Unwrapped : std::type_identity<X> {};
template <class X>
struct Unwrapped<Part<X>> : std::type_identity<X> {};
template <class X>
const auto& part_value(const X& x) { return x; }
template <class X>
const auto& part_value(const Part<X>& x) { return x.value; }

enum class PartForm { number, column, matrix };

/// What a part is, as far as its type tells.
template <PartForm form_, int rows_ = 1, int cols_ = 1>
struct PartType {
  static constexpr PartForm form = form_;
  static constexpr int rows = rows_, cols = cols_;
  static constexpr int size = rows == Eigen::Dynamic || cols == Eigen::Dynamic ? Eigen::Dynamic : rows * cols;
};

template <class X>
consteval auto part_type() {
  constexpr int dynamic = Eigen::Dynamic;
  if constexpr (std::is_arithmetic_v<X> || Number<X>) return PartType<PartForm::number>();
  else if constexpr (AnyArray<X> && KindOfArray<X> >= Kind::array) return PartType<PartForm::matrix, dynamic, dynamic>();
  else if constexpr (AnyArray<X>) return PartType<PartForm::column, dynamic>();
  else if constexpr (EigenDense<X>)
    return PartType<X::ColsAtCompileTime == 1 ? PartForm::column : PartForm::matrix, X::RowsAtCompileTime, X::ColsAtCompileTime>();
  else if constexpr (is_stacked<X>) return PartType<PartForm::column, static_cast<int>(row_count<X>)>();
  else if constexpr (requires { std::tuple_size<X>::value; }) return PartType<PartForm::column, static_cast<int>(std::tuple_size_v<X>)>();
  else {
    static_assert(requires(const X& x) { x.data(), x.size(); },
                  "costate: a part of a state is a column vector, a matrix, a number, or a std::vector or std::array of numbers");
    return PartType<PartForm::column, dynamic>();
  }
}

/// Where a part's values lie in the flat state.
struct PartExtent {
  Index offset = 0, rows = 1, cols = 1;

  bool operator==(const PartExtent&) const = default;
};

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_part(const std::string& part, const PartExtent& e, Index rows, Index cols) {
  fail<ShapeError>("the dynamics returned ", rows, " x ", cols, " values for ", part, " of the state, which is ", e.rows, " x ", e.cols,
                   ": expected cs::parts with dx/dt in the shape of x for every part x");
}

/// The parts of a flat state.
template <class... P>
struct PartLayout {
  static constexpr std::size_t count = sizeof...(P);
  /// The number of all values, if the types tell.
  static constexpr int size = ((P::size == Eigen::Dynamic) || ...) ? Eigen::Dynamic : (P::size + ...);
  using Each = std::index_sequence_for<P...>;
  template <std::size_t I>
  using Type = std::tuple_element_t<I, std::tuple<P...>>;

  std::array<PartExtent, count> extents{};
  std::array<NormPart, count> norm{};

  [[nodiscard]] Index values() const { return extents[count - 1].offset + norm[count - 1].rows; }

  /// A flat state of arrays as its parts.
  template <class T, Kind K>
  auto split(const Array<T, K>& y) const {
    return each([&]<std::size_t I>() {
      const PartExtent& e = extents[I];
      if constexpr (Type<I>::form == PartForm::number) return y[e.offset];
      else if constexpr (Type<I>::form == PartForm::column) return reshape(y, e.offset, e.rows, 1);
      else return reshape(y, e.offset, e.rows, e.cols).template as<std::max(K, Kind::array)>();
    });
  }
  /// One of plain values as views of its parts; they are valid as long as it is.
  template <EigenDense Y>
  auto split(const Y& y) const {
    using S = typename Y::Scalar;
    return each([&]<std::size_t I>() {
      using Q = Type<I>;
      const PartExtent& e = extents[I];
      constexpr int order = Q::cols == 1 ? Eigen::ColMajor : Eigen::RowMajor;
      if constexpr (Q::form == PartForm::number) return static_cast<S>(y[e.offset]);
      else return Eigen::Map<const Eigen::Matrix<S, Q::rows, Q::cols, order>>(y.data() + e.offset, e.rows, e.cols);
    });
  }
  /// The same by value.
  template <EigenDense Y>
  auto copies(const Y& y) const {
    using S = typename Y::Scalar;
    const auto views = split(y);
    return each([&]<std::size_t I>() {
      using Q = Type<I>;
      if constexpr (Q::form == PartForm::number) return std::get<I>(views);
      else return Eigen::Matrix<S, Q::rows, Q::cols>(std::get<I>(views));
    });
  }

  /// What a dynamics returned for the parts of y, flat. Rows of numbers alone stay such, so that they are differentiated at compile time.
  template <class Y, class R>
  auto join(const Y& y, const R& r) const {
    static_assert(is_parts<R>, "costate: the dynamics of a state of parts returns cs::parts(…), one for each");
    if constexpr (is_parts<R>) {
      static_assert(std::tuple_size_v<R> == count, "costate: the dynamics returns another number of parts than the state has");
      if constexpr (std::tuple_size_v<R> == count) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
          if constexpr ((stays_rows<std::remove_cvref_t<std::tuple_element_t<I, R>>> && ...)) {
            (check<I>(rows_in(std::get<I>(r)), 1), ...);
            return stack(std::get<I>(r)...);
          } else {
            auto& tape = tape_of(y);
            using T = std::remove_cvref_t<decltype(tape)>;
            auto* const slots = tape.workspace().arena.template allocate<V<typename T::scalar>>(count);
            ((slots[I] = column<I>(tape, std::get<I>(r))), ...);
            return Y(tape, join_rows(tape, slots, static_cast<Index>(count)));
          }
        }(Each());
      }
    }
  }

 private:
  template <class G>
  static auto each(G&& g) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Parts<decltype(g.template operator()<I>())...>(g.template operator()<I>()...);
    }(Each());
  }

  template <class X>
  static constexpr bool stays_rows = std::is_arithmetic_v<X> || Number<X> || is_stacked<X>;
  template <class X>
  static constexpr Index rows_in(const X&) {
    if constexpr (is_stacked<X>) return static_cast<Index>(row_count<X>);
    else return 1;
  }
  template <std::size_t I>
  void check(Index rows, Index cols) const {
    if (rows != extents[I].rows || cols != extents[I].cols) [[unlikely]] fail_part(name_part(norm, I), extents[I], rows, cols);
  }
  template <std::size_t I, class T, class X>
  V<typename T::scalar> column(T& tape, const X& x) const {
    const auto s = to_slot(tape, x);
    check<I>(s->rows, s->cols);
    return s->cols == 1 ? s : make_slice(tape, s, 0, s->size(), 1);
  }
};

/// The layout of an initial state.
template <class... X>
auto layout_of(const Parts<X...>& y0) {
  using Layout = PartLayout<decltype(part_type<typename Unwrapped<X>::type>())...>;
  Layout layout;
  Index offset = 0;
  const auto put = [&]<std::size_t I>() {
    const auto& x = part_value(std::get<I>(y0));
    PartExtent& e = layout.extents[I];
    if constexpr (Layout::template Type<I>::form == PartForm::number) e = {offset, 1, 1};
    else if constexpr (requires { x.rows() + x.cols(); }) e = {offset, x.rows(), x.cols()};
    else if constexpr (requires { x.size(); }) e = {offset, static_cast<Index>(x.size()), 1};
    else e = {offset, Layout::template Type<I>::rows, 1};
    NormPart& n = layout.norm[I];
    n.rows = e.rows * e.cols;
    if constexpr (requires { std::get<I>(y0).options; }) {
      const PartOptions& o = std::get<I>(y0).options;
      n = {n.rows, o.rtol, o.atol, o.in_norm, o.name};
    }
    if (n.rows < 1)
      fail<ShapeError>(name_part(layout.norm, I), " of the initial state is ", e.rows, " x ", e.cols, ": expected one value at least");
    offset += n.rows;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) { (put.template operator()<I>(), ...); }(std::index_sequence_for<X...>());
  return layout;
}

/// The scalar type of a state: that of its first part which has one; integers and other literals are cast.
template <class X, class... Rest>
struct PartsScalar : PartsScalar<Rest...> {};
template <class X, class... Rest>
  requires(DifferentiableArgument<X>)
struct PartsScalar<X, Rest...> : std::type_identity<scalar_of<X>> {};
template <class X>
struct PartsScalar<X> : std::type_identity<double> {};
template <class X>
  requires(DifferentiableArgument<X>)
struct PartsScalar<X> : std::type_identity<scalar_of<X>> {};

/// A plain initial state, flat.
template <class Layout, class... X>
auto flatten(const Layout& layout, const Parts<X...>& y0) {
  using S = typename PartsScalar<std::conditional_t<std::is_arithmetic_v<typename Unwrapped<X>::type>, int, typename Unwrapped<X>::type>...,
                                 typename Unwrapped<X>::type...>::type;
  Eigen::Matrix<S, Layout::size, 1> flat(layout.values());
  const auto put = [&]<std::size_t I>() {
    const auto& x = part_value(std::get<I>(y0));
    using Q = std::remove_cvref_t<decltype(x)>;
    const PartExtent& e = layout.extents[I];
    if constexpr (std::is_arithmetic_v<Q>) {
      flat[e.offset] = static_cast<S>(x);
    } else {
      static_assert(std::is_same_v<scalar_of<Q>, S>, "costate: all parts of a state have the same scalar type");
      MapOut<S>(flat.data() + e.offset, e.rows, e.cols) = dense_view(x);
    }
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) { (put.template operator()<I>(), ...); }(std::index_sequence_for<X...>());
  return flat;
}

/// A dynamics of parts as one of flat states.
template <class F, class Layout>
struct PartsDynamics {
  F f;
  Layout layout;

  template <class Time, class Y, class P>
  auto operator()(const Time& t, const Y& y, const P& theta) const {
    return layout.join(y, call_dynamics(f, t, layout.split(y), theta));
  }
  template <class Time, class Y>
    requires std::is_invocable_v<const F&, const Time&, decltype(std::declval<const Layout&>().split(std::declval<const Y&>()))>
  auto operator()(const Time& t, const Y& y) const {
    return layout.join(y, call_dynamics(f, t, layout.split(y), NoParameters{}));
  }
  [[nodiscard]] std::array<NormPart, Layout::count> norm_parts(Index /*rows*/) const { return layout.norm; }
};

}  // namespace detail
}  // namespace costate

template <class... X>
struct std::tuple_size<costate::Parts<X...>> : std::tuple_size<std::tuple<X...>> {};
template <std::size_t I, class... X>
struct std::tuple_element<I, costate::Parts<X...>> : std::tuple_element<I, std::tuple<X...>> {};
