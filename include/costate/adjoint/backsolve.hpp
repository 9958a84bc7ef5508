#pragma once
// The continuous adjoint, solved backward in time beside the state by the same solver templates. Its memory does not depend on the
// number of steps.
//
// At an output time with a cotangent the step ends, the adjoint state jumps, the first stage is evaluated again, and step size and
// controller go on (backward_sweep.hpp). There the state is compared with the forward solve's and set to it, which costs nothing more.

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <type_traits>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/adjoint_dynamics.hpp>
#include <costate/adjoint/augmented_adjoint.hpp>
#include <costate/adjoint/backward_sweep.hpp>
#include <costate/ode/reversible.hpp>

namespace costate {

namespace detail {

template <class M, class F, class Call>
class BacksolvePass {
  using S = typename Call::Scalar;
  using Time = time_of_t<S>;
  using Backward = std::conditional_t<OneStepMethod<M>, AdjointDynamics<F, Call>, AugmentedAdjointDynamics<F, Call>>;
  using State = typename Backward::State;
  using Rhs = typename BackwardRhs<typename Backward::Rhs, F, 2>::type;

 public:
  BacksolvePass() = default;
  BacksolvePass(const BacksolvePass&) = delete;  // the engine refers to the dynamics beside it
  BacksolvePass& operator=(const BacksolvePass&) = delete;

  template <class A, class ForwardEngine>
  void begin(const A& adjoint, ForwardEngine& forward, std::span<const Time>) {
    options_ = backward_options<M>(adjoint, forward.options());
    if constexpr (PartedFunction<F>) forward_options_ = forward.options();
    parameters_in_norm_ = adjoint.parameters_in_norm;
    lost_ = adjoint.lost;
    if (!(lost_ > 0)) fail<OptionError>("BacksolveAdjoint::lost = ", lost_, ": expected a positive number");
    check_options<S>(options_, {2 * forward.shape().rows, forward.shape().cols});
  }
  template <class Window>
  void accept(const Window&) {}
  void serve(Index, Index) {}

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    const Shape shape{2 * f.rows(), f.cols()};
    const Index n = f.rows() * f.cols();
    tolerances_ = check_options<S>(options_, shape);
    dynamics_.begin(f, bar.theta != nullptr, tolerances_, parameters_in_norm_);
    const Rhs rhs = right_hand_side(f);
    if (!engine_ || !(engine_->options() == options_) || !(engine_->shape() == shape) || engine_->tail() != dynamics_.tail() ||
        other_parts(*engine_, rhs))
      engine_.emplace(M{}, rhs, shape, options_, dynamics_.tail());
    auto& engine = *engine_;
    measure(outputs, n, times.size());
    sweep_(
        f, times, outputs, bar, !M::adaptive() && !options_.step, stats,
        [&](Time t, const auto& y, const auto& g, bool first) {
          if (first) {
            z_.setZero(shape.size() + dynamics_.tail());
            z_.template head<Backward::half_rows>(n) = y;
            z_.template segment<Backward::half_rows>(n, n) = g;
            engine.reset(t, z_);
          } else {
            engine.advance_to(t);
            compare(f, t, y, stats);
            engine.jump([&](State& z) {
              z.template head<Backward::half_rows>(n) = y;
              z.template segment<Backward::half_rows>(n, n) += g;
            });
          }
        },
        [&](Time t, S scale) {
          engine.advance_to(t);
          compare(f, t, Eigen::Map<const typename Call::State>(outputs, n), stats);
          if (bar.theta != nullptr) {
            const auto& theta_bar = dynamics_.theta_bar(engine.y());
            Eigen::Map<typename Backward::Vector>(bar.theta, theta_bar.size()) += scale * theta_bar;
          }
          stats.backward_evaluations += engine.stats().evaluations;
          stats.vjps += engine.stats().evaluations;
          return engine.y().template segment<Backward::half_rows>(n, n);
        });
  }

 private:
  Rhs right_hand_side([[maybe_unused]] const DynamicsView<F, Call>& f) {
    if constexpr (PartedFunction<F>) {
      const auto parts = f.norm_parts();
      const auto adjoint = adjoint_parts<S>(parts, forward_options_, options_);
      Rhs rhs{{&dynamics_}, {}};
      std::copy(adjoint.begin(), adjoint.end(), std::copy(parts.begin(), parts.end(), rhs.parts.begin()));
      for (NormPart& part : rhs.parts) part.in_norm = part.adjoint || ((part.in_norm || part.tangent) && !part.integral);
      return rhs;
    } else {
      return {&dynamics_};
    }
  }

  /// How large each component of each sample was at any output: it may be zero where it is compared.
  void measure(const S* outputs, Index n, std::size_t times) {
    using Columns = Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>>;
    sizes_ = Columns(outputs, n, static_cast<Index>(times)).cwiseAbs().rowwise().maxCoeff();
  }
  /// The state that came out backward with the one that was there, part by part if it has some.
  template <class Y>
  void compare(const DynamicsView<F, Call>& f, Time t, const Y& y, Stats& stats) const {
    double missed = 0;
    if constexpr (PartedFunction<F>) {
      Index first = 0;
      for (const NormPart& part : f.norm_parts()) {
        if (part.in_norm && !part.integral)
          missed = most(missed, miss(y, first, part.rows, f.cols(),
                                     {static_cast<S>(part.rtol.value_or(tolerances_.rtol)), static_cast<S>(part.atol.value_or(tolerances_.atol))}));
        first += part.rows;
      }
    } else {
      missed = miss(y, 0, f.rows(), f.cols(), tolerances_);
    }
    stats.reconstruction = most(stats.reconstruction, missed);
    if (!(missed <= lost_))
      fail<ReconstructionError>("the state solved backward to t = ", t, " is off by ", missed, " of its size (more than ", lost_,
                                "): the dynamics contracts too strongly to be solved backward, or tolerance or step are too coarse; ask for outputs in between, "
                                "or use InterpolatingAdjoint, CheckpointedAdjoint or DirectAdjoint");
  }
  /// The largest miss of the components first … first + rows of any sample, in units of a component's own size: another sample, or a component
  /// far larger, says nothing of it. What is smaller than atol / rtol is controlled like what is that large, and measured so.
  template <class Y>
  [[nodiscard]] double miss(const Y& y, Index first, Index rows, Index samples, Tolerances<S> tolerances) const {
    double worst = 0;
    for (Index b = 0; b < samples; ++b) {
      S largest(0);
      for (Index r = first; r < first + rows; ++r) largest = std::max(largest, sizes_[r * samples + b]);
      const S least = std::min(largest, tolerances.atol / tolerances.rtol);
      for (Index r = first; r < first + rows; ++r) {
        const Index i = r * samples + b;
        const double distance = static_cast<double>(std::abs(engine_->y()[i] - y[i])),
                     size = static_cast<double>(std::max(sizes_[i], least) + tolerances.atol);
        worst = most(worst, distance > 0 ? distance / size : distance);
      }
    }
    return worst;
  }
  /// The larger one; NaN if one is.
  static double most(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

  SolveOptions options_, forward_options_;
  bool parameters_in_norm_ = false;
  double lost_ = 0;
  Tolerances<S> tolerances_{};
  Backward dynamics_;
  Eigen::Matrix<S, Eigen::Dynamic, 1> sizes_;
  std::optional<Engine<M, State, Rhs>> engine_;
  State z_;
  BackwardSweep<F, Call> sweep_;
};

}  // namespace detail

/// The continuous adjoint, in memory that does not depend on the number of steps. Its error follows the tolerances of both solves, it
/// is not the derivative of the discrete solution. The wrong choice for stiff or strongly contracting dynamics, whose state cannot be
/// reconstructed backward: there, and wherever a state per step fits into memory, use DirectAdjoint. Where an output has a cotangent, and at
/// the initial time, the reconstruction is compared with the state that was there, component by component: `lost` says how far one may be
/// off, of its largest value at any output (or of atol / rtol if that is more, but not more than the sample's largest component);
/// stats.reconstruction how far it was.
///
/// The parameters' integral is left out of the error norm (Kidger, Chen & Lyons 2021) unless its embedded error exceeds the tolerance.
/// Solved by Adams, whose history holds it, it always counts, as one vector.
struct BacksolveAdjoint {
  std::optional<double> rtol = std::nullopt;  ///< of the backward solve; default: the forward one's
  std::optional<double> atol = std::nullopt;  ///< likewise
  std::optional<double> step = std::nullopt;  ///< of a fixed-step method, likewise
  bool parameters_in_norm = false;            ///< the parameters' integral controls the step as the state does, entry by entry; not of Adams
  double lost = 0.1;                          ///< ReconstructionError where a component is off by more of its size; infinity: never
  Stats* stats = nullptr;                     ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "BacksolveAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::BacksolvePass<typename detail::WithoutReversal<M>::type, F, Call>;
};

}  // namespace costate
