#pragma once
// The continuous adjoint, solved backward in time beside the state by the same solver templates. Its memory does not depend on the
// number of steps.
//
// At an output time the adjoint state jumps by that output's cotangent: the step ends there, the first stage is evaluated again, and
// step size and controller go on. There the state is also set to the forward solve's, which costs nothing more. Outputs without a
// cotangent are passed by, unless the steps are one per output interval.
//
// Tolerances refer to the adjoint state in units of the largest cotangent: the gradient's relative error does not depend on the
// loss's scale. Time gradients by their limits: ∂L/∂t_i = g_iᵀ f(t_i, y_i) for an output's cotangent g_i, and ∂L/∂t_0 = −a(t_0)ᵀ f(t_0, y_0).

#include <cmath>
#include <optional>
#include <span>
#include <type_traits>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/adjoint_dynamics.hpp>
#include <costate/adjoint/augmented_adjoint.hpp>
#include <costate/ode/reversible.hpp>

namespace costate {

namespace detail {

template <class M, class F, class Call>
class BacksolvePass {
  using S = typename Call::Scalar;
  using Half = typename Call::State;
  using Time = time_of_t<S>;
  using Backward = std::conditional_t<OneStepMethod<M>, AdjointDynamics<F, Call>, AugmentedAdjointDynamics<F, Call>>;
  using State = typename Backward::State;

 public:
  BacksolvePass() = default;
  BacksolvePass(const BacksolvePass&) = delete;  // the engine refers to the dynamics beside it
  BacksolvePass& operator=(const BacksolvePass&) = delete;

  template <class A, class ForwardEngine>
  void begin(const A& adjoint, ForwardEngine& forward, std::span<const Time>) {
    options_ = forward.options();
    options_.dense = false;
    options_.norm_rows = 0;
    options_.first_step.reset();
    options_.throw_on_failure = true;
    if (adjoint.rtol) options_.rtol = adjoint.rtol;
    if (adjoint.atol) options_.atol = adjoint.atol;
    if (adjoint.step) options_.step = adjoint.step;
    parameters_in_norm_ = adjoint.parameters_in_norm;
    check_options<S>(options_, {2 * forward.shape().rows, forward.shape().cols});
  }
  template <class Window>
  void accept(const Window&) {}
  void serve(Index, Index) {}

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    const Shape shape{2 * f.rows(), f.cols()};
    const Index n = f.rows() * f.cols(), last = static_cast<Index>(times.size()) - 1;
    const auto y = [&](Index i) { return Eigen::Map<const Half>(outputs + i * n, n); };
    const auto g = [&](Index i) { return Eigen::Map<const Half>(bar.outputs + i * n, n); };
    dynamics_.begin(f, bar.theta != nullptr, check_options<S>(options_, shape), parameters_in_norm_);
    if (!engine_ || !(engine_->options() == options_) || !(engine_->shape() == shape) || engine_->tail() != dynamics_.tail())
      engine_.emplace(M{}, typename Backward::Rhs{&dynamics_}, shape, options_, dynamics_.tail());
    auto& engine = *engine_;
    const auto slope = [&](Index i) -> const Half& {
      y_ = y(i);
      slope_.resize(n);
      f(times[static_cast<std::size_t>(i)], y_, slope_);
      ++stats.backward_evaluations;
      return slope_;
    };

    // Cotangents are scaled by a power of two to the size of one, so that atol means the same for every loss.
    const S largest = Eigen::Map<const typename Backward::Vector>(bar.outputs, n * (last + 1)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
    if (largest == S(0)) return;
    if (!std::isfinite(largest)) fail<NonFiniteError>("the loss's gradient with respect to an output contains NaN or infinity");
    const S scale = std::exp2(std::floor(std::log2(largest)));

    const bool every = !M::adaptive() && !options_.step;
    bool begun = false;
    for (Index i = last; i >= 1; --i) {
      const bool kicked = !(g(i).array() == S(0)).all();
      if (!kicked && !(begun && every)) continue;
      const Time t = times[static_cast<std::size_t>(i)];
      if (begun) {
        engine.advance_to(t);
        engine.jump([&](State& z) {
          z.template head<Backward::half_rows>(n) = y(i);
          z.template segment<Backward::half_rows>(n, n) += g(i) / scale;
        });
      } else {
        z_.setZero(shape.size() + dynamics_.tail());
        z_.template head<Backward::half_rows>(n) = y(i);
        z_.template segment<Backward::half_rows>(n, n) = g(i) / scale;
        engine.reset(t, z_);
        begun = true;
      }
      if (bar.times != nullptr && kicked) bar.times[i] += g(i).dot(slope(i));
    }
    if (begun) {
      engine.advance_to(times.front());
      const auto a = scale * engine.y().template segment<Backward::half_rows>(n, n);
      if (bar.times != nullptr) bar.times[0] -= a.dot(slope(0));
      if (bar.y0 != nullptr) Eigen::Map<Half>(bar.y0, n) += a;
      if (bar.theta != nullptr) {
        const auto& theta_bar = dynamics_.theta_bar(engine.y());
        Eigen::Map<typename Backward::Vector>(bar.theta, theta_bar.size()) += scale * theta_bar;
      }
      stats.backward_evaluations += engine.stats().evaluations;
      stats.vjps += engine.stats().evaluations;
    }
    if (bar.y0 != nullptr) Eigen::Map<Half>(bar.y0, n) += g(0);
  }

 private:
  SolveOptions options_;
  bool parameters_in_norm_ = false;
  Backward dynamics_;
  std::optional<Engine<M, State, typename Backward::Rhs>> engine_;
  State z_;
  Half y_, slope_;
};

}  // namespace detail

/// The continuous adjoint, in memory that does not depend on the number of steps. Its error follows the tolerances of both solves, it
/// is not the derivative of the discrete solution. The wrong choice for stiff or strongly contracting dynamics, whose state cannot be
/// reconstructed backward: there, and wherever a state per step fits into memory, use DirectAdjoint.
///
/// The parameters' integral is left out of the error norm (Kidger, Chen & Lyons 2021) unless its embedded error exceeds the tolerance.
/// Solved by Adams, whose history holds it, it always counts, as one vector.
struct BacksolveAdjoint {
  std::optional<double> rtol = std::nullopt;  ///< of the backward solve; default: the forward one's
  std::optional<double> atol = std::nullopt;  ///< likewise
  std::optional<double> step = std::nullopt;  ///< of a fixed-step method, likewise
  bool parameters_in_norm = false;            ///< the parameters' integral controls the step as the state does, entry by entry; not of Adams
  Stats* stats = nullptr;                     ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "BacksolveAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::BacksolvePass<typename detail::WithoutReversal<M>::type, F, Call>;
};

}  // namespace costate
