#pragma once
// What tests of planted faults share.

#include <costate/adjoint/certificate.hpp>
#include <costate/ode/dopri5.hpp>

#include "catch.hpp"

namespace cs = costate;
using cs::GradientFault;

namespace faults {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline const cs::SolveOptions usual{.rtol = 1e-6, .atol = 1e-8};

/// A loss of one output at t = T.
template <class F, class A>
auto loss_of(const F& f, const A& adjoint, const cs::SolveOptions& options, double T) {
  return [=](const auto& y0, const auto& p) {
    const auto y = cs::odeint(f, y0, {0.0, T}, p, cs::Dopri5{}, adjoint, options).back();
    return cs::sum(cs::square(y)) + y[0];
  };
}

/// The error of value_and_grad(loss, y0, p) against the gradient of `exact`, in the certificate's units.
template <class L, class E, class Y, class P>
double true_error(const L& loss, const E& exact, const Y& y0, const P& p) {
  const auto [value, dy, dp] = cs::value_and_grad(loss, y0, p);
  const auto [same, ey, ep] = cs::value_and_grad(exact, y0, p);
  const double size_y = y0.norm() / std::sqrt(static_cast<double>(y0.size())), size_p = p.norm() / std::sqrt(static_cast<double>(p.size()));
  return std::hypot(size_y * (dy - ey).norm(), size_p * (dp - ep).norm()) / std::hypot(size_y * ey.norm(), size_p * ep.norm());
}

inline bool says(const cs::GradientCertificate& c, const std::string& what) {
  INFO(c);
  const bool found = c.message.find(what) != std::string::npos;
  CHECK(found);
  return found;
}

// Differences along one direction know an error to a factor: a Gaussian's is below a tenth of its size in 8 of 100 directions, and the
// signs are fixed.
inline void check_size(const cs::GradientCertificate& c, double error) {
  INFO(c);
  CHECK(c.error < 10 * error);
  CHECK(c.error > error / 10);
}

}  // namespace faults
