#pragma once
// One property of every method, adjoint, form of state, scalar type and direction: the gradient is right.
//
// Discrete adjoints give the derivative of the solve that was made: they are compared with differences, in extended precision, of that solve
// replayed step by step. Continuous adjoints give the derivative of the exact solution to their tolerance: their error must fall with it.

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <costate/adjoint/odeint.hpp>
#include <costate/adjoint/odeint_parts.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/solve.hpp>

#include "adjoint/replayed.hpp"
#include "catch.hpp"

namespace properties {

namespace cs = costate;
using adjoint_test::LongMatrix;
using adjoint_test::LongVector;
using cs::Index;

/// A family of two equations that has all four as members:
///     y' = A y + y_0 y_1 q + W_2 tanh(W_1 y + b) + (0, a cos t − g sin y_0).
enum Parameter : Index { A = 0, Q = 4, W1 = 6, Bias = 10, W2 = 12, Drive = 16, Gravity = 17, parameters = 18 };

template <class T, class U, class V, class P>
auto family(const T& t, const U& u, const V& v, const P& p) {
  const auto product = u * v;
  const auto h0 = cs::tanh(p[W1] * u + p[W1 + 1] * v + p[Bias]), h1 = cs::tanh(p[W1 + 2] * u + p[W1 + 3] * v + p[Bias + 1]);
  const auto du = p[A] * u + p[A + 1] * v + p[Q] * product + p[W2] * h0 + p[W2 + 1] * h1;
  const auto dv = p[A + 2] * u + p[A + 3] * v + p[Q + 1] * product + p[W2 + 2] * h0 + p[W2 + 3] * h1 + p[Drive] * cs::cos(t) - p[Gravity] * cs::sin(u);
  return std::pair(du, dv);
}

/// Of components: one sample of static size, a batch, samples with times of their own.
inline constexpr auto of_components = [](auto t, const auto& y, const auto& p) {
  const auto [du, dv] = family(t, y[0], y[1], p);
  return cs::stack(du, dv);
};
/// The same by matrix products: one sample of dynamic size.
inline constexpr auto of_arrays = [](auto t, const auto& y, const auto& p) {
  const auto h = cs::tanh(cs::matmul(cs::reshape(p, W1, 2, 2), y) + cs::rows(p, Bias, 2));
  const auto smooth = cs::matmul(cs::reshape(p, A, 2, 2), y) + y[0] * y[1] * cs::rows(p, Q, 2) + cs::matmul(cs::reshape(p, W2, 2, 2), h);
  return smooth + cs::stack(0.0 * y[0], p[Drive] * cs::cos(t) - p[Gravity] * cs::sin(y[0]));
};
/// The same of two samples: a column of first components and a row of second ones.
inline constexpr auto of_parts = [](auto t, const auto& state, const auto& p) {
  const auto& [u, v] = state;
  const auto [du, dv] = family(t, u, cs::transpose(v), p);
  return cs::parts(du, cs::transpose(dv));
};

struct Equation {
  const char* name;
  std::array<double, parameters> p;
  std::array<double, 4> y0;  ///< of two samples
};
inline constexpr std::array<Equation, 4> equations{{
    {"linear", {-0.3, 1.1, -0.9, -0.2}, {1.0, 0.4, -0.5, 0.8}},
    {"Lotka-Volterra", {1.5, 0, 0, -3.0, -1.0, 1.0}, {1.0, 1.2, 1.4, 0.8}},
    {"forced pendulum", {0, 1.0, 0, -0.2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.4, 1.3}, {0.7, -0.3, -0.2, 0.9}},
    {"network", {0, 0, 0, 0, 0, 0, 0.8, -0.5, 0.3, 1.1, 0.2, -0.4, 0.9, 0.6, -0.7, 1.2}, {0.5, -0.8, 1.0, 0.3}},
}};

template <class S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
template <class S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;

/// A problem in numbers that float holds exactly where it must.
struct Problem {
  const Equation& equation;
  double direction;

  template <class S>
  Vector<S> theta() const { return Eigen::Map<const Eigen::Matrix<double, parameters, 1>>(equation.p.data()).template cast<S>(); }
  template <class S>
  Matrix<S> y0(Index samples) const { return Eigen::Map<const Eigen::Matrix2d>(equation.y0.data()).leftCols(samples).template cast<S>(); }
  /// Of a sample, if each has its own.
  std::vector<double> times(int sample = 0) const {
    return sample == 0 ? std::vector<double>{0.25, 0.25 + direction * 0.375, 0.25 + direction * 1.25}
                       : std::vector<double>{-0.5, -0.5 + direction * 0.25, -0.5 + direction * 0.625, -0.5 + direction};
  }
};

/// A form of the state: how the gradient is had by an adjoint, y0's column by column, then theta's and the times', if they are variables; and
/// what differences of the replayed solve say. Steps come from a solve of the same form; replayed is one dynamics for all.
template <class S, class M>
LongVector replay(const Problem& problem, Index samples, const std::vector<double>& times, const M& method, const adjoint_test::Steps& steps,
                  const adjoint_test::Loss& loss) {
  return adjoint_test::replayed_gradient(of_components, Eigen::MatrixXd(problem.y0<S>(samples).template cast<double>()), times,
                                         Eigen::VectorXd(problem.theta<S>().template cast<double>()), method, steps, loss);
}
inline adjoint_test::Loss loss_of(Index outputs, Index samples) { return adjoint_test::Loss::random(outputs, 2, samples, 7); }

template <class Y0, class F>
struct OneGrid {
  static constexpr bool timed = true;
  static constexpr Index samples = Y0::ColsAtCompileTime == 1 ? 1 : 2;
  const F& f;

  template <class S>
  auto y0(const Problem& problem) const {
    using Y = Eigen::Matrix<S, Y0::RowsAtCompileTime, Y0::ColsAtCompileTime>;
    return Y(problem.y0<S>(samples));
  }
  template <class S, class M, class A>
  LongVector gradient(const Problem& problem, const M& method, const A& adjoint, const cs::SolveOptions& options) const {
    const Vector<S> times = adjoint_test::as_vector(problem.times()).template cast<S>();
    return adjoint_test::adjoint_gradient(f, y0<S>(problem), times, problem.theta<S>(), method, adjoint, options, loss_of(3, samples))
        .template cast<long double>();
  }
  template <class S, class M>
  LongVector differences(const Problem& problem, const M& method, const cs::SolveOptions& options) const {
    const auto steps = adjoint_test::steps_of(f, y0<S>(problem), problem.times(), problem.theta<S>(), method, options);
    return replay<S>(problem, samples, problem.times(), method, steps, loss_of(3, samples));
  }
};
inline constexpr OneGrid<Eigen::Vector2d, decltype(of_components)> fixed_size{of_components};
inline constexpr OneGrid<Eigen::VectorXd, decltype(of_arrays)> dynamic{of_arrays};
inline constexpr OneGrid<Eigen::MatrixXd, decltype(of_components)> batch{of_components};

inline constexpr struct Mixed {
  static constexpr bool timed = false;

  template <class S>
  static auto first(const Problem& problem) { return Eigen::Matrix<S, 2, 1>(problem.y0<S>(2).row(0).transpose()); }
  template <class S>
  static auto second(const Problem& problem) { return Eigen::Matrix<S, 1, 2>(problem.y0<S>(2).row(1)); }

  template <class S, class M, class A>
  LongVector gradient(const Problem& problem, const M& method, const A& adjoint, const cs::SolveOptions& options) const {
    const auto loss = loss_of(3, 2);
    const auto [value, du, dv, dp] = cs::value_and_grad(
        [&](const auto& u0, const auto& v0, const auto& p) {
          const auto y = cs::odeint(of_parts, cs::parts(u0, v0), problem.times(), p, method, adjoint, options);
          const auto term = [&](std::size_t i) {
            const auto [u, v] = y[static_cast<Index>(i)];
            const auto of = [](const auto& x, const Eigen::MatrixXd& linear, const Eigen::MatrixXd& quadratic) {
              return cs::sum(linear.cast<S>() * x + S(0.5) * quadratic.cast<S>() * cs::square(x));
            };
            return of(u.template as<cs::Kind::array>(), loss.linear[i].row(0).transpose(), loss.quadratic[i].row(0).transpose()) +
                   of(v.template as<cs::Kind::array>(), loss.linear[i].row(1), loss.quadratic[i].row(1));
          };
          return term(0) + term(1) + term(2);
        },
        first<S>(problem), second<S>(problem), problem.theta<S>());
    LongVector g(4 + parameters);
    g << static_cast<long double>(du[0]), static_cast<long double>(dv[0]), static_cast<long double>(du[1]), static_cast<long double>(dv[1]),
        dp.template cast<long double>();
    return g;
  }
  template <class S, class M>
  LongVector differences(const Problem& problem, const M& method, const cs::SolveOptions& options) const {
    const auto start = cs::parts(first<S>(problem), second<S>(problem));
    const auto layout = cs::detail::layout_of(start);
    const cs::detail::PartsDynamics<std::remove_const_t<decltype(of_parts)>, std::remove_const_t<decltype(layout)>> flat{of_parts, layout};
    const auto steps = adjoint_test::steps_of(flat, cs::detail::flatten(layout, start), problem.times(), problem.theta<S>(), method, options);
    return replay<S>(problem, 2, problem.times(), method, steps, loss_of(3, 2)).head(4 + parameters);
  }
} mixed;

inline constexpr struct PerSample {
  static constexpr bool timed = false;

  template <class S>
  static Matrix<S> batch_of_one(const Problem& problem) { return problem.y0<S>(1); }

  template <class S, class M>
  static adjoint_test::Steps in_lockstep(const Problem& problem, const std::vector<double>& times, const M& method, cs::SolveOptions options) {
    options.dense = true;
    const auto solution = cs::solve(of_components, batch_of_one<S>(problem), std::vector<std::vector<double>>{times}, problem.theta<S>(), method, options);
    const auto& ends = solution.dense[0].step_ends();
    return adjoint_test::serve({{ends.begin() + 1, ends.end()}, {}, {}}, times);
  }

  template <class S, class M, class A>
  LongVector gradient(const Problem& problem, const M& method, const A& adjoint, const cs::SolveOptions& options) const {
    const std::vector<std::vector<double>> grids{problem.times(0), problem.times(1)};
    const auto [value, dy0, dp] = cs::value_and_grad(
        [&](const auto& y0, const auto& p) {
          const auto paths = cs::odeint(of_components, y0, grids, p, method, adjoint, options);
          const auto term = [&](Index b) {
            const auto loss = loss_of(static_cast<Index>(grids[static_cast<std::size_t>(b)].size()), 1);
            Matrix<S> linear(2, 0), quadratic(2, 0);
            const auto append = [](Matrix<S>& m, const Eigen::MatrixXd& column) {
              m.conservativeResize(2, m.cols() + 1);
              m.col(m.cols() - 1) = column.cast<S>();
            };
            for (const auto& x : loss.linear) append(linear, x);
            for (const auto& x : loss.quadratic) append(quadratic, x);
            return cs::sum(linear * paths[b] + S(0.5) * quadratic * cs::square(paths[b]));
          };
          return term(0) + term(1);
        },
        problem.y0<S>(2), problem.theta<S>());
    LongVector g(4 + parameters);
    g << Eigen::Map<const Vector<S>>(dy0.data(), 4).template cast<long double>(), dp.template cast<long double>();
    return g;
  }
  /// Of the steps that samples take in lockstep, which round as no other solve's do; or, where an adjoint wants each sample's engine, alone.
  template <class S, class M>
  LongVector differences(const Problem& problem, const M& method, const cs::SolveOptions& options, bool lockstep = true) const {
    LongVector g = LongVector::Zero(4 + parameters);
    for (int b = 0; b < 2; ++b) {
      const Equation alone{problem.equation.name, problem.equation.p, {problem.equation.y0[2 * static_cast<std::size_t>(b)],
                                                                       problem.equation.y0[2 * static_cast<std::size_t>(b) + 1]}};
      const Problem of_one{alone, problem.direction};
      const auto times = problem.times(b);
      // as a batch of one, whose functions round as those of many: a decision on a step may hang on it
      auto steps = adjoint_test::steps_of(of_components, batch_of_one<S>(of_one), times, problem.theta<S>(), method, options);
      if constexpr (cs::detail::LockstepMethod<M>)
        if (lockstep) steps = in_lockstep<S>(of_one, times, method, options);
      const LongVector one = replay<S>(of_one, 1, times, method, steps, loss_of(static_cast<Index>(times.size()), 1));
      g.segment(2 * b, 2) = one.head(2);
      g.tail(parameters) += one.segment(2, parameters);
    }
    return g;
  }
} per_sample;

/// How a solve is made: on rung 0 and finer. `size` falls as the error must: the tolerance, or the step to the power of the order.
struct Accuracy {
  cs::SolveOptions options;
  double size;
};
template <class S, class M>
Accuracy accuracy(int rung) {
  if constexpr (cs::AdaptiveMethod<M>) {
    const double tolerance = std::pow(10.0, std::is_same_v<S, float> ? -2 - 0.5 * rung : -rung - (M::order <= 2 ? 3 : 4));
    return {{.rtol = tolerance, .atol = tolerance}, tolerance};
  } else {
    // a step of Euler's is not undone by one backward: its longest is short enough for backsolve to keep the state within its bound
    const double step = std::ldexp(M::order == 1 ? 1.0 / 64 : 1.0 / 8, -rung);
    return {{.step = step}, std::pow(step, static_cast<double>(M::order))};
  }
}

/// The slope of log error over log size by least squares.
inline double slope_of(const std::vector<double>& size, const std::vector<double>& error) {
  const auto n = static_cast<double>(size.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < size.size(); ++i) {
    const double x = std::log(size[i]), y = std::log(error[i]);
    sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

/// The exact gradient: Dopri5 in double at its finest, compiled once for all methods (exact.cpp).
LongVector exact_gradient(const OneGrid<Eigen::Vector2d, decltype(of_components)>&, const Problem&);
LongVector exact_gradient(const OneGrid<Eigen::VectorXd, decltype(of_arrays)>&, const Problem&);
LongVector exact_gradient(const OneGrid<Eigen::MatrixXd, decltype(of_components)>&, const Problem&);
LongVector exact_gradient(const Mixed&, const Problem&);
LongVector exact_gradient(const PerSample&, const Problem&);

/// Sums of squared errors by the size they must fall with.
using Squares = std::map<double, double>;

template <class S, class M, class Form>
void check(const M& method, const Form& form) {
  constexpr bool single = std::is_same_v<S, float>;
  // Discrete adjoints are right on any solve: one by tolerance 1e-4, or by 1e-3 and steps of 1/8 where a low order would take many.
  constexpr int compared = cs::AdaptiveMethod<M> ? (!single ? 0 : M::order > 2 ? 4 : 2) : M::order == 1 ? -3 : 0;
  constexpr double rounding = single ? 1e-4 : 1e-9;
  // Float has no room for more than a few adaptive steps, whose number makes an error rise and fall with the tolerance: its slope is that of
  // the root mean square over all problems.
  constexpr bool pooled = single && cs::AdaptiveMethod<M>;
  std::array<Squares, 2> backsolve_and_interpolating{};
  for (const Equation& equation : equations)
    for (const double direction : {1.0, -1.0}) {
      const Problem problem{equation, direction};
      INFO(equation.name << (direction > 0 ? ", forward" : ", backward"));
      const auto options = accuracy<S, M>(compared).options;
      const auto discrete = [&](const auto& adjoint, const LongVector& reference) {
        INFO(adjoint.name);
        CHECK(adjoint_test::relative_distance(form.template gradient<S>(problem, method, adjoint, options), reference) < rounding);
      };
      const LongVector reference = form.template differences<S>(problem, method, options);
      discrete(cs::DirectAdjoint{}, reference);
      const cs::CheckpointedAdjoint checkpointed{.slots = 3};
      if constexpr (cs::detail::LockstepMethod<M> && std::is_same_v<Form, PerSample>)
        discrete(checkpointed, form.template differences<S>(problem, method, options, false));
      else discrete(checkpointed, reference);
      if constexpr (cs::ReversibleMethod<M>) {
        discrete(cs::ReversibleAdjoint{}, reference);
      } else if constexpr (cs::OneStepMethod<M>) {
        const cs::ReversibleAdjoint adjoint{.synchronise = 4};
        discrete(adjoint, form.template differences<S>(problem, adjoint.solver(method), options));
      }

      const LongVector exact = exact_gradient(form, problem);
      const int rungs = !cs::AdaptiveMethod<M> ? 4 : single ? 8 : M::order > 2 ? 7 : 5;
      const double floor = pooled ? 0 : single ? 3e-5 : 1e-11;  // of rounding
      const auto continuous = [&](const auto& adjoint, Squares& squares) {
        INFO(adjoint.name);
        std::vector<double> size, error;
        for (int rung = 0; rung < rungs; ++rung) {
          const auto [how, small] = accuracy<S, M>(rung);
          const double e = adjoint_test::relative_distance(form.template gradient<S>(problem, method, adjoint, how), exact);
          if (rung > 0 && e < floor) break;
          size.push_back(small);
          error.push_back(e);
          squares[small] += e * e;
        }
        CAPTURE(size, error);
        CHECK(error.front() < 0.5);
        if (!pooled && error.size() > 2) CHECK(slope_of(size, error) > 0.8);
        else CHECK(error.back() < 30 * size.back());
      };
      continuous(cs::BacksolveAdjoint{}, backsolve_and_interpolating[0]);
      continuous(cs::InterpolatingAdjoint{}, backsolve_and_interpolating[1]);
    }
  if (pooled)
    for (const Squares& squares : backsolve_and_interpolating) {
      std::vector<double> size, error;
      for (const auto& [tolerance, square] : squares) {
        size.push_back(tolerance);
        error.push_back(std::sqrt(square));
      }
      CAPTURE(size, error);
      CHECK(slope_of(size, error) > 0.8);
    }
}

/// Of one form.
template <class M, class Form>
void every_adjoint(const M& method, const Form& form) {
  SECTION("float") { check<float>(method, form); }
  SECTION("double") { check<double>(method, form); }
}

}  // namespace properties
