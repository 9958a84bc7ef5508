#pragma once
// The types in which users see the states of a solve, found from the type of the initial state.

#include <type_traits>
#include <vector>

#include <costate/ode/dynamics.hpp>
#include <costate/ode/solution.hpp>

namespace costate::detail {

/// Y0: a column vector is one sample, any other Eigen object a batch; a standard container of numbers is one sample.
template <class Y0>
struct UserState {
  using Dense = dense_view_t<Y0>;
  using Scalar = typename Dense::Scalar;
  static constexpr int rows = Dense::RowsAtCompileTime, cols = Dense::ColsAtCompileTime;
  static constexpr bool eigen = EigenDense<Y0>;

  using Plain = Eigen::Matrix<Scalar, rows, cols>;
  /// By value.
  using Type = std::conditional_t<eigen, Plain, std::vector<Scalar>>;
  /// As a view into a block of states.
  using View = std::conditional_t<eigen, Eigen::Map<const Plain>, VectorView<Scalar>>;
  /// As a view into the solver's state, whose components are contiguous.
  using RowView = Eigen::Map<const Eigen::Matrix<Scalar, rows, cols, cols == 1 ? Eigen::ColMajor : Eigen::RowMajor>>;
  using SolutionType = Solution<Scalar, Type, View>;
};

/// One sentence instead of Eigen's noise where a state is no state.
template <class Y0>
consteval bool check_state_type() {
  static_assert(DifferentiableArgument<Y0>,
                "costate: a state is an Eigen vector or matrix, or a std::vector or std::array, of float, double or long double; "
                "convert integers first");
  return DifferentiableArgument<Y0>;
}

/// The time type of states like Y0; double where that is unclear, so that the sentence above is what the user reads.
template <class Y0>
struct TimeOf : std::type_identity<double> {};
template <DifferentiableArgument Y0>
struct TimeOf<Y0> : std::type_identity<time_of_t<scalar_of<Y0>>> {};

}  // namespace costate::detail
