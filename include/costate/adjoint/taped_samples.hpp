#pragma once
// A solve of samples with times of their own whose paths lie on a tape, and that remembers what its adjoint needs.
//
// Forward f is called for many samples at once (lockstep.hpp, sample_batch.hpp). Backward, so are the stages of Runge–Kutta steps by
// DirectAdjoint; else each sample has the pass that a solve of it alone would have. Lengths of steps in lockstep are rounded otherwise than alone:
// by that much discrete adjoints differ that are otherwise the same.

#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include <costate/adjoint/direct.hpp>
#include <costate/adjoint/sample_pullback.hpp>
#include <costate/adjoint/solve_watch.hpp>
#include <costate/adjoint/taped_solve.hpp>
#include <costate/ode/solve_samples.hpp>

namespace costate::detail {

/// Call: of one sample; BatchCall: of a batch.
template <class F, class Call, class BatchCall, class M, class A>
class TapedSamples {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using View = DynamicsView<F, Call>;

  using Pass = typename A::template Pass<M, F, Call, false>;
  /// Whether the samples' solves go in lockstep: not where each must have its engine.
  static constexpr bool in_lockstep = LockstepMethod<M> && !requires { Pass::moves_engine; };

  struct Nothing {
    template <class... Any>
    explicit Nothing(const Any&...) {}
  };
  struct Sample {
    Sample(const M& method, const View& view, const SolveOptions& options) : solve(method, view, view.shape, options) {}

    [[no_unique_address]] std::conditional_t<in_lockstep, Nothing, SampleSolve<M, State, View>> solve;
    Pass pass;
    Stats stats;
    std::vector<S> outputs, output_bars;  // state by state
    State y0_bar;
  };

 public:
  TapedSamples() = default;
  TapedSamples(const TapedSamples&) = delete;  // the engines refer to the dynamics beside them
  TapedSamples& operator=(const TapedSamples&) = delete;

  template <class T>
  void times(const T& grids, Index samples) {
    read_sample_times(grids, samples, times_);
  }
  /// How many columns the paths up to each have, on the tape.
  [[nodiscard]] std::span<const Index> ends(Tape<S>& tape) const {
    auto* const ends = tape.workspace().arena.template allocate<Index>(times_.size());
    Index columns = 0;
    for (std::size_t b = 0; b < times_.size(); ++b) ends[b] = columns += times_[b].size();
    return {ends, times_.size()};
  }

  /// Solves from y0 (shape as given, stored row by row); the paths go to out, one after the other, each row by row.
  void solve(const F& f, const M& method, const A& adjoint, SolveOptions options, Shape shape, const S* y0, const S* theta,
             Index theta_rows, Index theta_cols, bool record, S* out, SolveWatch* watch = nullptr) {
    f_.emplace(f);
    adjoint_.emplace(adjoint);
    watch_ = watch;
    if (watch_ != nullptr) [[unlikely]] be_watched(options, shape, y0);
    adjoint_->stats = &one_;  // the passes' counts are added up here
    if constexpr (requires { adjoint_->memory_bytes; }) adjoint_->memory_bytes /= times_.size();
    stats_ = adjoint.stats;
    tape_.rewind({});
    tape_.workspace().recording = tape_.workspace().paused = false;
    tape_.workspace().depth = 0;
    shape_ = shape;
    view_ = View{&*f_, &tape_, {shape.rows, 1}, theta, theta_rows, theta_cols};
    if (watch_ != nullptr) [[unlikely]] view_.part_tolerances = watch_->part_tolerances();
    batch_view_ = {&*f_, &tape_, shape, theta, theta_rows, theta_cols};
    make_samples(method, options);

    const Paths paths{*this, y0, record};
    for (std::size_t b = 0; b < times_.size(); ++b) naming_sample(b, [&] { check_start(times_[b][0], paths.start(b)); });
    if constexpr (in_lockstep) {
      run_.solves->bind(batch_view_, view_);
      run_.solves->run(samples_.size(), paths);
    } else {
      run_.batch.bind(batch_view_);
      run_paths(run_.batch, SolvesOf{&samples_}, samples_.size(), run_.active, paths);
    }
    Stats total;
    for (std::size_t b = 0; b < samples_.size(); ++b) {
      total += samples_[b].stats;
      out = write_path(b, out);
    }
    leave(total, stats_);
  }

  void pull(const Cotangents<S>& bar) {
    told_ = {};
    const S* from = bar.outputs;
    const Index rows = shape_.rows;
    Stats total;
    for (std::size_t b = 0; b < samples_.size(); ++b) {
      Sample& sample = samples_[b];
      const Index n = times_[b].size();
      sample.output_bars.resize(sample.outputs.size());
      Eigen::Map<Columns>(sample.output_bars.data(), rows, n) = Eigen::Map<const Rows>(from, rows, n);
      from += rows * n;
      sample.y0_bar.setZero(rows);
      total += sample.stats;
    }
    if constexpr (at_once) pull_at_once(bar.theta, total);
    else pull_one_by_one(bar.theta, total);
    if (bar.y0 != nullptr)
      for (std::size_t b = 0; b < samples_.size(); ++b)
        for (Index i = 0; i < rows; ++i) bar.y0[i * shape_.cols + static_cast<Index>(b)] += samples_[b].y0_bar[i];
    static_cast<Stats&>(told_) = total;
    if (stats_ != nullptr) *stats_ = told_;
    if (watch_ != nullptr) [[unlikely]] watch_->pulled(total);
  }

 private:
  [[gnu::cold, gnu::noinline]] void be_watched(SolveOptions& options, Shape shape, const S* y0) {
    const SolveOptions given = options;
    for (std::size_t b = 0; b < times_.size(); ++b) {
      options = given;
      A adjoint = *adjoint_;
      WatchedSolve told = watch_options<S, M>(*watch_, adjoint, options, span(b), {shape.rows, 1});
      for (Index i = 0; i < shape.rows; ++i) told.y0.push_back(static_cast<double>(y0[i * shape.cols + static_cast<Index>(b)]));
      tell_own_tolerances<S>(told, *f_, shape.rows, watch_->part_tolerances());
      told.solve = this;
      told.slope = [](const void* solve, double t, const double* y, double* dydt) {
        watched_slope<State>(static_cast<const TapedSamples*>(solve)->view_, t, y, dydt);
      };
      watch_->solves.push_back(std::move(told));
      if (b + 1 == times_.size()) *adjoint_ = adjoint;
    }
  }

  /// Whether all samples' steps are pulled back together.
  static constexpr bool at_once = std::is_same_v<A, DirectAdjoint> && OneStepMethod<M>;

  void pull_one_by_one(S* theta_bar, Stats& total) {
    for (std::size_t b = 0; b < samples_.size(); ++b) {
      Sample& sample = samples_[b];
      const Stats forward = sample.stats;
      Stats stats = forward;
      naming_sample(b, [&] {
        naming_pass<A>([&] {
          sample.pass.pull(view_, span(b), sample.outputs.data(), {sample.output_bars.data(), sample.y0_bar.data(), theta_bar, nullptr}, stats);
        });
      });
      stats.evaluations -= forward.evaluations;
      stats.accepted -= forward.accepted;
      stats.rejected -= forward.rejected;
      told_ += one_;
      total += stats;
    }
  }
  void pull_at_once(S* theta_bar, Stats& total) {
    records_.clear();
    for (std::size_t b = 0; b < samples_.size(); ++b) {
      Sample& sample = samples_[b];
      records_.push_back({&sample.pass.record(), sample.pass.served(), span(b), sample.outputs.data(), sample.output_bars.data(), sample.y0_bar.data()});
      total.kept += sample.pass.record().size();
    }
    pullback_.pull(batch_view_, records_, theta_bar, total);
  }

  using Columns = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  using Rows = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// The samples' solves, as a list.
  struct SolvesOf {
    std::deque<Sample>* samples;
    auto& operator[](std::size_t b) const { return (*samples)[b].solve; }
  };

  /// Where the samples begin, and what is kept of their paths.
  struct Paths {
    TapedSamples& all;
    const S* y0;
    bool record;

    [[nodiscard]] std::span<const Time> times(std::size_t b) const { return all.span(b); }
    [[nodiscard]] auto start(std::size_t b) const {
      return Eigen::Map<const State, 0, Eigen::InnerStride<>>(y0 + b, all.shape_.rows, Eigen::InnerStride<>(all.shape_.cols));
    }
    template <class Forward>
    void begin(std::size_t b, Forward& forward) const {
      Sample& sample = all.samples_[b];
      sample.outputs.resize(static_cast<std::size_t>(all.shape_.rows * all.times_[b].size()));
      if (record) sample.pass.begin(*all.adjoint_, forward, all.span(b));
    }
    template <class Y>
    void output(std::size_t b, Index i, Index step, const Y& y) const {
      Sample& sample = all.samples_[b];
      Eigen::Map<State>(sample.outputs.data() + i * y.size(), y.size()) = y;
      if (record) sample.pass.serve(i, step);
    }
    [[nodiscard]] bool keeps() const { return record; }
    template <class Window>
    void accept(std::size_t b, const Window& window) const {
      if (record) all.samples_[b].pass.accept(window);
    }
    void end(std::size_t b, Status, const Stats& stats) const { all.samples_[b].stats = stats; }
  };

  void make_samples(const M& method, const SolveOptions& options) {
    const auto other = [&](const auto& solve) { return !(solve.options() == options) || !(solve.shape() == view_.shape) || other_parts(solve, view_); };
    if constexpr (in_lockstep) {
      if (!run_.solves || other(*run_.solves)) run_.solves.emplace(batch_view_, view_, options);
      if (samples_.size() == times_.size()) return;
    } else {
      if (samples_.size() == times_.size() && !samples_.empty()) {
        auto& engine = samples_[0].solve.engine();
        if (!other(engine) && !differs(engine.method(), method)) {
          for (Sample& sample : samples_) sample.solve.engine().rhs() = view_;
          return;
        }
      }
    }
    samples_.clear();
    for (std::size_t b = 0; b < times_.size(); ++b) samples_.emplace_back(method, view_, options);
  }
  [[nodiscard]] std::span<const Time> span(std::size_t b) const { return {times_[b].data(), static_cast<std::size_t>(times_[b].size())}; }
  S* write_path(std::size_t b, S* out) const {
    const Index n = times_[b].size();
    Eigen::Map<Rows>(out, shape_.rows, n) = Eigen::Map<const Columns>(samples_[b].outputs.data(), shape_.rows, n);
    return out + shape_.rows * n;
  }

  std::optional<F> f_;
  std::optional<A> adjoint_;
  using Told = std::remove_pointer_t<decltype(A::stats)>;
  Told* stats_ = nullptr;
  Told one_{}, told_{};  // of one sample, of all
  Tape<S> tape_;
  Shape shape_{};
  View view_{};
  std::vector<BasicTimes<Time>> times_;
  std::deque<Sample> samples_;
  DynamicsView<F, BatchCall> batch_view_{};

  struct InLockstep {
    std::optional<Lockstep<M, F, BatchCall, State, View>> solves;
  };
  struct InParts {
    SampleBatch<F, BatchCall> batch;
    std::vector<std::size_t> active;
  };
  std::conditional_t<in_lockstep, InLockstep, InParts> run_;

  std::vector<SampleRecord<S>> records_;
  std::conditional_t<at_once, SamplePullback<M, F, BatchCall>, Nothing> pullback_;
  SolveWatch* watch_ = nullptr;
};

/// Such a solve on the tape.
template <class T, class Solve>
struct SamplesNode final : Node<T> {
  using S = typename T::scalar;
  Solve* solve = nullptr;
  V<S> y0 = nullptr, theta = nullptr;  // null: no parameters

  void pull(T& tape) override {
    if (!this->out->written) return;
    const auto cells = [&](V<S> x) -> S* { return x != nullptr && x->active ? ready_cells(tape, *x) : nullptr; };
    solve->pull({this->out->cells, cells(y0), cells(theta), nullptr});
    this->out->written = false;
  }
  void pull_recorded(T&, std::uint64_t) override { refuse(); }
  V<S> push_recorded(T&, std::uint64_t) override { refuse(); }
  bool depends(std::uint64_t epoch) const override { return y0->epoch == epoch || (theta != nullptr && theta->epoch == epoch); }

 private:
  [[noreturn]] static void refuse() {
    fail<Error>("cs::grad, cs::vjp, cs::jvp or cs::hvp of a solve whose samples have times of their own: it can be differentiated once, from outside, "
                "with value_and_grad or gradient; for more, solve the samples one by one");
  }
};

}  // namespace costate::detail
