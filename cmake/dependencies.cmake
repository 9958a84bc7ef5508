# What costate stands on: found first, fetched only where missing, at the version that is tested.
include_guard()
include(FetchContent)

# Eigen, the only dependency of the library: 3.4 up to 5. The version is looked at afterwards, because no request says this to all of
# them: the version file of Eigen 3.4.0 refuses the range 3.4...<6, and that of Eigen 5 refuses to those who ask for 3.4.
macro(costate_require_eigen)
  if(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 QUIET CONFIG)
    if(Eigen3_FOUND AND (Eigen3_VERSION VERSION_LESS 3.4 OR Eigen3_VERSION VERSION_GREATER_EQUAL 6))
      message(FATAL_ERROR "costate needs Eigen 3.4 up to 5 and found ${Eigen3_VERSION} in ${Eigen3_DIR}. "
        "Name another with -DEigen3_DIR=..., or have 3.4.0 fetched with -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON.")
    endif()
    if(NOT TARGET Eigen3::Eigen)
      message(STATUS "costate: Eigen not found, fetching 3.4.0")
      FetchContent_Declare(eigen3 GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0 GIT_SHALLOW ON
        SOURCE_SUBDIR headers-only)  # no such folder: Eigen's own CMake project, with its tests and targets, stays out
      FetchContent_MakeAvailable(eigen3)
      add_library(Eigen3::Eigen INTERFACE IMPORTED)
      set_target_properties(Eigen3::Eigen PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${eigen3_SOURCE_DIR})
    endif()
    # A super-project links costate from its own directory, where an imported target of this one would be unknown.
    set_target_properties(Eigen3::Eigen PROPERTIES IMPORTED_GLOBAL TRUE)
  endif()
endmacro()

# Catch2, version 2 or 3, for the tests.
macro(costate_require_catch2)
  find_package(Catch2 QUIET)
  if(NOT TARGET Catch2::Catch2WithMain)
    message(STATUS "costate: Catch2 not found, fetching 3.7.1")
    FetchContent_Declare(Catch2 GIT_REPOSITORY https://github.com/catchorg/Catch2.git GIT_TAG v3.7.1 GIT_SHALLOW ON)
    FetchContent_MakeAvailable(Catch2)
    list(APPEND CMAKE_MODULE_PATH ${catch2_SOURCE_DIR}/extras)
  endif()
  include(Catch)
endmacro()

# CLI11, for the examples' command lines.
macro(costate_require_cli11)
  find_package(CLI11 QUIET CONFIG)
  if(NOT TARGET CLI11::CLI11)
    message(STATUS "costate: CLI11 not found, fetching 2.4.2")
    FetchContent_Declare(CLI11 GIT_REPOSITORY https://github.com/CLIUtils/CLI11.git GIT_TAG v2.4.2 GIT_SHALLOW ON)
    FetchContent_MakeAvailable(CLI11)
  endif()
endmacro()
