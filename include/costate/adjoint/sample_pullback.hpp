#pragma once
// The pullback of Runge–Kutta steps of many samples at once, each sample's steps its own: the formulae of step_pullback.hpp with a row of
// times and a row of step lengths, one column for each sample.
//
// Samples go together in groups of like numbers of steps. One that has fewer than its group takes the first sample's place in a step of length
// zero before its own begin: f is evaluated where it has been, and nothing is changed. With h a row, the stages h k_i are what is summed, and
// what cotangents are taken of.

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <vector>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/step_record.hpp>

namespace costate::detail {

/// What a sample's solve left, and where its cotangents are; outputs and their cotangents lie state by state.
template <class S>
struct SampleRecord {
  using Time = time_of_t<S>;
  const StepRecord<S, Time>* record;
  std::span<const Index> served;
  std::span<const Time> times;
  const S* outputs;
  const S* output_bars;
  S* y0_bar;  // written

  [[nodiscard]] Index steps() const { return record->size(); }
  [[nodiscard]] Time begin(Index step) const { return step == 0 ? times.front() : record->end(step - 1); }
};

template <class M, class F, class Call>
class SamplePullback {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using Grid = Eigen::Map<Eigen::Array<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  using Row = Eigen::Array<S, 1, Eigen::Dynamic>;
  using TimeRow = Eigen::Array<Time, 1, Eigen::Dynamic>;
  static constexpr std::size_t stages = M::tableau.stages;
  static constexpr bool fsal = M::first_same_as_last();
  static constexpr std::size_t last = fsal ? stages - 1 : stages;  // stages that the solution needs
  static constexpr auto& c = coefficients<M, S>;

 public:
  /// Adds θ̄ of all samples to theta_bar, which may be null.
  void pull(const DynamicsView<F, Call>& f, std::span<const SampleRecord<S>> samples, S* theta_bar, Stats& stats) {
    order_.resize(samples.size());
    std::iota(order_.begin(), order_.end(), std::size_t(0));
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return samples[a].steps() > samples[b].steps(); });
    const auto most = static_cast<std::size_t>(std::clamp<Index>(4096 / f.shape.rows, 32, 256));
    for (std::size_t first = 0; first < samples.size(); first += most) {
      group_.clear();
      for (std::size_t j = first; j < std::min(first + most, samples.size()); ++j) group_.push_back(samples[order_[j]]);
      pull_group(f, theta_bar, stats);
    }
  }

 private:
  void pull_group(DynamicsView<F, Call> f, S* theta_bar, Stats& stats) {
    rows_ = f.shape.rows;
    cols_ = f.shape.cols = static_cast<Index>(group_.size());
    const Index n = rows_ * cols_;
    for (State* s : {&y_, &y_end_, &ybar_, &Ybar_, &pulled_}) s->resize(n);
    for (auto* list : {&k_, &kbar_})
      for (State& s : *list) s.resize(n);
    next_.clear();
    for (const auto& sample : group_) next_.push_back(static_cast<Index>(sample.times.size()));
    ybar_.setZero();
    segments_.clear();
    const DynamicsVjp<F, Call> vjp(f);
    for (Index step = group_[0].steps(); step-- > 0;) pull_step(vjp, step, theta_bar, stats);
    for (std::size_t b = 0; b < group_.size(); ++b) {
      const auto& sample = group_[b];
      for (Index i = 0; i < rows_; ++i) sample.y0_bar[i] = ybar_[i * cols_ + static_cast<Index>(b)];
      for (Index o = 0; o < next_[b]; ++o)
        for (Index i = 0; i < rows_; ++i) sample.y0_bar[i] += sample.output_bars[o * rows_ + i];
    }
  }

  void put(const S* from, State& to, std::size_t b) const {
    for (Index i = 0; i < rows_; ++i) to[i * cols_ + static_cast<Index>(b)] = from[i];
  }
  /// Times and states at the beginnings and ends of a step.
  void gather(Index step) {
    t_.resize(cols_);
    end_.resize(cols_);
    for (std::size_t b = 0; b < group_.size(); ++b) {
      const auto& sample = group_[b];
      const bool taken = step < sample.steps();
      const auto& at = taken ? sample : group_[0];
      const auto column = static_cast<Index>(b);
      t_[column] = at.begin(step);
      end_[column] = taken ? sample.record->end(step) : t_[column];
      put(at.record->state(step), y_, b);
      if (!taken) put(at.record->state(step), y_end_, b);
      else if (step + 1 == sample.steps()) put(sample.outputs + (static_cast<Index>(sample.times.size()) - 1) * rows_, y_end_, b);
    }
    h_ = (end_ - t_).template cast<S>();
  }

  void pull_step(const DynamicsVjp<F, Call>& vjp, Index step, S* theta_bar, Stats& stats) {
    gather(step);
    Ybar_.setZero();
    for (State& kbar : kbar_) kbar.setZero();
    bool end_slope = false;
    for (std::size_t b = 0; b < group_.size(); ++b)
      for (; next_[b] > 1 && group_[b].served[static_cast<std::size_t>(next_[b] - 1)] == step; --next_[b]) end_slope |= pull_output(b, step, next_[b] - 1);
    if (fsal && end_slope) {
      evaluate(vjp, stages - 1, 1, y_end_, theta_bar, stats);
      pull_stage(vjp, kbar_[stages - 1], ybar_, stats);
    }
    unroll<0, last>([&]<std::size_t I>() {
      pulled_ = y_;
      unroll<0, I>([&]<std::size_t J>() {
        if constexpr (M::tableau.a[I][J].num != 0) pulled_ += c.a[I][J] * k_[J];
      });
      evaluate(vjp, I, M::tableau.c[I].template as<Time>(), pulled_, theta_bar, stats);
    });
    Ybar_ += ybar_;
    unroll<0, last>([&]<std::size_t J>() {
      if constexpr (M::tableau.b[J].num != 0) kbar_[J] += c.b[J] * ybar_;
    });
    unroll<0, last>([&]<std::size_t Reversed>() {
      constexpr std::size_t I = last - 1 - Reversed;
      pulled_.setZero();
      pull_stage(vjp, kbar_[I], pulled_, stats);
      Ybar_ += pulled_;
      unroll<0, I>([&]<std::size_t J>() {
        if constexpr (M::tableau.a[I][J].num != 0) kbar_[J] += c.a[I][J] * pulled_;
      });
    });
    ybar_.swap(Ybar_);
    y_end_.swap(y_);
  }

  /// An output at the step's end is the state there, another goes through the dense output; returns whether that needs the slope at the end.
  bool pull_output(std::size_t b, Index step, Index i) {
    const auto& sample = group_[b];
    const Time at = sample.times[static_cast<std::size_t>(i)], begin = sample.begin(step), end = sample.record->end(step);
    const S* g = sample.output_bars + i * rows_;
    const auto add = [&](S weight, State& to) {
      for (Index row = 0; row < rows_; ++row) to[row * cols_ + static_cast<Index>(b)] += weight * g[row];
    };
    if (at == end) {
      add(1, ybar_);
      return false;
    }
    const auto w = M::dense_weights(static_cast<S>((at - begin) / (end - begin)));
    add(1, Ybar_);
    for (std::size_t j = 0; j < stages; ++j)
      if (w[j] != S(0)) add(w[j], kbar_[j]);
    return w[stages - 1] != S(0);
  }

  /// k_i = h f(t + c h, y), linearised.
  void evaluate(const DynamicsVjp<F, Call>& vjp, std::size_t i, Time fraction, const State& y, S* theta_bar, Stats& stats) {
    if (fraction == 1) at_ = end_.template cast<S>();
    else at_ = (t_ + fraction * (end_ - t_)).template cast<S>();
    vjp.linearise(at_.data(), y, k_[i], theta_bar, segments_);
    Grid(k_[i].data(), rows_, cols_).rowwise() *= h_;
    stats.backward_evaluations += taking_part(h_);
  }
  /// Pulls the latest of the stages: into += (h k̄)ᵀ ∂f/∂y, and likewise for theta.
  void pull_stage(const DynamicsVjp<F, Call>& vjp, State& kbar, State& into, Stats& stats) {
    Grid(kbar.data(), rows_, cols_).rowwise() *= h_;
    vjp.pull(kbar, into, segments_);
    stats.vjps += taking_part(h_);
  }
  static std::int64_t taking_part(const Row& h) { return static_cast<std::int64_t>((h != S(0)).count()); }

  std::vector<std::size_t> order_;  // of the samples, by falling number of steps
  std::vector<SampleRecord<S>> group_;
  std::vector<Index> next_;         // outputs of each sample that are not pulled yet
  Index rows_ = 0, cols_ = 0;
  TimeRow t_, end_;
  Row h_, at_;
  State y_, y_end_, ybar_, Ybar_, pulled_;
  std::array<State, stages> k_, kbar_;
  std::vector<std::uintptr_t> segments_;
};

}  // namespace costate::detail
