#pragma once
// Counts every allocation of the program, Eigen's included, by standing before the C library's malloc; weak, so that several files of a
// program may include it. Only with glibc, and not under a sanitizer, which wants malloc for itself: `counted` says so.

#include <cstddef>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define COSTATE_TEST_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COSTATE_TEST_SANITIZER 1
#endif
#endif

namespace allocations {
inline std::size_t count = 0;
#if defined(__GLIBC__) && !defined(COSTATE_TEST_SANITIZER)
inline constexpr bool counted = true;
#else
inline constexpr bool counted = false;
#endif

/// The number of allocations that a call makes.
template <class F>
std::size_t of(const F& f) {
  const std::size_t before = count;
  f();
  return count - before;
}
}  // namespace allocations

#if defined(__GLIBC__) && !defined(COSTATE_TEST_SANITIZER)
extern "C" {
void* __libc_malloc(std::size_t);                 // NOLINT: the C library's name
void* __libc_memalign(std::size_t, std::size_t);  // NOLINT
[[gnu::weak]] void* malloc(std::size_t n) noexcept {
  ++allocations::count;
  return __libc_malloc(n);
}
[[gnu::weak]] void* aligned_alloc(std::size_t alignment, std::size_t n) noexcept {
  ++allocations::count;
  return __libc_memalign(alignment, n);
}
}
#endif
