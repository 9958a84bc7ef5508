#pragma once
// The continuous adjoint along the forward solve's dense output ỹ. Backward in time the adjoint state alone is solved for,
//     da/dt = −aᵀ ∂f/∂y(t, ỹ(t)),
// by the forward solve's method: the state is never reconstructed. The parameters' integral θ̄ = ∫ aᵀ ∂f/∂θ dt is taken afterwards of every
// accepted step, along that step's own dense output of a, by quadrature at seven nodes whatever the method's stages; where three of them
// tell another integral by more than the tolerance, the step's halves are taken.
//
// SciML documents this as its Gauss adjoint (SciMLSensitivity.jl, GaussAdjoint); solving backward along an interpolant is the way of CVODES
// (R. Serban & A. C. Hindmarsh, CVODES: the sensitivity-enabled ODE solver in SUNDIALS, 2005).
//
// A quadrature need not end where a forward step does and ỹ breaks: weights are positive, so that a break adds to θ̄ no more than the
// interpolant's own error, which is there anyway. But it covers no more than four forward steps, lest it miss what they resolved and a does
// not see: where f does not depend on y, one backward step may be the whole solve.

#include <cmath>
#include <optional>
#include <span>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/backward_sweep.hpp>
#include <costate/adjoint/dense_record.hpp>
#include <costate/adjoint/gauss_kronrod.hpp>
#include <costate/adjoint/quadrature_error.hpp>
#include <costate/ode/reversible.hpp>

namespace costate {

namespace detail {

template <class M, class F, class Call>
class InterpolatingPass {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  using Time = time_of_t<S>;

  /// da/dt.
  struct PlainRhs {
    InterpolatingPass* pass;
    void operator()(Time t, const State& a, State& dadt) const {
      pass->pull_back(t, a, nullptr);
      dadt = -pass->ybar_;
    }
  };
  using Rhs = typename BackwardRhs<PlainRhs, F, 1>::type;

 public:
  InterpolatingPass() = default;
  InterpolatingPass(const InterpolatingPass&) = delete;  // the engine refers to the pass
  InterpolatingPass& operator=(const InterpolatingPass&) = delete;

  template <class A, class ForwardEngine>
  void begin(const A& adjoint, ForwardEngine& forward, std::span<const Time> times) {
    options_ = backward_options<M>(adjoint, forward.options());
    if constexpr (PartedFunction<F>) forward_options_ = forward.options();
    tolerances_ = check_options<S>(options_, forward.shape());
    record_.clear(times.front(), forward.shape().size(), static_cast<Index>(ForwardEngine::Window::degree()));
  }
  template <class Window>
  void accept(const Window& w) {
    record_.push_back(w);
  }
  void serve(Index, Index) {}

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    const Shape shape{f.rows(), f.cols()};
    stats.kept = record_.steps();
    vjp_.emplace(f);
    for (State* s : {&y_, &dydt_, &ybar_}) s->resize(shape.size());
    for (Vector* v : {&theta_bar_, &gauss_, &kronrod_, &error_, &g_}) v->setZero(bar.theta == nullptr ? 0 : f.theta_rows * f.theta_cols);
    vjps_ = 0;
    const Rhs rhs = right_hand_side(f);
    if (!engine_ || !(engine_->options() == options_) || !(engine_->shape() == shape) || other_parts(*engine_, rhs))
      engine_.emplace(M{}, rhs, shape, options_);
    auto& engine = *engine_;
    const auto add_integral = [&](const auto& window) {
      if (theta_bar_.size() == 0) return;
      for (Time from = window.t, to; from != window.end; from = to) {
        to = record_.back(from, window.end, 4);
        integrate(window, from, to - from, 0);
      }
    };
    sweep_(
        f, times, outputs, bar, !M::adaptive() && !options_.step, stats,
        [&](Time t, const auto&, const auto& g, bool first) {
          if (first) {
            a_ = g;
            engine.reset(t, a_);
          } else {
            engine.advance_to(t, add_integral);
            engine.jump([&](State& a) { a += g; });
          }
        },
        [&](Time t, S scale) -> const State& {
          engine.advance_to(t, add_integral);
          if (bar.theta != nullptr) Eigen::Map<Vector>(bar.theta, theta_bar_.size()) += scale * theta_bar_;
          return engine.y();
        });
    stats.backward_evaluations += vjps_;
    stats.vjps += vjps_;
  }

 private:
  Rhs right_hand_side([[maybe_unused]] const DynamicsView<F, Call>& f) {
    if constexpr (PartedFunction<F>) return {{this}, adjoint_parts<S>(f.norm_parts(), forward_options_, options_)};
    else return {this};
  }

  /// ybar_ = aᵀ∂f/∂y, theta_bar += aᵀ∂f/∂θ at (t, ỹ(t)).
  void pull_back(Time t, const State& a, S* theta_bar) {
    record_.value(t, y_);
    (*vjp_)(t, y_, a, dydt_, ybar_, theta_bar);
    ++vjps_;
  }

  /// theta_bar_ −= ∫ aᵀ∂f/∂θ dt over a step or a part of it, which begins at `from` and has the length h.
  template <class Window>
  void integrate(const Window& w, Time from, Time h, int halvings) {
    const auto add = [&](const QuadratureNode& node, double weight, Vector& to) {
      const Time t = from + node.x * h;
      w.interpolate(t, a_);
      a_ *= static_cast<S>(-h * weight);
      pull_back(t, a_, to.data());
    };
    if constexpr (!M::adaptive()) {
      constexpr std::size_t rule = M::order < 2 ? 0 : M::order < 6 ? 1 : 2;  // of higher order than the method
      for (const QuadratureNode& node : gauss_kronrod)
        if (node.weight[rule] != 0) add(node, node.weight[rule], theta_bar_);
    } else {
      for (Vector* v : {&gauss_, &kronrod_, &error_}) v->setZero();
      for (const QuadratureNode& node : gauss_kronrod) {
        g_.setZero();
        add(node, 1, g_);
        gauss_ += static_cast<S>(node.weight[1]) * g_;
        kronrod_ += static_cast<S>(node.weight[2]) * g_;
      }
      error_ = kronrod_ - gauss_;
      const double error = quadrature_error(theta_bar_, kronrod_, error_, tolerances_);
      if (!std::isfinite(error)) fail<NonFiniteError>("the parameters' gradient contains NaN or infinity at t = ", from);
      if (error > 1 && halvings < 30) {
        integrate(w, from, h / 2, halvings + 1);
        integrate(w, from + h / 2, h / 2, halvings + 1);
      } else {
        theta_bar_ += kronrod_;
      }
    }
  }

  SolveOptions options_, forward_options_;
  Tolerances<S> tolerances_{};
  DenseRecord<State> record_;
  std::optional<DynamicsVjp<F, Call>> vjp_;
  std::optional<Engine<M, State, Rhs>> engine_;
  BackwardSweep<F, Call> sweep_;
  State a_, y_, dydt_, ybar_;
  Vector theta_bar_, gauss_, kronrod_, error_, g_;
  std::int64_t vjps_ = 0;
};

}  // namespace detail

/// The continuous adjoint along the dense output of the forward solve. Right where BacksolveAdjoint cannot reconstruct the state, for
/// contracting and moderately stiff dynamics: y does not drift. Wrong where the gradient of the discrete solution is wanted: its error
/// follows the tolerances of both solves and the order of the dense output. Memory is steps · (degree + 1) states, with degree that of the
/// dense output (4 of Dopri5, 3 of Rk4, 13 of Adams): DirectAdjoint takes less. The parameters are no part of the backward solve, nor of
/// Adams' history.
///
/// It costs a vjp of the state alone per stage, and seven with the parameters per step: with Dopri5 one and a half to two times
/// BacksolveAdjoint's vjps, with Adams, whose steps are short, three to four times. Without error control it is one, three or seven per step,
/// as the method's order wants. What of ∂f/∂θ jumps in t may be missed by as much as falls between nodes.
struct InterpolatingAdjoint {
  std::optional<double> rtol = std::nullopt;  ///< of the backward solve and the parameters' integral; default: the forward one's
  std::optional<double> atol = std::nullopt;  ///< likewise
  std::optional<double> step = std::nullopt;  ///< of a fixed-step method, likewise
  Stats* stats = nullptr;                     ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "InterpolatingAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::InterpolatingPass<typename detail::WithoutReversal<M>::type, F, Call>;
};

}  // namespace costate
