#pragma once
// The pullback of asynchronous leapfrog steps (asynchronous_leapfrog.hpp), undone or stored: as ReversibleSweep, z standing for v.
//
//     v̄' += h/2 ȳ',   ū = 2η v̄',   x̄ = ȳ' + ūᵀ ∂f/∂x,   v̄ = (1 − 2η) v̄' + h/2 x̄,   ȳ = x̄,
// and where v was made f(t, y), ȳ += v̄ᵀ ∂f/∂y.

#include <cmath>
#include <limits>
#include <span>

#include <costate/adjoint/adjoint.hpp>
#include <costate/ode/asynchronous_leapfrog.hpp>

namespace costate::detail {

template <class State>
struct LeapfrogBuffers {
  State y, z;  // at the end of the step at hand
  State ybar, zbar;
  State x, u, before, dydt, size, speed;
  void resize(Index n) {
    for (State* s : {&y, &z, &ybar, &zbar, &x, &u, &before, &dydt, &size, &speed}) s->resize(n);
  }
};

/// The largest relative distance of a component from where it should be. Components far smaller than the largest are held to its rounding.
template <class State, class Anchor>
typename State::Scalar relative_miss(const State& a, const Anchor& anchor, const State& size) {
  using S = typename State::Scalar;
  const S least = std::pow(std::numeric_limits<S>::epsilon(), S(0.4)) * size.maxCoeff() + std::numeric_limits<S>::min();
  return ((a - anchor).array().abs() / (size.array() + least)).template maxCoeff<Eigen::PropagateNaN>();
}

template <class F, class Call, bool with_times>
class LeapfrogSweep {
 public:
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using Buffers = LeapfrogBuffers<State>;

  LeapfrogSweep(const DynamicsView<F, Call>& f, const AsynchronousLeapfrog& method, std::span<const Time> times, const S* y_end,
                const Cotangents<S>& bar, Buffers& buffers, Stats& stats)
      : vjp_(f), twice_(static_cast<S>(2 * method.damping)), n_(f.rows() * f.cols()), times_(times), bar_(bar), b_(buffers), stats_(stats) {
    b_.resize(n_);
    b_.ybar.setZero();
    b_.zbar.setZero();
    b_.y = Eigen::Map<const State>(y_end, n_);
  }

  /// v was made f(t, y) at the end of the step that comes next, which is where the sweep is.
  void synchronise(Time t) {
    if (z_counts_) pull_slope<false>(t, nullptr);
    b_.zbar.setZero();
    z_counts_ = false;
  }
  [[nodiscard]] bool z_counts() const { return z_counts_; }
  void z_counts(bool does) { z_counts_ = does; }

  /// How far the steps undone miss the anchor at t, relative to the sizes that components had since undoing began.
  template <class Anchor>
  S missed(Time t, const Anchor& anchor) {
    b_.x = anchor;
    vjp_.dynamics()(t, b_.x, b_.dydt);
    ++stats_.backward_evaluations;
    return relative_miss(b_.y, b_.x, b_.size) + relative_miss(b_.z, b_.dydt, b_.speed);
  }
  /// Where undoing begins.
  void start(const S* z) {
    b_.z = Eigen::Map<const State>(z, n_);
    b_.size = b_.y.cwiseAbs();
    b_.speed = b_.z.cwiseAbs();
  }

  /// Pulls back a step that serves the outputs `from` to `to` − 1. y0 and z0 are at its beginning; null: the step is undone.
  void step(bool first, Time t, Time end, Index from, Index to, const S* y0, const S* z0) {
    const bool move_beginning = first && moves_times();
    const Time length = end - t;
    const S h = static_cast<S>(length), half = static_cast<S>(length / 2);
    const Time middle = t + length / 2;
    for (Index i = from; i < to; ++i)
      if (time(i) == end) b_.ybar += cotangent(i);

    // what is at the beginning: undone from y' and v', or given, when x is y + h/2 v
    if (y0 == nullptr) {
      b_.x = b_.y - half * b_.z;
      vjp_.dynamics()(middle, b_.x, b_.u);
      ++stats_.backward_evaluations;
      b_.before = (b_.z - twice_ * b_.u) / (1 - twice_);
    } else {
      b_.before = Eigen::Map<const State>(z0, n_);
      b_.x = Eigen::Map<const State>(y0, n_) + half * b_.before;
      if (moves_times() && (move_beginning || from < to)) {
        vjp_.dynamics()(middle, b_.x, b_.u);
        ++stats_.backward_evaluations;
        b_.z = b_.before + twice_ * (b_.u - b_.before);
      }
    }

    S t_bar = 0;
    for (Index i = from; i < to; ++i) pull_output_time(t, end, i, move_beginning, t_bar);
    for (Index i = from; i < to; ++i) {
      if (time(i) == end) continue;
      const S x = fraction(t, end, i);
      b_.zbar += (h * x * x / 2) * cotangent(i);
    }
    if (move_beginning) t_bar -= b_.ybar.dot(b_.z) / 2;
    b_.zbar += half * b_.ybar;
    b_.u = twice_ * b_.zbar;
    S moved = 0;
    if constexpr (with_times) {
      if (move_beginning) vjp_.template add<true>(middle, b_.x, b_.u, b_.dydt, b_.ybar, bar_.theta, &moved);
    }
    if (!move_beginning) vjp_.template add<false>(middle, b_.x, b_.u, b_.dydt, b_.ybar, bar_.theta, nullptr);
    ++stats_.vjps;
    ++stats_.backward_evaluations;
    if (move_beginning) t_bar += moved / 2 - b_.ybar.dot(b_.before) / 2;
    b_.zbar = (1 - twice_) * b_.zbar + half * b_.ybar;
    for (Index i = from; i < to; ++i) {
      if (time(i) == end) continue;
      const S x = fraction(t, end, i);
      b_.ybar += cotangent(i);
      b_.zbar += (h * (x - x * x / 2)) * cotangent(i);
    }
    if (move_beginning) bar_.times[0] += t_bar;
    if (y0 == nullptr) {
      b_.y = b_.x - half * b_.before;
      b_.size = b_.size.cwiseMax(b_.y.cwiseAbs());
      b_.speed = b_.speed.cwiseMax(b_.before.cwiseAbs());
    }
    if (y0 != nullptr) b_.y = Eigen::Map<const State>(y0, n_);
    b_.z.swap(b_.before);
    z_counts_ = true;
  }

  /// After the first step: what is left goes to y0, outputs 0 to `to` − 1 being the initial state itself.
  void finish(Index to) {
    if (z_counts_) {
      S moved = 0;
      if (moves_times()) pull_slope<with_times>(times_[0], &moved);
      else pull_slope<false>(times_[0], nullptr);
      if (moves_times()) bar_.times[0] += moved;
    }
    for (Index i = 0; i < to; ++i) b_.ybar += cotangent(i);
    if (bar_.y0 != nullptr) Eigen::Map<State>(bar_.y0, n_) += b_.ybar;
  }

 private:
  [[nodiscard]] bool moves_times() const { return with_times && bar_.times != nullptr; }
  auto cotangent(Index i) const { return Eigen::Map<const State>(bar_.outputs + i * n_, n_); }
  [[nodiscard]] Time time(Index i) const { return times_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] S fraction(Time t, Time end, Index i) const { return static_cast<S>((time(i) - t) / (end - t)); }

  template <bool with_time>
  void pull_slope(Time t, S* moved) {
    vjp_.template add<with_time>(t, b_.y, b_.zbar, b_.dydt, b_.ybar, bar_.theta, moved);
    ++stats_.vjps;
    ++stats_.backward_evaluations;
  }

  /// An output's time moves along the parabola; the first step's beginning moves its fraction of the step and its length.
  void pull_output_time(Time t, Time end, Index i, bool move_beginning, S& t_bar) {
    if (!moves_times()) return;
    const auto g = cotangent(i);
    const S x = fraction(t, end, i), along = g.dot(b_.before) + x * g.dot(b_.z - b_.before);
    bar_.times[i] += along;
    if (!move_beginning || time(i) == end) return;
    t_bar += (x - S(1)) * along - (x * g.dot(b_.before) + x * x / 2 * g.dot(b_.z - b_.before));
  }

  DynamicsVjp<F, Call> vjp_;
  S twice_;  // 2η
  Index n_;
  std::span<const Time> times_;
  Cotangents<S> bar_;
  Buffers& b_;
  Stats& stats_;
  bool z_counts_ = false;  // zbar is not zero
};

}  // namespace costate::detail
