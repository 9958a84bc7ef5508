#pragma once
// What is measured on one problem. The build compiles contest.cpp once for each problem, as measure_<problem>().

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accuracy_problems.hpp"
#include "measure.hpp"

namespace accuracy {

/// A step of Adams from t.
struct Step {
  double t, length;
  int order;
};

struct Contest {
  std::string problem;
  std::vector<Series> series;
  std::vector<std::pair<double, std::vector<Step>>> history;  ///< of Adams, by tolerance
  std::vector<double> over_cvode{};                           ///< evaluations of Adams over CVODE's at the errors 1e-2 … 1e-8
};

#define ACCURACY_DECLARE(problem) Contest measure_##problem(bool quick);
ACCURACY_PROBLEMS(ACCURACY_DECLARE)
#undef ACCURACY_DECLARE

}  // namespace accuracy
