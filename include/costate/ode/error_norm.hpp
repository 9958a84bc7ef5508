#pragma once
// The norm in which errors are measured: in units of the tolerance, so that 1 is the border of acceptance.
//
//   scale_i = atol + rtol max(|y_n,i|, |y_{n+1},i|),   sample: sqrt(mean_i (error_i / scale_i)²),   batch: maximum over samples
//
// A maximum, since a mean over the batch hides one bad sample among 256 by a factor of 16.

#include <algorithm>
#include <cmath>
#include <limits>

#include <costate/ode/options.hpp>

namespace costate {

/// Measures vectors against the tolerance. Keeps one number per sample of a batch as scratch.
template <class Y>
class ScaledNorm {
 public:
  using S = typename Y::Scalar;

  ScaledNorm(Shape shape, const SolveOptions& options) : shape_(shape), kind_(options.norm) {
    const Tolerances<S> tolerances = detail::check_options<S>(options, shape);
    rtol_ = tolerances.rtol;
    atol_ = std::max(tolerances.atol, std::numeric_limits<S>::min());  // a component that is 0 and stays 0 is no error
    rows_ = options.norm_rows > 0 ? options.norm_rows : shape.rows;
    if (batch()) sums_.resize(shape.cols);
  }

  /// The norm of an expression x where the state passes from y0 to y1. NaN where anything is.
  template <class X>
  double operator()(const X& x, const Y& y0, const Y& y1) {
    const S n = static_cast<S>(rows_);
    if (!batch()) {
      const S sum = rows_ == shape_.rows ? squares(x, y0, y1).sum() : squares(x, y0, y1).head(rows_).sum();
      return static_cast<double>(std::sqrt(sum / n));
    }
    const Eigen::Index samples = shape_.cols;
    if (kind_ == ErrorNorm::mean_over_batch)
      return static_cast<double>(std::sqrt(squares(x, y0, y1).head(rows_ * samples).sum() / (n * static_cast<S>(samples))));
    sums_.setZero();
    const auto ratio = squares(x, y0, y1);
    for (Eigen::Index i = 0; i < rows_; ++i) sums_ += ratio.segment(i * samples, samples);
    return static_cast<double>(std::sqrt(sums_.template maxCoeff<Eigen::PropagateNaN>() / n));
  }

 private:
  bool batch() const { return shape_.cols != 1; }
  template <class X>
  auto squares(const X& x, const Y& y0, const Y& y1) const {
    return (x.array() / (atol_ + rtol_ * y0.array().abs().max(y1.array().abs()))).square();
  }

  Shape shape_;
  ErrorNorm kind_;
  Eigen::Index rows_ = 0;
  S rtol_ = 0, atol_ = 0;
  Eigen::Array<S, Eigen::Dynamic, 1> sums_;
};

namespace detail {

/// One pass in packets: 0 · x is NaN for NaN and infinity, 0 otherwise. Meaningless under -ffinite-math-only, as any such test.
template <class Y>
bool all_finite(const Y& y) {
  using S = typename Y::Scalar;
  return (y * S(0)).sum() == S(0);
}

}  // namespace detail
}  // namespace costate
