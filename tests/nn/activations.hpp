#pragma once
// The activations by number, and their formulas written out.

#include <cmath>

#include <costate/nn/activation.hpp>

namespace activations {

constexpr int count = 8;
constexpr int relu = 3, silu = 6;

/// Hands activation number `which` to f.
template <class F>
auto with(int which, const F& f) {
  namespace nn = costate::nn;
  switch (which) {
    case 0: return f(nn::identity);
    case 1: return f(nn::tanh);
    case 2: return f(nn::sigmoid);
    case relu: return f(nn::relu);
    case 4: return f(nn::softplus);
    case 5: return f(nn::sin);
    case silu: return f(nn::silu);
    default: return f(nn::elu);
  }
}

template <class S>
S formula(int which, S x) {
  switch (which) {
    case 0: return x;
    case 1: return std::tanh(x);
    case 2: return 1 / (1 + std::exp(-x));
    case relu: return x > 0 ? x : 0;
    case 4: return std::log(1 + std::exp(x));
    case 5: return std::sin(x);
    case silu: return x / (1 + std::exp(-x));
    default: return x > 0 ? x : std::exp(x) - 1;
  }
}
template <class S>
S slope(int which, S x) {
  const S s = 1 / (1 + std::exp(-x));
  switch (which) {
    case 0: return 1;
    case 1: return 1 / (std::cosh(x) * std::cosh(x));
    case 2: return s * (1 - s);
    case relu: return x > 0 ? 1 : 0;
    case 4: return s;
    case 5: return std::cos(x);
    case silu: return s + x * s * (1 - s);
    default: return x > 0 ? 1 : std::exp(x);
  }
}

}  // namespace activations
