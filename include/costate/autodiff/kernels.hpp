#pragma once
// Loops over packets: elementwise functions with broadcasting and reduction; and the three products of row-major matrices.

#include <algorithm>
#include <cstring>

#include <costate/autodiff/arena.hpp>
#include <costate/autodiff/small_products.hpp>
#include <costate/autodiff/slot.hpp>
#include <costate/core/eigen.hpp>
#include <costate/core/elementwise.hpp>

namespace costate::detail {

template <class S>
using RowMajor = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class S>
using MapIn = Eigen::Map<const RowMajor<S>>;
template <class S>
using MapOut = Eigen::Map<RowMajor<S>>;

/// An Eigen object's values, row by row. Of one stored column by column eight rows at a time are read: a cache line of a column.
template <class S, class X>
void store_rows(const Eigen::MatrixBase<X>& x, S* out) {
  Index i = 0;
  const Index rows = x.rows(), cols = x.cols();
  if constexpr ((X::Flags & Eigen::DirectAccessBit) != 0 && !X::IsRowMajor && !X::IsVectorAtCompileTime)
    for (; i + 8 <= rows; i += 8, out += 8 * cols)
      for (Index j = 0; j < cols; ++j)
        for (Index k = 0; k < 8; ++k) out[k * cols + j] = static_cast<S>(x.derived().coeff(i + k, j));
  MapOut<S>(out, rows - i, cols) = x.bottomRows(rows - i).template cast<S>();
}

/// out (+)= f(x), elementwise over n contiguous values.
template <class S, class F>
void map(const F& f, const S* x, S* out, Index n, bool add) {
  for_each_packet<S>(n, [&](auto at) {
    const auto value = f(at.load(x));
    at.store(out, add ? at.load(out) + value : value);
  });
}

/// Σ value(place) over n places. Four sums side by side, since an addition waits for the one before it.
template <class S, class Value>
S sum_of(Index n, const Value& value) {
  using P = simd::Packet<S>;
  P sums[4] = {P(0), P(0), P(0), P(0)};
  Index i = 0;
  for (; i + 4 * P::width <= n; i += 4 * P::width)
    times<4>([&](auto k) { sums[k] += value(WholePacket<S>{i + k * P::width}); });
  for (; i + P::width <= n; i += P::width) sums[0] += value(WholePacket<S>{i});
  S total = simd::sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  if (i < n) {
    const P rest = value(PartOfPacket<S>{i, n - i});
    for (int k = 0; k < n - i; ++k) total += rest[k];
  }
  return total;
}

/// One row of broadcast(): an operand that is not `wide` repeats; with `sum` the row collapses into one number.
template <class S, class F>
void map_row(const F& f, const S* x, bool wide_x, const S* y, bool wide_y, S* out, bool sum, Index n, bool add) {
  const simd::Packet<S> x0(*x), y0(*y);
  const auto value = [&](auto at) { return f(wide_x ? at.load(x) : x0, wide_y ? at.load(y) : y0); };
  if (sum) {
    const S total = sum_of<S>(n, value);
    *out = add ? *out + total : total;
  } else if (add) {
    for_each_packet<S>(n, [&](auto at) { at.store(out, at.load(out) + value(at)); });
  } else {
    for_each_packet<S>(n, [&](auto at) { at.store(out, value(at)); });
  }
}

/// out (+)= f(x, y), each of x, y, out having either the full extent or 1 along each axis: operands broadcast, the result sums.
template <class S, class F>
void broadcast(const F& f, const Slot<S>& x, const Slot<S>& y, Index out_rows, Index out_cols, S* out, bool add) {
  const auto extent = [](Index a, Index b, Index c) { return a != 1 ? a : b != 1 ? b : c; };
  Index rows = extent(x.rows, y.rows, out_rows), cols = extent(x.cols, y.cols, out_cols);
  Index xr = x.rows == 1 ? 0 : x.cols, yr = y.rows == 1 ? 0 : y.cols, outr = out_rows == 1 ? 0 : out_cols;
  bool xc = x.cols != 1, yc = y.cols != 1, outc = out_cols != 1;
  if (cols == 1) {  // a column is as contiguous as a row
    cols = rows, rows = 1;
    xc = x.rows != 1, yc = y.rows != 1, outc = out_rows != 1;
  } else if (xr == cols && yr == cols && (outr == cols || (outr == 0 && !outc))) {
    cols *= rows, rows = 1;
  }
  if (rows == 0 || cols == 0) {
    if (!add) std::fill_n(out, out_rows * out_cols, S(0));
    return;
  }
  const bool sum = !outc && cols != 1;
  for (Index i = 0; i < rows; ++i)
    map_row(f, x.value + i * xr, xc, y.value + i * yr, yc, out + i * outr, sum, cols, add || (i > 0 && outr == 0));
}

// ---- products of row-major matrices: C (+)= A B, Aᵀ B, A Bᵀ --------------------------------------------------------------

/// Eigen's blocking of a product, in memory that the caller keeps: the products of an expression allocate theirs anew.
template <class S>
struct Blocking : Eigen::internal::level3_blocking<S, S> {
  Blocking(Eigen::Index m, Eigen::Index n, Eigen::Index depth, Scratch& scratch) {
    this->m_mc = m, this->m_nc = n, this->m_kc = depth;
    Eigen::internal::computeProductBlockingSizes<S, S>(this->m_kc, this->m_mc, this->m_nc);
    constexpr auto line = static_cast<Eigen::Index>(Arena::line / sizeof(S));
    const Eigen::Index left = (this->m_mc * this->m_kc + line - 1) / line * line, right = this->m_kc * this->m_nc;
    this->m_blockA = scratch.take<S>(static_cast<std::size_t>(left + right));
    this->m_blockB = this->m_blockA + left;
  }
};

enum class Form { ab, atb, abt };  ///< A B, Aᵀ B, A Bᵀ

/// C (+)= the product of m x n. Eigen's kernels write columns: they are given Cᵀ = Bᵀ Aᵀ.
template <Form form, class S>
void matrix_product(const Slot<S>& a, const Slot<S>& b, Index m, Index n, S* out, bool add, [[maybe_unused]] Scratch& scratch) {
  const Index depth = form == Form::atb ? a.rows : a.cols;
  MapOut<S> C(out, m, n);
  if (!add) C.setZero();
#ifndef EIGEN_HAS_OPENMP
  if (m + n + depth >= 20) {  // below, Eigen has simpler loops
    constexpr int left = form == Form::abt ? Eigen::RowMajor : Eigen::ColMajor, right = form == Form::atb ? Eigen::RowMajor : Eigen::ColMajor;
    Blocking<S> blocking(n, m, depth, scratch);
    Eigen::internal::general_matrix_matrix_product<Eigen::Index, S, left, false, S, right, false, Eigen::ColMajor, 1>::run(
        n, m, depth, b.value, b.cols, a.value, a.cols, out, 1, n, S(1), blocking);
    return;
  }
#endif
  const MapIn<S> A(a.value, a.rows, a.cols), B(b.value, b.rows, b.cols);
  if constexpr (form == Form::ab) C.noalias() += A * B;
  else if constexpr (form == Form::atb) C.noalias() += A.transpose() * B;
  else C.noalias() += A * B.transpose();
}

/// Whether rows_times beats Eigen's product, by measurement: where that packs what is narrow into blocks; with AVX-512 as long as the factors stay
/// in the cache; with AVX only where they are smaller and no part of a packet is left, since it has no masks for one.
template <class S>
bool is_small_product(Index m, Index depth, Index n) {
  constexpr Index width = simd::Packet<S>::width, bytes = static_cast<Index>(sizeof(S));
  if (m <= 16 || depth <= 16 || n <= 32) return true;
  const Index larger = std::max(m, n) * depth * bytes;
  if constexpr (width * bytes == 64) return larger < 1 << 20 && std::min(m, n) <= 256;
  else return width * bytes == 32 && n % (2 * width) == 0 && larger <= 1 << 16;
}

/// Whether there is nothing to multiply; a product of nothing is zero.
template <class S>
bool is_empty_product(Index m, Index depth, Index n, S* out, bool add) {
  if (m != 0 && depth != 0 && n != 0) [[likely]] return false;
  if (!add) std::fill_n(out, m * n, S(0));
  return true;
}

/// C (+)= A B.
template <class S>
void multiply(const Slot<S>& a, const Slot<S>& b, S* out, bool add, Scratch& scratch) {
  const Index m = a.rows, depth = a.cols, n = b.cols;
  if (is_empty_product(m, depth, n, out, add)) return;
  if (n == 1) times_vector(a.value, m, depth, b.value, out, add);
  else if (is_small_product<S>(m, depth, n)) rows_times(Strided<S>{a.value, depth, 1}, m, depth, b.value, out, n, add);
  else matrix_product<Form::ab>(a, b, m, n, out, add, scratch);
}

/// C = A B and a column, added to every one.
template <class S>
void multiply_onto(const S* column, const Slot<S>& a, const Slot<S>& b, S* out, Scratch& scratch) {
  const Index m = a.rows, depth = a.cols, n = b.cols;
  if (n > 1 && is_small_product<S>(m, depth, n)) return rows_times(Strided<S>{a.value, depth, 1}, m, depth, b.value, out, n, column);
  if (n == 1) std::copy_n(column, m, out);
  else
    for (Index i = 0; i < m; ++i) std::fill_n(out + i * n, n, column[i]);
  multiply(a, b, out, true, scratch);
}

/// C (+)= Aᵀ B.
template <class S>
void multiply_transposed_left(const Slot<S>& a, const Slot<S>& b, S* out, bool add, Scratch& scratch) {
  const Index m = a.cols, depth = a.rows, n = b.cols;
  if (is_empty_product(m, depth, n, out, add)) return;
  if (n == 1) rows_times(Strided<S>{b.value, 0, 1}, 1, depth, a.value, out, m, add);
  else if (is_small_product<S>(m, depth, n)) rows_times(Strided<S>{a.value, 1, m}, m, depth, b.value, out, n, add);
  else matrix_product<Form::atb>(a, b, m, n, out, add, scratch);
}

/// C (+)= A Bᵀ.
template <class S>
void multiply_transposed_right(const Slot<S>& a, const Slot<S>& b, S* out, bool add, Scratch& scratch) {
  const Index m = a.rows, depth = a.cols, n = b.rows;
  if (is_empty_product(m, depth, n, out, add)) return;
  if (depth == 1) outer(a.value, m, b.value, n, out, add);
  else if (n == 1) times_vector(a.value, m, depth, b.value, out, add);
  else if (m == 1) times_vector(b.value, n, depth, a.value, out, add);
  else if (std::min(m, n) <= 8 && depth >= 32) inner_products(a.value, m, b.value, n, depth, out, add);
  else if (simd::Packet<S>::width * sizeof(S) == 64 && n >= 8) rows_times_transposed(a.value, m, b.value, n, depth, out, add, scratch);
  else matrix_product<Form::abt>(a, b, m, n, out, add, scratch);
}

}  // namespace costate::detail
