#pragma once
// The norm in which errors of a state of several parts are measured: root mean square over each part in units of its own tolerance (of a
// batch, over each sample's), and the worst part decides. A part of one number is not drowned by one of ten thousand, as it would be in a
// mean over all.
//
// A right-hand side says by norm_parts() that its state has parts; see parts.hpp and cost.hpp for those that do.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <costate/ode/error_norm.hpp>

namespace costate {

/// Consecutive components (rows) of a state that are measured together, with what tolerance.
struct NormPart {
  Eigen::Index rows = 0;
  std::optional<double> rtol = std::nullopt;  ///< default: the solve's
  std::optional<double> atol = std::nullopt;  ///< likewise
  bool in_norm = true;                        ///< otherwise its error is not looked at
  const char* name = nullptr;                 ///< for messages
  bool integral = false;                      ///< nothing depends on it: backward, it need not be known
  bool adjoint = false;                       ///< a cotangent of the part of this name or number
  bool tangent = false;                       ///< a derivative of it: forward, it has no say in the step

  bool operator==(const NormPart&) const = default;

  [[nodiscard]] bool own_tolerances() const { return in_norm && (rtol || atol); }
  /// Makes its own tolerances so much of themselves, a relative one no less than the finest.
  void scale_tolerances(double factor, double finest) {
    if (rtol) rtol = std::max(*rtol * factor, std::min(*rtol, finest));
    if (atol) atol = *atol * factor;
  }
};

namespace detail {

/// What says how its state is measured.
template <class Rhs>
concept Parted = requires(const Rhs& f) { f.norm_parts(); };
/// A dynamics whose state of so many rows has parts.
template <class F>
concept PartedFunction = requires(const F& f, Eigen::Index rows) { f.norm_parts(rows); };

/// How many; 0 of a plain state.
template <class F>
inline constexpr std::size_t norm_part_count = 0;
template <PartedFunction F>
inline constexpr std::size_t norm_part_count<F> =
    std::tuple_size_v<std::remove_cvref_t<decltype(std::declval<const F&>().norm_parts(Eigen::Index()))>>;

template <std::size_t N>
std::string name_part(const std::array<NormPart, N>& parts, std::size_t i) {
  const NormPart& p = parts[i];
  const std::size_t number = p.adjoint && N > 1 && !parts[0].adjoint ? i - N / 2 : i;
  std::string text = (p.adjoint ? "the adjoint of part " : "part ") + std::to_string(number);
  if (p.name != nullptr) text += std::string(" (") + p.name + ')';
  return text;
}

}  // namespace detail

/// Measures vectors of N parts against their tolerances.
template <class Y, std::size_t N>
class PartNorm {
 public:
  using S = typename Y::Scalar;
  using Parts = std::array<NormPart, N>;

  /// `tail` numbers may follow the state, see ScaledNorm; they are measured as one vector by the solve's own tolerance.
  PartNorm(Shape shape, const SolveOptions& options, Eigen::Index tail, const Parts& parts)
      : shape_(shape), kind_(options.norm), parts_(parts) {
    const Tolerances<S> common = detail::check_options<S>(options, shape);
    if (options.norm_rows != 0)
      detail::fail<OptionError>("SolveOptions::norm_rows = ", options.norm_rows,
                                ": this state has parts; say of each of them whether it is in the norm");
    tail_ = {tail, common.rtol, std::max(common.atol, std::numeric_limits<S>::min())};
    Eigen::Index rows = 0;
    bool any = false;
    for (std::size_t i = 0; i < N; ++i) {
      const NormPart& part = parts_[i];
      Measure& m = measures_[i];
      const Tolerances<S> own = tolerances(options, i);
      // Means are taken beforehand, as in ScaledNorm.
      const S root = std::sqrt(static_cast<S>(part.rows * (kind_ == ErrorNorm::mean_over_batch ? shape.cols : 1)));
      m = {rows, part.rows, own.rtol * root, std::max(own.atol, std::numeric_limits<S>::min()) * root, part.in_norm};
      if constexpr (detail::is_small<Y>)
        for (Eigen::Index r = rows; r < rows + part.rows && r < Y::SizeAtCompileTime; ++r) part_of_[static_cast<std::size_t>(r)] = i;
      rows += part.rows;
      any |= part.in_norm;
    }
    if (rows != shape.rows) detail::fail<ShapeError>("the parts have ", rows, " components, the state has ", shape.rows);
    if (!any) detail::fail<OptionError>("no part of the state is in the error norm: nothing would control the step");
    if (batch()) sums_.resize(shape.cols);
  }

  [[nodiscard]] const Parts& parts() const { return parts_; }
  /// What is measured of a sample.
  [[nodiscard]] const std::array<detail::NormMeasure<S>, N>& measures() const { return measures_; }

  /// The norm of an expression x where the state passes from y0 to y1. NaN where anything in it is.
  template <class X>
  double operator()(const X& x, const Y& y0, const Y& y1) {
    return std::sqrt(squared(x, y0, y1));
  }
  template <class X>
  double squared(const X& x, const Y& y0, const Y& y1) {
    double worst = 0;
    const auto count = [&](double sum) {
      if (!(sum <= worst) && worst == worst) worst = sum;
    };
    if constexpr (detail::is_small<Y>) {
      std::array<S, N> sums{};
      detail::for_components<Y>([&]<std::size_t I>() {
        const std::size_t p = part_of_[I];
        const S ratio = x.coeff(I) * (1 / (measures_[p].atol + measures_[p].rtol * std::max(std::abs(y0.coeff(I)), std::abs(y1.coeff(I)))));
        sums[p] += ratio * ratio;
      });
      for (std::size_t i = 0; i < N; ++i)
        if (measures_[i].in_norm) count(static_cast<double>(sums[i]));
    } else {
      for (const Measure& m : measures_)
        if (m.in_norm) count(part_squared(m, x, y0, y1));
      if (tail_.size != 0) count(tail_.squared(x, y0, y1));
    }
    return worst;
  }

  /// Names the first part of y that is not finite, for a message; empty if all are.
  [[nodiscard]] std::string non_finite_part(const Y& y) const {
    for (std::size_t i = 0; i < N; ++i) {
      const Measure& m = measures_[i];
      if ((y.segment(m.first * shape_.cols, m.rows * shape_.cols) * S(0)).sum() != S(0)) return detail::name_part(parts_, i);
    }
    return {};
  }

 private:
  using Measure = detail::NormMeasure<S>;

  bool batch() const { return shape_.cols != 1; }

  /// Of part i, checked.
  Tolerances<S> tolerances(SolveOptions options, std::size_t i) const {
    if (parts_[i].rtol) options.rtol = parts_[i].rtol;
    if (parts_[i].atol) options.atol = parts_[i].atol;
    try {
      return detail::check_options<S>(options, shape_);
    } catch (const OptionError& e) {
      throw OptionError(detail::name_part(parts_, i) + ": " + e.what());
    }
  }

  template <class X>
  double part_squared(const Measure& m, const X& x, const Y& y0, const Y& y1) {
    const Eigen::Index samples = shape_.cols;
    const auto squares = [&](Eigen::Index first, Eigen::Index n) {
      return (x.array().segment(first, n) *
              (m.atol + m.rtol * y0.array().segment(first, n).abs().max(y1.array().segment(first, n).abs())).inverse()).square();
    };
    if (!batch() || kind_ == ErrorNorm::mean_over_batch) return static_cast<double>(squares(m.first * samples, m.rows * samples).sum());
    sums_.setZero();
    for (Eigen::Index i = m.first; i < m.first + m.rows; ++i) sums_ += squares(i * samples, samples);
    return static_cast<double>(sums_.template maxCoeff<Eigen::PropagateNaN>());
  }

  Shape shape_;
  ErrorNorm kind_;
  detail::TailNorm<S> tail_;
  Parts parts_;
  std::array<Measure, N> measures_{};
  std::array<std::size_t, detail::is_small<Y> ? static_cast<std::size_t>(Y::SizeAtCompileTime) : 1> part_of_{};
  Eigen::Array<S, Eigen::Dynamic, 1> sums_;
};

namespace detail {

/// The norm that a right-hand side wants.
template <class Y, class Rhs>
auto norm_of([[maybe_unused]] const Rhs& rhs, Shape shape, const SolveOptions& options, Eigen::Index tail) {
  if constexpr (Parted<Rhs>) {
    const auto parts = rhs.norm_parts();
    return PartNorm<Y, std::tuple_size_v<std::remove_cvref_t<decltype(parts)>>>(shape, options, tail, parts);
  } else {
    return ScaledNorm<Y>(shape, options, tail);
  }
}
template <class Y, class Rhs>
using norm_of_t = decltype(norm_of<Y>(std::declval<const Rhs&>(), Shape{}, std::declval<const SolveOptions&>(), 0));

/// Whether an engine measures its state in other parts than a right-hand side has.
template <class Engine, class Rhs>
bool other_parts([[maybe_unused]] const Engine& engine, [[maybe_unused]] const Rhs& rhs) {
  if constexpr (Parted<Rhs>) return !(engine.norm().parts() == rhs.norm_parts());
  else return false;
}

/// A right-hand side with parts that somebody else knows.
template <class Rhs, std::size_t N>
struct PartedRhs : Rhs {
  std::array<NormPart, N> parts;
  [[nodiscard]] const std::array<NormPart, N>& norm_parts() const { return parts; }
};

}  // namespace detail
}  // namespace costate
