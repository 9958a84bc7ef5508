#pragma once
// Hessian-vector products: reverse over forward mode.
//
//   const auto [value, gradient, product] = hvp(loss, theta, v);       product = H v, H = ∂²L/∂θ²
//
// The slope L̇(θ, v) = ∇L(θ)ᵀv comes from forward mode and is pulled back once, with respect to θ, which gives H v, and to v, which gives
// the gradient. (B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994) 147–160.) H is never formed:
// Newton's method by conjugate gradients, the curvature along a direction and Lanczos' method ask for its products alone.

#include <costate/autodiff/value_and_grad.hpp>

namespace costate {

/// A loss, its gradient and the product of its Hessian with a vector.
template <class S, class X>
struct HessianProduct {
  S value;
  X gradient, product;
};

/// L, ∇L and H v at x. The loss returns one number, and is called once, with an array in x's place; v has x's shape, or ShapeError says
/// so. It may call odeint: then H is that of what the adjoint differentiates, exact for the discrete adjoints. Costs a small multiple of
/// a gradient.
template <TapeLike T, class Loss, detail::EigenDense X, detail::EigenDense V>
auto hvp(T& tape, const Loss& loss, const X& x, const V& v) {
  using S = typename T::scalar;
  using Plain = detail::plain_of<X>;
  if (v.rows() != x.rows() || v.cols() != x.cols())
    detail::fail<ShapeError>("hvp: a direction of ", v.rows(), " x ", v.cols(), " for an argument of ", x.rows(), " x ", x.cols(),
        "; expected equal shapes");
  HessianProduct<S, Plain> result;
  const auto slope = [&](const auto& at, const auto& along) {
    const auto [value, dot] = jvp(loss, at, along);
    if (value.size() != 1)
      detail::fail<ShapeError>("hvp: a loss must be one number, but this one returned ", value.rows(), " x ", value.cols(),
          " values; reduce it with sum or mean");
    result.value = value.value();
    return sum(dot);
  };
  const Plain direction = v;
  std::tie(std::ignore, result.product, result.gradient) = value_and_grad(tape, slope, x, direction);
  return result;
}
template <class Loss, detail::EigenDense X, detail::EigenDense V>
  requires(!TapeLike<Loss>)
auto hvp(const Loss& loss, const X& x, const V& v) {
  Tape<typename X::Scalar> tape;
  return hvp(tape, loss, x, v);
}

}  // namespace costate
