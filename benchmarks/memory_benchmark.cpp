// How much memory does a gradient take? The most bytes alive at once, counted by this program's own malloc, while one gradient of a
// solve is computed: by BacksolveAdjoint, CheckpointedAdjoint and ReversibleAdjoint without synchronisation, which must not depend on the
// number of steps, and by DirectAdjoint, whose slope in units of the state is told. Up to 100,000 steps; --quick 1,000, --long a million of
// Rk4, which takes DirectAdjoint 8 GB; --draw memory.svg makes a picture of Rk4's. The exit status is non-zero if one of the former varies
// by more than 1 % or the slope is above 1.1 states a step.

#include <costate/costate.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  double seconds;  // of the processor
};

/// One adjoint's measurements over the number of steps.
struct Curve {
  std::string adjoint;
  std::vector<double> steps{}, bytes{}, seconds{};

  void add(Index n, const Measurement& m) {
    std::printf("                      %10td %14zu %10.3g\n", n, m.bytes, m.seconds);
    std::fflush(stdout);
    steps.push_back(static_cast<double>(n));
    bytes.push_back(static_cast<double>(m.bytes));
    seconds.push_back(m.seconds);
  }
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
  const std::clock_t begin = std::clock();
  const std::size_t before = alive;
  most = before;
  {
    auto gradient = cs::value_and_grad(loss);
    const auto& [value, bar] = gradient(theta);
    if (!std::isfinite(value) || !bar.allFinite()) std::printf("the gradient is not finite\n");
  }
  return {most - before, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC};
}

template <class Method, class Adjoint>
Curve curve(const Method& method, const Adjoint& adjoint, Index longest) {
  Curve result{Adjoint::name};
  std::printf("  %-19s %10s %14s %10s\n", Adjoint::name, "steps", "most bytes", "seconds");
  measure(method, adjoint, 2);  // the C library rounds the first large blocks to pages, later ones not
  for (Index steps = 10; steps <= longest; steps *= 10) result.add(steps, measure(method, adjoint, steps));
  return result;
}

/// Whether an adjoint's memory stays.
bool stays(const Curve& curve) {
  const auto [least, greatest] = std::minmax_element(curve.bytes.begin(), curve.bytes.end());
  const bool constant = *greatest <= 1.01 * *least;
  std::printf("  memory of %s over steps: ours %.0f … %.0f bytes  limit 1 %%  ratio %.4f%s\n", curve.adjoint.c_str(), *least, *greatest,
              *greatest / *least, constant ? "" : "  MISSED");
  return constant;
}

/// Whether each further step takes little more than a state; from the two longest solves.
bool takes_a_state(const Curve& curve) {
  const std::size_t last = curve.steps.size() - 1;
  const double slope = (curve.bytes[last] - curve.bytes[last - 1]) / (curve.steps[last] - curve.steps[last - 1]);
  const double ratio = slope / static_cast<double>(state);
  std::printf("  memory of %s per step: ours %.0f bytes  limit %zu bytes  ratio %.3f%s\n", curve.adjoint.c_str(), slope, state, ratio,
              ratio <= 1.1 ? "" : "  MISSED");
  return ratio <= 1.1;
}

/// Prints the memory of all adjoints for a method; false where one takes more than it may.
template <class Method>
bool report(const char* name, const Method& method, Index longest, std::vector<Curve>& curves) {
  std::printf("%s\n", name);
  curves = {curve(method, cs::DirectAdjoint{}, longest)};
  bool holds = takes_a_state(curves.back());
  const auto constant = [&](const auto& adjoint) { holds &= stays(curves.emplace_back(curve(method, adjoint, longest))); };
  if constexpr (cs::OneStepMethod<Method>) constant(cs::ReversibleAdjoint{.coupling = 1, .synchronise = 0});
  constant(cs::BacksolveAdjoint{});
  constant(cs::CheckpointedAdjoint{.slots = 8});
  return holds;
}

void draw(const std::vector<Curve>& curves, const std::string& path) {
  cs::Figure figure({.columns = 2, .height = 620});
  auto& memory = figure.panel("Memory of a gradient").x_label("steps").y_label("most megabytes alive").log_log().legend(cs::Legend::top_left);
  auto& time = figure.panel("Its time").x_label("steps").y_label("seconds of one core").log_log().legend(cs::Legend::none);
  for (const Curve& c : curves) {
    auto megabytes = c.bytes;
    for (double& m : megabytes) m /= 1e6;
    memory.line_points(c.steps, megabytes, {.label = c.adjoint});
    time.line_points(c.steps, c.seconds);
  }
  for (const auto& written : figure.save(path)) std::printf("wrote %s\n", written.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Index longest = 100000;
  std::string picture;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--quick" || option.substr(0, 21) == "--benchmark_min_time=") longest = 1000;
    if (option == "--long") longest = 1000000;
    if (option == "--draw" && i + 1 < argc) picture = argv[++i];
  }
  std::printf("2-50-2 tanh network, batch %td; a state has %zu bytes\n", samples, state);
  std::vector<Curve> rk4, adams;
  const bool holds = report("Rk4", cs::Rk4{}, longest, rk4);
  if (!picture.empty()) draw(rk4, picture);
  const bool holds_too = report("Adams", cs::Adams{}, std::min<Index>(longest, 100000), adams);
  return holds && holds_too ? 0 : 1;
}

#else
int main() { std::printf("the bytes alive are counted with the GNU C library only\n"); }
#endif
