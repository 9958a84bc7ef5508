#pragma once
// The tangent of a dynamics: with s = ẏ and θ̇ given,
//     d/dt [y; s] = [ f(t, y, θ);  ∂f/∂y s + ∂f/∂θ θ̇ ],
// the variational equation beside the state. It is a dynamics like any other, of twice the state and twice the parameters, so that it can
// be solved and its solution differentiated again. (E. Hairer, S. P. Nørsett & G. Wanner, Solving ODEs I, I.14.)
//
// A dynamics that returns rows of numbers has its tangent from the partial derivatives that these hold: Σ partial · tangent, where a
// pullback would add partial · cotangent. Every other one is recorded and pushed forward operation by operation.

#include <algorithm>
#include <array>

#include <costate/adjoint/tangent_pullback.hpp>
#include <costate/ode/part_norm.hpp>

namespace costate::detail {

/// Whether f of one sample on the tape T returns rows of numbers. P: its parameters' type there, or NoParameters.
template <class F, class T, class Time, class P>
inline constexpr bool returns_numbers =
    is_stacked<std::remove_cvref_t<decltype(call_dynamics(std::declval<const F&>(), std::declval<const Time&>(),
                                                          std::declval<const Array<T, Kind::sample>&>(), std::declval<const P&>()))>>;

/// f of one sample, which returns rows of numbers, and its tangents. `y` and `p` are variables whose cells seed(j) fills with tangent j;
/// value(i, x) and tangent(j, i, x) receive component i. False where an array operation inside forbids it; tangents have to be had
/// otherwise then.
template <class F, class T, class Time, class P, class Seed, class Value, class Tangent>
[[gnu::flatten]] bool push_numbers(T& tape, const F& f, const Time& t, const Array<T, Kind::sample>& y, const P& p, Index directions,
    const Seed& seed,
                                   const Value& value, const Tangent& tangent) {
  using S = typename T::scalar;
  const auto mark = tape.mark();
  const std::size_t begin = tape.position();
  const auto result = call_dynamics(f, t, y, p);
  using Rows = decltype(result.rows);
  if (static_cast<Index>(std::tuple_size_v<Rows>) != y.rows()) [[unlikely]]
    fail_result(std::tuple_size_v<Rows>, 1, {y.rows(), 1});
  const auto each = [&](const auto& visit) {
    std::apply([&](const auto&... row) { Index i = 0; (visit(i++, row), ...); }, result.rows);
  };
  each([&](Index i, const auto& row) {
    if constexpr (is_number<std::remove_cvref_t<decltype(row)>>) value(i, expression(row).value_);
    else value(i, static_cast<S>(row));
  });
  bool done = true;
  for (Index j = 0; done && j < directions; ++j) {
    seed(j);
    if (tape.position() != begin && !(done = tape.push(mark))) break;
    each([&](Index i, const auto& row) {
      S dot = 0;
      if constexpr (is_number<std::remove_cvref_t<decltype(row)>>) {
        const auto& e = expression(row);
        for (std::size_t k = 0; k < e.cell.size(); ++k)
          if (e.cell[k] != nullptr) dot += e.partial[k] * *e.cell[k];
      }
      tangent(j, i, dot);
    });
  }
  if (tape.position() != begin || !tape.workspace().arena.at(mark.memory)) tape.rewind(mark);
  return done;
}

/// A slot that holds values, and tangents in its cells.
template <class S>
Slot<S> view_slot(const S* value, const S* tangent, Index rows, Index cols) {
  Slot<S> s = view_slot(value, rows, cols);
  s.cells = const_cast<S*>(tangent);  // no sweep reaches them
  s.active = s.written = tangent != nullptr;
  return s;
}

/// The result of a dynamics as a slot.
template <class T, class R>
V<typename T::scalar> pushed_result(T& tape, const R& r, const Shape& state) {
  static_assert(!EigenDense<R>,
                "costate: a dynamics that is differentiated returns cs::stack(...) or arrays; an Eigen expression has lost its derivative "
                "(cs::matmul is the matrix product)");
  const auto out = to_slot(tape, r);
  if (out->rows != state.rows || (out->cols != state.cols && out->cols != 1)) fail_result(out->rows, out->cols, state);
  return out;
}

/// [f; its tangent] as a dynamics of [y; s] with the parameters [θ; θ̇], or θ alone where θ̇ = 0.
template <class F>
class DynamicsTangent {
 public:
  /// `parameters`: the rows of θ. along_theta: θ̇ stands below it.
  DynamicsTangent(const F& f, Index parameters, bool along_theta) : f_(f), parameters_(parameters), along_theta_(along_theta) {}

  template <class Time, class T, Kind K>
    requires std::is_invocable_v<const F&, const Time&, const Array<T, Kind::array>&>
  auto operator()(const Time& t, const Array<T, K>& z) const {
    return evaluate(t, z, NoParameters{});
  }
  template <class Time, class T, Kind K, Kind L>
  auto operator()(const Time& t, const Array<T, K>& z, const Array<T, L>& q) const {
    return evaluate(t, z, q);
  }

  /// Whether `pull` gives the products of a solve called so.
  template <class Call>
  static constexpr bool has_vjp = [] {
    using T = Tape<typename Call::Scalar>;
    using P = std::conditional_t<Call::parameters != 0, Array<T, Kind::sample>, NoParameters>;
    if constexpr (!Call::one_sample) return false;
    else return returns_numbers<F, T, time_of_t<typename Call::Scalar>, P>;
  }();
  /// dz = the tangent at z; a's products are added to z_bar and, where they are not null, q_bar and t_bar. False, and nothing is added,
  /// where f uses arrays.
  template <bool with_time, class S, class Time, class State>
  bool pull(Tape<S>& tape, Time t, const State& z, const Slot<S>& q, const State& a, State& dz, State& z_bar, S* q_bar, S* t_bar) const {
    const Index d = z.size() / 2;
    const auto pull = [&]<bool parametric>() {
      return pull_tangent<parametric, with_time>(tape, f_, t, z.data(), d, q, parameters_, along_theta_, a.data(), dz.data(), z_bar.data(),
          q_bar, t_bar);
    };
    if constexpr (std::is_invocable_v<const F&, const Time&, const Array<Tape<S>, Kind::sample>&, const Array<Tape<S>, Kind::sample>&>)
      return pull.template operator()<true>();
    else return pull.template operator()<false>();
  }

  /// Parts of f's state, and of its tangent, which leaves the steps as they are.
  [[nodiscard]] auto norm_parts(Index rows) const
    requires PartedFunction<F>
  {
    const auto parts = f_.norm_parts(rows / 2);
    std::array<NormPart, 2 * norm_part_count<F>> both{};
    const auto tangents = std::copy(parts.begin(), parts.end(), both.begin());
    std::copy(parts.begin(), parts.end(), tangents);
    std::for_each(tangents, both.end(), [](NormPart& part) {
      part.in_norm = false;
      part.tangent = true;
    });
    return both;
  }

 private:
  template <class Time, class T, Kind K, class Q>
  auto evaluate(const Time& t, const Array<T, K>& z, const Q& q) const {
    constexpr bool parametric = !std::is_same_v<Q, NoParameters>;
    using P = std::conditional_t<parametric, Array<T, Kind::sample>, NoParameters>;
    if constexpr (K == Kind::plain) {
      if constexpr (returns_numbers<F, T, Time, P>) return numbers<P>(t, z, q);
      else return recorded(t, z, q);
    } else if constexpr (is_number<Time>) {
      return recorded(Array<T, Kind::nested>(t), z, q);
    } else if constexpr (AnyArray<Time>) {
      return recorded(t.template as<Kind::nested>(), z, q);
    } else {
      return recorded(t, z, q);
    }
  }

  template <class P, class Time, class T, class Q>
  auto numbers(const Time& t, const Array<T, Kind::plain>& z, const Q& q) const {
    using S = typename T::scalar;
    using Rows = decltype(call_dynamics(f_, t, std::declval<const Array<T, Kind::sample>&>(), std::declval<const P&>()).rows);
    constexpr std::size_t n = std::tuple_size_v<Rows>;
    std::array<S, 2 * n> out;
    T& tape = tape_of(z);
    const Index d = z.rows() / 2;
    Slot<S> ys = view_slot(z.data(), z.data() + d, d, 1), ps;
    P p;
    if constexpr (!std::is_same_v<P, NoParameters>) {
      ps = view_slot(q.data(), along_theta_ ? q.data() + parameters_ * q.cols() : nullptr, parameters_, q.cols());
      p = P(tape, &ps);
    }
    const auto at = [&](Index i) -> S& { return out[static_cast<std::size_t>(i)]; };
    if (!push_numbers(tape, f_, t, Array<T, Kind::sample>(tape, &ys), p, 1, [](Index) {}, [&](Index i, S x) { at(i) = x; },
                      [&](Index, Index i, S x) { at(static_cast<Index>(n) + i) = x; })) {
      const auto mark = tape.mark();
      std::copy_n(recorded(t, z, q).data(), 2 * n, out.data());
      tape.rewind(mark);
    }
    return std::apply([](auto... x) { return Stacked<decltype(x)...>{{x...}}; }, out);
  }

  template <class Time, class T, Kind K, class Q>
  Array<T, K> recorded(const Time& t, const Array<T, K>& z, const Q& q) const {
    using S = typename T::scalar;
    T& tape = tape_of(z);
    const Index d = z.rows() / 2;
    const Shape state{d, z.cols()};
    const auto y = rows(z, 0, d), s = rows(z, d, d);
    Inner<T> inner(tape);
    V<S> variables[2] = {}, tangents[2] = {s.slot(), nullptr};
    std::size_t n = 1;
    const auto call = [&](const auto& y_, const auto& p_) {
      return Array<T, Kind::array>(tape, pushed_result(tape, call_dynamics(f_, t, y_, p_), state));
    };
    if constexpr (std::is_same_v<Q, NoParameters>) {
      inner.record([&](const auto& y_) { return call(y_, q); }, variables, y);
    } else if (!along_theta_) {
      const auto p = q.template as<Kind::nested>();
      inner.record([&](const auto& y_) { return call(y_, p); }, variables, y);
    } else {
      tangents[1] = rows(q, parameters_, parameters_).slot();
      n = 2;
      inner.record(call, variables, y, rows(q, 0, parameters_));
    }
    V<S> parts[2];
    parts[1] = inner.push(variables, tangents, n);
    parts[0] = inner.value();
    // the list outlives this call where it is recorded
    V<S>* const list = tape.workspace().arena.template allocate<V<S>>(2);
    std::copy_n(parts, 2, list);
    return {tape, join_rows(tape, list, 2)};
  }

  F f_;
  Index parameters_;
  bool along_theta_;
};

}  // namespace costate::detail
