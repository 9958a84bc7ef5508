#pragma once
// Arrays as loops over numbers, with the names and meaning of the library's: what random programs are compared with.

#include <cstddef>
#include <tuple>
#include <vector>

namespace naive {

template <class N>
struct Array {
  std::ptrdiff_t r = 0, c = 0;
  std::vector<N> v;

  Array() = default;
  Array(std::ptrdiff_t rows, std::ptrdiff_t cols) : r(rows), c(cols), v(static_cast<std::size_t>(rows * cols), N(0)) {}
  N& at(std::ptrdiff_t i, std::ptrdiff_t j) { return v[static_cast<std::size_t>(i * c + j)]; }
  const N& operator()(std::ptrdiff_t i, std::ptrdiff_t j) const { return v[static_cast<std::size_t>(i * c + j)]; }
  const N& wide(std::ptrdiff_t i, std::ptrdiff_t j) const { return (*this)(r == 1 ? 0 : i, c == 1 ? 0 : j); }
  [[nodiscard]] std::ptrdiff_t rows() const { return r; }
  [[nodiscard]] std::ptrdiff_t cols() const { return c; }

  template <class X>
  Array& operator+=(const X& x) { return *this = *this + x; }
  template <class X>
  Array& operator*=(const X& x) { return *this = *this * x; }
};

template <class N>
const Array<N>& lift(const Array<N>& a, const Array<N>&) { return a; }
template <class N, class X>
Array<N> lift(const X& x, const Array<N>&) {
  Array<N> a(1, 1);
  a.v[0] = N(x);
  return a;
}

template <class N, class F>
Array<N> each(const Array<N>& a, const F& f) {
  Array<N> out(a.r, a.c);
  for (std::size_t i = 0; i < a.v.size(); ++i) out.v[i] = f(a.v[i]);
  return out;
}
template <class N, class F>
Array<N> each(const Array<N>& a, const Array<N>& b, const F& f) {
  Array<N> out(a.r != 1 ? a.r : b.r, a.c != 1 ? a.c : b.c);
  for (std::ptrdiff_t i = 0; i < out.r; ++i)
    for (std::ptrdiff_t j = 0; j < out.c; ++j) out.at(i, j) = f(a.wide(i, j), b.wide(i, j));
  return out;
}

template <class X>
inline constexpr bool is_array = false;
template <class N>
inline constexpr bool is_array<Array<N>> = true;
template <class A, class B>
concept Pair = is_array<A> || is_array<B>;
template <class A, class B>
const auto& array_of(const A& a, const B& b) {
  if constexpr (is_array<A>) return static_cast<void>(b), a;
  else return static_cast<void>(a), b;
}

template <class A, class B, class F>
auto pointwise(const A& a, const B& b, const F& f) {
  const auto& model = array_of(a, b);
  return each(lift(a, model), lift(b, model), f);
}
template <class A, class B> requires Pair<A, B>
auto operator+(const A& a, const B& b) { return pointwise(a, b, [](const auto& x, const auto& y) { return x + y; }); }
template <class A, class B> requires Pair<A, B>
auto operator-(const A& a, const B& b) { return pointwise(a, b, [](const auto& x, const auto& y) { return x - y; }); }
template <class A, class B> requires Pair<A, B>
auto operator*(const A& a, const B& b) { return pointwise(a, b, [](const auto& x, const auto& y) { return x * y; }); }
template <class A, class B> requires Pair<A, B>
auto operator/(const A& a, const B& b) { return pointwise(a, b, [](const auto& x, const auto& y) { return x / y; }); }

template <class N>
Array<N> matmul(const Array<N>& a, const Array<N>& b) {
  Array<N> out(a.r, b.c);
  for (std::ptrdiff_t i = 0; i < a.r; ++i)
    for (std::ptrdiff_t j = 0; j < b.c; ++j)
      for (std::ptrdiff_t k = 0; k < a.c; ++k) out.at(i, j) += a(i, k) * b(k, j);
  return out;
}
template <class N>
Array<N> transpose(const Array<N>& a) {
  Array<N> out(a.c, a.r);
  for (std::ptrdiff_t i = 0; i < a.r; ++i)
    for (std::ptrdiff_t j = 0; j < a.c; ++j) out.at(j, i) = a(i, j);
  return out;
}
template <class N>
Array<N> block(const Array<N>& a, std::ptrdiff_t i0, std::ptrdiff_t j0, std::ptrdiff_t m, std::ptrdiff_t n) {
  Array<N> out(m, n);
  for (std::ptrdiff_t i = 0; i < m; ++i)
    for (std::ptrdiff_t j = 0; j < n; ++j) out.at(i, j) = a(i0 + i, j0 + j);
  return out;
}
template <class N>
Array<N> rows(const Array<N>& a, std::ptrdiff_t first, std::ptrdiff_t n) { return block(a, first, 0, n, a.c); }
template <class N>
Array<N> cols(const Array<N>& a, std::ptrdiff_t first, std::ptrdiff_t n) { return block(a, 0, first, a.r, n); }
template <class N>
Array<N> reshape(const Array<N>& a, std::ptrdiff_t offset, std::ptrdiff_t m, std::ptrdiff_t n) {
  Array<N> out(m, n);
  for (std::ptrdiff_t i = 0; i < m * n; ++i) out.v[static_cast<std::size_t>(i)] = a.v[static_cast<std::size_t>(offset + i)];
  return out;
}
template <class N, class... X>
Array<N> stack(const Array<N>& first, const X&... more) {
  std::vector<Array<N>> parts{first, lift(more, first)...};
  std::ptrdiff_t r = 0, c = 1;
  for (const auto& p : parts) r += p.r, c = p.c != 1 ? p.c : c;
  Array<N> out(r, c);
  std::ptrdiff_t at = 0;
  for (const auto& p : parts)
    for (std::ptrdiff_t i = 0; i < p.r; ++i, ++at)
      for (std::ptrdiff_t j = 0; j < c; ++j) out.at(at, j) = p.wide(i, j);
  return out;
}
template <class N>
Array<N> hstack(const Array<N>& a, const Array<N>& b) { return transpose(stack(transpose(a), transpose(b))); }
template <class N>
N sum(const Array<N>& a) {
  N total = 0;
  for (const auto& x : a.v) total += x;
  return total;
}
template <class N>
N mean(const Array<N>& a) { return sum(a) / N(static_cast<double>(a.v.size())); }
template <class N>
N dot(const Array<N>& a, const Array<N>& b) { return sum(a * b); }
template <class N>
Array<N> colwise_sum(const Array<N>& a) {
  Array<N> out(1, a.c);
  for (std::ptrdiff_t i = 0; i < a.r; ++i)
    for (std::ptrdiff_t j = 0; j < a.c; ++j) out.v[static_cast<std::size_t>(j)] += a(i, j);
  return out;
}
template <class N>
Array<N> rowwise_sum(const Array<N>& a) { return transpose(colwise_sum(transpose(a))); }

}  // namespace naive
