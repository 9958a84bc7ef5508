#pragma once
// The norm in which errors are measured: in units of the tolerance, so that 1 is the border of acceptance.
//
//   scale_i = atol + rtol max(|y_n,i|, |y_{n+1},i|),   sample: sqrt(mean_i (error_i / scale_i)²),   batch: maximum over samples
//
// A maximum, since a mean over the batch hides one bad sample among 256 by a factor of 16.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <costate/ode/options.hpp>
#include <costate/ode/stage_sum.hpp>

namespace costate {

namespace detail {

/// Consecutive components of a sample that are measured together: Σ (x / (atol + rtol |y|))² is their mean square in tolerances.
template <class S>
struct NormMeasure {
  Eigen::Index first = 0, rows = 0;
  S rtol = 0, atol = 0;
  bool in_norm = true;
};

/// Of the numbers that follow a state, quadratures for example: as one vector.
template <class S>
struct TailNorm {
  Eigen::Index size = 0;
  S rtol = 0, atol = 0;  ///< of one number

  template <class X, class Y>
  double squared(const X& x, const Y& y0, const Y& y1) const {
    const S scale = atol * std::sqrt(static_cast<S>(size)) + rtol * std::max(y0.tail(size).norm(), y1.tail(size).norm());
    const double error = static_cast<double>(x.tail(size).norm() / scale);
    return error * error;
  }
};

}  // namespace detail

/// Measures vectors against the tolerance. Keeps one number per sample of a batch as scratch.
template <class Y>
class ScaledNorm {
 public:
  using S = typename Y::Scalar;

  /// `tail` numbers may follow the state: quadratures, whose error counts as one vector's, beside the samples'.
  ScaledNorm(Shape shape, const SolveOptions& options, Eigen::Index tail = 0) : shape_(shape), kind_(options.norm) {
    const Tolerances<S> tolerances = detail::check_options<S>(options, shape);
    rtol_ = tolerances.rtol;
    atol_ = std::max(tolerances.atol, std::numeric_limits<S>::min());  // a component that is 0 and stays 0 is no error
    tail_ = {tail, rtol_, atol_};
    rows_ = options.norm_rows > 0 ? options.norm_rows : shape.rows;
    // Means are taken beforehand: Σ (x / (s √n))² is the mean of (x / s)².
    const S root = std::sqrt(static_cast<S>(rows_ * (kind_ == ErrorNorm::mean_over_batch ? shape.cols : 1)));
    rtol_ *= root;
    atol_ *= root;
    if (batch()) sums_.resize(shape.cols);
  }

  /// What is measured of a sample.
  [[nodiscard]] std::array<detail::NormMeasure<S>, 1> measures() const { return {{{0, rows_, rtol_, atol_, true}}}; }

  /// The norm of an expression x where the state passes from y0 to y1. NaN where anything is.
  template <class X>
  double operator()(const X& x, const Y& y0, const Y& y1) {
    return std::sqrt(squared(x, y0, y1));
  }

  /// Its square, which is all that a step needs.
  template <class X>
  [[gnu::always_inline]] double squared(const X& x, const Y& y0, const Y& y1) {
    if constexpr (detail::is_small<Y>) {
      return static_cast<double>(rows_ == shape_.rows ? small_sum(x, y0, y1, Y::SizeAtCompileTime) : small_sum(x, y0, y1, rows_));
    } else {
      const double state = batch() ? batch_squared(x, y0, y1) : static_cast<double>(ratios(x, y0, y1).head(rows_).square().sum());
      if (tail_.size == 0) [[likely]] return state;
      const double tail = tail_.squared(x, y0, y1);
      return tail <= state ? state : tail;  // NaN where either is
    }
  }

 private:
  bool batch() const { return shape_.cols != 1; }

  /// The inverse is known before the error is: the error need not wait for a division.
  template <class X>
  auto ratios(const X& x, const Y& y0, const Y& y1) const {
    return x.array() * (atol_ + rtol_ * y0.array().abs().max(y1.array().abs())).inverse();
  }

  /// Over the first n components.
  template <class X>
  [[gnu::always_inline]] S small_sum(const X& x, const Y& y0, const Y& y1, Eigen::Index n) const {
    S sum = 0;
    detail::for_components<Y>([&]<std::size_t I>() {
      if (static_cast<Eigen::Index>(I) >= n) return;
      const S ratio = x.coeff(I) * (1 / (atol_ + rtol_ * std::max(std::abs(y0.coeff(I)), std::abs(y1.coeff(I)))));
      sum += ratio * ratio;
    });
    return sum;
  }

  template <class X>
  double batch_squared(const X& x, const Y& y0, const Y& y1) {
    const Eigen::Index samples = shape_.cols;
    if (kind_ == ErrorNorm::mean_over_batch)
      return static_cast<double>(ratios(x, y0, y1).head(rows_ * samples).square().sum());
    sums_.setZero();
    const auto ratio = ratios(x, y0, y1);
    for (Eigen::Index i = 0; i < rows_; ++i) sums_ += ratio.segment(i * samples, samples).square();
    return static_cast<double>(sums_.template maxCoeff<Eigen::PropagateNaN>());
  }

  Shape shape_;
  ErrorNorm kind_;
  detail::TailNorm<S> tail_;
  Eigen::Index rows_ = 0;
  S rtol_ = 0, atol_ = 0;
  Eigen::Array<S, Eigen::Dynamic, 1> sums_;
};

namespace detail {

/// One pass in packets: 0 · x is NaN for NaN and infinity, 0 otherwise. Meaningless under -ffinite-math-only, as any such test.
template <class Y>
[[gnu::always_inline]] inline bool all_finite(const Y& y) {
  using S = typename Y::Scalar;
  return (y * S(0)).sum() == S(0);
}

}  // namespace detail
}  // namespace costate
