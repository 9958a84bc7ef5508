#pragma once
// The sentences in which a solve fails. Out of line and cold: they are composed once, at the end of a solve.

#include <string>

#include <costate/core/error.hpp>
#include <costate/ode/stats.hpp>

namespace costate::detail {

/// Throws the error of a status: at time t, trying a step h, with the state's norm, after some number of attempts.
template <class Time>
[[noreturn, gnu::cold, gnu::noinline]] void throw_failure(Status status, Time t, Time h, double norm, std::int64_t attempts, bool fixed_step = false) {
  switch (status) {
    case Status::non_finite:
      if (fixed_step)
        fail<NonFiniteError>("the dynamics gives NaN or infinity at t = ", t, " (state's norm ", norm, ") in a fixed step of ", h,
                             ": take a shorter one (SolveOptions::step), or check its domain there (division, log, sqrt)");
      fail<NonFiniteError>("the dynamics gives NaN or infinity at t = ", t, " (state's norm ", norm, ", step ", h,
                           "), however short the step: check its domain there (division, log, sqrt), or end the solve earlier");
    case Status::too_many_steps:
      fail<TooManyStepsError>("the solve needs more than SolveOptions::max_steps = ", attempts, " steps: it stands at t = ", t, ", step ",
                              h, ", state's norm ", norm, ". Loosen rtol and atol, raise max_steps, or, if the step is far shorter than "
                              "the solution's own time scale, suspect a stiff problem");
    default:
      fail<StepSizeError>("the step underflows at t = ", t, ": h = ", h, " still misses the tolerance (state's norm ", norm,
                          "). The solution may have a pole or a discontinuity there: end the solve before it or restart behind it, or "
                          "loosen rtol and atol, which may be below what the dynamics' own rounding allows");
  }
}

/// The same of a dynamics that is not finite, with the part of its state where it fails: at the state y or, as good as the shortest step
/// tells, behind it.
template <class Rhs, class Norm, class Y, class Time>
[[noreturn, gnu::cold, gnu::noinline]] void throw_part_failure(Rhs rhs, const Norm& norm, Time t, Time h, Y y, std::int64_t attempts, bool fixed_step) {
  Y slope = y;
  const double size = static_cast<double>(y.norm());
  rhs(t, y, slope);
  std::string part = norm.non_finite_part(slope);
  if (part.empty()) {
    y += static_cast<typename Y::Scalar>(h) * slope;
    rhs(t + h, y, slope);
    part = norm.non_finite_part(slope);
  }
  try {
    throw_failure(Status::non_finite, t, h, size, attempts, fixed_step);
  } catch (const NonFiniteError& e) {
    if (part.empty()) throw;
    throw NonFiniteError(part + ": " + e.what());
  }
}

}  // namespace costate::detail
