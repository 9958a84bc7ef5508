#pragma once
// What kinds of objects users hand over.

#include <type_traits>

#include <costate/core/eigen.hpp>

namespace costate::detail {

template <class Derived>
void take_dense(const Eigen::DenseBase<Derived>&);

/// An Eigen matrix, array, map, block or expression of them; a segment of a vector is one by way of the block it derives from.
template <class X>
concept EigenDense = requires(const std::remove_cvref_t<X>& x) { take_dense(x); };

}  // namespace costate::detail
