#pragma once
// Eigen's dense matrices, quietly.

#include <costate/core/intrinsics.hpp>

#include <Eigen/Core>
