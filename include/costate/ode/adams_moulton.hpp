#pragma once

#include <costate/ode/adams_grid.hpp>

namespace costate {

/// The Adams–Moulton method of order K = 1 … 8 on a grid, as predictor and corrector (PECE): Adams–Bashforth of order K − 1 predicts, f is
/// evaluated, the implicit formula corrects, f is evaluated again. Two evaluations a step, K − 1 slopes kept; smaller errors and a
/// larger region of stability than AdamsBashforth<K>. The first K − 2 steps are of a Runge–Kutta method of order K or more; outputs inside
/// them are of order 4 where K = 7 or 8.
/// F. R. Moulton, New methods in exterior ballistics (1926); L. F. Shampine & M. K. Gordon, Computer solution of ordinary differential
/// equations (1975), for the choice of the predictor.
template <int K>
struct AdamsMoulton : GridAdams<AdamsMoulton<K>, K, true> {};

}  // namespace costate
