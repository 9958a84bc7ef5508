#pragma once
// A multilayer perceptron as a pure function of a flat parameter vector:
//
//   const nn::Mlp net({2, 50, 2}, nn::tanh);      2 inputs, one hidden layer of 50, 2 outputs
//   Eigen::VectorXd theta = net.init(rng);
//   net(x, theta)                                 x is inputs x samples
//
// The activation follows every layer but the last. In theta, layer after layer has its weights, row by row, then its biases: the
// order of PyTorch's parameters_to_vector for a Sequential of Linear layers.
//
// Inside a dynamics, x and theta are what f is given, or what is made of them. Time, or any other number, becomes an input by
// stacking, for one sample and for a batch, and is differentiated where t is a variable:
//
//   const nn::Mlp net({1 + 2, 50, 2}, nn::tanh);
//   const auto f = [&](const auto& t, const auto& y, const auto& theta) { return net(cs::stack(t, y), theta); };

#include <initializer_list>
#include <vector>

#include <costate/autodiff/border.hpp>
#include <costate/nn/dense.hpp>

namespace costate::nn {

template <class A = Activation<costate::detail::fn::Tanh>>
class Mlp {
 public:
  /// Throws OptionError for fewer than two widths or a width below 1.
  Mlp(const std::vector<Index>& widths, A activation = {}, Initialisation how = {})
      : how_(how), last_(from_end(widths, 2), from_end(widths, 1)), parameters_(last_.parameters()) {
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

  /// Random parameters, `init<float>(rng)` for a network in float: weights as the scheme says (Glorot's uniform unless told
  /// otherwise), biases zero. Any generator of 32 or 64 random bits serves: costate::Random, std::mt19937.
  template <std::floating_point S = double, BitGenerator Rng>
  [[nodiscard]] Eigen::Matrix<S, Eigen::Dynamic, 1> init(Rng& rng) const {
    Eigen::Matrix<S, Eigen::Dynamic, 1> theta(parameters_);
    Index at = 0;
    for (const auto& layer : hidden_) {
      layer.initialise(theta.data() + at, rng, how_);
      at += layer.parameters();
    }
    last_.initialise(theta.data() + at, rng, how_);
    return theta;
  }

  /// The network inside a dynamics or a loss: theta is an array there, x an array, a stack or a constant Eigen object.
  /// Throws ShapeError if theta has another length than parameters() or x other rows than inputs().
  template <class X, class T, Kind K>
    requires(costate::detail::Operand<X>)
  auto operator()(const X& x, const Array<T, K>& theta) const {
    if (theta.size() != parameters_ || theta.cols() != 1) fail_parameters(theta.rows(), theta.cols());
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

  /// With constant parameters: a part that is not trained.
  template <costate::detail::AnyArray X, costate::detail::EigenDense P>
  auto operator()(const X& x, const P& theta) const {
    return (*this)(x, X(*x.tape(), costate::detail::to_slot(*x.tape(), theta)));
  }

  /// The network at plain Eigen objects: a column vector gives a vector, a matrix (inputs x samples) a matrix.
  template <costate::detail::EigenDense X, costate::detail::EigenDense P>
  auto operator()(const X& x, const P& theta) const {
    using S = typename X::Scalar;
    static_assert(std::is_same_v<S, typename P::Scalar>, "costate: a network's input and parameters must have the same scalar type");
    Tape<S> tape;
    const auto h = (*this)(costate::detail::variable<false>(tape, x), costate::detail::variable<false>(tape, theta));
    return Eigen::Matrix<S, Eigen::Dynamic, X::ColsAtCompileTime>(h.values());
  }

 private:
  static Index from_end(const std::vector<Index>& widths, std::size_t i) {
    if (widths.size() < 2)
      costate::detail::fail<OptionError>("an Mlp of ", widths.size(), " widths; expected at least two: inputs, hidden layers, outputs");
    return widths[widths.size() - i];
  }
  [[noreturn]] void fail_parameters(Index rows, Index cols) const {
    costate::detail::fail<ShapeError>("an Mlp with ", parameters_, " parameters was given theta of ", rows, " x ", cols,
                                      "; expected a vector of ", parameters_, " (init() makes one)");
  }

  Initialisation how_;
  std::vector<Dense<A>> hidden_;
  Dense<> last_;
  Index parameters_;
};

template <class W, class A>
Mlp(std::initializer_list<W>, A) -> Mlp<A>;
template <class W, class A>
Mlp(std::initializer_list<W>, A, Initialisation) -> Mlp<A>;

}  // namespace costate::nn
