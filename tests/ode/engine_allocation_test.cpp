// After its construction an engine allocates nothing, whatever it is asked to do. Counts every malloc of this program, since Eigen's
// memory does not come from operator new; where malloc cannot be replaced (address sanitizer, other C libraries) there is no test.

#include <cstdlib>
#include <vector>

#include <costate/ode/dense_output.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "../catch.hpp"
#include "problems.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COSTATE_TEST_NO_MALLOC
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define COSTATE_TEST_NO_MALLOC
#endif

#ifndef COSTATE_TEST_NO_MALLOC

namespace cs = costate;

namespace {
std::size_t allocations = 0;
}

extern "C" void* __libc_malloc(std::size_t);
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

TEMPLATE_TEST_CASE("a running engine does not allocate", "[ode]", cs::Dopri5, cs::Rk4) {
  const std::vector<double> t{0.0, 0.3, 0.7, 1.0}, steps{0.4, 1.0};
  const auto samples = GENERATE(Eigen::Index(1), Eigen::Index(7));
  const auto f = [](double, const Eigen::VectorXd& y, Eigen::VectorXd& dydt) { dydt = -y; };
  const Eigen::VectorXd start = Eigen::VectorXd::Ones(3 * samples);
  cs::Engine<TestType, Eigen::VectorXd, decltype(f)> e(TestType{}, f, {3, samples}, {.step = 0.01});
  double sum = 0;
  const auto output = [&](Eigen::Index, Eigen::Index, const Eigen::VectorXd& y) { sum += y[0]; };

  const std::size_t before = allocations;
  for (int i = 0; i < 3; ++i) {
    e.reset(0.0, start);
    e.run(t, output);
    e.jump([](Eigen::VectorXd& y) { y[0] += 1; });
    e.advance_to(2.0);
    e.step();
    e.advance_to(0.0);
    e.reset(0.0, start);
    e.replay(steps, t, output);
  }
  const std::size_t after = allocations;
  CHECK(after == before);
  CHECK(sum > 0);
  CHECK(before > 0);  // the counter counts
}

#endif
