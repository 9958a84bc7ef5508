#pragma once
// The derivative of a replayed solve by differences in extended precision: what a discrete adjoint must equal.

#include <random>
#include <utility>
#include <vector>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/value_and_grad.hpp>

namespace adjoint_test {

using costate::Index;
using LongVector = Eigen::Matrix<long double, Eigen::Dynamic, 1>;
using LongMatrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

/// y'' = p_2 cos t − p_0 sin y − p_1 y'.
inline constexpr auto forced_pendulum = [](auto t, const auto& y, const auto& p) {
  return costate::stack(y[1], p[2] * costate::cos(t) - p[0] * costate::sin(y[0]) - p[1] * y[1]);
};

/// L = Σ_i Σ (linear_i y_i + quadratic_i y_i² / 2) over the states y_i at the output times: any output may be left out by zeros.
struct Loss {
  std::vector<Eigen::MatrixXd> linear, quadratic;

  static Loss random(Index outputs, Index rows, Index cols, std::uint64_t seed) {
    std::mt19937_64 rng(seed);
    std::normal_distribution<double> normal;
    Loss loss;
    for (auto* list : {&loss.linear, &loss.quadratic})
      for (Index i = 0; i < outputs; ++i) list->push_back(Eigen::MatrixXd::NullaryExpr(rows, cols, [&] { return normal(rng); }));
    return loss;
  }
  Loss& leave_out(std::size_t i) {
    linear[i].setZero();
    quadratic[i].setZero();
    return *this;
  }

  template <class List>
  auto operator()(const List& y) const {
    using S = typename std::remove_cvref_t<decltype(y.back())>::scalar;
    auto total = cs_sum<S>(y, 0);
    for (std::size_t i = 1; i < linear.size(); ++i) total = total + cs_sum<S>(y, i);
    return total;
  }

  /// Of plain states in the solver's layout.
  long double plain(const std::vector<LongVector>& y) const {
    using Rows = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    long double total = 0;
    for (std::size_t i = 0; i < linear.size(); ++i) {
      const LongMatrix state = Eigen::Map<const Rows>(y[i].data(), linear[i].rows(), linear[i].cols());
      total += (linear[i].cast<long double>().array() * state.array() + 0.5L * quadratic[i].cast<long double>().array() * state.array().square()).sum();
    }
    return total;
  }

 private:
  template <class S, class List>
  auto cs_sum(const List& y, std::size_t i) const {
    const auto state = y[static_cast<Index>(i)].template as<costate::Kind::array>();
    return costate::sum(linear[i].cast<S>() * state + S(0.5) * quadratic[i].cast<S>() * costate::square(state));
  }
};

/// Where a solve stepped, what else the method chose (orders, whether it synchronised), and which step served which output.
struct Steps {
  std::vector<long double> ends;
  std::vector<int> choices;
  std::vector<Index> served;
};

/// The same with the steps found that serve the outputs.
inline Steps serve(Steps steps, const std::vector<double>& times) {
  const double direction = times.back() > times.front() ? 1.0 : -1.0;
  for (const double t : times) {
    Index k = -1;
    if (t != times.front())
      for (k = 0; direction * (static_cast<double>(steps.ends[static_cast<std::size_t>(k)]) - t) < 0;) ++k;
    steps.served.push_back(k);
  }
  return steps;
}

template <class F, class Y0, class Theta, class M>
Steps steps_of(const F& f, const Y0& y0, const std::vector<double>& times, const Theta& theta, const M& method, const costate::SolveOptions& options) {
  auto dynamics = costate::detail::bind(f, y0, theta);
  using D = decltype(dynamics);
  const costate::Shape shape = dynamics.shape();
  costate::Engine<M, typename D::State, D> engine(method, std::move(dynamics), shape, options);
  engine.reset(times.front(), D::to_internal(y0));
  Steps steps;
  engine.run(std::span<const double>(times), [](auto&&...) {}, [&](const auto& w) {
    steps.ends.push_back(w.end);
    if constexpr (costate::VariableOrderMethod<M>) steps.choices.push_back(static_cast<int>(w.order));
    if constexpr (costate::ReversibleMethod<M>) steps.choices.push_back(w.synchronised ? 1 : 0);
  });
  return serve(std::move(steps), times);
}

/// The loss of the replayed solve as a function of y0, theta and the times, in that order in one vector x.
template <class F, class Y0, class Theta, class M>
class ReplayedLoss {
 public:
  ReplayedLoss(const F& f, const Y0& y0, const std::vector<double>& times, const Theta& theta, const M& method, const Steps& steps, const Loss& loss)
      : f_(f), method_(method), steps_(steps), loss_(loss), rows_(y0.rows()), cols_(y0.cols()), n_(y0.size()), p_(theta.size()) {
    const auto q = static_cast<Index>(times.size());
    x.resize(n_ + p_ + q);
    for (Index i = 0; i < n_; ++i) x[i] = y0.data()[i];
    for (Index i = 0; i < p_; ++i) x[n_ + i] = theta.data()[i];
    for (Index i = 0; i < q; ++i) x[n_ + p_ + i] = times[static_cast<std::size_t>(i)];
  }

  long double operator()(const LongVector& at) const {
    LongState start(rows_, cols_);
    for (Index i = 0; i < n_; ++i) start.data()[i] = at[i];
    const LongVector parameters = at.segment(n_, p_), t = at.tail(at.size() - n_ - p_);
    auto dynamics = costate::detail::bind(f_, start, parameters);
    using D = decltype(dynamics);
    const costate::Shape shape = dynamics.shape();
    costate::Engine<M, typename D::State, D> engine(method_, dynamics, shape, {});
    engine.reset(t[0], D::to_internal(start));
    std::vector<LongVector> states;
    engine.replay(std::span<const long double>(steps_.ends), std::span<const long double>(t.data(), static_cast<std::size_t>(t.size())),
                  [&](Index, Index, const auto& y) { states.push_back(y); }, costate::IgnoreSteps{}, std::span<const Index>(steps_.served), std::span<const int>(steps_.choices));
    return loss_.plain(states);
  }

  /// Derivatives at x along a direction: central differences at h and half of it, extrapolated.
  long double slope(const LongVector& d, long double h) const {
    const auto central = [&](long double e) { return ((*this)(x + e * d) - (*this)(x - e * d)) / (2 * e); };
    return (4 * central(h / 2) - central(h)) / 3;
  }
  long double curvature(const LongVector& d, long double h) const {
    const auto central = [&](long double e) { return ((*this)(x + e * d) - 2 * (*this)(x) + (*this)(x - e * d)) / (e * e); };
    return (4 * central(h / 2) - central(h)) / 3;
  }

  LongVector x;

 private:
  using LongState = Eigen::Matrix<long double, Y0::RowsAtCompileTime, Y0::ColsAtCompileTime>;
  F f_;
  M method_;
  Steps steps_;
  Loss loss_;
  Index rows_, cols_, n_, p_;
};

/// Its gradient, or its product with a direction alone if one is given.
template <class F, class Y0, class Theta, class M>
LongVector replayed_gradient(const F& f, const Y0& y0, const std::vector<double>& times, const Theta& theta, const M& method, const Steps& steps,
                             const Loss& loss, long double h = 1e-4L, const LongVector* direction = nullptr) {
  const ReplayedLoss value(f, y0, times, theta, method, steps, loss);
  if (direction != nullptr) return LongVector::Constant(1, value.slope(*direction, h));
  LongVector g(value.x.size());
  for (Index i = 0; i < g.size(); ++i) g[i] = value.slope(LongVector::Unit(g.size(), i), h);
  return g;
}

/// The same gradient by odeint and an adjoint, in the scalar type of y0.
template <class F, class Y0, class T, class Theta, class M, class A>
auto adjoint_gradient(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint,
                      const costate::SolveOptions& options, const Loss& loss) {
  using S = typename Y0::Scalar;
  const auto [value, dy0, dtheta, dtimes] = costate::value_and_grad(
      [&](const auto& y0_, const auto& theta_, const auto& times_) { return loss(costate::odeint(f, y0_, times_, theta_, method, adjoint, options)); }, y0,
      theta, times);
  Eigen::Matrix<S, Eigen::Dynamic, 1> g(dy0.size() + dtheta.size() + dtimes.size());
  g << Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, 1>>(dy0.data(), dy0.size()), dtheta, dtimes;
  return g;
}

template <class G>
double relative_distance(const G& g, const LongVector& reference) {
  return static_cast<double>((g.template cast<long double>() - reference).norm() / std::max(1.0L, reference.norm()));
}

inline Eigen::VectorXd as_vector(const std::vector<double>& times) {
  return Eigen::Map<const Eigen::VectorXd>(times.data(), static_cast<Index>(times.size()));
}

}  // namespace adjoint_test
