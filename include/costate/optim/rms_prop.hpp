#pragma once
// RMSProp: Tieleman & Hinton, Lecture 6.5 of "Neural Networks for Machine Learning" (Coursera, 2012), with PyTorch's conventions:
//   g ← g + weight_decay·θ,   v ← β₂v + (1 − β₂)g²,   b ← momentum·b + g/(√v + ε),   θ ← θ − learning_rate·b.

#include <utility>

#include <costate/optim/optimiser.hpp>

namespace costate::optim {

struct RmsPropOptions {
  double learning_rate = 1e-2;
  double beta2 = 0.99;  ///< memory of the squared gradient, of [0, 1); PyTorch's alpha
  double epsilon = 1e-8;
  double momentum = 0;      ///< of [0, 1)
  double weight_decay = 0;  ///< L2 penalty, added to the gradient
};

/// `RmsProp rms_prop({.learning_rate = 1e-3}); rms_prop.step(theta, gradient);`
/// Throws OptionError for options out of range.
class RmsProp : public detail::Optimiser<RmsPropOptions> {
 public:
  explicit RmsProp(RmsPropOptions options = {}) : Optimiser(options, options.momentum != 0 ? 2 : 1, detail::Moments::first_and_second) {
    detail::check_factor("beta2", options.beta2);
    detail::check_epsilon(options.epsilon);
    detail::check_factor("momentum", options.momentum);
  }

  /// One step in place. Allocates in the first call only. Throws ShapeError, or NonFiniteError for a gradient that is not
  /// finite or whose square is not, and leaves parameters and state unchanged then.
  template <class Theta, class Gradient>
  void step(Theta&& theta, const Gradient& gradient) {
    advance("RmsProp", std::forward<Theta>(theta), gradient,
                [&]<class S>(S* x, const S* g, S* v, std::ptrdiff_t n, std::ptrdiff_t stride) {
                  const S rate = S(options_.learning_rate), beta2 = S(options_.beta2), rest2 = S(1 - options_.beta2);
                  const S epsilon = S(options_.epsilon), momentum = S(options_.momentum), decay = S(options_.weight_decay);
                  detail::for_each_packet<S>(n, [&](auto place) {
                    const auto before = place.load(x), slope = muladd(decay, before, place.load(g));
                    const auto second = muladd(beta2, place.load(v), rest2 * slope * slope);
                    place.store(v, second);
                    auto direction = slope / (sqrt(second) + epsilon);
                    if (momentum != 0) {
                      direction = muladd(momentum, place.load(v + stride), direction);
                      place.store(v + stride, direction);
                    }
                    place.store(x, muladd(-rate, direction, before));
                  });
                });
  }
};

}  // namespace costate::optim
