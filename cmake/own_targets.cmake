# How costate's own tests, examples and benchmarks are compiled. Nothing here reaches a user's target.
include_guard()
include(warnings)
include(sanitizers)

add_library(costate_own INTERFACE)
target_link_libraries(costate_own INTERFACE costate::costate)
costate_add_warnings(costate_own)
costate_add_sanitizers(costate_own)
if(COSTATE_NATIVE)
  target_compile_options(costate_own INTERFACE -march=native)
endif()

# Numbers are the product: without a build type they would come from unoptimised code.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT multi_config AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
