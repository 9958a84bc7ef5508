#pragma once
// The discrete adjoint: the exact derivative of the steps a solve took, their lengths held fixed.
//
// Of the forward solve only the states y_n and the step ends are stored: one state per step. Backward, each step's stages are evaluated
// again from its y_n and pulled back.

#include <span>
#include <vector>

#include <costate/adjoint/adams_pullback.hpp>
#include <costate/adjoint/reversible_pullback.hpp>
#include <costate/adjoint/step_pullback.hpp>
#include <costate/adjoint/step_record.hpp>

namespace costate {

namespace detail {

/// How the steps of M are pulled back.
template <class M, class F, class Call, bool with_times, class Record>
struct PullbackOf : std::type_identity<StepPullback<M, F, Call, with_times, Record>> {};
template <AdamsMethod M, class F, class Call, bool with_times, class Record>
struct PullbackOf<M, F, Call, with_times, Record> : std::type_identity<AdamsPullback<M, F, Call, with_times, Record>> {};
template <ReversibleMethod M, class F, class Call, bool with_times, class Record>
struct PullbackOf<M, F, Call, with_times, Record> : std::type_identity<ReversiblePullback<M, F, Call, with_times, Record>> {};

template <class M, class S, class Time>
struct RecordOf : std::type_identity<StepRecord<S, Time>> {};
template <ReversibleMethod M, class S, class Time>
struct RecordOf<M, S, Time> : std::type_identity<ReversibleRecord<M, S, Time>> {};

template <class M, class F, class Call, bool with_times>
class DirectPass {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using Record = typename RecordOf<M, S, Time>::type;
  using Pullback = typename PullbackOf<M, F, Call, with_times, Record>::type;

 public:
  template <class A, class ForwardEngine>
  void begin(const A&, ForwardEngine& forward, std::span<const Time>) {
    if constexpr (ReversibleMethod<M>) record_.clear(forward.method(), forward.shape().size());
    else record_.clear(forward.shape().size());
    served_.clear();
  }
  template <class Window>
  void accept(const Window& w) {
    if constexpr (ReversibleMethod<M>) record_.push_back(w);
    else if constexpr (VariableOrderMethod<M>) record_.push_back(w.y0, w.end, w.order);
    else record_.push_back(w.y0, w.end);
  }
  void serve(Index, Index step) { served_.push_back(step); }
  [[nodiscard]] const Record& record() const { return record_; }
  /// The step that serves output i, −1: the start.
  [[nodiscard]] const std::vector<Index>& served() const { return served_; }

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    stats.kept = record_.size();
    Index output = static_cast<Index>(times.size());
    Pullback pullback(f, record_, times, outputs + (output - 1) * f.rows() * f.cols(), bar, buffers_, stats);
    for (Index step = record_.size(); step-- > 0;) {
      const Index to = output;
      while (output > 1 && served_[static_cast<std::size_t>(output - 1)] == step) --output;
      pullback.pull(step, output, to);
    }
    pullback.finish(output);
  }

 private:
  Record record_;
  std::vector<Index> served_;
  typename Pullback::Buffers buffers_;
};

}  // namespace detail

/// Gradients of the discretised solve, exact to rounding, the accepted steps held fixed: the default, where one state per accepted
/// step fits into memory. One evaluation and one vjp per stage backward. Output times move their evaluation of the interpolant, the
/// initial time moves the beginning of the first step.
struct DirectAdjoint {
  Stats* stats = nullptr;  ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "DirectAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::DirectPass<M, F, Call, with_times>;
};

}  // namespace costate
