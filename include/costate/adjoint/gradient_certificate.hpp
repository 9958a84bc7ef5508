#pragma once
// What certify (certificate.hpp) finds: how far a gradient is off, and why.

#include <limits>
#include <ostream>
#include <string>

#include <costate/core/error.hpp>

namespace costate {

/// Why a gradient is not as accurate as asked.
enum class GradientFault {
  none,
  loose_tolerance,      ///< tolerances or steps of the solve or of its backward pass are too coarse
  lost_reconstruction,  ///< the adjoint went backward to another state than the solve came from
  not_smooth,           ///< the dynamics has a jump or a kink on the way
  hidden_dependence,    ///< the loss depends on an argument in a way that the tape cannot see
  undetermined,         ///< it could not be told: a finer solve failed, say
};

/// Options of certify, for designated initialisers in this order.
struct CertificateOptions {
  /// Relative error of the gradient up to which it is silent; default 1e-3, float 1e-2. Descent needs two digits and conjugate gradients
  /// or BFGS three or four; the default tolerances leave five to three on problems that are not chaotic, of float three to two.
  double accuracy = 0;
  /// The random signs of the direction in which differences are taken.
  unsigned seed = 1;
};

/// A gradient's own error. Lengths of gradients are taken in units of the arguments' sizes, ∂L/∂(log x) so to speak: that of an argument's
/// numbers is their root mean square, 1 where all are zero. All errors are relative to the gradient's length.
struct GradientCertificate {
  GradientFault cause = GradientFault::none;
  double value = std::numeric_limits<double>::quiet_NaN();  ///< of the loss
  double error = std::numeric_limits<double>::quiet_NaN();  ///< of the gradient, estimated; infinite where there is no gradient
  double backward = 0;        ///< the backward pass's share: of a continuous adjoint, against its limit for fine tolerances
  double discretisation = 0;  ///< the solve's share
  double difference = 0;      ///< how far differences of the loss, taken finer, contradict the finer gradient along one direction
  double doubt = std::numeric_limits<double>::infinity();  ///< how well these differences are known
  double reconstruction = 0;  ///< by how much of its size the state was missed going backward
  double time = std::numeric_limits<double>::quiet_NaN();  ///< where the dynamics is not smooth, if that is the cause
  double accuracy = 0;        ///< what was asked for
  std::string message;        ///< what was found and what to do, in sentences

  /// Nothing is wrong, as far as can be seen.
  [[nodiscard]] bool ok() const { return cause == GradientFault::none; }
};

inline const char* name(GradientFault fault) {
  switch (fault) {
    case GradientFault::none: return "none";
    case GradientFault::loose_tolerance: return "loose tolerance";
    case GradientFault::lost_reconstruction: return "lost reconstruction";
    case GradientFault::not_smooth: return "not smooth";
    case GradientFault::hidden_dependence: return "hidden dependence";
    case GradientFault::undetermined: return "undetermined";
  }
  return "";
}

inline std::ostream& operator<<(std::ostream& out, const GradientCertificate& c) {
  return out << (c.ok() ? "gradient ok: " : "gradient not ok, ") << (c.ok() ? "" : name(c.cause)) << (c.ok() ? "" : ": ") << c.message;
}

}  // namespace costate
