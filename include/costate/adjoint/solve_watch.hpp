#pragma once
// How a certificate (certificate.hpp) reaches the solves inside a loss: a pointer in the tape's workspace, null but for certify.
//
// Where it is set, every solve on the tape takes its tolerances, or steps, finer by so many levels, and tells what it solved and how well
// its adjoint went backward. A level is a sixteenth of the tolerances, or a half of fixed steps.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <costate/ode/dynamics.hpp>
#include <costate/ode/options.hpp>
#include <costate/ode/part_norm.hpp>
#include <costate/ode/stats.hpp>

namespace costate::detail {

/// One solve as it was made.
struct WatchedSolve {
  const char* adjoint = "";
  bool adaptive = true;
  bool continuous = false, reconstructs = false;  ///< whether the adjoint has an error of its own; whether it solves the state backward
  int order = 0;
  double rtol = 0, atol = 0;                 ///< of adaptive steps
  double step = 0;                           ///< of fixed ones
  double backward_rtol = 0, backward_atol = 0, backward_step = 0;  ///< of a continuous adjoint
  bool own_tolerances = false;               ///< of a part or a cost, too,
  double own_rtol = 0;                       ///< and the coarsest relative one
  bool finest = false;                       ///< the relative tolerance is the scalar type's finest
  double begin = 0, end = 0;
  std::vector<double> y0, jumps;
  Index samples = 1;
  const void* solve = nullptr;
  void (*slope)(const void* solve, double t, const double* y, double* dydt) = nullptr;  ///< f, as long as the tape's record
};

struct SolveWatch {
  int forward = 0, backward = 0;      ///< levels by which solves and the adjoints' own are finer
  std::vector<WatchedSolve> solves;   ///< since the last `begin`
  double reconstruction = 0;          ///< the worst of an adjoint's pass

  void begin(int forward_level, int backward_level) {
    forward = forward_level;
    backward = backward_level;
    solves.clear();
    reconstruction = 0;
  }
  /// Of those that parts have of their own.
  [[nodiscard]] double part_tolerances() const { return std::ldexp(1.0, -4 * forward); }
  void pulled(const Stats& stats) {
    if (!(stats.reconstruction <= reconstruction)) reconstruction = stats.reconstruction;
  }
};

/// Tolerances finer by so many levels, no finer than the scalar type allows.
inline double finer_rtol(double rtol, int level, double finest) {
  return rtol > 0 ? std::max(std::ldexp(rtol, -4 * level), std::min(rtol, finest)) : rtol;
}

/// The fixed step that a solve takes without `step`: one per output interval, seen as equal ones no more than eight times as many.
template <class Time>
double step_between(std::span<const Time> times) {
  if (times.size() < 2) return 1;
  Time shortest = std::abs(times[1] - times[0]);
  for (std::size_t i = 2; i < times.size(); ++i) shortest = std::min(shortest, std::abs(times[i] - times[i - 1]));
  return static_cast<double>(std::max(shortest, std::abs(times.back() - times.front()) / static_cast<Time>(8 * (times.size() - 1))));
}

/// Tells of tolerances that parts of the state have of their own, by which the step is controlled.
template <class S, class F>
void tell_own_tolerances([[maybe_unused]] WatchedSolve& told, [[maybe_unused]] const F& f, [[maybe_unused]] Index rows,
                         [[maybe_unused]] double factor) {
  if constexpr (PartedFunction<F>) {
    constexpr double finest = 10 * static_cast<double>(std::numeric_limits<S>::epsilon());
    for (NormPart part : f.norm_parts(rows)) {
      if (!told.adaptive || !part.own_tolerances()) continue;
      part.scale_tolerances(factor, finest);
      const double rtol = part.rtol.value_or(0);
      told.own_tolerances = true;
      told.own_rtol = std::max(told.own_rtol, rtol);
      told.finest |= rtol > 0 && rtol <= finest;
    }
  }
}

/// Makes a solve by the method M finer as the watch wants; says how it is made.
template <class S, class M, class A, class Time>
WatchedSolve watch_options(const SolveWatch& watch, A& adjoint, SolveOptions& options, std::span<const Time> times, Shape shape) {
  constexpr double finest = 10 * static_cast<double>(std::numeric_limits<S>::epsilon());
  const Tolerances<S> given = check_options<S>(options, shape);
  WatchedSolve told;
  told.adjoint = A::name;
  told.adaptive = M::adaptive();
  told.order = M::order;
  told.begin = static_cast<double>(times.front());
  told.end = static_cast<double>(times.back());
  told.jumps = options.jump_times;
  told.samples = shape.cols;
  const double rtol = options.rtol.value_or(static_cast<double>(given.rtol)), atol = options.atol.value_or(static_cast<double>(given.atol));
  const double step = options.step.value_or(M::adaptive() ? 0 : step_between(times));
  if constexpr (requires { adjoint.rtol; }) {
    told.continuous = true;
    told.reconstructs = requires { adjoint.lost; };
    told.backward_rtol = finer_rtol(adjoint.rtol.value_or(rtol), watch.backward, finest);
    told.backward_atol = std::ldexp(adjoint.atol.value_or(atol), -4 * watch.backward);
    told.backward_step = std::ldexp(adjoint.step.value_or(step), -watch.backward);
    if (watch.backward > 0) {
      if constexpr (M::adaptive()) adjoint.rtol = told.backward_rtol, adjoint.atol = told.backward_atol;
      else adjoint.step = told.backward_step;
    }
  }
  if (watch.forward > 0) {
    if constexpr (M::adaptive()) {
      options.rtol = finer_rtol(rtol, watch.forward, finest);
      options.atol = std::ldexp(atol, -4 * watch.forward);
    } else {
      options.step = std::ldexp(step, -watch.forward);
    }
  }
  told.rtol = options.rtol.value_or(rtol);
  told.atol = options.atol.value_or(atol);
  told.step = options.step.value_or(step);
  told.finest = M::adaptive() && told.rtol > 0 && told.rtol <= finest;
  return told;
}

/// f at a state, in double whatever its scalar type.
template <class State, class View>
void watched_slope(View view, double t, const double* y, double* dydt) {
  using S = typename State::Scalar;
  using Numbers = Eigen::Matrix<double, State::RowsAtCompileTime, 1>;
  const Index n = view.rows() * view.cols();
  const State at = Eigen::Map<const Numbers>(y, n).template cast<S>();
  State slope(n);
  view(static_cast<time_of_t<S>>(t), at, slope);
  Eigen::Map<Numbers>(dydt, n) = slope.template cast<double>();
}

}  // namespace costate::detail
