#pragma once
// A dense layer: activation(W x + b). It owns no weights; they are a slice of the flat parameter vector, W (outputs x inputs, row by
// row) first, then b.

#include <algorithm>

#include <costate/autodiff/algebra.hpp>
#include <costate/core/random.hpp>
#include <costate/nn/activation.hpp>
#include <costate/nn/initialise.hpp>

namespace costate::nn {

/// `A` is the type of one of the objects of activation.hpp, or of a callable from arrays to arrays of the same shape.
template <class A = Activation<costate::detail::Identity>>
class Dense {
 public:
  /// Throws OptionError unless both sizes are at least 1.
  Dense(Index inputs, Index outputs, A activation = {}) : inputs_(inputs), outputs_(outputs), activation_(activation) {
    if (inputs < 1 || outputs < 1)
      costate::detail::fail<OptionError>("a dense layer of ", inputs, " inputs and ", outputs, " outputs; both must be at least 1");
  }

  [[nodiscard]] Index inputs() const { return inputs_; }
  [[nodiscard]] Index outputs() const { return outputs_; }
  /// The number of weights and biases.
  [[nodiscard]] Index parameters() const { return outputs_ * (inputs_ + 1); }

  /// The layer at x (inputs x samples), with its parameters in theta from position `offset`: one operation on the tape.
  /// Throws ShapeError if x or theta does not fit.
  template <class X, class T, Kind K>
    requires(costate::detail::Operand<X>)
  auto operator()(const X& x, const Array<T, K>& theta, Index offset = 0) const {
    const auto w = reshape(theta, offset, outputs_, inputs_), b = reshape(theta, offset + outputs_ * inputs_, outputs_, 1);
    if constexpr (requires { typename A::function; }) return dense(w, b, x, typename A::function{});
    else return activation_(dense(w, b, x));
  }

  /// Draws weights into theta[0 … parameters()); biases are zero.
  template <std::floating_point S, BitGenerator Rng>
  void initialise(S* theta, Rng& rng, const Initialisation& how = {}) const {
    draw_weights(theta, outputs_, inputs_, how, rng);
    std::fill_n(theta + outputs_ * inputs_, outputs_, S(0));
  }

 private:
  Index inputs_, outputs_;
  [[no_unique_address]] A activation_;
};

}  // namespace costate::nn
