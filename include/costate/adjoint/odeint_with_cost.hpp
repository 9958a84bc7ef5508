#pragma once
// odeint with running costs (ode/cost.hpp): the states, and the costs up to each of the times.
//
//   const auto [y, cost] = cs::odeint_with_cost(f, q, y0, times, theta, cs::Dopri5{}, cs::DirectAdjoint{});
//   return loss(y.back()) + 0.01 * cost.back();                // one sample: a number
//   … + 0.01 * cs::mean(cost.back())                           // a batch: one per sample, 1 × B
//
// Both are differentiable like the states of odeint. Several costs are rows.

#include <costate/adjoint/odeint_parts.hpp>
#include <costate/ode/cost.hpp>

namespace costate {

namespace detail {

template <bool number, class X>
auto take_rows(const X& x, Index first, Index n) {
  if constexpr (number) return x[first];
  else if constexpr (AnyArray<X>) return rows(x, first, n);
  else return Eigen::Matrix<typename X::Scalar, Eigen::Dynamic, X::ColsAtCompileTime>(x.middleRows(first, n));
}

}  // namespace detail

/// Rows first … first + n − 1 of the states of a solve, or of the paths where samples have times of their own. `number`: as a number.
template <class List, bool number = false>
class RowsList {
 public:
  RowsList(List list, Index first, Index n) : list_(std::move(list)), first_(first), n_(n) {}

  using Size = decltype(std::declval<const List&>().size());
  using value_type = decltype(detail::take_rows<number>(std::declval<const List&>()[0], 0, 0));
  [[nodiscard]] Size size() const { return list_.size(); }
  value_type operator[](Size i) const { return detail::take_rows<number>(list_[i], first_, n_); }
  value_type front() const { return (*this)[0]; }
  value_type back() const { return (*this)[size() - 1]; }

  using Iterator = detail::IndexIterator<RowsList, Size, value_type>;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  List list_;
  Index first_, n_;
};

/// The states side by side, for plain ones.
template <class List>
  requires(detail::EigenDense<typename RowsList<List>::value_type>)
auto hstack(const RowsList<List>& list) {
  using S = typename RowsList<List>::value_type::Scalar;
  if (list.size() == 0) detail::fail<ShapeError>("hstack: the list is empty");
  const Index rows = list[0].rows(), cols = list[0].cols();
  Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> all(rows, cols * static_cast<Index>(list.size()));
  Index at = 0;
  for (const auto& y : list) {
    all.middleCols(at, cols) = y;
    at += cols;
  }
  return all;
}

/// What odeint_with_cost returns, for structured bindings.
template <class States, class CostList>
struct StatesWithCost {
  States y;
  CostList cost;  ///< ∫ from the initial time, at the same times
};

namespace detail {

/// A cost that sees parts, of a flat state.
template <class Q, class Layout>
struct PartsCost {
  static constexpr int rows =
      cost_rows<Q, decltype(std::declval<const Layout&>().split(std::declval<const Array<Tape<double>, Kind::plain>&>()))>();
  Q q;
  Layout layout;

  template <class Time, class Y, class P>
  decltype(auto) operator()(const Time& t, const Y& y, const P& theta) const
    requires(!wants_slope<Q, Time, decltype(std::declval<const Layout&>().split(y)), P>)
  {
    return call_cost(q, t, layout.split(y), 0, theta);
  }
  template <class Time, class Y, class P>
  decltype(auto) operator()(const Time& t, const Y& y, const Y& dydt, const P& theta) const
    requires(wants_slope<Q, Time, decltype(std::declval<const Layout&>().split(y)), P>)
  {
    return call_cost(q, t, layout.split(y), layout.split(dydt), theta);
  }
  template <class Time, class Y>
  decltype(auto) operator()(const Time& t, const Y& y) const
    requires(std::is_invocable_v<const Q&, const Time&, decltype(std::declval<const Layout&>().split(y))>)
  {
    return call_cost(q, t, layout.split(y), 0, NoParameters{});
  }
};

/// y0 with zeros for so many costs below.
template <int costs, class Y0, class... Other>
auto with_zeros(const Y0& y0, [[maybe_unused]] const Other&... other) {
  if constexpr (Tied<Y0>) {
    using T = typename FirstTape<Y0>::type;
    using S = typename T::scalar;
    T& tape = common_tape<T>(y0, other...);
    auto* const slots = tape.workspace().arena.template allocate<V<S>>(2);
    slots[0] = argument_slot(tape, y0);
    slots[1] = make_slot(tape, costs, slots[0]->cols);
    std::fill_n(slots[1]->value, slots[1]->size(), S(0));
    return Array<T, kind_seen<Y0>>(tape, join_rows(tape, slots, 2));
  } else {
    using Dense = dense_view_t<Y0>;
    constexpr int rows = Dense::RowsAtCompileTime, cols = Dense::ColsAtCompileTime;
    const auto& y = dense_view(y0);
    Eigen::Matrix<typename Dense::Scalar, rows == Eigen::Dynamic ? rows : rows + costs, cols == 1 ? 1 : Eigen::Dynamic> all(
        y.rows() + costs, y.cols());
    all.topRows(y.rows()) = y;
    all.bottomRows(costs).setZero();
    return all;
  }
}

/// Solves y0 with costs; run(dynamics, start) is the call of odeint.
template <class F, class Y0, class... Q, class Run, class... Other>
auto odeint_costs(const F& f, const Costs<Q...>& q, const Y0& y0, const Run& run, const Other&... other) {
  using D = CostDynamics<F, Q...>;
  auto all = run(D{f, q}, with_zeros<D::rows>(y0, other...));
  using List = decltype(all);
  const Index rows = [&] {
    if constexpr (requires { y0.rows(); }) return static_cast<Index>(y0.rows());
    else if constexpr (requires { y0.size(); }) return static_cast<Index>(y0.size());
    else return Index(1);  // a number
  }();
  constexpr bool number = one_sample<Y0>() && D::rows == 1;
  return StatesWithCost<RowsList<List>, RowsList<List, number>>{{all, 0, rows}, {all, rows, D::rows}};
}

template <class F, class Y0, class... Q, class Run, class... Other>
auto odeint_any_with_cost(const F& f, const Costs<Q...>& q, const Y0& y0, const Run& run, const Other&... other) {
  if constexpr (is_stacked<Y0>) {
    return odeint_costs(f, q, as_state(y0), run, other...);
  } else if constexpr (is_parts<Y0>) {
    return with_flat(f, y0, [&](const auto& g, const auto& layout, const auto& start) {
      using Layout = std::remove_cvref_t<decltype(layout)>;
      const auto of_flat = [&](const auto& c) {
        using One = std::remove_cvref_t<decltype(c.q)>;
        if constexpr (requires { One::flat; }) return c;
        else return Cost<PartsCost<One, Layout>>{{c.q, layout}, c.options};
      };
      auto both = std::apply([&](const auto&... c) { return odeint_costs(g, collect(of_flat(c)...), start, run, other...); }, q.each);
      using List = decltype(both.y);
      return StatesWithCost<PartsList<Layout, List>, decltype(both.cost)>{{layout, std::move(both.y)}, std::move(both.cost)};
    }, other...);
  } else {
    return odeint_costs(f, q, y0, run, other...);
  }
}

}  // namespace detail

/// The states at the given times and the costs q (a function, cs::cost or cs::costs) up to each of them, see above; the rest as of odeint.
template <class F, class Q, class Y0, class T = Times, class Theta, Method M, Adjoint A = DirectAdjoint>
  requires(!Method<Theta>)
auto odeint_with_cost(const F& f, const Q& q, const Y0& y0, const T& times, const Theta& theta, const M& method, const A& adjoint = {},
                      const SolveOptions& options = {}) {
  return detail::odeint_any_with_cost(
      f, detail::as_costs(q), y0,
      [&](const auto& g, const auto& start) { return odeint(g, start, times, theta, method, adjoint, options); }, times, theta);
}
/// The same for a dynamics without parameters, f(t, y), and costs q(t, y).
template <class F, class Q, class Y0, class T = Times, Method M, Adjoint A = DirectAdjoint>
auto odeint_with_cost(const F& f, const Q& q, const Y0& y0, const T& times, const M& method, const A& adjoint = {},
                      const SolveOptions& options = {}) {
  return detail::odeint_any_with_cost(
      f, detail::as_costs(q), y0, [&](const auto& g, const auto& start) { return odeint(g, start, times, method, adjoint, options); },
      times);
}

}  // namespace costate
