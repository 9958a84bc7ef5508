#pragma once
// The discrete adjoint: the exact derivative of the steps a solve took, their lengths held fixed.
//
// Of the forward solve only the states y_n and the step ends are stored. A step is y_{n+1} = y_n + h Σ b_j k_j with
// k_i = f(t_n + c_i h, Y_i), Y_i = y_n + h Σ a_ij k_j; with cotangents marked by a bar, its pullback is
//     k̄_j = h b_j ȳ_{n+1} + h Σ_i a_ij Ȳ_i + (dense output),   Ȳ_i = k̄_iᵀ ∂f/∂y,   ȳ_n = ȳ_{n+1} + Σ Ȳ_i,   θ̄ += Σ k̄_iᵀ ∂f/∂θ,
// written once over the tableau; automatic differentiation touches f alone. The slope f(t_n, y_n) belongs to two steps where the last
// stage is the next step's first, and to the dense output: its cotangent crosses the step and is pulled once.
// (Sanz-Serna, SIAM Review 58 (2016) 3–33.)

#include <array>
#include <span>
#include <vector>

#include <costate/adjoint/adjoint.hpp>

namespace costate {

namespace detail {

/// What a solve leaves for the discrete adjoint. Reused from call to call.
template <class State>
struct StepRecord {
  using S = typename State::Scalar;
  using Time = time_of_t<S>;
  std::vector<S> states;      // y_n, one after the other
  std::vector<Time> ends;     // of the steps
  std::vector<Index> served;  // the step that serves output i, −1: the start
  void clear() {
    states.clear();
    ends.clear();
    served.clear();
  }
};

/// Buffers of the backward sweep.
template <class State, std::size_t stages>
struct DirectBuffers {
  State ybar, ynext, y, Y, dydt, slope, slope_bar, Ybar;
  std::array<State, stages> k, kbar, Yi;
  std::vector<std::uintptr_t> segments;
  void resize(Index n) {
    for (State* s : {&ybar, &ynext, &y, &Y, &dydt, &slope, &slope_bar, &Ybar}) s->resize(n);
    for (auto* list : {&k, &kbar, &Yi})
      for (State& s : *list) s.resize(n);
  }
};

template <class M, bool with_times, class F, class Call>
void pull_steps(const DynamicsVjp<F, Call>& vjp, const StepRecord<typename Call::State>& record,
                std::span<const time_of_t<typename Call::Scalar>> times, const typename Call::Scalar* y_end,
                const Cotangents<typename Call::Scalar>& bar, DirectBuffers<typename Call::State, M::tableau.stages>& b, Stats& stats) {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  constexpr std::size_t stages = M::tableau.stages;
  constexpr bool fsal = M::first_same_as_last();
  constexpr std::size_t last = fsal ? stages - 1 : stages;  // stages evaluated in the step itself
  constexpr bool componentwise = DynamicsVjp<F, Call>::componentwise();
  constexpr auto& c = coefficients<M, S>;
  const auto& f = vjp.dynamics();
  const Index n = f.rows() * f.cols();
  b.resize(n);
  b.ybar.setZero();
  b.slope_bar.setZero();
  b.ynext = Eigen::Map<const State>(y_end, n);
  const bool want_times = with_times && bar.times != nullptr;
  const auto cotangent = [&](Index i) { return Eigen::Map<const State>(bar.outputs + i * n, n); };

  bool slope_pending = false;     // slope_bar holds a cotangent of the slope at ynext
  bool slope_linearised = false;  // and its linearisation is on the tape
  bool slope_known = false;       // slope = f at ynext

  const auto pull_stage = [&](Time t, const State& y, const State& kbar, State& into, bool linearised, S* t_bar) {
    if (linearised) vjp.pull(kbar, into, b.segments);
    else {
      if (with_times && t_bar != nullptr) vjp.template add<with_times>(t, y, kbar, b.dydt, into, bar.theta, t_bar);
      else vjp.template add<false>(t, y, kbar, b.dydt, into, bar.theta, nullptr);
      ++stats.backward_evaluations;
    }
    ++stats.vjps;
  };

  Index output = static_cast<Index>(times.size()) - 1;
  for (Index step = static_cast<Index>(record.ends.size()) - 1; step >= 0; --step) {
    const Time t = step == 0 ? times[0] : record.ends[static_cast<std::size_t>(step) - 1], end = record.ends[static_cast<std::size_t>(step)];
    const S h = static_cast<S>(end - t);
    const bool first = step == 0;
    const bool linearise = !componentwise && !(first && want_times);
    b.y = Eigen::Map<const State>(record.states.data() + step * n, n);
    for (auto& kbar : b.kbar) kbar.setZero();
    b.Ybar.setZero();  // gathers ȳ_n

    // Outputs served by this step: those at its end are ȳ_{n+1} itself, the others go through the dense output.
    const Index upper = output;
    for (; output >= 1 && record.served[static_cast<std::size_t>(output)] == step; --output) {
      const auto g = cotangent(output);
      const Time at = times[static_cast<std::size_t>(output)];
      if (at == end) {
        b.ybar += g;
        continue;
      }
      const auto w = M::dense_weights(static_cast<S>((at - t) / (end - t)));
      b.Ybar += g;
      for (std::size_t i = 0; i < stages; ++i)
        if (w[i] != S(0)) b.kbar[i] += (h * w[i]) * g;
      if constexpr (fsal) slope_pending |= w[stages - 1] != S(0);
    }

    // The slope at the step's end: used by the next step, and by this one's dense output where the last stage is the next one's first.
    if constexpr (fsal) b.slope_bar += b.kbar[stages - 1];
    if (slope_pending) {
      pull_stage(end, b.ynext, b.slope_bar, b.ybar, slope_linearised, nullptr);
    }

    // Forward through the stages.
    const auto evaluate = [&](Time at, const State& y, State& k) {
      if (linearise) vjp.linearise(at, y, k, bar.theta, b.segments);
      else f(at, y, k);
      ++stats.backward_evaluations;
    };
    if constexpr (fsal) {
      if (want_times && upper != output) {
        if (!slope_known) {
          f(end, b.ynext, b.slope);
          ++stats.backward_evaluations;
        }
        b.k[stages - 1] = b.slope;
      }
    }
    evaluate(t, b.y, b.k[0]);
    unroll<1, last>([&]<std::size_t I>() {
      b.Yi[I] = b.y;
      [&]<std::size_t... J>(std::index_sequence<J...>) { b.Yi[I] += (... + ((h * c.a[I][J]) * b.k[J])); }(nonzero<StageRow<M, I>>());
      constexpr Time ci = M::tableau.c[I].template as<Time>();
      evaluate(ci == Time(1) ? end : t + ci * (end - t), b.Yi[I], b.k[I]);
    });

    // Times of the outputs, and the first step's beginning.
    S t0_bar = 0;
    if (want_times) {
      for (Index o = upper; o > output; --o) {
        const auto g = cotangent(o);
        const S theta = static_cast<S>((times[static_cast<std::size_t>(o)] - t) / (end - t));
        const auto slopes = M::dense_slopes(theta);
        S along = 0;
        for (std::size_t i = 0; i < stages; ++i)
          if (slopes[i] != S(0)) along += slopes[i] * g.dot(b.k[i]);
        bar.times[o] += along;
        if (first && times[static_cast<std::size_t>(o)] != end) {
          const auto w = M::dense_weights(theta);
          for (std::size_t i = 0; i < stages; ++i)
            if (w[i] != S(0)) t0_bar -= w[i] * g.dot(b.k[i]);
          t0_bar += (theta - S(1)) * along;
        }
      }
    }

    // Backward through the solution and the stages.
    b.Ybar += b.ybar;
    unroll<0, stages>([&]<std::size_t J>() {
      if constexpr (M::tableau.b[J].num != 0) {
        b.kbar[J] += (h * c.b[J]) * b.ybar;
        if (first && want_times) t0_bar -= c.b[J] * b.ybar.dot(b.k[J]);
      }
    });
    unroll<1, last>([&]<std::size_t Reversed>() {
      constexpr std::size_t I = last - Reversed;
      b.Y.setZero();
      constexpr Time ci = M::tableau.c[I].template as<Time>();
      S t_bar = 0;
      pull_stage(ci == Time(1) ? end : t + ci * (end - t), b.Yi[I], b.kbar[I], b.Y, linearise, first && want_times ? &t_bar : nullptr);
      t0_bar += t_bar * static_cast<S>(1 - ci);
      b.Ybar += b.Y;
      unroll<0, I>([&]<std::size_t J>() {
        if constexpr (M::tableau.a[I][J].num != 0) {
          b.kbar[J] += (h * c.a[I][J]) * b.Y;
          if (first && want_times) t0_bar -= c.a[I][J] * b.Y.dot(b.k[J]);
        }
      });
    });
    if (first && want_times) {
      S t_bar = 0;
      pull_stage(t, b.y, b.kbar[0], b.Ybar, linearise, &t_bar);
      bar.times[0] += t0_bar + t_bar;
      slope_pending = false;
    } else {
      b.slope_bar.swap(b.kbar[0]);
      b.slope.swap(b.k[0]);
      slope_pending = slope_known = true;
      slope_linearised = linearise;
    }
    b.ybar.swap(b.Ybar);
    b.ynext.swap(b.y);
  }
  if (slope_pending) pull_stage(times[0], b.ynext, b.slope_bar, b.ybar, slope_linearised, nullptr);
  for (; output >= 0; --output) b.ybar += cotangent(output);
  if (bar.y0 != nullptr) Eigen::Map<State>(bar.y0, n) += b.ybar;
}

template <class M, class F, class Call, bool with_times>
class DirectPass {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;

 public:
  template <class A>
  void begin(const A&, const SolveOptions&) {
    record_.clear();
  }
  template <class Window>
  void accept(const Window& w) {
    record_.states.insert(record_.states.end(), w.y0.data(), w.y0.data() + w.y0.size());
    record_.ends.push_back(w.end);
  }
  void serve(Index, Index step) { record_.served.push_back(step); }

  void pull(const DynamicsView<F, Call>& f, std::span<const Time> times, const S* outputs, const Cotangents<S>& bar, Stats& stats) {
    const S* const y_end = outputs + (static_cast<Index>(times.size()) - 1) * f.rows() * f.cols();
    pull_steps<M, with_times>(DynamicsVjp<F, Call>(f), record_, times, y_end, bar, buffers_, stats);
  }

 private:
  StepRecord<State> record_;
  DirectBuffers<State, M::tableau.stages> buffers_;
};

}  // namespace detail

/// Gradients of the discretised solve, exact to rounding, the accepted steps held fixed: the default, where one state per accepted
/// step fits into memory. One evaluation and one vjp per stage backward. Output times move their evaluation of the interpolant, the
/// initial time moves the beginning of the first step.
struct DirectAdjoint {
  Stats* stats = nullptr;  ///< where the counts of solve and gradient are left; null: nowhere

  static constexpr const char* name = "DirectAdjoint";
  template <class M>
  using Solver = M;
  template <class M, class F, class Call, bool with_times>
  using Pass = detail::DirectPass<M, F, Call, with_times>;
};

}  // namespace costate
