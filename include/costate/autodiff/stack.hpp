#pragma once
// Slices of arrays on a tape, and stacks of parts: rows are components, columns samples.

#include <vector>

#include <costate/autodiff/elementary.hpp>
#include <costate/autodiff/stacked.hpp>

namespace costate {

// ---- slices -------------------------------------------------------------------------------------------------------------------

/// Components first … first + n - 1, without a copy.
template <class T, Kind K>
Array<T, K> rows(const Array<T, K>& x, Index first, Index n) {
  if (first < 0 || n < 0 || first + n > x.rows() || x.slot() == nullptr)
    detail::fail<ShapeError>("rows(", first, ", ", n, ") of an array of ", x.rows(), " x ", x.cols(), " do not exist");
  return {*x.tape(), detail::make_slice(*x.tape(), x.slot(), first * x.cols(), n, x.cols())};
}
/// Samples first … first + n - 1.
template <class T, Kind K>
Array<T, K> cols(const Array<T, K>& x, Index first, Index n) {
  if (first < 0 || n < 0 || first + n > x.cols() || x.slot() == nullptr)
    detail::fail<ShapeError>("cols(", first, ", ", n, ") of an array of ", x.rows(), " x ", x.cols(), " do not exist");
  return {*x.tape(), detail::apply(*x.tape(), detail::Columns<typename T::scalar>{x.slot(), first, n})};
}
/// Values offset … offset + rows·cols - 1 (counted row by row) as a rows x cols array, without a copy: a layer's weights in theta.
template <class T, Kind K>
Array<T, K> reshape(const Array<T, K>& x, Index offset, Index rows, Index cols) {
  if (offset < 0 || rows < 0 || cols < 0 || offset + rows * cols > x.size() || x.slot() == nullptr)
    detail::fail<ShapeError>("a slice of ", rows, " x ", cols, " values from position ", offset, " does not lie in an array of ", x.size(), " values");
  return {*x.tape(), detail::make_slice(*x.tape(), x.slot(), offset, rows, cols)};
}
template <class T, Kind K>
Array<T, std::max(K, Kind::array)> transpose(const Array<T, K>& x) {
  if (x.slot() == nullptr) return x.value();
  return {*x.tape(), detail::apply(*x.tape(), detail::Transpose<typename T::scalar>{x.slot()})};
}

// ---- stacks -------------------------------------------------------------------------------------------------------------------

namespace detail {
/// An array whose columns are samples, whatever they were before.
template <class A>
using batch_of = Array<typename A::tape_type, std::max(KindOfArray<A>, Kind::array)>;

template <class T>
V<typename T::scalar> join_rows(T& tape, V<typename T::scalar>* parts, Index n) {
  using S = typename T::scalar;
  Index r = 0, c = 1;
  for (Index i = 0; i < n; ++i) {
    r += parts[i]->rows;
    if (parts[i]->cols == 1 || parts[i]->cols == c) continue;
    if (c != 1) fail<ShapeError>("stack: part ", i, " has ", parts[i]->cols, " columns, an earlier one ", c, "; expected equal numbers or 1");
    c = parts[i]->cols;
  }
  return apply(tape, Join<S, true>{parts, n, r, c});
}

template <class T>
V<typename T::scalar> join_columns(T& tape, V<typename T::scalar>* parts, Index n) {
  using S = typename T::scalar;
  Index c = 0;
  for (Index i = 0; i < n; ++i) {
    if (parts[i]->rows != parts[0]->rows) fail<ShapeError>("hstack: part ", i, " has ", parts[i]->rows, " rows, the first one ", parts[0]->rows);
    c += parts[i]->cols;
  }
  return apply(tape, Join<S, false>{parts, n, parts[0]->rows, c});
}

template <class... X>
struct FirstEigen;
template <class X, class... Rest>
struct FirstEigen<X, Rest...> : std::conditional_t<EigenDense<X>, std::type_identity<X>, FirstEigen<Rest...>> {};
template <>
struct FirstEigen<> {};

/// Eigen objects and literals, one below the other.
template <class... X>
auto stack_constants(const X&... x) {
  using S = typename FirstEigen<X...>::type::Scalar;
  Index rows = 0, cols = -1;
  const auto measure = [&]<class P>(const P& part) {
    if constexpr (EigenDense<P>) {
      if (cols >= 0 && part.cols() != cols) fail<ShapeError>("stack: one part has ", part.cols(), " columns, an earlier one ", cols);
      rows += part.rows();
      cols = part.cols();
    } else {
      ++rows;
    }
  };
  (measure(x), ...);
  Eigen::Matrix<S, Eigen::Dynamic, greatest_kind<X...> < 0 ? 1 : Eigen::Dynamic> out(rows, cols);
  Index at = 0;
  const auto put = [&]<class P>(const P& part) {
    if constexpr (EigenDense<P>) {
      out.middleRows(at, part.rows()) = part.derived().matrix().template cast<S>();
      at += part.rows();
    } else {
      out.row(at++).setConstant(static_cast<S>(part));
    }
  };
  (put(x), ...);
  return out;
}

template <class X>
auto rows_of(const X& x) {
  if constexpr (is_stacked<X>) return x.rows;
  else return std::tuple<X>(x);
}

template <class T, class Range>
V<typename T::scalar>* slots_of(T& tape, const Range& range, Index n) {
  V<typename T::scalar>* parts = tape.workspace().arena.template allocate<V<typename T::scalar>>(static_cast<std::size_t>(n));
  Index i = 0;
  for (const auto& x : range) parts[i++] = to_slot(tape, x);
  return parts;
}

template <class R>
concept ArrayRange = requires(const R& r) {
  { *r.begin() } -> AnyArray;
  r.end();
  r.size();
};

}  // namespace detail

/// Parts one below the other. A number or a literal is one row, and repeats over a batch; a dynamics returns one of these.
template <class... X>
  requires(detail::Operand<X> && ...)
auto stack(const X&... x) {
  if constexpr (detail::ArrayOperands<X...>) {
    using R = detail::result_array<X...>;
    using T = typename R::tape_type;
    T* const tape = detail::find_tape<T>(x...);
    if (tape == nullptr) detail::fail<ShapeError>("stack: all parts are constants; plain numbers (0.0, not a row) stack, and so does 0 * y[0]");
    auto* parts = tape->workspace().arena.template allocate<detail::V<typename T::scalar>>(sizeof...(X));
    Index i = 0;
    ((parts[i++] = detail::to_slot(*tape, x)), ...);
    return R(*tape, detail::join_rows(*tape, parts, i));
  } else if constexpr ((detail::EigenDense<X> || ...)) {
    static_assert(((detail::EigenDense<X> || detail::Literal<X>) && ...), "costate: stack mixes Eigen constants with a stack; give it their parts");
    return detail::stack_constants(x...);
  } else {
    auto all = std::tuple_cat(detail::rows_of(x)...);
    return [&]<class... R>(std::tuple<R...>& rows) { return detail::Stacked<R...>{std::move(rows)}; }(all);
  }
}

/// The same as stack, by NumPy's name.
template <class... X>
  requires(detail::Operand<X> && ...)
auto vstack(const X&... x) { return stack(x...); }

/// Parts side by side.
template <class... X>
  requires detail::ArrayOperands<X...>
auto hstack(const X&... x) {
  using R = detail::batch_of<detail::result_array<X...>>;
  using T = typename R::tape_type;
  T* const tape = detail::find_tape<T>(x...);
  if (tape == nullptr) detail::fail<ShapeError>("hstack: all parts are literals");
  auto* parts = tape->workspace().arena.template allocate<detail::V<typename T::scalar>>(sizeof...(X));
  Index i = 0;
  ((parts[i++] = detail::to_slot(*tape, x)), ...);
  return R(*tape, detail::join_columns(*tape, parts, i));
}

/// A list of arrays, such as the states of a solve, one below the other or side by side.
template <detail::ArrayRange R>
auto vstack(const R& list) {
  using A = std::remove_cvref_t<decltype(*list.begin())>;
  if (list.size() == 0) detail::fail<ShapeError>("vstack: the list is empty");
  auto& tape = detail::tape_of(*list.begin());
  const auto n = static_cast<Index>(list.size());
  return A(tape, detail::join_rows(tape, detail::slots_of(tape, list, n), n));
}
template <detail::ArrayRange R>
auto hstack(const R& list) {
  using A = detail::batch_of<std::remove_cvref_t<decltype(*list.begin())>>;
  if (list.size() == 0) detail::fail<ShapeError>("hstack: the list is empty");
  auto& tape = detail::tape_of(*list.begin());
  const auto n = static_cast<Index>(list.size());
  return A(tape, detail::join_columns(tape, detail::slots_of(tape, list, n), n));
}

}  // namespace costate
