#include <costate/adjoint/smoothness_scan.hpp>

#include <costate/core/math.hpp>

#include "catch.hpp"

using costate::detail::Roughness;
using costate::detail::SmoothnessScan;
using costate::detail::WatchedSolve;

namespace {

/// y' = g(t, y) of one component, from y(0) = 0 to t = 2.
template <class G>
Roughness scan(const G& g, double scale = 1) {
  struct Both {
    G g;
    double scale;
  };
  const Both both{g, scale};
  WatchedSolve solve;
  solve.end = 2;
  solve.y0 = {0.0};
  solve.atol = 1e-8 * scale;
  solve.solve = &both;
  solve.slope = [](const void* of, double t, const double* y, double* dydt) {
    const auto& b = *static_cast<const Both*>(of);
    *dydt = b.scale * b.g(t, *y / b.scale);
  };
  return SmoothnessScan<double>(solve)();
}

}  // namespace

TEST_CASE("a scan finds jumps and kinks where they are, of any size of the state", "[adjoint]") {
  for (const double scale : {1e-6, 1.0, 1e6}) {
    const Roughness jump = scan([](double, double y) { return y < 0.5 ? 1.0 : 1.1; }, scale);
    CHECK(jump.kind == Roughness::Kind::jump);
    CHECK(std::abs(jump.t - 0.5) < 1e-4);  // a step of tolerance 1e-6 may lead across a jump of 0.1 by 1e-5
    CHECK_FALSE(jump.in_time);
    CHECK(std::abs(jump.size - 0.1 / 1.1) < 1e-9);

    const Roughness kink = scan([](double, double y) { return 1.0 + std::abs(y - 0.5); }, scale);
    CHECK(kink.kind == Roughness::Kind::kink);
    CHECK(std::abs(kink.t - std::log(1.5)) < 1e-4);  // seen over 2⁻¹⁴ of a step
  }
}

TEST_CASE("a scan tells a jump in time from one in the state", "[adjoint]") {
  const Roughness jump = scan([](double t, double y) { return t < 1.0 ? 1.0 - y : 2.0 - y; });
  CHECK(jump.kind == Roughness::Kind::jump);
  CHECK(jump.in_time);
  CHECK(std::abs(jump.t - 1.0) < 1e-9);
}

TEST_CASE("a scan takes nothing smooth for a jump or a kink, however steep", "[adjoint]") {
  CHECK(scan([](double t, double y) { return std::cos(20 * t) - y; }).kind == Roughness::Kind::smooth);
  CHECK(scan([](double, double) { return 0.0; }).kind == Roughness::Kind::smooth);
  CHECK(scan([](double, double) { return 1.0; }).kind == Roughness::Kind::smooth);
  for (const double steepness : {10.0, 100.0, 1e3, 1e4})
    CHECK(scan([=](double, double y) { return 2.0 + std::tanh(steepness * (y - 0.5)); }).kind == Roughness::Kind::smooth);
}
