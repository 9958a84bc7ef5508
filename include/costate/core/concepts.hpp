#pragma once
// What kinds of objects users hand over.

#include <type_traits>

#include <Eigen/Core>

namespace costate::detail {

/// An Eigen matrix, array, map, block or expression of them.
template <class X>
concept EigenDense = std::is_base_of_v<Eigen::DenseBase<std::remove_cvref_t<X>>, std::remove_cvref_t<X>>;

}  // namespace costate::detail
