#pragma once
// Checks of derivatives, for users' own tests.
//
//   CHECK(check_gradient(loss, theta).ok());        the gradient against differences in extended precision
//   CHECK(check_adjoint(f, x).ok());                Jacobian products of f in reverse and in forward mode against each other
//
// Differences are central, at steps h, h/2, h/4 extrapolated to order h⁶ (Richardson), and evaluated with long double arguments:
// the loss must be generic in its scalar type. Where long double has 64 bits of precision a smooth loss of moderate size is
// differenced to about 1e-15; where long double is double, to about 1e-11. A step starts at 2⁻¹⁰ max(1, |x|) and is shortened
// while it leaves the domain (NaN), crosses a kink, or the extrapolation has not settled. Exactly at a kink the derivative is a
// convention and differences give the mean of both sides. The loss is evaluated 6 to 30 times per number.

#include <algorithm>
#include <cmath>
#include <limits>

#include <costate/autodiff/value_and_grad.hpp>

namespace costate {

/// The outcome of check_gradient: the worst argument's error, and the component where it stands.
struct GradientCheck {
  double error = 0;          ///< max |g - d| / max(1, ‖g‖) over the components of an argument, worst argument
  std::size_t argument = 0;  ///< which argument, counted from 0
  Index index = 0;           ///< which component, in storage order
  double gradient = 0;       ///< g, its derivative by value_and_grad
  double difference = 0;     ///< d, by differences

  /// For double 1e-9 leaves room for an ill-conditioned loss; use 1e-4 for float.
  [[nodiscard]] bool ok(double tolerance = 1e-9) const { return error <= tolerance; }  // false for NaN
};

/// The outcome of check_adjoint: ⟨a, J v⟩ and ⟨Jᵀ a, v⟩ for one direction v and one cotangent a.
struct AdjointCheck {
  double forward = 0, reverse = 0;
  double error = 0;  ///< |forward - reverse| / max(1, ‖a‖ ‖J v‖)

  [[nodiscard]] bool ok(double tolerance = 1e-12) const { return error <= tolerance; }
};

namespace detail {

/// An argument with long double numbers.
template <class X>
auto widen(const X& x) {
  using L = long double;
  if constexpr (std::is_floating_point_v<X>) {
    return static_cast<L>(x);
  } else if constexpr (EigenDense<X>) {
    return x.template cast<L>().eval();
  } else if constexpr (requires(X y) { y.resize(x.size()); }) {
    return std::vector<L>(x.begin(), x.end());
  } else {
    std::array<L, std::tuple_size_v<X>> out;
    std::copy(x.begin(), x.end(), out.begin());
    return out;
  }
}

template <class X>
auto* numbers(X& x) {
  if constexpr (std::is_floating_point_v<std::remove_const_t<X>>) return &x;
  else return x.data();
}
template <class X>
Index count(const X& x) {
  if constexpr (std::is_floating_point_v<X>) return 1;
  else return static_cast<Index>(x.size());
}

/// The derivative of f at x: the extrapolation that settled best among a few steps.
template <class F>
long double difference(const F& f, long double x) {
  using L = long double;
  const auto central = [&](L h) {
    volatile L right = x + h, left = x - h;  // the step that is really taken
    const L up = right, down = left;
    return (f(up) - f(down)) / (up - down);
  };
  L best = std::numeric_limits<L>::quiet_NaN(), doubt = std::numeric_limits<L>::infinity();
  L h = std::max(L(1), std::abs(x)) / 1024;
  for (int attempt = 0; attempt < 5; ++attempt, h /= 16) {
    const L d1 = central(h), d2 = central(h / 2), d4 = central(h / 4);
    const L e1 = (4 * d2 - d1) / 3, e2 = (4 * d4 - d2) / 3, d = (16 * e2 - e1) / 15;
    const L change = std::abs(d - e2);
    if (change < doubt) best = d, doubt = change;
    if (doubt <= 1e-14L * std::max(L(1), std::abs(best))) break;
  }
  return best;
}

}  // namespace detail

/// Compares value_and_grad(loss, x…) with differences of value(loss, x…) in extended precision, component by component.
template <class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0)
GradientCheck check_gradient(const Loss& loss, const X&... x) {
  using L = long double;
  const auto result = value_and_grad(loss, x...);
  std::tuple<decltype(detail::widen(x))...> at{detail::widen(x)...};
  const auto evaluate = [&] { return std::apply([&](const auto&... wide) { return static_cast<L>(value(loss, wide...)); }, at); };

  GradientCheck worst;
  const auto check = [&](std::size_t argument, auto& wide, const auto& gradient) {
    auto* const numbers = detail::numbers(wide);
    const auto* const g = detail::numbers(gradient);
    const Index n = detail::count(wide);
    L norm = 0;
    for (Index i = 0; i < n; ++i) norm = std::hypot(norm, static_cast<L>(g[i]));
    for (Index i = 0; i < n; ++i) {
      const L here = numbers[i];
      const L d = detail::difference(
          [&](L there) {
            numbers[i] = there;
            return evaluate();
          },
          here);
      numbers[i] = here;
      const auto error = static_cast<double>(std::abs(static_cast<L>(g[i]) - d) / std::max(L(1), norm));
      if (!(error <= worst.error) && worst.error == worst.error)
        worst = {error, argument, i, static_cast<double>(g[i]), static_cast<double>(d)};
    }
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (check(I, std::get<I>(at), std::get<I + 1>(result)), ...);
  }(std::index_sequence_for<X...>{});
  return worst;
}

/// Compares ⟨a, J v⟩ by jvp with ⟨Jᵀ a, v⟩ by vjp, for the Jacobian J of f at the Eigen object x and fixed, irregular v and a.
template <class F, detail::EigenDense X>
AdjointCheck check_adjoint(const F& f, const X& x) {
  using S = typename X::Scalar;
  const auto irregular = [](Index rows, Index cols, S phase) {
    Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> m(rows, cols);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = std::sin(phase + S(2.4) * static_cast<S>(i));
    return m;
  };
  const auto v = irregular(x.rows(), x.cols(), S(0.7));
  const auto [value, Jv] = jvp(f, x, v);
  const auto a = irregular(value.rows(), value.cols(), S(0.3));
  const auto [same, pulled] = vjp(f, x, a);
  const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> bar = pulled.matrix();
  AdjointCheck out;
  out.forward = static_cast<double>(a.cwiseProduct(Jv).sum());
  out.reverse = static_cast<double>(bar.cwiseProduct(v).sum());
  out.error = std::abs(out.forward - out.reverse) / std::max(1.0, static_cast<double>(a.norm() * Jv.norm()));
  return out;
}

}  // namespace costate
