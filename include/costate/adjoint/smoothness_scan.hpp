#pragma once
// Where a dynamics is not smooth along a solution: a jump of f, or a kink, a jump of its derivative.
//
// The solution is solved for once more, by Dopri5 in double. Between two neighbouring states f is looked at along the chord. Halved again
// and again, towards where f changes most, a smooth f's change over the rest shrinks with it, however steep f is, and a jump's stays. A
// second difference divided by its width shrinks likewise, and a kink's stays.

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include <costate/adjoint/solve_watch.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/engine.hpp>

namespace costate::detail {

struct Roughness {
  enum class Kind { smooth, kink, jump };
  Kind kind = Kind::smooth;
  double t = 0;
  Index component = 0, sample = 0;
  double size = 0;       ///< of the jump, in units of the component's largest value; of a kink, in those of its slope along the path
  bool in_time = false;  ///< f jumps in t, whatever the state

  bool operator<(const Roughness& other) const { return std::pair(kind, size) < std::pair(other.kind, other.size); }
};

/// Of a solve whose f is computed in S.
template <class S>
class SmoothnessScan {
  static constexpr bool single = std::is_same_v<S, float>;
  using Vector = Eigen::Matrix<double, Eigen::Dynamic, 1>;

 public:
  explicit SmoothnessScan(const WatchedSolve& solve) : solve_(&solve) {}

  /// The worst place. Smooth, too, where the solution cannot be had.
  Roughness operator()() {
    follow();
    scale_ = Vector::Zero(n());
    for (const Point& p : path_) scale_ = scale_.cwiseMax(p.f.cwiseAbs());
    const double largest = scale_.maxCoeff();
    if (!(largest > 0) || !std::isfinite(largest)) return {};
    scale_ = scale_.cwiseMax(1e-6 * largest);
    Roughness worst;
    for (std::size_t i = 1; i < path_.size(); ++i) {
      const auto between = [&](double at) { return path_[i - 1].t < at && at < path_[i].t; };
      if (std::any_of(solve_->jumps.begin(), solve_->jumps.end(), between)) continue;
      worst = std::max({worst, jump(path_[i - 1], path_[i]), kink(path_[i - 1], path_[i])});
    }
    return worst;
  }

 private:
  struct Point {
    double t = 0;
    Vector y, f;
  };
  struct Rhs {
    const WatchedSolve* solve;
    void operator()(double t, const Vector& y, Vector& dydt) const { solve->slope(solve->solve, t, y.data(), dydt.data()); }
  };

  [[nodiscard]] Index n() const { return static_cast<Index>(solve_->y0.size()); }

  Point at(double t, Vector y) const {
    Point p{t, std::move(y), Vector(n())};
    Rhs{solve_}(t, p.y, p.f);
    return p;
  }
  [[nodiscard]] Point middle(const Point& a, const Point& b) const { return at(a.t + (b.t - a.t) / 2, a.y + (b.y - a.y) / 2); }

  /// The states of the solution's steps.
  void follow() {
    SolveOptions options{.rtol = single ? 1e-4 : 1e-6, .atol = single ? 1e-6 : 1e-8, .max_steps = 20'000};
    if (solve_->atol > 0) options.atol = std::min(*options.atol, solve_->atol);
    options.throw_on_failure = false;
    options.jump_times = solve_->jumps;
    Engine<Dopri5, Vector, Rhs> engine(Dopri5{}, Rhs{solve_}, {n(), 1}, options);
    const Vector y0 = Eigen::Map<const Vector>(solve_->y0.data(), n());
    engine.reset(solve_->begin, y0);
    path_.assign(1, at(solve_->begin, y0));
    engine.advance_to(solve_->end, [&](const auto& window) { path_.push_back(at(window.end, engine.y())); });
  }

  /// How much f changes between two points, in units of its size.
  [[nodiscard]] double change(const Point& a, const Point& b) const { return (b.f - a.f).cwiseAbs().cwiseQuotient(scale_).maxCoeff(); }
  [[nodiscard]] double bend(const Point& a, const Point& m, const Point& b) const {
    return (a.f - 2 * m.f + b.f).cwiseAbs().cwiseQuotient(scale_).maxCoeff();
  }

  void locate(const Vector& where, Roughness& found) const {
    Index i = 0;
    where.cwiseAbs().cwiseQuotient(scale_).maxCoeff(&i);
    found.component = i / solve_->samples;
    found.sample = i % solve_->samples;
  }

  Roughness jump(Point a, Point b) const {
    constexpr double least = 1e-3;
    for (int level = 0; level < 40; ++level) {
      if (!(change(a, b) > least)) return {};
      Point m = middle(a, b);
      const auto same = [&](const Point& p) { return m.t == p.t && m.y == p.y; };
      if (same(a) || same(b)) break;
      (change(a, m) >= change(m, b) ? b : a) = std::move(m);
    }
    Roughness found{.kind = Roughness::Kind::jump, .t = b.t, .size = change(a, b)};
    if (!(found.size > least)) return {};
    locate(b.f - a.f, found);
    found.in_time = change(at(b.t, a.y), b) < found.size / 4;
    return found;
  }

  Roughness kink(Point a, Point b) const {
    // a steep bend is gone at these levels, and the rounding of f does not bend it yet
    const int first = single ? 6 : 14, last = single ? 8 : 17;
    Point m = middle(a, b);
    const double slope = 2 * std::max(change(a, m), change(m, b));
    if (!(slope > (single ? 1e-2 : 1e-4))) return {};
    Roughness worst;
    double width = 1;
    for (int level = 1; level <= last; ++level) {
      Point left = middle(a, m), right = middle(m, b);
      const double at_left = bend(a, left, m), at_right = bend(m, right, b), inside = bend(left, m, right);
      if (inside >= at_left && inside >= at_right) a = std::move(left), b = std::move(right);
      else if (at_left >= at_right) b = std::move(m), m = std::move(left);
      else a = std::move(m), m = std::move(right);
      width /= 2;
      const double size = bend(a, m, b) / width / slope;
      if (level >= first && size > 0.1 && size > worst.size) {
        worst = {.kind = Roughness::Kind::kink, .t = m.t, .size = size};
        locate(a.f - 2 * m.f + b.f, worst);
      }
    }
    return worst;
  }

  const WatchedSolve* solve_;
  std::vector<Point> path_;
  Vector scale_;
};

}  // namespace costate::detail
