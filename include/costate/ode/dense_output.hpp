#pragma once
// The interpolants of a whole solve: y(t) and y'(t) at any time of it.
//
// Per step the polynomial y(t_n + θh) = y_n + Σ_j q_j θ^j is kept, degree + 1 vectors, all in one growing block. Its order is the
// method's `dense_order`; between steps it is continuous, its derivative continuous up to that order.

#include <algorithm>
#include <vector>

#include <costate/core/error.hpp>
#include <costate/ode/shape.hpp>

namespace costate {

template <class S>
class DenseOutput {
 public:
  using Time = time_of_t<S>;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

  bool empty() const { return ends_.size() < 2; }
  /// The times between which it is defined; the first may be the later one.
  Time begin() const { return ends_.front(); }
  Time end() const { return ends_.back(); }
  /// t0 and the ends of all accepted steps: what a replay repeats.
  const std::vector<Time>& step_ends() const { return ends_; }

  /// Adds the step that continues the last one.
  template <class Window>
  void add(const Window& w) {
    if (ends_.empty()) {
      ends_.push_back(w.t);
      size_ = w.y0.size();
      degree_ = static_cast<Eigen::Index>(w.degree());
    }
    ends_.push_back(w.end);
    const std::size_t offset = block_.size(), vectors = static_cast<std::size_t>(degree_ + 1);
    block_.resize(offset + vectors * static_cast<std::size_t>(size_));
    Eigen::Map<Matrix> q(block_.data() + offset, size_, degree_ + 1);
    q.col(0) = w.y0;
    w.coefficients(q.rightCols(degree_));
  }

  /// out = y(t), O(log steps). RangeError outside of the solve.
  template <class Out>
  void value(Time t, Out&& out) const {
    const auto [q, theta, h] = at(t);
    out = q.col(degree_);
    for (Eigen::Index j = degree_; j-- > 0;) out = out * theta + q.col(j);
  }

  /// out = dy/dt(t).
  template <class Out>
  void derivative(Time t, Out&& out) const {
    const auto [q, theta, h] = at(t);
    out = static_cast<S>(degree_) * q.col(degree_);
    for (Eigen::Index j = degree_; j-- > 1;) out = out * theta + static_cast<S>(j) * q.col(j);
    out /= h;
  }

 private:
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  struct Piece {
    Eigen::Map<const Matrix> q;
    S theta, h;
  };

  Piece at(Time t) const {
    if (empty()) detail::fail<RangeError>("there is no dense output of this solve: set SolveOptions::dense = true, and solve over two times or more");
    const bool forward = end() > begin();
    const Time low = std::min(begin(), end()), high = std::max(begin(), end());
    if (!(t >= low && t <= high)) detail::fail<RangeError>("dense output at t = ", t, ": the solve covers [", low, ", ", high, "]");
    // The first step that ends at t or later.
    const auto step = std::lower_bound(ends_.begin() + 1, ends_.end() - 1, t, [&](Time x, Time y) { return forward ? x < y : x > y; });
    const Time h = *step - *(step - 1);
    const auto offset = static_cast<std::size_t>(step - ends_.begin() - 1) * static_cast<std::size_t>((degree_ + 1) * size_);
    return {{block_.data() + offset, size_, degree_ + 1}, static_cast<S>((t - *(step - 1)) / h), static_cast<S>(h)};
  }

  std::vector<Time> ends_;
  std::vector<S> block_;
  Eigen::Index size_ = 0, degree_ = 0;
};

}  // namespace costate
