#pragma once
// The options of a solve and the checks on them.

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <costate/core/error.hpp>
#include <costate/ode/controller.hpp>
#include <costate/ode/shape.hpp>

namespace costate {

/// How a batch's errors become one number. Either way a sample's is the root mean square over its components.
enum class ErrorNorm {
  max_over_samples,  ///< the worst sample decides: no sample is less accurate than asked
  mean_over_batch,   ///< root mean square over all of the batch, as torchdiffeq does: one bad sample among many hides
};

/// Options of a solve, for designated initialisers in this order: `{.rtol = 1e-8, .atol = 1e-10, .dense = true}`.
/// Methods with error control use rtol, atol, first_step, max_step, controller, norm, norm_rows; fixed-step methods use step, and refuse tolerances without one.
struct SolveOptions {
  std::optional<double> rtol = std::nullopt;        ///< relative tolerance; default 1e-6, float 1e-4
  std::optional<double> atol = std::nullopt;        ///< absolute tolerance; default 1e-8, float 1e-6
  std::optional<double> step = std::nullopt;        ///< fixed-step methods: ⌈|T|/step⌉ equal steps; default one per output interval, unless tolerances are given
  std::optional<double> first_step = std::nullopt;  ///< adaptive methods: length of the first trial; default chosen from the problem
  std::optional<double> max_step = std::nullopt;    ///< adaptive methods: no step is longer
  std::int64_t max_steps = 10'000'000;              ///< steps tried in a solve (or one advance_to) before it fails
  bool dense = false;                               ///< keep the interpolants of all steps
  StepController controller = {};                   ///< step size control
  ErrorNorm norm = ErrorNorm::max_over_samples;     ///< of a batch
  Eigen::Index norm_rows = 0;                       ///< only the state's first norm_rows components control the step; 0: all
  bool throw_on_failure = true;                     ///< otherwise the solution's status tells
  std::vector<double> jump_times = {};              ///< where the dynamics jumps in t, ascending: no step leads across. Not of Adams methods on a grid

  bool operator==(const SolveOptions&) const = default;
};

/// Tolerances of a solve in its scalar type, defaults filled in.
template <class S>
struct Tolerances {
  S rtol, atol;
};

namespace detail {

inline void check_positive(const char* name, const std::optional<double>& x, const char* meaning) {
  if (x && !(*x > 0)) fail<OptionError>("SolveOptions::", name, " = ", *x, ": expected a positive ", meaning, ", or leave it out");
}

/// Throws OptionError for what no solve can work with; returns the tolerances.
/// A relative tolerance below ten roundings of S cannot be met by any step (Hairer's dopri5 sets the same limit).
template <class S>
Tolerances<S> check_options(const SolveOptions& o, Shape shape) {
  constexpr bool single = std::is_same_v<S, float>;
  const double rtol = o.rtol.value_or(single ? 1e-4 : 1e-6), atol = o.atol.value_or(single ? 1e-6 : 1e-8);
  if (!(rtol >= 0) || !std::isfinite(rtol)) fail<OptionError>("SolveOptions::rtol = ", rtol, ": expected a finite number ≥ 0");
  if (!(atol >= 0) || !std::isfinite(atol)) fail<OptionError>("SolveOptions::atol = ", atol, ": expected a finite number ≥ 0");
  if (rtol == 0 && atol == 0)
    fail<OptionError>("SolveOptions: rtol and atol are both zero; no error estimate would be accepted. Set one of them");
  constexpr double finest = 10 * static_cast<double>(std::numeric_limits<S>::epsilon());
  if (rtol > 0 && rtol < finest)
    fail<OptionError>("SolveOptions::rtol = ", rtol, " is below the rounding of the state's type, whose finest tolerance is ", finest,
                      ": take a larger rtol, rtol = 0 with an absolute tolerance, or a state of a wider type");
  check_positive("step", o.step, "step length (the direction follows from the times)");
  check_positive("first_step", o.first_step, "step length (the direction follows from the times)");
  check_positive("max_step", o.max_step, "step length");
  if (o.step && !std::isfinite(*o.step)) fail<OptionError>("SolveOptions::step = ", *o.step, ": expected a finite step length");
  if (o.first_step && !std::isfinite(*o.first_step))
    fail<OptionError>("SolveOptions::first_step = ", *o.first_step, ": expected a finite step length");
  for (std::size_t i = 0; i < o.jump_times.size(); ++i)
    if (!std::isfinite(o.jump_times[i]) || (i > 0 && !(o.jump_times[i - 1] < o.jump_times[i])))
      fail<OptionError>("SolveOptions::jump_times[", i, "] = ", o.jump_times[i], ": expected finite times in ascending order");
  if (o.max_steps < 1) fail<OptionError>("SolveOptions::max_steps = ", o.max_steps, ": expected at least 1");
  if (o.norm_rows < 0 || o.norm_rows > shape.rows)
    fail<OptionError>("SolveOptions::norm_rows = ", o.norm_rows, ": the state has ", shape.rows, " components (0 means all)");
  const StepController& c = o.controller;
  if (!(c.safety > 0 && c.safety <= 1 && c.min_factor > 0 && c.min_factor < 1 && c.max_factor >= 1))
    fail<OptionError>("SolveOptions::controller: expected 0 < safety ≤ 1, 0 < min_factor < 1 ≤ max_factor; got safety ", c.safety,
                      ", min_factor ", c.min_factor, ", max_factor ", c.max_factor);
  if (!std::isfinite(c.beta1 + c.beta2 + c.beta3) || !(c.dead_band_low <= 1 && c.dead_band_high >= 1))
    fail<OptionError>("SolveOptions::controller: expected finite beta1, beta2, beta3 and dead_band_low ≤ 1 ≤ dead_band_high; got ", c.beta1, ", ",
                      c.beta2, ", ", c.beta3, " and ", c.dead_band_low, ", ", c.dead_band_high);
  if (shape.rows < 1 || shape.cols < 1) fail<ShapeError>("a state of ", shape.rows, " x ", shape.cols, ": expected one component and one sample at least");
  return {static_cast<S>(rtol), static_cast<S>(atol)};
}

/// Tolerances without a step ask for error control: OptionError of a method M that has none. `owner` is who states them.
template <class M, class Tolerant>
void check_error_control(const char* owner, const Tolerant& o, const std::optional<double>& step) {
  if (M::adaptive() || step || !(o.rtol || o.atol)) return;
  fail<OptionError>(owner, "::", o.rtol ? "rtol" : "atol", " = ", o.rtol ? *o.rtol : *o.atol,
                    " for a method of fixed steps, which estimates no error: give SolveOptions::step as well, or take a method that does, such as Dopri5");
}

}  // namespace detail
}  // namespace costate
