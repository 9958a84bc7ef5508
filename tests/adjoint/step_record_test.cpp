#include "catch.hpp"

#include <costate/adjoint/step_record.hpp>

using costate::detail::StepRecord;

TEST_CASE("a record of steps gives back what it was given, and never moves it", "[adjoint]") {
  const int width = GENERATE(1, 3, 1023, 1024, 5000);
  StepRecord<float, double> record;
  for (const int steps : {5000, 7}) {  // the second solve finds the first one's memory
    record.clear(width);
    const float* first = nullptr;
    for (int i = 0; i < steps; ++i) {
      record.push_back(Eigen::VectorXf::Constant(width, static_cast<float>(i)).eval(), 0.5 * i);
      if (i == 0) first = record.state(0);
    }
    REQUIRE(record.size() == steps);
    CHECK(record.state(0) == first);
    bool same = true;
    for (int i = 0; i < steps; ++i)
      same = same && record.end(i) == 0.5 * i && record.state(i)[0] == static_cast<float>(i) && record.state(i)[width - 1] == static_cast<float>(i);
    CHECK(same);
  }
}

TEST_CASE("a record of empty states counts its steps", "[adjoint]") {
  StepRecord<double, double> record;
  record.clear(0);
  for (int i = 0; i < 10; ++i) record.push_back(Eigen::VectorXd(0), i);
  CHECK(record.size() == 10);
  CHECK(record.end(9) == 9);
}
