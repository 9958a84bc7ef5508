#include "catch.hpp"
#include "checked_tape.hpp"

#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <costate/autodiff/value_and_grad.hpp>

namespace cs = costate;
namespace fn = costate::detail::fn;

namespace {

// numbers, arrays, slices, stacks, products, lists of numbers, reductions and derivatives inside, mixed
const auto everything = [](const auto& theta, const auto& batch, const auto& list, const auto& scale) {
  using N = cs::number_t<decltype(theta)>;
  const auto h = cs::dense(cs::reshape(theta, 0, 3, 2), cs::reshape(theta, 6, 3, 1), batch, fn::Tanh{});
  N s = theta[0] * scale;
  for (std::size_t i = 0; i < list.size(); ++i) s += list[i] * theta[static_cast<cs::Index>(i)] + cs::sin(s);
  const auto rows = cs::stack(s, h[1], theta[3] * 2, batch);
  const auto slope = cs::grad([&](const auto& x) { return cs::sum(cs::square(cs::matmul(cs::reshape(theta, 0, 3, 2), x)) * x[0]); }, batch);
  const auto [value, pulled] = cs::vjp([&](const auto& x) { return cs::exp(x) * theta[1]; }, cs::rows(rows, 2, 2), rows[0] * cs::rows(rows, 2, 2));
  return cs::sum(rows) + cs::sum(slope * batch) + cs::sum(pulled) / scale + cs::dot(h, h);
};

const Eigen::VectorXd theta = Eigen::VectorXd::LinSpaced(9, -0.5, 0.7);
const Eigen::MatrixXd batch = Eigen::VectorXd::LinSpaced(10, -1, 1).reshaped(2, 5);
const std::vector<double> list{0.3, -0.2, 0.9};

/// Equal but for products that a compiler contracts with a sum in one tape's sweep and not in another's.
template <class X>
void check_equal_numbers(const X& a, const X& b) {
  const auto vector = [](const auto& x) -> Eigen::VectorXd {
    if constexpr (std::is_same_v<X, double>) return Eigen::VectorXd::Constant(1, x);
    else return Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<Eigen::Index>(x.size()));
  };
  CHECK((vector(a) - vector(b)).norm() <= 4 * std::numeric_limits<double>::epsilon() * vector(b).norm());
}
template <class R>
void check_equal(const R& a, const R& b) {
  check_equal_numbers(std::get<0>(a), std::get<0>(b));
  check_equal_numbers(std::get<1>(a), std::get<1>(b));
  check_equal_numbers(std::get<2>(a), std::get<2>(b));
  check_equal_numbers(std::get<3>(a), std::get<3>(b));
  check_equal_numbers(std::get<4>(a), std::get<4>(b));
}

}  // namespace

TEST_CASE("a tape that has been moved from is empty and usable", "[autodiff]") {
  const auto f = [](const auto& x) { return cs::sum(cs::tanh(x) * x[0]); };
  auto gradient = cs::value_and_grad(f);
  const auto expected = Eigen::VectorXd(std::get<1>(gradient(theta)));
  auto moved = std::move(gradient);
  CHECK(std::get<1>(moved(theta)) == expected);
  CHECK(std::get<1>(gradient(theta)) == expected);  // NOLINT: usable after a move
  gradient = std::move(moved);
  CHECK(std::get<1>(gradient(theta)) == expected);
}

TEST_CASE("a second tape gives the same gradients and finds the protocol kept", "[autodiff]") {
  CheckedTape<double> tape;
  const auto own = cs::value_and_grad(everything, theta, batch, list, 1.3);
  for (int repeat = 0; repeat < 3; ++repeat) {
    check_equal(cs::value_and_grad(tape, everything, theta, batch, list, 1.3), own);
    CHECK(tape.empty());
  }
  CHECK(tape.statements > 0);
  CHECK(tape.nodes > 0);
  CHECK(tape.sweeps == 3);  // derivatives taken inside are recorded, not swept
}

TEST_CASE("a tape given is used and left as it was", "[autodiff]") {
  cs::Tape<double> tape;
  double* const cell = tape.cells(1);
  const cs::Var<double> x(2.0, cell, &tape);
  const auto begin = tape.mark();
  const cs::Var<double> y = x * x;
  const auto position = tape.position();
  check_equal(cs::value_and_grad(tape, everything, theta, batch, list, 1.3), cs::value_and_grad(everything, theta, batch, list, 1.3));
  CHECK(tape.position() == position);
  *y.cell() += 1;
  tape.reverse(begin);
  CHECK(*cell == 4);
}

TEST_CASE("a loss that throws leaves its tape usable", "[autodiff]") {
  bool fails = false;
  auto gradient = cs::value_and_grad([&](const auto& x) {
    const auto slope = cs::grad([&](const auto& v) {
      if (fails) throw std::runtime_error("on purpose");
      return cs::sum(cs::cube(v));
    }, x);
    return cs::sum(slope);
  });
  const Eigen::Vector2d x(1, 2);
  const Eigen::Vector2d expected(6, 12);
  CHECK(std::get<1>(gradient(x)) == expected);
  for (int repeat = 0; repeat < 3; ++repeat) {
    fails = true;
    CHECK_THROWS_AS(gradient(x), std::runtime_error);
    fails = false;
    CHECK(std::get<1>(gradient(x)) == expected);
  }
  CheckedTape<double> tape;
  const auto bad = [](const auto& v) { return cs::sum(v[0] + v[5]); };
  CHECK_THROWS_AS(cs::value_and_grad(tape, bad, x), cs::ShapeError);
  CHECK(tape.empty());
  CHECK(tape.workspace().depth == 0);
  CHECK_FALSE(tape.workspace().recording);
}

TEST_CASE("copying a tape gives an empty one", "[autodiff]") {
  auto gradient = cs::value_and_grad([](const auto& x) { return cs::sum(cs::square(x)); });
  const Eigen::Vector3d x(1, 2, 3);
  const Eigen::Vector3d first = std::get<1>(gradient(x));
  auto copy = gradient;
  CHECK(std::get<1>(copy(x)) == first);
  CHECK(std::get<1>(gradient(x)) == first);
  auto moved = std::move(copy);
  CHECK(std::get<1>(moved(x)) == first);
  gradient = moved;
  CHECK(std::get<1>(gradient(x)) == first);
}
