#pragma once
// A multilayer perceptron as a pure function of a flat parameter vector:
//
//   const nn::Mlp net({2, 50, 2}, nn::tanh);      2 inputs, one hidden layer of 50, 2 outputs
//   Eigen::VectorXd theta = net.init(rng);
//   net(x, theta)                                 x is inputs x samples
//
// The activation follows every layer but the last. The parameters of layer after layer lie in theta, each W row by row, then b.

#include <initializer_list>
#include <vector>

#include "costate/autodiff/border.hpp"
#include "costate/nn/dense.hpp"

namespace costate::nn {

template <class A = decltype(tanh)>
class Mlp {
 public:
  /// Throws OptionError for fewer than two widths or a width below 1.
  Mlp(const std::vector<Index>& widths, A activation = {}, Initialisation how = {})
      : activation_(activation), how_(how), last_(from_end(widths, 2), from_end(widths, 1)), parameters_(last_.parameters()) {
    for (std::size_t i = 0; i + 2 < widths.size(); ++i) {
      hidden_.emplace_back(widths[i], widths[i + 1], activation);
      parameters_ += hidden_.back().parameters();
    }
  }
  Mlp(std::initializer_list<Index> widths, A activation = {}, Initialisation how = {}) : Mlp(std::vector<Index>(widths), activation, how) {}

  [[nodiscard]] Index inputs() const { return hidden_.empty() ? last_.inputs() : hidden_.front().inputs(); }
  [[nodiscard]] Index outputs() const { return last_.outputs(); }
  /// The length of theta.
  [[nodiscard]] Index parameters() const { return parameters_; }

  /// Random parameters: weights as the scheme says (Glorot's uniform unless told otherwise), biases zero.
  template <class S = double, class Rng>
  Eigen::Matrix<S, Eigen::Dynamic, 1> init(Rng& rng) const {
    Eigen::Matrix<S, Eigen::Dynamic, 1> theta(parameters_);
    Index at = 0;
    for (const auto& layer : hidden_) {
      layer.initialise(theta.data() + at, rng, how_);
      at += layer.parameters();
    }
    last_.initialise(theta.data() + at, rng, how_);
    return theta;
  }

  /// The network at arrays on a tape.
  template <class X, class T, Kind K>
  auto operator()(const X& x, const Array<T, K>& theta) const {
    check(theta.size(), theta.cols());
    using H = decltype(last_(x, theta));
    if (hidden_.empty()) return last_(x, theta);
    H h = hidden_.front()(x, theta);
    Index at = hidden_.front().parameters();
    for (std::size_t i = 1; i < hidden_.size(); ++i) {
      h = hidden_[i](h, theta, at);
      at += hidden_[i].parameters();
    }
    return H(last_(h, theta, at));
  }

  /// The network at plain Eigen objects: a column vector gives a vector, a matrix (inputs x samples) a matrix.
  template <costate::detail::EigenDense X, costate::detail::EigenDense P>
  auto operator()(const X& x, const P& theta) const {
    using S = typename X::Scalar;
    Tape<S> tape;
    const auto at = costate::detail::variable<false>(tape, x);
    const auto p = costate::detail::variable<false>(tape, theta);
    const auto h = (*this)(at, p);
    typename Eigen::Matrix<S, Eigen::Dynamic, X::ColsAtCompileTime> out = h.values();
    return out;
  }

 private:
  static Index from_end(const std::vector<Index>& widths, std::size_t i) {
    if (widths.size() < 2)
      costate::detail::fail<OptionError>("an Mlp of ", widths.size(), " widths; expected at least two: inputs, hidden layers, outputs");
    return widths[widths.size() - i];
  }
  void check(Index size, Index cols) const {
    if (size != parameters_ || cols != 1)
      costate::detail::fail<ShapeError>("an Mlp with ", parameters_, " parameters was given theta of ", size / (cols == 0 ? 1 : cols), " x ", cols,
                                        "; expected a vector of ", parameters_, " (init() makes one)");
  }

  [[no_unique_address]] A activation_;
  Initialisation how_;
  std::vector<Dense<A>> hidden_;
  Dense<> last_;
  Index parameters_;
};

template <class W, class A>
Mlp(std::initializer_list<W>, A) -> Mlp<A>;

}  // namespace costate::nn
