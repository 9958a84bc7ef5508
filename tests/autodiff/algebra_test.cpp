#include "derivatives.hpp"
#include "operations.hpp"

#include <cmath>
#include <limits>
#include <string>

using derivatives::irregular;
namespace cs = costate;

TEST_CASE("reductions have right derivatives up to the third", "[autodiff]") {
  const int which = GENERATE(range(0, operations::reductions));
  const auto [rows, cols] = GENERATE(values<std::pair<int, int>>({{3, 5}, {4, 1}, {1, 3}, {1, 1}, {2, 17}}));
  CAPTURE(which, rows, cols);
  derivatives::check([=](const auto& u, const auto& v) { return operations::reduced(which, u, v); }, irregular(rows, cols, 0.4), irregular(rows, cols, 1.4));
}

TEST_CASE("softmax and logsumexp neither overflow nor lose small probabilities", "[autodiff]") {
  const Eigen::Vector3d x(1000, 999, -1000);
  const auto [value, gradient] = cs::value_and_grad([](const auto& v) { return cs::logsumexp(v); }, x);
  CHECK_THAT(value, Catch::Matchers::WithinRel(1000 + std::log1p(std::exp(-1.0)), 1e-15));
  CHECK_THAT(gradient.sum(), Catch::Matchers::WithinRel(1.0, 1e-15));
  const auto [log_probability, slope] = cs::value_and_grad([](const auto& v) { return cs::log_softmax(v)[2]; }, x);
  CHECK_THAT(log_probability, Catch::Matchers::WithinRel(-2000 - std::log1p(std::exp(-1.0)), 1e-15));
  CHECK_THAT(slope[2], Catch::Matchers::WithinRel(1.0, 1e-15));
}

TEST_CASE("one text reduces one sample, a batch and plain arrays alike", "[autodiff]") {
  const auto loss = [](const auto& y) {
    return cs::mean(y) * cs::sum(cs::square(y)) + cs::dot(y, cs::softmax(y)) + cs::sum(cs::logsumexp(y)) + cs::sum(y[0]) + cs::mean(y[1]);
  };
  const Eigen::Vector3d one(0.3, -0.4, 0.9);
  const Eigen::MatrixXd batch = one;
  const auto [v1, g1] = cs::value_and_grad(loss, one);
  const auto [v2, g2] = cs::value_and_grad(loss, batch);
  CHECK_THAT(v1, Catch::Matchers::WithinRel(cs::value(loss, one), 1e-15));
  CHECK_THAT(v1, Catch::Matchers::WithinRel(v2, 1e-15));
  CHECK((g1 - g2).norm() <= 1e-15 * g1.norm());
  CHECK(cs::check_gradient(loss, one).ok(1e-14));
}

TEST_CASE("numbers scale and stack with constant Eigen objects, a column as a sample, others as a batch", "[autodiff]") {
  const Eigen::MatrixXd x = irregular(2, 5, 0.4);
  const Eigen::Vector2d u(0.3, 0.8);
  const auto loss = [&](const auto& p) {  // also plainly, where the numbers are doubles and Eigen multiplies
    const auto batch = cs::matmul(cs::reshape(p, 0, 2, 3), cs::stack(p[0], x * p[1]));
    const auto sample = cs::matmul(cs::reshape(p, 3, 1, 3), cs::stack(u / p[2], 0.5));
    return cs::sum(cs::square(batch)) * cs::sum(sample);
  };
  const Eigen::VectorXd p = irregular(6, 1, 0.7);
  CHECK(cs::check_gradient(loss, p).ok(1e-10));  // where numbers are plain, Eigen keeps the double of x and u: so good are differences
  CHECK(cs::check_gradient(loss, Eigen::MatrixXd(p)).ok(1e-13));  // the numbers are rows of one column
  const auto taped = [&](const auto& q) { return cs::sum(cs::square(2 - x / q[2] + q[0]) * x) + cs::sum(cs::stack(q[1] - u, q[1])); };
  const auto [value, slope] = cs::value_and_grad(taped, p);
  const auto [same, column] = cs::value_and_grad(taped, Eigen::MatrixXd(p));
  CHECK(value == same);
  CHECK((slope - column).norm() <= 1e-15 * slope.norm());
  const Eigen::MatrixXd joined = cs::stack(1, x, x.row(0), 0.5f);
  CHECK(joined == (Eigen::MatrixXd(5, 5) << Eigen::RowVectorXd::Ones(5), x, x.row(0), Eigen::RowVectorXd::Constant(5, 0.5)).finished());
  const Eigen::Vector4d stacked = cs::stack(u, 1, 2);
  CHECK(stacked == Eigen::Vector4d(0.3, 0.8, 1, 2));
  CHECK_THROWS_AS(cs::stack(x, u), cs::ShapeError);
}

TEST_CASE("shapes that do not fit are errors that name them", "[autodiff]") {
  using Catch::Matchers::Contains;
  const Eigen::MatrixXd a = Eigen::MatrixXd::Ones(2, 3), b = Eigen::MatrixXd::Ones(4, 3);
  const auto message = [&](const auto& loss) {
    try {
      cs::value_and_grad(loss, a, b);
    } catch (const cs::ShapeError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(x + y); }), Contains("2 x 3") && Contains("4 x 3") && Contains("broadcast"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::matmul(x, y)); }), Contains("matmul") && Contains("2 x 3") && Contains("4 x 3"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::dot(x, y); }), Contains("dot") && Contains("2 x 3"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(x[2] + y[0]); }), Contains("component 2") && Contains("2"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(x[-1] + y[0]); }), Contains("component -1"));
  const auto matrix_of_sample = [](const auto& v) { return cs::sum(cs::reshape(v, 0, 2, 2)[1]); };  // neither a number nor a row
  CHECK_THROWS_AS(cs::value_and_grad(matrix_of_sample, Eigen::Vector4d(1, 2, 3, 4)), cs::ShapeError);
  CHECK_THROWS_AS(cs::value(matrix_of_sample, Eigen::Vector4d(1, 2, 3, 4)), cs::ShapeError);
  CHECK_THAT(message([](const auto& x, const auto& y) { return x(0, 3) + y(0, 0); }), Contains("(0, 3)") && Contains("2 x 3"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::rows(x, 1, 2)) + y(0, 0); }), Contains("rows(1, 2)"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::cols(x, 1, 3)) + y(0, 0); }), Contains("cols(1, 3)"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::reshape(x, 1, 2, 3)) + y(0, 0); }), Contains("2 x 3") && Contains("6 values"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::stack(x, cs::cols(y, 0, 2))); }), Contains("stack") && Contains("2 columns"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::hstack(x, y)); }), Contains("hstack") && Contains("4 rows"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::dense(x, y, y)); }), Contains("dense") && Contains("bias"));
  CHECK_THAT(message([](const auto& x, const auto& y) { return cs::sum(cs::where(y > 0, x, 1)); }), Contains("where"));
  CHECK_THAT(message([](const auto& x, const auto&) { return x * 2; }), Contains("one number") && Contains("2 x 3"));
}
