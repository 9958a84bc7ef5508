#pragma once
// Running costs: c(t) = ∫ q(t, y, θ) dt along a solution, as components of the state below y.
//
//   const auto g = cs::with_cost(f, q);                            // dynamics of [y; c]: costs start from zero rows below y
//   q = [](auto t, const auto& y, const auto& theta) { … }         // or (t, y), or (t, y, dydt, theta): f is evaluated once for both
//   cs::costs(cs::kinetic_energy(), cs::cost(q, {.rtol = 1e-3}))   // several, with options
//
// q returns a number for one sample, of a batch one for each: y[0] * y[0] or cs::colwise_sum(cs::square(y)) is both. Several costs:
// cs::stack of numbers, or several functions. odeint_with_cost (adjoint/odeint_with_cost.hpp) appends the zeros and takes both apart.
//
// A cost is in the error norm unless it says .in_norm = false, as a part of its own: the state's control is not diluted, and steps are
// shorter only where the cost needs it. Left out, it can be wrong without notice, as where the state stands still while q does not.
//
// Kinetic energy and the Jacobian's norm keep learned dynamics easy to solve: Finlay, Jacobsen, Nurbekyan & Oberman, How to train your
// neural ODE: the world of Jacobian and kinetic regularization, ICML 2020.

#include <array>
#include <tuple>
#include <utility>

#include <costate/autodiff/nested.hpp>
#include <costate/ode/parts.hpp>

namespace costate {

/// A cost with its options.
template <class Q>
struct Cost {
  Q q;
  PartOptions options;
};
/// Several costs.
template <class... Q>
struct Costs {
  std::tuple<Cost<Q>...> each;
};

template <class Q>
Cost<Q> cost(const Q& q, const PartOptions& options = {}) {
  return {q, options};
}

namespace detail {

template <class Q>
Cost<Q> as_cost(const Q& q) { return {q, {}}; }
template <class Q>
Cost<Q> as_cost(const Cost<Q>& q) { return q; }
template <class... Q>
Costs<Q...> collect(const Cost<Q>&... q) { return {{q...}}; }
template <class Q>
auto as_costs(const Q& q) { return collect(as_cost(q)); }
template <class... Q>
const Costs<Q...>& as_costs(const Costs<Q...>& q) { return q; }

/// The sum over each sample's components: a number of one sample.
template <class T, Kind K>
auto sample_sum(const Array<T, K>& x) {
  if constexpr (K >= Kind::array) return colwise_sum(x);
  else return sum(x);
}

struct KineticEnergy {
  static constexpr int rows = 1;
  static constexpr bool flat = true;  // whatever parts the state has
  template <class Time, class Y, class P>
  auto operator()(const Time&, const Y&, const Y& dydt, const P&) const {
    return sample_sum(square(dydt));
  }
};

/// A cost with a probe gets its product εᵀ∂f/∂y.
template <class E>
struct JacobianNorm {
  static constexpr int rows = 1;
  static constexpr bool flat = true;
  E probe;
  template <class Y>
  auto operator()(const Y& product) const {
    return sample_sum(square(product));
  }
};
template <class Q>
concept Probing = requires(const Q& q) { q.probe; };

/// How q is called: with the slope and the parameters, or with as much of them as it takes.
template <class Q, class Time, class Y, class Slope, class P>
decltype(auto) call_cost(const Q& q, const Time& t, const Y& y, const Slope& dydt, const P& p) {
  if constexpr (std::is_invocable_v<const Q&, const Time&, const Y&, const Slope&, const P&>) {
    return q(t, y, dydt, p);
  } else if constexpr (!std::is_same_v<P, NoParameters> && std::is_invocable_v<const Q&, const Time&, const Y&, const P&>) {
    return q(t, y, p);
  } else {
    static_assert(std::is_invocable_v<const Q&, const Time&, const Y&>,
                  "costate: a cost must be callable as q(t, y, theta), q(t, y) or q(t, y, dydt, theta) with costate's views: "
                  "write it as [](auto t, const auto& y, const auto& theta) { … }");
    return q(t, y);
  }
}
template <class Q, class Time, class Y, class P>
inline constexpr bool wants_slope = std::is_invocable_v<const Q&, const Time&, const Y&, const Y&, const P&>;

/// The number of costs that q's result tells when called for one sample.
template <class Q, class A = Array<Tape<double>, Kind::plain>>
consteval int cost_rows() {
  if constexpr (requires { Q::rows; }) {
    return Q::rows;
  } else {
    using P = Array<Tape<double>, Kind::plain>;
    const auto result = []<class R>(std::type_identity<R>) { return is_stacked<R> ? static_cast<int>(row_count<R>) : 1; };
    if constexpr (std::is_invocable_v<const Q&, double, const A&, const A&, const P&>)
      return result(std::type_identity<std::remove_cvref_t<std::invoke_result_t<const Q&, double, const A&, const A&, const P&>>>());
    else if constexpr (std::is_invocable_v<const Q&, double, const A&, const P&>)
      return result(std::type_identity<std::remove_cvref_t<std::invoke_result_t<const Q&, double, const A&, const P&>>>());
    else if constexpr (std::is_invocable_v<const Q&, double, const A&>)
      return result(std::type_identity<std::remove_cvref_t<std::invoke_result_t<const Q&, double, const A&>>>());
    else return 1;  // refused where it is called
  }
}

/// The shape of what f or q returned.
template <class R>
std::pair<Index, Index> result_shape(const R& r) {
  if constexpr (is_stacked<R>) return {static_cast<Index>(row_count<R>), 1};
  else if constexpr (AnyArray<R> || EigenDense<R>) return {r.rows(), r.cols()};
  else return {1, 1};
}

/// The dynamics of [y; c].
template <class F, class... Q>
struct CostDynamics {
  static_assert((static_cast<int>(Probing<Q>) + ... + 0) <= 1, "costate: one cost at most has a probe");
  static constexpr int rows = (cost_rows<Q>() + ... + 0);

  F f;
  Costs<Q...> costs;

  template <class Time, class Y, class P>
  auto operator()(const Time& t, const Y& y, const P& theta) const {
    static_assert(AnyArray<Y>);
    const Index n = y.rows() - rows;
    if (n < 1) [[unlikely]]
      fail<ShapeError>("a state of ", y.rows(), " components with ", rows,
                       " costs: expected the state with a row of zeros below it for each cost");
    const Y state = costate::rows(y, 0, n);
    if constexpr ((Probing<Q> || ...)) {
      const auto& probe = this->probe();
      if (probe.rows() != n || probe.cols() != y.cols()) [[unlikely]]
        fail<ShapeError>("a probe of ", probe.rows(), " x ", probe.cols(), " for a state of ", n, " x ", y.cols(),
                         ": expected equal shapes");
      const auto [dydt, product] = vjp([&](const auto& z) { return spread(z, call_dynamics(f, t, z, theta)); }, state, probe);
      return join(t, state, dydt, theta, product);
    } else if constexpr ((wants_slope<Q, Time, Y, P> || ...)) {
      return join(t, state, spread(state, call_dynamics(f, t, state, theta)), theta, 0);
    } else {
      return join(t, state, call_dynamics(f, t, state, theta), theta, 0);
    }
  }
  template <class Time, class Y>
    requires std::is_invocable_v<const F&, const Time&, const Y&>
  auto operator()(const Time& t, const Y& y) const {
    return (*this)(t, y, NoParameters{});
  }

  /// The state, or its parts, and each cost by itself.
  [[nodiscard]] auto norm_parts(Index all_rows) const {
    const auto above = [&] {
      if constexpr (PartedFunction<F>) return f.norm_parts(all_rows - rows);
      else return std::array{NormPart{.rows = all_rows - rows, .name = "state"}};
    }();
    constexpr std::size_t n = std::tuple_size_v<std::remove_const_t<decltype(above)>>;
    std::array<NormPart, n + static_cast<std::size_t>(rows)> parts{};
    auto* to = std::copy(above.begin(), above.end(), parts.data());
    const auto put = [&](const auto& c, int count) {
      const PartOptions& o = c.options;
      for (int i = 0; i < count; ++i) *to++ = {1, o.rtol, o.atol, o.in_norm, o.name == nullptr ? "cost" : o.name, true};
    };
    std::apply([&](const auto&... c) { (put(c, cost_rows<Q>()), ...); }, costs.each);
    return parts;
  }

 private:
  const auto& probe() const {
    constexpr std::size_t at = [] {
      std::size_t i = 0, found = 0;
      ((Probing<Q> ? found = i : found, ++i), ...);
      return found;
    }();
    return std::get<at>(costs.each).q.probe;
  }

  /// The slope of a state as an array of its shape: one that is the same for all samples is repeated.
  template <class Y, class Slope>
  static Y spread(const Y& y, const Slope& slope) {
    auto& tape = tape_of(y);
    const Y dydt(tape, to_slot(tape, slope));
    return dydt.rows() == y.rows() && dydt.cols() == 1 && y.cols() != 1 ? Y(dydt + 0.0 * y) : dydt;
  }

  template <class Time, class Y, class Slope, class P, class Product>
  auto join(const Time& t, const Y& y, const Slope& dydt, const P& theta, const Product& product) const {
    const auto [r, c] = result_shape(dydt);
    if (r != y.rows() || (c != y.cols() && c != 1)) [[unlikely]] fail_result(r, c, {y.rows(), y.cols()});
    return std::apply(
        [&](const auto&... each) { return stack(dydt, checked(each, value(each.q, t, y, dydt, theta, product), y.cols())...); },
        costs.each);
  }
  template <class One, class Time, class Y, class Slope, class P, class Product>
  static decltype(auto) value(const One& q, const Time& t, const Y& y, const Slope& dydt, const P& theta, const Product& product) {
    if constexpr (Probing<One>) return q(product);
    else return call_cost(q, t, y, dydt, theta);
  }
  template <class One, class R>
  static R checked(const Cost<One>&, const R& r, Index samples) {
    const auto [rows_, cols_] = result_shape(r);
    const bool constant = !AnyArray<R> && !EigenDense<R>;
    if (rows_ != cost_rows<One>() || (cols_ != samples && !constant)) [[unlikely]]
      fail<ShapeError>("a cost returned ", rows_, " x ", cols_, " values, expected ", cost_rows<One>(), " x ", samples,
                       ", one for each sample (cs::colwise_sum, not cs::sum, of a batch; of theta alone: + 0.0 * y[0]); several costs are a cs::stack of numbers, or "
                       "several functions in cs::costs");
    return r;
  }
};

}  // namespace detail

/// Several costs, each a function or a cs::cost of one.
template <class... Q>
auto costs(const Q&... q) {
  return detail::collect(detail::as_cost(q)...);
}

/// ‖dy/dt‖² of each sample.
inline detail::KineticEnergy kinetic_energy() { return {}; }
/// ‖εᵀ ∂f/∂y‖² of each sample for a probe ε of the state's shape, the same throughout a solve: with entries of mean 0 and variance 1, drawn
/// anew for every solve, its mean is the Jacobian's squared Frobenius norm (Hutchinson 1990). f is evaluated once for itself and the
/// product.
template <detail::EigenDense E>
auto jacobian_norm(const E& probe) {
  return detail::JacobianNorm<typename E::PlainObject>{probe};
}

/// The dynamics f with the costs q: of [y; c], see above.
template <class F, class Q>
auto with_cost(const F& f, const Q& q) {
  return [&]<class... Each>(const Costs<Each...>& all) { return detail::CostDynamics<F, Each...>{f, all}; }(detail::as_costs(q));
}

}  // namespace costate
