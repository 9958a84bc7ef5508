#pragma once
// Many solves, each of one sample with its own times and steps, whose evaluations of a dynamics are made in one call for all of them.
//
// Every solve runs until it wants f somewhere; then f is called once for the batch of all states wanted, with the row of their times, and
// every solve goes on. One that has ended leaves its place to the next. No solve knows of another, and no more of them are under way than
// the cache holds.

#include <algorithm>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <costate/core/transpose.hpp>
#include <costate/ode/dynamics.hpp>
#include <costate/ode/engine.hpp>
#include <costate/ode/step_in_parts.hpp>

namespace costate::detail {

/// Says of which sample an error tells.
template <class Run>
auto naming_sample(std::size_t b, Run&& run) {
  const auto named = [&](const auto& e) { return "sample " + std::to_string(b) + ": " + e.what(); };
  try {
    return run();
  } catch (const TimeError& e) {
    throw TimeError(named(e));
  } catch (const NonFiniteError& e) {
    throw NonFiniteError(named(e));
  } catch (const StepSizeError& e) {
    throw StepSizeError(named(e));
  } catch (const TooManyStepsError& e) {
    throw TooManyStepsError(named(e));
  } catch (const ReconstructionError& e) {
    throw ReconstructionError(named(e));
  }
}

/// So many samples at a time: enough for what a call costs to count little, few enough for their states and stages to stay in the cache.
template <class S>
Index samples_in_cache(Index rows) {
  constexpr Index bytes = 1 << 15;
  return std::max<Index>(32, bytes / (static_cast<Index>(sizeof(S)) * std::max<Index>(1, rows)));
}

/// Evaluates a dynamics at the columns gathered before.
template <class F, class Call>
class SampleBatch {
  using S = typename Call::Scalar;
  using Vector = typename Call::State;

 public:
  SampleBatch() = default;
  explicit SampleBatch(const DynamicsView<F, Call>& f) : f_(f) {}
  void bind(const DynamicsView<F, Call>& f) {
    if (f.shape.rows != f_.shape.rows) times_.resize(0);
    f_ = f;
  }

  [[nodiscard]] Index room() const { return samples_in_cache<S>(f_.shape.rows); }
  /// wanted(j) tells what column j of `samples` wants.
  template <class Wanted>
  void operator()(Index samples, Wanted&& wanted) {
    const Index rows = f_.shape.rows;
    f_.shape.cols = samples;
    if (times_.size() < samples) {
      y_.resize(rows * samples);
      dydt_.resize(rows * samples);
      times_.resize(samples);
    }
    for (Index first = 0; first < samples; first += width) {
      const S* from[width];
      const Index n = std::min(width, samples - first);
      for (Index j = 0; j < n; ++j) {
        const auto& w = wanted(first + j);
        times_[first + j] = static_cast<S>(w.t);
        from[j] = w.y->data();
      }
      put_columns_together(from, n, rows, y_.data() + first, samples);
    }
    f_(times_.data(), y_.data(), dydt_.data());
    for (Index first = 0; first < samples; first += width) {
      S* to[width];
      const Index n = std::min(width, samples - first);
      for (Index j = 0; j < n; ++j) to[j] = wanted(first + j).dydt->data();
      take_columns_apart(dydt_.data() + first, samples, rows, to, n);
    }
  }

 private:
  static constexpr Index width = simd::Packet<S>::width;

  DynamicsView<F, Call> f_{};
  Vector y_, dydt_, times_;
};

/// The solve of one sample over its times, in parts.
template <class M, class State, class Rhs>
class SampleSolve {
 public:
  using Time = time_of_t<typename State::Scalar>;
  using EngineType = Engine<M, State, Rhs>;

  SampleSolve(const M& method, Rhs rhs, Shape shape, const SolveOptions& options) : engine_(method, std::move(rhs), shape, options), step_(engine_) {}
  SampleSolve(const SampleSolve&) = delete;
  SampleSolve& operator=(const SampleSolve&) = delete;

  /// At times[0] with y0.
  template <class Y0>
  void reset(std::span<const Time> times, const Y0& y0) {
    times_ = times;
    next_ = 1;
    taken_ = 0;
    part_ = {};
    step_of_part_ = 0;
    status_ = Status::success;
    scratch_ = y0;
    engine_.reset(times.front(), scratch_);
    step_ = StepInParts<Base>(engine_);
  }
  /// output(i, step, y) and observer(window) as of Engine::run. False where there is nothing more to do.
  template <class Output>
  bool begin(Output&& output) {
    output(Index(0), Index(-1), engine_.y());
    return next_ < times_.size() && go_on(next_step(), [](const auto&) {}, output);
  }
  [[nodiscard]] const auto& wanted() const { return step_.wanted(); }
  /// What was wanted is known now.
  template <class Output, class Observer>
  bool resume(Output&& output, Observer&& observer) {
    return go_on(step_.resume(), observer, output);
  }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] EngineType& engine() { return engine_; }

 private:
  using Base = Stepper<M, State, Rhs>;

  Progress next_step() {
    if constexpr (M::adaptive()) {
      const auto stop = engine_.next_stop(times_.back());
      return step_.begin(stop.end, stop.crossing);
    } else {
      return next_fixed_step();
    }
  }
  /// As Engine::run: all steps, or those of an interval, are refused where there are too many of them.
  Progress next_fixed_step() {
    const SolveOptions& options = engine_.options();
    const Time t = engine_.t(), to = options.step ? times_.back() : times_[next_];
    if (options.step ? taken_ == 0 : t == times_[next_ - 1])
      if (const std::int64_t n = engine_.steps_between(t, to); n > options.max_steps - taken_)
        return step_.refuse(Status::too_many_steps, (to - t) / static_cast<Time>(n));
    if (step_of_part_ == part_.steps) {
      part_begin_ = t;
      part_ = engine_.equal_steps(t, to);
      step_of_part_ = 0;
    }
    ++step_of_part_;
    return step_.begin(grid_point(part_begin_, part_.end, step_of_part_, part_.steps));
  }
  template <class Output, class Observer>
  bool go_on(Progress progress, Observer&& observer, Output&& output) {
    while (progress == Progress::accepted) {
      const auto window = engine_.window();
      observer(window);
      const Time direction = times_.back() > times_.front() ? Time(1) : Time(-1);
      for (; next_ < times_.size() && direction * (window.end - times_[next_]) >= 0; ++next_) {
        window.interpolate(times_[next_], scratch_);
        output(static_cast<Index>(next_), taken_, std::as_const(scratch_));
      }
      ++taken_;
      if (next_ == times_.size()) return false;
      progress = next_step();
    }
    if (progress == Progress::failed) status_ = step_.status();
    return progress == Progress::evaluate;
  }

  EngineType engine_;
  StepInParts<Base> step_;
  std::span<const Time> times_;
  std::size_t next_ = 1;  // output to come
  Index taken_ = 0;       // steps
  EqualSteps<Time> part_{};          // of fixed steps: those at hand,
  Time part_begin_ = 0;              // from here
  std::int64_t step_of_part_ = 0;    // so many taken
  Status status_ = Status::success;
  State scratch_;
};

/// Runs `samples` solves to their ends. begin(b), called in order, and resume(b) return whether solve b goes on; `active` is room for those under way.
template <class Batch, class Solves, class Begin, class Resume>
void run_samples(Batch& batch, Solves&& solves, std::size_t samples, std::vector<std::size_t>& active, Begin&& begin, Resume&& resume) {
  const auto room = static_cast<std::size_t>(batch.room());
  active.clear();
  for (std::size_t next = 0;;) {
    for (; next < samples && active.size() < room; ++next)
      if (begin(next)) active.push_back(next);
    if (active.empty()) return;
    batch(static_cast<Index>(active.size()), [&](Index j) { return solves[active[static_cast<std::size_t>(j)]].wanted(); });
    std::erase_if(active, [&](std::size_t b) { return !resume(b); });
  }
}

/// The same of SampleSolves. Of `paths`, for sample b: times(b); start(b), its initial state; begin(b, engine), which stands there;
/// output(b, i, step, y) receives the state at time i and the number of the step that served it (−1: the start); accept(b, window) every
/// step, where keeps() says so; end(b, status, stats).
template <class Batch, class Solves, class Paths>
void run_paths(Batch& batch, Solves&& solves, std::size_t samples, std::vector<std::size_t>& active, Paths&& paths) {
  const auto output = [&](std::size_t b) {
    return [&, b](Index i, Index step, const auto& y) { paths.output(b, i, step, y); };
  };
  const auto go_on = [&](std::size_t b, bool on) {
    if (!on) paths.end(b, solves[b].status(), solves[b].engine().stats());
    return on;
  };
  const auto begin = [&](std::size_t b) {
    return naming_sample(b, [&] {
      solves[b].reset(paths.times(b), paths.start(b));
      paths.begin(b, solves[b].engine());
      return go_on(b, solves[b].begin(output(b)));
    });
  };
  const auto resume = [&](std::size_t b) {
    return naming_sample(b, [&] { return go_on(b, solves[b].resume(output(b), [&](const auto& window) { paths.accept(b, window); })); });
  };
  run_samples(batch, solves, samples, active, begin, resume);
}

}  // namespace costate::detail
