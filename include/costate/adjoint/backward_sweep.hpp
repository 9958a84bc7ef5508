#pragma once
// What the continuous adjoints do alike: how a solve goes backward through the outputs.
//
// At an output time the adjoint state jumps by that output's cotangent; outputs without one are passed by, unless the steps are one per
// output interval. Tolerances refer to the adjoint state in units of the largest cotangent: the gradient's relative error does not depend
// on the loss's scale. Time gradients by their limits: ∂L/∂t_i = g_iᵀ f(t_i, y_i) for an output's cotangent g_i, and
// ∂L/∂t_0 = −a(t_0)ᵀ f(t_0, y_0).

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <type_traits>

#include <costate/adjoint/adjoint.hpp>
#include <costate/ode/options.hpp>

namespace costate::detail {

/// The forward solve's options with what the adjoint states instead.
template <class M, class A>
SolveOptions backward_options(const A& adjoint, const SolveOptions& forward) {
  SolveOptions options = forward;
  options.dense = false;
  options.norm_rows = 0;
  options.first_step.reset();
  options.throw_on_failure = true;
  if (adjoint.rtol) options.rtol = adjoint.rtol;
  if (adjoint.atol) options.atol = adjoint.atol;
  if (adjoint.step) options.step = adjoint.step;
  check_error_control<M>(A::name, adjoint, options.step);
  return options;
}

/// The parts of the adjoint state of a dynamics whose state has parts. A part's absolute tolerance is in units of the state, a cotangent's
/// are their inverse: what is 10⁶ times as large has one 10⁶ times as small. So the cotangent of a part whose absolute tolerance is c times
/// the solve's gets 1/c times the backward solve's, and c times it where that is finer. All are in the norm: any may carry another's
/// gradient.
template <class S, std::size_t N>
std::array<NormPart, N> adjoint_parts(std::array<NormPart, N> parts, const SolveOptions& forward, const SolveOptions& backward) {
  const auto common = check_options<S>(forward, {1, 1}), own = check_options<S>(backward, {1, 1});
  constexpr double finest = 10 * static_cast<double>(std::numeric_limits<S>::epsilon());
  for (NormPart& part : parts) {
    part.in_norm = part.adjoint = true;
    if (part.rtol && *part.rtol > 0 && common.rtol > 0)
      part.rtol = std::max(*part.rtol * static_cast<double>(own.rtol) / static_cast<double>(common.rtol), std::min(*part.rtol, finest));
    else if (part.rtol && !(*part.rtol > 0)) part.rtol.reset();
    const bool relative = part.rtol || own.rtol > 0;
    if (!part.atol) continue;
    if (const double c = *part.atol / static_cast<double>(common.atol); relative && common.atol > 0)
      part.atol = static_cast<double>(own.atol) * std::min(c, 1 / c);
    else part.atol.reset();
  }
  return parts;
}

/// The right-hand side of a backward solve with the parts of its state, where a state has parts; the right-hand side itself otherwise.
template <class Rhs, class F, std::size_t copies>
struct BackwardRhs : std::type_identity<Rhs> {};
template <class Rhs, PartedFunction F, std::size_t copies>
struct BackwardRhs<Rhs, F, copies> : std::type_identity<PartedRhs<Rhs, copies * norm_part_count<F>>> {};

template <class F, class Call>
class BackwardSweep {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;

 public:
  /// reach(t, y, g, first) goes to an output's time, the first time by beginning there, and jumps by the scaled cotangent g.
  /// finish(t, scale) goes to the initial time and returns the adjoint state there, still scaled. `every`: one step per output interval.
  template <class Reach, class Finish>
  void operator()(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, bool every,
                  Stats& stats, Reach&& reach, Finish&& finish) {
    const Index n = f.rows() * f.cols(), last = static_cast<Index>(times.size()) - 1;
    const auto y = [&](Index i) { return Eigen::Map<const State>(outputs + i * n, n); };
    const auto g = [&](Index i) { return Eigen::Map<const State>(bar.outputs + i * n, n); };
    const auto slope = [&](Index i) -> const State& {
      y_ = y(i);
      slope_.resize(n);
      f(times[static_cast<std::size_t>(i)], y_, slope_);
      ++stats.backward_evaluations;
      return slope_;
    };

    // Cotangents are scaled by a power of two to the size of one, so that atol means the same for every loss.
    using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
    const S largest = Eigen::Map<const Vector>(bar.outputs, n * (last + 1)).cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
    if (largest == S(0)) return;
    if (!std::isfinite(largest)) fail<NonFiniteError>("the loss's gradient with respect to an output contains NaN or infinity");
    const S scale = std::exp2(std::floor(std::log2(largest)));

    bool begun = false;
    for (Index i = last; i >= 1; --i) {
      const bool kicked = !(g(i).array() == S(0)).all();
      if (!kicked && !(begun && every)) continue;
      reach(times[static_cast<std::size_t>(i)], y(i), g(i) / scale, !begun);
      begun = true;
      if (bar.times != nullptr && kicked) bar.times[i] += g(i).dot(slope(i));
    }
    if (begun) {
      const auto& scaled = finish(times.front(), scale);
      const auto a = scale * scaled;
      if (bar.times != nullptr) bar.times[0] -= a.dot(slope(0));
      if (bar.y0 != nullptr) Eigen::Map<State>(bar.y0, n) += a;
    }
    if (bar.y0 != nullptr) Eigen::Map<State>(bar.y0, n) += g(0);
  }

 private:
  State y_, slope_;
};

}  // namespace costate::detail
