#pragma once
// The discrete adjoint of a reversible scheme (ode/reversible.hpp): steps are undone, not stored.
//
// Where y and z were made one there is an anchor: between two of them lies a segment, and the steps undone must lead from the one to the
// other. What they miss it by is measured; where that is too much, backward rounding has been amplified, and the segment's cotangents are
// taken back and its steps taken once more from the anchor and stored.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <costate/adjoint/reversible_pullback.hpp>

namespace costate {

/// What a reversible solve and its gradient did.
struct ReversibleStats : Stats {
  double coupling = 0;                ///< λ, of the asynchronous leapfrog 2η − 1: what undoing a step divides by
  Eigen::Index synchronise = 0;       ///< K, 0: never
  std::int64_t synchronisations = 0;  ///< so many anchors of two states each were kept
  std::int64_t repairs = 0;           ///< segments between them whose steps were taken once more
  double amplification = 0;           ///< of rounding by undoing steps: `reconstruction` in units of the machine's precision

  /// Of another sample, solved by the same method.
  ReversibleStats& operator+=(const ReversibleStats& more) {
    Stats::operator+=(more);
    coupling = more.coupling;
    synchronise = more.synchronise;
    synchronisations += more.synchronisations;
    repairs += more.repairs;
    amplification = amplification < more.amplification ? more.amplification : amplification;
    return *this;
  }
};

namespace detail {

template <class M, class F, class Call, bool with_times>
class ReversiblePass {
  static_assert(ReversibleMethod<M>,
                "costate: ReversibleAdjoint needs a one-step method (Rk4, Dopri5, …) or one that is reversible; Adams looks back: DirectAdjoint, "
                "CheckpointedAdjoint and BacksolveAdjoint are for it");
  using Sweep = typename SweepOf<M, F, Call, with_times>::type;
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using ForwardEngine = Engine<M, State, DynamicsView<F, Call>>;

 public:
  template <class A>
  void begin(const A& adjoint, ForwardEngine& engine, std::span<const Time> times) {
    engine_ = &engine;
    report_ = adjoint.stats;
    n_ = engine.shape().size();
    steps_ = 0;
    fixed_ = engine.steps_of_run(times) >= 0;
    ends_.clear(1);
    anchors_.clear(2 * n_);
    anchor_steps_.clear();
    served_.clear();
    end_known_ = false;
  }
  template <class Window>
  void accept(const Window& w) {
    if (!fixed_) *ends_.append() = w.end;
    if (w.synchronised) {
      S* const to = anchors_.append();
      std::copy_n(w.y1.data(), n_, to);
      std::copy_n(w.z1.data(), n_, to + n_);
      anchor_steps_.push_back(steps_);
    }
    ++steps_;
  }
  void serve(Index, Index step) { served_.push_back(step); }

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    if (!end_known_ && steps_ > 0) end_ = engine_->window().z1;
    end_known_ = true;
    ReversibleStats told{{}, factor(engine_->method()), engine_->method().synchronise, static_cast<std::int64_t>(anchor_steps_.size()), 0, 0};
    stats.kept = told.synchronisations;
    Index output = static_cast<Index>(times.size());
    Sweep sweep(f, engine_->method(), times, outputs + (output - 1) * n_, bar, buffers_, stats);
    if (steps_ > 0) sweep.start(end_.data());
    std::int64_t to = steps_;
    for (std::size_t left = anchor_steps_.size() + 1; left-- > 0;) {
      const std::int64_t from = left > 0 ? anchor_steps_[left - 1] + 1 : 0;
      const Eigen::Map<const State> anchor(left > 0 ? anchors_[static_cast<Index>(left) - 1] : outputs, n_);
      save(f, times, bar, sweep);
      const Index output_before = output;
      undo(sweep, from, to, times, output, nullptr);
      const Time at = from == 0 ? times.front() : end_of(times, from - 1);
      const S missed = to == from ? S(0) : sweep.missed(at, anchor);
      stats.reconstruction = std::max(stats.reconstruction, missed >= 0 ? static_cast<double>(missed) : std::numeric_limits<double>::infinity());
      const bool repairable = told.synchronise > 0;
      if (!(missed <= lost(repairable))) {
        if (!repairable) fail_lost(missed, at);
        restore(sweep, bar);
        output = output_before;
        store(from, to, at, anchor, times, stats);
        undo(sweep, from, to, times, output, &record_);
        ++told.repairs;
      }
      if (left == 0) break;
      to = from;
      buffers_.y = anchor;
      sweep.start(anchors_[static_cast<Index>(left) - 1] + n_);
      sweep.synchronise(at);
    }
    sweep.finish(output);
    if (report_ != nullptr) {
      static_cast<Stats&>(told) = stats;
      told.amplification = stats.reconstruction / static_cast<double>(std::numeric_limits<S>::epsilon());
      *report_ = told;
    }
  }

 private:
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

  /// What undoing a step divides by.
  static double factor(const M& method) {
    if constexpr (requires { method.coupling; }) return method.coupling;
    else return 2 * method.damping - 1;
  }
  /// A reconstruction this far off its anchor, relative to the state, is lost: 4e-10, in single precision 7e-5. The gradient loses less,
  /// and where the alternative is none at all 1e-8 and 3e-4 pass.
  static S lost(bool repairable) { return std::pow(std::numeric_limits<S>::epsilon(), repairable ? S(0.6) : S(0.5)); }
  [[noreturn]] static void fail_lost(S missed, Time t) {
    fail<ReconstructionError>("the steps undone miss the state at t = ", t, " by ", missed, " of its size (more than ", lost(false),
                              "): rounding was amplified; set synchronise (1000, or fewer) so that steps are undone from stored states, or use "
                              "CheckpointedAdjoint");
  }

  Time end_of(std::span<const Time> times, std::int64_t step) const {
    return fixed_ ? engine_->end_of_step(times, step) : *ends_[step];
  }
  /// Pulls back steps from `to` − 1 to `from`, undone or as stored.
  void undo(Sweep& sweep, std::int64_t from, std::int64_t to, std::span<const Time> times, Index& output,
            const ReversibleRecord<M, S, Time>* record) {
    for (std::int64_t step = to; step-- > from;) {
      const Index last = output;
      while (output > 1 && served_[static_cast<std::size_t>(output - 1)] == step) --output;
      sweep.step(step == 0, step == 0 ? times.front() : end_of(times, step - 1), end_of(times, step), output, last,
                 record != nullptr ? record->state(step - from) : nullptr, record != nullptr ? record->beside(step - from) : nullptr);
    }
  }

  void save(const DynamicsView<F, Call>& f, std::span<const Time> times, const Cotangents<S>& bar, const Sweep& sweep) {
    saved_y_ = buffers_.y;
    saved_ybar_ = buffers_.ybar;
    saved_zbar_ = buffers_.zbar;
    if (bar.theta != nullptr) saved_theta_ = Eigen::Map<const Vector>(bar.theta, f.theta_rows * f.theta_cols);
    if (bar.times != nullptr) saved_times_ = Eigen::Map<const Vector>(bar.times, static_cast<Index>(times.size()));
    saved_z_counts_ = sweep.z_counts();
  }
  void restore(Sweep& sweep, const Cotangents<S>& bar) {
    buffers_.y = saved_y_;
    buffers_.ybar = saved_ybar_;
    buffers_.zbar = saved_zbar_;
    if (bar.theta != nullptr) Eigen::Map<Vector>(bar.theta, saved_theta_.size()) = saved_theta_;
    if (bar.times != nullptr) Eigen::Map<Vector>(bar.times, saved_times_.size()) = saved_times_;
    sweep.z_counts(saved_z_counts_);
  }
  /// Takes a segment's steps once more and stores them.
  template <class Anchor>
  void store(std::int64_t from, std::int64_t to, Time at, const Anchor& anchor, std::span<const Time> times, Stats& stats) {
    record_.clear(engine_->method(), n_);
    segment_ends_.clear();
    for (std::int64_t step = from; step < to; ++step) segment_ends_.push_back(end_of(times, step));
    choices_.assign(segment_ends_.size(), 0);
    anchor_ = anchor;
    engine_->reset(at, anchor_);
    engine_->replay(std::span<const Time>(segment_ends_), {}, [](auto&&...) {}, [&](const auto& w) { record_.push_back(w); }, {},
                    std::span<const int>(choices_));
    stats.backward_evaluations += engine_->stats().evaluations;
    stats.repeated += to - from;
  }

  ForwardEngine* engine_ = nullptr;
  ReversibleStats* report_ = nullptr;
  Index n_ = 0;
  std::int64_t steps_ = 0;
  bool fixed_ = false;
  ChunkedList<Time> ends_;                  // of adaptive steps
  ChunkedList<S> anchors_;                  // y, and z before it was made equal y
  std::vector<std::int64_t> anchor_steps_;  // after which
  std::vector<Index> served_;               // the step that serves output i, −1: the start
  State end_;                               // z at the end of the solve
  bool end_known_ = false;
  typename Sweep::Buffers buffers_;

  State anchor_, saved_y_, saved_ybar_, saved_zbar_;
  Vector saved_theta_, saved_times_;
  bool saved_z_counts_ = false;
  ReversibleRecord<M, S, Time> record_;
  std::vector<Time> segment_ends_;
  std::vector<int> choices_;
};

template <class M>
struct MadeReversible : std::type_identity<M> {};
template <OneStepMethod M>
struct MadeReversible<M> : std::type_identity<Reversible<M>> {};

}  // namespace detail

/// The exact gradient of a reversible scheme without storing its steps: `odeint(f, …, Rk4{}, ReversibleAdjoint{})` solves with
/// Reversible<Rk4> and undoes the steps backward; a method that is reversible is taken as it is. Of the solve are kept two states per
/// synchronisation, after 1,000 steps at most, on pendulums 60 to 170, in contractions 5 (hμ = 0.5) to 300 (0.01), and the ends of adaptive
/// steps. Twice the cost of DirectAdjoint.
///
/// At every synchronisation the state that the undone steps lead to is compared with the one kept: where it is lost, that segment's steps are
/// taken again and stored; without synchronisation ReconstructionError is thrown. The wrong choice for stiff or strongly contracting dynamics
/// (see Reversible), where most segments need that.
struct ReversibleAdjoint {
  double coupling = 0.999;           ///< λ of a method that is made reversible
  Eigen::Index synchronise = 1000;   ///< likewise
  ReversibleStats* stats = nullptr;  ///< where counts and the amplification of rounding are left; null: nowhere

  static constexpr const char* name = "ReversibleAdjoint";
  template <class M>
  using Solver = typename detail::MadeReversible<M>::type;
  template <class M>
  Solver<M> solver(const M& method) const {
    if constexpr (OneStepMethod<M>) return {coupling, synchronise};
    else return method;
  }
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::ReversiblePass<M, F, Call, with_times>;
};

}  // namespace costate
