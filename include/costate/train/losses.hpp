#pragma once
// Losses: a prediction on the tape against measured targets, as one number averaged over elements (cross entropy: over samples).
//
// The target is an Eigen object of the prediction's shape, or broadcasts to it (a column over a batch); an array on the tape is one too.

#include <algorithm>
#include <concepts>
#include <cstddef>

#include <costate/autodiff/algebra.hpp>

namespace costate {

namespace detail {
/// p − t, of p's shape.
template <class P, class T>
auto residual(const P& prediction, const T& target) {
  const auto r = prediction - target;
  if (r.rows() != prediction.rows() || r.cols() != prediction.cols())
    fail<ShapeError>("a loss of a prediction of ", prediction.rows(), " x ", prediction.cols(), " against targets of ", target.rows(), " x ",
                     target.cols(), "; expected equal shapes, or targets that repeat over the prediction");
  return r;
}
}  // namespace detail

/// mean (p − t)²: the maximum likelihood of normal noise.
template <class P, class T>
  requires detail::ArrayOperands<P, T>
auto squared_loss(const P& prediction, const T& target) {
  return mean(square(detail::residual(prediction, target)));
}

/// mean |p − t|: that of Laplacian noise; indifferent to the size of outliers. Its derivative is 0 where p = t.
template <class P, class T>
  requires detail::ArrayOperands<P, T>
auto absolute_loss(const P& prediction, const T& target) {
  return mean(abs(detail::residual(prediction, target)));
}

/// mean of r²/2 where |r| = |p − t| ≤ delta, else delta (|r| − delta/2): squares that outliers leave linearly (Huber, Ann. Math.
/// Statist. 35 (1964) 73–101). Throws OptionError unless delta > 0.
template <class P, class T>
  requires detail::ArrayOperands<P, T>
auto huber_loss(const P& prediction, const T& target, double delta = 1.0) {
  if (!(delta > 0)) detail::fail<OptionError>("huber_loss with delta = ", delta, "; expected a positive number");
  const auto r = let(abs(detail::residual(prediction, target)));
  const auto inside = let(min(r, delta));
  return mean(0.5 * square(inside) + delta * (r - inside));
}

namespace detail {
template <class L>
concept Labels = !EigenDense<L> && !AnyArray<L> && requires(const L& labels) {
  { labels[0] } -> std::convertible_to<std::ptrdiff_t>;
  labels.size();
};
template <class L>
using position_in = std::conditional_t<EigenDense<L>, Index, std::size_t>;
template <class L>
concept IntegerLabels = Labels<L> || (EigenDense<L> && std::is_integral_v<typename std::remove_cvref_t<L>::Scalar>);
}  // namespace detail

/// −mean over samples of Σ_c q_c log softmax(logits)_c, with target probabilities q: a matrix of the logits' shape, classes × samples.
template <detail::AnyArray P, class Q>
  requires(detail::EigenDense<Q> && !detail::IntegerLabels<Q>)
auto cross_entropy(const P& logits, const Q& probabilities) {
  using S = typename P::scalar;
  if (probabilities.rows() != logits.rows() || probabilities.cols() != logits.cols())
    detail::fail<ShapeError>("cross_entropy: target probabilities of ", probabilities.rows(), " x ", probabilities.cols(), " for logits of ",
                             logits.rows(), " x ", logits.cols(), "; expected equal shapes, one column per sample");
  const auto possible = detail::make_slot(*logits.tape(), logits.rows(), logits.cols());  // 0 · log 0 counts as 0
  detail::MapOut<S>(possible->value, logits.rows(), logits.cols()) = (probabilities.array() != 0).template cast<S>();
  const auto counted = where(ArrayMask<typename P::tape_type>{logits.tape(), possible}, log_softmax(logits), 0);
  return S(-1) / static_cast<S>(logits.cols()) * sum(probabilities.template cast<S>() * counted);
}

/// −mean over samples of log softmax(logits) at each one's class: labels[b] of 0 … classes − 1, a std::vector or an Eigen vector of
/// integers. Throws ShapeError for another number of labels than samples, RangeError for a label without a class.
template <detail::AnyArray P, detail::IntegerLabels L>
auto cross_entropy(const P& logits, const L& labels) {
  using S = typename P::scalar;
  const auto n = static_cast<Index>(labels.size());
  if (n != logits.cols()) detail::fail<ShapeError>("cross_entropy: ", n, " labels for ", logits.cols(), " samples");
  const auto mask = detail::make_slot(*logits.tape(), logits.rows(), n);  // one 1 in each column
  std::fill_n(mask->value, mask->size(), S(0));
  for (Index b = 0; b < n; ++b) {
    const auto label = static_cast<Index>(labels[static_cast<detail::position_in<L>>(b)]);
    if (label < 0 || label >= logits.rows()) detail::fail<RangeError>("cross_entropy: label ", label, " of sample ", b, "; the logits have ", logits.rows(), " classes");
    mask->value[label * n + b] = 1;
  }
  return S(-1) / static_cast<S>(n) * sum(where(ArrayMask<typename P::tape_type>{logits.tape(), mask}, log_softmax(logits), 0));
}

}  // namespace costate
