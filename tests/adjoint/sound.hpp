#pragma once
// What tests of sound gradients share: their certificates are silent.

#include <costate/adjoint/certificate.hpp>

#include "catch.hpp"

namespace sound {

namespace cs = costate;

inline constexpr auto pendulum = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * cs::sin(y[0]) - p[1] * y[1]); };

template <class L, class... X>
cs::GradientCertificate silent(const L& loss, const X&... x) {
  const auto c = cs::certify(loss, x...);
  INFO(c);
  CHECK(c.ok());
  CHECK(c.doubt < c.accuracy);
  return c;
}

}  // namespace sound
