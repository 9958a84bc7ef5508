#include "catch.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <costate/nn/dense.hpp>

namespace cs = costate;
namespace nn = costate::nn;

namespace {

struct Moments {
  double mean, variance, kurtosis, largest;
};

Moments moments(const std::vector<double>& w) {
  const Eigen::Map<const Eigen::ArrayXd> a(w.data(), static_cast<Eigen::Index>(w.size()));
  const double mean = a.mean(), variance = (a - mean).square().mean();
  return {mean, variance, (a - mean).pow(4).mean() / (variance * variance), a.abs().maxCoeff()};
}

std::vector<double> weights(nn::Initialisation how, cs::Index outputs, cs::Index inputs) {
  cs::Random rng(5);
  std::vector<double> w(static_cast<std::size_t>(outputs * inputs));
  nn::draw_weights(w.data(), outputs, inputs, how, rng);
  return w;
}

}  // namespace

TEST_CASE("initial weights have the mean, variance and kurtosis of their scheme", "[nn]") {
  const double gain = GENERATE(1.0, 0.5);
  const cs::Index outputs = 300, inputs = 500;  // 150,000 weights
  const auto check = [&](nn::Initialisation how, double variance, double kurtosis) {
    how.gain = gain;
    const Moments m = moments(weights(how, outputs, inputs));
    variance *= gain * gain;
    // four standard deviations of the estimates of 150,000 draws: σ/√n, σ² √((k - 1)/n), and √(24/n) for a normal's kurtosis
    const double n = static_cast<double>(outputs * inputs);
    CHECK(std::abs(m.mean) <= 4 * std::sqrt(variance / n));
    CHECK(std::abs(m.variance - variance) <= 4 * variance * std::sqrt((kurtosis - 1) / n));
    CHECK(std::abs(m.kurtosis - kurtosis) <= 4 * std::sqrt(24 / n));
    return m;
  };
  SECTION("Glorot's uniform") {
    const Moments m = check({}, 2.0 / 800, 1.8);
    const double bound = gain * std::sqrt(6.0 / 800);
    CHECK(m.largest <= bound);
    CHECK(m.largest >= 0.999 * bound);
  }
  SECTION("He's normal") { check({.scheme = nn::Scheme::kaiming}, 2.0 / 500, 3); }
  SECTION("a small normal") {
    check({.scheme = nn::Scheme::small_normal}, 0.01, 3);
    check({.scheme = nn::Scheme::small_normal, .standard_deviation = 2}, 4, 3);
  }
}

TEST_CASE("He's weights keep the mean square through relu layers, Glorot's through tanh layers near 0", "[nn]") {
  cs::Random rng(3);
  const cs::Index width = 200, layers = 8;
  const auto propagate = [&](nn::Initialisation how, double size, const auto& activation) {
    Eigen::MatrixXd h = Eigen::MatrixXd::NullaryExpr(width, 50, [&] { return size * cs::normal(rng); });
    Eigen::MatrixXd w(width, width);
    for (cs::Index i = 0; i < layers; ++i) {
      nn::draw_weights(w.data(), width, width, how, rng);
      h = activation((w * h).eval());
    }
    return h.squaredNorm() / static_cast<double>(h.size());
  };
  // a wrong factor 2 would show as 2⁸; the estimate itself scatters by about 8 √(5/200)/√2
  const double relu = 2 * propagate({.scheme = nn::Scheme::kaiming}, 1, [](const Eigen::MatrixXd& z) { return Eigen::MatrixXd(z.cwiseMax(0)); }) / 2;
  const double tanh = propagate({}, 1e-3, [](const Eigen::MatrixXd& z) { return Eigen::MatrixXd(z.array().tanh()); }) / 1e-6;
  CAPTURE(relu, tanh);
  CHECK((0.3 < relu && relu < 3));
  CHECK((0.5 < tanh && tanh < 2));
}

TEST_CASE("initial weights in float are those in double, rounded", "[nn]") {
  const auto scheme = GENERATE(nn::Scheme::glorot, nn::Scheme::kaiming, nn::Scheme::small_normal);
  cs::Random a(9), b(9);
  std::vector<double> w(60);
  std::vector<float> wf(60);
  nn::draw_weights(w.data(), 6, 10, {.scheme = scheme}, a);
  nn::draw_weights(wf.data(), 6, 10, {.scheme = scheme}, b);
  for (std::size_t i = 0; i < w.size(); ++i) CHECK(wf[i] == static_cast<float>(w[i]));
  CHECK(a == b);
}

TEST_CASE("a layer's biases start at zero, its weights as drawn, for every generator", "[nn]") {
  const nn::Dense layer(4, 3, nn::tanh);
  const auto check = [&](auto rng, auto same) {
    Eigen::VectorXd theta = Eigen::VectorXd::Ones(layer.parameters());
    layer.initialise(theta.data(), rng);
    std::vector<double> w(12);
    nn::draw_weights(w.data(), 3, 4, {}, same);
    for (cs::Index i = 0; i < 12; ++i) CHECK(theta[i] == w[static_cast<std::size_t>(i)]);
    CHECK(theta.tail(3).isZero(0));
  };
  check(cs::Random(1), cs::Random(1));
  check(std::mt19937(1), std::mt19937(1));
  check(std::mt19937_64(1), std::mt19937_64(1));
}

TEST_CASE("a gain or a standard deviation that makes no weights is refused", "[nn]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double gain : {nan, inf, -inf}) CHECK_THROWS_AS(weights({.gain = gain}, 2, 2), cs::OptionError);
  for (const double deviation : {nan, inf, -1.0})
    CHECK_THROWS_AS(weights({.scheme = nn::Scheme::small_normal, .standard_deviation = deviation}, 2, 2), cs::OptionError);
  for (const double w : weights({.gain = 0}, 2, 2)) CHECK(w == 0);
}
