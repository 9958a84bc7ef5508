#include "catch.hpp"

#include <cmath>
#include <limits>

#include <costate/autodiff/check.hpp>

namespace cs = costate;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// Value and derivative of f at x: as a number, and as an array of one.
template <class F>
void check_at(const F& f, double x, double value, double slope) {
  CAPTURE(x);
  const auto [h, d] = cs::value_and_grad(f, x);
  CHECK(same(h, value));
  CHECK(same(d, slope));
  const auto [ah, ad] = cs::value_and_grad(f, Eigen::MatrixXd::Constant(1, 1, x).eval());
  CHECK(same(ah, value));
  CHECK(same(ad(0, 0), slope));
  // the derivative taken inside must be the same
  const double inner = cs::value([&](const auto& v) { return cs::sum(cs::grad(f, v)); }, Eigen::MatrixXd::Constant(1, 1, x).eval());
  CHECK(same(inner, slope));
  const double recorded = std::get<0>(cs::value_and_grad([&](const auto& v) { return cs::sum(cs::grad(f, v)); }, Eigen::MatrixXd::Constant(1, 1, x).eval()));
  CHECK(same(recorded, slope));
}

}  // namespace

TEST_CASE("functions at the edges of their domains have their limits as derivatives", "[autodiff]") {
  check_at([](const auto& x) { return cs::log(x); }, 0, -inf, inf);
  check_at([](const auto& x) { return cs::sqrt(x); }, 0, 0, inf);
  check_at([](const auto& x) { return cs::abs(x); }, 0, 0, 0);
  check_at([](const auto& x) { return cs::relu(x); }, 0, 0, 0);
  check_at([](const auto& x) { return cs::relu(x); }, -1, 0, 0);
  check_at([](const auto& x) { return cs::sign(x); }, 0, 0, 0);
  check_at([](const auto& x) { return cs::tanh(x); }, inf, 1, 0);
  check_at([](const auto& x) { return cs::sigmoid(x); }, -inf, 0, 0);
  check_at([](const auto& x) { return cs::softplus(x); }, 800, 800, 1);
  check_at([](const auto& x) { return cs::silu(x); }, -inf, 0, 0);
  check_at([](const auto& x) { return cs::silu(x); }, 800, 800, 1);
  check_at([](const auto& x) { return cs::elu(x); }, 0, 0, 1);
  check_at([](const auto& x) { return cs::elu(x); }, -inf, -1, 0);
  check_at([](const auto& x) { return cs::elu(x); }, 800, 800, 1);
  check_at([](const auto& x) { return cs::exp(x); }, -inf, 0, 0);
  check_at([](const auto& x) { return 1 / x; }, 0, inf, -inf);
  check_at([](const auto& x) { return cs::log(x); }, not_a_number, not_a_number, not_a_number);
  check_at([](const auto& x) { return cs::relu(x); }, not_a_number, not_a_number, not_a_number);
  check_at([](const auto& x) { return cs::log(x); }, -1, not_a_number, -1);
}

TEST_CASE("integer powers have derivatives at 0 and at negative bases", "[autodiff]") {
  check_at([](const auto& x) { return cs::pow(x, 2); }, 0, 0, 0);
  check_at([](const auto& x) { return cs::pow(x, 1); }, 0, 0, 1);
  check_at([](const auto& x) { return cs::pow(x, 0); }, 0, 1, 0);
  check_at([](const auto& x) { return cs::pow(x, 3); }, -2, -8, 12);
  check_at([](const auto& x) { return cs::pow(x, -1); }, -2, -0.5, -0.25);
  check_at([](const auto& x) { return cs::pow(2, x); }, 0, 1, std::log(2.0));
  check_at([](const auto& x) { return cs::pow(0, x); }, 2, 0, 0);
  // both variable: at base 0 the derivative with respect to a positive exponent is 0
  const auto power = [](const auto& v) { return cs::pow(v[0], v[1]); };
  const Eigen::Vector2d at(0, 2);
  CHECK(std::get<1>(cs::value_and_grad(power, at)) == Eigen::Vector2d(0, 0));
  CHECK(Eigen::Vector2d(std::get<1>(cs::value_and_grad(power, Eigen::MatrixXd(at)))) == Eigen::Vector2d(0, 0));
  // second and third derivative of x³, x² at 0
  const auto second = [](const auto& x) {
    return cs::sum(cs::grad([](const auto& y) { return cs::sum(cs::grad([](const auto& z) { return cs::sum(cs::pow(z, 3) + cs::pow(z, 2)); }, y)); }, x));
  };
  const auto [curvature, third] = cs::value_and_grad(second, Eigen::MatrixXd::Zero(1, 1).eval());
  CHECK(curvature == 2);
  CHECK(third(0, 0) == 6);
}

TEST_CASE("where passes nothing back into the branch not taken, not even a NaN", "[autodiff]") {
  SECTION("of the number expressions themselves") {
    const auto loss = [](const auto& x) { return cs::where(x[0] > 0, x[1], cs::sqrt(x[0]) * cs::log(x[0])) * x[2]; };
    const auto [value, slope] = cs::value_and_grad(loss, Eigen::Vector3d(1, 2, 3));
    CHECK(value == 6);
    const auto choose = [](const auto& x) { return cs::where(x[0] < 0, x[1], cs::sqrt(x[0])) * x[2]; };
    CHECK(std::get<1>(cs::value_and_grad(choose, Eigen::Vector3d(-1, 2, 3))) == Eigen::Vector3d(0, 3, 2));
  }
  SECTION("also when a later function has an infinite slope") {
    const auto loss = [](const auto& x) { return cs::sqrt(cs::where(x[0] < 0, x[1], x[0])); };
    const auto [value, slope] = cs::value_and_grad(loss, Eigen::Vector2d(-1, 0));
    CHECK(value == 0);
    CHECK(slope[0] == 0);
    CHECK(slope[1] == inf);
    const auto [same_value, same_slope] = cs::value_and_grad([&](const auto& x) { return cs::sum(loss(x)); }, Eigen::MatrixXd(Eigen::Vector2d(-1, 0)));
    CHECK(same_slope(0, 0) == 0);
    CHECK(same_slope(1, 0) == inf);
  }
  SECTION("of arrays that hold NaN") {
    const auto loss = [](const auto& x, const auto& y) { return cs::sum(cs::where(x > 0, 2 * x, y)); };
    Eigen::MatrixXd x(1, 3), y(1, 3);
    x << 1, not_a_number, -2;
    y << 2, 5, 7;
    const auto [value, xbar, ybar] = cs::value_and_grad(loss, x, y);
    CHECK(value == 2 + 5 + 7);
    CHECK(ybar == Eigen::RowVector3d(0, 1, 1));
    CHECK(xbar == Eigen::RowVector3d(2, 0, 0));
  }
  SECTION("on a safe argument, the way to guard a function outside its domain") {
    const auto safe_log = [](const auto& x) { return cs::where(x > 0, cs::log(cs::where(x > 0, x, 1)), 0); };
    check_at(safe_log, -1, 0, 0);
    check_at(safe_log, 2, std::log(2.0), 0.5);
  }
}

TEST_CASE("max and min hand a NaN on, and give a tie's derivative to the first", "[autodiff]") {
  const auto larger = [](const auto& v) { return cs::max(v[0], v[1]); };
  const auto smaller = [](const auto& v) { return cs::min(v[0], v[1]); };
  for (const auto& [a, b] : {std::pair{not_a_number, 1.0}, {1.0, not_a_number}}) {
    const Eigen::Vector2d v(a, b);
    CAPTURE(a, b);
    CHECK(std::isnan(cs::value(larger, v)));
    CHECK(std::isnan(std::get<0>(cs::value_and_grad(larger, v))));
    CHECK(std::isnan(std::get<0>(cs::value_and_grad(larger, Eigen::MatrixXd(v)))));
    CHECK(std::isnan(std::get<0>(cs::value_and_grad(smaller, v))));
    CHECK(std::isnan(std::get<0>(cs::value_and_grad(smaller, Eigen::MatrixXd(v)))));
  }
  CHECK(std::get<1>(cs::value_and_grad(larger, Eigen::Vector2d(1, 1))) == Eigen::Vector2d(1, 0));
  CHECK(std::get<1>(cs::value_and_grad(smaller, Eigen::MatrixXd::Ones(2, 1).eval())) == Eigen::Vector2d(1, 0));
}

TEST_CASE("comparisons combine elementwise and broadcast", "[autodiff]") {
  const auto loss = [](const auto& x, const auto& row) {
    const auto inside = x > row && x <= 4 && !(x >= 3 && x < 3.5);
    return cs::sum(cs::where(inside || row > 1.5, x, -1));
  };
  Eigen::MatrixXd x(2, 3), row(1, 3);
  x << 1, 2, 3, 4, 5, 6;
  row << 0, 1, 2;
  const auto [value, xbar, rowbar] = cs::value_and_grad(loss, x, row);
  Eigen::MatrixXd expected(2, 3);
  expected << 1, 1, 1, 1, 0, 1;
  CHECK(xbar == expected);
  CHECK(value == 1 + 2 + 3 + 4 - 1 + 6);
  CHECK(rowbar.isZero(0));
}

TEST_CASE("rows that still hold literals compare, select and take functions like numbers", "[autodiff]") {
  const auto text = [](const auto& y) {
    using N = cs::number_t<decltype(y)>;
    N best = 0, other = -2;
    best = cs::max(best, other) + cs::where(best < other, 5, best) + cs::where(true, other, best);
    const N chosen = cs::where(best < 1 && !(other >= 0), N(3), other) + cs::where(best > other || y[0] < 2, other, 1);
    return cs::sum(cs::where(best < 1, y[0], y[0] * 7) * chosen + cs::min(best, y[0]));
  };
  const Eigen::MatrixXd y = Eigen::RowVector3d(0.5, 1, 2);
  const auto [value, slope] = cs::value_and_grad(text, y);
  CHECK(value == 0.5 * 1 + 1 * 1 + 2 * 4 - 3 * 2);  // best = -2, chosen = 3 - 2, 3 - 2, 3 + 1
  CHECK(slope == Eigen::RowVector3d(1, 1, 4));
  double one_by_one = 0;
  for (const double each : y.reshaped()) one_by_one += cs::value(text, Eigen::Matrix<double, 1, 1>(each));
  CHECK(value == one_by_one);
}
