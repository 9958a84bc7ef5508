#pragma once
// Events of samples with times of their own: each sample has its events when it has them, as if it were alone (solve_with_events.hpp), and f is
// called for many samples at once (solve_samples.hpp).

#include <costate/ode/solve_samples.hpp>
#include <costate/ode/solve_with_events.hpp>

namespace costate::detail {

/// The solve of one sample with its events, in parts.
template <class M, class State, class Run>
class SampleEventSolve {
  using Rhs = EvaluatedElsewhere;

 public:
  SampleEventSolve(const M& method, Shape shape, const SolveOptions& options, Run run) : engine_(method, Rhs{}, shape, options), step_(engine_), run_(std::move(run)) {}
  SampleEventSolve(const SampleEventSolve&) = delete;
  SampleEventSolve& operator=(const SampleEventSolve&) = delete;

  /// False where there is nothing more to do.
  bool begin() { return run_.times().size() > 1 && go_on(restart()); }
  [[nodiscard]] const auto& wanted() const { return step_.wanted(); }
  bool resume() { return go_on(step_.resume()); }
  [[nodiscard]] Run& run() { return run_; }

 private:
  Progress restart() {
    engine_.reset(run_.times().front(), run_.y());
    step_ = StepInParts<Stepper<M, State, Rhs>>(engine_);
    taken_ = 0;
    return next_step();
  }
  Progress next_step() {
    const SolveOptions& options = engine_.options();
    if (run_.steps() + engine_.stats().steps() >= options.max_steps) {
      if (options.throw_on_failure)
        throw_failure(Status::too_many_steps, engine_.t(), engine_.next_step(), static_cast<double>(engine_.y().norm()), options.max_steps);
      run_.finish_at(engine_, Status::too_many_steps);
      return Progress::failed;
    }
    if constexpr (M::adaptive()) {
      const auto stop = engine_.next_stop(run_.times().back());
      return step_.begin(stop.end, stop.crossing);
    } else {
      return step_.begin(engine_.end_of_step(run_.times(), taken_++));
    }
  }
  bool go_on(Progress progress) {
    while (progress == Progress::accepted) {
      const auto next = run_.take(engine_);
      if (next == Run::Next::end) return false;
      progress = next == Run::Next::restart ? restart() : next_step();
    }
    if (progress == Progress::failed && step_.status() != Status::success) run_.finish_at(engine_, step_.status());
    return progress == Progress::evaluate;
  }

  Engine<M, State, Rhs> engine_;
  StepInParts<Stepper<M, State, Rhs>> step_;
  Run run_;
  Eigen::Index taken_ = 0;  // fixed steps of the piece at hand
};

template <class F, class Y0, class Theta, class T, Method M, class... E>
auto solve_samples_with_events(const F& f, const Y0& y0, const T& grids, const Theta& theta, const M& method, const SolveOptions& options, const E&... events) {
  using Traits = StateTraits<Y0>;
  static_assert(!Traits::one_sample, "costate: a grid of times for each sample needs a D x B matrix of initial states, samples as columns");
  using S = typename Traits::Scalar;
  using Start = Eigen::Matrix<S, Traits::rows, 1>;
  using One = Dynamics<F, Start, Theta>;
  using Run = EventRun<typename One::Call, Start, E...>;
  const auto& start = dense_view(y0);
  const Shape shape{start.rows(), start.cols()}, one{shape.rows, 1};
  const auto times = sample_times<time_of_t<S>>(grids, shape.cols);
  Dynamics<F, Y0, Theta> all(f, shape, theta);
  One alone(f, one, theta);  // for g and the jumps

  std::deque<SampleEventSolve<M, typename One::State, Run>> solves;
  std::vector<std::size_t> active;
  for (std::size_t b = 0; b < times.size(); ++b) naming_sample(b, [&] { check_start(times[b][0], start.col(static_cast<Index>(b))); });
  const auto begin = [&](std::size_t b) {
    return naming_sample(b, [&] {
      const Start y = start.col(static_cast<Index>(b));
      auto& solve = solves.emplace_back(method, one, options, Run(alone.view(), one, times[b], y, options, std::tuple<E...>(events...)));
      return solve.begin();
    });
  };
  SampleBatch batch(all.view());
  run_samples(batch, solves, times.size(), active, begin, [&](std::size_t b) { return naming_sample(b, [&] { return solves[b].resume(); }); });
  std::vector<typename Run::SolutionType> solutions;
  for (std::size_t b = 0; b < times.size(); ++b) solutions.push_back(std::move(solves[b].run()).result(times[b]));
  return solutions;
}

}  // namespace costate::detail

namespace costate {

/// `solve_with_events` where samples have times of their own, a grid for each column of y0: a solution for each sample, with its own events.
template <class F, class Y0, SampleTimes T, class Theta, Method M, class... E>
  requires(!Method<Theta>)
auto solve_with_events(const F& f, const Y0& y0, const T& grids, const Theta& theta, const M& method, const SolveOptions& options, const E&... events) {
  if constexpr (detail::check_events<Y0, E...>() && detail::check_state_type<Y0>())
    return detail::solve_samples_with_events(f, y0, grids, theta, method, options, events...);
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, SampleTimes T, Method M, class... E>
auto solve_with_events(const F& f, const Y0& y0, const T& grids, const M& method, const SolveOptions& options, const E&... events) {
  if constexpr (detail::check_events<Y0, E...>() && detail::check_state_type<Y0>())
    return detail::solve_samples_with_events(f, y0, grids, NoParameters{}, method, options, events...);
}

}  // namespace costate
