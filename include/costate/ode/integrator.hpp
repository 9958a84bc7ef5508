#pragma once
// A solve advanced by hand: for simulations, control loops, and whatever does not know its times beforehand.
//
//   auto integrator = cs::make_integrator(f, y0, 0.0, theta, cs::Dopri5{}, {.rtol = 1e-9});
//   integrator.advance_to(2.0);
//   const auto checkpoint = integrator;          // a copy resumes bit by bit alike

#include <utility>

#include <costate/ode/engine.hpp>
#include <costate/ode/user_state.hpp>

namespace costate {

/// A value that owns state, time, step size, stages and controller memory. Nothing is allocated after it was made.
template <class D, class Y0, Method M>
class Integrator {
  using User = detail::UserState<Y0>;
  using State = typename D::State;

 public:
  using Scalar = typename User::Scalar;
  using Time = time_of_t<Scalar>;

  Integrator(D dynamics, const Y0& y0, Time t0, const M& method, const SolveOptions& options)
      : shape_(dynamics.shape()), start_(D::to_internal(y0)), engine_(method, std::move(dynamics), shape_, options) {
    engine_.reset(t0, start_);
  }

  Time t() const { return engine_.t(); }
  /// A view of the state, valid until the integrator moves.
  typename User::RowView y() const { return {engine_.y().data(), shape_.rows, shape_.cols}; }
  const Stats& stats() const { return engine_.stats(); }
  /// The order of the step taken last, which Adams chooses (of its predictor, the solution's is one more); any other method's own.
  int order() const { return engine_.order(); }

  /// One accepted step, which knows no end; a fixed-step method needs SolveOptions::step. Throws, or returns the status, as `solve` does.
  Status step() { return engine_.step(); }
  /// Moves to exactly t, in either direction.
  Status advance_to(Time t) { return engine_.advance_to(t); }
  /// Begins anew: no step size, counts at zero.
  void reset(Time t, const Y0& y) {
    const auto& values = detail::dense_view(y);
    if (values.rows() != shape_.rows || values.cols() != shape_.cols)
      detail::fail<ShapeError>("reset() with a state of ", values.rows(), " x ", values.cols(), ", but the integrator was made for ",
                               shape_.rows, " x ", shape_.cols);
    using Rows = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::Map<Rows>(start_.data(), shape_.rows, shape_.cols) = values;
    engine_.reset(t, start_);
  }

 private:
  Shape shape_;
  State start_;
  Engine<M, State, D> engine_;
};

/// An integrator at (t0, y0). f is not evaluated before the first step.
template <class F, class Y0, class Theta, Method M>
  requires(!Method<Theta>)
auto make_integrator(const F& f, const Y0& y0, typename detail::TimeOf<Y0>::type t0, const Theta& theta, const M& method,
                     const SolveOptions& options = {}) {
  if constexpr (detail::check_state_type<Y0>()) {
    const detail::plain_of<Y0>& start = y0;  // an expression is evaluated
    auto dynamics = detail::bind(f, start, theta);
    return Integrator<decltype(dynamics), detail::plain_of<Y0>, M>(std::move(dynamics), start, t0, method, options);
  }
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, Method M>
auto make_integrator(const F& f, const Y0& y0, typename detail::TimeOf<Y0>::type t0, const M& method, const SolveOptions& options = {}) {
  if constexpr (detail::check_state_type<Y0>()) {
    const detail::plain_of<Y0>& start = y0;  // an expression is evaluated
    auto dynamics = detail::bind(f, start, NoParameters{});
    return Integrator<decltype(dynamics), detail::plain_of<Y0>, M>(std::move(dynamics), start, t0, method, options);
  }
}

}  // namespace costate
