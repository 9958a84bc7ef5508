#pragma once
// One text of a dynamics runs plainly on numbers, is differentiated at compile time, recorded as named scalars or recorded as
// arrays, for one sample of static or dynamic size and for a batch, in three precisions: with the same result?

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <costate/adjoint/vjp.hpp>

#include "catch.hpp"

namespace tiers {

namespace cs = costate;
using cs::Index;

/// Values dy/dt, and aᵀ∂f/∂y for each sample; aᵀ∂f/∂θ and aᵀ∂f/∂t summed over them.
struct Result {
  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> dydt, y;
  Eigen::Matrix<long double, Eigen::Dynamic, 1> theta;
  long double t = 0;
};

/// Both ways through the library's binding; a state of one column is one sample or a batch by its static type.
template <class F, class Y, class P>
Result evaluate(const F& f, double t, const Y& y0, const P& p, const Y& a) {
  using S = typename Y::Scalar;
  auto dynamics = cs::detail::bind(f, y0, p);
  using D = decltype(dynamics);
  const cs::detail::DynamicsVjp<F, typename D::Call> vjp(dynamics.view());
  const auto time = static_cast<cs::time_of_t<S>>(t);
  const typename D::State y = D::to_internal(y0), cotangent = D::to_internal(a);
  typename D::State plain(y.size()), dydt(y.size()), ybar = D::State::Zero(y.size());
  Eigen::Matrix<S, Eigen::Dynamic, 1> theta_bar = Eigen::Matrix<S, Eigen::Dynamic, 1>::Zero(p.size());
  S t_bar = 0;
  dynamics(time, y, plain);
  vjp.template add<true>(time, y, cotangent, dydt, ybar, theta_bar.data(), &t_bar);
  CHECK((plain - dydt).norm() <= 16 * std::numeric_limits<S>::epsilon() * plain.norm());
  Y values(y0.rows(), y0.cols()), products(y0.rows(), y0.cols());
  dynamics.to_user(plain, values);
  dynamics.to_user(ybar, products);
  return {values.template cast<long double>(), products.template cast<long double>(), theta_bar.template cast<long double>(), t_bar};
}

/// All samples one by one, in the given static size.
template <class S, int rows, class P, class F>
Result one_by_one(const F& f, double t, const Eigen::MatrixXd& y, const Eigen::VectorXd& p, const Eigen::MatrixXd& a) {
  using Y = Eigen::Matrix<S, rows, 1>;
  Result all;
  all.dydt.resize(y.rows(), y.cols());
  all.y.resize(y.rows(), y.cols());
  all.theta.setZero(p.size());
  for (Index j = 0; j < y.cols(); ++j) {
    const Result one = evaluate(f, t, Y(y.col(j).cast<S>()), P(p.cast<S>()), Y(a.col(j).cast<S>()));
    all.dydt.col(j) = one.dydt;
    all.y.col(j) = one.y;
    all.theta += one.theta;
    all.t += one.t;
  }
  return all;
}

/// The largest distance of two results, quantity by quantity, in units of ε.
inline double distance(const Result& r, const Result& reference, long double epsilon) {
  const auto apart = [&](const auto& u, const auto& v) { return static_cast<double>((u - v).norm() / std::max(v.norm(), 1e-30L) / epsilon); };
  const auto time = static_cast<double>(std::abs(r.t - reference.t) / std::max(std::abs(reference.t), 1e-30L) / epsilon);
  return std::max({apart(r.dydt, reference.dydt), apart(r.y, reference.y), apart(r.theta, reference.theta), time});
}

template <class S, int rows, int parameters, class F>
double worst(const F& f, const Result& reference, double t, const Eigen::MatrixXd& y, const Eigen::VectorXd& p, const Eigen::MatrixXd& a) {
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  const auto epsilon = static_cast<long double>(std::numeric_limits<S>::epsilon());
  double of_static_size = 0;
  if constexpr (parameters != Eigen::Dynamic)
    of_static_size = distance(one_by_one<S, rows, Eigen::Matrix<S, parameters, 1>>(f, t, y, p, a), reference, epsilon);
  const Result dynamic = one_by_one<S, Eigen::Dynamic, Vector>(f, t, y, p, a);
  const Result batch = evaluate(f, t, Matrix(y.cast<S>()), Vector(p.cast<S>()), Matrix(a.cast<S>()));
  return std::max({of_static_size, distance(dynamic, reference, epsilon), distance(batch, reference, epsilon)});
}

/// Every way in every precision against one sample after the other in long double.
template <int rows, int parameters, class F>
void check(const char* name, const F& f, Eigen::MatrixXd y, Eigen::VectorXd p) {
  std::mt19937 rng(4);
  std::normal_distribution<double> normal;
  Eigen::MatrixXd a = Eigen::MatrixXd::NullaryExpr(y.rows(), y.cols(), [&] { return normal(rng); });
  y = y.cast<float>().cast<double>(), p = p.cast<float>().cast<double>(), a = a.cast<float>().cast<double>();  // exact in all three
  const double t = 0.75;
  const Result reference = one_by_one<long double, rows, Eigen::Matrix<long double, parameters, 1>>(f, t, y, p, a);
  const double in_float = worst<float, rows, parameters>(f, reference, t, y, p, a);
  const double in_double = worst<double, rows, parameters>(f, reference, t, y, p, a);
  const double in_long_double = worst<long double, rows, parameters>(f, reference, t, y, p, a);
  WARN(name << ": at most " << in_float << " ε apart in float, " << in_double << " ε in double, " << in_long_double << " ε in long double");
  CHECK(std::max({in_float, in_double, in_long_double}) <= 16);
}

/// Seven samples: packets and a remainder.
inline Eigen::MatrixXd states(Index rows) {
  return Eigen::MatrixXd::NullaryExpr(rows, 7, [](Index i, Index j) { return 1 + 0.6 * std::sin(1.0 + 2.4 * static_cast<double>(3 * i + j)); });
}

}  // namespace tiers
