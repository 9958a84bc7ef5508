#pragma once
// Gradients of a solve on one problem. The build compiles gradient_contest.cpp once for each, as gradients_<problem>().

#include <string>
#include <vector>

#include "accuracy_problems.hpp"

namespace accuracy {

struct GradientPoint {
  double control;       // step or tolerance
  double start, theta;  // errors of ∂L/∂y0 and ∂L/∂θ relative to the whole gradient, in the Euclidean norm
  double evaluations;   // of f and of its vector–Jacobian product, together
  double nanoseconds;   // of value and gradient
};

struct GradientSeries {
  std::string method, adjoint;
  bool fixed;
  int lost = 0;  // gradients refused since the state could not be reconstructed backward
  std::vector<GradientPoint> points{};
};

struct GradientContest {
  std::string problem;
  std::vector<GradientSeries> series;
};

#define ACCURACY_DECLARE(problem) GradientContest gradients_##problem(bool quick);
ACCURACY_GRADIENT_PROBLEMS(ACCURACY_DECLARE)
#undef ACCURACY_DECLARE

}  // namespace accuracy
