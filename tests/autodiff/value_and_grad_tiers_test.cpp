#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <costate/autodiff/check.hpp>

namespace cs = costate;

namespace {

// one text: numbers, arrays, named intermediates, where, a stack; runs on one sample and on a batch
const auto text = [](const auto& y, const auto& p) {
  using N = cs::number_t<decltype(y)>;
  const auto prey = p[0] * y[0] - p[1] * y[0] * y[1];
  const N predators = p[2] * y[0] * y[1] - p[3] * y[1];
  N total = 0;
  for (int i = 0; i < 4; ++i) total += cs::sin(N(1 + 0.2 * i) * prey) * predators + cs::where(y[0] > 1.15, cs::exp(-y[1]), y[0] / 3);
  const auto velocity = cs::stack(prey, predators, total, 0.5);
  return velocity;
};

}  // namespace

TEMPLATE_TEST_CASE("one text gives one answer plainly, on one sample and in a batch", "[autodiff]", float, double, long double) {
  using S = TestType;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector2 = Eigen::Matrix<S, 2, 1>;
  const S e = std::numeric_limits<S>::epsilon();
  const auto loss = [](const auto& y, const auto& p) {
    if constexpr (cs::detail::is_stacked<decltype(text(y, p))>)
      return std::apply([](const auto&... row) { return ((row * row) + ...); }, text(y, p).rows);
    else
      return cs::sum(cs::square(text(y, p)));
  };
  const Vector p = Eigen::Vector4d(1.5, 1, 0.9, 3).cast<S>();
  const Eigen::Index samples = 7;  // a packet and a remainder
  Matrix y(2, samples);
  for (Eigen::Index j = 0; j < samples; ++j) y.col(j) << S(0.8) + S(j) / 10, S(1.3) - S(j) / 20;

  const double tolerance = std::is_same_v<S, float> ? 1e-5 : 1e-13;

  S value = 0;
  Matrix ybar(2, samples);
  Vector pbar = Vector::Zero(4);
  S worst_plain = 0;
  for (Eigen::Index j = 0; j < samples; ++j) {
    const Vector2 one = y.col(j);
    const auto [v, dy, dp] = cs::value_and_grad(loss, one, p);
    worst_plain = std::max(worst_plain, std::abs(v - cs::value(loss, one, p)) / std::abs(v));
    value += v;
    ybar.col(j) = dy;
    pbar += dp;
  }
  const auto [batch_value, batch_y, batch_p] = cs::value_and_grad(loss, y, p);
  const S plain_batch = std::abs(cs::value(loss, y, p) - batch_value) / value;
  const S value_error = std::abs(batch_value - value) / value, y_error = (batch_y - ybar).norm() / ybar.norm(), p_error = (batch_p - pbar).norm() / pbar.norm();
  WARN("in units of ε: plain against taped " << worst_plain / e << " and " << plain_batch / e << ", batch against samples: value " << value_error / e
                                             << ", dy " << y_error / e << ", dp " << p_error / e);
  CHECK(std::max({worst_plain, plain_batch, value_error, y_error, p_error}) <= 16 * e);
  CHECK(cs::check_gradient(loss, Vector2(y.col(2)), p).ok(tolerance));
  CHECK(cs::check_gradient(loss, y, p).ok(tolerance));
}
