#pragma once
// The states that odeint returns: arrays on the tape, one per output time, all in one block.

#include <costate/autodiff/algebra.hpp>
#include <costate/core/index_iterator.hpp>

namespace costate {

/// States as arrays on a tape, in order of their times; each is a slice of one block, without a copy. Valid as long as the tape's
/// record. hstack and vstack take the whole list.
template <class T, Kind kind>
class StateList {
 public:
  using value_type = Array<T, kind>;

  /// `block` holds n states of rows × block.cols each, one below the other.
  StateList(T& tape, Slot<typename T::scalar>* block, Index n) : tape_(&tape), block_(block), size_(n) {}

  [[nodiscard]] Index size() const { return size_; }
  value_type operator[](Index i) const {
    if (i < 0 || i >= size_) detail::fail<RangeError>("state ", i, " of a solve with ", size_, " output times");
    const Index rows = block_->rows / size_;
    return {*tape_, detail::make_slice(*tape_, block_, i * rows * block_->cols, rows, block_->cols)};
  }
  value_type front() const { return (*this)[0]; }
  value_type back() const { return (*this)[size_ - 1]; }

  using Iterator = detail::IndexIterator<StateList, Index, value_type>;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size_}; }

 private:
  T* tape_;
  Slot<typename T::scalar>* block_;
  Index size_;
};

}  // namespace costate
