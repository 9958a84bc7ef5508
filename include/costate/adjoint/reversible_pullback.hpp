#pragma once
// The pullback of reversible steps (reversible.hpp), with what is at their beginning given or found by undoing them: both need the same
// stages, so that undoing costs nothing more.
//
// With the stages of Ψ_{−h} at y' and of Ψ_h at z, cotangents marked by a bar,
//     through z' = z − Ψ_{−h}(y'):                 ȳ' −= z̄'ᵀ ∂Ψ_{−h}/∂y',
//     through y' = λ y + (1 − λ) z + Ψ_h(z):       ȳ = λ ȳ',   z̄ = z̄' + (1 − λ) ȳ' + ȳ'ᵀ ∂Ψ_h/∂z.
// (McCallum & Foster, arXiv:2410.11648, 2024.)

#include <algorithm>
#include <array>
#include <concepts>
#include <span>
#include <vector>

#include <costate/adjoint/adjoint.hpp>
#include <costate/adjoint/leapfrog_pullback.hpp>
#include <costate/adjoint/step_record.hpp>
#include <costate/ode/reversible.hpp>

namespace costate::detail {

/// What a sweep works in. Reused from call to call.
template <class State, std::size_t stages>
struct ReversibleBuffers {
  State y, z;          // at the end of the step at hand, z before it was made equal y
  State ybar, zbar;    // their cotangents
  State ybar0, sum, Y, dydt, size;
  std::array<State, stages> k, kbar, Yi;
  std::vector<std::uintptr_t> segments;  // linearisations on the tape
  void resize(Index n) {
    for (State* s : {&y, &z, &ybar, &zbar, &ybar0, &sum, &Y, &dydt, &size}) s->resize(n);
    for (auto* list : {&k, &kbar, &Yi})
      for (State& s : *list) s.resize(n);
  }
};

template <class M, class F, class Call, bool with_times>
class ReversibleSweep {
 public:
  using Base = typename M::Base;
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  static constexpr std::size_t stages = Base::tableau.stages;
  using Buffers = ReversibleBuffers<State, stages>;

  /// Begins at the end of the solve with the state y_end there. Cotangents of y0, theta and times are added to bar's.
  ReversibleSweep(const DynamicsView<F, Call>& f, const M& method, std::span<const Time> times, const S* y_end, const Cotangents<S>& bar,
                  Buffers& buffers, Stats& stats)
      : vjp_(f), coupling_(static_cast<S>(method.coupling)), n_(f.rows() * f.cols()), times_(times), bar_(bar), b_(buffers), stats_(stats) {
    b_.resize(n_);
    b_.segments.clear();
    b_.ybar.setZero();
    b_.zbar.setZero();
    b_.y = Eigen::Map<const State>(y_end, n_);
  }

  /// z was made equal y at the end of the step that comes next, which is where the sweep is.
  void synchronise(Time) {
    b_.ybar += b_.zbar;
    b_.zbar.setZero();
    z_counts_ = false;
  }

  /// Whether zbar is not zero.
  [[nodiscard]] bool z_counts() const { return z_counts_; }
  void z_counts(bool does) { z_counts_ = does; }

  /// How far the steps undone miss the anchor, relative to the sizes that components had since undoing began.
  template <class Anchor>
  S missed(Time, const Anchor& anchor) const {
    return relative_miss(b_.y, anchor, b_.size) + relative_miss(b_.z, anchor, b_.size);
  }
  /// Where undoing begins.
  void start(const S* z) {
    b_.z = Eigen::Map<const State>(z, n_);
    b_.size = b_.y.cwiseAbs();
  }

  /// Pulls back a step that serves the outputs `from` to `to` − 1. y0 and z0 are at its beginning; null: the step is undone. It is the
  /// solve's first if `first`.
  void step(bool first, Time t, Time end, Index from, Index to, const S* y0, const S* z0) {
    const bool move_beginning = first && moves_times(), linearise = !componentwise && !move_beginning;
    bool inside = false;
    for (Index i = from; i < to; ++i) {
      if (time(i) == end) b_.ybar += cotangent(i);
      else inside = true;
    }

    if (z_counts_ || z0 == nullptr) {
      const Half back{end, t, static_cast<S>(t - end), last, linearise && z_counts_, move_beginning, 0, 1};
      evaluate(back, b_.y);
      if (z0 == nullptr) b_.z += increment(back);
      if (z_counts_) {
        b_.Y = -b_.zbar;
        pull(back, b_.Y, b_.ybar);
      }
    }
    if (z0 != nullptr) b_.z = Eigen::Map<const State>(z0, n_);

    const Half forth{t, end, static_cast<S>(end - t), inside || (from < to && moves_times()) ? stages : last, linearise, move_beginning, 1, 0};
    evaluate(forth, b_.z);
    if (y0 != nullptr) b_.y = Eigen::Map<const State>(y0, n_);
    else undo(forth);
    b_.ybar0 = coupling_ * b_.ybar;
    b_.zbar += (1 - coupling_) * b_.ybar;
    for (Index i = from; i < to; ++i) pull_output(forth, i);
    pull(forth, b_.ybar, b_.zbar);
    b_.ybar.swap(b_.ybar0);
    z_counts_ = true;
  }

  /// After the first step: what is left goes to y0, outputs 0 to `to` − 1 being the initial state itself.
  void finish(Index to) {
    b_.ybar += b_.zbar;
    for (Index i = 0; i < to; ++i) b_.ybar += cotangent(i);
    if (bar_.y0 != nullptr) Eigen::Map<State>(bar_.y0, n_) += b_.ybar;
  }

 private:
  static constexpr std::size_t last = Base::first_same_as_last() ? stages - 1 : stages;  // stages that the solution needs
  static constexpr bool componentwise = DynamicsVjp<F, Call>::componentwise();
  static constexpr auto& c = coefficients<Base, S>;

  /// One of a step's two base steps. begin_moves, end_moves: the derivative of its ends with respect to the initial time.
  struct Half {
    Time begin, end;
    S h;
    std::size_t used;
    bool linearise, move_beginning;
    S begin_moves, end_moves;

    template <std::size_t I>
    [[nodiscard]] Time stage() const {
      constexpr Time ci = Base::tableau.c[I].template as<Time>();
      return ci == Time(1) ? end : begin + ci * (end - begin);
    }
    [[nodiscard]] S length_moves() const { return end_moves - begin_moves; }
  };

  [[nodiscard]] bool moves_times() const { return with_times && bar_.times != nullptr; }
  auto cotangent(Index i) const { return Eigen::Map<const State>(bar_.outputs + i * n_, n_); }
  [[nodiscard]] Time time(Index i) const { return times_[static_cast<std::size_t>(i)]; }

  void evaluate(const Half& half, const State& x) {
    for (auto& kbar : b_.kbar) kbar.setZero();
    const auto& f = vjp_.dynamics();
    unroll<0, stages>([&]<std::size_t I>() {
      if (I >= half.used) return;
      b_.Yi[I] = x;
      if constexpr (I > 0)
        [&]<std::size_t... J>(std::index_sequence<J...>) { b_.Yi[I] += (... + ((half.h * c.a[I][J]) * b_.k[J])); }(nonzero<StageRow<Base, I>>());
      if (half.linearise) vjp_.linearise(half.template stage<I>(), b_.Yi[I], b_.k[I], bar_.theta, b_.segments);
      else f(half.template stage<I>(), b_.Yi[I], b_.k[I]);
      ++stats_.backward_evaluations;
    });
  }
  /// y at the beginning, from z there and y at the end.
  void undo(const Half& forth) {
    b_.Y = b_.z + increment(forth);
    b_.y = b_.z + (b_.y - b_.Y) / coupling_;
    b_.size = b_.size.cwiseMax(b_.y.cwiseAbs());
  }
  const State& increment(const Half& half) {
    [&]<std::size_t... J>(std::index_sequence<J...>) { b_.sum = (... + ((half.h * c.b[J]) * b_.k[J])); }(nonzero<SolutionRow<Base>>());
    return b_.sum;
  }

  /// x̄ += barᵀ ∂Ψ/∂x and likewise for theta and the initial time; the stages' cotangents hold what outputs contributed.
  void pull(const Half& half, const State& bar, State& xbar) {
    S t_bar = 0;
    unroll<0, stages>([&]<std::size_t J>() {
      if constexpr (Base::tableau.b[J].num != 0) pull_into_slope<J>(half, c.b[J], bar, t_bar);
    });
    unroll<0, stages>([&]<std::size_t Reversed>() {
      constexpr std::size_t I = stages - 1 - Reversed;
      if (I >= half.used) return;
      b_.sum.setZero();
      pull_stage<I>(half, t_bar);
      xbar += b_.sum;
      unroll<0, I>([&]<std::size_t J>() {
        if constexpr (Base::tableau.a[I][J].num != 0) pull_into_slope<J>(half, c.a[I][J], b_.sum, t_bar);
      });
    });
    if (half.move_beginning) bar_.times[0] += t_bar;
  }
  template <std::size_t I>
  void pull_stage(const Half& half, S& t_bar) {
    ++stats_.vjps;
    if (half.linearise) return vjp_.pull(b_.kbar[I], b_.sum, b_.segments);
    ++stats_.backward_evaluations;
    if constexpr (with_times) {
      if (half.move_beginning) {
        S moved = 0;
        vjp_.template add<true>(half.template stage<I>(), b_.Yi[I], b_.kbar[I], b_.dydt, b_.sum, bar_.theta, &moved);
        t_bar += moved * (half.begin_moves + static_cast<S>(Base::tableau.c[I].template as<Time>()) * half.length_moves());
        return;
      }
    }
    vjp_.template add<false>(half.template stage<I>(), b_.Yi[I], b_.kbar[I], b_.dydt, b_.sum, bar_.theta, nullptr);
  }
  /// Of h · weight · k_J, whose cotangent is given.
  template <std::size_t J>
  void pull_into_slope(const Half& half, S weight, const State& bar, S& t_bar) {
    b_.kbar[J] += (half.h * weight) * bar;
    if (half.move_beginning) t_bar += half.length_moves() * weight * bar.dot(b_.k[J]);
  }

  /// Through the dense output, and through its time.
  void pull_output(const Half& step, Index i) {
    const auto g = cotangent(i);
    const S theta = static_cast<S>((time(i) - step.begin) / (step.end - step.begin));
    S along = 0;
    if (moves_times()) {
      const auto slopes = Base::dense_slopes(theta);
      for (std::size_t j = 0; j < stages; ++j)
        if (slopes[j] != S(0)) along += slopes[j] * g.dot(b_.k[j]);
      along -= (1 - coupling_) / step.h * g.dot(b_.y - b_.z);
      bar_.times[i] += along;
    }
    if (time(i) == step.end) return;
    const auto w = Base::dense_weights(theta);
    b_.ybar0 += (1 - theta * (1 - coupling_)) * g;
    b_.zbar += (theta * (1 - coupling_)) * g;
    for (std::size_t j = 0; j < stages; ++j) {
      if (w[j] == S(0)) continue;
      b_.kbar[j] += (step.h * w[j]) * g;
      if (step.move_beginning) bar_.times[0] -= w[j] * g.dot(b_.k[j]);
    }
    if (step.move_beginning) bar_.times[0] += (theta - S(1)) * along;
  }

  DynamicsVjp<F, Call> vjp_;
  S coupling_;
  Index n_;
  std::span<const Time> times_;
  Cotangents<S> bar_;
  Buffers& b_;
  Stats& stats_;
  bool z_counts_ = false;  // zbar is not zero
};

/// The sweep over steps of M.
template <class M, class F, class Call, bool with_times>
struct SweepOf : std::type_identity<ReversibleSweep<M, F, Call, with_times>> {};
template <std::derived_from<AsynchronousLeapfrog> M, class F, class Call, bool with_times>
struct SweepOf<M, F, Call, with_times> : std::type_identity<LeapfrogSweep<F, Call, with_times>> {};

/// What a reversible solve leaves for its discrete adjoint: two states a step.
template <ReversibleMethod M, class S, class Time>
class ReversibleRecord {
 public:
  void clear(const M& method, Index state_size) {
    method_ = method;
    n_ = state_size;
    states_.clear(2 * state_size);
    ends_.clear(1);
    synchronised_.clear(1);
  }
  template <class Window>
  void push_back(const Window& w) {
    S* const to = states_.append();
    std::copy_n(w.y0.data(), n_, to);
    std::copy_n(w.z0.data(), n_, to + n_);
    *ends_.append() = w.end;
    *synchronised_.append() = w.synchronised;
  }
  [[nodiscard]] const M& method() const { return method_; }
  [[nodiscard]] Index size() const { return ends_.size(); }
  /// y and z at the beginning of a step.
  [[nodiscard]] const S* state(Index step) const { return states_[step]; }
  [[nodiscard]] const S* beside(Index step) const { return states_[step] + n_; }
  [[nodiscard]] Time end(Index step) const { return *ends_[step]; }
  [[nodiscard]] bool synchronised(Index step) const { return *synchronised_[step]; }

 private:
  M method_;
  Index n_ = 0;
  ChunkedList<S> states_;
  ChunkedList<Time> ends_;
  ChunkedList<bool> synchronised_;
};

/// Pulls back recorded steps as StepPullback does; Record tells z at their beginning and which of them synchronised.
template <class M, class F, class Call, bool with_times, class Record>
class ReversiblePullback {
  using Sweep = typename SweepOf<M, F, Call, with_times>::type;
  using S = typename Sweep::S;
  using Time = typename Sweep::Time;

 public:
  using Buffers = typename Sweep::Buffers;

  ReversiblePullback(const DynamicsView<F, Call>& f, const Record& record, std::span<const Time> times, const S* y_end,
                     const Cotangents<S>& bar, Buffers& buffers, Stats& stats)
      : sweep_(f, record.method(), times, y_end, bar, buffers, stats), record_(record), start_(times.front()) {}

  void pull(Index n, Index from, Index to) {
    if (record_.synchronised(n)) sweep_.synchronise(record_.end(n));
    sweep_.step(n == 0, n == 0 ? start_ : record_.end(n - 1), record_.end(n), from, to, record_.state(n), record_.beside(n));
  }
  void finish(Index to) { sweep_.finish(to); }

 private:
  Sweep sweep_;
  const Record& record_;
  Time start_;
};

}  // namespace costate::detail
