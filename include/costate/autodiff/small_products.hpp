#pragma once
// Products of row-major matrices that are small, or narrow in some direction, straight from memory: the layers of networks, single
// samples, outer products. Packing the factors into blocks, as products of large matrices do, would cost more than it saves here.
//
//   rows_times(…)              C (+)= A B or Aᵀ B, C = b 1ᵀ + A B: blocks of C stay in registers while the rows of B pass
//   rows_times_transposed(…)   C (+)= A Bᵀ through Bᵀ, some rows of it at a time
//   inner_products(…)          C (+)= A Bᵀ: blocks of inner products along contiguous rows
//   times_vector(…)            y (+)= A x
//   outer(…)                   C (+)= x yᵀ

#include <algorithm>
#include <type_traits>
#include <utility>

#include <costate/autodiff/arena.hpp>
#include <costate/autodiff/slot.hpp>
#include <costate/core/elementwise.hpp>
#include <costate/core/simd.hpp>
#include <costate/core/transpose.hpp>

namespace costate::detail {

/// body(0), …, body(N − 1), their arguments constants.
template <int N, class Body>
[[gnu::always_inline]] inline void times(const Body& body) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) { (body(std::integral_constant<int, I>{}), ...); }
  (std::make_integer_sequence<int, N>{});
}

/// Calls body with n as a constant if it is from 1 to 4, else the general one.
template <class Body, class General>
void by_short_length(Index n, const Body& body, const General& general) {
  switch (n) {
    case 1: return body(std::integral_constant<int, 1>{});
    case 2: return body(std::integral_constant<int, 2>{});
    case 3: return body(std::integral_constant<int, 3>{});
    case 4: return body(std::integral_constant<int, 4>{});
    default: return general();
  }
}

/// A matrix by its strides: entry (i, j) is at p[i · down + j · right].
template <class S>
struct Strided {
  const S* p;
  Index down, right;
};

/// What a product is added to: nothing, what is there, or a column, to every sample.
template <class S>
struct Onto {
  bool there = false;
  const S* column = nullptr;

  Onto(bool add) : there(add) {}         // NOLINT: `add` means one of the first two
  Onto(const S* each) : column(each) {}  // NOLINT: were it explicit, a pointer would count as true
  [[nodiscard]] Onto below(Index rows) const { return column == nullptr ? *this : Onto(column + rows); }
};

/// R rows and Q packets of C = … + A B; `at` finds the first packet in a row, and tells how much of it there is.
template <int R, int Q, class S, class Place>
[[gnu::always_inline]] inline void block_of_rows(Strided<S> a, Index depth, const S* b, S* c, Index n, Onto<S> onto, Place at) {
  using P = simd::Packet<S>;
  P sum[R][Q];
  times<R>([&](auto r) {
    const P each = onto.column == nullptr ? P(0) : P(onto.column[r]);
    times<Q>([&](auto q) { sum[r][q] = onto.there ? at.load(c + r * n + q * P::width) : each; });
  });
  for (Index j = 0; j < depth; ++j, b += n) {
    P row[Q];
    times<Q>([&](auto q) { row[q] = at.load(b + q * P::width); });
    times<R>([&](auto r) {
      const P factor(a.p[r * a.down + j * a.right]);
      times<Q>([&](auto q) { sum[r][q] = muladd(factor, row[q], sum[r][q]); });
    });
  }
  times<R>([&](auto r) {
    times<Q>([&](auto q) { at.store(c + r * n + q * P::width, sum[r][q]); });
  });
}

/// Q packets of each row of C = … + A B. Twelve sums keep the multipliers busy and leave registers for the factors; of 32 registers sixteen sums
/// do so, too: blocks of eight rows, as many as leave no four, which would load B too often for what they multiply.
template <int Q, class S, class Place>
void strip_of_columns(Strided<S> a, Index m, Index depth, const S* b, S* c, Index n, Onto<S> onto, Place at) {
  Index i = 0;
  const auto block = [&]<int R>(std::integral_constant<int, R>) {
    block_of_rows<R, Q>(Strided<S>{a.p + i * a.down, a.down, a.right}, depth, b, c + i * n, n, onto.below(i), at);
    i += R;
  };
  if constexpr (simd::Packet<S>::width * sizeof(S) == 64)
    for (Index eights = m % 6 / 2; eights > 0 && i + 8 <= m; --eights) block(std::integral_constant<int, 8>{});
  while (i + 6 <= m) block(std::integral_constant<int, 6>{});
  if (i + 4 <= m) block(std::integral_constant<int, 4>{});
  if (i + 2 <= m) block(std::integral_constant<int, 2>{});
  if (i < m) block(std::integral_constant<int, 1>{});
}

/// The whole packets of R rows of C = … + A B of depth N.
template <int R, int N, class S>
[[gnu::always_inline]] inline void shallow_rows(Strided<S> a, const S* b, S* c, Index n, Onto<S> onto) {
  using P = simd::Packet<S>;
  P factor[R][N], each[R];
  times<R>([&](auto r) {
    times<N>([&](auto k) { factor[r][k] = P(a.p[r * a.down + k * a.right]); });
    each[r] = onto.column == nullptr ? P(0) : P(onto.column[r]);
  });
  for (Index j = 0; j + P::width <= n; j += P::width) {
    P row[N];
    times<N>([&](auto k) { row[k] = P::load(b + k * n + j); });
    times<R>([&](auto r) {
      P sum = onto.there ? P::load(c + r * n + j) : each[r];
      times<N>([&](auto k) { sum = muladd(factor[r][k], row[k], sum); });
      sum.store(c + r * n + j);
    });
  }
}
/// The same of all m rows: where little is multiplied, memory is what counts, and it is written best along its rows.
template <int N, class S>
void shallow_product(Strided<S> a, Index m, const S* b, S* c, Index n, Onto<S> onto) {
  Index i = 0;
  const auto rows = [&]<int R>(std::integral_constant<int, R>) {
    shallow_rows<R, N>(Strided<S>{a.p + i * a.down, a.down, a.right}, b, c + i * n, n, onto.below(i));
    i += R;
  };
  if constexpr (N > 1)
    while (i + 2 <= m) rows(std::integral_constant<int, 2>{});
  while (i < m) rows(std::integral_constant<int, 1>{});
}

/// C = … + A B of m x n; B and C are contiguous.
template <class S>
void rows_times(Strided<S> a, Index m, Index depth, const S* b, S* c, Index n, std::type_identity_t<Onto<S>> onto) {
  constexpr Index width = simd::Packet<S>::width;
  Index j = 0;
  if (depth <= 4 && n >= width)
    by_short_length(depth, [&]<int N>(std::integral_constant<int, N>) { shallow_product<N>(a, m, b, c, n, onto), j = n / width * width; }, [] {});
  else if (m == 1)
    for (; j + 4 * width <= n; j += 4 * width) block_of_rows<1, 4>(a, depth, b, c, n, onto, WholePacket<S>{j});
  for (; j + 2 * width <= n; j += 2 * width) strip_of_columns<2>(a, m, depth, b, c, n, onto, WholePacket<S>{j});
  if (j + width <= n) strip_of_columns<1>(a, m, depth, b, c, n, onto, WholePacket<S>{j}), j += width;
  if (j < n) strip_of_columns<1>(a, m, depth, b, c, n, onto, PartOfPacket<S>{j, n - j});
}

/// R x Q entries of C (+)= A Bᵀ.
template <int R, int Q, class S>
[[gnu::always_inline]] inline void block_of_products(const S* a, const S* b, Index n, S* c, Index stride, bool add) {
  using P = simd::Packet<S>;
  P sum[R][Q];
  times<R>([&](auto r) { times<Q>([&](auto q) { sum[r][q] = P(0); }); });
  Index i = 0;
  for (; i + P::width <= n; i += P::width) {
    P row[Q];
    times<Q>([&](auto q) { row[q] = P::load(b + q * n + i); });
    times<R>([&](auto r) {
      const P left = P::load(a + r * n + i);
      times<Q>([&](auto q) { sum[r][q] = muladd(left, row[q], sum[r][q]); });
    });
  }
  times<R>([&](auto r) {
    times<Q>([&](auto q) {
      S total = simd::sum(sum[r][q]);
      for (Index j = i; j < n; ++j) total += a[r * n + j] * b[q * n + j];
      S& entry = c[r * stride + q];
      entry = add ? entry + total : total;
    });
  });
}

/// C (+)= A Bᵀ of m x k; the rows of A and B are contiguous, n long.
template <class S>
void inner_products(const S* a, Index m, const S* b, Index k, Index n, S* c, bool add) {
  const auto columns = [&]<int Q>(Index j, std::integral_constant<int, Q>) {
    Index i = 0;
    const auto block = [&]<int R>(std::integral_constant<int, R>) {
      block_of_products<R, Q>(a + i * n, b + j * n, n, c + i * k + j, k, add);
      i += R;
    };
    if constexpr (Q == 1)
      while (i + 8 <= m) block(std::integral_constant<int, 8>{});
    while (i + 4 <= m) block(std::integral_constant<int, 4>{});
    if (i + 2 <= m) block(std::integral_constant<int, 2>{});
    if (i < m) block(std::integral_constant<int, 1>{});
  };
  Index j = 0;
  for (; j + 2 <= k; j += 2) columns(j, std::integral_constant<int, 2>{});
  if (j < k) columns(j, std::integral_constant<int, 1>{});
}

/// C (+)= A Bᵀ of m x k, through Bᵀ: `scratch` holds so many rows of it at a time that they stay in the cache.
template <class S>
void rows_times_transposed(const S* a, Index m, const S* b, Index k, Index n, S* c, bool add, Scratch& scratch) {
  constexpr Index width = simd::Packet<S>::width, rows = 256;
  S* const turned = scratch.take<S>(static_cast<std::size_t>(std::min(rows, n) * k));
  for (Index i = 0; i < n; i += rows) {
    const Index depth = std::min(rows, n - i);
    for (Index j = 0; j < k; j += width) {
      const S* from[width];
      const Index count = std::min(width, k - j);
      for (Index q = 0; q < count; ++q) from[q] = b + (j + q) * n + i;
      put_columns_together(from, count, depth, turned + j, k);
    }
    rows_times(Strided<S>{a + i, n, 1}, m, depth, turned, c, k, add || i > 0);
  }
}

/// y (+)= A x for N columns, too few for packets.
template <int N, class S>
void times_short_vector(const S* a, Index m, const S* x, S* y, bool add) {
  S factor[N];
  times<N>([&](auto j) { factor[j] = x[j]; });
  for (Index i = 0; i < m; ++i) {
    S sum = add ? y[i] : S(0);
    times<N>([&](auto j) { sum += a[i * N + j] * factor[j]; });
    y[i] = sum;
  }
}

/// C (+)= x yᵀ for N columns.
template <int N, class S>
void outer_with_short_vector(const S* x, Index m, const S* y, S* c, bool add) {
  S factor[N];
  times<N>([&](auto j) { factor[j] = y[j]; });
  for (Index i = 0; i < m; ++i, c += N) times<N>([&](auto j) { c[j] = add ? c[j] + x[i] * factor[j] : x[i] * factor[j]; });
}

/// y (+)= A x, A of m x n.
template <class S>
void times_vector(const S* a, Index m, Index n, const S* x, S* y, bool add) {
  by_short_length(
      n, [&]<int N>(std::integral_constant<int, N>) { times_short_vector<N>(a, m, x, y, add); }, [&] { inner_products(a, m, x, 1, n, y, add); });
}

/// C (+)= x yᵀ of m x n.
template <class S>
void outer(const S* x, Index m, const S* y, Index n, S* c, bool add) {
  by_short_length(
      n, [&]<int N>(std::integral_constant<int, N>) { outer_with_short_vector<N>(x, m, y, c, add); }, [&] { rows_times(Strided<S>{x, 1, 0}, m, 1, y, c, n, add); });
}

}  // namespace costate::detail
