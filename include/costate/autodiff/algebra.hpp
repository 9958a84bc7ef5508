#pragma once
// Products, reductions, slices and stacks of arrays on a tape.
//
// Rows are components, columns samples. matmul is the matrix product; `*` is elementwise.

#include <vector>

#include "costate/autodiff/elementary.hpp"
#include "costate/autodiff/stacked.hpp"

namespace costate {

namespace detail {
/// The result of a product with x on the right: a constant on the left may have any shape and still leaves one sample one sample.
template <class X, class... Left>
using result_of_product = Array<tape_among<X, Left...>, common_kind<X, std::conditional_t<AnyArray<Left>, Left, int>...>>;
/// An array whose columns are samples, whatever they were before.
template <class A>
using batch_of = Array<typename A::tape_type, Kind::array>;
}  // namespace detail

/// The matrix product a b. Either factor may be an Eigen matrix (a constant).
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto matmul(const A& a, const B& b) {
  using R = detail::result_of_product<B, A>;
  using T = typename R::tape_type;
  using S = typename T::scalar;
  T* const tape = detail::find_tape<T>(a, b);
  if (tape == nullptr) detail::fail<ShapeError>("matmul: a literal is no matrix; use * to scale");
  const auto x = detail::to_slot(*tape, a), y = detail::to_slot(*tape, b);
  if (x->cols != y->rows)
    detail::fail<ShapeError>("matmul: shapes ", x->rows, " x ", x->cols, " and ", y->rows, " x ", y->cols, " do not fit; inner extents must be equal");
  return R(*tape, detail::apply(*tape, detail::MatrixProduct<S, detail::Form::ab>{x, y}));
}

/// activation(w x + b) as one operation: w is m x n, b has m values, x has n rows. The activation is one of the objects
/// costate::nn::tanh, sigmoid, relu, identity, …, given here by its function type.
template <class F, class W, class B, class X>
  requires detail::ArrayOperands<W, B, X>
auto dense(const W& w, const B& b, const X& x, F) {
  using R = detail::result_of_product<X, W, B>;
  using T = typename R::tape_type;
  using S = typename T::scalar;
  T* const tape = detail::find_tape<T>(w, b, x);
  if (tape == nullptr) detail::fail<ShapeError>("dense: weights, bias and input are all literals");
  const auto W_ = detail::to_slot(*tape, w), b_ = detail::to_slot(*tape, b), x_ = detail::to_slot(*tape, x);
  if (W_->cols != x_->rows || b_->size() != W_->rows || b_->cols != 1)
    detail::fail<ShapeError>("dense: weights ", W_->rows, " x ", W_->cols, ", bias ", b_->rows, " x ", b_->cols, " and input ", x_->rows, " x ", x_->cols,
                             " do not fit; expected a bias of ", W_->rows, " x 1 and an input with ", W_->cols, " rows");
  if constexpr (std::is_same_v<F, detail::fn::Tanh> || std::is_same_v<F, detail::fn::Sigmoid> || std::is_same_v<F, detail::fn::Relu> ||
                std::is_same_v<F, detail::Identity>) {
    return R(*tape, detail::apply(*tape, detail::DenseLayer<S, F>{W_, b_, x_}));
  } else {
    const auto z = detail::apply(*tape, detail::DenseLayer<S, detail::Identity>{W_, b_, x_});
    return R(*tape, detail::apply(*tape, detail::Unary<S, F>(z)));
  }
}
template <class W, class B, class X>
  requires detail::ArrayOperands<W, B, X>
auto dense(const W& w, const B& b, const X& x) {
  return dense(w, b, x, detail::Identity{});
}

// ---- reductions ---------------------------------------------------------------------------------------------------------------

namespace detail {
template <class T, Kind K>
Array<T, K> reduce(const Array<T, K>& x, typename T::scalar factor, Index rows, Index cols) {
  if (x.slot() == nullptr) return Array<T, K>(factor * x.value());
  return Array<T, K>(*x.tape(), apply(*x.tape(), Scale<typename T::scalar>(x.slot(), factor, rows, cols)));
}
template <class T, Kind K>
auto as_number(const Array<T, K>& x) {
  if constexpr (K == Kind::array) return x;
  else return number_of<K>(tape_of(x), x.slot());
}
}  // namespace detail

/// The sum of all elements.
template <class T, Kind K>
auto sum(const Array<T, K>& x) { return detail::as_number(detail::reduce(x, 1, 1, 1)); }
/// The mean of all elements.
template <class T, Kind K>
auto mean(const Array<T, K>& x) {
  return detail::as_number(detail::reduce(x, typename T::scalar(1) / static_cast<typename T::scalar>(x.size()), 1, 1));
}
/// The sum over components of each sample: one row.
template <class T, Kind K>
auto colwise_sum(const Array<T, K>& x) { return detail::reduce(x, 1, 1, x.cols()); }
template <class T, Kind K>
auto colwise_mean(const Array<T, K>& x) { return detail::reduce(x, typename T::scalar(1) / static_cast<typename T::scalar>(x.rows()), 1, x.cols()); }
/// The sum over samples of each component: one column.
template <class T, Kind K>
auto rowwise_sum(const Array<T, K>& x) { return detail::reduce(x, 1, x.rows(), 1); }
template <class T, Kind K>
auto rowwise_mean(const Array<T, K>& x) { return detail::reduce(x, typename T::scalar(1) / static_cast<typename T::scalar>(x.cols()), x.rows(), 1); }
/// A number is its own sum; so is a plain one, as the component of one sample that nobody differentiates.
template <class X>
  requires(detail::Number<X> || detail::Literal<X>)
auto sum(const X& x) { return x; }
template <class X>
  requires(detail::Number<X> || detail::Literal<X>)
auto mean(const X& x) { return x; }

/// Σ a b over all elements.
template <class A, class B>
  requires detail::ArrayOperands<A, B>
auto dot(const A& a, const B& b) {
  using R = detail::result_array<A, B>;
  using T = typename R::tape_type;
  T* const tape = detail::find_tape<T>(a, b);
  if (tape == nullptr) detail::fail<ShapeError>("dot: neither operand is tied to a tape");
  const auto x = detail::to_slot(*tape, a), y = detail::to_slot(*tape, b);
  if (x->rows != y->rows || x->cols != y->cols)
    detail::fail<ShapeError>("dot: shapes ", x->rows, " x ", x->cols, " and ", y->rows, " x ", y->cols, " differ");
  return detail::as_number(R(*tape, detail::apply(*tape, detail::Product<typename T::scalar>(x, y, 1, 1, 1))));
}

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
Array<T, Kind::array> transpose(const Array<T, K>& x) {
  if (x.slot() == nullptr) return x.value();
  return {*x.tape(), detail::apply(*x.tape(), detail::Transpose<typename T::scalar>{x.slot()})};
}

// ---- stacks -------------------------------------------------------------------------------------------------------------------

namespace detail {

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

// ---- over the components of each sample ---------------------------------------------------------------------------------------

namespace detail {
/// The largest component of each sample, as a constant.
template <class T, Kind K>
Array<T, K> column_maximum(const Array<T, K>& x) {
  const auto s = make_slot(tape_of(x), 1, x.cols());
  MapOut<typename T::scalar>(s->value, 1, x.cols()) = x.values().colwise().maxCoeff();
  return {*x.tape(), s};
}
}  // namespace detail

/// log Σ exp(x) over the components of each sample, one row, without overflow.
template <class T, Kind K>
auto logsumexp(const Array<T, K>& x) {
  const auto top = detail::column_maximum(x);
  return top + log(colwise_sum(exp(x - top)));
}
/// x - logsumexp(x): the logarithm of softmax(x).
template <class T, Kind K>
auto log_softmax(const Array<T, K>& x) {
  const auto shifted = x - detail::column_maximum(x);
  return shifted - log(colwise_sum(exp(shifted)));
}
/// exp(x) / Σ exp(x) over the components of each sample.
template <class T, Kind K>
auto softmax(const Array<T, K>& x) {
  const auto e = exp(x - detail::column_maximum(x));
  return e / colwise_sum(e);
}

// ---- names ----------------------------------------------------------------------------------------------------------------------

namespace detail {
template <class Y>
struct NumberType;
template <class T>
struct NumberType<Array<T, Kind::plain>> : std::type_identity<typename T::scalar> {};
template <class T>
struct NumberType<Array<T, Kind::sample>> : std::type_identity<Named<T>> {};
template <class T>
struct NumberType<Array<T, Kind::array>> : std::type_identity<Array<T, Kind::array>> {};
template <class T>
struct NumberType<Named<T>> : std::type_identity<Named<T>> {};
template <class T, int N>
struct NumberType<Expression<T, N>> : std::type_identity<Named<T>> {};
template <class S>
  requires std::is_arithmetic_v<S>
struct NumberType<S> : std::type_identity<S> {};
}  // namespace detail

/// The type of one component of y: for accumulators, mutable variables and std::vector elements inside a dynamics.
template <class Y>
using number_t = typename detail::NumberType<std::remove_cvref_t<Y>>::type;

/// Names an intermediate that is used more than once, so that it is computed and differentiated once.
template <class X>
auto let(const X& x) {
  if constexpr (detail::is_number<X>) return Named<detail::tape_type_of<X>>(x);
  else return x;
}

}  // namespace costate
