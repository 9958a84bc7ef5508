#pragma once
// A solve on the tape: the one node that odeint records, and how that is pulled back, pushed forward, and pulled back once more.
//
// Its tangent is a solve as well, of the tangent dynamics (dynamics_tangent.hpp), by the same method with the same options, whose error
// control sees the state alone: the steps are those of the solve, and the tangent of a discrete solve is exact. That solve is a node with
// the same adjoint, so that second derivatives come from reverse over forward mode.

#include <utility>

#include <costate/adjoint/dynamics_tangent.hpp>
#include <costate/adjoint/taped_solve.hpp>
#include <costate/autodiff/algebra.hpp>

namespace costate::detail {

/// The number of components that a dynamics' result tells.
template <class R>
struct RowsOf : std::integral_constant<int, Eigen::Dynamic> {};
template <class... R>
struct RowsOf<Stacked<R...>> : std::integral_constant<int, static_cast<int>(sizeof...(R))> {};

/// How odeint calls f. A dynamics of components tells the number of states at compile time.
template <class S, bool sample, class F, bool parametric>
struct TapedCall {
  static constexpr Kind kind = sample ? Kind::plain : Kind::array;
  using A = Array<Tape<S>, kind>;
  using P = std::conditional_t<parametric, A, NoParameters>;
  using Result = std::remove_cvref_t<decltype(call_dynamics(std::declval<const F&>(), time_of_t<S>(), std::declval<const A&>(),
                                                            std::declval<const P&>()))>;
  using type = CallShape<S, sample, sample ? RowsOf<Result>::value : Eigen::Dynamic, parametric ? Eigen::Dynamic : 0>;
};

template <class T, class Solve, bool nested>
struct OdeintNode;

/// The arguments of a solve; null: not given as an array.
template <class S>
struct SolveArguments {
  V<S> y0 = nullptr, theta = nullptr, times = nullptr;

  template <class F>
  bool any(F&& is) const {
    return (y0 != nullptr && is(y0)) || (theta != nullptr && is(theta)) || (times != nullptr && is(times));
  }
};

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_third_derivative() {
  fail<Error>("a third derivative of a solve: cs::jvp, cs::grad and cs::vjp of a function that calls odeint can be differentiated once more, from outside, "
              "with value_and_grad or gradient; cs::hvp is the product of a loss's second derivative with a vector");
}

// In odeint_derivatives.hpp.
template <class T, class Solve>
V<typename T::scalar> push_solve(T& tape, Solve& solve, const SolveArguments<typename T::scalar>& x,
    const SolveArguments<typename T::scalar>& d);
template <class T, class Solve>
void pull_solve_recorded(T& tape, std::uint64_t epoch, Solve& solve, const SolveArguments<typename T::scalar>& x, V<typename T::scalar> g);

/// Solves, and records a node where an argument is a variable: the states at all times, one below the other. Method is the one that is
/// really solved by; nested: an argument may be the variable of an inner derivative.
template <bool sample, bool parametric, bool with_times, bool nested, class T, class F, class UserTimes, class M, class A>
V<typename T::scalar> solve_on_tape(T& tape, const F& f, const SolveArguments<typename T::scalar>& x, const UserTimes& times,
    const M& method,
                                    const A& adjoint, SolveOptions options, SolveWatch* watch = nullptr) {
  using S = typename T::scalar;
  using Call = typename TapedCall<S, sample, F, parametric>::type;
  using Solve = TapedSolve<F, Call, M, A, with_times>;
  Solve& solve = tape.workspace().template object<Solve>();
  if constexpr (with_times) {
    if (x.times->cols != 1 && x.times->rows != 1) fail<TimeError>("odeint: times of ", x.times->rows, " x ", x.times->cols,
        "; expected a vector");
    solve.times().assign(std::span<const S>(x.times->value, static_cast<std::size_t>(x.times->size())));
  } else {
    solve.times().assign(times);
  }
  const Index n = solve.times().size();
  if (n == 0) check_times(solve.times());
  const Shape shape{x.y0->rows, x.y0->cols};
  if constexpr (Call::one_sample)
    if (shape.cols != 1)
      fail<ShapeError>("odeint: an initial state of ", shape.rows, " x ", shape.cols,
          " made of one sample's numbers; a batch is made of matrices, or of samples by hstack");
  if constexpr (Call::one_sample && Call::rows != Eigen::Dynamic)
    if (shape.rows != Call::rows) fail_result(Call::rows, 1, shape);

  const V<S> out = make_slot(tape, n * shape.rows, shape.cols);
  out->active = !tape.workspace().paused && x.any([](V<S> v) { return v->active; });
  const V<S> p = x.theta;
  solve.solve(f, method, adjoint, std::move(options), shape, x.y0->value, p == nullptr ? nullptr : p->value, p == nullptr ? 0 : p->rows,
      p == nullptr ? 1 : p->cols,
              out->active, out->value, watch);
  if (out->active) {
    using N = OdeintNode<T, Solve, nested>;
    auto* node = ::new (tape.workspace().arena.template allocate<N>(1)) N;
    node->out = out;
    node->solve = &solve;
    node->x = x;
    tape.node(node);
  }
  return out;
}

template <class T, class Solve, bool nested>
struct OdeintNode final : Node<T> {
  using S = typename T::scalar;
  Solve* solve = nullptr;
  SolveArguments<S> x;

  void pull(T& tape) override {
    if (!this->out->written) return;
    const auto cells = [&](V<S> v) -> S* { return v != nullptr && v->active ? ready_cells(tape, *v) : nullptr; };
    solve->pull({this->out->cells, cells(x.y0), cells(x.theta), cells(x.times)});
    this->out->written = false;
  }
  void pull_recorded(T& tape, std::uint64_t epoch) override {
    if constexpr (nested) pull_solve_recorded(tape, epoch, *solve, x, this->out->dual);
    else refuse_third_derivative();
  }
  V<S> push_recorded(T& tape, std::uint64_t epoch) override {
    if constexpr (nested) {
      const Record<T> k{tape, epoch};
      const auto tangent = [&](V<S> v) { return v == nullptr ? nullptr : k.tangent(v); };
      return push_solve(tape, *solve, x, {tangent(x.y0), tangent(x.theta), tangent(x.times)});
    } else {
      refuse_third_derivative();
    }
  }
  bool depends(std::uint64_t epoch) const override {
    return x.any([&](V<S> v) { return v->epoch == epoch; });
  }
};

}  // namespace costate::detail
