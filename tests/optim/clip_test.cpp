#include "catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <costate/optim/clip.hpp>

namespace cs = costate;
using cs::optim::clip_norm;
using cs::optim::clip_value;

TEST_CASE("clip_norm keeps the direction, and returns the norm before", "[optim]") {
  Eigen::Vector2d g(3, -4);
  CHECK(clip_norm(g, 10) == 5);
  CHECK(g == Eigen::Vector2d(3, -4));
  CHECK(clip_norm(g, 5) == 5);
  CHECK(g == Eigen::Vector2d(3, -4));
  CHECK(clip_norm(g, 1) == 5);
  CHECK((g - Eigen::Vector2d(0.6, -0.8)).norm() <= 1e-15);

  std::vector<float> v{0, 6, 8};
  CHECK(clip_norm(v, 5) == 10);
  CHECK(v == std::vector<float>{0, 3, 4});
  Eigen::MatrixXd m = Eigen::MatrixXd::Ones(4, 4);
  CHECK(clip_norm(m.topLeftCorner(2, 2), 1) == 2);
  CHECK(m.sum() == 14);
  Eigen::VectorXd none(0);
  CHECK(clip_norm(none, 1) == 0);
  Eigen::VectorXd zero = Eigen::VectorXd::Zero(3);
  CHECK(clip_norm(zero, 1) == 0);
}

TEMPLATE_TEST_CASE("clip_norm survives squares that overflow or vanish", "[optim]", float, double, long double) {
  using S = TestType;
  for (const S size : {std::numeric_limits<S>::max() / 4, std::numeric_limits<S>::min() * 4}) {
    Eigen::VectorX<S> g = Eigen::VectorX<S>::Constant(4, size);
    CHECK(clip_norm(g, std::numeric_limits<double>::infinity()) == 2 * size);  // an infinite bound clips nothing
    CHECK(g[0] == size);
  }
  Eigen::VectorX<S> g = Eigen::VectorX<S>::Constant(4, std::numeric_limits<S>::max() / 4);
  clip_norm(g, 1);
  CHECK(std::abs(g[0] - S(0.5)) <= 4 * std::numeric_limits<S>::epsilon());
  g.setConstant(4, std::numeric_limits<S>::max());  // the norm itself overflows
  clip_norm(g, 1);
  CHECK(std::abs(g[0] - S(0.5)) <= 4 * std::numeric_limits<S>::epsilon());
}

TEST_CASE("clip_value limits every element, and returns the largest magnitude before", "[optim]") {
  Eigen::Vector3d g(3, -4, 0.5);
  CHECK(clip_value(g, 5) == 4);
  CHECK(g == Eigen::Vector3d(3, -4, 0.5));
  CHECK(clip_value(g, 1) == 4);
  CHECK(g == Eigen::Vector3d(1, -1, 0.5));
}

TEST_CASE("clipping refuses NaN, infinities and bounds that are none, and changes nothing", "[optim]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const double bad = GENERATE(false, true) ? nan : infinity;
  Eigen::Vector3d g(100, bad, 1);
  CHECK_THROWS_AS(clip_norm(g, 1), cs::NonFiniteError);
  CHECK_THROWS_AS(clip_value(g, 1), cs::NonFiniteError);
  CHECK(g[0] == 100);
  g[1] = 1;
  for (const double bound : {0.0, -1.0, nan}) {
    CHECK_THROWS_AS(clip_norm(g, bound), cs::OptionError);
    CHECK_THROWS_AS(clip_value(g, bound), cs::OptionError);
  }
  CHECK(g == Eigen::Vector3d(100, 1, 1));
}
