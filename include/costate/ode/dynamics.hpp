#pragma once
// The border between a user's dynamics f(t, y, theta) and the solvers' flat states.
//
// f is called with views: for one sample (a column vector) y[i] is a plain scalar, for a batch y[i] is the row of component i over
// all samples. What f returns is checked and cast to the state's scalar here. f(t, y) without parameters is taken too.

#include <limits>

#include <costate/autodiff/border.hpp>
#include <costate/ode/shape.hpp>

namespace costate {

/// In the place of theta where a dynamics has no parameters.
struct NoParameters {};

namespace detail {

/// The values of a state or parameter as a dense Eigen object, whatever the user's container.
template <class X>
decltype(auto) dense_view(const X& x) {
  if constexpr (EigenDense<X>) return (x);
  else if constexpr (std::is_floating_point_v<X>) return Eigen::Matrix<X, 1, 1>(x);
  else return Eigen::Map<const Eigen::Matrix<scalar_of<X>, Eigen::Dynamic, 1>>(x.data(), static_cast<Eigen::Index>(x.size()));
}
template <class X>
using dense_view_t = std::remove_cvref_t<decltype(dense_view(std::declval<const X&>()))>;

/// What a state is, seen from the type of the initial one.
template <class Y0>
struct StateTraits {
  using Dense = dense_view_t<Y0>;
  using Scalar = typename Dense::Scalar;
  static constexpr bool one_sample = Dense::ColsAtCompileTime == 1;
  static constexpr int rows = Dense::RowsAtCompileTime;
  using State = Eigen::Matrix<Scalar, one_sample ? rows : Eigen::Dynamic, 1>;
};

/// Calls f(t, y, theta), or f(t, y).
template <class F, class Time, class Y, class P>
decltype(auto) call_dynamics(const F& f, const Time& t, const Y& y, const P& p) {
  if constexpr (std::is_same_v<P, NoParameters>) {
    static_assert(std::is_invocable_v<const F&, const Time&, const Y&>,
                  "costate: without parameters the dynamics is called as f(t, y) with costate's view of the state. If it takes theta, give one: "
                  "solve(f, y0, times, theta, method)");
    return f(t, y);
  } else if constexpr (std::is_invocable_v<const F&, const Time&, const Y&, const P&>) return f(t, y, p);
  else {
    static_assert(std::is_invocable_v<const F&, const Time&, const Y&>,
                  "costate: the dynamics must be callable as f(t, y, theta) or f(t, y) with costate's views of the state and the parameters: "
                  "write it as [](auto t, const auto& y, const auto& theta) { … }, with functions of costate (cs::exp, not std::exp); if it is, "
                  "the compiler's first error is in its body");
    return f(t, y);
  }
}

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_result(Index rows, Index cols, const Shape& state) {
  fail<ShapeError>("the dynamics returned ", rows, " x ", cols, " values for a state of ", state.rows, " x ", state.cols,
                   "; expected one row per component (cs::stack) and one column per sample (`*` is elementwise, cs::matmul is the matrix product)");
}

/// Numbers row by row, each repeated over the batch.
template <class S, int StaticCols, class... Rows, std::size_t... I>
void store_rows(const std::tuple<Rows...>& rows, const Shape& shape, S* out, std::index_sequence<I...>) {
  static_assert((std::is_arithmetic_v<Rows> && ...),
                "costate: a dynamics of plain numbers returned variables: it captured some; pass them as theta instead");
  if constexpr (StaticCols == 1) ((out[I] = static_cast<S>(std::get<I>(rows))), ...);
  else (std::fill_n(out + static_cast<Index>(I) * shape.cols, shape.cols, static_cast<S>(std::get<I>(rows))), ...);
}

/// Writes what a plainly evaluated dynamics returned; rows of one column repeat over the batch.
template <class S, int StaticRows, int StaticCols = Eigen::Dynamic, class R>
void store_result(const R& r, const Shape& shape, S* out) {
  if constexpr (is_stacked<R>) {
    constexpr int n = std::tuple_size_v<decltype(r.rows)>;
    if constexpr (StaticRows != Eigen::Dynamic)
      static_assert(n == StaticRows, "costate: the dynamics returns another number of components than the state has: expected one row per component (cs::stack)");
    else if (n != shape.rows) [[unlikely]]
      fail_result(n, shape.cols, shape);
    store_rows<S, StaticCols>(r.rows, shape, out, std::make_index_sequence<n>());
  } else if constexpr (AnyArray<R>) {
    if (r.rows() != shape.rows || (r.cols() != shape.cols && r.cols() != 1)) [[unlikely]]
      fail_result(r.rows(), r.cols(), shape);
    const S* const v = r.data();
    if (r.cols() == shape.cols) std::copy_n(v, shape.size(), out);
    else
      for (Index i = 0; i < shape.rows; ++i) std::fill_n(out + i * shape.cols, shape.cols, v[i]);
  } else if constexpr (EigenDense<R>) {
    if (r.rows() != shape.rows || r.cols() != shape.cols) fail_result(r.rows(), r.cols(), shape);
    MapOut<S>(out, shape.rows, shape.cols) = r.derived().matrix().template cast<S>();
  } else {
    static_assert(std::is_arithmetic_v<R>, "costate: a dynamics must return cs::stack(...), an array or a number");
    if (shape.rows != 1) [[unlikely]]
      fail_result(1, 1, shape);
    std::fill_n(out, shape.cols, static_cast<S>(r));
  }
}

/// A view of values as an array on a tape.
template <class S>
Slot<S> view_slot(const S* value, Index rows, Index cols) {
  Slot<S> s;
  s.value = const_cast<S*>(value);  // arrays never write through a view
  s.rows = rows;
  s.cols = cols;
  return s;
}

}  // namespace detail

namespace detail {

/// How a dynamics is called: scalar, one sample or a batch, and the sizes known at compile time (theta_size is 0 without parameters).
template <class S, bool sample, int state_rows, int theta_size, bool theta_column = false>
struct CallShape {
  using Scalar = S;
  static constexpr bool one_sample = sample, column_of_parameters = theta_column;
  static constexpr int rows = state_rows, parameters = theta_size;
  using State = Eigen::Matrix<S, sample ? state_rows : Eigen::Dynamic, 1>;
};

template <class Theta>
struct ThetaSize : std::integral_constant<int, dense_view_t<Theta>::SizeAtCompileTime> {
  static constexpr bool column = dense_view_t<Theta>::ColsAtCompileTime == 1;
};
template <>
struct ThetaSize<NoParameters> : std::integral_constant<int, 0> {
  static constexpr bool column = true;
};

/// A right-hand side that refers to a dynamics, its parameters and a tape for its intermediates; all of them belong to somebody else.
template <class F, class Call>
struct DynamicsView {
  using Scalar = typename Call::Scalar;
  using State = typename Call::State;
  using Time = time_of_t<Scalar>;
  using T = Tape<Scalar>;

  static constexpr bool is_short = std::is_empty_v<F>;  // without captures: it evaluates no network

  const F* f;
  T* tape;
  Shape shape;
  const Scalar* theta = nullptr;
  Index theta_rows = 0, theta_cols = 1;
  double part_tolerances = 1;  // of those that parts have of their own: so much is asked for

  void operator()(Time t, const State& y, State& dydt) const {
    constexpr Kind kind = Call::one_sample ? Kind::plain : Kind::array;
    const auto before = tape->mark();
    Slot<Scalar> ys = view_slot(y.data(), rows(), cols()), ps = theta_slot();
    store_result<Scalar, Call::one_sample ? Call::rows : Eigen::Dynamic, Call::one_sample ? 1 : Eigen::Dynamic>(
        call(t, Array<T, kind>(*tape, &ys), Array<T, kind>(*tape, &ps)), shape, dydt.data());
    if (!tape->workspace().arena.at(before.memory)) tape->rewind(before);
  }

  /// Of a batch whose samples have times of their own: f sees t as their row.
  void operator()(const Scalar* times, const Scalar* y, Scalar* dydt) const {
    using A = Array<T, Kind::array>;
    static_assert(!Call::one_sample && (std::is_invocable_v<const F&, const A&, const A&, const A&> || std::is_invocable_v<const F&, const A&, const A&>),
                  "costate: where samples have times of their own, t is the row of them: the dynamics must take t as auto, and use it by functions of "
                  "costate (cs::sin, not std::sin)");
    const auto before = tape->mark();
    Slot<Scalar> ts = view_slot(times, 1, cols()), ys = view_slot(y, rows(), cols()), ps = theta_slot();
    store_result<Scalar, Eigen::Dynamic>(call(A(*tape, &ts), A(*tape, &ys), A(*tape, &ps)), shape, dydt);
    if (!tape->workspace().arena.at(before.memory)) tape->rewind(before);
  }

  template <class U, class Y, class P>
  decltype(auto) call(const U& t, const Y& y, const P& p) const {
    if constexpr (Call::parameters == 0) return call_dynamics(*f, t, y, NoParameters{});
    else return call_dynamics(*f, t, y, p);
  }
  [[nodiscard]] Index rows() const {
    if constexpr (Call::one_sample && Call::rows != Eigen::Dynamic) return Call::rows;
    else return shape.rows;
  }
  [[nodiscard]] Index cols() const {
    if constexpr (Call::one_sample) return 1;
    else return shape.cols;
  }
  /// Of a state with parts, see part_norm.hpp.
  [[nodiscard]] auto norm_parts() const
    requires requires { f->norm_parts(shape.rows); }
  {
    auto parts = f->norm_parts(shape.rows);
    if (part_tolerances != 1)
      for (auto& part : parts) part.scale_tolerances(part_tolerances, 10 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()));
    return parts;
  }
  [[nodiscard]] Slot<Scalar> theta_slot() const {
    if constexpr (Call::parameters > 0 && Call::column_of_parameters) return view_slot(theta, Call::parameters, 1);
    else return view_slot(theta, theta_rows, theta_cols);
  }
};

}  // namespace detail

/// A user's dynamics with its parameters, as the solvers' right-hand side. A value: copies are independent. Evaluation allocates nothing
/// once warm.
template <class F, class Y0, class Theta = NoParameters>
class Dynamics {
  using Traits = detail::StateTraits<Y0>;

 public:
  using Scalar = typename Traits::Scalar;
  using State = typename Traits::State;
  using Time = time_of_t<Scalar>;
  using Size = detail::ThetaSize<Theta>;
  using Call = detail::CallShape<Scalar, Traits::one_sample, Traits::rows, Size::value, Size::column>;
  using Function = F;

  static constexpr bool is_short = detail::DynamicsView<F, Call>::is_short;

  Dynamics(F f, Shape shape, const Theta& theta) : f_(std::move(f)), shape_(shape) {
    if constexpr (Call::parameters != 0) {
      const auto& dense = detail::dense_view(theta);
      theta_.resize(dense.size());
      theta_rows_ = dense.rows();
      theta_cols_ = dense.cols();
      detail::MapOut<Scalar>(theta_.data(), theta_rows_, theta_cols_) = dense.template cast<Scalar>();
    }
  }

  [[nodiscard]] Shape shape() const { return shape_; }
  [[nodiscard]] detail::DynamicsView<F, Call> view() { return {&f_, &tape_, shape_, theta_.data(), theta_rows_, theta_cols_}; }

  void operator()(Time t, const State& y, State& dydt) { view()(t, y, dydt); }

  /// Of a state with parts, see part_norm.hpp.
  [[nodiscard]] auto norm_parts() const
    requires requires(const F& f) { f.norm_parts(Index()); }
  {
    return f_.norm_parts(shape_.rows);
  }

  /// The user's state, row by row.
  static State to_internal(const Y0& y0) {
    const auto& y = detail::dense_view(y0);
    State s(y.size());
    detail::MapOut<Scalar>(s.data(), y.rows(), y.cols()) = y;
    return s;
  }
  template <class User>
  void to_user(const State& s, User&& user) const {
    user = detail::MapIn<Scalar>(s.data(), shape_.rows, shape_.cols);
  }

 private:
  F f_;
  Shape shape_;
  Eigen::Matrix<Scalar, Call::parameters == 0 ? 1 : Call::parameters, 1> theta_;
  Index theta_rows_ = 0, theta_cols_ = 1;
  Tape<Scalar> tape_;
};

namespace detail {

/// The dynamics of a solve that starts from y0.
template <class F, class Y0, class Theta>
Dynamics<F, Y0, Theta> bind(const F& f, const Y0& y0, const Theta& theta) {
  const auto& y = dense_view(y0);
  return {f, Shape{y.rows(), y.cols()}, theta};
}
template <class F, class Y0>
Dynamics<F, Y0> bind(const F& f, const Y0& y0) {
  return bind(f, y0, NoParameters{});
}

}  // namespace detail
}  // namespace costate
