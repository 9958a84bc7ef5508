#pragma once
// How a state lies in memory inside a solve.
//
// A state is one flat column vector. A batch of B samples with D components lies in it row by row: component i of sample b is at
// index i * B + b, so that a component's samples are contiguous. One sample is the plain vector of its components (B = 1).

#include <costate/core/eigen.hpp>
#include <costate/core/times.hpp>

namespace costate {

/// D components (rows) of B samples (cols).
struct Shape {
  Eigen::Index rows = 0;
  Eigen::Index cols = 1;

  constexpr Eigen::Index size() const { return rows * cols; }
  constexpr bool operator==(const Shape&) const = default;
};

/// The type of time in a solve of states of S: double also for float, since t + h must not lose the step.
template <class S>
using time_of_t = time_t_of<S>;

}  // namespace costate
