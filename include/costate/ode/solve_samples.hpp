#pragma once
// Solves of a batch whose samples have their own times, steps, status and counts, as if solved one by one, but with f called for all at once.
//
// f sees a batch of those that are under way, no more at a time than the cache holds, and t as the row of their times. They go in lockstep
// (lockstep.hpp) where the method allows it, else each in parts of its own (sample_batch.hpp).

#include <deque>
#include <span>
#include <vector>

#include <costate/ode/lockstep.hpp>
#include <costate/ode/sample_batch.hpp>
#include <costate/ode/sample_solution.hpp>

namespace costate::detail {

/// The grids, checked: one for each of so many samples. `times` keeps its memory.
template <class Time, class T>
void read_sample_times(const T& grids, Index samples, std::vector<BasicTimes<Time>>& times) {
  if (samples < 1) fail<ShapeError>("a state of no samples: expected one (column) at least");
  std::size_t given = 0;
  for (const auto& grid : grids) {
    if (given == times.size()) times.emplace_back();
    times[given++].assign(grid);
  }
  times.resize(given);
  if (static_cast<Index>(given) != samples)
    fail<ShapeError>(given, " grids of times for a state of ", samples, " samples: expected one grid for each sample (column)");
  for (std::size_t b = 0; b < given; ++b) naming_sample(b, [&] { check_times(times[b]); });
}
template <class Time, class T>
std::vector<BasicTimes<Time>> sample_times(const T& grids, Index samples) {
  std::vector<BasicTimes<Time>> times;
  read_sample_times(grids, samples, times);
  return times;
}

/// Before any sample is solved.
template <class Time, class Y>
void check_start(Time t, const Y& y) {
  if (!all_finite(y)) fail<NonFiniteError>("the initial state at t = ", t, " contains NaN or infinity: expected finite numbers");
}

/// The right-hand side of a solve in parts.
struct EvaluatedElsewhere {
  template <class Time, class Y>
  void operator()(Time, const Y&, Y&) const {}
};

template <class D>
auto elsewhere([[maybe_unused]] const D& dynamics) {
  if constexpr (Parted<D>)
    return PartedRhs<EvaluatedElsewhere, std::tuple_size_v<decltype(dynamics.norm_parts())>>{{}, dynamics.norm_parts()};
  else return EvaluatedElsewhere{};
}

/// Where the samples of a plain solve begin, and what is kept of them.
template <class Solution, class Y0>
struct SamplePaths {
  using Time = typename Solution::Time;

  Solution& solution;
  const Y0& y0;
  const std::vector<BasicTimes<Time>>& grids;

  [[nodiscard]] std::span<const Time> times(std::size_t b) const { return {grids[b].data(), static_cast<std::size_t>(grids[b].size())}; }
  [[nodiscard]] auto start(std::size_t b) const { return y0.col(static_cast<Index>(b)); }
  template <class Forward>
  void begin(std::size_t, const Forward&) const {}
  template <class Y>
  void output(std::size_t b, Index i, Index, const Y& y) const {
    solution.push_back(b, grids[b][i], y);
  }
  [[nodiscard]] bool keeps() const { return !solution.dense.empty(); }
  template <class Window>
  void accept(std::size_t b, const Window& window) const {
    if (keeps()) solution.dense[b].add(window);
  }
  void end(std::size_t b, Status status, const Stats& stats) const {
    solution.status[b] = status;
    solution.stats[b] = stats;
  }
};

template <class D, class Y0, class T, Method M>
auto solve_samples(D dynamics, const Y0& y0, const T& grids, const M& method, const SolveOptions& options) {
  using Traits = StateTraits<Y0>;
  using S = typename Traits::Scalar;
  using State = Eigen::Matrix<S, Traits::rows, 1>;
  using Time = time_of_t<S>;
  static_assert(!Traits::one_sample, "costate: a grid of times for each sample needs a D x B matrix of initial states, samples as columns");
  const Shape shape = dynamics.shape();
  const auto times = sample_times<Time>(grids, shape.cols);

  SampleSolution<S, Traits::rows> solution;
  solution.begin(times, shape.rows);
  if (options.dense) solution.dense.resize(times.size());
  const auto rhs = elsewhere(dynamics);
  const auto& start = dense_view(y0);
  const SamplePaths<decltype(solution), std::remove_cvref_t<decltype(start)>> paths{solution, start, times};
  for (std::size_t b = 0; b < times.size(); ++b) naming_sample(b, [&] { check_start(times[b][0], paths.start(b)); });
  if constexpr (LockstepMethod<M>) {
    Lockstep<M, typename D::Function, typename D::Call, State, std::remove_const_t<decltype(rhs)>>(dynamics.view(), rhs, options).run(times.size(), paths);
  } else {
    std::deque<SampleSolve<M, State, std::remove_const_t<decltype(rhs)>>> solves;
    for (std::size_t b = 0; b < times.size(); ++b) solves.emplace_back(method, rhs, Shape{shape.rows, 1}, options);
    std::vector<std::size_t> active;
    SampleBatch batch(dynamics.view());
    run_paths(batch, solves, times.size(), active, paths);
  }
  return solution;
}

}  // namespace costate::detail
