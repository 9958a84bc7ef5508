#pragma once
// Products and reductions of arrays on a tape.
//
// Rows are components, columns samples. matmul is the matrix product; `*` is elementwise.

#include <cmath>

#include <costate/autodiff/elementary.hpp>
#include <costate/autodiff/linear.hpp>
#include <costate/autodiff/stack.hpp>

namespace costate {

namespace detail {
/// The result of a product with x on the right: a constant on the left may have any shape and still leaves one sample one sample.
template <class X, class... Left>
using result_of_product = Array<tape_among<X, Left...>, common_kind<X, std::conditional_t<AnyArray<Left>, Left, int>...>>;
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
  if constexpr (K >= Kind::array) return x;
  else return number_of<K>(tape_of(x), x.slot());
}
}  // namespace detail

/// The sum of all elements.
template <class T, Kind K>
auto sum(const Array<T, K>& x) { return detail::as_number(detail::reduce(x, 1, 1, 1)); }
/// The mean of all elements.
template <class T, Kind K>
auto mean(const Array<T, K>& x) {
  if (x.size() == 0) detail::fail<ShapeError>("mean of an array without elements");
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

// ---- over the components of each sample ---------------------------------------------------------------------------------------

namespace detail {
/// The largest component of each sample, as a constant; 0 where it is not finite.
template <class T, Kind K>
Array<T, K> column_maximum(const Array<T, K>& x) {
  using S = typename T::scalar;
  if (x.rows() == 0) fail<ShapeError>("softmax, log_softmax or logsumexp of samples without components");
  const auto s = make_slot(tape_of(x), 1, x.cols());
  MapOut<S>(s->value, 1, x.cols()) = x.values().colwise().maxCoeff();
  for (Index j = 0; j < x.cols(); ++j)
    if (!(s->value[j] - s->value[j] == S(0))) s->value[j] = S(0);
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
template <class T, Kind K>
  requires(K >= Kind::array)
struct NumberType<Array<T, K>> : std::type_identity<Array<T, K>> {};
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
