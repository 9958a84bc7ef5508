#pragma once
// The discrete adjoint in bounded memory: of the forward solve only some checkpoints are kept, from which steps are taken again, backward,
// as they are needed (checkpoint_schedule.hpp says where). A checkpoint is all that the solve goes on from, the step size controller and a
// multistep method's history included, so that it takes the same steps again.

#include <concepts>
#include <span>
#include <vector>

#include <costate/adjoint/checkpoint_schedule.hpp>
#include <costate/adjoint/direct.hpp>

namespace costate {

namespace detail {

/// What StepRecord tells, of the one step that begins at a checkpoint.
template <class M, class State, class Checkpoint>
class CheckpointRecord {
 public:
  using Index = Eigen::Index;
  using S = typename State::Scalar;
  using Time = time_of_t<S>;

  explicit CheckpointRecord(const M& method) : method_(method) {}
  /// order and synchronised: what the step turned out to be, which its beginning does not tell.
  void load(Index step, const Checkpoint& at, Time end, std::size_t order, bool synchronised) {
    step_ = step;
    order_ = order;
    at_ = &at;
    end_ = end;
    synchronised_ = synchronised;
  }
  [[nodiscard]] const M& method() const { return method_; }
  [[nodiscard]] Index size() const { return step_ + 1; }
  [[nodiscard]] const S* state(Index) const { return at_->state.y.data(); }
  [[nodiscard]] Time end(Index step) const {
    if (step == step_) return end_;
    if constexpr (AdamsMethod<M>)
      if (step < step_ - 1) return at_->state.past_times[static_cast<std::size_t>(step_ - 2 - step)];
    return at_->t;
  }
  [[nodiscard]] std::size_t order(Index) const
    requires VariableOrderMethod<M>
  {
    return order_;
  }
  [[nodiscard]] const S* beside(Index) const
    requires ReversibleMethod<M>
  {
    if constexpr (requires { at_->state.z; }) return at_->state.z.data();
    else return at_->state.slope.data();
  }
  [[nodiscard]] bool synchronised(Index) const { return synchronised_; }
  /// At the beginning of a step, this one or one before it.
  void slope(Index step, State& out) const
    requires AdamsMethod<M>
  {
    const auto j = static_cast<std::size_t>(step_ - step);
    if constexpr (VariableOrderMethod<M>) at_->state.past_slope(at_->t, j, out);
    else out = j == 0 ? at_->state.slope : at_->state.past[j - 1];
  }

 private:
  M method_;
  Index step_ = 0;
  const Checkpoint* at_ = nullptr;
  Time end_ = 0;
  std::size_t order_ = 0;
  bool synchronised_ = false;
};

template <class M, class F, class Call, bool with_times>
class CheckpointedPass {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using ForwardEngine = Engine<M, State, DynamicsView<F, Call>>;
  using Checkpoint = typename ForwardEngine::Checkpoint;
  using Record = CheckpointRecord<M, State, Checkpoint>;
  using Pullback = typename PullbackOf<M, F, Call, with_times, Record>::type;

  static constexpr bool keeps_slope = AdamsMethod<M> || std::derived_from<M, AsynchronousLeapfrog>;  // a step needs more than y, so f at once

 public:
  static constexpr bool moves_engine = true;  // that which solved, from its checkpoints

  template <class A>
  void begin(const A& adjoint, ForwardEngine& engine, std::span<const Time> times) {
    engine_ = &engine;
    most_ = static_cast<std::size_t>(adjoint.slots_for(sizeof(Checkpoint) + Checkpoint::vectors * static_cast<std::size_t>(engine.shape().size()) * sizeof(S)));
    used_ = 0;
    kept_.clear();
    free_.clear();
    served_.clear();
    synchronised_.clear();
    here_step_ = -1;
    steps_ = 0;
    next_ = -1;
    total_ = engine.steps_of_run(times);
    if (total_ < 0) {
      online_.clear(most_);
      keep_online();
    } else {
      keep(0);
      if (total_ <= engine.options().max_steps) next_ = after_next(0, total_);  // or the solve will refuse
    }
  }
  template <class Window>
  void accept(const Window& w) {
    if constexpr (VariableOrderMethod<M>) last_order_ = w.order;
    if constexpr (ReversibleMethod<M>)
      if (w.synchronised) synchronised_.push_back(steps_);
    ++steps_;
    if (total_ < 0) {
      keep_online();
    } else if (steps_ == next_ && free_slots() > 0) {
      keep(steps_);
      next_ = after_next(steps_, total_);
    } else if (steps_ == total_ - 1) {
      keep_here(steps_);  // where the sweep begins
    }
  }
  void serve(Index, Index step) { served_.push_back(step); }

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    if (total_ < 0) {
      total_ = steps_;
      for (const auto& entry : online_.entries()) kept_.push_back({entry.step, entry.slot});
      used_ = kept_.size();
    }
    repeated_ = 0;
    const std::int64_t evaluations = engine_->stats().evaluations;
    Index output = static_cast<Index>(times.size());
    Record record(engine_->method());
    std::size_t synchronised = synchronised_.size();
    Pullback pullback(f, record, times, outputs + (output - 1) * f.rows() * f.cols(), bar, buffers_, stats);
    Time end = times.back();
    std::size_t order = last_order_;
    for (std::int64_t step = steps_; step-- > 0;) {
      const Checkpoint& at = reach(step, times);
      const bool does = synchronised > 0 && synchronised_[synchronised - 1] == step;
      if (does) --synchronised;
      record.load(step, at, end, order, does);
      end = at.t;
      if constexpr (VariableOrderMethod<M>) order = at.state.last_order;
      const Index to = output;
      while (output > 1 && served_[static_cast<std::size_t>(output - 1)] == step) --output;
      pullback.pull(step, output, to);
    }
    pullback.finish(output);
    stats.backward_evaluations += engine_->stats().evaluations - evaluations;
    stats.kept = static_cast<std::int64_t>(used_);
    stats.repeated = repeated_;
  }

 private:
  struct Kept {
    std::int64_t step;
    std::size_t slot;
  };

  [[nodiscard]] std::size_t free_slots() const { return free_.size() + most_ - used_; }
  /// The engine's state is the beginning of this step.
  void keep(std::int64_t step) {
    std::size_t slot = used_;
    if (free_.empty()) {
      ++used_;
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    kept_.push_back({step, slot});
    save(slot);
  }
  void keep_online() {
    if (const auto slot = online_.place(steps_)) save(*slot);
  }
  void save(std::size_t slot) {
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    engine_->save(slots_[slot]);
  }
  void keep_here(std::int64_t step) {
    engine_->save(here_);
    here_step_ = step;
  }
  /// Where the next checkpoint goes after the one at `step`, of steps that end at `end`.
  [[nodiscard]] std::int64_t after_next(std::int64_t step, std::int64_t end) const {
    if (end - step < 2) return end;
    return step + steps_to_next_checkpoint(end - step, static_cast<std::int64_t>(free_slots()));
  }

  /// The beginning of a step: a checkpoint, or reached from the last one before it, with others on the way while slots are free.
  const Checkpoint& reach(std::int64_t step, std::span<const Time> times) {
    for (; kept_.back().step > step; kept_.pop_back()) free_.push_back(kept_.back().slot);
    const bool here = here_step_ == step;
    const Checkpoint& last = here ? here_ : slots_[kept_.back().slot];
    if ((here || kept_.back().step == step) && !(keeps_slope && last.state.stale)) return last;
    engine_->restore(last);
    for (std::int64_t k = here ? step : kept_.back().step; k < step;) {
      const std::int64_t stop = after_next(k, step + 1);
      repeated_ += stop - k;
      for (; k < stop; ++k) engine_->step_of_run(times, k);
      if (k < step) keep(k);
    }
    if constexpr (keeps_slope) engine_->prepare();
    keep_here(step);
    return here_;
  }

  ForwardEngine* engine_ = nullptr;
  std::vector<Checkpoint> slots_;
  std::size_t most_ = 0, used_ = 0;  // slots that there may be; that have been in use
  std::vector<Kept> kept_;           // ascending
  std::vector<std::size_t> free_;    // of those that have been
  OnlineCheckpoints online_;
  Checkpoint here_;  // the beginning of the step at hand, where no slot has it
  std::int64_t here_step_ = -1;
  std::int64_t steps_ = 0, total_ = -1, next_ = -1, repeated_ = 0;
  std::vector<Index> served_;                // the step that serves output i, −1: the start
  std::size_t last_order_ = 0;               // of the step taken last
  std::vector<std::int64_t> synchronised_;  // steps of a reversible method after which both solutions are one
  typename Pullback::Buffers buffers_;
};

}  // namespace detail

/// The gradient of DirectAdjoint, in the memory of so many checkpoints: steps between them are taken again backward. With C(s + t, t) steps or
/// fewer, s the slots, no step is taken more than t times again: 8 slots carry 3,003 steps with t = 6, 16 slots 4,845 with t = 4. A checkpoint is
/// a state and its slope, of Adams its history too.
struct CheckpointedAdjoint {
  Eigen::Index slots = 8;  ///< checkpoints, the initial state's included; of each sample that has times of its own
  Stats* stats = nullptr;  ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "CheckpointedAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::CheckpointedPass<M, F, Call, with_times>;

  [[nodiscard]] Eigen::Index slots_for(std::size_t /*bytes_each*/) const {
    if (slots < 1) detail::fail<OptionError>("CheckpointedAdjoint::slots = ", slots, ": expected at least 1, for the initial state");
    return slots;
  }
};

/// CheckpointedAdjoint with as many slots as fit into a budget: while the steps fit none is taken again, as with DirectAdjoint; when they no longer do,
/// checkpoints thin out. stats.kept says how many there were, stats.repeated how many steps were taken again.
struct AutoAdjoint {
  std::size_t memory_bytes = std::size_t{1} << 30;  ///< for checkpoints, of one gradient; samples with times of their own share it evenly
  Stats* stats = nullptr;                           ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "AutoAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::CheckpointedPass<M, F, Call, with_times>;

  [[nodiscard]] Eigen::Index slots_for(std::size_t bytes_each) const {
    if (memory_bytes < bytes_each)
      detail::fail<OptionError>("AutoAdjoint::memory_bytes = ", memory_bytes, " (a sample's share, where each has its own times): one checkpoint of "
                                "this solve takes ", bytes_each, "; expected as much or more");
    return static_cast<Eigen::Index>(memory_bytes / bytes_each);
  }
};

}  // namespace costate
