// Gradients of the mean square of the state at some times, by all adjoints, against the discrete adjoint in long double at a far tighter
// tolerance.

#include "gradient_contest.hpp"
#include "measure.hpp"
#include "problems.hpp"

namespace accuracy {
namespace {

template <class F, int D>
class GradientMeasurement {
  template <class S>
  using Start = Eigen::Matrix<S, D, 1>;
  template <class S>
  using Parameters = Eigen::Matrix<S, Eigen::Dynamic, 1>;

 public:
  GradientMeasurement(const Problem<F, D>& p, bool quick) : p_(p), quick_(quick), times_(cs::linspace(0.0, p.t1, p.outputs + 1)) {
    const auto [value, start, theta] =
        cs::value_and_grad(loss(cs::linspace(0.0L, static_cast<long double>(p.t1), p.outputs + 1), cs::Adams{}, cs::DirectAdjoint{}, {.rtol = 1e-17, .atol = 1e-18}),
                           p.start.template cast<long double>().eval(), p.parameters.template cast<long double>().eval());
    start_ = start.template cast<double>();
    theta_ = theta.template cast<double>();
    size_ = std::hypot(start_.norm(), theta_.norm());
  }

  template <class M, class Adjoint>
  GradientSeries fixed(const char* name, const M& method, Adjoint adjoint) const {
    GradientSeries s{name, Adjoint::name, true};
    for (int k = 0, n = std::max(p_.coarsest, 2 * p_.outputs); k <= (quick_ ? 2 : 8); ++k, n *= 2) add(s, method, adjoint, p_.t1 / n, {.step = p_.t1 / n});
    return s;
  }
  template <class M, class Adjoint>
  GradientSeries adaptive(const char* name, const M& method, Adjoint adjoint) const {
    GradientSeries s{name, Adjoint::name, false};
    for (int i = 6; i <= (quick_ ? 10 : 24); ++i) {
      const double tolerance = std::pow(10.0, -0.5 * i);
      add(s, method, adjoint, tolerance, {.rtol = tolerance, .atol = tolerance});
    }
    return s;
  }

 private:
  template <class T, class M, class Adjoint>
  auto loss(const T& times, const M& method, const Adjoint& adjoint, const cs::SolveOptions& options) const {
    return [=, &f = p_.f](const auto& start, const auto& theta) {
      const auto y = cs::odeint(f, start, times, theta, method, adjoint, options);
      return cs::mean(cs::square(cs::hstack(y)));
    };
  }

  template <class M, class Adjoint>
  void add(GradientSeries& s, const M& method, Adjoint adjoint, double control, const cs::SolveOptions& options) const {
    std::remove_pointer_t<decltype(adjoint.stats)> stats;
    adjoint.stats = &stats;
    auto gradient = cs::value_and_grad(loss(times_, method, adjoint, options));
    try {
      const auto& [value, start, theta] = gradient(p_.start, p_.parameters);
      const double start_error = (start - start_).norm() / size_, theta_error = (theta - theta_).norm() / size_;
      const auto evaluations = static_cast<double>(stats.evaluations + stats.backward_evaluations + stats.vjps);
      s.points.push_back({control, start_error, theta_error, evaluations, nanoseconds([&] { gradient(p_.start, p_.parameters); }, quick_)});
    } catch (const cs::ReconstructionError&) {
      ++s.lost;
    } catch (const cs::Error&) {  // a step too coarse for the method's stability
    }
  }

  const Problem<F, D>& p_;
  bool quick_;
  Eigen::VectorXd times_;
  Start<double> start_;
  Parameters<double> theta_;
  double size_ = 0;
};

template <class P>
GradientContest measure(const P& problem, bool quick) {
  const GradientMeasurement m(problem, quick);
  GradientContest c{problem.name, {}};
  const auto all_methods = [&](auto adjoint) {
    c.series.push_back(m.fixed("Midpoint", cs::Midpoint{}, adjoint));
    c.series.push_back(m.fixed("Rk4", cs::Rk4{}, adjoint));
    c.series.push_back(m.fixed("AdamsMoulton<4>", cs::AdamsMoulton<4>{}, adjoint));
    c.series.push_back(m.adaptive("Dopri5", cs::Dopri5{}, adjoint));
    c.series.push_back(m.adaptive("Adams", cs::Adams{}, adjoint));
  };
  all_methods(cs::DirectAdjoint{});
  c.series.push_back(m.adaptive("Dopri5", cs::Dopri5{}, cs::CheckpointedAdjoint{.slots = 8}));
  c.series.push_back(m.fixed("Rk4", cs::Rk4{}, cs::ReversibleAdjoint{}));
  c.series.push_back(m.adaptive("Dopri5", cs::Dopri5{}, cs::ReversibleAdjoint{}));
  all_methods(cs::BacksolveAdjoint{});
  c.series.push_back(m.adaptive("Dopri5", cs::Dopri5{}, cs::InterpolatingAdjoint{}));
  c.series.push_back(m.adaptive("Adams", cs::Adams{}, cs::InterpolatingAdjoint{}));
  return c;
}

}  // namespace

#define ACCURACY_JOIN(a, b) a##b
#define ACCURACY_NAME(problem) ACCURACY_JOIN(gradients_, problem)
GradientContest ACCURACY_NAME(ACCURACY_PROBLEM)(bool quick) { return measure(ACCURACY_PROBLEM(), quick); }

}  // namespace accuracy
