#pragma once
// First and second derivatives of a solve's loss, forward and reverse over forward, against differences of the replayed solve.

#include <random>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/hvp.hpp>

#include "replayed.hpp"

namespace adjoint_test {

inline Eigen::VectorXd random_vector(Index n, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> normal;
  return Eigen::VectorXd::NullaryExpr(n, [&] { return normal(rng); });
}

/// Errors relative to the size of what is compared, 1 at least.
struct SecondOrderErrors {
  double jvp = 0;        ///< forward mode against differences
  double gradient = 0;   ///< forward mode against the gradient
  double curvature = 0;  ///< vᵀHv against differences
  double symmetry = 0;   ///< uᵀHv against vᵀHu
  double nested = 0;     ///< H v by the gradient of ∇Lᵀv, reverse over reverse, against reverse over forward
};

/// Of the loss of odeint(f, y0, times, theta, method, adjoint, options) as a function of x = (y0 if `moving`, theta). Of a batch y0 is kept row by row.
template <bool moving, class F, class Y0, class Theta, class M, class A>
SecondOrderErrors second_order_errors(const F& f, const Y0& y0, const std::vector<double>& times, const Theta& theta, const M& method,
    const A& adjoint,
                                      const costate::SolveOptions& options, std::uint64_t seed) {
  namespace cs = costate;
  const Index n = moving ? y0.size() : 0, p = theta.size();
  const Loss loss = Loss::random(static_cast<Index>(times.size()), y0.rows(), y0.cols(), seed);
  const auto value = [&](const auto& x) {
    const auto parameters = cs::rows(x, n, p);
    if constexpr (moving) return loss(cs::odeint(f, cs::reshape(x, 0, y0.rows(), y0.cols()), times, parameters, method, adjoint, options));
    else return loss(cs::odeint(f, y0, times, parameters, method, adjoint, options));
  };
  Eigen::Matrix<double, Eigen::Dynamic, moving ? Eigen::Dynamic : 1> x(n + p, 1);  // a matrix' slices may be batches
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = y0;
  x.topRows(n) = by_rows.reshaped<Eigen::RowMajor>().head(n);
  x.bottomRows(p) = theta;
  const Eigen::VectorXd u = random_vector(n + p, seed + 1), v = random_vector(n + p, seed + 2);

  const auto solver = cs::detail::solver_of(adjoint, method);
  const ReplayedLoss replayed(f, y0, times, theta, solver, steps_of(f, y0, times, theta, solver, options), loss);
  LongVector along = LongVector::Zero(replayed.x.size());
  for (Index i = 0; i < n; ++i) along[i % y0.cols() * y0.rows() + i / y0.cols()] = v[i];
  along.segment(y0.size(), p) = v.tail(p).template cast<long double>();

  const auto error = [](long double a, long double b) { return static_cast<double>(std::abs(a - b) / std::max(1.0L, std::abs(b))); };
  const auto [same, gradient] = cs::value_and_grad(value, x);
  const auto [again, slope] = cs::jvp(value, x, v);
  const auto Hv = cs::hvp(value, x, v), Hu = cs::hvp(value, x, u);
  const auto [third, nested] = cs::value_and_grad([&](const auto& at) { return cs::sum(cs::grad(value, at) * v); }, x);
  SecondOrderErrors e;
  e.jvp = error(slope(0, 0), replayed.slope(along, 1e-4L));
  e.gradient = std::max({error(slope(0, 0), v.dot(gradient.col(0))), error(third, v.dot(gradient.col(0))),
      (Hv.gradient - gradient).norm() / std::max(1.0, gradient.norm()),
                         error(Hv.value, same), error(again(0, 0), same)});
  e.curvature = error(v.dot(Hv.product.col(0)), replayed.curvature(along, 1e-3L));
  e.symmetry = error(u.dot(Hv.product.col(0)), v.dot(Hu.product.col(0)));
  e.nested = (nested - Hv.product).norm() / std::max(1.0, Hv.product.norm());
  return e;
}

}  // namespace adjoint_test
