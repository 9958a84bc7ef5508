#pragma once

#include <costate/ode/adams_grid.hpp>

namespace costate {

/// The explicit Adams method of order K = 1 … 8 on a grid: one evaluation a step, K slopes kept.
/// Where f is expensive, the solution smooth and the grid given. Its stability shrinks as K grows (|h λ| of a decaying mode: 2, 1,
/// 0.55, 0.3, 0.16, …): not for decaying modes faster than the step; AdamsMoulton bears more.
/// The first K − 1 steps are of a Runge–Kutta method of order K or more; outputs inside them are of order 4 where K = 7 or 8.
/// F. Bashforth & J. C. Adams, An attempt to test the theories of capillary action (1883).
template <int K>
struct AdamsBashforth : GridAdams<AdamsBashforth<K>, K, false> {};

}  // namespace costate
