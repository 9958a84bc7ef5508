// Options that make no sense are refused with a sentence.

#include <cmath>

#include <costate/ode/options.hpp>

#include "../catch.hpp"

namespace cs = costate;

namespace {

template <class S = double>
auto check(const cs::SolveOptions& options) {
  return cs::detail::check_options<S>(options, {2, 1});
}

}  // namespace

TEST_CASE("tolerances have defaults of the scalar type", "[ode]") {
  CHECK(check<double>({}).rtol == 1e-6);
  CHECK(check<double>({}).atol == 1e-8);
  CHECK(check<float>({}).rtol == 1e-4f);
  CHECK(check<float>({}).atol == 1e-6f);
  CHECK(check<double>({.rtol = 1e-3}).atol == 1e-8);
}

TEST_CASE("tolerances are positive, finite, and above the rounding of the state", "[ode]") {
  CHECK_THROWS_AS(check({.rtol = -1e-6}), cs::OptionError);
  CHECK_THROWS_AS(check({.atol = -1e-6}), cs::OptionError);
  CHECK_THROWS_AS(check({.rtol = std::nan("")}), cs::OptionError);
  CHECK_THROWS_AS(check({.atol = std::nan("")}), cs::OptionError);
  CHECK_THROWS_AS(check({.atol = HUGE_VAL}), cs::OptionError);
  CHECK_THROWS_AS(check({.rtol = 0.0, .atol = 0.0}), cs::OptionError);
  CHECK_THROWS_WITH(check({.rtol = 1e-17}), Catch::Matchers::Contains("rounding"));
  CHECK_THROWS_WITH(check<float>({.rtol = 1e-8}), Catch::Matchers::Contains("rounding"));
  CHECK_NOTHROW(check({.rtol = 1e-13, .atol = 1e-13}));
  CHECK_NOTHROW(check<long double>({.rtol = 1e-17}));
  CHECK_NOTHROW(check({.rtol = 0.0, .atol = 1e-12}));
  CHECK_NOTHROW(check({.rtol = 1e-6, .atol = 0.0}));
}

TEST_CASE("steps and limits are positive", "[ode]") {
  for (const double bad : {0.0, -0.1, std::nan("")}) {
    CHECK_THROWS_AS(check({.step = bad}), cs::OptionError);
    CHECK_THROWS_AS(check({.first_step = bad}), cs::OptionError);
    CHECK_THROWS_AS(check({.max_step = bad}), cs::OptionError);
  }
  CHECK_THROWS_AS(check({.max_steps = 0}), cs::OptionError);
  CHECK_THROWS_AS(check({.norm_rows = 3}), cs::OptionError);
  CHECK_THROWS_AS(check({.norm_rows = -1}), cs::OptionError);
  CHECK_THROWS_AS(check({.controller = {.safety = 0.0}}), cs::OptionError);
  CHECK_NOTHROW(check({.rtol = 1e-8, .atol = 1e-10, .step = 1e-3}));
  CHECK_NOTHROW(check({.max_step = HUGE_VAL}));
}
