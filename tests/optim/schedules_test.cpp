#include "catch.hpp"

#include <limits>

#include <costate/optim/schedules.hpp>

namespace cs = costate;
using namespace cs::optim;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("constant, step and exponential decay are their formulas", "[optim]") {
  CHECK(ConstantRate({.learning_rate = 0.5})(123) == 0.5);
  const StepDecay step({.learning_rate = 1, .factor = 0.5, .every = 10});
  CHECK(step(0) == 1);
  CHECK(step(9) == 1);
  CHECK(step(10) == 0.5);
  CHECK(step(39) == 0.125);
  const ExponentialDecay exponential({.learning_rate = 2, .factor = 0.5});
  CHECK(exponential(0) == 2);
  CHECK(exponential(3) == 0.25);
}

TEST_CASE("cosine decay warms up to the highest rate and falls to the final one", "[optim]") {
  const CosineDecay cosine({.learning_rate = 1, .iterations = 110, .warmup = 10, .final_rate = 0.2});
  CHECK_THAT(cosine(0), WithinRel(0.1, 1e-15));
  CHECK(cosine(9) == 1);
  CHECK(cosine(10) == 1);
  CHECK_THAT(cosine(60), WithinRel(0.6, 1e-15));
  CHECK_THAT(cosine(35), WithinRel(0.2 + 0.4 * (1 + std::sqrt(0.5)), 1e-15));
  CHECK(cosine(110) == 0.2);
  CHECK(cosine(100000) == 0.2);
  for (int i = 10; i < 110; ++i) CHECK(cosine(i + 1) <= cosine(i));
  // what goes is what comes: symmetric about the middle
  for (int i = 0; i < 50; ++i) CHECK_THAT(cosine(60 - i) + cosine(60 + i), WithinAbs(1.2, 1e-14));
}

TEST_CASE("the rate falls after more than `patience` losses without improvement", "[optim]") {
  ReduceOnPlateau plateau({.learning_rate = 1, .factor = 0.5, .patience = 2, .threshold = 0.1, .minimum = 0.2});
  for (const double loss : {10.0, 8.0, 7.5, 7.3}) CHECK(plateau(loss) == 1);  // 7.5 and 7.3 improve by less than a tenth
  CHECK(plateau(7.3) == 0.5);
  CHECK(plateau.best() == 8);
  CHECK(plateau(7.3) == 0.5);
  CHECK(plateau(6) == 0.5);  // improved: the count begins anew
  for (int i = 0; i < 2; ++i) CHECK(plateau(6) == 0.5);
  CHECK(plateau(6) == 0.25);
  for (int i = 0; i < 30; ++i) plateau(6);
  CHECK(plateau.learning_rate() == 0.2);
  CHECK_THROWS_AS(plateau(std::numeric_limits<double>::quiet_NaN()), cs::NonFiniteError);
  CHECK(plateau.learning_rate() == 0.2);
  ReduceOnPlateau negative({.patience = 0, .threshold = 0.1});
  negative(-10.0);
  CHECK(negative(-10.5) < 1e-3);  // not enough of an improvement, for negative losses too
}

TEST_CASE("a rate below the minimum from the beginning is not raised to it", "[optim]") {
  ReduceOnPlateau plateau({.learning_rate = 0.1, .patience = 0, .minimum = 0.5});
  plateau(1), plateau(1);
  CHECK(plateau(1) == 0.1);
}

TEST_CASE("schedules refuse options out of range", "[optim]") {
  CHECK_THROWS_AS(ConstantRate({.learning_rate = -1}), cs::OptionError);
  CHECK_THROWS_AS(StepDecay({.factor = 0}), cs::OptionError);
  CHECK_THROWS_AS(StepDecay({.every = 0}), cs::OptionError);
  CHECK_THROWS_AS(ExponentialDecay({.factor = 1.1}), cs::OptionError);
  CHECK_THROWS_AS(CosineDecay({.iterations = 0}), cs::OptionError);
  CHECK_THROWS_AS(CosineDecay({.iterations = 10, .warmup = 10}), cs::OptionError);
  CHECK_THROWS_AS(CosineDecay({.final_rate = -1}), cs::OptionError);
  CHECK_THROWS_AS(ReduceOnPlateau({.patience = -1}), cs::OptionError);
  CHECK_THROWS_AS(ReduceOnPlateau({.threshold = 1}), cs::OptionError);
}
