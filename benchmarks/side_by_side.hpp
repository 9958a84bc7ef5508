#pragma once
// Times contestants side by side: in turn, in short blocks, over many rounds, so that what else the machine does hits all of them
// alike. Figures are medians over the rounds, ratios medians of each round's ratio.
//
//   SideBySide race(argc, argv);                              --quick, or --benchmark_min_time=<seconds>, shortens it
//   race("gradient of …", ours, limit);                       two callables; prints a line, returns the ratio

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

class SideBySide {
 public:
  SideBySide(int argc, char** argv) {
    constexpr std::string_view min_time = "--benchmark_min_time=";
    for (int i = 1; i < argc; ++i) {
      const std::string_view arg = argv[i];
      if (arg == "--quick") quick_ = true;
      if (arg.substr(0, min_time.size()) == min_time) quick_ = std::atof(argv[i] + min_time.size()) < 0.5;
    }
  }

  [[nodiscard]] bool quick() const { return quick_; }

  /// Prints the times per call, divided by `per` (steps, samples), and returns ours / limit.
  template <class Ours, class Limit>
  double operator()(const char* question, Ours&& ours, Limit&& limit, double per = 1, const char* limit_name = "limit") const {
    const auto [a, b, ratio] = measure(ours, limit);
    std::printf("%-62s ours %10.1f ns  %s %10.1f ns  ratio %5.2f\n", question, a / per, limit_name, b / per, ratio);
    std::fflush(stdout);
    return ratio;
  }

  struct Result {
    double first, second, ratio;  // nanoseconds per call
  };
  template <class First, class Second>
  Result measure(First&& first, Second&& second) const {
    const long n = calls_per_block(first), m = calls_per_block(second);
    std::vector<double> a, b, ratio;
    for (int round = 0; round < (quick_ ? 15 : 301); ++round) {
      a.push_back(block(first, n));
      b.push_back(block(second, m));
      ratio.push_back(a.back() / b.back());
    }
    return {median(a), median(b), median(ratio)};
  }

 private:
  template <class F>
  static double block(F& f, long n) {
    const auto begin = std::chrono::steady_clock::now();
    for (long i = 0; i < n; ++i) f();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    return taken.count() / static_cast<double>(n);
  }
  template <class F>
  long calls_per_block(F& f) const {
    const double nanoseconds = quick_ ? 1e5 : 4e5;
    long n = 1;
    for (double taken = 0; taken < nanoseconds / 2; n *= 2) taken = block(f, n) * static_cast<double>(n);
    return n;
  }
  static double median(std::vector<double> v) {
    const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
    std::nth_element(v.begin(), middle, v.end());
    return *middle;
  }

  bool quick_ = false;
};
