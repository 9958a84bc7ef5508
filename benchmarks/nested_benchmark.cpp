// What does a derivative inside a differentiated dynamics cost? A Hamiltonian network's right-hand side dy/dt = J ∇H(y, theta), H a
// 2-64-64-1 tanh network, with its vector–Jacobian product in y and theta, beside a version fused by hand: forward, backward for ∇H
// and the second-order pass in plain Eigen over preallocated memory, stored like the solver's states, with the same vectorised tanh.

#include <costate/costate.hpp>

#include <cmath>
#include <string>

#include "side_by_side.hpp"

namespace cs = costate;
using cs::Index;

namespace {

constexpr Index width = 64;

template <int batch>
class HamiltonianByHand {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Batch = std::conditional_t<batch == 1, Eigen::VectorXd, Rows>;
  using Flat = Eigen::VectorXd;

 public:
  explicit HamiltonianByHand(Index samples) : samples_(samples), theta_bar(width * 3 + width * (width + 1) + width + 1) {
    for (Batch* m : {&h1_, &h2_, &d1_, &d2_, &g1_, &p1_, &p2_, &q1_}) m->resize(width, samples);
    for (Batch* m : {&y_, &u_, &g0_, &x_}) m->resize(2, samples);
    dydt.resize(2 * samples);
    ybar.resize(2 * samples);
  }

  /// dydt = J ∇H(y), ybar = aᵀ ∂(J ∇H)/∂y, theta_bar = aᵀ ∂(J ∇H)/∂theta.
  void operator()(const Flat& y, const Flat& a, const Flat& theta) {
    const double* const p = theta.data();
    const Eigen::Map<const Rows> w1(p, width, 2), w2(p + b2_ - width * width, width, width);
    const Eigen::Map<const Eigen::VectorXd> b1(p + 2 * width, width), b2(p + b2_, width), w3(p + w3_, width);
    double* const g = theta_bar.data();
    Eigen::Map<Rows> w1bar(g, width, 2), w2bar(g + b2_ - width * width, width, width);
    Eigen::Map<Eigen::VectorXd> b1bar(g + 2 * width, width), b2bar(g + b2_, width), w3bar(g + w3_, width);
    y_ = Eigen::Map<const Batch>(y.data(), 2, samples_);

    // H, but for its value: hidden layers
    affine(w1, b1, y_, h1_);
    tanh(h1_);
    affine(w2, b2, h1_, h2_);
    tanh(h2_);
    // ∇H
    by_rows(d2_, w3, [](const auto& w, auto&& d2, const auto& h2) { d2 = w * (1 - h2.square()); });
    g1_.noalias() = w2.transpose() * d2_;
    d1_.array() = g1_.array() * (1 - h1_.array().square());
    g0_.noalias() = w1.transpose() * d1_;
    dydt.head(samples_) = g0_.row(1);
    dydt.tail(samples_) = -g0_.row(0);
    // its pullback: u is ∇H's cotangent
    u_.row(0) = -a.tail(samples_).transpose();
    u_.row(1) = a.head(samples_).transpose();
    p1_.noalias() = w1 * u_;
    w1bar.noalias() = d1_ * u_.transpose();
    q1_.array() = -2 * p1_.array() * g1_.array() * h1_.array();
    p1_.array() *= 1 - h1_.array().square();
    p2_.noalias() = w2 * p1_;
    w2bar.noalias() = d2_ * p1_.transpose();
    by_rows(p2_, w3, w3bar, [](const auto& w, auto&& bar, auto&& p2, const auto& h2) {
      p2 *= 1 - h2.square();
      if constexpr (batch == 1) bar = p2;
      else bar = p2.sum();
      p2 *= -2 * w * h2;
    });
    w2bar.noalias() += p2_ * h1_.transpose();
    b2bar = p2_.rowwise().sum();
    q1_.noalias() += w2.transpose() * p2_;
    q1_.array() *= 1 - h1_.array().square();
    w1bar.noalias() += q1_ * y_.transpose();
    b1bar = q1_.rowwise().sum();
    x_.noalias() = w1.transpose() * q1_;
    Eigen::Map<Batch>(ybar.data(), 2, samples_) = x_;
    g[w3_ + width] = 0;
  }

 private:
  template <class W, class B>
  static void affine(const W& w, const B& b, const Batch& x, Batch& out) {
    if constexpr (batch == 1) out = b;
    else out.colwise() = b;
    out.noalias() += w * x;
  }
  static void tanh(Batch& m) {
    cs::map([](auto z) { return cs::tanh(z); }, m.data(), m.data(), m.size());
  }
  /// body(w, …, m, h2), row by row, or at once where the rows are numbers.
  template <class W, class Body>
  void by_rows(Batch& m, const W& w, const Body& body) {
    if constexpr (batch == 1) body(w.array(), m.array(), h2_.array());
    else
      for (Index i = 0; i < width; ++i) body(w[i], m.row(i).array(), h2_.row(i).array());
  }
  template <class W, class B, class Body>
  void by_rows(Batch& m, const W& w, B& bar, const Body& body) {
    if constexpr (batch == 1) body(w.array(), bar.array(), m.array(), h2_.array());
    else
      for (Index i = 0; i < width; ++i) body(w[i], bar[i], m.row(i).array(), h2_.row(i).array());
  }

  static constexpr Index b2_ = 3 * width + width * width, w3_ = b2_ + width;
  Index samples_;
  Batch h1_, h2_, d1_, d2_, g1_, p1_, p2_, q1_, y_, u_, g0_, x_;

 public:
  Flat dydt, ybar, theta_bar;
};

template <int batch>
bool compare(const SideBySide& race, Index samples) {
  using Y = Eigen::Matrix<double, 2, batch>;
  const cs::nn::Mlp energy({2, width, width, 1}, cs::nn::tanh);
  cs::Random random(1);
  const Eigen::VectorXd theta = energy.init(random);
  const Y start = Y::Random(2, samples);
  const auto hamiltonian = [&](auto /*t*/, const auto& y, const auto& p) {
    const auto slope = cs::grad([&](const auto& at) { return cs::sum(energy(at, p)); }, y);
    return cs::stack(slope[1], -slope[0]);
  };

  auto dynamics = cs::detail::bind(hamiltonian, start, theta);
  using State = typename decltype(dynamics)::State;
  const cs::detail::DynamicsVjp vjp(dynamics.view());
  const State y = dynamics.to_internal(start), a = State::Random(y.size());
  State dydt(y.size()), ybar(y.size());
  Eigen::VectorXd theta_bar(theta.size());
  const auto ours = [&] {
    theta_bar.setZero();
    vjp(0.0, y, a, dydt, ybar, theta_bar.data());
    benchmark::ClobberMemory();
  };

  HamiltonianByHand<batch> by_hand(samples);
  const Eigen::VectorXd flat = y, cotangent = a;
  const auto limit = [&] {
    by_hand(flat, cotangent, theta);
    benchmark::ClobberMemory();
  };

  ours();
  limit();
  const double difference = (dydt - by_hand.dydt).norm() / by_hand.dydt.norm() + (ybar - by_hand.ybar).norm() / by_hand.ybar.norm() +
                            (theta_bar - by_hand.theta_bar).norm() / by_hand.theta_bar.norm();
  const std::string question = "Hamiltonian 2-64-64-1, f and vjp, batch " + std::to_string(samples);
  if (!(difference < 1e-12)) {
    std::printf("%s: the contestants differ by %.3g\n", question.c_str(), difference);
    return false;
  }
  race(question.c_str(), ours, limit);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const SideBySide race(argc, argv);
  const bool batch = compare<Eigen::Dynamic>(race, 256), one = compare<1>(race, 1);
  return batch && one ? 0 : 1;
}
