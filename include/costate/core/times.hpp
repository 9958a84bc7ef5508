#pragma once
// Times: evenly spaced grids, the argument type that takes what users have, and the check that a grid is one.
//
// Time is double even where the state is float, because t + h must not lose h; it is long double where the state is.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include <costate/core/concepts.hpp>
#include <costate/core/eigen.hpp>
#include <costate/core/error.hpp>

namespace costate {

/// The type of time beside states of S: long double for long double, else double.
template <class S>
using time_t_of = std::conditional_t<std::is_same_v<S, long double>, long double, double>;

/// n evenly spaced times from a to b: tᵢ = a + i·(b − a)/(n − 1), both ends exact. n = 1 gives a alone; b < a runs backward.
/// Throws OptionError if n < 1, TimeError if an end, or n times their distance, is not finite.
template <class A, class B, std::integral N>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
auto linspace(A a, B b, N n) {
  using T = time_t_of<std::common_type_t<A, B>>;
  const T first = static_cast<T>(a), last = static_cast<T>(b), length = last - first;
  if (n < 1) detail::fail<OptionError>("linspace needs n >= 1 times, but n is ", n, ".");
  if (!std::isfinite(length * static_cast<T>(n)))
    detail::fail<TimeError>("linspace needs ends that are finite and not too far apart, but they are ", a, " and ", b, ".");
  Eigen::Vector<T, Eigen::Dynamic> t(static_cast<Eigen::Index>(n));
  for (Eigen::Index i = 0; i < t.size(); ++i) t[i] = i == 0 ? first : first + static_cast<T>(i) * length / static_cast<T>(n - 1);
  if (n > 1) t[t.size() - 1] = last;
  return t;
}

/// Throws TimeError unless t[0], …, t[n − 1] are at least one, finite, and strictly increasing or strictly decreasing.
template <std::floating_point T>
void check_times(const T* t, std::ptrdiff_t n) {
  if (n < 1) detail::fail<TimeError>("There are no times: give at least the initial one.");
  for (std::ptrdiff_t i = 0; i < n; ++i)
    if (!std::isfinite(t[i])) detail::fail<TimeError>("Times must be finite, but times[", i, "] is ", t[i], ".");
  for (std::ptrdiff_t i = 1; i < n; ++i) {
    const bool up = t[0] < t[1];
    if (!(up ? t[i - 1] < t[i] : t[i - 1] > t[i]))
      detail::fail<TimeError>("Times must be strictly increasing or strictly decreasing, but times[", i, "] = ", t[i],
                              " follows times[", i - 1, "] = ", t[i - 1],
                              i == 1 ? "."
                              : up   ? " in increasing times."
                                     : " in decreasing times.");
  }
}

namespace detail {

template <class R>
concept Range = !EigenDense<R> && requires(R & r) {
  std::begin(r);
  std::end(r);
};

template <class R>
struct RangeValue {
  using type = std::remove_cvref_t<decltype(*std::begin(std::declval<R&>()))>;
};
template <EigenDense R>
struct RangeValue<R> {
  using type = typename std::remove_cvref_t<R>::Scalar;
};

}  // namespace detail

/// What holds numbers one after another: a standard container, an array, a view, an Eigen vector or expression.
template <class R>
concept NumberRange = detail::EigenDense<R> || detail::Range<R>;

/// The type of the numbers in R.
template <NumberRange R>
using range_value_t = typename detail::RangeValue<R>::type;

/// Times as a parameter: braces of numbers, and any range of floating-point numbers, convert implicitly; the values are copied.
/// Times are not checked here, because what they must fulfil depends on their use: see check_times.
template <std::floating_point T>
class BasicTimes {
 public:
  BasicTimes() = default;
  BasicTimes(std::initializer_list<T> t) : t_(t) {}

  template <NumberRange R>
  requires(!std::same_as<std::remove_cvref_t<R>, BasicTimes>) BasicTimes(R&& times) { assign(std::forward<R>(times)); }

  /// Takes over the values and keeps its own memory, so that later calls need not allocate.
  template <NumberRange R>
  void assign(R&& times) {
    using Value = range_value_t<R>;
    static_assert(std::is_floating_point_v<Value>,
                  "costate: times are floating-point numbers; convert integers first, as in std::vector<double>.");
    if constexpr (!std::is_floating_point_v<Value>) {
    } else if constexpr (detail::EigenDense<R>) {
      static_assert(std::remove_cvref_t<R>::IsVectorAtCompileTime, "costate: times are one vector, not a matrix.");
      const auto& values = times.derived().eval();
      t_.resize(static_cast<std::size_t>(values.size()));
      for (std::size_t i = 0; i < t_.size(); ++i) t_[i] = static_cast<T>(values.coeff(static_cast<Eigen::Index>(i)));
    } else {
      t_.clear();
      for (const auto& t : times) t_.push_back(static_cast<T>(t));
    }
  }

  std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(t_.size()); }
  bool empty() const { return t_.empty(); }
  T operator[](std::ptrdiff_t i) const { return t_[static_cast<std::size_t>(i)]; }
  T front() const { return t_.front(); }
  T back() const { return t_.back(); }
  const T* data() const { return t_.data(); }
  const T* begin() const { return t_.data(); }
  const T* end() const { return t_.data() + t_.size(); }

 private:
  std::vector<T> t_;
};

/// The usual times; `template <class T = Times> … solve(…, const T& times)` lets braces work beside every other type.
using Times = BasicTimes<double>;

template <std::floating_point T>
void check_times(const BasicTimes<T>& times) {
  check_times(times.data(), times.size());
}

}  // namespace costate
