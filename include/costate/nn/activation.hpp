#pragma once
// Activations: objects that name an elementwise function. They act on arrays, numbers and scalars alike, and a layer that is given
// one evaluates it in the same operation as its product.
//
// Do not import costate::nn::tanh and costate::tanh into one scope: the first is an object, the second a function. Any callable
// that maps an array to one of the same shape, `[](const auto& x) { return cs::tanh(x) + 0.1 * x; }`, serves a layer as well.

#include <costate/autodiff/algebra.hpp>

namespace costate::nn {

/// An activation by its function type, one of costate::detail::fn.
template <class F>
struct Activation {
  using function = F;
  template <class X>
    requires(costate::detail::OnTape<X> || costate::detail::Literal<X>)
  auto operator()(const X& x) const {
    if constexpr (std::is_same_v<F, costate::detail::Identity>) return x;
    else if constexpr (costate::detail::Literal<X>) return F::value(static_cast<costate::detail::real_t<X>>(x));
    else return costate::detail::apply_function<F>(x);
  }
};

inline constexpr Activation<costate::detail::Identity> identity{};
inline constexpr Activation<costate::detail::fn::Tanh> tanh{};
inline constexpr Activation<costate::detail::fn::Sigmoid> sigmoid{};
/// max(x, 0), with derivative 0 at 0.
inline constexpr Activation<costate::detail::fn::Relu> relu{};
/// log(1 + eˣ).
inline constexpr Activation<costate::detail::fn::Softplus> softplus{};
/// For periodic fields and implicit representations; scale the first layer's weights to the frequencies of the data.
inline constexpr Activation<costate::detail::fn::Sin> sin{};
/// x sigmoid(x), also called swish (Elfwing, Uchibe & Doya 2018).
inline constexpr Activation<costate::detail::fn::Silu> silu{};
/// x for x > 0, eˣ - 1 below (Clevert, Unterthiner & Hochreiter 2016).
inline constexpr Activation<costate::detail::fn::Elu> elu{};

}  // namespace costate::nn
