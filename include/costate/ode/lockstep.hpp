#pragma once
// Many solves of one sample each by an adaptive Runge–Kutta method, in lockstep: every one has its own time, step, end and counts, but all are
// at the same stage of an attempt at the same time.
//
// So the states and stages of all of them are batches (lockstep_blocks.hpp); here is who is under way, where each stands and what it tries next. A place
// that becomes free is taken by the next sample, whose first evaluations are made apart. No more are under way than the cache holds.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <costate/ode/dynamics.hpp>
#include <costate/ode/failure.hpp>
#include <costate/ode/initial_step.hpp>
#include <costate/ode/jump_times.hpp>
#include <costate/ode/lockstep_blocks.hpp>
#include <costate/ode/part_norm.hpp>
#include <costate/ode/sample_batch.hpp>
#include <costate/ode/step_control.hpp>

namespace costate::detail {

/// A pair whose last stage is the next step's first: after every attempt the slope is known, whether it was accepted or not.
template <class M>
concept LockstepMethod = AdaptiveMethod<M> && OneStepMethod<M> && M::first_same_as_last();

/// `Call` is of a batch. `State` is that of one sample, whose right-hand side `Rhs` says how it is measured.
template <LockstepMethod M, class F, class Call, class State, class Rhs>
class Lockstep {
  using S = typename Call::Scalar;
  using Time = time_of_t<S>;
  using Order = std::vector<std::pair<Time, std::size_t>>;  // lengths and samples
  static constexpr std::size_t stages = M::tableau.stages;

  /// A sample under way.
  struct Place {
    std::size_t sample;
    std::span<const Time> times;
    StepControl<Time> control;
    Time t, direction;
    Stop<Time> stop{};
    Trying<Time> trying{};
    StepPlan<Time> plan{};
    std::size_t next = 1;  // output to come
    std::int64_t attempts = 0;
    bool again = false, ended = false;
    Status status = Status::success;
    Stats stats{};
  };

 public:
  using Column = Eigen::Map<const State, 0, Eigen::InnerStride<>>;
  using Window = StepWindow<M, Column>;

  /// Checks the options.
  Lockstep(const DynamicsView<F, Call>& f, Rhs rhs, const SolveOptions& options)
      : f_(f), rhs_(std::move(rhs)), options_(options), rows_(f.shape.rows), norm_(norm_of<State>(rhs_, {rows_, 1}, options, 0)) {}

  /// The next run's dynamics.
  void bind(const DynamicsView<F, Call>& f, const Rhs& rhs) {
    f_ = f;
    rhs_ = rhs;
  }
  [[nodiscard]] const SolveOptions& options() const { return options_; }
  /// Of one sample.
  [[nodiscard]] Shape shape() const { return {rows_, 1}; }
  [[nodiscard]] const norm_of_t<State, Rhs>& norm() const { return norm_; }

  /// Runs so many solves; `paths` as of run_paths. Where the options say that a failure throws, it is the first of those found, which need not be
  /// that of the first sample.
  template <class Paths>
  void run(std::size_t samples, Paths&& paths) {
    room_ = std::min(samples_in_cache<S>(rows_), static_cast<Index>(samples));
    blocks_.reserve(rows_, room_);
    if (times_.size() < room_) times_.resize(room_);
    one_.trial.resize(rows_);
    places_.clear();
    order_.resize(samples);
    for (std::size_t b = 0; b < samples; ++b) order_[b] = {std::abs(paths.times(b).back() - paths.times(b).front()), b};
    std::sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) { return a.first > b.first || (a.first == b.first && a.second < b.second); });
    for (auto next = order_.cbegin();;) {
      admit(next, paths);
      leave(paths);
      if (places_.empty() && next == order_.cend()) return;
      prepare();
      leave(paths);
      if (places_.empty()) continue;
      attempt();
      judge(paths);
    }
  }

 private:
  [[nodiscard]] Index count() const { return static_cast<Index>(places_.size()); }
  Place& place(Index j) { return places_[static_cast<std::size_t>(j)]; }
  [[nodiscard]] Index fresh(Index i) const { return fresh_[static_cast<std::size_t>(i)]; }

  template <class Block>
  [[nodiscard]] Column column(const Block& block, Index j) const { return {block.data() + j, rows_, Eigen::InnerStride<>(count())}; }
  [[nodiscard]] Column slope_of(Index j) const { return column(blocks_.k[0], j); }
  template <class Block>
  void evaluate(Index samples, const Block& y, Block& dydt) {
    f_.shape.cols = samples;
    f_(times_.data(), y.data(), dydt.data());
  }

  /// Takes samples in, from `next` on, in the places of those that have ended, and where there is room.
  template <class Paths>
  void admit(typename Order::const_iterator& next, Paths&& paths) {
    fresh_.clear();
    const Index before = count();
    for (Index j = 0; j < room_ && next != order_.cend(); ++j) {
      if (j < before && !place(j).ended) continue;
      const std::optional<Place> p = take(next, paths);
      if (!p) break;
      if (j < before) {
        tell_end(place(j), paths);
        place(j) = *p;
      } else {
        places_.push_back(*p);
      }
      fresh_.push_back(j);
    }
    const Index n = static_cast<Index>(fresh_.size());
    if (n == 0) return;
    blocks_.widen(before, count());
    auto &start = blocks_.trial, &slope = blocks_.k.back();
    for (Index i = 0; i < n; ++i) {
      Place& p = place(fresh(i));
      p.stats.evaluations = 1;
      times_[i] = static_cast<S>(p.t);
      const auto y0 = paths.start(p.sample);
      for (Index r = 0; r < rows_; ++r) start[r * n + i] = y0[r];
    }
    evaluate(n, start, slope);
    for (Index i = 0; i < n; ++i) {
      const Index j = fresh(i);
      blocks_.set(j, start.data() + i, slope.data() + i, n);
      if (!all_finite(slope_of(j))) fail(j, Status::non_finite, place(j).control.proposal().length);
    }
  }
  /// The next sample with something to solve.
  template <class Paths>
  std::optional<Place> take(typename Order::const_iterator& next, Paths&& paths) {
    for (; next != order_.cend(); ++next) {
      const std::size_t b = next->second;
      const std::span<const Time> times = paths.times(b);
      paths.begin(b, *this);
      paths.output(b, Index(0), Index(-1), paths.start(b));
      if (times.size() == 1) {
        paths.end(b, Status::success, Stats{});
        continue;
      }
      ++next;
      Place p{b, times, {options_.controller, M::error_order + 1}, times.front(), times.back() > times.front() ? Time(1) : Time(-1)};
      p.control.go_on_from({static_cast<Time>(options_.first_step.value_or(0.0)), {}});
      return p;
    }
    return std::nullopt;
  }
  template <class Paths>
  static void tell_end(const Place& p, Paths&& paths) {
    paths.end(p.sample, p.status, p.stats);
  }

  /// Takes those that have ended out.
  template <class Paths>
  void leave(Paths&& paths) {
    const Index before = count();
    Index now = before;
    for (Index j = 0; j < now; ++j) {
      if (!place(j).ended) continue;
      tell_end(place(j), paths);
      for (--now; now > j && place(now).ended; --now) tell_end(place(now), paths);
      if (now == j) break;
      blocks_.set(j, blocks_.y.data() + now, blocks_.k[0].data() + now, before);
      place(j) = place(now);
    }
    if (now == before) return;
    places_.erase(places_.begin() + now, places_.end());
    blocks_.narrow(now);
  }

  /// Plans everyone's next attempt; who may not make one has ended.
  void prepare() {
    undecided_.clear();
    for (Index j = 0; j < count(); ++j) {
      Place& p = place(j);
      if (p.again) continue;
      p.stop = {p.times.back()};
      if (!options_.jump_times.empty()) [[unlikely]] p.stop = JumpTimes<S, Time>(options_.jump_times, p.direction).next(p.t, p.stop.end);
      if (!p.stop.crossing && !(p.control.proposal().length > 0)) undecided_.push_back({j, {}});
    }
    if (!undecided_.empty()) choose_first_steps();
    for (Index j = 0; j < count(); ++j)
      if (!place(j).ended) plan(j);
  }
  void plan(Index j) {
    Place& p = place(j);
    const bool exhausted = p.attempts >= options_.max_steps;
    if (p.stop.crossing) {
      p.plan = {p.stop.end, p.stop.end - p.t};
      if (exhausted) fail(j, Status::too_many_steps, p.plan.h);
      return;
    }
    const StepRoom<Time> room = room_of(p);
    if (!p.again) p.trying = p.control.begin(room);
    if (exhausted || room.too_short(p.trying.h)) fail(j, exhausted ? Status::too_many_steps : p.trying.reason, p.trying.h);
    else p.plan = room.template plan<false>(p.trying.h);
  }
  [[nodiscard]] StepRoom<Time> room_of(const Place& p) const { return {p.t, p.stop.end, p.direction, options_.max_step}; }

  /// The length that those try first who have none: one evaluation each.
  void choose_first_steps() {
    const auto n = static_cast<Index>(undecided_.size());
    auto &states = blocks_.trial, &slopes = blocks_.k.back();
    for (Index i = 0; i < n; ++i) {
      auto& [j, first] = undecided_[static_cast<std::size_t>(i)];
      Place& p = place(j);
      const Time limit = room_of(p).limit();
      look_at(j);
      times_[i] = static_cast<S>(first.probe(norm_, p.t, one_.y, one_.slope, one_.trial, limit, p.t + p.direction * limit, p.direction));
      for (Index r = 0; r < rows_; ++r) states[r * n + i] = one_.trial[r];
    }
    evaluate(n, states, slopes);
    for (Index i = 0; i < n; ++i) {
      const auto& [j, first] = undecided_[static_cast<std::size_t>(i)];
      look_at(j);
      for (Index r = 0; r < rows_; ++r) one_.trial[r] = slopes[r * n + i];
      place(j).control.propose(first.length(norm_, one_.y, one_.slope, one_.trial, M::error_order, 0.01));
      ++place(j).stats.evaluations;
    }
  }
  void look_at(Index j) {
    one_.y = column(blocks_.y, j);
    one_.slope = slope_of(j);
  }

  /// One attempt of all: the trial state, whose slope is the last stage.
  void attempt() {
    const Index n = count();
    for (Index j = 0; j < n; ++j) blocks_.h[j] = static_cast<S>(place(j).plan.h);
    unroll<1, stages>([&]<std::size_t I>() {
      constexpr Time c = M::tableau.c[I].template as<Time>();
      for (Index j = 0; j < n; ++j) {
        const Place& p = place(j);
        times_[j] = static_cast<S>(c == Time(1) ? p.plan.end : p.t + c * p.plan.h);
      }
      blocks_.template prepare<I>();
      evaluate(n, blocks_.trial, blocks_.k[I]);
    });
  }
  /// Accepted attempts become the state; the others are made again from where they began.
  template <class Paths>
  void judge(Paths&& paths) {
    blocks_.measure(norm_.measures());
    for (Index j = 0; j < count(); ++j) {
      Place& p = place(j);
      ++p.attempts;
      p.stats.evaluations += static_cast<std::int64_t>(stages) - 1;
      p.again = !accepted(j);
      if (!p.again) {
        serve(j, paths);
      } else if (!p.ended) {
        blocks_.reject(j);
      }
    }
    blocks_.commit();
  }
  bool accepted(Index j) {
    Place& p = place(j);
    if (p.stop.crossing) {
      if (blocks_.finite[j] == S(0) && all_finite(column(blocks_.k.back(), j))) return true;
      fail(j, Status::non_finite, p.plan.h);
      return false;
    }
    const auto err2 = static_cast<double>(blocks_.squares[j]);
    const bool finite = std::isfinite(err2) && blocks_.finite[j] == S(0);
    if (finite && err2 <= 1) {
      p.control.accepted(p.plan, p.trying, err2);
      return true;
    }
    ++p.stats.rejected;
    p.control.rejected(p.plan, p.trying, err2, finite);
    return false;
  }
  /// Of the step just accepted.
  template <class Paths>
  void serve(Index j, Paths&& paths) {
    Place& p = place(j);
    const auto due = [&] { return p.next < p.times.size() && p.direction * (p.plan.end - p.times[p.next]) >= 0; };
    if (due() || paths.keeps()) {
      const Column y0 = column(blocks_.y, j), y1 = column(blocks_.trial, j);
      const auto k = [&]<std::size_t... I>(std::index_sequence<I...>) { return std::array{column(blocks_.k[I], j)...}; }(std::make_index_sequence<stages>{});
      Window window{p.t, p.plan.end, p.plan.h, y0, y1, {}};
      for (std::size_t i = 0; i < stages; ++i) window.k[i] = &k[i];
      paths.accept(p.sample, window);
      for (; due(); ++p.next) {
        window.interpolate(p.times[p.next], one_.y);
        paths.output(p.sample, static_cast<Index>(p.next), static_cast<Index>(p.stats.accepted), std::as_const(one_.y));
      }
    }
    ++p.stats.accepted;
    p.t = p.plan.end;
    p.ended = p.next == p.times.size();
  }

  /// Ends a solve, or all, where the options say so.
  [[gnu::cold, gnu::noinline]] void fail(Index j, Status status, Time h) {
    Place& p = place(j);
    p.ended = true;
    p.status = status;
    if (!options_.throw_on_failure) return;
    const std::int64_t attempts = status == Status::too_many_steps ? options_.max_steps : p.attempts;
    naming_sample(p.sample, [&] {
      const State y = column(blocks_.y, j);
      if constexpr (Parted<Rhs>) {
        if (status == Status::non_finite) throw_part_failure(rhs_, norm_, p.t, h, y, attempts, false);
      }
      throw_failure(status, p.t, h, static_cast<double>(y.norm()), attempts);
    });
  }

  DynamicsView<F, Call> f_;
  Rhs rhs_;
  SolveOptions options_;
  Index rows_, room_ = 0;
  norm_of_t<State, Rhs> norm_;
  Order order_;  // the longest first: none is left to end alone
  std::vector<Index> fresh_;  // places just taken
  std::vector<Place> places_;
  std::vector<std::pair<Index, InitialStep<Time>>> undecided_;  // places without a length to try
  LockstepBlocks<M, S> blocks_;
  Eigen::Matrix<S, Eigen::Dynamic, 1> times_;
  struct {
    State y, slope, trial;
  } one_;  // sample looked at alone
};

}  // namespace costate::detail
