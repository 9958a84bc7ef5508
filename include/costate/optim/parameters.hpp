#pragma once
// What every optimiser needs: parameters and gradient as flat memory, the checks that precede any change, and the state.
//
// Parameters are any writable Eigen object (a vector, a matrix, a segment, a map) or a std::vector of float, double or long
// double; the gradient has the same shape and scalar. All is checked before anything is written, so a step that throws has
// changed nothing. The optimisers themselves are no templates: their state takes the parameters' type at the first step, so
// the user's line is the same for every scalar, and a float model has a float state, half the memory of double.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <costate/core/eigen.hpp>
#include <costate/core/elementwise.hpp>
#include <costate/core/error.hpp>
#include <costate/core/math.hpp>

namespace costate::optim::detail {

using costate::detail::fail;
using costate::detail::for_each_packet;

template <class T>
struct IsStdVector : std::false_type {};
template <class S, class A>
struct IsStdVector<std::vector<S, A>> : std::true_type {};

// An Eigen object as it is, a std::vector as a map of it.
template <class T>
decltype(auto) as_eigen(T&& x) {
  if constexpr (IsStdVector<std::remove_cvref_t<T>>::value) {
    using S = typename std::remove_cvref_t<T>::value_type;
    static_assert(std::is_floating_point_v<S>, "costate: parameters and gradients are float, double or long double.");
    using Vector = std::conditional_t<std::is_const_v<std::remove_reference_t<T>>, const Eigen::VectorX<S>, Eigen::VectorX<S>>;
    return Eigen::Map<Vector>(x.data(), static_cast<Eigen::Index>(x.size()));
  } else {
    static_assert(
        requires { []<class D>(const Eigen::DenseBase<D>&) {}(x); },
        "costate: parameters and gradients are Eigen objects or std::vectors.");
    static_assert(std::is_floating_point_v<typename std::remove_cvref_t<T>::Scalar>,
                  "costate: parameters and gradients are float, double or long double.");
    return static_cast<T&&>(x);
  }
}

template <class D>
inline constexpr bool is_memory = (std::remove_cvref_t<D>::Flags & Eigen::DirectAccessBit) != 0;
template <class D>
inline constexpr bool is_writable = is_memory<D> && (std::remove_cvref_t<D>::Flags & Eigen::LvalueBit) != 0;

/// Calls body(pointer to x, pointer to gradient, length, offset) for every contiguous run of elements that both share.
template <class X, class G, class Body>
void for_each_run(X& x, const G& gradient, Body body) {
  using Index = Eigen::Index;
  static_assert(bool(X::IsRowMajor) == bool(G::IsRowMajor));
  const bool inner_contiguous = x.innerStride() == 1 && gradient.innerStride() == 1;
  const Index inner = x.innerSize(), outer = x.outerSize();
  const bool one_run = inner_contiguous && (outer == 1 || (x.outerStride() == inner && gradient.outerStride() == inner));
  if (one_run) return body(x.data(), gradient.data(), x.size(), Index{0});
  for (Index j = 0; j < outer; ++j) {
    auto* const to = x.data() + j * x.outerStride();
    const auto* const from = gradient.data() + j * gradient.outerStride();
    if (inner_contiguous)
      body(to, from, inner, j * inner);
    else
      for (Index i = 0; i < inner; ++i)
        body(to + i * x.innerStride(), from + i * gradient.innerStride(), Index{1}, j * inner + i);
  }
}

/// What an optimiser makes of a gradient: some keep averages of its square, which must not overflow.
enum class Moments { first, first_and_second };

/// Throws NonFiniteError, with the first index, unless every element, and its square where that is used, is finite.
template <class G>
void check_finite(const G& gradient, const char* what, Moments moments) {
  using S = typename G::Scalar;
  const bool squared = moments == Moments::first_and_second;
  bool finite = true;
  for_each_run(gradient, gradient, [&](const S* x, const S*, std::ptrdiff_t n, std::ptrdiff_t) {
    simd::Packet<S> zero = 0;  // 0·x is NaN for infinities and NaN
    for_each_packet<S>(n, [&](auto place) {
      const auto g = place.load(x);
      zero += 0 * (squared ? g * g : g);
    });
    finite = finite && simd::sum(zero) == 0;
  });
  if (finite) return;
  for (Eigen::Index j = 0; j < gradient.cols(); ++j)
    for (Eigen::Index i = 0; i < gradient.rows(); ++i) {
      const S g = gradient(i, j);
      if (!std::isfinite(g))
        fail<NonFiniteError>("The gradient is ", g, " at row ", i, ", column ", j, ": ", what,
                             " left everything as it was. Check the loss, or lower the learning rate.");
      if (squared && !std::isfinite(g * g))
        fail<NonFiniteError>("The gradient is ", g, " at row ", i, ", column ", j, ", whose square, which ", what,
                             " needs, is not finite: everything was left as it was. Scale the loss, or clip the gradient.");
    }
}

// The gradient in memory laid out like x: itself where possible, else evaluated (expressions, other storage orders).
template <class X, class G>
decltype(auto) laid_out_like(const X&, const G& gradient) {
  if constexpr (is_memory<G> && (bool(X::IsRowMajor) == bool(G::IsRowMajor)))
    return (gradient);
  else
    return Eigen::Matrix<typename X::Scalar, X::RowsAtCompileTime, X::ColsAtCompileTime, X::PlainObject::Options>(gradient);
}

/// The state of an optimiser: its iteration, and `slots` numbers per parameter in the parameters' type, slot after slot.
class State {
 public:
  std::int64_t iteration = 0;

  template <class S>
  const std::vector<S>& values() const {
    static const std::vector<S> none;
    if (size() == 0) return none;
    const auto* v = std::get_if<std::vector<S>>(&values_);
    if (v == nullptr) fail<ShapeError>("The optimiser's state is of another floating-point type: it has the parameters' type.");
    return *v;
  }

  template <class S>
  void restore(std::int64_t at, std::vector<S> values, int slots) {
    if (at < 0) fail<OptionError>("An optimiser's iteration is a count, not ", at, ".");
    if (slots == 0 ? !values.empty() : values.size() % static_cast<std::size_t>(slots) != 0)
      fail<ShapeError>("The optimiser's state has ", slots, " numbers per parameter, which ", values.size(),
                       " numbers cannot be.");
    for (const S x : values)
      if (!std::isfinite(x)) fail<NonFiniteError>("The optimiser's state to be restored contains ", x, ".");
    values_ = std::move(values);
    iteration = at;
  }

  void reset() {
    iteration = 0;
    values_ = std::vector<double>();
  }

  /// Checks parameters and gradient, then calls body(theta, gradient, state, n, stride) for every run: slot k of a run's
  /// parameters begins at state + k·stride. The iteration has been counted then.
  template <class Theta, class Gradient, class Body>
  void step(int slots, Moments moments, const char* what, Theta&& theta_, const Gradient& gradient_, Body body) {
    auto&& theta = as_eigen(std::forward<Theta>(theta_));
    auto&& given = as_eigen(gradient_);
    using X = std::remove_cvref_t<decltype(theta)>;
    using S = typename X::Scalar;
    static_assert(is_writable<X> && !std::is_const_v<std::remove_pointer_t<decltype(theta.data())>>,
                  "costate: the parameters must be writable memory, not an expression and not const.");
    static_assert(std::is_same_v<S, typename std::remove_cvref_t<decltype(given)>::Scalar>,
                  "costate: the gradient must have the parameters' scalar type; cast it first.");
    if (theta.rows() != given.rows() || theta.cols() != given.cols())
      fail<ShapeError>(what, " needs a gradient of the parameters' shape, ", theta.rows(), " x ", theta.cols(), ", but it is ",
                       given.rows(), " x ", given.cols(), ".");
    auto&& gradient = laid_out_like(theta, given);
    check_finite(gradient, what, moments);
    S* const state = reserve<S>(slots, static_cast<std::size_t>(theta.size()), what);
    ++iteration;
    const std::ptrdiff_t stride = theta.size();
    for_each_run(theta, gradient,
                 [&](S* x, const S* g, std::ptrdiff_t n, std::ptrdiff_t offset) { body(x, g, state + offset, n, stride); });
  }

 private:
  std::size_t size() const {
    return std::visit([](const auto& v) { return v.size(); }, values_);
  }

  template <class S>
  S* reserve(int slots, std::size_t parameters, const char* what) {
    const std::size_t needed = static_cast<std::size_t>(slots) * parameters;
    if (size() == 0 && (iteration == 0 || slots == 0)) values_ = std::vector<S>(needed);
    auto* v = std::get_if<std::vector<S>>(&values_);
    if (v == nullptr)
      fail<ShapeError>(what, " has stepped parameters of another floating-point type; reset() it, or use a second one.");
    if (v->size() != needed)
      fail<ShapeError>(what, " has stepped ", slots == 0 ? 0 : v->size() / static_cast<std::size_t>(slots),
                       " parameters before, not ", parameters, "; reset() it, or use a second one.");
    return v->data();
  }

  std::variant<std::vector<double>, std::vector<float>, std::vector<long double>> values_;
};

inline void check_learning_rate(double x) {
  if (!(std::isfinite(x) && x >= 0)) fail<OptionError>("learning_rate must be finite and not negative, but it is ", x, ".");
}
inline void check_weight_decay(double x) {
  if (!(std::isfinite(x) && x >= 0)) fail<OptionError>("weight_decay must be finite and not negative, but it is ", x, ".");
}
inline void check_epsilon(double x) {
  if (!(std::isfinite(x) && x > 0)) fail<OptionError>("epsilon must be finite and positive, but it is ", x, ".");
}
/// A decay factor of [0, 1).
inline void check_factor(const char* name, double x) {
  if (!(0 <= x && x < 1)) fail<OptionError>(name, " must be at least 0 and less than 1, but it is ", x, ".");
}

}  // namespace costate::optim::detail
