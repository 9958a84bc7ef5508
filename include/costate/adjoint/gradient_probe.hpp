#pragma once
// A loss seen from outside: its gradients with tolerances made finer, and its differences along random signs.
//
// Gradients and directions are in units of the arguments' sizes. For a direction v of independent signs E (δgᵀv)² = ‖δg‖²
// (M. F. Hutchinson, Commun. Stat. Simul. Comput. 19 (1990) 433–450): one of them tells how long a gradient's error is.

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include <costate/adjoint/directional_difference.hpp>
#include <costate/adjoint/solve_watch.hpp>

namespace costate::detail {

/// A loss and its arguments, without their types. Numbers of all arguments lie one after the other.
struct GradientProblem {
  using Numbers = std::vector<double>;

  std::vector<std::size_t> ends;  ///< where each argument's numbers end
  Numbers scale;                  ///< their sizes
  SolveWatch* watch = nullptr;
  /// The loss with the arguments moved, its gradient where wanted; `look` is called while the tape's record lives.
  std::function<double(const Numbers& shift, Numbers* gradient, const std::function<void()>& look)> evaluate;

  [[nodiscard]] std::size_t size() const { return scale.size(); }
  [[nodiscard]] std::size_t begin(std::size_t argument) const { return argument == 0 ? 0 : ends[argument - 1]; }
};

/// In the scalar type S. Ranges are of numbers, begin … end − 1.
template <class S>
class GradientProbe {
 public:
  using Numbers = GradientProblem::Numbers;
  static constexpr double epsilon = static_cast<double>(std::numeric_limits<S>::epsilon());

  GradientProbe(const GradientProblem& problem, unsigned seed) : p_(&problem), seed_(seed) {}

  /// With solves and their backward passes finer by so many levels. NonFiniteError where the loss or the gradient is not finite.
  Numbers gradient(int forward, int backward) {
    Numbers g;
    p_->watch->begin(forward, backward);
    value_ = p_->evaluate({}, &g, {});
    for (std::size_t i = 0; i < g.size(); ++i) g[i] *= p_->scale[i];
    if (!std::isfinite(value_)) fail<NonFiniteError>("the loss is ", value_);
    if (!std::isfinite(length(g))) fail<NonFiniteError>("the gradient contains NaN or infinity");
    return g;
  }
  /// Of the loss, where it was evaluated last without being moved.
  [[nodiscard]] double value() const { return value_; }
  /// The loss alone, as given.
  void look(const std::function<void()>& look) {
    p_->watch->begin(0, 0);
    value_ = p_->evaluate({}, nullptr, look);
  }

  static double length(const Numbers& g) {
    double sum = 0;
    for (const double x : g) sum += x * x;
    return std::sqrt(sum);
  }
  static double distance(const Numbers& a, const Numbers& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
  }

  /// A random sign for each number.
  [[nodiscard]] double sign(std::size_t i) const {
    std::uint64_t z = (static_cast<std::uint64_t>(seed_) << 32) + i + 0x9e3779b97f4a7c15u;  // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((z ^ (z >> 31)) >> 63) != 0 ? 1 : -1;
  }
  [[nodiscard]] double along(const Numbers& g, std::size_t begin, std::size_t end) const {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += g[i] * sign(i);
    return sum;
  }

  /// The loss, solved finer by a level, with a range moved by h along the signs, or all but that.
  [[nodiscard]] double moved(int level, double h, std::size_t begin, std::size_t end, bool others = false) const {
    Numbers shift(p_->size(), 0.0);
    for (std::size_t i = 0; i < shift.size(); ++i)
      if ((begin <= i && i < end) != others) shift[i] = h * sign(i) * p_->scale[i];
    p_->watch->begin(level, level);
    return p_->evaluate(shift, nullptr, {});
  }
  /// Its slope there by differences.
  [[nodiscard]] Difference difference(int level, std::size_t begin, std::size_t end, double enough, double first = 1.0 / 32) const {
    return directional_difference([&](double h) { return moved(level, h, begin, end); }, first, enough, 4 * epsilon * std::abs(value_));
  }

 private:
  const GradientProblem* p_;
  unsigned seed_;
  double value_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace costate::detail
