#include "autodiff/derivatives.hpp"
#include "nn/activations.hpp"

#include <costate/nn/dense.hpp>

namespace cs = costate;
namespace nn = costate::nn;
using Catch::Matchers::Contains;
using derivatives::irregular;

namespace {

template <class S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
template <class S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

}  // namespace

TEMPLATE_TEST_CASE("a dense layer is activation(W x + b), W row by row, then b", "[nn]", float, double) {
  using S = TestType;
  const cs::Index samples = GENERATE(1, 2, 5, 64);
  CAPTURE(samples);
  const Vector<S> theta = irregular(20, 1, 0.2).cast<S>();
  const Matrix<S> x = irregular(3, samples, 1.4).cast<S>(), a = irregular(4, samples, 0.7).cast<S>();
  const Eigen::Map<const Eigen::Matrix<S, 4, 3, Eigen::RowMajor>> w(theta.data() + 2);
  const Matrix<S> z = w.lazyProduct(x).eval().colwise() + theta.segment(14, 4);  // lazy products compile in no time
  const Matrix<S> h = z.unaryExpr([](S v) { return std::tanh(v); }), d = a.array() * (1 - h.array().square());
  Vector<S> theta_bar = Vector<S>::Zero(20);
  Eigen::Map<Eigen::Matrix<S, 4, 3, Eigen::RowMajor>>(theta_bar.data() + 2) = d.lazyProduct(x.transpose());
  theta_bar.segment(14, 4) = d.rowwise().sum();

  const nn::Dense layer(3, 4, nn::tanh);
  const auto loss = [&](const auto& p, const auto& in) { return cs::sum(layer(in, p, 2) * a); };
  const auto check = [&](const auto& input) {
    const auto [value, p_bar, x_bar] = cs::value_and_grad(loss, theta, input);
    const S e = 16 * std::numeric_limits<S>::epsilon();
    CHECK(std::abs(value - h.cwiseProduct(a).sum()) <= e * h.norm() * a.norm());
    CHECK((p_bar - theta_bar).norm() <= e * theta_bar.norm());
    CHECK((x_bar - w.transpose().lazyProduct(d)).norm() <= e * w.norm() * d.norm());
    CHECK(std::abs(cs::value(loss, theta, input) - value) <= e * h.norm() * a.norm());
  };
  check(x);
  if (samples == 1) check(Vector<S>(x));
}

TEST_CASE("every dense layer has its activation, right derivatives, and ⟨a, J v⟩ = ⟨Jᵀ a, v⟩", "[nn]") {
  const int which = GENERATE(range(0, activations::count));
  const cs::Index samples = GENERATE(1, 5);
  CAPTURE(which, samples);
  // weights, bias and input as one array: W of 4 x 3, b, then x row by row
  const auto layer = [=](const auto& z) {
    return activations::with(which, [&](const auto& a) { return nn::Dense(3, 4, a)(cs::reshape(z, 18, 3, samples), cs::reshape(z, 0, 18, 1), 2); });
  };
  const Eigen::MatrixXd z = irregular(18 + 3 * samples, 1, 0.2), a = irregular(4, samples, 0.7);
  const auto loss = [&](const auto& at) { return cs::sum(layer(at) * a); };
  double expected = 0;
  for (cs::Index i = 0; i < 4; ++i)
    for (cs::Index j = 0; j < samples; ++j) {
      double sum = z(14 + i, 0);
      for (cs::Index k = 0; k < 3; ++k) sum += z(2 + 3 * i + k, 0) * z(18 + k * samples + j, 0);
      expected += a(i, j) * activations::formula(which, sum);
    }
  CHECK(std::abs(cs::value(loss, z) - expected) <= 1e-14 * a.norm() * z.norm());
  const auto report = cs::check_gradient(loss, z);
  CAPTURE(report.error);
  CHECK(report.ok(1e-12));  // 1e-9 is promised
  CHECK(cs::check_adjoint(layer, z).ok(1e-12));
}

TEST_CASE("a dense layer in float has right derivatives to 1e-4 and ⟨a, J v⟩ = ⟨Jᵀ a, v⟩ to rounding", "[nn]") {
  const nn::Dense layer(3, 4, nn::sigmoid);
  const Eigen::MatrixXf theta = irregular(16, 1, 0.2).cast<float>(), x = irregular(3, 5, 1.4).cast<float>();
  CHECK(cs::check_gradient([&](const auto& p, const auto& in) { return cs::mean(cs::square(layer(in, p))); }, theta, x).ok(1e-5));
  CHECK(cs::check_adjoint([&](const auto& p) { return layer(x, p); }, theta).ok(1e-5));
}

TEST_CASE("any callable on arrays is an activation", "[nn]") {
  const auto bent = [](const auto& x) { return cs::tanh(x) + 0.1 * x; };
  const nn::Dense layer(3, 2, bent);
  const nn::Dense linear(3, 2);
  const Eigen::VectorXd theta = irregular(8, 1, 0.3);
  const Eigen::MatrixXd x = irregular(3, 5, 0.8);
  const auto mine = [&](const auto& p, const auto& in) { return cs::sum(cs::square(layer(in, p))); };
  CHECK(cs::value(mine, theta, x) == cs::value([&](const auto& p, const auto& in) { return cs::sum(cs::square(bent(linear(in, p)))); }, theta, x));
  CHECK(cs::check_gradient(mine, theta, x).ok(1e-12));
}

TEST_CASE("sizes that do not fit a dense layer are errors that name them", "[nn]") {
  CHECK_THROWS_AS(nn::Dense(0, 3), cs::OptionError);
  CHECK_THROWS_AS(nn::Dense(3, -1), cs::OptionError);
  CHECK_THROWS_WITH(nn::Dense(3, 0), Contains("3 inputs and 0 outputs"));
  const nn::Dense layer(3, 4, nn::tanh);
  CHECK(layer.inputs() == 3);
  CHECK(layer.outputs() == 4);
  CHECK(layer.parameters() == 16);
  const auto loss = [&](const auto& theta, const auto& x) { return cs::sum(layer(x, theta)); };
  const Eigen::VectorXd theta = Eigen::VectorXd::Ones(16);
  CHECK_THROWS_AS(cs::value(loss, theta, Eigen::MatrixXd::Ones(2, 5).eval()), cs::ShapeError);
  CHECK_THROWS_WITH(cs::value(loss, theta, Eigen::MatrixXd::Ones(2, 5).eval()), Contains("4 x 3") && Contains("2 x 5"));
  CHECK_THROWS_AS(cs::value(loss, Eigen::VectorXd::Ones(15).eval(), Eigen::MatrixXd::Ones(3, 5).eval()), cs::ShapeError);
  const Eigen::MatrixXd none = std::get<2>(cs::value_and_grad(loss, theta, Eigen::MatrixXd(3, 0)));  // an empty batch is a batch
  CHECK(none.size() == 0);
}
