#pragma once
// Vector–Jacobian products of a dynamics: for a cotangent a of f(t, y, theta), the products aᵀ∂f/∂y, aᵀ∂f/∂theta and aᵀ∂f/∂t in one
// sweep.
//
// A dynamics that returns rows of numbers (cs::stack of components) is pulled back at compile time and leaves no record, unless it
// names scalars or uses arrays inside; then, and for dynamics of arrays, the tape's segment is swept.

#include <vector>

#include <costate/ode/dynamics.hpp>

namespace costate::detail {

template <class F, class Call>
class DynamicsVjp {
 public:
  using S = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<S>;
  using T = Tape<S>;
  static constexpr Kind kind = Call::one_sample ? Kind::sample : Kind::array;
  static constexpr bool parametric = Call::parameters != 0;

  explicit DynamicsVjp(const DynamicsView<F, Call>& f) : f_(f) {}

  /// dydt = f(t, y, theta); ybar = aᵀ∂f/∂y; theta_bar += aᵀ∂f/∂theta.
  void operator()(Time t, const State& y, const State& a, State& dydt, State& ybar, S* theta_bar) const {
    ybar.setZero();
    sweep<false>(t, y, a, dydt, ybar, theta_bar, nullptr);
  }

  /// The same, but ybar is added to; with time, *t_bar += aᵀ∂f/∂t too, where f sees t as a variable of the state's scalar type.
  template <bool with_time>
  void add(Time t, const State& y, const State& a, State& dydt, State& ybar, S* theta_bar, S* t_bar) const {
    sweep<with_time>(t, y, a, dydt, ybar, theta_bar, t_bar);
  }

  /// Evaluates f and keeps its linearisation for a later pull; linearisations are pulled last in, first out. t: a number, or the row of a batch's.
  template <class U>
  void linearise(const U& t, const State& y, State& dydt, S* theta_bar, std::vector<std::uintptr_t>& stack) const {
    T& tape = *f_.tape;
    const auto before = tape.mark();
    auto& segment = *::new (tape.workspace().arena.template allocate<Segment>(1)) Segment{before, {}, nullptr, nullptr};
    const V<S> ys = make_slot(tape, f_.rows(), f_.cols());
    std::copy_n(y.data(), y.size(), ys->value);
    ys->active = true;
    ready_cells(tape, *ys);
    const V<S> ps = ::new (tape.workspace().arena.template allocate<Slot<S>>(1)) Slot<S>(theta_variable(theta_bar));
    tape.workspace().recording = true;
    segment.begin = tape.mark();
    segment.y = ys;
    const auto r = f_.call(time_argument(t), Array<T, kind>(tape, ys), Array<T, kind>(tape, ps));
    segment.out = output(tape, r);
    store_result<S, Eigen::Dynamic>(Array<T, Kind::array>(tape, segment.out), f_.shape, dydt.data());
    tape.workspace().recording = false;
    stack.push_back(reinterpret_cast<std::uintptr_t>(&segment));
  }

  /// Pulls the latest linearisation: ybar += aᵀ∂f/∂y, theta_bar (given when linearising) += aᵀ∂f/∂theta.
  void pull(const State& a, State& ybar, std::vector<std::uintptr_t>& stack) const {
    T& tape = *f_.tape;
    const Segment& segment = *reinterpret_cast<Segment*>(stack.back());
    stack.pop_back();
    seed_output(tape, *segment.out, a);
    tape.reverse(segment.begin);
    for (Index i = 0; i < ybar.size(); ++i) ybar[i] += segment.y->cells[i];
    tape.rewind(segment.before);
  }

  [[nodiscard]] const DynamicsView<F, Call>& dynamics() const { return f_; }

  /// Whether f brings its own products, which it may refuse at run time.
  static constexpr bool has_own_vjp = requires { requires F::template has_vjp<Call>; };

  /// Whether f returns rows of numbers, so that evaluating it twice is cheaper than recording it.
  static constexpr bool componentwise() {
    if constexpr (has_own_vjp) return true;
    else return is_stacked<std::remove_cvref_t<decltype(std::declval<const DynamicsView<F, Call>&>().call(
        std::declval<Time>(), std::declval<Array<T, kind>>(), std::declval<Array<T, kind>>()))>>;
  }

 private:
  struct Segment {
    typename T::Mark before, begin;
    V<S> y, out;
  };

  template <class U>
  decltype(auto) time_argument(const U& t) const {
    if constexpr (std::is_pointer_v<U>) {
      const V<S> row = make_slot(*f_.tape, 1, f_.cols());
      std::copy_n(t, f_.cols(), row->value);
      return Array<T, kind>(*f_.tape, row);
    } else {
      return t;
    }
  }

  Slot<S> theta_variable(S* theta_bar) const {
    Slot<S> p = f_.theta_slot();
    p.cells = theta_bar;
    p.active = p.written = theta_bar != nullptr;
    return p;
  }

  template <bool with_time>
  void sweep(Time t, const State& y, const State& a, State& dydt, State& ybar, S* theta_bar, S* t_bar) const {
    if constexpr (has_own_vjp)
      if (f_.f->template pull<with_time>(*f_.tape, t, y, f_.theta_slot(), a, dydt, ybar, theta_bar, t_bar)) return;
    if constexpr (componentwise()) sweep_inlined<with_time>(t, y, a, dydt, ybar, theta_bar, t_bar);
    else sweep_segment<with_time>(t, y, a, dydt, ybar, theta_bar, t_bar);
  }

  /// Numbers are differentiated at compile time only where the optimiser sees f itself, wherever else f may be called.
  template <bool with_time>
  [[gnu::flatten]] void sweep_inlined(Time t, const State& y, const State& a, State& dydt, State& ybar, S* theta_bar, S* t_bar) const {
    sweep_segment<with_time>(t, y, a, dydt, ybar, theta_bar, t_bar);
  }

  template <bool with_time>
  void sweep_segment(Time t, const State& y, const State& a, State& dydt, State& ybar, S* theta_bar, S* t_bar) const {
    T& tape = *f_.tape;
    const auto mark = tape.mark();
    Slot<S> ys = view_slot(y.data(), f_.rows(), f_.cols());
    ys.active = ys.written = true;
    // Sums in local memory, which the optimiser keeps in registers. Nothing may depend on whether the parameters' are wanted.
    std::array<S, static_cast<std::size_t>(local_state ? Call::rows : 0)> y_sums{};
    std::array<S, static_cast<std::size_t>(local_theta ? Call::parameters : 0)> theta_sums{};
    ys.cells = local_state ? y_sums.data() : ybar.data();
    Slot<S> ps = theta_variable(local_theta ? theta_sums.data() : theta_bar);
    evaluate<with_time>(tape, t, ys, ps, a, dydt, t_bar);
    if (local_theta && theta_bar != nullptr)
      for (std::size_t i = 0; i < theta_sums.size(); ++i) theta_bar[i] += theta_sums[i];
    for (std::size_t i = 0; i < y_sums.size(); ++i) ybar[static_cast<Index>(i)] += y_sums[i];
    if (!tape.workspace().arena.at(mark.memory)) tape.rewind(mark);
  }

  static constexpr bool local_state = componentwise() && Call::rows != Eigen::Dynamic && Call::rows <= 16;
  static constexpr bool local_theta = componentwise() && Call::parameters > 0 && Call::parameters <= 32;

  template <bool with_time>
  void evaluate(T& tape, Time t, Slot<S>& ys, Slot<S>& ps, const State& a, State& dydt, S* t_bar) const {
    const Array<T, kind> y(tape, &ys), p(tape, &ps);
    const std::size_t begin = tape.position();
    const auto mark = tape.mark();
    Workspace& w = tape.workspace();
    w.recording = true;
    const auto seed = [&](const auto& r) {
      if constexpr (is_stacked<std::remove_cvref_t<decltype(r)>> && kind == Kind::sample) seed_rows(r, a, dydt);
      else {
        const V<S> out = output(tape, r);
        store_result<S, Eigen::Dynamic>(Array<T, Kind::array>(tape, out), f_.shape, dydt.data());
        seed_output(tape, *out, a);
      }
      if (tape.position() != begin) tape.reverse(mark);
    };
    if constexpr (with_time) {
      using Variable = std::conditional_t<kind == Kind::sample, Named<T>, Array<T, Kind::array>>;
      S cell = 0;
      const S now = static_cast<S>(t);
      Slot<S> ts = view_slot(&now, 1, 1);
      ts.cells = &cell;
      ts.active = ts.written = true;
      const auto time = [&] {
        if constexpr (kind == Kind::sample) return Variable(now, &cell, &tape);
        else return Variable(tape, &ts);
      }();
      static_assert(std::is_invocable_v<const F&, const Variable&, const Array<T, kind>&, const Array<T, kind>&> ||
                        std::is_invocable_v<const F&, const Variable&, const Array<T, kind>&>,
                    "costate: gradients with respect to times need a dynamics that takes t as auto, since t is a variable then");
      seed(f_.call(time, y, p));
      *t_bar += cell;
    } else {
      seed(f_.call(t, y, p));
    }
    w.recording = false;
  }

  /// Seeds the leaves of rows of numbers; nothing of this has been recorded.
  template <class... Rows>
  void seed_rows(const Stacked<Rows...>& r, const State& a, State& dydt) const {
    static_assert(Call::rows == Eigen::Dynamic || Call::rows == static_cast<int>(sizeof...(Rows)),
                  "costate: the dynamics returns another number of components than the state has");
    if (static_cast<Index>(sizeof...(Rows)) != a.size()) [[unlikely]]
      fail_result(sizeof...(Rows), 1, f_.shape);
    Index i = 0;
    const auto put = [&](const auto& row) {
      if constexpr (is_number<std::remove_cvref_t<decltype(row)>>) {
        const auto& e = expression(row);
        const S bar = a[i];
        dydt[i] = e.value_;
        for (std::size_t k = 0; k < e.cell.size(); ++k)
          if (e.cell[k] != nullptr) *e.cell[k] += bar * e.partial[k];
      } else {
        dydt[i] = static_cast<S>(row);
      }
      ++i;
    };
    std::apply([&](const auto&... row) { (put(row), ...); }, r.rows);
  }

  template <class R>
  V<S> output(T& tape, const R& r) const {
    static_assert(!EigenDense<R>,
                  "costate: a dynamics that is differentiated returns cs::stack(...) or arrays; an Eigen expression has lost its derivative "
                  "(cs::matmul is the matrix product)");
    const V<S> out = to_slot(tape, r);
    if (out->rows != f_.shape.rows || (out->cols != f_.shape.cols && out->cols != 1)) fail_result(out->rows, out->cols, f_.shape);
    return out;
  }

  void seed_output(T& tape, Slot<S>& out, const State& a) const {
    if (!out.active) return;
    S* const cells = ready_cells(tape, out);
    if (out.cols == f_.shape.cols) {
      for (Index i = 0; i < out.size(); ++i) cells[i] += a[i];
    } else {
      for (Index i = 0; i < out.rows; ++i) cells[i] += a.segment(i * f_.shape.cols, f_.shape.cols).sum();
    }
  }

  DynamicsView<F, Call> f_;
};

}  // namespace costate::detail
