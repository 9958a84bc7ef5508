#pragma once
// Forward sensitivities: a solve and its Jacobians ∂y(t_i)/∂θ and ∂y(t_i)/∂y_0, by the variational equation beside it,
//     S' = ∂f/∂y S + ∂f/∂θ,   S(t_0) = 0,      for y_0:  S' = ∂f/∂y S,   S(t_0) = 1.
// f is linearised once at every stage, for all directions. The result is the derivative of the steps taken, their lengths held fixed.
// (E. Hairer, S. P. Nørsett & G. Wanner, Solving ODEs I, I.14.)
//
// The way for few parameters and many outputs: k directions cost about (1 + k) evaluations of f a stage, whatever is made of the outputs,
// where a reverse sweep costs the same for any number of parameters but gives one row. Gauss–Newton, Fisher information and uncertainty
// want it all.

#include <algorithm>
#include <array>
#include <vector>

#include <costate/adjoint/dynamics_tangent.hpp>
#include <costate/ode/engine.hpp>
#include <costate/ode/part_norm.hpp>
#include <costate/ode/user_state.hpp>

namespace costate {

/// What sensitivities computes beside ∂y/∂θ, and how it controls the step.
struct SensitivityOptions {
  bool initial_state = false;  ///< ∂y/∂y_0 too, one direction per component
  bool in_error_norm = true;   ///< S controls the step as the state does: the direction that errs most decides; otherwise the state alone
};

/// A solution with its Jacobians at every time, each with a row per number of the state, as they lie in a column-major matrix: one sample's
/// components after the other's.
template <class Base>
struct SensitivitySolution : Base {
  using Jacobian = Eigen::Matrix<typename Base::Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  std::vector<Jacobian> dtheta;  ///< ∂y(t_i)/∂θ, (D · B) × P; a column per number of θ, column-major too
  std::vector<Jacobian> dy0;     ///< ∂y(t_i)/∂y_0 if asked for, (D · B) × D: of every sample with respect to its own initial state
};

namespace detail {

/// The state and the sensitivities, each direction as a state of its own. Where they are in the error norm a direction lies beside the
/// state like another sample, so that the norm is the largest of all; otherwise below it.
template <class F, class Y0, class Theta>
class VariationalDynamics {
 public:
  using Bound = Dynamics<F, Y0, Theta>;
  using S = typename Bound::Scalar;
  using State = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  using Time = time_of_t<S>;
  using T = Tape<S>;
  static constexpr bool parametric = !std::is_same_v<Theta, NoParameters>;

  VariationalDynamics(const F& f, const Y0& y0, const Theta& theta, const SensitivityOptions& wanted) : f_(f),
      in_norm_(wanted.in_error_norm) {
    const auto& y = dense_view(y0);
    shape_ = {y.rows(), y.cols()};
    if constexpr (parametric) {
      const auto& p = dense_view(theta);
      theta_rows_ = p.rows();
      theta_cols_ = p.cols();
      theta_.resize(p.size());
      MapOut<S>(theta_.data(), p.rows(), p.cols()) = p.template cast<S>();
    }
    directions_ = theta_.size() + (wanted.initial_state ? shape_.rows : 0);
    if (directions_ == 0) fail<OptionError>("sensitivities: nothing to differentiate with respect to: give parameters, or ask for SensitivityOptions::initial_state");
    next_direction_ = in_norm_ ? shape_.cols : shape_.size();
    next_row_ = in_norm_ ? shape_.cols * (1 + directions_) : shape_.cols;
  }

  [[nodiscard]] Shape shape() const { return shape_; }
  /// Of the state with all directions, as the engine sees it.
  [[nodiscard]] Shape whole_shape() const {
    return in_norm_ ? Shape{shape_.rows, shape_.cols * (1 + directions_)} : Shape{shape_.rows * (1 + directions_), shape_.cols};
  }
  [[nodiscard]] SolveOptions options(SolveOptions options) const {
    if (options.dense) fail<OptionError>("sensitivities: SolveOptions::dense keeps no interpolants of Jacobians; ask for the times you need");
    if constexpr (!PartedFunction<F>)
      if (!in_norm_ && options.norm_rows == 0) options.norm_rows = shape_.rows;
    return options;
  }
  /// Those of f's state, of every direction beside it; what lies below is in no norm.
  [[nodiscard]] auto norm_parts() const
    requires PartedFunction<F>
  {
    std::array<NormPart, norm_part_count<F> + 1> parts{};
    const auto of_state = f_.norm_parts(shape_.rows);
    std::copy(of_state.begin(), of_state.end(), parts.begin());
    parts.back().rows = whole_shape().rows - shape_.rows;
    parts.back().in_norm = false;
    return parts;
  }

  [[nodiscard]] State start(const Y0& y0) const {
    State z = State::Zero(whole_shape().size());
    scatter(Bound::to_internal(y0).data(), 0, z);
    for (Index i = 0; i < directions_ - theta_.size(); ++i)
      z.segment((1 + theta_.size() + i) * next_direction_ + i * next_row_, shape_.cols).setOnes();
    return z;
  }
  /// A part of z, row by row; part 0 is the state.
  void gather(const State& z, Index part, S* to) const {
    for (Index i = 0; i < shape_.rows; ++i) std::copy_n(z.data() + part * next_direction_ + i * next_row_, shape_.cols,
        to + i * shape_.cols);
  }
  /// Parts from `first` as the columns of a Jacobian.
  [[nodiscard]] auto jacobian(const State& z, Index first, Index n) const {
    Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> out(shape_.size(), n);
    for (Index j = 0; j < n; ++j)
      for (Index b = 0; b < shape_.cols; ++b)
        for (Index i = 0; i < shape_.rows; ++i) out(b * shape_.rows + i, j) = z[(first + j) * next_direction_ + i * next_row_ + b];
    return out;
  }
  [[nodiscard]] Index parameters() const { return theta_.size(); }
  [[nodiscard]] Index directions() const { return directions_; }

  void operator()(Time t, const State& z, State& dz) {
    const auto mark = tape_.mark();
    y_.resize(shape_.size());
    gather(z, 0, y_.data());
    if (!numbers(t, z, dz)) recorded(t, z, dz);
    tape_.rewind(mark);
  }

 private:
  template <class X>
  void scatter(const X* x, Index part, State& z) const {
    for (Index i = 0; i < shape_.rows; ++i) std::copy_n(x + i * shape_.cols, shape_.cols,
        z.data() + part * next_direction_ + i * next_row_);
  }
  /// Where the parameter of direction j lies in the parameters row by row.
  [[nodiscard]] Index parameter(Index j) const { return j % theta_rows_ * theta_cols_ + j / theta_rows_; }

  bool numbers(Time t, const State& z, State& dz) {
    using P = std::conditional_t<parametric, Array<T, Kind::sample>, NoParameters>;
    if constexpr (!Bound::Call::one_sample) {
      return false;
    } else if constexpr (!returns_numbers<F, T, Time, P>) {
      return false;
    } else {
      s_.resize(shape_.size());
      along_.setZero(theta_.size());
      Slot<S> ys = view_slot(y_.data(), s_.data(), shape_.rows, 1), ps = view_slot(theta_.data(), along_.data(), theta_rows_, theta_cols_);
      P p;
      if constexpr (parametric) p = P(tape_, &ps);
      const auto seed = [&](Index j) {
        gather(z, 1 + j, s_.data());
        if (j > 0 && j <= theta_.size()) along_[parameter(j - 1)] = 0;
        if (j < theta_.size()) along_[parameter(j)] = 1;
      };
      return push_numbers(tape_, f_, t, Array<T, Kind::sample>(tape_, &ys), p, directions_, seed, [&](Index i,
          S x) { dz[i * next_row_] = x; },
                          [&](Index j, Index i, S x) { dz[(1 + j) * next_direction_ + i * next_row_] = x; });
    }
  }

  void recorded(Time t, const State& z, State& dz) {
    using A = Array<T, Kind::array>;
    Slot<S> ys = view_slot(y_.data(), shape_.rows, shape_.cols), ps = view_slot(theta_.data(), theta_rows_, theta_cols_);
    Inner<T> inner(tape_);
    V<S> variables[2] = {};
    const A y(tape_, &ys), p(tape_, &ps);
    const auto call = [&](const auto& y_at, const auto& p_at) {
      return A(tape_, pushed_result(tape_, call_dynamics(f_, t, y_at, p_at), shape_));
    };
    if constexpr (parametric) inner.record(call, variables, y, p);
    else inner.record([&](const auto& y_at) { return call(y_at, NoParameters{}); }, variables, y);
    put(*inner.out, 0, dz);

    const V<S> s = make_slot(tape_, shape_.rows, shape_.cols), along = make_slot(tape_, theta_rows_, theta_cols_);
    std::fill_n(along->value, along->size(), S(0));
    const auto mark = tape_.mark();
    for (Index j = 0; j < directions_; ++j) {
      gather(z, 1 + j, s->value);
      const bool of_theta = j < theta_.size();
      if (of_theta) along->value[parameter(j)] = 1;
      V<S> tangents[2] = {s, of_theta ? along : nullptr};
      put(*inner.push_again(variables, tangents, parametric ? 2 : 1), 1 + j, dz);
      if (of_theta) along->value[parameter(j)] = 0;
      tape_.rewind(mark);
    }
  }
  void put(const Slot<S>& x, Index part, State& dz) const {
    if (x.cols == shape_.cols) return scatter(x.value, part, dz);
    for (Index i = 0; i < shape_.rows; ++i) std::fill_n(dz.data() + part * next_direction_ + i * next_row_, shape_.cols, x.value[i]);
  }

  F f_;
  bool in_norm_;
  Shape shape_{};
  State theta_;
  Index theta_rows_ = 0, theta_cols_ = 1;
  Index directions_ = 0, next_direction_ = 0, next_row_ = 0;
  T tape_;
  State y_, s_, along_;
};

template <class F, class Y0, class T, class Theta, Method M>
auto solve_sensitivities(const F& f, const Y0& y0, const T& user_times, const Theta& theta, const M& method,
    const SolveOptions& user_options,
                         const SensitivityOptions& wanted) {
  using D = VariationalDynamics<F, Y0, Theta>;
  using State = typename D::State;
  const BasicTimes<typename D::Time> times(user_times);
  check_times(times);
  const D dynamics(f, y0, theta, wanted);
  const SolveOptions options = dynamics.options(user_options);

  const auto n = static_cast<std::size_t>(times.size());
  SensitivitySolution<typename UserState<Y0>::SolutionType> solution;
  solution.shape = dynamics.shape();
  solution.y = {dynamics.shape(), n};
  Engine<M, State, D> engine(method, dynamics, dynamics.whole_shape(), options);
  engine.reset(times.front(), dynamics.start(y0));
  State y(dynamics.shape().size());
  const Index p = dynamics.parameters();
  solution.status = engine.run(std::span(times.data(), n), [&](Index, Index, const State& z) {
    dynamics.gather(z, 0, y.data());
    solution.y.push_back(y);
    if (p > 0) solution.dtheta.push_back(dynamics.jacobian(z, 1, p));
    if (wanted.initial_state) solution.dy0.push_back(dynamics.jacobian(z, 1 + p, dynamics.directions() - p));
  });
  if (solution.y.size() < n) solution.y.trim();
  solution.t.assign(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(solution.y.size()));
  solution.stats = engine.stats();
  return solution;
}

}  // namespace detail

/// The solution with ∂y(t_i)/∂θ, see SensitivitySolution. Arguments are those of solve, and errors too; an evaluation that is counted is
/// one of f with all its directions. Tolerances mean for a Jacobian's numbers what they mean for the state's, so that parameters should
/// be of the size of one or a smaller atol be given. Samples of a batch may not depend on each other where dy0 is asked for.
template <class F, class Y0, class T = Times, class Theta, Method M>
  requires(!Method<Theta>)
auto sensitivities(const F& f, const Y0& y0, const T& times, const Theta& theta, const M& method, const SolveOptions& options = {},
                   const SensitivityOptions& wanted = {}) {
  if constexpr (detail::check_state_type<Y0>()) return detail::solve_sensitivities(f, y0, times, theta, method, options, wanted);
}

/// The same for a dynamics without parameters, f(t, y): ∂y(t_i)/∂y_0.
template <class F, class Y0, class T = Times, Method M>
auto sensitivities(const F& f, const Y0& y0, const T& times, const M& method, const SolveOptions& options = {},
                   SensitivityOptions wanted = {.initial_state = true}) {
  if constexpr (detail::check_state_type<Y0>()) return detail::solve_sensitivities(f, y0, times, NoParameters{}, method, options, wanted);
}

}  // namespace costate
