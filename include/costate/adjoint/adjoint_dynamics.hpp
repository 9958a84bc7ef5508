#pragma once
// The dynamics of the continuous adjoint. With a = ∂L/∂y, along a solution
//     dy/dt = f(t, y, θ),     da/dt = −aᵀ ∂f/∂y,     dθ̄/dt = −aᵀ ∂f/∂θ,
// solved backward in time (Pontryagin et al. 1962; Chen et al., NeurIPS 2018). The state is z = [y; a]; θ̄ is a quadrature, which the
// solver accumulates by its weights (rhs.hpp): neither is it part of z nor is it stored per stage.

#include <cmath>
#include <limits>
#include <optional>

#include <costate/adjoint/quadrature_error.hpp>
#include <costate/adjoint/vjp.hpp>
#include <costate/ode/options.hpp>
#include <costate/ode/rhs.hpp>

namespace costate::detail {

template <class A>
struct AdjointRhs;

template <class F, class Call>
class AdjointDynamics {
 public:
  using Rhs = AdjointRhs<AdjointDynamics>;
  using S = typename Call::Scalar;
  using Half = typename Call::State;
  using Time = time_of_t<S>;
  static constexpr int half_rows = Half::SizeAtCompileTime, rows = half_rows == Eigen::Dynamic ? Eigen::Dynamic : 2 * half_rows;
  using State = Eigen::Matrix<S, rows, 1>;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

  /// Begins a backward solve; theta_bar starts from zero, with as many entries as there are parameters (none if not wanted).
  void begin(const DynamicsView<F, Call>& f, bool with_theta, Tolerances<S> tolerances, bool parameters_in_norm) {
    vjp_.emplace(f);
    tolerances_ = tolerances;
    in_norm_ = parameters_in_norm;
    const Index n = f.rows() * f.cols(), p = with_theta ? f.theta_rows * f.theta_cols : 0;
    for (Half* h : {&y_, &a_, &dydt_, &ybar_}) h->resize(n);
    for (Vector* v : {&g_, &first_, &sum_, &error_, &theta_bar_}) v->setZero(p);
  }

  void operator()(Time t, const State& z, State& dz) { evaluate(t, z, dz, nullptr); }

  void stage(int i, Time t, const State& z, State& dz) {
    if (theta_bar_.size() == 0) return evaluate(t, z, dz, nullptr);
    Vector& g = i == 0 ? first_ : g_;
    g.setZero();
    evaluate(t, z, dz, g.data());
    if (i > 0) add(static_cast<std::size_t>(i), g);
  }
  void begin_step(Time h, const QuadratureWeights<S>& w) {
    h_ = static_cast<S>(h);
    weights_ = w;
    sum_.setZero();
    error_.setZero();
    add(0, first_);
  }
  /// In units of the tolerance: of the whole gradient's norm, or entry by entry where the parameters are in the norm.
  [[nodiscard]] double quadrature_error() const {
    if (theta_bar_.size() == 0) return 0;
    if (in_norm_) {
      const S least = std::numeric_limits<S>::min(), root = std::sqrt(static_cast<S>(theta_bar_.size()));
      const auto scale = tolerances_.atol + least + tolerances_.rtol * theta_bar_.array().abs().max((theta_bar_ + sum_).array().abs());
      return static_cast<double>((error_.array() / scale).matrix().norm() / root);
    }
    return costate::detail::quadrature_error(theta_bar_, sum_, error_, tolerances_);
  }
  /// Whether the parameters control the step like the state; otherwise only where their error exceeds the tolerance.
  [[nodiscard]] bool in_norm() const { return in_norm_; }
  void accept() {
    theta_bar_ += sum_;
    if (weights_.first_same_as_last) first_.swap(g_);
  }
  void reject() {}

  [[nodiscard]] Index tail() const { return 0; }
  [[nodiscard]] const Vector& theta_bar(const State& /*z*/) const { return theta_bar_; }

 private:
  void evaluate(Time t, const State& z, State& dz, S* g) {
    const Index n = y_.size();
    y_ = z.template head<half_rows>(n);
    a_ = z.template segment<half_rows>(n, n);
    (*vjp_)(t, y_, a_, dydt_, ybar_, g);
    dz.template head<half_rows>(n) = dydt_;
    dz.template segment<half_rows>(n, n) = -ybar_;
  }
  void add(std::size_t i, const Vector& g) {
    if (weights_.b[i] != S(0)) sum_ -= (h_ * weights_.b[i]) * g;
    if (weights_.e[i] != S(0)) error_ -= (h_ * weights_.e[i]) * g;
  }

  std::optional<DynamicsVjp<F, Call>> vjp_;
  Half y_, a_, dydt_, ybar_;
  Vector g_, first_, sum_, error_, theta_bar_;
  Tolerances<S> tolerances_{};
  bool in_norm_ = false;
  S h_ = 0;
  QuadratureWeights<S> weights_;
};

/// A right-hand side that refers to adjoint dynamics which live elsewhere.
template <class A>
struct AdjointRhs {
  using S = typename A::S;
  using State = typename A::State;
  using Time = typename A::Time;
  A* dynamics;

  void operator()(Time t, const State& z, State& dz) const { (*dynamics)(t, z, dz); }
  void stage(int i, Time t, const State& z, State& dz) const { dynamics->stage(i, t, z, dz); }
  void begin_step(Time h, const QuadratureWeights<S>& w) const { dynamics->begin_step(h, w); }
  [[nodiscard]] double quadrature_error() const { return dynamics->quadrature_error(); }
  [[nodiscard]] bool in_norm() const { return dynamics->in_norm(); }
  void accept() const { dynamics->accept(); }
  void reject() const { dynamics->reject(); }
};

}  // namespace costate::detail
