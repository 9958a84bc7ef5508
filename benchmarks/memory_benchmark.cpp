// How much memory does a gradient take? The most bytes alive at once, counted by this program's own malloc, while one gradient of a
// solve is computed: by BacksolveAdjoint, CheckpointedAdjoint and ReversibleAdjoint without synchronisation, which must not depend on the
// number of steps, and by DirectAdjoint, whose slope in units of the state is told. Up to 100,000 steps; --quick 1,000, --long a million.
// The exit status is non-zero if one of the former varies by more than 1 % or the slope is above 1.1 states a step.

#include <costate/costate.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#if defined(__GLIBC__)
#include <malloc.h>

namespace {
std::atomic<std::size_t> alive{0}, most{0};

void* counted(void* p) {
  if (p != nullptr) {
    const std::size_t now = alive += malloc_usable_size(p);
    for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
  }
  return p;
}
}  // namespace

// The C library's allocator under the names it keeps for itself; operator new and Eigen come here too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) noexcept { return counted(__libc_malloc(n)); }
void* calloc(std::size_t n, std::size_t size) noexcept { return counted(__libc_calloc(n, size)); }
void* memalign(std::size_t alignment, std::size_t n) noexcept { return counted(__libc_memalign(alignment, n)); }
void* aligned_alloc(std::size_t alignment, std::size_t n) noexcept { return memalign(alignment, n); }
int posix_memalign(void** p, std::size_t alignment, std::size_t n) noexcept {
  *p = memalign(alignment, n);
  return *p == nullptr ? ENOMEM : 0;
}
void* realloc(void* p, std::size_t n) noexcept {
  const std::size_t before = p == nullptr ? 0 : malloc_usable_size(p);
  void* const moved = __libc_realloc(p, n);
  if (moved != nullptr || n == 0) alive -= before;
  return counted(moved);
}
void free(void* p) noexcept {
  if (p != nullptr) alive -= malloc_usable_size(p);
  __libc_free(p);
}
}

namespace {

namespace cs = costate;
using cs::Index;

constexpr Index samples = 512;
constexpr std::size_t state = 2 * samples * sizeof(double);

struct Measurement {
  std::size_t bytes;
  double seconds;
};

/// The most bytes that one gradient with respect to the parameters needs: a 2-50-2 network's dynamics over [0, 1] in so many equal steps,
/// of an adaptive method by a bound on their length.
template <class Method, class Adjoint>
Measurement measure(const Method& method, const Adjoint& adjoint, Index steps) {
  const cs::nn::Mlp net({2, 50, 2}, cs::nn::tanh);
  cs::Random random(1);
  const Eigen::VectorXd theta = net.init(random);
  const Eigen::MatrixXd start = Eigen::MatrixXd::Random(2, samples);
  const auto f = [&](auto /*t*/, const auto& y, const auto& p) { return net(y, p); };
  const auto loss = [&](const auto& p) {
    const double step = 1 / static_cast<double>(steps);
    const auto y = cs::odeint(f, start, {0.0, 1.0}, p, method, adjoint, {.rtol = 1e-4, .atol = 1e-4, .step = step, .max_step = step});
    return cs::mean(cs::square(y.back()));
  };
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t before = alive;
  most = before;
  {
    auto gradient = cs::value_and_grad(loss);
    const auto& [value, bar] = gradient(theta);
    if (!std::isfinite(value) || !bar.allFinite()) std::printf("the gradient is not finite\n");
  }
  return {most - before, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
}

/// Prints the memory of an adjoint over steps of a method, and says whether it stays.
template <class Method, class Adjoint>
bool stays(const Method& method, const Adjoint& adjoint, Index longest) {
  std::printf("  %-19s %10s %14s %10s\n", Adjoint::name, "steps", "most bytes", "seconds");
  measure(method, adjoint, 2);  // the C library rounds the first large blocks to pages, later ones not
  std::size_t least = ~std::size_t{0}, greatest = 0;
  for (Index steps = 10; steps <= longest; steps *= 10) {
    const Measurement m = measure(method, adjoint, steps);
    std::printf("                      %10td %14zu %10.2f\n", steps, m.bytes, m.seconds);
    least = std::min(least, m.bytes);
    greatest = std::max(greatest, m.bytes);
  }
  const bool constant = static_cast<double>(greatest) <= 1.01 * static_cast<double>(least);
  std::printf("  memory of %s over steps: ours %zu … %zu bytes  limit 1 %%  ratio %.4f%s\n", Adjoint::name, least, greatest,
              static_cast<double>(greatest) / static_cast<double>(least), constant ? "" : "  MISSED");
  return constant;
}

template <class Method>
bool report(const char* name, const Method& method, Index longest) {
  std::printf("%s\n", name);
  bool holds = stays(method, cs::BacksolveAdjoint{}, longest);
  holds &= stays(method, cs::CheckpointedAdjoint{.slots = 8}, longest);
  if constexpr (cs::OneStepMethod<Method>) holds &= stays(method, cs::ReversibleAdjoint{.coupling = 1, .synchronise = 0}, longest);

  std::printf("  %-19s %10s %14s %10s\n", "DirectAdjoint", "steps", "most bytes", "seconds");
  std::size_t before = 0, last = 0;
  Index steps = 10;
  for (; steps <= std::min<Index>(longest, 10000); steps *= 10) {
    const Measurement m = measure(method, cs::DirectAdjoint{}, steps);
    before = std::exchange(last, m.bytes);
    std::printf("                      %10td %14zu %10.2f\n", steps, m.bytes, m.seconds);
  }
  const double slope = static_cast<double>(last - before) / (0.09 * static_cast<double>(steps)), ratio = slope / static_cast<double>(state);
  std::printf("  memory of DirectAdjoint per step: ours %.0f bytes  limit %zu bytes  ratio %.3f%s\n", slope, state, ratio, ratio <= 1.1 ? "" : "  MISSED");
  return holds && ratio <= 1.1;
}

}  // namespace

int main(int argc, char** argv) {
  Index longest = 100000;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--quick" || option.substr(0, 21) == "--benchmark_min_time=") longest = 1000;
    if (option == "--long") longest = 1000000;
  }
  std::printf("2-50-2 tanh network, batch %td; a state has %zu bytes\n", samples, state);
  const bool holds = report("Rk4", cs::Rk4{}, longest), holds_too = report("Adams", cs::Adams{}, longest);
  return holds && holds_too ? 0 : 1;
}

#else
int main() { std::printf("the bytes alive are counted with the GNU C library only\n"); }
#endif
