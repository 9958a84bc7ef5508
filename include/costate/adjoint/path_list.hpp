#pragma once
// The paths that odeint returns where samples have times of their own: arrays on the tape, one per sample, all in one block.

#include <span>

#include <costate/autodiff/algebra.hpp>
#include <costate/core/index_iterator.hpp>

namespace costate {

/// Paths as arrays on a tape, in order of the samples: element b holds sample b's states at its times as columns, a slice of one block, without a
/// copy. Valid as long as the tape's record. hstack takes the whole list.
template <class T, Kind kind>
class PathList {
 public:
  using value_type = Array<T, kind>;

  /// `block` holds the paths one after the other, each of `rows` rows; path b has ends[b] − ends[b − 1] columns.
  PathList(T& tape, Slot<typename T::scalar>* block, Index rows, std::span<const Index> ends) : tape_(&tape), block_(block), rows_(rows), ends_(ends) {}

  [[nodiscard]] Index size() const { return static_cast<Index>(ends_.size()); }
  value_type operator[](Index b) const {
    if (b < 0 || b >= size()) detail::fail<RangeError>("path ", b, " of a solve of ", size(), " samples");
    const auto k = static_cast<std::size_t>(b);
    const Index begin = k == 0 ? 0 : ends_[k - 1];
    return {*tape_, detail::make_slice(*tape_, block_, begin * rows_, rows_, ends_[k] - begin)};
  }
  value_type front() const { return (*this)[0]; }
  value_type back() const { return (*this)[size() - 1]; }

  using Iterator = detail::IndexIterator<PathList, Index, value_type>;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  T* tape_;
  Slot<typename T::scalar>* block_;
  Index rows_;
  std::span<const Index> ends_;  // on the tape
};

}  // namespace costate
