#pragma once
// A solve on which events happen (event.hpp): each is found on the dense output of the step it lies in, the earliest first, and the solve
// begins anew behind it.
//
//   const auto run = solve_with_events(f, y0, {0.0, 20.0}, p, Dopri5{}, {}, event(ground, bounce, {.direction = Direction::falling}));
//   run.events[0].t, .before, .after;  run.y at the times given, as far as the solve came;  run.doubtful: where g only touched zero
//
// Events at the same time happen one after the other, in the order given, each with the state that the one before has left. One at the first
// time does not happen (`doubtful` tells), nor does one where another's jump carries g to zero (`doubtful` tells) or across it (nothing tells).
// The dynamics and g are evaluated beyond an event too, up to the end of the step it lies in; what follows there has no effect.
// g is looked at eleven times a step and where it turns towards zero: what it does in between, a zero and back, may be missed, as whatever
// the dense output does not show.

#include <array>
#include <limits>
#include <tuple>
#include <vector>

#include <costate/ode/event.hpp>
#include <costate/ode/parts.hpp>
#include <costate/ode/solve.hpp>

namespace costate {

/// An event that happened: number `which` of those given, at time t, the state before it and after its jump.
template <class Time, class User>
struct Occurrence {
  Time t;
  std::size_t which;
  User before, after;
};

/// g of event number `which` came to `value` at t and turned: a grazing touch, or two zeros too close to be told apart. At the beginning it is
/// zero already, or the solve ends that close before it.
template <class Time>
struct Touch {
  Time t;
  std::size_t which;
  Time value;
};

/// What solve_with_events returns. An output at the time of an event is the state before it.
template <class Base>
struct EventSolution : Base {
  using Time = typename Base::Time;
  using User = typename Base::UserType;

  std::vector<Occurrence<Time, User>> events;
  std::vector<Touch<Time>> doubtful;
  Time end_time = 0;  ///< where the solve came to: the last of the times, or an event that stopped it
  User end;           ///< the state there, after the event's jump
};

namespace detail {

/// The earliest events of a step: more than one where several happen at once.
template <class Time, std::size_t n>
struct Earliest {
  bool any = false;
  Time t = 0;
  std::array<bool, n> happens{};
};

/// Events of a solve with the solve's parameters bound, called on flat states.
template <class Call, class... E>
class BoundEvents {
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  static constexpr Time epsilon = static_cast<Time>(std::numeric_limits<S>::epsilon());
  static_assert(Call::one_sample, "costate: events are of one sample; columns of a batch have theirs at other times: give a grid of times for each of them");

 public:
  template <class View>
  BoundEvents(const View& of, const std::tuple<E...>& events)
      : events_(events), shape_(of.shape), theta_(of.theta), rows_(of.theta_rows), cols_(of.theta_cols) {
    each([&](std::size_t i, const auto& e) {
      if (e.options.stop_after < 0) fail<OptionError>("event ", i, ": stop_after = ", e.options.stop_after, ": expected how often, or 0 to go on");
      watches_[i] = Watch<Time>(e.options.direction, epsilon);
      watches_[i].begin(false);
    });
  }

  /// Looks for events in a step; notes touches.
  template <class Window>
  Earliest<Time, sizeof...(E)> look(const Window& w, double precision, std::vector<Touch<Time>>& touches) {
    Earliest<Time, sizeof...(E)> first;
    const auto earlier = [&](Time a, Time b) { return w.end > w.t ? a < b : a > b; };
    const auto g_along = [&](std::size_t i, const auto& e) {
      return [&, i](Time t) {
        w.interpolate(t, y_);
        return value(e.g, i, t, y_);
      };
    };
    std::array<typename Watch<Time>::Found, sizeof...(E)> found;
    touches_.clear();
    each([&](std::size_t i, const auto& e) {
      found[i] = watches_[i].step(w.t, w.end, g_along(i, e), static_cast<Time>(precision), [&](Time t, Time v) { touches_.push_back({t, i, v}); });
      if (found[i].crossed && !std::isfinite(found[i].t)) fail<NonFiniteError>("event ", i, ": g is NaN or infinite between t = ", w.t, " and ", w.end);
      if (found[i].crossed && (!first.any || earlier(found[i].t, first.t))) {
        first.any = true;
        first.t = found[i].t;
      }
    });
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i].broken && !(first.any && earlier(first.t, found[i].broken_at)))
        fail<NonFiniteError>("event ", i, ": g is NaN or infinite at t = ", found[i].broken_at, ": expected a finite number all along the solution");
    for (const auto& touch : touches_)
      if (!(first.any && earlier(first.t, touch.t))) touches.push_back(touch);
    each([&](std::size_t i, const auto& e) {
      if (!found[i].crossed) return;
      const auto passed = [&](Time v) { return found[i].rising ? v >= 0 : v <= 0; };
      first.happens[i] = std::abs(found[i].t - first.t) <= watches_[i].shift(first.t) || passed(g_along(i, e)(first.t));
    });
    return first;
  }

  /// The end of the solve: what is almost zero there may have had its event a little later.
  void close(Time t, double precision, std::vector<Touch<Time>>& touches) const {
    for (std::size_t i = 0; i < watches_.size(); ++i)
      if (const auto [open, value] = watches_[i].open(static_cast<Time>(precision)); open) touches.push_back({t, i, value});
  }

  /// The state after an event.
  void jump(std::size_t which, Time t, const State& before, State& after) {
    after = before;
    each([&](std::size_t i, const auto& e) {
      if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(e.jump)>, NoJump>) {
        if (i != which) return;
        call(e.jump, t, before, [&](const auto& r) {
          check_size("jump", i, r, shape_.rows);
          store_result<S, Eigen::Dynamic, 1>(r, shape_, after.data());
        });
        if (!all_finite(after)) fail<NonFiniteError>("the jump of event ", i, " at t = ", t, " returned NaN or infinity: expected finite numbers");
      }
    });
  }
  /// Watching begins anew at the state behind events.
  void begin(const Earliest<Time, sizeof...(E)>& events, const State& y) {
    each([&](std::size_t i, const auto& e) { watches_[i].begin(events.happens[i], events.happens[i] ? noise(e.g, i, events.t, y) : Time(0)); });
  }
  [[nodiscard]] std::int64_t stop_after(std::size_t which) const {
    std::int64_t n = 0;
    each([&](std::size_t i, const auto& e) { n = i == which ? e.options.stop_after : n; });
    return n;
  }

 private:
  template <class Do>
  void each(Do&& d) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (d(I, std::get<I>(events_)), ...); }(std::index_sequence_for<E...>{});
  }
  template <class R>
  static void check_size(const char* what, std::size_t i, const R& r, Index expected) {
    Index rows = 1, cols = 1;
    if constexpr (is_stacked<R>) rows = static_cast<Index>(std::tuple_size_v<decltype(r.rows)>);
    else if constexpr (AnyArray<R> || EigenDense<R>) rows = r.rows(), cols = r.cols();
    if (rows != expected || cols != 1) fail<ShapeError>("the ", what, " of event ", i, " returned ", rows, " x ", cols, " values, expected ", expected, " x 1");
  }
  template <class G, class Use>
  void call(const G& g, Time t, const State& y, Use&& use) {
    const DynamicsView<G, Call> bound{&g, &tape_, shape_, theta_, rows_, cols_};
    const auto before = tape_.mark();
    Slot<S> ys = view_slot(y.data(), bound.rows(), bound.cols()), ps = bound.theta_slot();
    use(bound.call(t, Array<Tape<S>, Kind::plain>(tape_, &ys), Array<Tape<S>, Kind::plain>(tape_, &ps)));
    if (!tape_.workspace().arena.at(before.memory)) tape_.rewind(before);
  }
  template <class G>
  Time value(const G& g, std::size_t i, Time t, const State& y) {
    S out;
    call(g, t, y, [&](const auto& r) {
      check_size("g", i, r, 1);
      store_result<S, Eigen::Dynamic, 1>(r, Shape{1, 1}, &out);
    });
    return static_cast<Time>(out);
  }
  /// How far g changes where the components of y are rounded otherwise: up and down alike, or some up and others down.
  template <class G>
  Time noise(const G& g, std::size_t i, Time t, const State& y) {
    const Time here = value(g, i, t, y);
    Time most = 0;
    for (int pattern = 0; pattern < 4; ++pattern) {
      y_ = y;
      for (Index k = 0; k < y.size(); ++k) y_[k] *= 1 + ((pattern > 0 && ((k >> (pattern - 1)) & 1)) ? S(-4) : S(4)) * std::numeric_limits<S>::epsilon();
      most = std::max(most, std::abs(value(g, i, t, y_) - here));
    }
    return std::isfinite(most) ? most : Time(0);
  }

  std::tuple<E...> events_;
  std::array<Watch<Time>, sizeof...(E)> watches_;
  Shape shape_;
  const S* theta_;
  Index rows_, cols_;
  Tape<S> tape_;
  State y_;
  std::vector<Touch<Time>> touches_;
};

/// Refuses what are no events, their absence, and states that cannot have any.
template <class Y0, class... E>
consteval bool check_events() {
  static_assert(!is_parts<Y0>, "costate: events are of a plain state: stack the parts to one");
  static_assert(sizeof...(E) > 0, "costate: a solve with events needs an event(g), event(g, jump) or more of them");
  static_assert((is_event<E> && ...), "costate: what follows the options are events: event(g), event(g, jump), event(g, jump, {.direction = …})");
  return !is_parts<Y0> && sizeof...(E) > 0 && (is_event<E> && ...);
}

/// A solve on which events happen, step by step: looks at each and says how it goes on.
template <class Call, class Y0, class... E>
class EventRun {
  using User = UserState<Y0>;
  using S = typename User::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;

 public:
  using SolutionType = EventSolution<typename User::SolutionType>;
  enum class Next { step, restart, end };

  template <class View, class T>
  EventRun(const View& f, Shape shape, const T& times, const State& y0, const SolveOptions& options, const std::tuple<E...>& events)
      : bound_(f, events), shape_(shape), rest_(times.begin(), times.end()), y_(y0), before_(y0), t_(rest_.front()) {
    if (options.dense) fail<OptionError>("solve_with_events keeps no dense output: give the times that you want, or solve the pieces between events");
    precision_ = 100 * options.rtol.value_or(std::is_same_v<S, float> ? 1e-4 : 1e-6);  // errors add up
    solution_.shape = shape;
    solution_.y = {shape, rest_.size()};
    solution_.y.push_back(y0);
  }

  /// Where the piece at hand begins, and what is left of the times from there.
  [[nodiscard]] const State& y() const { return y_; }
  [[nodiscard]] std::span<const Time> times() const { return rest_; }

  /// After an accepted step. On a restart the next piece begins at times().front() with y().
  template <class Engine>
  Next take(const Engine& engine) {
    const auto w = engine.window();
    const auto event = bound_.look(w, precision_, solution_.doubtful);
    const Time until = event.any ? event.t : w.end;
    for (; served_ < rest_.size() && (w.end > w.t ? rest_[served_] <= until : rest_[served_] >= until); ++served_) {
      w.interpolate(rest_[served_], before_);
      solution_.y.push_back(before_);
    }
    if (!event.any) {
      if (w.end != rest_.back()) return Next::step;
      bound_.close(w.end, precision_, solution_.doubtful);
      finish_at(engine);
      return Next::end;
    }
    w.interpolate(event.t, before_);
    const bool stops = happen(event);
    bound_.begin(event, y_);
    const Time end = rest_.back();
    rest_.erase(rest_.begin() + 1, rest_.begin() + static_cast<std::ptrdiff_t>(served_));
    rest_.front() = t_ = event.t;
    served_ = 1;
    solution_.stats += engine.stats();
    return stops || t_ == end ? Next::end : Next::restart;
  }
  /// The solve ends where the engine is, by no event.
  template <class Engine>
  void finish_at(const Engine& engine, Status status = Status::success) {
    solution_.status = status;
    solution_.stats += engine.stats();
    t_ = engine.t();
    y_ = engine.y();
  }
  /// Steps tried in the pieces before.
  [[nodiscard]] std::int64_t steps() const { return solution_.stats.steps(); }

  /// What became of it. `times`: all that were asked for.
  template <class T>
  SolutionType result(const T& times) && {
    solution_.end_time = t_;
    solution_.end = user(y_);
    const std::size_t reached = solution_.y.size();
    if (reached < static_cast<std::size_t>(times.size())) solution_.y.trim();
    solution_.t.assign(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(reached));
    return std::move(solution_);
  }

 private:
  struct Past {
    std::int64_t happened = 0;
    int close = 0;  // so often in a row at shorter and very short intervals
    Time t = 0, interval = std::numeric_limits<Time>::max();
  };

  typename User::Type user(const State& flat) const {
    States<S, typename User::View> one(shape_, 1);
    one.push_back(flat);
    return typename User::Type(one[0]);
  }

  /// before_ is the state before, y_ the one behind. Whether the solve ends.
  template <class Events>
  bool happen(const Events& event) {
    bool stops = false;
    for (std::size_t i = 0; i < sizeof...(E); ++i) {
      if (!event.happens[i]) continue;
      Past& same = past_[i];
      const Time interval = std::abs(event.t - same.t);
      const bool close = interval <= Time(0.99) * same.interval && interval < Time(1e-6) * std::abs(rest_.back() - begin_);
      same.close = same.happened > 0 && close ? same.close + 1 : 0;
      if (same.close == 3)
        fail<StepSizeError>("events accumulate at t = ", event.t, ": number ", i, " happened ", same.happened + 1,
                            " times at ever shorter intervals; stop there (stop_after), or change the dynamics in the jump");
      same.interval = interval;
      same.t = event.t;
      ++same.happened;
      bound_.jump(i, event.t, before_, y_);
      solution_.events.push_back({event.t, i, user(before_), user(y_)});
      before_ = y_;
      stops |= same.happened == bound_.stop_after(i);
    }
    return stops;
  }

  BoundEvents<Call, E...> bound_;
  Shape shape_;
  std::vector<Time> rest_;  // from where the piece at hand begins, then the outputs that are not served yet
  State y_, before_;
  Time t_, begin_ = t_;
  double precision_ = 0;
  std::size_t served_ = 1;
  std::array<Past, sizeof...(E)> past_{};
  SolutionType solution_;
};

template <class D, class Y0, class T, Method M, class... E>
auto solve_bound_with_events(D dynamics, const Y0& y0, const T& user_times, const M& method, const SolveOptions& options, const E&... events) {
  using State = typename D::State;
  using Time = time_of_t<typename D::Scalar>;
  const BasicTimes<Time> times(user_times);
  check_times(times);
  using Run = EventRun<typename D::Call, Y0, E...>;
  Run run(dynamics.view(), dynamics.shape(), times, D::to_internal(y0), options, std::tuple<E...>(events...));
  Engine<M, State, DynamicsView<typename D::Function, typename D::Call>> engine(method, dynamics.view(), dynamics.shape(), options);
  auto next = times.size() == 1 ? Run::Next::end : Run::Next::restart;
  Eigen::Index k = 0;
  while (next != Run::Next::end) {
    if (next == Run::Next::restart) {
      engine.reset(run.times().front(), run.y());
      k = 0;
    }
    Status status = Status::too_many_steps;
    if (run.steps() + engine.stats().steps() < options.max_steps) status = engine.step_of_run(run.times(), k++);
    else if (options.throw_on_failure)
      throw_failure(status, engine.t(), engine.next_step(), static_cast<double>(engine.y().norm()), options.max_steps);
    if (status != Status::success) {
      run.finish_at(engine, status);
      break;
    }
    next = run.take(engine);
  }
  return std::move(run).result(times);
}

}  // namespace detail

/// `solve` with events. They happen between the first and the last of the times; one that stops the solve ends it before the latter. Throws
/// what `solve` throws, and StepSizeError where events accumulate.
template <class F, class Y0, class T = Times, class Theta, Method M, class... E>
  requires(!Method<Theta> && !SampleTimes<T>)
auto solve_with_events(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const SolveOptions& options, const E&... events) {
  if constexpr (detail::check_events<Y0, E...>() && detail::check_state_type<Y0>())
    return detail::solve_bound_with_events(detail::bind(f, y0, theta), y0, times, method, options, events...);
}

/// The same for a dynamics without parameters, f(t, y).
template <class F, class Y0, class T = Times, Method M, class... E>
  requires(!SampleTimes<T>)
auto solve_with_events(const F& f, const Y0& y0, const T& times, const M& method, const SolveOptions& options, const E&... events) {
  if constexpr (detail::check_events<Y0, E...>() && detail::check_state_type<Y0>())
    return detail::solve_bound_with_events(detail::bind(f, y0, NoParameters{}), y0, times, method, options, events...);
}

}  // namespace costate
