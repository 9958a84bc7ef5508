#pragma once
// Everything that costate offers without optional dependencies, floor by floor: a room knows only rooms of earlier blocks.
// Programs that want less to compile include the headers they need.

#include <costate/core/elementwise.hpp>
#include <costate/core/error.hpp>
#include <costate/core/math.hpp>
#include <costate/core/random.hpp>
#include <costate/core/times.hpp>
#include <costate/core/version.hpp>

#include <costate/autodiff/check.hpp>
#include <costate/autodiff/hvp.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/io/csv.hpp>
#include <costate/io/figure.hpp>
#include <costate/io/progress.hpp>

#include <costate/nn/mlp.hpp>
#include <costate/ode/adams_bashforth.hpp>
#include <costate/ode/adams_moulton.hpp>
#include <costate/ode/adaptive_heun.hpp>
#include <costate/ode/asynchronous_leapfrog.hpp>
#include <costate/ode/bosh3.hpp>
#include <costate/ode/cost.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/euler.hpp>
#include <costate/ode/heun.hpp>
#include <costate/ode/integrator.hpp>
#include <costate/ode/midpoint.hpp>
#include <costate/ode/own_parameters.hpp>
#include <costate/ode/reversible.hpp>
#include <costate/ode/rk4.hpp>
#include <costate/ode/solve.hpp>
#include <costate/ode/solve_parts.hpp>
#include <costate/ode/solve_samples_with_events.hpp>
#include <costate/ode/solve_with_events.hpp>
#include <costate/optim/adam.hpp>
#include <costate/optim/clip.hpp>
#include <costate/optim/rms_prop.hpp>
#include <costate/optim/schedules.hpp>
#include <costate/optim/sgd.hpp>

#include <costate/adjoint/certificate.hpp>
#include <costate/adjoint/odeint.hpp>
#include <costate/adjoint/odeint_parts.hpp>
#include <costate/adjoint/odeint_with_cost.hpp>
#include <costate/adjoint/odeint_with_events.hpp>
#include <costate/adjoint/sensitivities.hpp>

#include <costate/train/losses.hpp>
