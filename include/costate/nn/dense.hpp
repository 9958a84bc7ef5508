#pragma once
// A dense layer: activation(W x + b). It owns no weights; they are a slice of the flat parameter vector, W (outputs x inputs, row by
// row) first, then b.

#include "costate/autodiff/algebra.hpp"
#include "costate/nn/activation.hpp"
#include "costate/nn/initialise.hpp"

namespace costate::nn {

template <class A = decltype(identity)>
class Dense {
 public:
  Dense(Index inputs, Index outputs, A activation = {}) : inputs_(inputs), outputs_(outputs), activation_(activation) {
    if (inputs < 1 || outputs < 1)
      costate::detail::fail<OptionError>("a dense layer of ", inputs, " inputs and ", outputs, " outputs; both must be at least 1");
  }

  [[nodiscard]] Index inputs() const { return inputs_; }
  [[nodiscard]] Index outputs() const { return outputs_; }
  /// The number of weights and biases.
  [[nodiscard]] Index parameters() const { return outputs_ * (inputs_ + 1); }

  /// The layer at x (inputs x samples), with its parameters in theta from position `offset`.
  template <class X, class T, Kind K>
  auto operator()(const X& x, const Array<T, K>& theta, Index offset = 0) const {
    const auto w = reshape(theta, offset, outputs_, inputs_), b = reshape(theta, offset + outputs_ * inputs_, outputs_, 1);
    if constexpr (requires { typename A::function; }) return dense(w, b, x, typename A::function{});
    else return activation_(dense(w, b, x));
  }

  /// Draws weights into theta[0 … parameters()); biases are zero.
  template <class S, class Rng>
  void initialise(S* theta, Rng& rng, Initialisation how = {}) const {
    draw(theta, outputs_, inputs_, how, rng);
    for (Index i = 0; i < outputs_; ++i) theta[outputs_ * inputs_ + i] = 0;
  }

 private:
  Index inputs_, outputs_;
  [[no_unique_address]] A activation_;
};

}  // namespace costate::nn
