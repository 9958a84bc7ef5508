#pragma once
// What an array on a tape is made of: a slot (values, adjoint cells, shape) and, if an operation made it, a node.
// Arrays are stored row by row: component i of all samples lies contiguous.

#include <cstddef>
#include <cstdint>

namespace costate {

using Index = std::ptrdiff_t;

/// An array's storage. Cells are allocated when the first contribution arrives: that one stores, later ones add, and a slot
/// that none reached is skipped by the sweep. A slice shares values and cells with its parent.
template <class S>
struct Slot {
  S* value = nullptr;
  S* cells = nullptr;
  Index rows = 0, cols = 0;
  Slot* parent = nullptr;  ///< the array this one is a slice of
  Index offset = 0;        ///< where in the parent it begins
  Slot* dual = nullptr;    ///< cotangent or tangent while an inner derivative is being recorded
  std::uint64_t epoch = 0; ///< the latest inner derivative whose variable this array depends on
  bool active = false;     ///< somebody will ask for its cotangent
  bool written = false;    ///< cells hold a cotangent
  bool piecewise = false;  ///< a variable: until it is written, its slices may store from cell `from` to cell `to`, side by side
  Index from = 0, to = 0;

  [[nodiscard]] Index size() const { return rows * cols; }
};

/// One recorded operation. Nodes live in the tape's arena and are never destroyed.
template <class T>
struct Node {
  using S = typename T::scalar;
  Slot<S>* out = nullptr;
  virtual void pull(T& tape) = 0;                         ///< adds to the cells of the operands
  virtual void pull_recorded(T& tape, std::uint64_t) = 0; ///< the same as operations that can be differentiated again
  virtual Slot<S>* push_recorded(T& tape, std::uint64_t) = 0;
  virtual bool depends(std::uint64_t epoch) const = 0;

 protected:
  ~Node() = default;
};

}  // namespace costate
