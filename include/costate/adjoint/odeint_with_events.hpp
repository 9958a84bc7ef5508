#pragma once
// odeint on which events happen: their times and states are differentiable in y0, in theta, and so in what g and the jumps take from it.
//
//   auto run = odeint_with_events(f, y0, {0.0, 20.0}, p, Dopri5{}, DirectAdjoint{}, {}, event(ground, bounce, {.stop_after = 5}));
//   run.event_times.back(), run.before[i], run.after[i], run.y[i], run.end, run.end_time
//
// The events are found by a plain solve first. Then each piece between two of them is an odeint of its own, by any adjoint, that begins at
// the event's time as a variable. At an event one Newton step,
//     τ = τ0 − g(τ0, y(τ0), θ) / ġ,     y(τ) = y(τ0) + f(τ0, y(τ0), θ) (τ − τ0),     ġ = ∂g/∂t + ∂g/∂y f,
// with ġ and f held fixed, has the derivatives of the implicit function theorem; what it corrects is the difference between the dense output
// and a step that ends there, below the tolerance or, of fixed steps, their error. Where something else happens closer than that, and with
// events at the same time, the values stay and the derivatives are corrected alone; those of events at the same time hold in their order.

#include <array>
#include <tuple>
#include <vector>

#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/value_and_grad.hpp>
#include <costate/ode/solve_with_events.hpp>

namespace costate {

/// What odeint_with_events returns on a tape: as EventSolution, of variables. Valid as long as the tape's record.
template <class T, Kind kind>
struct TapedEvents {
  using State = Array<T, kind>;
  using Time = time_of_t<typename T::scalar>;

  std::vector<Named<T>> event_times;
  std::vector<std::size_t> which;      ///< events, by their number among those given
  std::vector<State> before, after;    ///< states at the events, before and after the jump
  std::vector<State> y;                ///< states at the times given, as far as the solve came
  std::vector<Touch<Time>> doubtful;   ///< where g only touched zero
  Named<T> end_time;                   ///< the last of the times, or that of an event that stopped the solve
  State end;                           ///< the state there, after the event's jump
};

namespace detail {

template <class F, class Y0, class T, class Theta, class M, class A, class... E>
auto taped_odeint_with_events(const F& f, const Y0& y0, const T& user_times, const Theta& theta, const M& method, const A& adjoint,
                              const SolveOptions& options, const E&... events) {
  using TapeType = typename FirstTape<Y0, Theta>::type;
  using S = typename TapeType::scalar;
  using Time = time_of_t<S>;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  static_assert(one_sample<Y0>(), "costate: events are of one sample; columns of a batch have theirs at other times: solve them one by one");
  constexpr bool parametric = !std::is_same_v<Theta, NoParameters>;
  constexpr Kind kind = std::max({Kind::sample, kind_seen<Y0>, kind_seen<Theta>});
  static_assert(kind != Kind::nested,
                "costate: odeint_with_events in a function that cs::grad, cs::vjp, cs::jvp or cs::hvp differentiates: the times of events are "
                "differentiated once, from outside, with value_and_grad or gradient");
  constexpr bool column_of_parameters = [] {
    if constexpr (parametric) return one_sample<Theta>();
    else return true;
  }();
  using Run = TapedEvents<TapeType, kind>;
  using State = typename Run::State;
  using Number = Named<TapeType>;

  TapeType* found = tape_at<TapeType>(y0);
  if (found == nullptr) found = tape_at<TapeType>(theta);
  if (found == nullptr) fail<ShapeError>("odeint_with_events: the arguments are literals; give y0 and theta as arrays or Eigen objects");
  TapeType& tape = *found;
  const V<S> start = argument_slot(tape, y0);
  const auto p = [&] {
    if constexpr (parametric) return Array<TapeType, column_of_parameters ? Kind::sample : Kind::array>(tape, argument_slot(tape, theta));
    else return NoParameters{};
  }();
  const auto plain_p = [&] {
    if constexpr (parametric) return Eigen::Matrix<S, Eigen::Dynamic, column_of_parameters ? 1 : Eigen::Dynamic>(MapIn<S>(p.data(), p.rows(), p.cols()));
    else return NoParameters{};
  }();
  const auto sample = [&](const State& y) { return Array<TapeType, Kind::sample>(tape, y.slot()); };
  const auto number = [&](const auto& r) {
    if constexpr (AnyArray<std::remove_cvref_t<decltype(r)>>) return Number(Array<TapeType, Kind::sample>(tape, to_slot(tape, r))[0]);
    else return Number(r);
  };
  // d r, also of a number that is on no tape
  const auto along = [&](const Vector& d, const Number& r) { return matmul(d, Array<TapeType, Kind::array>(tape, to_slot(tape, r))); };
  // g, its derivative along y and t
  const auto differential = [&](const auto& g, Time at, const Vector& y) {
    const Vector t = Vector::Constant(1, static_cast<S>(at));
    const auto of_y_and_t = [&](const auto& y_, const auto& t_, const auto& p_) { return call_dynamics(g, t_[0], y_, p_); };
    const auto gradient = [&] {
      if constexpr (parametric) return value_and_grad(of_y_and_t, y, t, plain_p);
      else return value_and_grad([&](const auto& y_, const auto& t_) { return of_y_and_t(y_, t_, NoParameters{}); }, y, t);
    }();
    return std::tuple{static_cast<S>(std::get<0>(gradient)), Vector(std::get<1>(gradient)), static_cast<S>(std::get<2>(gradient)[0])};
  };

  // where the events are
  const Vector plain_start = Eigen::Map<const Vector>(start->value, start->size());
  const BasicTimes<Time> times(user_times);
  const auto solved = [&] {
    if constexpr (parametric) return solve_with_events(f, plain_start, times, plain_p, solver_of(adjoint, method), throwing(options), events...);
    else return solve_with_events(f, plain_start, times, solver_of(adjoint, method), throwing(options), events...);
  }();

  Run run;
  run.doubtful = solved.doubtful;
  State y(tape, start);
  Number t(static_cast<S>(times.front()));
  run.y.push_back(y);
  auto dynamics = bind(f, plain_start, plain_p);
  const Time direction = times.back() >= times.front() ? Time(1) : Time(-1);
  std::size_t served = 1;
  const std::tuple<E...> list(events...);
  std::array<std::int64_t, sizeof...(E)> happened{};
  bool stopped = times.size() == 1;
  for (std::size_t k = 0; k <= solved.events.size(); ++k) {
    const bool last = k == solved.events.size();
    if (last && stopped) break;
    const Time until = last ? times.back() : solved.events[k].t, began = static_cast<Time>(t.value());
    const Vector y_began = Eigen::Map<const Vector>(y.data(), y.size());
    typename decltype(dynamics)::State slope(y_began.size());
    // the piece from t to there, with the outputs in between
    std::vector<Time> inner;
    for (; served < static_cast<std::size_t>(times.size()) && direction * (until - times[static_cast<Index>(served)]) > 0; ++served)
      inner.push_back(times[static_cast<Index>(served)]);
    const State there = [&] {
      if (!(direction * (until - began) > 0)) {  // at once behind the last event
        dynamics(until, y_began, slope);
        return State(tape, to_slot(tape, y + along(slope, static_cast<S>(until) - t)));
      }
      Vector offsets(static_cast<Index>(inner.size()) + 2), unit = Vector::Unit(offsets.size(), 0);
      offsets[0] = 0;
      for (std::size_t i = 0; i < inner.size(); ++i) offsets[static_cast<Index>(i) + 1] = static_cast<S>(inner[i]);
      offsets[offsets.size() - 1] = static_cast<S>(until);
      const State at(tape, to_slot(tape, along(unit, t) + offsets));
      const auto states = [&] {
        if constexpr (parametric) return odeint(f, y, at, p, method, adjoint, options);
        else return odeint(f, y, at, method, adjoint, options);
      }();
      for (std::size_t i = 0; i < inner.size(); ++i) run.y.push_back(State(states[static_cast<Index>(i) + 1]));
      return State(states.back());
    }();
    if (last) {
      if (served < static_cast<std::size_t>(times.size())) run.y.push_back(there);
      y = there;
      t = Number(static_cast<S>(until));
      break;
    }
    if (served < static_cast<std::size_t>(times.size()) && times[static_cast<Index>(served)] == until) {
      run.y.push_back(there);
      ++served;
    }

    const std::size_t which = solved.events[k].which;
    const Vector y_there = Eigen::Map<const Vector>(there.data(), there.size());
    dynamics(until, y_there, slope);
    // what comes next must lie behind the event's time as corrected
    Time next = k + 1 < solved.events.size() ? solved.events[k + 1].t : times.back();
    if (served < static_cast<std::size_t>(times.size()) && direction * (next - times[static_cast<Index>(served)]) > 0) next = times[static_cast<Index>(served)];
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto happen = [&](const auto& e, std::int64_t& times_before) {
        const auto [g, g_y, g_t] = differential(e.g, until, y_there);
        const S length = static_cast<S>(std::abs(until - began)), rate = g_t + g_y.dot(slope),
                mean = length > 0 ? std::abs(std::get<0>(differential(e.g, began, y_began))) / length : S(0);
        if (!(std::abs(rate) > S(1e-6) * mean))
          fail<NonFiniteError>("event ", which, " at t = ", until, ": g passes zero at the rate ", rate, ", against ", mean,
                               " on the way there: it grazes, and its time has no derivative");
        Number delta = number(call_dynamics(e.g, until, sample(there), p)) / -rate;
        const Time corrected = until + static_cast<Time>(delta.value());
        if (!(direction * (next - corrected) > 0 && direction * (corrected - began) > 0)) delta = delta - delta.value();
        t = static_cast<S>(until) + delta;
        y = State(tape, to_slot(tape, there + along(slope, delta)));
        run.event_times.push_back(t);
        run.which.push_back(which);
        run.before.push_back(y);
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(e.jump)>, NoJump>) y = State(tape, to_slot(tape, call_dynamics(e.jump, t, sample(y), p)));
        run.after.push_back(y);
        stopped |= ++times_before == e.options.stop_after;
      };
      ((which == I ? happen(std::get<I>(list), std::get<I>(happened)) : void()), ...);
    }(std::index_sequence_for<E...>{});
  }
  run.end_time = t;
  run.end = y;
  return run;
}

}  // namespace detail

/// odeint with events, see above and solve_with_events; with plain arguments it is that. Times are plain numbers. The adjoint's stats tell of
/// the piece between two events that was solved or pulled back last.
template <class F, class Y0, class T = Times, class Theta, Method M, Adjoint A, class... E>
  requires(!Method<Theta>)
auto odeint_with_events(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint, const SolveOptions& options,
                        const E&... events) {
  static_assert(!detail::Tied<T>, "costate: the times of odeint_with_events are plain numbers");
  if constexpr (detail::is_stacked<Y0>) {
    return odeint_with_events(f, detail::as_state(y0), times, theta, method, adjoint, options, events...);
  } else if constexpr (!detail::check_events<Y0, E...>()) {
  } else if constexpr (detail::Tied<Y0> || detail::Tied<Theta>) {
    return detail::taped_odeint_with_events(f, y0, times, theta, method, adjoint, options, events...);
  } else {
    auto solution = solve_with_events(f, y0, times, theta, detail::solver_of(adjoint, method), detail::throwing(options), events...);
    detail::leave(solution.stats, adjoint.stats);
    return solution;
  }
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, class T = Times, Method M, Adjoint A, class... E>
auto odeint_with_events(const F& f, const Y0& y0, const T& times, const M& method, const A& adjoint, const SolveOptions& options, const E&... events) {
  return odeint_with_events(f, y0, times, NoParameters{}, method, adjoint, options, events...);
}

}  // namespace costate
