#pragma once

#include <costate/ode/method.hpp>

namespace costate {

/// Dormand–Prince 5(4): seven stages, first same as last (six evaluations per step), free dense output of order 4 (error h⁵, as the
/// solution's).
/// The default for non-stiff problems at tolerances from 1e-3 to 1e-10.
/// J. R. Dormand & P. J. Prince, J. Comp. Appl. Math. 6 (1980) 19–26; dense output: Hairer, Nørsett & Wanner, Solving Ordinary
/// Differential Equations I (1993) II.6, in the form of L. F. Shampine, Math. Comp. 46 (1986) 135–150.
struct Dopri5 : ExplicitRungeKutta<Dopri5> {
  static constexpr int order = 5, error_order = 4, dense_order = 4;
  static constexpr auto tableau = butcher_tableau(
      row(0_r),
      row(1_r/5,  1_r/5),
      row(3_r/10, 3_r/40,       9_r/40),
      row(4_r/5,  44_r/45,      -56_r/15,      32_r/9),
      row(8_r/9,  19372_r/6561, -25360_r/2187, 64448_r/6561, -212_r/729),
      row(1_r,    9017_r/3168,  -355_r/33,     46732_r/5247, 49_r/176,  -5103_r/18656),
      row(1_r,    35_r/384,     0_r,           500_r/1113,   125_r/192, -2187_r/6784,    11_r/84),
      weights(    35_r/384,     0_r,           500_r/1113,   125_r/192, -2187_r/6784,    11_r/84,    0_r),
      embedded(   5179_r/57600, 0_r,           7571_r/16695, 393_r/640, -92097_r/339200, 187_r/2100, 1_r/40),
      dense_output(
          polynomial(1_r, -8048581381_r/2820520608,   8663915743_r/2820520608,    -12715105075_r/11282082432),
          polynomial(0_r, 0_r,                        0_r,                        0_r),
          polynomial(0_r, 131558114200_r/32700410799, -68118460800_r/10900136933, 87487479700_r/32700410799),
          polynomial(0_r, -1754552775_r/470086768,    14199869525_r/1410260304,   -10690763975_r/1880347072),
          polynomial(0_r, 127303824393_r/49829197408, -318862633887_r/49829197408, 701980252875_r/199316789632),
          polynomial(0_r, -282668133_r/205662961,     2019193451_r/616988883,     -1453857185_r/822651844),
          polynomial(0_r, 40617522_r/29380423,        -110615467_r/29380423,      69997945_r/29380423)));
};

}  // namespace costate
