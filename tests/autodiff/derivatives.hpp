#pragma once
// Derivatives of an operation on two arrays, up to the third, against differences and against each other.

#include "catch.hpp"

#include <costate/autodiff/check.hpp>

namespace derivatives {

namespace cs = costate;

/// Irregular weights, different for every component, so that no two faults cancel.
inline Eigen::MatrixXd irregular(Eigen::Index rows, Eigen::Index cols, double phase) {
  Eigen::MatrixXd m(rows, cols);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = std::sin(phase + 2.4 * static_cast<double>(i)) + 0.3;
  return m;
}

template <class A>
auto weighted(const A& a, double phase) {
  return cs::sum(a * irregular(a.rows(), a.cols(), phase));
}

#define COSTATE_CHECK_GRADIENT(which, ...)                                            \
  do {                                                                                \
    const auto report = cs::check_gradient(__VA_ARGS__);                              \
    INFO(which << ": argument " << report.argument << ", component " << report.index  \
               << ": " << report.gradient << " by the tape, " << report.difference    \
               << " by differences");                                                 \
    CHECK(report.error <= tolerance);                                                 \
  } while (false)

/// op(x, y) takes and returns arrays of one type; `shape` are the rows and columns of the result.
/// Tolerances: the adjoint identity to rounding; derivatives in double against long double differences to 1e-10 (1e-9 asked for).
template <class Op>
void check(const Op& op, const Eigen::MatrixXd& x, const Eigen::MatrixXd& y, double tolerance = 1e-10) {
  // the Jacobian of both arguments at once, forward and reverse
  Eigen::MatrixXd both(x.size() + y.size(), 1);
  const Eigen::MatrixXd xt = x.transpose(), yt = y.transpose();  // values row by row
  both << xt.reshaped(), yt.reshaped();
  const auto joined = [&](const auto& z) {
    return op(cs::reshape(z, 0, x.rows(), x.cols()), cs::reshape(z, x.size(), y.rows(), y.cols()));
  };
  const auto identity = cs::check_adjoint(joined, both);
  CAPTURE(identity.forward, identity.reverse);
  CHECK(identity.ok(1e-12));

  COSTATE_CHECK_GRADIENT("first derivative", [&](const auto& u, const auto& v) { return weighted(op(u, v), 0.1); }, x, y);

  const Eigen::MatrixXd value = std::get<0>(cs::jvp(joined, both, both));
  COSTATE_CHECK_GRADIENT("derivative of a vjp",
                         [&](const auto& u, const auto& v, const auto& c) {
                           const auto [h, ubar, vbar] = cs::vjp([&](const auto& p, const auto& q) { return op(p, q); }, cs::args(u, v), c);
                           return weighted(ubar, 0.2) + weighted(vbar, 0.3) + weighted(h, 0.4);
                         },
                         x, y, irregular(value.rows(), value.cols(), 0.5));
  COSTATE_CHECK_GRADIENT("derivative of a jvp",
                         [&](const auto& u, const auto& v, const auto& t) {
                           const auto [h, dot] = cs::jvp([&](const auto& p) { return op(p, v); }, u, t);
                           return weighted(dot, 0.6) + weighted(h, 0.7);
                         },
                         x, y, irregular(x.rows(), x.cols(), 0.8));
  COSTATE_CHECK_GRADIENT("third derivative",
                         [&](const auto& u, const auto& v) {
                           const auto slope = [&](const auto& q) {
                             return weighted(cs::grad([&](const auto& p) { return weighted(op(p, q), 0.1); }, u), 0.2);
                           };
                           return weighted(cs::grad(slope, v), 0.3);
                         },
                         x, y);
  COSTATE_CHECK_GRADIENT("third derivative, Hessian-vector inside",
                         [&](const auto& u, const auto& v) {
                           const auto slope = [&](const auto& p) {
                             return cs::grad([&](const auto& r) { return weighted(op(r, v), 0.1); }, p);
                           };
                           return weighted(std::get<1>(cs::jvp(slope, u, irregular(u.rows(), u.cols(), 0.9))), 0.2);
                         },
                         x, y);
}

}  // namespace derivatives
