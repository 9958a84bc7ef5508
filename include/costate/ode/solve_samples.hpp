#pragma once
// Solves of a batch whose samples have their own times, steps, status and counts, as if solved one by one, but with f called for all at once.
//
// f sees a batch of those that are under way, no more at a time than the cache holds, and t as the row of their times.

#include <string>

#include <costate/ode/sample_batch.hpp>
#include <costate/ode/sample_solution.hpp>

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
  std::deque<SampleSolve<M, State, std::remove_const_t<decltype(rhs)>>> solves;
  std::vector<std::size_t> active;
  const auto output = [&](std::size_t b) {
    return [&, b](Index i, Index, const State& y) { solution.push_back(b, times[b][i], y); };
  };
  const auto keep = [&](std::size_t b) {
    return [&, b](const auto& window) {
      if (options.dense) solution.dense[b].add(window);
    };
  };
  for (std::size_t b = 0; b < times.size(); ++b) naming_sample(b, [&] { check_start(times[b][0], dense_view(y0).col(static_cast<Index>(b))); });
  const auto begin = [&](std::size_t b) {
    return naming_sample(b, [&] {
      auto& solve = solves.emplace_back(method, rhs, Shape{shape.rows, 1}, options);
      const std::span<const Time> span(times[b].data(), static_cast<std::size_t>(times[b].size()));
      solve.reset(span, State(dense_view(y0).col(static_cast<Index>(b))));
      return solve.begin(output(b));
    });
  };
  const auto resume = [&](std::size_t b) { return naming_sample(b, [&] { return solves[b].resume(output(b), keep(b)); }); };
  SampleBatch batch(dynamics.view());
  run_samples(batch, solves, times.size(), active, begin, resume);
  for (std::size_t b = 0; b < times.size(); ++b) {
    solution.stats[b] = solves[b].engine().stats();
    solution.status[b] = solves[b].status();
  }
  return solution;
}

}  // namespace costate::detail
