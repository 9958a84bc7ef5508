#pragma once
// The same problems by others' solvers, where the machine has them: Boost.odeint's controlled Dormand–Prince method, CVODE's Adams
// methods, and GSL's Adams methods and Dormand–Prince method of order 8.

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
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
#ifdef COSTATE_HAVE_GSL
#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#endif

namespace accuracy {

// A peer solves from 0 over the given times, hands the state at each to output(i, y), and returns its number of evaluations. Throws
// std::runtime_error where it gives up.

/// The problem's f on plain arrays of numbers, as C libraries call it.
template <class F, int D>
class PlainDynamics {
  using Vector = Eigen::Matrix<double, D, 1>;
  decltype(cs::detail::bind(std::declval<const F&>(), std::declval<const Vector&>(), std::declval<const Eigen::VectorXd&>())) f_;
  Vector at_, slope_;

 public:
  long evaluations = 0;
  explicit PlainDynamics(const Problem<F, D>& p) : f_(cs::detail::bind(p.f, p.start, p.parameters)) {}
  void operator()(double t, const double* y, double* dydt) {
    ++evaluations;
    at_ = Eigen::Map<const Vector>(y);
    f_(t, at_, slope_);
    Eigen::Map<Vector>(dydt, D) = slope_;
  }
};

#ifdef COSTATE_HAVE_BOOST
struct OdeintDopri5 {
  static constexpr bool interpolates = true;
  static constexpr const char* name = "Boost.odeint dopri5";

  template <class F, int D, class Output>
  static long solve(const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    namespace odeint = boost::numeric::odeint;
    using State = std::array<double, static_cast<std::size_t>(D)>;
    using Vector = Eigen::Matrix<double, D, 1>;
    PlainDynamics<F, D> dynamics(p);
    const auto f = [&](const State& y, State& dydt, double t) { dynamics(t, y.data(), dydt.data()); };
    State y;
    std::copy_n(p.start.data(), D, y.data());
    std::size_t i = 0;
    odeint::integrate_times(odeint::make_dense_output(tolerance, tolerance, odeint::runge_kutta_dopri5<State>()), f, y, times.begin(),
                            times.end(), p.t1 / 1000,
                            [&](const State& state, double) { output(i++, Vector(Eigen::Map<const Vector>(state.data()))); });
    return dynamics.evaluations;
  }
};
#endif

#ifdef COSTATE_HAVE_CVODE
struct CvodeAdams {
  static constexpr bool interpolates = true;
  static constexpr const char* name = "CVODE Adams";

  template <class F, int D, class Output>
  static long solve(const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    using Vector = Eigen::Matrix<double, D, 1>;
    PlainDynamics<F, D> dynamics(p);
    const auto rhs = [](realtype t, N_Vector y, N_Vector dydt, void* f) {
      (*static_cast<PlainDynamics<F, D>*>(f))(t, N_VGetArrayPointer(y), N_VGetArrayPointer(dydt));
      return 0;
    };
    SUNContext context = nullptr;
    SUNContext_Create(nullptr, &context);
    N_Vector y = N_VNew_Serial(D, context);
    Eigen::Map<Vector>(N_VGetArrayPointer(y)) = p.start;
    void* memory = CVodeCreate(CV_ADAMS, context);
    CVodeInit(memory, rhs, 0.0, y);
    CVodeSStolerances(memory, tolerance, tolerance);
    CVodeSetUserData(memory, &dynamics);
    CVodeSetErrFile(memory, nullptr);
    SUNNonlinearSolver iteration = SUNNonlinSol_FixedPoint(y, 0, context);
    CVodeSetNonlinearSolver(memory, iteration);
    CVodeSetMaxNumSteps(memory, 100'000);
    CVodeSetStopTime(memory, p.t1);
    output(0, p.start);
    int status = CV_SUCCESS;
    for (std::size_t i = 1; i < times.size() && status >= 0; ++i) {
      realtype reached = 0;
      status = CVode(memory, times[i], y, &reached, CV_NORMAL);
      if (status >= 0) output(i, Vector(Eigen::Map<const Vector>(N_VGetArrayPointer(y))));
    }
    CVodeFree(&memory);
    SUNNonlinSolFree(iteration);
    N_VDestroy(y);
    SUNContext_Free(&context);
    if (status < 0) throw std::runtime_error("CVODE gave up");
    return dynamics.evaluations;
  }
};
#endif

#ifdef COSTATE_HAVE_GSL
/// GSL has no interpolant: it stops at every time that is asked for.
struct Gsl {
  static constexpr bool interpolates = false;

  template <class F, int D, class Output>
  static long solve(const gsl_odeiv2_step_type* type, const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    using Vector = Eigen::Matrix<double, D, 1>;
    gsl_set_error_handler_off();
    PlainDynamics<F, D> dynamics(p);
    const auto rhs = [](double t, const double y[], double dydt[], void* f) {
      (*static_cast<PlainDynamics<F, D>*>(f))(t, y, dydt);
      return static_cast<int>(GSL_SUCCESS);
    };
    gsl_odeiv2_system system{rhs, nullptr, static_cast<std::size_t>(D), &dynamics};
    gsl_odeiv2_driver* driver = gsl_odeiv2_driver_alloc_y_new(&system, type, p.t1 / 1000, tolerance, tolerance);
    gsl_odeiv2_driver_set_nmax(driver, 100'000);
    Vector y = p.start;
    output(0, y);
    double t = times.front();
    int status = GSL_SUCCESS;
    for (std::size_t i = 1; i < times.size() && status == GSL_SUCCESS; ++i) {
      status = gsl_odeiv2_driver_apply(driver, &t, times[i], y.data());
      if (status == GSL_SUCCESS) output(i, y);
    }
    gsl_odeiv2_driver_free(driver);
    if (status != GSL_SUCCESS) throw std::runtime_error("GSL gave up");
    return dynamics.evaluations;
  }
};
struct GslAdams : Gsl {
  static constexpr const char* name = "GSL msadams";
  template <class F, int D, class Output>
  static long solve(const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    return Gsl::solve(gsl_odeiv2_step_msadams, p, tolerance, times, output);
  }
};
struct GslRk8 : Gsl {
  static constexpr const char* name = "GSL rk8pd";
  template <class F, int D, class Output>
  static long solve(const Problem<F, D>& p, double tolerance, const std::vector<double>& times, Output&& output) {
    return Gsl::solve(gsl_odeiv2_step_rk8pd, p, tolerance, times, output);
  }
};
#endif

}  // namespace accuracy
