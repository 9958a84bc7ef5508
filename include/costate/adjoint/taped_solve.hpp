#pragma once
// A solve whose outputs lie on a tape, and that remembers what its adjoint needs.

#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/solve_watch.hpp>
#include <costate/ode/solve.hpp>

namespace costate::detail {

template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void fail_backward(const char* adjoint, const E& e) {
  throw E(std::string("in the backward pass of ") + adjoint + ": " + e.what());
}

/// Says of errors that they come from an adjoint's backward pass.
template <class A, class Run>
void naming_pass(Run&& run) {
  try {
    run();
  } catch (const NonFiniteError& e) {
    fail_backward(A::name, e);
  } catch (const StepSizeError& e) {
    fail_backward(A::name, e);
  } catch (const TooManyStepsError& e) {
    fail_backward(A::name, e);
  } catch (const ReconstructionError& e) {
    fail_backward(A::name, e);
  }
}

/// Whether two values of a method's type solve differently.
template <class M>
bool differs(const M& a, const M& b) {
  if constexpr (std::is_empty_v<M>) return false;
  else return !(a == b);
}

/// Leaves a solve's counts where they are asked for; what an adjoint tells beside is not known yet.
template <class S>
void leave(const Stats& stats, S* to) {
  if (to == nullptr) return;
  *to = {};
  static_cast<Stats&>(*to) = stats;
}

/// A solve that remembers what its adjoint needs. Lives as long as the tape and keeps its memory.
template <class F, class CallType, class M, class A, bool with_times>
class TapedSolve {
 public:
  using Call = CallType;
  static constexpr bool timed = with_times;

 private:
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using View = DynamicsView<F, Call>;

 public:
  TapedSolve() = default;
  TapedSolve(const TapedSolve&) = delete;  // the engine refers to the dynamics beside it
  TapedSolve& operator=(const TapedSolve&) = delete;

  BasicTimes<Time>& times() { return times_; }

  // What was solved.
  [[nodiscard]] const F& dynamics() const { return *f_; }
  [[nodiscard]] const A& adjoint() const { return *adjoint_; }
  [[nodiscard]] const M& method() const { return engine_->method(); }
  [[nodiscard]] const SolveOptions& options() const { return engine_->options(); }
  [[nodiscard]] Shape shape() const { return view_.shape; }

  /// Solves from y0 (shape as given, stored row by row); the states at all times go to out, one after the other.
  void solve(const F& f, const M& method, const A& adjoint, SolveOptions options, Shape shape, const S* y0, const S* theta,
             Index theta_rows, Index theta_cols, bool record, S* out, SolveWatch* watch = nullptr) {
    check_times(times_);
    f_.emplace(f);
    adjoint_.emplace(adjoint);
    watch_ = watch;
    if (watch_ != nullptr) [[unlikely]] be_watched(options, shape, y0);
    tape_.rewind({});
    tape_.workspace().recording = tape_.workspace().paused = false;
    tape_.workspace().depth = 0;
    view_ = View{&*f_, &tape_, shape, theta, theta_rows, theta_cols};
    if (watch_ != nullptr) [[unlikely]] view_.part_tolerances = watch_->part_tolerances();
    if (!engine_ || !(engine_->options() == options) || !(engine_->shape() == shape) || differs(engine_->method(), method) ||
        other_parts(*engine_, view_))
      engine_.emplace(method, view_, shape, options);
    engine_->rhs() = view_;
    start_ = Eigen::Map<const State>(y0, shape.size());
    engine_->reset(times_.front(), start_);
    const std::span<const Time> span(times_.data(), static_cast<std::size_t>(times_.size()));
    if (record) pass_.begin(*adjoint_, *engine_, span);
    outputs_ = out;
    const auto output = [&](Index i, Index step, const State& y) {
      std::copy_n(y.data(), y.size(), out + i * y.size());
      if (record) pass_.serve(i, step);
    };
    if (record) engine_->run(span, output, [&](const auto& window) { pass_.accept(window); });
    else engine_->run(span, output);
    leave(engine_->stats(), adjoint.stats);
  }

  void pull(const Cotangents<S>& bar) {
    const std::span<const Time> span(times_.data(), static_cast<std::size_t>(times_.size()));
    Stats stats = engine_->stats();
    naming_pass<A>([&] { pass_.pull(view_, span, outputs_, bar, stats); });
    if (adjoint_->stats != nullptr) static_cast<Stats&>(*adjoint_->stats) = stats;
    if (watch_ != nullptr) [[unlikely]] watch_->pulled(stats);
  }

 private:
  [[gnu::cold, gnu::noinline]] void be_watched(SolveOptions& options, Shape shape, const S* y0) {
    const std::span<const Time> span(times_.data(), static_cast<std::size_t>(times_.size()));
    WatchedSolve told = watch_options<S, M>(*watch_, *adjoint_, options, span, shape);
    tell_own_tolerances<S>(told, *f_, shape.rows, watch_->part_tolerances());
    told.y0.assign(y0, y0 + shape.size());
    told.solve = this;
    told.slope = [](const void* solve, double t, const double* y, double* dydt) {
      watched_slope<State>(static_cast<const TapedSolve*>(solve)->view_, t, y, dydt);
    };
    watch_->solves.push_back(std::move(told));
  }

  std::optional<F> f_;
  std::optional<A> adjoint_;
  Tape<S> tape_;
  View view_{};
  BasicTimes<Time> times_;
  State start_;
  std::optional<Engine<M, State, View>> engine_;
  typename A::template Pass<M, F, Call, with_times> pass_;
  S* outputs_ = nullptr;
  SolveWatch* watch_ = nullptr;
};

}  // namespace costate::detail
