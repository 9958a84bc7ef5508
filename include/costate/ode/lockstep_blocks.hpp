#pragma once
// The states and stages of many samples that are at the same stage of a Runge–Kutta step, each of its own length: batches, row by row.
//
// f takes and gives them as they lie; stage sums and errors are elementwise over a row of samples with the row of their steps' lengths. A sample
// is moved only where it comes, is rejected or leaves.

#include <algorithm>
#include <array>
#include <cstddef>

#include <costate/core/elementwise.hpp>
#include <costate/core/math.hpp>
#include <costate/ode/error_norm.hpp>
#include <costate/ode/runge_kutta.hpp>

namespace costate::detail {

template <class M, class S>
class LockstepBlocks {
  using Index = Eigen::Index;

 public:
  using Block = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  using Row = Eigen::Array<S, Eigen::Dynamic, 1>;
  static constexpr std::size_t stages = M::tableau.stages;

  Block y, trial;                 ///< at the beginning of the step; of a stage, at last at its end. Between steps trial and the last stage are free
  std::array<Block, stages> k;    ///< the first is f at y
  Row h;                          ///< of every sample
  Row squares, finite;            ///< see measure

  /// For so many samples at most; none yet.
  void reserve(Index rows, Index most) {
    samples_ = 0;
    if (rows == rows_ && h.size() >= most) return;
    rows_ = rows;
    for (Block* block : {&y, &trial}) block->resize(rows * most);
    for (Block& stage : k) stage.resize(rows * most);
    for (Row* row : {&h, &squares, &finite, &sums_}) row->resize(most);
  }
  /// Makes columns behind those there are.
  void widen(Index before, Index now) {
    samples_ = now;
    if (before == now) return;
    for (Block* block : {&y, &k[0]}) {
      for (Index r = 0; r < rows_; ++r) std::copy_n(block->data() + r * before, before, trial.data() + r * now);
      block->swap(trial);
    }
  }
  /// Leaves the first ones.
  void narrow(Index now) {
    for (Block* block : {&y, &k[0]})
      for (Index r = 1; r < rows_; ++r) std::copy_n(block->data() + r * samples_, now, block->data() + r * now);
    samples_ = now;
  }
  /// Column j's state and slope, whose numbers lie so far apart.
  void set(Index j, const S* state, const S* slope, Index stride) {
    for (Index r = 0; r < rows_; ++r) {
      y[r * samples_ + j] = state[r * stride];
      k[0][r * samples_ + j] = slope[r * stride];
    }
  }

  /// trial becomes the states of stage I.
  template <std::size_t I>
  void prepare() {
    for_rows(0, rows_, [&](auto place, auto sample) {
      place.store(trial.data(), place.load(y.data()) + sample.load(h.data()) * sum<StageRow<M, I>>(place));
    });
  }

  /// The squared errors in tolerances, and numbers that are 0 where the trial state is finite.
  template <class Parts>
  void measure(const Parts& parts) {
    const Index n = samples_;
    finite.head(n).setZero();
    for_rows(0, rows_, [&](auto place, auto sample) {
      sample.store(finite.data(), sample.load(finite.data()) + S(0) * place.load(trial.data()));
    });
    squares.head(n).setZero();
    for (const NormMeasure<S>& part : parts) {
      if (!part.in_norm) continue;
      sums_.head(n).setZero();
      for_rows(part.first, part.rows, [&](auto place, auto sample) {
        const auto size = simd::max(abs(place.load(y.data())), abs(place.load(trial.data())));
        const auto ratio = sample.load(h.data()) * sum<ErrorRow<M>>(place) / (part.atol + part.rtol * size);
        sample.store(sums_.data(), sample.load(sums_.data()) + ratio * ratio);
      });
      for (Index j = 0; j < n; ++j)
        if (!(sums_[j] <= squares[j]) && squares[j] == squares[j]) squares[j] = sums_[j];  // NaN where any is
    }
  }

  /// Column j shall stay where it is.
  void reject(Index j) {
    for (Index i = j; i < rows_ * samples_; i += samples_) {
      trial[i] = y[i];
      k.back()[i] = k[0][i];
    }
  }
  /// The trial becomes the state, its slope, which is the last stage, the first one.
  void commit() {
    y.swap(trial);
    k[0].swap(k.back());
  }

 private:
  /// body(place, sample) for every packet of some rows: its place in a block, and in a row of numbers of the samples.
  template <class Body>
  void for_rows(Index first, Index rows, Body&& body) {
    const Index n = samples_;
    for (Index at = first * n; at < (first + rows) * n; at += n)
      for_each_packet<S>(n, [&](auto sample) {
        auto place = sample;
        place.at += at;
        body(place, sample);
      });
  }
  /// Σ w_j k_j there.
  template <class Weights, class At>
  [[gnu::always_inline]] auto sum(At place) const {
    return StageSum<Weights>::expression(S(1), StagesAt<At>{k, place});
  }
  template <class At>
  struct StagesAt {
    const std::array<Block, stages>& k;
    At place;
    template <std::size_t J>
    [[gnu::always_inline]] auto get() const { return place.load(k[J].data()); }
  };

  Index rows_ = 0, samples_ = 0;
  Row sums_;
};

}  // namespace costate::detail
