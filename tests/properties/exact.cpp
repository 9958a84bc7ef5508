#include "every_adjoint.hpp"

namespace properties {
namespace {
const cs::SolveOptions finest{.rtol = 1e-13, .atol = 1e-13};
}

LongVector exact_gradient(const OneGrid<Eigen::Vector2d, decltype(of_components)>& form, const Problem& problem) {
  return form.gradient<double>(problem, cs::Dopri5{}, cs::DirectAdjoint{}, finest);
}
LongVector exact_gradient(const OneGrid<Eigen::VectorXd, decltype(of_arrays)>& form, const Problem& problem) {
  return form.gradient<double>(problem, cs::Dopri5{}, cs::DirectAdjoint{}, finest);
}
LongVector exact_gradient(const OneGrid<Eigen::MatrixXd, decltype(of_components)>& form, const Problem& problem) {
  return form.gradient<double>(problem, cs::Dopri5{}, cs::DirectAdjoint{}, finest);
}
LongVector exact_gradient(const Mixed& form, const Problem& problem) {
  return form.gradient<double>(problem, cs::Dopri5{}, cs::DirectAdjoint{}, finest);
}
LongVector exact_gradient(const PerSample& form, const Problem& problem) {
  return form.gradient<double>(problem, cs::Dopri5{}, cs::DirectAdjoint{}, finest);
}

}  // namespace properties
