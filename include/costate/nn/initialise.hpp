#pragma once
// Random initial weights: independent draws of mean zero, biases zero. They are drawn in double and rounded, so that a network in
// float starts from the same weights as one in double.

#include <cmath>

#include <costate/autodiff/slot.hpp>
#include <costate/core/error.hpp>
#include <costate/core/random.hpp>

namespace costate::nn {

enum class Scheme {
  glorot,        ///< uniform, variance 2 / (inputs + outputs): keeps the variance through tanh and sigmoid layers (Glorot & Bengio 2010)
  kaiming,       ///< normal, variance 2 / inputs: keeps it through relu layers (He, Zhang, Ren & Sun 2015)
  small_normal,  ///< normal with the given standard deviation: dynamics close to zero, so that training starts from a slow field
};

struct Initialisation {
  Scheme scheme = Scheme::glorot;
  double gain = 1.0;                ///< multiplies every weight
  double standard_deviation = 0.1;  ///< of Scheme::small_normal
};

/// Fills an outputs x inputs matrix. Throws OptionError if the gain is not finite, or the standard deviation negative or not finite.
template <std::floating_point S, BitGenerator Rng>
void draw_weights(S* w, Index outputs, Index inputs, const Initialisation& how, Rng& rng) {
  if (!std::isfinite(how.gain)) costate::detail::fail<OptionError>("the gain of initial weights is ", how.gain, "; it must be finite");
  if (!(how.standard_deviation >= 0) || !std::isfinite(how.standard_deviation))
    costate::detail::fail<OptionError>("initial weights of standard deviation ", how.standard_deviation, "; it must be finite, at least 0");
  const auto n = static_cast<double>(inputs), m = static_cast<double>(outputs);
  for (Index i = 0; i < outputs * inputs; ++i) {
    double x = 0;
    switch (how.scheme) {
      case Scheme::glorot: x = (2 * uniform(rng) - 1) * std::sqrt(6 / (n + m)); break;
      case Scheme::kaiming: x = normal(rng) * std::sqrt(2 / n); break;
      case Scheme::small_normal: x = normal(rng) * how.standard_deviation; break;
    }
    w[i] = static_cast<S>(how.gain * x);
  }
}

}  // namespace costate::nn
