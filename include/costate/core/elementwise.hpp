#pragma once
// Applies a function to arrays, element by element, in packets.
//
// The function is generic, `[](auto x) { return cs::tanh(x); }`, and is only ever called with packets: the remainder of an
// array is a partly filled packet. So an element's result does not depend on its position or on the length of the array.

#include <cstddef>

#include <costate/core/simd.hpp>

namespace costate {

namespace detail {

// The place of a whole packet, or of the n elements that remain, in arrays that are walked together.
template <class S>
struct WholePacket {
  std::ptrdiff_t at;
  [[gnu::always_inline]] simd::Packet<S> load(const S* x) const { return simd::Packet<S>::load(x + at); }
  [[gnu::always_inline]] void store(S* out, simd::Packet<S> value) const { value.store(out + at); }
};
template <class S>
struct PartOfPacket {
  std::ptrdiff_t at, n;
  [[gnu::always_inline]] simd::Packet<S> load(const S* x) const { return simd::Packet<S>::load(x + at, n); }
  [[gnu::always_inline]] void store(S* out, simd::Packet<S> value) const { value.store(out + at, n); }
};

/// Calls body(place) for n elements in packets; the body does `place.load(x)` and `place.store(out, value)`. Surplus lanes of
/// the last packet repeat its first element.
template <class S, class Body>
inline void for_each_packet(std::ptrdiff_t n, Body body) {
  constexpr int width = simd::Packet<S>::width;
  std::ptrdiff_t i = 0;
  for (; i + width <= n; i += width) body(WholePacket<S>{i});
  if (i < n) body(PartOfPacket<S>{i, n - i});
}

}  // namespace detail

/// out[i] = op(x[i]) for 0 ≤ i < n. In place (out == x) is allowed, other overlaps are not.
template <class Op, class S>
inline void map(Op op, const S* x, S* out, std::ptrdiff_t n) {
  detail::for_each_packet<S>(n, [=](auto place) { place.store(out, op(place.load(x))); });
}

/// out[i] = op(x[i], y[i]) for 0 ≤ i < n. out may be x or y.
template <class Op, class S>
inline void map(Op op, const S* x, const S* y, S* out, std::ptrdiff_t n) {
  detail::for_each_packet<S>(n, [=](auto place) { place.store(out, op(place.load(x), place.load(y))); });
}

}  // namespace costate
