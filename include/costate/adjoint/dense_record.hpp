#pragma once
// The dense output of a whole solve, to be read by somebody who walks along it: finding the step is moving a cursor.
//
// Per step the polynomial y(t_n + θh) = y_n + Σ_j q_j θ^j, degree + 1 vectors. Memory grows in chunks, so that nothing is ever moved or
// doubled, and is kept for the next solve.

#include <algorithm>

#include <costate/adjoint/step_record.hpp>
#include <costate/ode/shape.hpp>

namespace costate::detail {

template <class State>
class DenseRecord {
 public:
  using Index = Eigen::Index;
  using S = typename State::Scalar;
  using Time = time_of_t<S>;

  /// Begins anew, with a solve from t0 on whose steps are polynomials of this degree.
  void clear(Time t0, Index size, Index degree) {
    size_ = size;
    degree_ = degree;
    polynomials_.clear(size * (degree + 1));
    times_.clear(1);
    *times_.append() = t0;
    step_ = 0;
  }
  /// Adds the step that continues the last one.
  template <class Window>
  void push_back(const Window& w) {
    Eigen::Map<Matrix> q(polynomials_.append(), size_, degree_ + 1);
    q.col(0) = w.y0;
    w.coefficients(q.rightCols(degree_));
    *times_.append() = w.end;
  }
  [[nodiscard]] Index steps() const { return polynomials_.size(); }

  /// y = y(t), O(1) close to where it was read last. Outside of the solve by the first or the last step's polynomial.
  void value(Time t, State& y) {
    move_to(t);
    const Eigen::Map<const Matrix> q(polynomials_[step_], size_, degree_ + 1);
    const S theta = static_cast<S>((t - begin(step_)) / (begin(step_ + 1) - begin(step_)));
    y = q.col(degree_);
    for (Index j = degree_; j-- > 0;) y = y * theta + q.col(j);
  }
  /// How far one comes from t back towards `until` in so many steps of the solve.
  Time back(Time t, Time until, Index steps) {
    move_to(t);
    const Time there = begin(std::max<Index>(step_ + 1 - steps, 0));
    return earlier(there, until) ? until : there;
  }

 private:
  using Matrix = Eigen::Matrix<S, State::SizeAtCompileTime, Eigen::Dynamic>;

  [[nodiscard]] Time begin(Index step) const { return *times_[step]; }
  /// In the solve's direction.
  [[nodiscard]] bool earlier(Time s, Time t) const { return begin(1) > begin(0) ? s < t : s > t; }
  void move_to(Time t) {
    while (step_ + 1 < steps() && earlier(begin(step_ + 1), t)) ++step_;
    while (step_ > 0 && earlier(t, begin(step_))) --step_;
  }

  ChunkedList<S> polynomials_;
  ChunkedList<Time> times_;  // t0 and the ends of the steps
  Index size_ = 0, degree_ = 0;
  Index step_ = 0;  // where it was read last
};

}  // namespace costate::detail
