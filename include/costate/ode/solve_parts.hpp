#pragma once
// Solves of mixed states (parts.hpp): they give tuples of views and values.

#include <costate/ode/integrator.hpp>
#include <costate/ode/parts.hpp>
#include <costate/ode/solve.hpp>

namespace costate {
namespace detail {

/// The parts of a flat state: of values that are gone at once by value, else views or arrays.
template <class Layout, class Y>
auto pieces(const Layout& layout, const Y& y) {
  if constexpr (EigenDense<Y>) {
    if constexpr (std::is_same_v<Y, typename Y::PlainObject>) return layout.copies(y);
    else return layout.split(y);
  } else {
    return layout.split(y);
  }
}

}  // namespace detail

/// The states of a solve, each a tuple of its parts: of views into `flat`, or of arrays on its tape. cs::part<I>(list): one part's.
template <class Layout, class List>
class PartsList {
 public:
  PartsList() = default;
  PartsList(Layout layout, List flat) : layout_(std::move(layout)), flat_(std::move(flat)) {}

  using Size = decltype(std::declval<const List&>().size());
  [[nodiscard]] Size size() const { return flat_.size(); }
  auto operator[](Size i) const& { return detail::pieces(layout_, flat_[i]); }
  auto front() const& { return (*this)[0]; }
  auto back() const& { return (*this)[size() - 1]; }
  /// Of a temporary: by value.
  auto operator[](Size i) const&& { return detail::pieces(layout_, std::move(flat_)[i]); }
  auto front() const&& { return std::move(*this)[0]; }
  auto back() const&& { return std::move(*this)[size() - 1]; }

  using Iterator =
      detail::IndexIterator<PartsList, Size, decltype(detail::pieces(std::declval<const Layout&>(), std::declval<const List&>()[0]))>;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

  /// The states as the solver saw them: the parts' values one after the other, a matrix's row by row.
  [[nodiscard]] const List& flat() const { return flat_; }

 private:
  Layout layout_;
  List flat_;
};

/// One part of the states of a solve, in order of their times; hstack and vstack take it where it is on a tape. Valid as long as it.
template <std::size_t I, class Layout, class List>
class PartOfList {
 public:
  using Whole = PartsList<Layout, List>;
  using Size = typename Whole::Size;
  explicit PartOfList(const Whole& list) : list_(&list) {}

  [[nodiscard]] Size size() const { return list_->size(); }
  auto operator[](Size i) const { return std::get<I>((*list_)[i]); }
  auto front() const { return (*this)[0]; }
  auto back() const { return (*this)[size() - 1]; }

  using Iterator = detail::IndexIterator<PartOfList, Size, std::tuple_element_t<I, decltype(std::declval<const Whole&>()[0])>>;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  const Whole* list_;
};
template <std::size_t I, class Layout, class List>
PartOfList<I, Layout, List> part(const PartsList<Layout, List>& list) {
  return PartOfList<I, Layout, List>(list);
}
template <std::size_t I, class Layout, class List>
void part(const PartsList<Layout, List>&& list) = delete;  // the list is gone

/// A solution of parts, as Solution is of plain states.
template <class Layout, class Flat>
struct PartsSolution {
  using Time = typename Flat::Time;

  std::vector<Time> t;                         ///< the times asked for, up to where the solve came
  PartsList<Layout, decltype(Flat::y)> y;      ///< the states there
  Stats stats;
  Status status = Status::success;
  decltype(Flat::dense) dense;                 ///< empty unless SolveOptions::dense
  Layout layout;

  /// The state at any time of the solve. RangeError outside, or if SolveOptions::dense was not set.
  auto operator()(Time at) const {
    typename std::remove_cvref_t<decltype(y.flat())>::Value flat;
    Eigen::Matrix<typename decltype(flat)::Scalar, Eigen::Dynamic, 1> values;
    dense.value(at, values);
    flat = values;
    return layout.copies(flat);
  }
};

namespace detail {

template <class F, class... X, class T, class Theta, class M>
auto solve_parts(const F& f, const Parts<X...>& y0, const T& times, const Theta& theta, const M& method, const SolveOptions& options) {
  static_assert(!SampleTimes<T>, "costate: a state of parts is one sample: give it one grid of times");
  const auto layout = layout_of(y0);
  const auto start = flatten(layout, y0);
  using Layout = std::remove_const_t<decltype(layout)>;
  auto flat = solve_bound(bind(PartsDynamics<F, Layout>{f, layout}, start, theta), start, times, method, options);
  using Flat = decltype(flat);
  return PartsSolution<Layout, Flat>{std::move(flat.t), {layout, std::move(flat.y)}, flat.stats, flat.status,
                                     std::move(flat.dense), layout};
}

}  // namespace detail

/// The solution of a state of parts; see `solve` of a plain state.
template <class F, class... X, class T = Times, class Theta, Method M>
  requires(!Method<Theta>)
auto solve(const F& f, const Parts<X...>& y0, const T& times, const Theta& theta, const M& method, const SolveOptions& options = {}) {
  return detail::solve_parts(f, y0, times, theta, method, options);
}
/// The same for a dynamics without parameters, f(t, state).
template <class F, class... X, class T = Times, Method M>
auto solve(const F& f, const Parts<X...>& y0, const T& times, const M& method, const SolveOptions& options = {}) {
  return detail::solve_parts(f, y0, times, NoParameters{}, method, options);
}

/// An integrator of parts, see integrator.hpp.
template <class Layout, class Flat>
class PartsIntegrator {
 public:
  using Time = typename Flat::Time;
  PartsIntegrator(Layout layout, Flat flat) : layout_(std::move(layout)), flat_(std::move(flat)) {}

  Time t() const { return flat_.t(); }
  /// Views of the parts, valid until the integrator moves.
  auto y() const { return layout_.split(flat_.y()); }
  const Stats& stats() const { return flat_.stats(); }
  int order() const { return flat_.order(); }
  Status step() { return flat_.step(); }
  Status advance_to(Time t) { return flat_.advance_to(t); }
  template <class... X>
  void reset(Time t, const Parts<X...>& y) {
    if (!(detail::layout_of(y).extents == layout_.extents))
      detail::fail<ShapeError>("reset() with a state whose parts have other shapes than those the integrator was made for");
    flat_.reset(t, detail::flatten(layout_, y));
  }

 private:
  Layout layout_;
  Flat flat_;
};

template <class F, class... X, class Theta, Method M>
  requires(!Method<Theta>)
auto make_integrator(const F& f, const Parts<X...>& y0, double t0, const Theta& theta, const M& method, const SolveOptions& options = {}) {
  const auto layout = detail::layout_of(y0);
  using Layout = std::remove_const_t<decltype(layout)>;
  return PartsIntegrator(
      layout, make_integrator(detail::PartsDynamics<F, Layout>{f, layout}, detail::flatten(layout, y0), t0, theta, method, options));
}

}  // namespace costate
