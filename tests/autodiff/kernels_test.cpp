#include "catch.hpp"

#include <limits>

#include <costate/autodiff/kernels.hpp>

namespace cs = costate;
namespace detail = costate::detail;

namespace {

template <class S>
cs::Slot<S> slot(detail::RowMajor<S>& m) {
  cs::Slot<S> s;
  s.value = m.data();
  s.rows = m.rows();
  s.cols = m.cols();
  return s;
}

}  // namespace

TEMPLATE_TEST_CASE("products of all forms, shapes and sizes, stored or added, are Eigen's", "[autodiff]", float, double, long double) {
  using S = TestType;
  using M = detail::RowMajor<S>;
  struct Sizes {
    cs::Index m, depth, n;
  };
  // vectors, the bounds of the simple loops, remainders of the blocks, several blocks along each axis, little depth, nothing
  const auto [m, depth, n] = GENERATE(values<Sizes>({{1, 1, 1}, {3, 4, 1}, {3, 7, 1}, {9, 5, 1}, {1, 6, 8}, {6, 1, 7}, {2, 2, 2}, {6, 7, 6}, {7, 6, 7},
                                                     {13, 17, 11}, {64, 64, 64}, {33, 300, 5}, {5, 40, 700}, {300, 9, 33}, {130, 520, 140}, {260, 40, 270}, {33, 70, 48},
                                                     {7, 1, 37}, {8, 2, 37}, {7, 3, 64}, {9, 4, 19}, {1, 4, 40}, {4, 0, 5}, {12, 0, 12}, {100, 0, 2}, {0, 0, 100}, {0, 3, 4}, {3, 4, 0}}));
  CAPTURE(m, depth, n);
  M a = M::Random(m, depth), b = M::Random(depth, n), at = a.transpose(), bt = b.transpose();
  const M start = M::Random(m, n), expected = depth == 0 ? M(M::Zero(m, n)) : M(a.lazyProduct(b));  // Eigen takes a column of nothing
  const S tolerance = 4 * std::numeric_limits<S>::epsilon() * static_cast<S>(depth + 1);
  cs::Scratch scratch;
  for (const bool add : {false, true}) {
    const M whole = add ? M(start + expected) : expected;
    M c = start;
    detail::multiply(slot(a), slot(b), c.data(), add, scratch);
    CHECK((c - whole).cwiseAbs().sum() <= tolerance * static_cast<S>(m * n));
    c = start;
    detail::multiply_transposed_left(slot(at), slot(b), c.data(), add, scratch);
    CHECK((c - whole).cwiseAbs().sum() <= tolerance * static_cast<S>(m * n));
    c = start;
    detail::multiply_transposed_right(slot(a), slot(bt), c.data(), add, scratch);
    CHECK((c - whole).cwiseAbs().sum() <= tolerance * static_cast<S>(m * n));
  }
}

TEMPLATE_TEST_CASE("a column is added to every column of a product, by blocks of every size", "[autodiff]", float, double, long double) {
  using S = TestType;
  using M = detail::RowMajor<S>;
  const cs::Index depth = GENERATE(0, 1, 2, 3, 4, 5, 64), n = GENERATE(1, 3, 16, 40, 300);
  cs::Scratch scratch;
  for (cs::Index m = 0; m <= 30; ++m) {
    CAPTURE(m, depth, n);
    M a = M::Random(m, depth), b = M::Random(depth, n);
    const Eigen::Matrix<S, Eigen::Dynamic, 1> column = Eigen::Matrix<S, Eigen::Dynamic, 1>::Random(m);
    M c = M::Constant(m, n, std::numeric_limits<S>::quiet_NaN()), expected = M::Zero(m, n);
    if (depth != 0) expected = a.lazyProduct(b);
    expected.colwise() += column;
    detail::multiply_onto(column.data(), slot(a), slot(b), c.data(), scratch);
    CHECK((c - expected).cwiseAbs().sum() <= 4 * std::numeric_limits<S>::epsilon() * static_cast<S>((depth + 1) * m * n));
  }
}
