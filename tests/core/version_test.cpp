#include "catch.hpp"

#include <costate/core/version.hpp>

// COSTATE_CMAKE_VERSION is what CMake understood of the header: "0.1.0".
TEST_CASE("the package and the header agree on the version", "[core]") {
  const auto written = std::to_string(costate::version.major_number) + "." + std::to_string(costate::version.minor_number) + "." +
                       std::to_string(costate::version.patch_number);
  CHECK(written == COSTATE_CMAKE_VERSION);
}

TEST_CASE("version numbers of one release order like the release", "[core]") {
  STATIC_REQUIRE(COSTATE_VERSION ==
                 costate::version.major_number * 10000 + costate::version.minor_number * 100 + costate::version.patch_number);
  STATIC_REQUIRE(costate::version.minor_number < 100);
  STATIC_REQUIRE(costate::version.patch_number < 100);
}
