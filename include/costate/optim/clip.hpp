#pragma once
// Gradient clipping, before a step: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks" (ICML
// 2013).

#include <algorithm>
#include <cmath>

#include <costate/optim/parameters.hpp>

namespace costate::optim {
namespace detail {

template <class Gradient>
decltype(auto) checked_gradient(Gradient&& gradient, double greatest, const char* what) {
  auto&& g = as_eigen(std::forward<Gradient>(gradient));
  static_assert(is_writable<decltype(g)> && !std::is_const_v<std::remove_pointer_t<decltype(g.data())>>,
                "costate: the gradient to clip must be writable memory, not an expression and not const.");
  if (!(greatest > 0)) fail<OptionError>(what, " needs a positive bound, but it is ", greatest, ".");
  check_finite(g, what, Moments::first);
  return as_eigen(std::forward<Gradient>(gradient));
}

}  // namespace detail

/// Scales the gradient to the Euclidean norm `greatest` if its norm is greater. Returns the norm before, infinite if it
/// overflows. Throws NonFiniteError or OptionError, and changes nothing then.
template <class Gradient>
auto clip_norm(Gradient&& gradient, double greatest) {
  auto&& g = detail::checked_gradient(std::forward<Gradient>(gradient), greatest, "clip_norm");
  using S = typename std::remove_cvref_t<decltype(g)>::Scalar;
  if (g.size() == 0) return S(0);
  const S bound = S(greatest), norm = g.norm();
  if (std::isnormal(norm * norm)) {
    if (norm > bound) g *= bound / norm;
    return norm;
  }
  // squares overflow or vanish: relative to the largest element
  const S largest = g.cwiseAbs().maxCoeff();
  if (largest == 0) return S(0);
  const S relative = (g / largest).norm();
  if (largest > bound / relative) g = (g / largest).eval() * (bound / relative);
  return largest * relative;
}

/// Limits every element to [−greatest, greatest]. Returns the largest magnitude before.
/// Throws NonFiniteError or OptionError, and changes nothing then.
template <class Gradient>
auto clip_value(Gradient&& gradient, double greatest) {
  auto&& g = detail::checked_gradient(std::forward<Gradient>(gradient), greatest, "clip_value");
  using S = typename std::remove_cvref_t<decltype(g)>::Scalar;
  if (g.size() == 0) return S(0);
  const S largest = g.cwiseAbs().maxCoeff();
  if (largest > S(greatest)) g = g.cwiseMax(-S(greatest)).cwiseMin(S(greatest)).eval();
  return largest;
}

}  // namespace costate::optim
