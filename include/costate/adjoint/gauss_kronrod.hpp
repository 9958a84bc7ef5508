#pragma once
// Gauss's rule with three nodes, and Kronrod's extension of it to seven, whose difference is an estimate of the error: exact for polynomials
// of degree 5 and 11. All weights are positive.
// A. S. Kronrod, Nodes and Weights of Quadrature Formulas (1965); nodes as in R. Piessens et al., QUADPACK (1983).

#include <array>

namespace costate::detail {

/// ∫₀¹ f ≈ Σ kronrod f(x), or Σ gauss f(x).
struct QuadratureNode {
  double x, kronrod, gauss;
};

/// Kronrod's nodes first, then those of both.
inline constexpr std::array<QuadratureNode, 7> gauss_kronrod = [] {
  constexpr auto node = [](long double x, long double kronrod, long double gauss) {
    return QuadratureNode{static_cast<double>((1 + x) / 2), static_cast<double>(kronrod / 2), static_cast<double>(gauss / 2)};
  };
  constexpr long double outer = 0.960491268708020283423507092629080L, inner = 0.434243749346802558002071502844628L,
                        of_gauss = 0.774596669241483377035853079956480L, w_outer = 0.104656226026467265193823857192073L,
                        w_inner = 0.401397414775962222905051818618432L, w_gauss = 0.268488089868333440728569280666710L,
                        w_middle = 0.450916538658474142345110087045571L;
  return std::array<QuadratureNode, 7>{node(-outer, w_outer, 0), node(-inner, w_inner, 0), node(inner, w_inner, 0), node(outer, w_outer, 0),
                                       node(-of_gauss, w_gauss, 5.0L / 9), node(0, w_middle, 8.0L / 9), node(of_gauss, w_gauss, 5.0L / 9)};
}();

}  // namespace costate::detail
