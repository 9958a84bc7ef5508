#pragma once
// Rows that become columns, a square of registers at a time: samples that come from memory of their own to a batch, and back.

#include <cstddef>
#include <utility>

#include <costate/core/simd.hpp>

namespace costate::simd {

namespace detail {

/// Lanes of a and b in turn, from lane `first` on.
template <int first, class V, int... I>
[[gnu::always_inline]] inline V interleaved(V a, V b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (first + I / 2 + (I % 2 == 0 ? 0 : static_cast<int>(sizeof...(I))))...);
}

}  // namespace detail

/// Lane j of packet i becomes lane i of packet j.
template <class S>
[[gnu::always_inline]] inline void transpose([[maybe_unused]] Packet<S> (&square)[Packet<S>::width]) {
  constexpr int n = Packet<S>::width;
  if constexpr (n > 1) {
    constexpr std::make_integer_sequence<int, n> lanes;
    for (int round = 1; round < n; round *= 2) {  // each moves the highest bit of a packet's number to the lowest of its lanes' one
      Packet<S> turned[n];
      for (int i = 0; i < n / 2; ++i) {
        turned[2 * i].v = detail::interleaved<0>(square[i].v, square[i + n / 2].v, lanes);
        turned[2 * i + 1].v = detail::interleaved<n / 2>(square[i].v, square[i + n / 2].v, lanes);
      }
      for (int i = 0; i < n; ++i) square[i] = turned[i];
    }
  }
}

}  // namespace costate::simd

namespace costate::detail {

/// rows[j][i] = from[i · stride + j] for 0 ≤ i < n and 0 ≤ j < count ≤ a packet's width: columns that lie side by side, each to a place of its own.
template <class S>
inline void take_columns_apart(const S* from, std::ptrdiff_t stride, std::ptrdiff_t n, S* const* rows, std::ptrdiff_t count) {
  using P = simd::Packet<S>;
  const std::ptrdiff_t whole = count == P::width ? n - n % P::width : 0;
  for (std::ptrdiff_t i = 0; i < whole; i += P::width) {
    P square[P::width];
    for (int k = 0; k < P::width; ++k) square[k] = P::load(from + (i + k) * stride);
    simd::transpose(square);
    for (int k = 0; k < P::width; ++k) square[k].store(rows[k] + i);
  }
  for (std::ptrdiff_t i = whole; i < n; ++i)
    for (std::ptrdiff_t j = 0; j < count; ++j) rows[j][i] = from[i * stride + j];
}

/// to[i · stride + j] = rows[j][i] for 0 ≤ i < n and 0 ≤ j < count ≤ a packet's width.
template <class S>
inline void put_columns_together(const S* const* rows, std::ptrdiff_t count, std::ptrdiff_t n, S* to, std::ptrdiff_t stride) {
  using P = simd::Packet<S>;
  const std::ptrdiff_t whole = count == P::width ? n - n % P::width : 0;
  for (std::ptrdiff_t i = 0; i < whole; i += P::width) {
    P square[P::width];
    for (int k = 0; k < P::width; ++k) square[k] = P::load(rows[k] + i);
    simd::transpose(square);
    for (int k = 0; k < P::width; ++k) square[k].store(to + (i + k) * stride);
  }
  for (std::ptrdiff_t i = whole; i < n; ++i)
    for (std::ptrdiff_t j = 0; j < count; ++j) to[i * stride + j] = rows[j][i];
}

}  // namespace costate::detail
