#pragma once
// Sums over a method's stages, h Σ w_j k_j with weights known at compile time: those that are zero are gone.
//
// Over states of any size a sum is one lazy expression, one pass over the memory. A small state of fixed size is summed component by
// component instead, in straight-line code that the compiler keeps in registers: a Runge–Kutta step of a few numbers is a chain of
// dependent operations, and every detour of a stage through memory would lengthen it.

#include <array>
#include <cstddef>
#include <utility>

#include <costate/core/eigen.hpp>

namespace costate::detail {

/// Whether the stages of a state fit registers.
template <class Y>
inline constexpr bool is_small = Y::SizeAtCompileTime != Eigen::Dynamic && Y::SizeAtCompileTime <= 6;

/// Calls f<From>(), …, f<To − 1>().
template <std::size_t From, std::size_t To, class F>
constexpr void unroll(F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) { (f.template operator()<From + I>(), ...); }(std::make_index_sequence<To - From>{});
}

/// Calls f<i>() for each component of a small state.
template <class Y, class F>
constexpr void for_components(F&& f) {
  unroll<0, static_cast<std::size_t>(Y::SizeAtCompileTime)>(f);
}

/// Calls f(block) for the components of states of n, a few at a time: block(y) is those of y. What f sums stays in registers, and memory
/// is passed once, however many states it reads.
template <class Y, class F>
void for_blocks(Eigen::Index n, F&& f) {
  if constexpr (is_small<Y>) {
    f([](auto& y) -> auto& { return y; });
  } else {
    constexpr Eigen::Index width = 8;
    Eigen::Index i = 0;
    for (; i + width <= n; i += width) f([i](auto& y) { return y.template segment<width>(i); });
    for (; i < n; ++i) f([i](auto& y) { return y.template segment<1>(i); });
  }
}

/// to = from, component by component where small: merged copies of several stages would come between them and registers.
template <class Y>
void copy_state(const Y& from, Y& to) {
  if constexpr (is_small<Y>) {
    for_components<Y>([&]<std::size_t I>() { to.coeffRef(I) = from.coeff(I); });
  } else {
    to = from;
  }
}

/// Component by component where small, likewise.
template <class Y>
void swap_states(Y& a, Y& b) {
  if constexpr (is_small<Y>) {
    for_components<Y>([&]<std::size_t I>() { std::swap(a.coeffRef(I), b.coeffRef(I)); });
  } else {
    a.swap(b);
  }
}

/// The positions of the non-zero entries of a row of rationals, as an index sequence. Row is a captureless callable.
template <class Row>
consteval auto nonzero() {
  constexpr auto row = Row{}();
  constexpr std::size_t count = [&] {
    std::size_t n = 0;
    for (const auto& x : row) n += x.num != 0 ? 1u : 0u;
    return n;
  }();
  constexpr auto positions = [&] {
    std::array<std::size_t, count> p{};
    for (std::size_t i = 0, n = 0; i < row.size(); ++i)
      if (row[i].num != 0) p[n++] = i;
    return p;
  }();
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::index_sequence<positions[I]...>{};
  }(std::make_index_sequence<count>{});
}

/// The sum over the non-zero weights of Row. Stages offer get<j>(), the stage k_j.
template <class Row, class Positions = decltype(nonzero<Row>())>
struct StageSum;

template <class Row, std::size_t... J>
struct StageSum<Row, std::index_sequence<J...>> {
  /// h Σ w_j k_j as one lazy expression over the stages (which must outlive it).
  template <class S, class Stages>
  static auto expression(S h, const Stages& k) {
    return (... + ((h * weight<J, S>) * k.template get<J>()));
  }

  /// Component I of h Σ w_j k_j.
  template <std::size_t I, class S, class Stages>
  static S component(S h, const Stages& k) {
    return (... + ((h * weight<J, S>) * k.template get<J>().coeff(I)));
  }

  /// Component I of y + h Σ w_j k_j, the latest stage last: the others, and y, are there before it.
  template <std::size_t I, class S, class Stages>
  static S component_after(S y, S h, const Stages& k) {
    constexpr std::array<std::size_t, sizeof...(J)> j{J...};
    constexpr std::size_t last = j.back();
    const S sum = [&]<std::size_t... N>(std::index_sequence<N...>) {
      if constexpr (sizeof...(N) == 0) return y;
      else return y + (... + ((h * weight<j[N], S>) * k.template get<j[N]>().coeff(I)));
    }(std::make_index_sequence<sizeof...(J) - 1>{});
    return sum + (h * weight<last, S>) * k.template get<last>().coeff(I);
  }

 private:
  template <std::size_t At, class S>
  static constexpr S weight = Row{}()[At].template as<S>();
};

/// out = y + h Σ w_j k_j. `final`: where out is the step's result, the sum is complete before it meets y and only one rounding is
/// as large as y's.
template <class Row, bool final, class Y, class S, class Stages>
void add_stages_to(const Y& y, S h, const Stages& k, Y& out) {
  using Sum = StageSum<Row>;
  if constexpr (is_small<Y>) {
    for_components<Y>([&]<std::size_t I>() {
      if constexpr (final) out.coeffRef(I) = y.coeff(I) + Sum::template component<I>(h, k);
      else out.coeffRef(I) = Sum::template component_after<I>(y.coeff(I), h, k);
    });
  } else {
    out = y + Sum::expression(h, k);
  }
}

/// h Σ w_j k_j: a lazy expression, or where small the value.
template <class Row, class Y, class S, class Stages>
auto sum_stages(S h, const Stages& k) {
  using Sum = StageSum<Row>;
  if constexpr (is_small<Y>) {
    Y out;
    for_components<Y>([&]<std::size_t I>() { out.coeffRef(I) = Sum::template component<I>(h, k); });
    return out;
  } else {
    return Sum::expression(h, k);
  }
}

}  // namespace costate::detail
