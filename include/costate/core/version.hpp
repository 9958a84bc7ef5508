#pragma once
// The version of costate: the one place where it is written. CMake reads it from here for the package, and programs that must
// know at compile time what they were built against use the macros; at run time there is costate::version.

#define COSTATE_VERSION_MAJOR 0
#define COSTATE_VERSION_MINOR 1
#define COSTATE_VERSION_PATCH 0

/// One number that grows with every release, for `#if COSTATE_VERSION >= 10203` (1.2.3).
#define COSTATE_VERSION (COSTATE_VERSION_MAJOR * 10000 + COSTATE_VERSION_MINOR * 100 + COSTATE_VERSION_PATCH)

namespace costate {

/// A release: compatible before 1.0 while `minor` is the same, afterwards while `major` is.
struct Version {
  int major_number, minor_number, patch_number;  // plain `major` and `minor` are macros of some systems' headers
};

inline constexpr Version version{COSTATE_VERSION_MAJOR, COSTATE_VERSION_MINOR, COSTATE_VERSION_PATCH};

}  // namespace costate
