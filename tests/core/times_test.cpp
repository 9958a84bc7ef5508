#include "catch.hpp"

#include <array>
#include <deque>
#include <limits>
#include <list>
#include <string>
#include <vector>

#include <costate/core/times.hpp>

namespace cs = costate;

namespace {

template <class T = cs::Times>
double last_of(const T& times) {
  return cs::Times(times).back();
}

// What the TimeError about these times says.
std::string complaint(const cs::Times& times) {
  try {
    cs::check_times(times);
  } catch (const cs::TimeError& error) {
    return error.what();
  }
  return "none";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("linspace is exact at both ends and nowhere a running sum", "[core]") {
  const auto t = cs::linspace(0.0, 0.7, 1001);
  REQUIRE(t.size() == 1001);
  CHECK(t[0] == 0.0);
  CHECK(t[1000] == 0.7);
  for (int i = 0; i < 1000; ++i) {
    CHECK(t[i] == i * 0.7 / 1000);
    CHECK(t[i] < t[i + 1]);
  }
  const auto back = cs::linspace(3, -1, 5);
  CHECK(back == Eigen::VectorXd((Eigen::VectorXd(5) << 3, 2, 1, 0, -1).finished()));
  CHECK(cs::linspace(0.25, 9.0, 1) == Eigen::VectorXd::Constant(1, 0.25));
  CHECK(cs::linspace(0.0, 1.0, std::size_t{3})[1] == 0.5);
}

TEST_CASE("time is double unless it is long double", "[core]") {
  STATIC_REQUIRE(std::is_same_v<decltype(cs::linspace(0.0f, 1.0f, 3)), Eigen::VectorXd>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::linspace(0, 1, 3)), Eigen::VectorXd>);
  STATIC_REQUIRE(std::is_same_v<decltype(cs::linspace(0.0L, 1.0L, 3))::Scalar, long double>);
  STATIC_REQUIRE(std::is_same_v<cs::time_t_of<float>, double>);
  STATIC_REQUIRE(std::is_same_v<cs::time_t_of<long double>, long double>);
}

TEST_CASE("linspace refuses what has no grid", "[core]") {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(cs::linspace(0.0, 1.0, 0), cs::OptionError);
  CHECK_THROWS_AS(cs::linspace(0.0, 1.0, -3), cs::OptionError);
  CHECK_THROWS_AS(cs::linspace(nan, 1.0, 3), cs::TimeError);
  CHECK_THROWS_AS(cs::linspace(0.0, infinity, 3), cs::TimeError);
  CHECK_THROWS_AS(cs::linspace(-1.5e308, 1.5e308, 3), cs::TimeError);
  CHECK_THROWS_AS(cs::linspace(0.0, 1e308, 100), cs::TimeError);
}

TEST_CASE("everything that holds floating-point numbers is times", "[core]") {
  CHECK(last_of({0.0, 10.0}) == 10.0);
  CHECK(last_of({0, 10}) == 10.0);
  CHECK(last_of(std::vector<double>{0, 10}) == 10.0);
  CHECK(last_of(std::vector<float>{0, 10}) == 10.0);
  CHECK(last_of(std::array<double, 2>{0, 10}) == 10.0);
  CHECK(last_of(std::list<long double>{0, 10}) == 10.0);
  CHECK(last_of(std::deque<double>{0, 10}) == 10.0);
  const double plain[] = {0, 10};
  CHECK(last_of(plain) == 10.0);
  CHECK(last_of(cs::linspace(0.0, 10.0, 4)) == 10.0);
  CHECK(last_of(Eigen::RowVector2f(0, 10)) == 10.0);
  CHECK(last_of(Eigen::ArrayXd::LinSpaced(3, 0, 5) * 2) == 10.0);
  CHECK(last_of(Eigen::Matrix2d::Identity() * Eigen::Vector2d(0, 10)) == 10.0);
  CHECK(last_of(Eigen::Matrix2d::Constant(10).row(1)) == 10.0);
  cs::Times times{0.0, 10.0};
  const cs::Times copy = times;
  CHECK(cs::BasicTimes<long double>(copy).back() == 10.0L);
  CHECK_FALSE(cs::NumberRange<double>);
}

TEST_CASE("assigning again keeps the memory", "[core]") {
  cs::Times times{0.0, 1.0, 2.0, 3.0};
  const double* memory = times.data();
  times.assign(std::vector<double>{5, 6, 7});
  times.assign(cs::linspace(0.0, 1.0, 4));
  CHECK(times.data() == memory);
  CHECK(times.size() == 4);
}

TEST_CASE("a grid is finite and strictly monotone in either direction, or the message says where it is not", "[core]") {
  CHECK_NOTHROW(cs::check_times(cs::Times{0.0}));
  CHECK_NOTHROW(cs::check_times(cs::Times{0.0, 1.0, 1.5}));
  CHECK_NOTHROW(cs::check_times(cs::Times{2.0, 1.0, -1.5}));
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(contains(complaint({}), "no times"));
  CHECK(contains(complaint({1.0, 1.0}), "times[1] = 1 follows times[0] = 1"));
  CHECK(contains(complaint({0.0, 1.0, 0.5}), "times[2] = 0.5 follows times[1] = 1 in increasing"));
  CHECK(contains(complaint({0.0, -1.0, -0.5}), "times[2] = -0.5 follows times[1] = -1 in decreasing"));
  CHECK(contains(complaint({0.0, nan}), "times[1] is nan"));
  CHECK(contains(complaint({infinity}), "times[0] is inf"));
}
