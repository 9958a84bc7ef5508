#include "catch.hpp"

#include <vector>

#include <costate/core/transpose.hpp>

namespace cs = costate;
using cs::simd::Packet;

TEMPLATE_TEST_CASE("a square of packets is transposed", "[core]", float, double, long double) {
  constexpr int n = Packet<TestType>::width;
  Packet<TestType> square[n];
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) square[i].set(j, static_cast<TestType>(100 * i + j));
  cs::simd::transpose(square);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) CHECK(square[i][j] == static_cast<TestType>(100 * j + i));
}

TEMPLATE_TEST_CASE("columns side by side go to places of their own and back, and nothing beside them is touched", "[core]", float, double, long double) {
  using S = TestType;
  constexpr std::ptrdiff_t width = Packet<S>::width;
  const auto rows = GENERATE(as<std::ptrdiff_t>(), 0, 1, 2, 7, 16, 33);
  const auto columns = GENERATE_COPY(as<std::ptrdiff_t>(), 1, width, width / 2 + 1);
  CAPTURE(rows, columns, width);
  const std::ptrdiff_t stride = width + 3;
  const auto entry = [](std::ptrdiff_t i, std::ptrdiff_t j) { return static_cast<S>(1000 * i + j + 1); };
  std::vector<S> matrix(static_cast<std::size_t>(rows * stride), S(-1)), apart(static_cast<std::size_t>(width * (rows + 1)), S(-1)), again = matrix;
  for (std::ptrdiff_t i = 0; i < rows; ++i)
    for (std::ptrdiff_t j = 0; j < columns; ++j) matrix[static_cast<std::size_t>(i * stride + j)] = entry(i, j);
  S* to[width] = {};
  const S* from[width] = {};
  for (std::ptrdiff_t j = 0; j < columns; ++j) from[j] = to[j] = apart.data() + j * (rows + 1);

  cs::detail::take_columns_apart<S>(matrix.data(), stride, rows, to, columns);
  for (std::ptrdiff_t j = 0; j < width; ++j)
    for (std::ptrdiff_t i = 0; i <= rows; ++i)
      CHECK(apart[static_cast<std::size_t>(j * (rows + 1) + i)] == (i < rows && j < columns ? entry(i, j) : S(-1)));
  cs::detail::put_columns_together<S>(from, columns, rows, again.data(), stride);
  CHECK(again == matrix);
}
