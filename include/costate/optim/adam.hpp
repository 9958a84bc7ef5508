#pragma once
// Adam: Kingma & Ba, "Adam: a method for stochastic optimization" (ICLR 2015), algorithm 1, with PyTorch's place of ε:
//   m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²,   θ ← θ − learning_rate·(m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε).
// AdamW: Loshchilov & Hutter, "Decoupled weight decay regularization" (ICLR 2019): before that, θ ← (1 −
// learning_rate·weight_decay)θ, where Adam adds weight_decay·θ to g. The method of choice for networks.

#include <cmath>
#include <utility>

#include <costate/optim/optimiser.hpp>

namespace costate::optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< memories of the gradient and of its square, of [0, 1)
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< L2 penalty, added to the gradient
};

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< memories of the gradient and of its square, of [0, 1)
  double epsilon = 1e-8;
  double weight_decay = 1e-2;  ///< decoupled: shrinks the parameters by learning_rate·weight_decay
};

namespace detail {

template <class Options, bool decoupled>
class AdamFamily : public Optimiser<Options> {
  using Base = Optimiser<Options>;
 public:
  explicit AdamFamily(Options options = {}) : Base(options, 2, Moments::first_and_second) {
    check_factor("beta1", options.beta1);
    check_factor("beta2", options.beta2);
    check_epsilon(options.epsilon);
  }

  /// One step in place. Allocates in the first call only. Throws ShapeError, or NonFiniteError for a gradient that is not
  /// finite or whose square is not, and leaves parameters and state unchanged then.
  template <class Theta, class Gradient>
  void step(Theta&& theta, const Gradient& gradient) {
    Base::advance(decoupled ? "AdamW" : "Adam", std::forward<Theta>(theta), gradient,
                [&]<class S>(S* x, const S* g, S* m, std::ptrdiff_t n, std::ptrdiff_t stride) {
                  const auto& o = this->options_;
                  S* const v = m + stride;
                  const double t = static_cast<double>(this->state_.iteration);
                  const S rate = S(o.learning_rate / (1 - std::pow(o.beta1, t)));
                  const S inverse_root = S(1 / std::sqrt(1 - std::pow(o.beta2, t)));  // 1/√(1 − β₂ᵗ)
                  const S beta1 = S(o.beta1), rest1 = S(1 - o.beta1), beta2 = S(o.beta2), rest2 = S(1 - o.beta2);
                  const S epsilon = S(o.epsilon), decay = S(o.weight_decay), shrink = S(1 - o.learning_rate * o.weight_decay);
                  for_each_packet<S>(n, [&](auto place) {
                    auto before = place.load(x), slope = place.load(g);
                    if constexpr (decoupled)
                      before *= shrink;
                    else
                      slope = muladd(decay, before, slope);
                    const auto first = muladd(beta1, place.load(m), rest1 * slope);
                    const auto second = muladd(beta2, place.load(v), rest2 * slope * slope);
                    place.store(m, first), place.store(v, second);
                    place.store(x, muladd(-rate, first / muladd(sqrt(second), inverse_root, epsilon), before));
                  });
                });
  }
};

}  // namespace detail

/// `Adam adam({.learning_rate = 5e-3}); adam.step(theta, gradient);`
/// Throws OptionError for options out of range. See detail::AdamFamily for its members.
class Adam : public detail::AdamFamily<AdamOptions, false> {
 public:
  using AdamFamily::AdamFamily;
};

/// Adam with decoupled weight decay.
class AdamW : public detail::AdamFamily<AdamWOptions, true> {
 public:
  using AdamFamily::AdamFamily;
};

}  // namespace costate::optim
