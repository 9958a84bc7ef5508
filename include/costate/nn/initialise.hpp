#pragma once
// Random initial weights.

#include "costate/core/random.hpp"
#include "costate/autodiff/slot.hpp"

namespace costate::nn {

enum class Scheme {
  glorot,        ///< uniform, variance 2 / (inputs + outputs): keeps the variance of tanh and sigmoid layers (Glorot & Bengio 2010)
  kaiming,       ///< normal, variance 2 / inputs: keeps that of relu layers (He, Zhang, Ren & Sun 2015)
  small_normal,  ///< normal with the given standard deviation: dynamics close to zero, so that training starts from a slow field
};

struct Initialisation {
  Scheme scheme = Scheme::glorot;
  double gain = 1.0;                 ///< multiplies every weight
  double standard_deviation = 0.1;   ///< of Scheme::small_normal
};

/// Fills an outputs x inputs matrix.
template <class S, class Rng>
void draw(S* w, Index outputs, Index inputs, const Initialisation& how, Rng& rng) {
  const auto n = static_cast<double>(inputs), m = static_cast<double>(outputs);
  for (Index i = 0; i < outputs * inputs; ++i) {
    double x = 0.0;
    switch (how.scheme) {
      case Scheme::glorot: x = (2.0 * uniform(rng) - 1.0) * std::sqrt(6.0 / (n + m)); break;
      case Scheme::kaiming: x = normal(rng) * std::sqrt(2.0 / n); break;
      case Scheme::small_normal: x = normal(rng) * how.standard_deviation; break;
    }
    w[i] = static_cast<S>(how.gain * x);
  }
}

}  // namespace costate::nn
