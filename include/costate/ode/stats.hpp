#pragma once
// What a solve cost and how it ended.

#include <cstdint>

namespace costate {

/// Counts of one solve; of an integrator, since its last reset.
struct Stats {
  std::int64_t evaluations = 0;           ///< of the dynamics, forward in the solve
  std::int64_t accepted = 0;              ///< steps
  std::int64_t rejected = 0;              ///< steps tried and repeated shorter
  std::int64_t backward_evaluations = 0;  ///< of the dynamics, in an adjoint's backward pass
  std::int64_t vjps = 0;                  ///< vector–Jacobian products, in an adjoint's backward pass
  std::int64_t kept = 0;                  ///< states, checkpoints or polynomials of the solve that an adjoint held at once
  std::int64_t repeated = 0;              ///< steps taken again in an adjoint's backward pass
  double reconstruction = 0;              ///< by how much of their size an adjoint missed the stored states going backward, at most; 0: it does not

  /// Counts of what was solved after this, or beside it.
  constexpr Stats& operator+=(const Stats& more) {
    evaluations += more.evaluations;
    accepted += more.accepted;
    rejected += more.rejected;
    backward_evaluations += more.backward_evaluations;
    vjps += more.vjps;
    kept += more.kept;
    repeated += more.repeated;
    reconstruction = reconstruction < more.reconstruction ? more.reconstruction : reconstruction;
    return *this;
  }
  constexpr std::int64_t steps() const { return accepted + rejected; }
  constexpr bool operator==(const Stats&) const = default;
};

/// How a solve ended. Anything but success is thrown unless SolveOptions::throw_on_failure is false.
enum class Status {
  success,
  step_underflow,   ///< StepSizeError
  non_finite,       ///< NonFiniteError
  too_many_steps,   ///< TooManyStepsError
};

}  // namespace costate
