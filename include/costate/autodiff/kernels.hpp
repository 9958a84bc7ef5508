#pragma once
// Loops over packets: elementwise functions with broadcasting and reduction, and the three products of row-major matrices.

#include <Eigen/Core>

#include <cstring>

#include "costate/autodiff/arena.hpp"
#include "costate/autodiff/slot.hpp"
#include "costate/core/simd.hpp"

namespace costate::detail {

template <class S>
using RowMajor = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class S>
using MapIn = Eigen::Map<const RowMajor<S>>;
template <class S>
using MapOut = Eigen::Map<RowMajor<S>>;

/// Calls body(i, n) for packets [i, i + n) of a range; n is a compile-time full width except for the tail.
template <class S, class Body>
void for_packets(Index n, const Body& body) {
  constexpr Index width = simd::Packet<S>::width;
  Index i = 0;
  for (; i + width <= n; i += width) body(i, std::integral_constant<Index, width>{});
  if (i < n) body(i, n - i);
}

/// The first n lanes from memory. The rest is one, so that no function is asked for a value outside its domain.
template <class S, class N>
[[gnu::always_inline]] inline simd::Packet<S> load(const S* p, N n) {
  if constexpr (std::is_same_v<N, Index>) {
    S lanes[simd::Packet<S>::width];
    for (Index k = 0; k < simd::Packet<S>::width; ++k) lanes[k] = k < n ? p[k] : S(1);
    return simd::Packet<S>::load(lanes);
  } else {
    return simd::Packet<S>::load(p);
  }
}

template <class S, class N>
[[gnu::always_inline]] inline void store(const simd::Packet<S>& x, S* p, N n) {
  if constexpr (std::is_same_v<N, Index>) {
    S lanes[simd::Packet<S>::width];
    x.store(lanes);
    for (Index k = 0; k < n; ++k) p[k] = lanes[k];
  } else {
    x.store(p);
  }
}

/// out (+)= f(x), elementwise over n contiguous values.
template <class S, class F>
void map(const F& f, const S* x, S* out, Index n, bool add) {
  for_packets<S>(n, [&](Index i, auto m) {
    const auto value = f(load(x + i, m));
    store(add ? load(out + i, m) + value : value, out + i, m);
  });
}

/// One row of broadcast(): sx and sy are 0 or 1; with `sum` the row collapses into one number.
template <class S, class F>
void map_row(const F& f, const S* x, Index sx, const S* y, Index sy, S* out, bool sum, Index n, bool add) {
  using P = simd::Packet<S>;
  S xs[P::width], ys[P::width];
  if (sx == 0) {
    P(*x).store(xs);
    x = xs;
  }
  if (sy == 0) {
    P(*y).store(ys);
    y = ys;
  }
  const auto value = [&](Index i, auto m) {
    if constexpr (std::is_same_v<decltype(m), Index>)
      return f(sx == 0 ? P::load(x) : load(x + i, m), sy == 0 ? P::load(y) : load(y + i, m));
    else
      return f(P::load(x + i * sx), P::load(y + i * sy));
  };
  if (sum) {
    P total(S(0));
    S tail = 0;
    for_packets<S>(n, [&](Index i, auto m) {
      if constexpr (std::is_same_v<decltype(m), Index>) {
        S lanes[P::width];
        value(i, m).store(lanes);
        for (Index k = 0; k < m; ++k) tail += lanes[k];
      } else {
        total = total + value(i, m);
      }
    });
    const S all = simd::sum(total) + tail;
    *out = add ? *out + all : all;
  } else if (add) {
    for_packets<S>(n, [&](Index i, auto m) { store(load(out + i, m) + value(i, m), out + i, m); });
  } else {
    for_packets<S>(n, [&](Index i, auto m) { store(value(i, m), out + i, m); });
  }
}

/// out (+)= f(x, y), each of x, y, out having either the full extent or 1 along each axis: operands broadcast, the result sums.
template <class S, class F>
void broadcast(const F& f, const Slot<S>& x, const Slot<S>& y, Index out_rows, Index out_cols, S* out, bool add) {
  const auto extent = [](Index a, Index b, Index c) { return a != 1 ? a : b != 1 ? b : c; };
  Index rows = extent(x.rows, y.rows, out_rows), cols = extent(x.cols, y.cols, out_cols);
  Index xr = x.rows == 1 ? 0 : x.cols, yr = y.rows == 1 ? 0 : y.cols, outr = out_rows == 1 ? 0 : out_cols;
  Index xc = x.cols != 1, yc = y.cols != 1, outc = out_cols != 1;
  if (cols == 1) {  // a column is as contiguous as a row
    cols = rows, rows = 1;
    xc = x.rows != 1, yc = y.rows != 1, outc = out_rows != 1;
  } else if (xr == cols && yr == cols && (outr == cols || (outr == 0 && outc == 0))) {
    cols *= rows, rows = 1;
  }
  if (rows == 0 || cols == 0) {
    if (!add) std::fill_n(out, out_rows * out_cols, S(0));
    return;
  }
  const bool sum = outc == 0 && cols != 1;
  for (Index i = 0; i < rows; ++i)
    map_row(f, x.value + i * xr, xc, y.value + i * yr, yc, out + i * outr, sum, cols, add || (i > 0 && outr == 0));
}

// ---- products of row-major matrices: C (+)= A B, Aᵀ B, A Bᵀ --------------------------------------------------------------

/// y (+)= A x.
template <class S>
void times_vector(const S* a, Index m, Index n, const S* x, S* y, bool add) {
  const MapIn<S> A(a, m, n);
  const Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, 1>> X(x, n);
  if (n <= 4) {  // too short for inner products: one pass over the rows instead
    for (Index i = 0; i < m; ++i) {
      S s = add ? y[i] : S(0);
      for (Index j = 0; j < n; ++j) s += a[i * n + j] * x[j];
      y[i] = s;
    }
    return;
  }
  for (Index i = 0; i < m; ++i) {
    const S s = A.row(i).transpose().dot(X);
    y[i] = add ? y[i] + s : s;
  }
}

/// y (+)= Aᵀ x.
template <class S>
void transposed_times_vector(const S* a, Index m, Index n, const S* x, S* y, bool add) {
  Eigen::Map<Eigen::Matrix<S, Eigen::Dynamic, 1>> Y(y, n);
  if (!add) Y.setZero();
  const MapIn<S> A(a, m, n);
  Index i = 0;
  for (; i + 4 <= m; i += 4)
    Y += x[i] * A.row(i).transpose() + x[i + 1] * A.row(i + 1).transpose() + x[i + 2] * A.row(i + 2).transpose() +
         x[i + 3] * A.row(i + 3).transpose();
  for (; i < m; ++i) Y += x[i] * A.row(i).transpose();
}

/// C (+)= x yᵀ.
template <class S>
void outer(const S* x, Index m, const S* y, Index n, S* c, bool add) {
  MapOut<S> C(c, m, n);
  const Eigen::Map<const Eigen::Matrix<S, 1, Eigen::Dynamic>> Y(y, n);
  if (add)
    for (Index i = 0; i < m; ++i) C.row(i) += x[i] * Y;
  else
    for (Index i = 0; i < m; ++i) C.row(i) = x[i] * Y;
}

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

template <class S>
void multiply(const Slot<S>& a, const Slot<S>& b, S* out, bool add, Scratch& scratch) {
  if (b.cols == 1) return times_vector(a.value, a.rows, a.cols, b.value, out, add);
  if (a.cols == 1) return outer(a.value, a.rows, b.value, b.cols, out, add);
  if (a.rows == 1) return transposed_times_vector(b.value, b.rows, b.cols, a.value, out, add);
  matrix_product<Form::ab>(a, b, a.rows, b.cols, out, add, scratch);
}

template <class S>
void multiply_transposed_left(const Slot<S>& a, const Slot<S>& b, S* out, bool add, Scratch& scratch) {
  if (b.cols == 1) return transposed_times_vector(a.value, a.rows, a.cols, b.value, out, add);
  if (a.rows == 1) return outer(a.value, a.cols, b.value, b.cols, out, add);
  if (a.cols == 1) return transposed_times_vector(b.value, b.rows, b.cols, a.value, out, add);
  matrix_product<Form::atb>(a, b, a.cols, b.cols, out, add, scratch);
}

template <class S>
void multiply_transposed_right(const Slot<S>& a, const Slot<S>& b, S* out, bool add, Scratch& scratch) {
  if (a.cols == 1) return outer(a.value, a.rows, b.value, b.rows, out, add);
  if (b.rows == 1) return times_vector(a.value, a.rows, a.cols, b.value, out, add);
  if (a.rows == 1) return times_vector(b.value, b.rows, b.cols, a.value, out, add);
  matrix_product<Form::abt>(a, b, a.rows, b.rows, out, add, scratch);
}

}  // namespace costate::detail
