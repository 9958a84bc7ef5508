#pragma once
// What a solve gives whose samples have times of their own.

#include <algorithm>
#include <utility>
#include <vector>

#include <costate/core/times.hpp>
#include <costate/ode/dense_output.hpp>
#include <costate/ode/stats.hpp>

namespace costate {

/// A grid of times for every sample: a range of ranges, such as std::vector<Eigen::VectorXd>.
template <class T>
concept SampleTimes = detail::Range<const T> && NumberRange<typename detail::RangeValue<const T>::type>;

/// Solution of a batch whose samples have times of their own. Each sample's states lie side by side in one block, D × (times of all).
template <class S, int rows = Eigen::Dynamic>
struct SampleSolution {
  using Time = time_of_t<S>;
  using Path = Eigen::Map<const Eigen::Matrix<S, rows, Eigen::Dynamic>>;
  using Block = Eigen::Matrix<S, rows, Eigen::Dynamic>;
  using State = Eigen::Matrix<S, rows, 1>;

  std::vector<std::vector<Time>> t;     ///< a sample's times, up to where its solve came
  std::vector<Stats> stats;             ///< of every sample
  std::vector<Status> status;           ///< of every sample
  std::vector<DenseOutput<S>> dense;    ///< of every sample; empty unless SolveOptions::dense

  /// The number of samples.
  [[nodiscard]] Eigen::Index size() const { return static_cast<Eigen::Index>(t.size()); }
  /// The states of sample b at its times as columns: a view, valid as long as this object.
  Path sample(Eigen::Index b) const& {
    const auto k = checked(b);
    return {block_.data() + first_[k] * block_.rows(), block_.rows(), static_cast<Eigen::Index>(t[k].size())};
  }
  Path operator[](Eigen::Index b) const& { return sample(b); }
  /// Of a temporary: by value.
  Block operator[](Eigen::Index b) const&& { return Block(std::as_const(*this).sample(b)); }
  Block sample(Eigen::Index b) const&& { return Block(std::as_const(*this).sample(b)); }
  /// The state of sample b at any time of its solve. RangeError outside, or if SolveOptions::dense was not set.
  State operator()(Eigen::Index b, Time at) const {
    const auto k = checked(b);
    if (dense.empty()) detail::fail<RangeError>("the state of sample ", b, " at t = ", at, ": set SolveOptions::dense to ask between the times");
    typename DenseOutput<S>::Vector y;
    dense[k].value(at, y);
    return y;
  }
  /// All states, sample after sample; of a sample that failed, only those up to where it came have values.
  const Block& block() const { return block_; }
  /// Whether every sample came to its end.
  [[nodiscard]] bool success() const {
    return std::all_of(status.begin(), status.end(), [](Status s) { return s == Status::success; });
  }

  /// The counts of all samples.
  [[nodiscard]] Stats total() const {
    Stats sum;
    for (const Stats& s : stats) sum += s;
    return sum;
  }

  /// Makes room for the given times of every sample of `components` numbers.
  void begin(const std::vector<BasicTimes<Time>>& times, Eigen::Index components) {
    Eigen::Index columns = 0;
    for (const auto& grid : times) {
      first_.push_back(columns);
      columns += grid.size();
    }
    block_.resize(components, columns);
    t.resize(times.size());
    stats.resize(times.size());
    status.resize(times.size());
  }
  template <class Y>
  void push_back(std::size_t b, Time at, const Y& y) {
    block_.col(first_[b] + static_cast<Eigen::Index>(t[b].size())) = y;
    t[b].push_back(at);
  }

 private:
  [[nodiscard]] std::size_t checked(Eigen::Index b) const {
    if (b < 0 || b >= size()) [[unlikely]] detail::fail<RangeError>("sample ", b, " of a solve of ", size(), " samples");
    return static_cast<std::size_t>(b);
  }

  Block block_;
  std::vector<Eigen::Index> first_;  // a sample's first column
};

/// The states of all samples at all their times, one sample after the other; for those of a temporary a copy.
template <class S, int rows>
const auto& hstack(const SampleSolution<S, rows>& solution) {
  return solution.block();
}
template <class S, int rows>
auto hstack(SampleSolution<S, rows>&& solution) {
  return solution.block();
}

}  // namespace costate
