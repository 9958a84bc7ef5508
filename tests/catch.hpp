#pragma once
// Catch2, version 2 or 3, whichever is installed. Tests use what both have: TEST_CASE, SECTION, GENERATE, TEMPLATE_TEST_CASE and
// the matchers, never Approx.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_message.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_adapters.hpp>
#include <catch2/generators/catch_generators_random.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_predicate.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>
namespace Catch::Matchers {
inline auto Contains(const std::string& part) { return ContainsSubstring(part); }  // version 2's name for it
}  // namespace Catch::Matchers
#else
#include <catch2/catch.hpp>
#endif
