#pragma once
// Activations: objects that name an elementwise function. They act on arrays, numbers and scalars alike, and a layer that is given
// one evaluates it in the same operation as its product.
//
// Do not import costate::nn::tanh and costate::tanh into one scope: the first is an object, the second a function.

#include "costate/autodiff/algebra.hpp"

namespace costate::nn {

/// An activation by its function type, one of costate::detail::fn.
template <class F>
struct Activation {
  using function = F;
  template <class X>
  auto operator()(const X& x) const {
    if constexpr (std::is_same_v<F, costate::detail::Identity>) return x;
    else if constexpr (costate::detail::Literal<X>) return F::value(x);
    else return costate::detail::apply_function<F>(x);
  }
};

inline constexpr Activation<costate::detail::Identity> identity{};
inline constexpr Activation<costate::detail::fn::Tanh> tanh{};
inline constexpr Activation<costate::detail::fn::Sigmoid> sigmoid{};
inline constexpr Activation<costate::detail::fn::Relu> relu{};
inline constexpr Activation<costate::detail::fn::Softplus> softplus{};
inline constexpr Activation<costate::detail::fn::Sin> sin{};

/// x sigmoid(x) (Elfwing, Uchibe & Doya 2018).
struct Silu {
  template <class X>
  auto operator()(const X& x) const {
    return x * costate::sigmoid(x);
  }
};
inline constexpr Silu silu{};

/// x for x > 0, eˣ - 1 below (Clevert, Unterthiner & Hochreiter 2016).
struct Elu {
  template <class X>
  auto operator()(const X& x) const {
    return costate::relu(x) + costate::expm1(x - costate::relu(x));
  }
};
inline constexpr Elu elu{};

}  // namespace costate::nn
