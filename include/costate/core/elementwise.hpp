#pragma once
// Applies a function to arrays, element by element, in packets.
//
// The function is generic, `[](auto x) { return cs::tanh(x); }`, and is only ever called with packets: the remainder of an
// array is a partly filled packet. So an element's result does not depend on its position or on the length of the array.

#include <cstddef>

#include "costate/core/simd.hpp"

namespace costate {

/// out[i] = op(x[i]) for 0 ≤ i < n. In place (out == x) is allowed, other overlaps are not.
template <class Op, class S>
inline void map(Op op, const S* x, S* out, std::ptrdiff_t n) {
  using P = simd::Packet<S>;
  std::ptrdiff_t i = 0;
  for (; i + P::width <= n; i += P::width) P(op(P::load(x + i))).store(out + i);
  if (i < n) P(op(P::load(x + i, n - i))).store(out + i, n - i);
}

/// out[i] = op(x[i], y[i]) for 0 ≤ i < n. out may be x or y.
template <class Op, class S>
inline void map(Op op, const S* x, const S* y, S* out, std::ptrdiff_t n) {
  using P = simd::Packet<S>;
  std::ptrdiff_t i = 0;
  for (; i + P::width <= n; i += P::width) P(op(P::load(x + i), P::load(y + i))).store(out + i);
  if (i < n) P(op(P::load(x + i, n - i), P::load(y + i, n - i))).store(out + i, n - i);
}

}  // namespace costate
