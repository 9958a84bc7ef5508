#pragma once
// value_and_grad: the value of a loss and its gradient with respect to every argument, in the argument's own type.
//
//   auto [value, dx, dp] = value_and_grad(loss, x, p);       one call
//   auto gradient = value_and_grad(loss);                    keeps its tape: nothing is allocated after the first call
//   const auto& [value, dx] = gradient(x);
//   auto [value, dx] = value_and_grad(tape, loss, x);        on a given tape, of any type that models TapeLike

#include <costate/autodiff/border.hpp>

namespace costate {

namespace detail {

/// Adds 1 to the cotangent of a loss; gives its value.
template <class T, class R>
typename T::scalar seed(T& tape, const R& r) {
  using S = typename T::scalar;
  if constexpr (is_number<R>) {
    const auto& e = expression(r);
    if (e.tape != nullptr && e.tape != &tape) [[unlikely]] fail_tapes();
    for (std::size_t i = 0; i < e.cell.size(); ++i)
      if (e.cell[i] != nullptr) *e.cell[i] += e.partial[i];
    return e.value_;
  } else if constexpr (AnyArray<R>) {
    if (r.size() != 1)
      fail<ShapeError>("a loss must be one number, but this one returned ", r.rows(), " x ", r.cols(), " values; reduce it with sum or mean, or use vjp");
    if (r.slot() != nullptr && r.slot()->active) *ready_cells(tape, *r.slot()) += S(1);
    return r.value();
  } else {
    static_assert(std::is_arithmetic_v<R>, "costate: a loss must return one number; reduce it with cs::sum or cs::mean, or use cs::vjp");
    return static_cast<S>(r);
  }
}

/// Leaves a tape as it was, also when the function throws.
template <class T>
struct Recording {
  T& tape;
  typename T::Mark mark = tape.mark();
  bool recording = tape.workspace().recording, paused = tape.workspace().paused;
  int depth = tape.workspace().depth;

  Recording(T& t, bool record) : tape(t) {
    tape.workspace().recording = record;
    tape.workspace().paused = false;
    tape.workspace().depth = 0;
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() {
    tape.rewind(mark);
    tape.workspace().recording = recording;
    tape.workspace().paused = paused;
    tape.workspace().depth = depth;
  }
};

template <class T, class Loss, class... X, class... G>
typename T::scalar differentiate(T& tape, const Loss& loss, std::tuple<G&...> gradients, const X&... x) {
  const Recording<T> scope(tape, true);
  // braces fix the order: the first argument is recorded first
  const bool view = !(lies_in(x, gradients) || ...);
  const std::tuple<decltype(variable<true>(tape, x))...> variables{variable<true>(tape, x, view)...};
  constexpr auto each = std::index_sequence_for<X...>{};
  [&]<std::size_t... I>(std::index_sequence<I...>) { (make_cells_in(std::get<I>(variables), std::get<I>(gradients)), ...); }(each);
  const auto mark = tape.mark();
  const auto value = std::apply([&](const auto&... v) { return seed(tape, loss(v...)); }, variables);
  tape.reverse(mark);
  [&]<std::size_t... I>(std::index_sequence<I...>) { (copy_cotangent(std::get<I>(variables), std::get<I>(gradients)), ...); }(each);
  return value;
}

template <class... X>
using scalar_of_first = scalar_of<std::tuple_element_t<0, std::tuple<X...>>>;

}  // namespace detail

/// A loss with the tape its gradients are computed on.
template <class Loss>
class ValueAndGrad {
 public:
  explicit ValueAndGrad(Loss loss) : loss_(std::move(loss)) {}

  /// The value and one gradient per argument; the reference holds until the next call.
  template <detail::DifferentiableArgument... X>
    requires(sizeof...(X) > 0)
  const auto& operator()(const X&... x) & {
    using S = detail::scalar_of_first<X...>;
    auto& tape = std::get<Tape<S>>(tapes_);
    tape.workspace().set_cursor(0);
    auto& result = tape.workspace().template object<std::tuple<S, detail::plain_of<X>...>>();
    std::apply([&](S& value, auto&... gradient) { value = detail::differentiate(tape, loss_, std::tie(gradient...), x...); }, result);
    return static_cast<const std::tuple<S, detail::plain_of<X>...>&>(result);
  }
  /// Of a temporary: by value.
  template <detail::DifferentiableArgument... X>
    requires(sizeof...(X) > 0)
  auto operator()(const X&... x) && {
    return std::tuple<detail::scalar_of_first<X...>, detail::plain_of<X>...>((*this)(x...));
  }

 private:
  Loss loss_;
  std::tuple<Tape<float>, Tape<double>, Tape<long double>> tapes_;
};

template <class Loss>
  requires(!TapeLike<Loss>)
ValueAndGrad<Loss> value_and_grad(Loss loss) {
  return ValueAndGrad<Loss>(std::move(loss));
}

template <TapeLike T, class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0)
auto value_and_grad(T& tape, const Loss& loss, const X&... x) {
  using S = typename T::scalar;
  std::tuple<S, detail::plain_of<X>...> result;
  std::apply([&](S& value, auto&... gradient) { value = detail::differentiate(tape, loss, std::tie(gradient...), x...); }, result);
  return result;
}

template <class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0 && !TapeLike<Loss>)
auto value_and_grad(const Loss& loss, const X&... x) {
  Tape<detail::scalar_of_first<X...>> tape;
  return value_and_grad(tape, loss, x...);
}

/// The gradient alone: one object for one argument, a tuple for several.
template <class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0)
auto gradient(const Loss& loss, const X&... x) {
  auto result = value_and_grad(loss, x...);
  return std::apply(
      [](const auto&, auto&... g) {
        if constexpr (sizeof...(g) == 1) return (std::move(g), ...);
        else return std::tuple<std::remove_reference_t<decltype(g)>...>(std::move(g)...);
      },
      result);
}

/// A loss evaluated plainly, with the elementwise meaning it has under the tape.
template <class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0)
auto value(const Loss& loss, const X&... x) {
  using S = detail::scalar_of_first<X...>;
  Tape<S> tape;
  const detail::Recording<Tape<S>> scope(tape, false);
  const std::tuple<decltype(detail::variable<false>(tape, x))...> arguments{detail::variable<false>(tape, x)...};
  return std::apply([&](const auto&... v) { return detail::seed(tape, loss(v...)); }, arguments);
}

namespace detail {
/// An array's values in the user's world: a vector for one sample, else a matrix.
template <bool column, class S>
auto to_eigen(const Slot<S>& s) {
  if constexpr (column) {
    if (s.cols != 1)
      fail<ShapeError>("the function of a vector returned ", s.rows, " x ", s.cols, " values, not a vector; give it a matrix of one column instead");
    return Eigen::Matrix<S, Eigen::Dynamic, 1>(Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, 1>>(s.value, s.rows));
  } else {
    return Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>(MapIn<S>(s.value, s.rows, s.cols));
  }
}
}  // namespace detail

/// [f(x), Jᵀ cotangent] of a function of an Eigen object.
template <class F, detail::EigenDense X, detail::EigenDense C>
auto vjp(const F& f, const X& x, const C& cotangent) {
  using S = typename X::Scalar;
  using T = Tape<S>;
  T tape;
  const detail::Recording<T> scope(tape, true);
  const auto v = detail::variable<true>(tape, x);
  detail::ready_cells(tape, *v.slot());
  const auto mark = tape.mark();
  const auto out = detail::to_slot(tape, f(v));
  const auto bar = detail::cotangent_slot(tape, cotangent, out, "vjp: a cotangent");
  if (out->active) {
    S* const cells = detail::ready_cells(tape, *out);
    for (Index i = 0; i < out->size(); ++i) cells[i] += bar->value[i];
    tape.reverse(mark);
  }
  std::tuple<decltype(detail::to_eigen<detail::is_column<X>>(*out)), typename X::PlainObject> result;
  std::get<0>(result) = detail::to_eigen<detail::is_column<X>>(*out);
  detail::copy_cotangent(v, std::get<1>(result));
  return result;
}

/// [f(x), J tangent] of a function of an Eigen object, by forward mode.
template <class F, detail::EigenDense X, detail::EigenDense V>
auto jvp(const F& f, const X& x, const V& tangent) {
  using T = Tape<typename X::Scalar>;
  T tape;
  const detail::Recording<T> scope(tape, false);
  tape.workspace().paused = false;
  const Array<T, Kind::array> at(tape, detail::slot_of_argument(tape, x, false));
  const auto [value, dot] = jvp(f, at, tangent);
  constexpr bool column = detail::is_column<X>;
  return std::tuple(detail::to_eigen<column>(*value.slot()), detail::to_eigen<column>(*dot.slot()));
}

}  // namespace costate
