#pragma once
// Butcher tableaus as data: c, a, b, the embedded weights b̂ and the dense output's weights b_i(θ), all exact rationals.
//
//   k_i = f(t + c_i h, y + h Σ_j a_ij k_j),  y' = y + h Σ b_i k_i,  error = h Σ (b_i − b̂_i) k_i,  y(t + θh) = y + h Σ b_i(θ) k_i
//
//   static constexpr auto tableau = butcher_tableau(
//       row(0_r),
//       row(1_r, 1_r),
//       weights(1_r/2, 1_r/2), embedded(1_r, 0_r),
//       dense_output(polynomial(1_r, -1_r/2), polynomial(0_r, 1_r/2)));       // b_1(θ) = θ − θ²/2, b_2(θ) = θ²/2
//
// Malformed tableaus do not compile: a row without its i − 1 entries, rows that do not sum to c, weights that do not sum to 1,
// dense weights that do not end in b.

#include <costate/ode/rational.hpp>

#include <array>
#include <concepts>
#include <cstddef>

namespace costate {

/// An explicit Runge–Kutta method in exact arithmetic. Degree is that of the dense output in θ.
template <std::size_t Stages, std::size_t Degree>
struct ButcherTableau {
  static constexpr std::size_t stages = Stages;
  static constexpr std::size_t degree = Degree;

  std::array<Rational, Stages> c{};
  std::array<std::array<Rational, Stages>, Stages> a{};
  std::array<Rational, Stages> b{};
  std::array<Rational, Stages> b_hat{};                     ///< embedded weights; equal to b where there are none
  std::array<std::array<Rational, Degree>, Stages> dense{};  ///< b_i(θ) = Σ_j dense[i][j] θ^(j+1)
  bool adaptive = false;                                    ///< has embedded weights

  /// Whether the last stage is f at the step's end, that is, the next step's first stage.
  constexpr bool first_same_as_last() const { return Stages > 1 && c[Stages - 1] == Rational(1) && a[Stages - 1] == b; }
};

namespace detail {

template <std::size_t N>
struct TableauRow {
  Rational c;
  std::array<Rational, N> a;
};
template <std::size_t N>
struct TableauWeights {
  std::array<Rational, N> b;
};
template <std::size_t N>
struct TableauEmbedded {
  std::array<Rational, N> b;
};
template <std::size_t N, std::size_t Degree>
struct TableauDense {
  std::array<std::array<Rational, Degree>, N> b;
};

template <class... Parts>
struct TableauStages {
  static constexpr std::size_t value = 0;
};
template <class Part, class... Rest>
struct TableauStages<Part, Rest...> : TableauStages<Rest...> {};
template <std::size_t N, class... Rest>
struct TableauStages<TableauWeights<N>, Rest...> {
  static constexpr std::size_t value = N;
};
template <class Part, class... Rest>
struct TableauDegree : TableauDegree<Rest...> {};
template <std::size_t N, std::size_t Degree, class... Rest>
struct TableauDegree<TableauDense<N, Degree>, Rest...> {
  static constexpr std::size_t value = Degree;
};

template <std::size_t S, std::size_t D>
struct TableauBuilder {
  ButcherTableau<S, D> t{};
  std::size_t rows = 0;

  template <std::size_t N>
  constexpr void add(const TableauRow<N>& row) {
    if (N != rows) throw "costate: row i of an explicit tableau has c and i - 1 entries";
    Rational sum;
    for (std::size_t j = 0; j < N; ++j) {
      t.a[rows][j] = row.a[j];
      sum = sum + row.a[j];
    }
    if (!(sum == row.c)) throw "costate: a tableau's row does not sum to c";
    t.c[rows++] = row.c;
  }
  constexpr void add(const TableauWeights<S>& w) {
    t.b = t.b_hat = w.b;
    check_sum(w.b);
  }
  constexpr void add(const TableauEmbedded<S>& w) {
    t.b_hat = w.b;
    t.adaptive = true;
    check_sum(w.b);
  }
  constexpr void add(const TableauDense<S, D>& w) {
    t.dense = w.b;
    for (std::size_t i = 0; i < S; ++i) {
      Rational end;
      for (const Rational& p : w.b[i]) end = end + p;
      if (!(end == t.b[i])) throw "costate: a dense output does not end in the weights";
    }
  }
  static constexpr void check_sum(const std::array<Rational, S>& b) {
    Rational sum;
    for (const Rational& x : b) sum = sum + x;
    if (!(sum == Rational(1))) throw "costate: a tableau's weights do not sum to 1";
  }
};

}  // namespace detail

/// Stage i: its node c_i and the entries a_i1 … a_i,i−1.
template <std::convertible_to<Rational>... A>
consteval auto row(Rational c, A... a) {
  return detail::TableauRow<sizeof...(A)>{c, {Rational(a)...}};
}
/// The weights b of the solution.
template <std::convertible_to<Rational>... B>
consteval auto weights(B... b) {
  return detail::TableauWeights<sizeof...(B)>{{Rational(b)...}};
}
/// The weights b̂ of the embedded solution, whose difference is the error estimate.
template <std::convertible_to<Rational>... B>
consteval auto embedded(B... b) {
  return detail::TableauEmbedded<sizeof...(B)>{{Rational(b)...}};
}
/// One stage's dense output weight: the coefficients of θ, θ², ….
template <std::convertible_to<Rational>... P>
consteval auto polynomial(P... p) {
  return std::array<Rational, sizeof...(P)>{Rational(p)...};
}
/// The dense output, one polynomial per stage.
template <std::size_t Degree, class... P>
consteval auto dense_output(const std::array<Rational, Degree>& first, const P&... rest) {
  return detail::TableauDense<1 + sizeof...(P), Degree>{{first, rest...}};
}

/// Rows, then weights, then (for an embedded pair) embedded weights, then the dense output.
template <class... Parts>
consteval auto butcher_tableau(const Parts&... parts) {
  constexpr std::size_t stages = detail::TableauStages<Parts...>::value;
  detail::TableauBuilder<stages, detail::TableauDegree<Parts...>::value> builder;
  (builder.add(parts), ...);
  if (builder.rows != stages) throw "costate: a tableau needs as many rows as weights";
  return builder.t;
}

/// The same coefficients as numbers of type S: c, a, b, the error weights e = b − b̂, and the dense output.
template <class S, std::size_t Stages, std::size_t Degree>
struct TableauNumbers {
  std::array<S, Stages> c{};
  std::array<std::array<S, Stages>, Stages> a{};
  std::array<S, Stages> b{};
  std::array<S, Stages> e{};
  std::array<std::array<S, Degree>, Stages> dense{};
};

namespace detail {
template <class S, std::size_t N, std::size_t D>
consteval auto tableau_numbers(const ButcherTableau<N, D>& t) {
  TableauNumbers<S, N, D> out{};
  for (std::size_t i = 0; i < N; ++i) {
    out.c[i] = t.c[i].template as<S>();
    out.b[i] = t.b[i].template as<S>();
    out.e[i] = (t.b[i] - t.b_hat[i]).template as<S>();
    for (std::size_t j = 0; j < N; ++j) out.a[i][j] = t.a[i][j].template as<S>();
    for (std::size_t j = 0; j < D; ++j) out.dense[i][j] = t.dense[i][j].template as<S>();
  }
  return out;
}
}  // namespace detail

/// Method M's coefficients in the scalar type S.
template <class M, class S>
inline constexpr auto coefficients = detail::tableau_numbers<S>(M::tableau);

}  // namespace costate
