#include "adjoint/tiers.hpp"

#include <costate/nn/mlp.hpp>

namespace cs = costate;

TEST_CASE("one text gives one result, whatever it is run on: a network of time and state", "[adjoint]") {
  const cs::nn::Mlp net({1 + 3, 16, 3}, cs::nn::tanh);
  cs::Random rng(8);
  const auto f = [&](auto t, const auto& y, const auto& p) { return net(cs::stack(t, y), p); };
  tiers::check<3, Eigen::Dynamic>("network", f, tiers::states(3), net.init(rng));
}
