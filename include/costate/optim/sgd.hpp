#pragma once
// Gradient descent with momentum, plain or Nesterov's, in the form of Sutskever, Martens, Dahl & Hinton, "On the importance of
// initialization and momentum in deep learning" (ICML 2013), with the conventions of PyTorch: no dampening,
//   g ← g + weight_decay·θ,   b ← momentum·b + g,   θ ← θ − learning_rate·(nesterov ? g + momentum·b : b).

#include <utility>

#include <costate/optim/optimiser.hpp>

namespace costate::optim {

struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0;      ///< of [0, 1)
  bool nesterov = false;    ///< needs momentum > 0
  double weight_decay = 0;  ///< L2 penalty, added to the gradient
};

/// `Sgd sgd({.learning_rate = 1e-2, .momentum = 0.9}); sgd.step(theta, gradient);`
/// Throws OptionError for options out of range.
class Sgd : public detail::Optimiser<SgdOptions> {
 public:
  explicit Sgd(SgdOptions options = {}) : Optimiser(options, options.momentum != 0 ? 1 : 0, detail::Moments::first) {
    detail::check_factor("momentum", options.momentum);
    if (options.nesterov && options.momentum == 0) detail::fail<OptionError>("nesterov needs momentum > 0.");
  }

  /// One step in place. Allocates in the first call only. Throws ShapeError, or NonFiniteError for a gradient that is not
  /// finite, and leaves parameters and state unchanged then.
  template <class Theta, class Gradient>
  void step(Theta&& theta, const Gradient& gradient) {
    advance("Sgd", std::forward<Theta>(theta), gradient,
                [&]<class S>(S* x, const S* g, S* b, std::ptrdiff_t n, std::ptrdiff_t) {
                  const S rate = S(options_.learning_rate), momentum = S(options_.momentum), decay = S(options_.weight_decay);
                  detail::for_each_packet<S>(n, [&](auto place) {
                    const auto before = place.load(x);
                    auto direction = muladd(decay, before, place.load(g));
                    if (momentum != 0) {
                      const auto velocity = muladd(momentum, place.load(b), direction);
                      place.store(b, velocity);
                      direction = options_.nesterov ? muladd(momentum, velocity, direction) : velocity;
                    }
                    place.store(x, muladd(-rate, direction, before));
                  });
                });
  }
};

}  // namespace costate::optim
