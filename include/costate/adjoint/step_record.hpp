#pragma once
// What a solve leaves for its discrete adjoint: the state at the beginning of every step, and the step's end. One state and one time per
// step; memory grows in chunks, so that nothing is ever moved or doubled, and is kept for the next solve.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <costate/core/eigen.hpp>

namespace costate::detail {

/// A list of vectors of `width` numbers each that never moves them.
template <class S>
class ChunkedList {
 public:
  using Index = Eigen::Index;

  ChunkedList() = default;
  ChunkedList(const ChunkedList&) = delete;
  ChunkedList& operator=(const ChunkedList&) = delete;

  void clear(Index width) {
    size_ = 0;
    if (width == width_) return;
    chunks_.clear();
    width_ = width;
    shift_ = 0;
    while (2 * width << shift_ <= numbers_per_chunk && shift_ < 10) ++shift_;
  }
  /// The place of a new vector at the end.
  S* append() {
    if (size_ == static_cast<Index>(chunks_.size()) << shift_) [[unlikely]]
      chunks_.push_back(std::make_unique_for_overwrite<S[]>(static_cast<std::size_t>(width_ << shift_)));
    return at(size_++);
  }
  [[nodiscard]] const S* operator[](Index i) const { return at(i); }
  [[nodiscard]] Index size() const { return size_; }

 private:
  static constexpr Index numbers_per_chunk = 1024;
  S* at(Index i) const { return chunks_[static_cast<std::size_t>(i >> shift_)].get() + (i - (i >> shift_ << shift_)) * width_; }

  std::vector<std::unique_ptr<S[]>> chunks_;
  Index width_ = 0, size_ = 0;
  int shift_ = 0;  // a chunk holds 2^shift_ vectors
};

template <class S, class Time>
class StepRecord {
 public:
  using Index = Eigen::Index;

  void clear(Index state_size) {
    states_.clear(state_size);
    ends_.clear(1);
    orders_.clear(1);
  }
  template <class State>
  void push_back(const State& y, Time end) {
    Eigen::Map<Eigen::Matrix<S, Eigen::Dynamic, 1>>(states_.append(), y.size()) = y;
    *ends_.append() = end;
  }
  /// Of a step of variable order.
  template <class State>
  void push_back(const State& y, Time end, std::size_t order) {
    push_back(y, end);
    *orders_.append() = static_cast<std::uint8_t>(order);
  }
  [[nodiscard]] Index size() const { return ends_.size(); }
  /// The state at the beginning of a step.
  [[nodiscard]] const S* state(Index step) const { return states_[step]; }
  [[nodiscard]] Time end(Index step) const { return *ends_[step]; }
  [[nodiscard]] std::size_t order(Index step) const { return *orders_[step]; }

 private:
  ChunkedList<S> states_;
  ChunkedList<Time> ends_;
  ChunkedList<std::uint8_t> orders_;
};

}  // namespace costate::detail
