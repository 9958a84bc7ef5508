#include "catch.hpp"
#include "allocations.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <costate/autodiff/check.hpp>

namespace cs = costate;
namespace fn = costate::detail::fn;

TEST_CASE("gradients come in the argument's own type", "[autodiff]") {
  using Row = Eigen::Matrix<double, 2, 3, Eigen::RowMajor>;
  const auto loss = [](const auto& a, const auto& b, const auto& c, const auto& d, const auto& e, const auto& f) {
    return cs::sum(a * a) + cs::sum(b) + c[0] * d[1] + e * e + cs::sum(f * f * f);
  };
  const Row a = (Row() << 1, 2, 3, 4, 5, 6).finished();
  const Eigen::RowVector2d b(1, 2);
  const std::vector<double> c{3, 4};
  const std::array<double, 2> d{5, 6};
  const Eigen::ArrayXXd f = Eigen::ArrayXXd::Constant(2, 2, 2);
  const auto result = cs::value_and_grad(loss, a, b, c, d, 7.0, f);
  static_assert(std::is_same_v<std::remove_const_t<decltype(result)>,
                               std::tuple<double, Row, Eigen::RowVector2d, std::vector<double>, std::array<double, 2>, double, Eigen::ArrayXXd>>);
  const auto& [value, da, db, dc, dd, de, df] = result;
  CHECK(value == 91 + 3 + 18 + 49 + 32);
  CHECK(da == 2 * a);
  CHECK(db == Eigen::RowVector2d(1, 1));
  CHECK(dc == std::vector<double>{6, 0});
  CHECK(dd == std::array<double, 2>{0, 3});
  CHECK(de == 14);
  CHECK((df == 12).all());
}

TEST_CASE("expressions, blocks and maps are arguments", "[autodiff]") {
  const auto loss = [](const auto& x) { return cs::sum(cs::square(x)); };
  Eigen::MatrixXd m = Eigen::VectorXd::LinSpaced(12, 1, 12).reshaped(3, 4);
  const Eigen::MatrixXd block = std::get<1>(cs::value_and_grad(loss, m.block(0, 1, 2, 2)));
  CHECK(block == 2 * m.block(0, 1, 2, 2));
  const Eigen::VectorXd column = std::get<1>(cs::value_and_grad(loss, m.col(2) * 3));
  CHECK(column == 6 * m.col(2));
  const Eigen::VectorXd mapped = std::get<1>(cs::value_and_grad(loss, Eigen::Map<const Eigen::VectorXd>(m.data(), 12)));
  CHECK(mapped == 2 * m.reshaped());
  const Eigen::MatrixXd transposed = std::get<1>(cs::value_and_grad(loss, m.transpose()));
  CHECK(transposed == 2 * m.transpose());
}

TEST_CASE("gradient gives the gradient alone", "[autodiff]") {
  const auto product = [](const auto& x, const auto& y) { return cs::sum(x * y); };
  const Eigen::Vector2d x(1, 2), y(3, 4);
  const Eigen::Vector2d dx = cs::gradient([&](const auto& v) { return product(v, y); }, x);
  CHECK(dx == y);
  const auto [a, b] = cs::gradient(product, x, y);
  CHECK(a == y);
  CHECK(b == x);
}

TEST_CASE("slices of one argument gather their cotangents in any order, with gaps and overlaps", "[autodiff]") {
  const cs::Index n = 12;
  const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, 1, 2);
  struct Piece {
    cs::Index first, size;
  };
  // side by side from the end, from the beginning, apart, one inside another, across a border, nothing, all
  const auto pieces = GENERATE(std::vector<Piece>{{0, 4}, {4, 3}, {7, 5}}, std::vector<Piece>{{7, 5}, {4, 3}, {0, 4}},
                               std::vector<Piece>{{1, 2}, {8, 2}}, std::vector<Piece>{{5, 2}, {2, 8}, {6, 1}}, std::vector<Piece>{{3, 4}, {5, 4}},
                               std::vector<Piece>{{4, 0}, {6, 2}}, std::vector<Piece>{{0, 12}, {3, 3}}, std::vector<Piece>{{3, 3}, {0, 12}},
                               std::vector<Piece>{});
  const auto loss = [&](bool with_entry, bool with_all) {
    return [&pieces, with_entry, with_all](const auto& v) {
      cs::number_t<decltype(v)> total = 0;
      for (const auto& [first, size] : pieces) {
        const auto piece = cs::rows(v, first, size);
        total += cs::sum(cs::square(piece));
        if (size > 2) total += 3 * cs::sum(cs::rows(piece, 1, size - 2));  // a slice of a slice
      }
      if (with_entry) total += 5 * v[6];
      if (with_all) total += cs::sum(v);
      return total;
    };
  };
  for (const bool with_entry : {false, true})
    for (const bool with_all : {false, true}) {
      Eigen::VectorXd expected = Eigen::VectorXd::Constant(n, with_all);
      for (const auto& [first, size] : pieces) {
        expected.segment(first, size) += 2 * x.segment(first, size);
        if (size > 2) expected.segment(first + 1, size - 2).array() += 3;
      }
      expected[6] += with_entry ? 5 : 0;
      auto gradient = cs::value_and_grad(loss(with_entry, with_all));
      for (int call = 0; call < 2; ++call) CHECK((std::get<1>(gradient(x)) - expected).norm() < 1e-14);  // a few roundings of numbers up to 12
    }
}

TEST_CASE("a reused gradient may be given its own results", "[autodiff]") {
  auto gradient = cs::value_and_grad([](const auto& a, const auto& b) { return cs::sum(cs::cube(a)) + cs::dot(a, b); });
  const Eigen::VectorXd a = Eigen::Vector3d(1, 2, 3), b = Eigen::Vector3d(4, 5, 6);
  const auto& [value, da, db] = gradient(a, b);
  const Eigen::VectorXd first = da, second = db;
  gradient(db, da);
  CHECK(value == second.array().cube().sum() + second.dot(first));
  CHECK(da == 3 * second.cwiseAbs2() + first);
  CHECK(db == second);
  const Eigen::VectorXd tail = da.tail(2), head = db.head(2);
  gradient(da.tail(2), db.head(2));
  CHECK(da == 3 * tail.cwiseAbs2() + head);
  CHECK(db == tail);
}

TEST_CASE("a reused gradient may be given its own results under another signature", "[autodiff]") {
  auto gradient = cs::value_and_grad([](const auto&... x) { return (cs::sum(cs::square(x)) + ...); });
  const Eigen::Index n = GENERATE(3, 64);
  const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, 1, 2), y = Eigen::VectorXd::LinSpaced(n, -1, 3);
  const auto& [value, dx, dy] = gradient(x, y);
  CHECK(std::abs(value - x.squaredNorm() - y.squaredNorm()) < 1e-14 * value);
  const auto& [value_of_one, twice] = gradient(dx);
  CHECK(std::abs(value_of_one - 4 * x.squaredNorm()) < 1e-14 * value_of_one);
  CHECK(twice == 4 * x);
  CHECK(dx == 2 * x);  // still there
}

TEST_CASE("an argument that the loss ignores has gradient zero", "[autodiff]") {
  const auto loss = [](const auto& x, const auto&, const auto& z) { return cs::sum(x) * z; };
  const auto [value, dx, dy, dz] = cs::value_and_grad(loss, Eigen::Vector2d(1, 2), Eigen::MatrixXd::Ones(2, 3).eval(), 4.0);
  CHECK(dy == Eigen::MatrixXd::Zero(2, 3));
  CHECK(dz == 3);
  const Eigen::VectorXd nothing = std::get<1>(cs::value_and_grad([](const auto&) { return 1; }, Eigen::VectorXd::Ones(3).eval()));
  CHECK(nothing.isZero(0));
  const Eigen::VectorXd empty = std::get<1>(cs::value_and_grad([](const auto& x) { return cs::sum(x) + 1; }, Eigen::VectorXd()));
  CHECK(empty.size() == 0);
}

TEST_CASE("vjp and jvp give values and products of functions of Eigen objects", "[autodiff]") {
  const auto f = [](const auto& x) { return cs::stack(x[0] * x[1], cs::sin(x[1]), x[0]); };
  const Eigen::Vector2d x(2, 0.5);
  const auto [value, pulled] = cs::vjp(f, x, Eigen::Vector3d(1, 2, 3));
  CHECK(value == Eigen::Vector3d(1, std::sin(0.5), 2));
  CHECK((pulled - Eigen::Vector2d(3.5, 2 + 2 * std::cos(0.5))).norm() < 1e-15);
  const auto [same, pushed] = cs::jvp(f, x, Eigen::Vector2d(1, -1));
  CHECK((same - value).norm() < 1e-15);
  CHECK((pushed - Eigen::Vector3d(-1.5, -std::cos(0.5), 1)).norm() < 1e-15);
  const auto [itself, back] = cs::vjp([](const auto& v) { return v; }, x, Eigen::Vector2d(5, 6));
  CHECK(back == Eigen::Vector2d(5, 6));
  const auto [part, padded] = cs::vjp([](const auto& v) { return cs::rows(v, 1, 1); }, x, Eigen::VectorXd::Ones(1).eval());
  CHECK(padded == Eigen::Vector2d(0, 1));
  CHECK_THROWS_AS(cs::vjp(f, x, Eigen::Vector2d(1, 2)), cs::ShapeError);
  CHECK_THROWS_AS(cs::jvp(f, x, Eigen::Vector3d(1, 2, 3)), cs::ShapeError);
}

TEST_CASE("a reused gradient allocates nothing after its first call", "[autodiff]") {
  if constexpr (!allocations::counted) return;
  std::size_t first = 0, later = 0;
  const auto measure = [&](auto gradient, const auto&... x) {
    first = allocations::of([&] { gradient(x...); });
    later = allocations::of([&] {
      gradient(x...);
      gradient(x...);
    });
  };
  SECTION("of a fixed-size sample and parameters") {
    measure(cs::value_and_grad([](const auto& y, const auto& p) { return cs::sum(cs::square(cs::sin(y) * p[0] - p[1] * y[0] * y[1])); }),
            Eigen::Vector2d(1, 2), Eigen::VectorXd::Ones(4).eval());
  }
  SECTION("of lists of scalars") {
    measure(cs::value_and_grad([](const auto& v, const auto& s) {
              using T = cs::number_t<decltype(s)>;
              T total = s;
              for (const auto& each : v) total += each * each * total;
              return total;
            }),
            std::vector<double>(1000, 1e-3), 0.5);
  }
  for (const int samples : {1, 5, 64, 512}) {
    DYNAMIC_SECTION("of dense layers over a batch of " << samples) {
      const auto net = [](const auto& theta, const auto& x) {
        const auto h = cs::dense(cs::reshape(theta, 0, 50, 2), cs::reshape(theta, 100, 50, 1), x, fn::Tanh{});
        return cs::mean(cs::square(cs::dense(cs::reshape(theta, 150, 2, 50), cs::reshape(theta, 250, 2, 1), h)));
      };
      measure(cs::value_and_grad(net), Eigen::VectorXd::Constant(252, 0.1).eval(), Eigen::MatrixXd::Constant(2, samples, 0.3).eval());
    }
  }
  SECTION("of a derivative inside") {
    measure(cs::value_and_grad([](const auto& theta, const auto& x) {
              const auto energy = [&](const auto& v) { return cs::sum(cs::tanh(cs::matmul(cs::reshape(theta, 0, 8, 2), v))); };
              return cs::sum(cs::square(cs::grad(energy, x)));
            }),
            Eigen::VectorXd::Constant(16, 0.1).eval(), Eigen::MatrixXd::Constant(2, 33, 0.3).eval());
  }
  CHECK(first > 0);
  CHECK(later == 0);
}

TEST_CASE("a reused gradient follows changing sizes and types", "[autodiff]") {
  auto gradient = cs::value_and_grad([](const auto& x) { return cs::sum(x * x * x[0]); });
  for (const Eigen::Index n : {3, 1, 200, 5}) {
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, 1, 2);
    const Eigen::MatrixXf batch = Eigen::MatrixXf::Ones(2, n);
    const Eigen::VectorXd g = std::get<1>(gradient(x));
    Eigen::VectorXd expected = 2 * x * x[0];
    expected[0] += x.squaredNorm();
    CHECK((g - expected).norm() <= 1e-14 * expected.norm());
    const Eigen::MatrixXf gf = std::get<1>(gradient(batch));
    CHECK(gf(0, 0) == 4);
    CHECK(gf(1, n - 1) == 2);
  }
}
