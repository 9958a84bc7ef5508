#pragma once
// The dynamics of the continuous adjoint with the parameters' integral in the state, z = [y; a; θ̄], for methods whose weights reach
// beyond one step: a multistep method keeps the history of θ̄ as it does that of y. See adjoint_dynamics.hpp for one-step methods.

#include <optional>

#include <costate/adjoint/vjp.hpp>
#include <costate/ode/options.hpp>

namespace costate::detail {

template <class F, class Call>
class AugmentedAdjointDynamics {
 public:
  using S = typename Call::Scalar;
  using Half = typename Call::State;
  using Time = time_of_t<S>;
  static constexpr int half_rows = Half::SizeAtCompileTime;
  using State = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  using Vector = State;

  struct Rhs {
    AugmentedAdjointDynamics* dynamics;
    void operator()(Time t, const State& z, State& dz) const { dynamics->evaluate(t, z, dz); }
  };

  /// Begins a backward solve, with the parameters' cotangent if it is wanted.
  void begin(const DynamicsView<F, Call>& f, bool with_theta, Tolerances<S>, bool /*parameters_in_norm*/) {
    vjp_.emplace(f);
    parameters_ = with_theta ? f.theta_rows * f.theta_cols : 0;
    for (Half* h : {&y_, &a_, &dydt_, &ybar_}) h->resize(f.rows() * f.cols());
  }
  [[nodiscard]] Index tail() const { return parameters_; }
  [[nodiscard]] auto theta_bar(const State& z) const { return z.tail(parameters_); }

 private:
  void evaluate(Time t, const State& z, State& dz) {
    const Index n = y_.size();
    y_ = z.template head<half_rows>(n);
    a_ = z.template segment<half_rows>(n, n);
    auto g = dz.tail(parameters_);
    g.setZero();
    (*vjp_)(t, y_, a_, dydt_, ybar_, parameters_ == 0 ? nullptr : g.data());
    dz.template head<half_rows>(n) = dydt_;
    dz.template segment<half_rows>(n, n) = -ybar_;
    g = -g;
  }

  std::optional<DynamicsVjp<F, Call>> vjp_;
  Index parameters_ = 0;
  Half y_, a_, dydt_, ybar_;
};

}  // namespace costate::detail
