#include "autodiff/allocations.hpp"
#include "autodiff/derivatives.hpp"
#include "nn/activations.hpp"

#include <random>
#include <vector>

#include <costate/nn/mlp.hpp>

namespace cs = costate;
namespace nn = costate::nn;
using Catch::Matchers::Contains;
using derivatives::irregular;

namespace {

template <class S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
template <class S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

/// The network by the book: in theta, layer after layer, W row by row, then b.
template <class S>
Matrix<S> by_hand(int which, const std::vector<cs::Index>& widths, const Matrix<S>& x, const Vector<S>& theta) {
  Matrix<S> h = x;
  cs::Index at = 0;
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    const cs::Index n = widths[k], m = widths[k + 1];
    Matrix<S> z(m, h.cols());
    for (cs::Index j = 0; j < h.cols(); ++j)
      for (cs::Index i = 0; i < m; ++i) z(i, j) = theta.segment(at + i * n, n).dot(h.col(j)) + theta[at + m * n + i];
    at += m * n + m;
    h = k + 2 < widths.size() ? Matrix<S>(z.unaryExpr([&](S v) { return activations::formula(which, v); })) : z;
  }
  return h;
}

}  // namespace

TEMPLATE_TEST_CASE("an Mlp is its layers by hand, plain and taped, for one sample and for a batch", "[nn]", float, double, long double) {
  using S = TestType;
  const auto widths = GENERATE(values<std::vector<cs::Index>>({{3, 2}, {3, 7, 2}, {3, 5, 4, 2}, {3, 1, 6, 6, 1}}));
  CAPTURE(widths);
  const nn::Mlp net(widths, nn::silu);
  CHECK(net.inputs() == 3);
  CHECK(net.outputs() == widths.back());
  const cs::Index parameters = net.parameters();
  const Vector<S> theta = irregular(parameters, 1, 0.3).cast<S>() * S(0.6);
  const S e = 16 * std::numeric_limits<S>::epsilon();
  for (const cs::Index samples : {1, 5, 33}) {
    const Matrix<S> x = irregular(3, samples, 0.9).cast<S>(), expected = by_hand<S>(activations::silu, widths, x, theta);
    CHECK((net(x, theta) - expected).norm() <= e * expected.norm());
    const Vector<S> first = x.col(0), one = net(first, theta);
    CHECK((one - expected.col(0)).norm() <= e * expected.col(0).norm());
    const auto loss = [&](const auto& in, const auto& p) { return cs::sum(net(in, p) * expected); };
    CHECK(std::abs(std::get<0>(cs::value_and_grad(loss, x, theta)) - expected.squaredNorm()) <= e * expected.squaredNorm());
  }
}

TEST_CASE("an Mlp has right derivatives up to the third in x and theta, and ⟨a, J v⟩ = ⟨Jᵀ a, v⟩", "[nn]") {
  const cs::Index samples = GENERATE(1, 5);
  CAPTURE(samples);
  const nn::Mlp net({2, 4, 3, 1}, nn::tanh);
  derivatives::check([&](const auto& theta, const auto& x) { return net(x, theta); }, irregular(net.parameters(), 1, 0.3) * 0.8,
                     irregular(2, samples, 0.9));
}

TEST_CASE("an Mlp in float has its derivatives to 1e-4, its adjoint identity to rounding", "[nn]") {
  const nn::Mlp net({2, 4, 3, 1}, nn::tanh);
  cs::Random rng(2);
  const Eigen::MatrixXf theta = net.init<float>(rng), x = irregular(2, 5, 0.9).cast<float>();
  CHECK(cs::check_gradient([&](const auto& p, const auto& y) { return cs::mean(cs::square(net(y, p))); }, theta, x).ok(1e-5));
  CHECK(cs::check_adjoint([&](const auto& p) { return net(x, p); }, theta).ok(1e-5));
  CHECK(cs::check_adjoint([&](const auto& y) { return net(y, theta); }, x).ok(1e-5));
}

TEST_CASE("the gradient of a network's energy is differentiated by theta, on one sample and in a batch", "[nn]") {
  const nn::Mlp energy({2, 8, 8, 1}, nn::tanh);
  cs::Random rng(4);
  const Eigen::VectorXd theta = energy.init(rng);
  const auto loss = [&](const auto& p, const auto& y) {
    const auto dH = cs::grad([&](const auto& z) { return cs::sum(energy(z, p)); }, y);
    const auto hessian_vector = std::get<1>(cs::jvp([&](const auto& z) { return cs::grad([&](const auto& w) { return cs::sum(energy(w, p)); }, z); }, y, dH));
    return cs::sum(cs::square(dH)) + cs::sum(cs::square(hessian_vector));
  };
  const Eigen::MatrixXd y = irregular(2, 5, 0.9);
  CHECK(cs::check_gradient(loss, theta, y).ok(1e-10));
  CHECK(cs::check_gradient(loss, theta, Eigen::Vector2d(y.col(0))).ok(1e-10));
}

TEST_CASE("time is an input by stacking: a double or a variable, one sample or a batch, plain or taped", "[nn]") {
  const nn::Mlp net({1 + 2, 6, 2}, nn::tanh);
  const auto f = [&](const auto& t, const auto& y, const auto& theta) { return net(cs::stack(t, y), theta); };
  cs::Random rng(6);
  const Eigen::VectorXd theta = net.init(rng);
  const Eigen::MatrixXd batch = irregular(2, 5, 0.9);
  const double t = 0.7;
  const auto check = [&](const auto& y) {
    Eigen::MatrixXd x(3, y.cols());
    x << Eigen::RowVectorXd::Constant(y.cols(), t), y;
    const Eigen::MatrixXd expected = net(x, theta);
    const auto loss = [&](const auto& s, const auto& z, const auto& p) { return cs::sum(f(s, z, p) * expected); };
    const double value = expected.squaredNorm();
    const auto close = [&](double v) { return std::abs(v - value) <= 1e-14 * value; };
    CHECK(close(cs::value(loss, t, y, theta)));
    const auto [v, t_bar, y_bar, theta_bar] = cs::value_and_grad(loss, t, y, theta);
    CHECK(close(v));
    const auto [same, same_y, same_theta] = cs::value_and_grad([&](const auto& z, const auto& p) { return loss(t, z, p); }, y, theta);
    CHECK(close(same));
    CHECK((same_y - y_bar).norm() <= 1e-14 * y_bar.norm());
    CHECK((same_theta - theta_bar).norm() <= 1e-14 * theta_bar.norm());
    CHECK(cs::check_gradient(loss, t, y, theta).ok(1e-12));
  };
  check(batch);
  check(Eigen::Vector2d(batch.col(1)));
  // with features of time, and inside an inner derivative
  const nn::Mlp periodic({2 + 2, 5, 1}, nn::sin);
  const auto loss = [&](const auto& s, const auto& y, const auto& p) {
    const auto energy = [&](const auto& z) { return cs::sum(periodic(cs::stack(cs::sin(s), cs::cos(s), z), p)); };
    return cs::sum(cs::square(cs::grad(energy, y)));
  };
  CHECK(cs::check_gradient(loss, t, batch, Eigen::VectorXd(periodic.init(rng))).ok(1e-12));
}

TEST_CASE("an Mlp takes constants on either side", "[nn]") {
  const nn::Mlp net({2, 3, 2}, nn::silu);
  const Eigen::VectorXd theta = irregular(net.parameters(), 1, 0.3);
  const Eigen::MatrixXd x = irregular(2, 5, 0.9);
  const auto loss = [&](const auto& y, const auto& p) { return cs::sum(cs::square(net(y, p))); };
  const auto [value, x_bar, theta_bar] = cs::value_and_grad(loss, x, theta);
  CHECK(Eigen::MatrixXd(std::get<1>(cs::value_and_grad([&](const auto& y) { return loss(y, theta); }, x))) == x_bar);
  CHECK(cs::stack(0.5, x).topRows(1) == Eigen::RowVectorXd::Constant(5, 0.5));
  const auto [same, only_theta] = cs::value_and_grad([&](const auto& p) { return loss(x, p); }, theta);
  CHECK(std::abs(same - value) <= 1e-15 * value);
  CHECK((only_theta - theta_bar).norm() <= 1e-15 * theta_bar.norm());
  CHECK(net(x.array(), theta.array()) == net(x, theta));  // any Eigen object
  CHECK(net(x.leftCols(2), theta) == net(x, theta).leftCols(2));
  CHECK(net(Eigen::MatrixXd(2, 0), theta).cols() == 0);
  const nn::Mlp line({1, 3, 1}, nn::tanh);  // a number is an input of one row
  const Eigen::VectorXd p = irregular(line.parameters(), 1, 0.3);
  CHECK(cs::value([&](const auto& q) { return cs::sum(line(0.4, q)); }, p) == line(Eigen::VectorXd::Constant(1, 0.4), p)[0]);
}

TEST_CASE("init draws every layer afresh, in the order of theta, the same numbers in float", "[nn]") {
  const nn::Mlp net({3, 5, 4, 2}, nn::relu, {.scheme = nn::Scheme::kaiming});
  CHECK(net.parameters() == 3 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2);
  cs::Random rng(11), again(11), single(11);
  const Eigen::VectorXd theta = net.init(rng);
  cs::Index at = 0;
  for (const auto& [n, m] : {std::pair{3, 5}, {5, 4}, {4, 2}}) {
    std::vector<double> w(static_cast<std::size_t>(n * m));
    nn::draw_weights(w.data(), m, n, {.scheme = nn::Scheme::kaiming}, again);
    for (cs::Index i = 0; i < n * m; ++i) CHECK(theta[at + i] == w[static_cast<std::size_t>(i)]);
    CHECK(theta.segment(at + n * m, m).isZero(0));
    at += n * m + m;
  }
  const Eigen::VectorXf theta_float = net.init<float>(single);
  CHECK(theta_float == theta.cast<float>());
  std::mt19937 other(0);
  CHECK(net.init<long double>(other).size() == net.parameters());
}

TEST_CASE("widths and parameters that make no network are errors", "[nn]") {
  CHECK_THROWS_AS(nn::Mlp({2}, nn::tanh), cs::OptionError);
  CHECK_THROWS_WITH(nn::Mlp(std::vector<cs::Index>{}), Contains("at least two"));
  CHECK_THROWS_AS(nn::Mlp({2, 0, 1}, nn::tanh), cs::OptionError);
  CHECK_THROWS_AS(nn::Mlp({2, 3, -1}, nn::tanh), cs::OptionError);
  const nn::Mlp net({2, 3, 1}, nn::tanh);
  const Eigen::MatrixXd x = Eigen::MatrixXd::Ones(2, 5);
  CHECK_THROWS_AS(net(x, Eigen::VectorXd::Ones(12).eval()), cs::ShapeError);
  CHECK_THROWS_WITH(net(x, Eigen::VectorXd::Ones(14).eval()), Contains("13 parameters") && Contains("14 x 1"));
  CHECK_THROWS_AS(net(x, Eigen::RowVectorXd::Ones(13).eval()), cs::ShapeError);
  CHECK_THROWS_AS(net(Eigen::MatrixXd::Ones(3, 5).eval(), Eigen::VectorXd::Ones(13).eval()), cs::ShapeError);
}

TEST_CASE("a reused gradient of a batched Mlp allocates nothing after its first call", "[nn]") {
  if constexpr (!allocations::counted) return;
  const cs::Index width = GENERATE(50, 200);  // beyond what products keep on the stack
  const nn::Mlp net({3, width, width, 2}, nn::tanh);
  cs::Random rng(1);
  const Eigen::VectorXd theta = net.init(rng);
  for (const cs::Index samples : {1, 7, 64, 512}) {
    CAPTURE(samples);
    const Eigen::MatrixXd x = irregular(2, samples, 0.3), target = irregular(2, samples, 0.8);
    auto gradient = cs::value_and_grad([&](const auto& p) { return cs::mean(cs::square(net(cs::stack(p[0], x), p) - target)); });
    auto hamiltonian = cs::value_and_grad([&](const auto& p, const auto& y) {
      return cs::sum(cs::square(cs::grad([&](const auto& z) { return cs::sum(net(cs::stack(1.5, z), p)); }, y)));
    });
    gradient(theta);
    hamiltonian(theta, x);
    CHECK(allocations::of([&] {
            for (int i = 0; i < 3; ++i) gradient(theta), hamiltonian(theta, x);
          }) == 0);
  }
}
