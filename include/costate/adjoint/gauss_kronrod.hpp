#pragma once
// Nested quadrature: Gauss's rules with one and with three nodes, and Kronrod's extension to seven. Each has the nodes of the one before,
// and what a larger rule changes is an estimate of the smaller one's error. All weights are positive.
//
//   nodes    1   3    7
//   degree   1   5   11      up to which polynomials are exact
//   order    2   6   12
//
// A. S. Kronrod, Nodes and Weights of Quadrature Formulas (1965); T. N. L. Patterson, Math. Comp. 22 (1968) 847–856.

#include <array>

namespace costate::detail {

/// ∫₀¹ f ≈ Σ weight[rule] f(x), rule = 0, 1, 2 with 1, 3 and 7 nodes.
struct QuadratureNode {
  double x;
  std::array<double, 3> weight;
};

/// The nodes of a smaller rule come first.
inline constexpr std::array<QuadratureNode, 7> gauss_kronrod = [] {
  constexpr auto node = [](long double x, long double gauss, long double kronrod) {
    const double middle = x == 0 ? 1 : 0;
    return QuadratureNode{static_cast<double>((1 + x) / 2), {middle, static_cast<double>(gauss / 2), static_cast<double>(kronrod / 2)}};
  };
  constexpr long double x_gauss = 0.774596669241483377035853079956480L, x_inner = 0.434243749346802558002071502844628L,
                        x_outer = 0.960491268708020283423507092629080L, w_middle = 0.450916538658474142345110087045571L,
                        w_gauss = 0.268488089868333440728569280666710L, w_inner = 0.401397414775962222905051818618432L,
                        w_outer = 0.104656226026467265193823857192073L;
  return std::array{node(0, 8.0L / 9, w_middle),           node(-x_gauss, 5.0L / 9, w_gauss), node(x_gauss, 5.0L / 9, w_gauss),
                    node(-x_inner, 0, w_inner),           node(x_inner, 0, w_inner),         node(-x_outer, 0, w_outer),
                    node(x_outer, 0, w_outer)};
}();

}  // namespace costate::detail
