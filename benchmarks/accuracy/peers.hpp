#pragma once
// The same problems by others' solvers, where the machine has them: Boost.odeint's controlled Dormand–Prince method and CVODE's Adams
// methods.

#include <algorithm>
#include <array>
#include <vector>

#include "problems.hpp"

#ifdef COSTATE_HAVE_BOOST
#include <boost/numeric/odeint.hpp>
#endif
#ifdef COSTATE_HAVE_CVODE
#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>
#endif

namespace accuracy {

// A peer solves from 0 over the given times, hands the state at each to output(i, y), and returns its number of evaluations.

#ifdef COSTATE_HAVE_BOOST
struct OdeintDopri5 {
  static constexpr const char* name = "Boost.odeint dopri5";

  template <class F, int D, class Output>
  static long solve(const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    namespace odeint = boost::numeric::odeint;
    using State = std::array<double, static_cast<std::size_t>(D)>;
    using Vector = Eigen::Matrix<double, D, 1>;
    auto dynamics = cs::detail::bind(p.f, p.start, p.parameters);
    Vector at, slope;
    long evaluations = 0;
    const auto f = [&](const State& y, State& dydt, double t) {
      ++evaluations;
      at = Eigen::Map<const Vector>(y.data());
      dynamics(t, at, slope);
      Eigen::Map<Vector>(dydt.data()) = slope;
    };
    State y;
    std::copy_n(p.start.data(), D, y.data());
    std::size_t i = 0;
    odeint::integrate_times(odeint::make_dense_output(tolerance, tolerance, odeint::runge_kutta_dopri5<State>()), f, y, times.begin(),
                            times.end(), p.t1 / 1000,
                            [&](const State& state, double) { output(i++, Vector(Eigen::Map<const Vector>(state.data()))); });
    return evaluations;
  }
};
#endif

#ifdef COSTATE_HAVE_CVODE
struct CvodeAdams {
  static constexpr const char* name = "CVODE Adams";

  template <class F, int D, class Output>
  static long solve(const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    using Vector = Eigen::Matrix<double, D, 1>;
    auto dynamics = cs::detail::bind(p.f, p.start, p.parameters);
    struct Data {
      decltype(dynamics)* f;
      Vector at, slope;
    } data{&dynamics, {}, {}};
    const auto rhs = [](realtype t, N_Vector y, N_Vector dydt, void* user) {
      auto& d = *static_cast<Data*>(user);
      d.at = Eigen::Map<const Vector>(N_VGetArrayPointer(y));
      (*d.f)(t, d.at, d.slope);
      Eigen::Map<Vector>(N_VGetArrayPointer(dydt)) = d.slope;
      return 0;
    };
    SUNContext context = nullptr;
    SUNContext_Create(nullptr, &context);
    N_Vector y = N_VNew_Serial(D, context);
    Eigen::Map<Vector>(N_VGetArrayPointer(y)) = p.start;
    void* memory = CVodeCreate(CV_ADAMS, context);
    CVodeInit(memory, rhs, 0.0, y);
    CVodeSStolerances(memory, tolerance, tolerance);
    CVodeSetUserData(memory, &data);
    SUNNonlinearSolver iteration = SUNNonlinSol_FixedPoint(y, 0, context);
    CVodeSetNonlinearSolver(memory, iteration);
    CVodeSetMaxNumSteps(memory, 10'000'000);
    CVodeSetStopTime(memory, p.t1);
    output(0, p.start);
    for (std::size_t i = 1; i < times.size(); ++i) {
      realtype reached = 0;
      CVode(memory, times[i], y, &reached, CV_NORMAL);
      output(i, Vector(Eigen::Map<const Vector>(N_VGetArrayPointer(y))));
    }
    long evaluations = 0;
    CVodeGetNumRhsEvals(memory, &evaluations);
    CVodeFree(&memory);
    SUNNonlinSolFree(iteration);
    N_VDestroy(y);
    SUNContext_Free(&context);
    return evaluations;
  }
};
#endif

}  // namespace accuracy
