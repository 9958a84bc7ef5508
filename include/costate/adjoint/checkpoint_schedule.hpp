#pragma once
// Where a solve's checkpoints go, for a sweep from the last step to the first that can hold so many of them.
//
// Where the number of steps is known, n steps from a checkpoint with s slots, that one's included, are split as Griewank & Walther (ACM
// Transactions on Mathematical Software 26 (2000) 19–45, algorithm 799) do: with C(s + t − 1, t − 1) < n ≤ C(s + t, t) no step is taken more than
// t times again, and none fewer is possible. Where it is not known yet, checkpoints are placed as the solve goes on by Wang, Moin &
// Iaccarino (SIAM Journal on Scientific Computing 31 (2009) 2549–2567), within the same bound on repetition.

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace costate::detail {

/// C(s + t, t), the most steps that s slots cover with t repetitions; saturates.
constexpr std::int64_t covered_steps(std::int64_t s, std::int64_t t) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (s < 0 || t < 0) return 0;
  std::int64_t c = 1;
  for (std::int64_t i = 1; i <= t; ++i) {
    if (c > most / (s + i)) return most;
    c = c * (s + i) / i;
  }
  return c;
}

/// How many of n ≥ 2 steps to go on from a checkpoint before the next is made, with s free slots beside it.
constexpr std::int64_t steps_to_next_checkpoint(std::int64_t n, std::int64_t s) {
  if (s == 0) return n - 1;  // no other: to the last step's beginning
  std::int64_t t = 1;
  while (covered_steps(s + 1, t) < n) ++t;
  // the rest needs no more than t repetitions with s slots, the part before none more than t − 1 after the first
  const std::int64_t rest = covered_steps(s, t), before = covered_steps(s + 1, t - 1);
  std::int64_t m = n - rest;
  if (m < covered_steps(s + 1, t - 2)) m = covered_steps(s + 1, t - 2);
  if (m > before) m = before;
  if (m < 1) m = 1;
  return m > n - 1 ? n - 1 : m;
}

/// Checkpoints of a solve of unknown length.
class OnlineCheckpoints {
 public:
  struct Entry {
    std::int64_t step;
    int level;
    std::size_t slot;
  };

  explicit OnlineCheckpoints(std::size_t slots = 1) { clear(slots); }
  void clear(std::size_t slots) {
    slots_ = slots;
    list_.clear();
  }

  /// The slot in which the state at the beginning of this step is kept, if any is; steps come in order from 0, which stays.
  std::optional<std::size_t> place(std::int64_t step) {
    if (step == 0) list_.push_back({0, std::numeric_limits<int>::max(), 0});
    else if (list_.size() < slots_) list_.push_back({step, 0, list_.size()});
    else if (slots_ > 1) replace(step);
    else return std::nullopt;
    return list_.back().slot;
  }
  [[nodiscard]] const std::vector<Entry>& entries() const { return list_; }

 private:
  /// One with a later one of higher level can go; if there is none, the last goes, and what comes in its place rises a level.
  void replace(std::int64_t step) {
    int highest_after = -1;
    for (std::size_t i = list_.size(); i-- > 1;) {
      if (list_[i].level < highest_after) {
        const std::size_t slot = list_[i].slot;
        list_.erase(list_.begin() + static_cast<std::ptrdiff_t>(i));
        list_.push_back({step, 0, slot});
        return;
      }
      highest_after = list_[i].level > highest_after ? list_[i].level : highest_after;
    }
    list_.back() = {step, list_.back().level + 1, list_.back().slot};
  }

  std::size_t slots_;
  std::vector<Entry> list_;
};

}  // namespace costate::detail
