#include <costate/adjoint/vjp.hpp>

#include <random>

#include <costate/nn/mlp.hpp>

#include "catch.hpp"

namespace cs = costate;
using cs::Index;

namespace {

template <class S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

/// aᵀ∂f/∂y, aᵀ∂f/∂θ and aᵀ∂f/∂t, in the layout of the solver (rows) and of theta (the user's).
template <class S>
struct Products {
  Vector<S> y, theta;
  S t;
};

template <class S, class F, class Y0, class P>
Products<S> products(const F& f, double t, const Y0& y0, const P& p, const Vector<double>& a) {
  using User = Eigen::Matrix<S, Y0::RowsAtCompileTime, Y0::ColsAtCompileTime>;
  using Theta = Eigen::Matrix<S, P::RowsAtCompileTime, P::ColsAtCompileTime>;
  auto dynamics = cs::detail::bind(f, User(y0.template cast<S>()), Theta(p.template cast<S>()));
  using D = decltype(dynamics);
  const cs::detail::DynamicsVjp<F, typename D::Call> vjp(dynamics.view());
  const typename D::State y = D::to_internal(User(y0.template cast<S>())), cotangent = a.cast<S>();
  typename D::State dydt(y.size()), ybar = D::State::Zero(y.size());
  Products<S> r{{}, Vector<S>::Zero(p.size()), 0};
  vjp.template add<true>(static_cast<cs::time_of_t<S>>(t), y, cotangent, dydt, ybar, r.theta.data(), &r.t);
  r.y = ybar;

  // The kept linearisation gives the same numbers.
  typename D::State again(y.size()), pulled = D::State::Zero(y.size());
  Vector<S> theta_again = Vector<S>::Zero(p.size());
  std::vector<std::uintptr_t> stack;
  vjp.linearise(static_cast<cs::time_of_t<S>>(t), y, again, theta_again.data(), stack);
  vjp.pull(cotangent, pulled, stack);
  const S rounding = 32 * std::numeric_limits<S>::epsilon();
  CHECK(stack.empty());
  CHECK((again - dydt).norm() <= rounding * dydt.norm());
  CHECK((pulled - ybar).norm() <= rounding * std::max(S(1), ybar.norm()));
  CHECK((theta_again - r.theta).norm() <= rounding * std::max(S(1), r.theta.norm()));
  using Rows = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> columns = Eigen::Map<const Rows>(r.theta.data(), p.rows(), p.cols());
  r.theta = columns.reshaped();
  return r;
}

/// The products against differences of aᵀf in extended precision.
template <class F, class Y0, class P>
void check(const F& f, const Y0& y0, const P& p, double bound_in_double = 1e-9) {
  std::mt19937 rng(5);
  std::normal_distribution<double> normal;
  const Vector<double> a = Vector<double>::NullaryExpr(y0.size(), [&] { return normal(rng); });
  const double t = 0.7;
  using L = long double;
  const auto value = [&](L at, const Vector<L>& y, const Vector<L>& theta) {
    using User = Eigen::Matrix<L, Y0::RowsAtCompileTime, Y0::ColsAtCompileTime>;
    using Theta = Eigen::Matrix<L, P::RowsAtCompileTime, P::ColsAtCompileTime>;
    auto dynamics = cs::detail::bind(f, User(y0.template cast<L>()), Theta(Eigen::Map<const Theta>(theta.data(), p.rows(), p.cols())));
    typename decltype(dynamics)::State state = y, dydt(y.size());
    dynamics(at, state, dydt);
    return a.cast<L>().dot(dydt);
  };
  const Vector<L> y = decltype(cs::detail::bind(f, y0, p))::to_internal(y0).template cast<L>();
  const Vector<L> theta = Eigen::Map<const Vector<double>>(p.data(), p.size()).template cast<L>();
  Vector<L> expected(y.size() + theta.size() + 1);
  for (Index i = 0; i < expected.size(); ++i) {
    const auto slope = [&](L h) {
      const auto shifted = [&](L by) {
        Vector<L> ys = y, ps = theta;
        if (i < y.size()) ys[i] += by;
        else if (i < y.size() + theta.size()) ps[i - y.size()] += by;
        return value(i + 1 == expected.size() ? t + by : L(t), ys, ps);
      };
      return (shifted(h) - shifted(-h)) / (2 * h);
    };
    expected[i] = (4 * slope(5e-5L) - slope(1e-4L)) / 3;
  }
  const auto distance = [&](const auto& r) {
    Vector<L> all(expected.size());
    all << r.y.template cast<L>(), r.theta.template cast<L>(), static_cast<L>(r.t);
    return static_cast<double>((all - expected).norm() / std::max(L(1), expected.norm()));
  };
  CHECK(distance(products<double>(f, t, y0, p, a)) < bound_in_double);
  CHECK(distance(products<float>(f, t, y0, p, a)) < 1e-4);
}

}  // namespace

TEST_CASE("a dynamics of components is pulled back at compile time", "[adjoint]") {
  const auto f = [](auto t, const auto& y, const auto& p) {
    return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1] + cs::sin(t), p[2] * y[0] * y[1] - p[3] * y[1] * t);
  };
  check(f, Eigen::Vector2d(1.0, 1.5), Eigen::Vector4d(1.5, 1.0, 0.7, 3.0));
  check(f, Eigen::VectorXd(Eigen::Vector2d(1.0, 1.5)), Eigen::VectorXd(Eigen::Vector4d(1.5, 1.0, 0.7, 3.0)));
  check(f, Eigen::MatrixXd(Eigen::MatrixXd::Random(2, 3)), Eigen::Vector4d(1.5, 1.0, 0.7, 3.0));
}

TEST_CASE("named intermediates, accumulators and branches are recorded on the way", "[adjoint]") {
  const auto f = [](auto t, const auto& y, const auto& p) {
    using T = cs::number_t<decltype(y)>;
    T sum = 0;
    for (Index i = 0; i < 3; ++i) sum += p[i] * y[i] * y[i];
    const auto r = cs::let(cs::exp(-sum) + 0.1 * cs::cos(t));
    return cs::stack(r * y[1], cs::where(y[0] > y[1], r - y[0], r * y[2]), sum);
  };
  check(f, Eigen::Vector3d(0.4, -0.2, 0.9), Eigen::Vector3d(0.3, 0.5, 0.2));
  check(f, Eigen::MatrixXd(Eigen::MatrixXd::Random(3, 4)), Eigen::Vector3d(0.3, 0.5, 0.2));
}

TEST_CASE("networks and matrix products are pulled back as arrays", "[adjoint]") {
  const cs::nn::Mlp net({3, 7, 2}, cs::nn::tanh);
  std::mt19937 rng(2);
  const Eigen::VectorXd theta = net.init(rng);
  const auto f = [&](auto t, const auto& y, const auto& p) { return net(cs::stack(y, t), p); };
  check(f, Eigen::Vector2d(0.3, -0.6), theta);
  check(f, Eigen::MatrixXd(Eigen::MatrixXd::Random(2, 5)), theta);
  const auto cubic = [](auto t, const auto& y, const auto& A) { return cs::matmul(A, cs::cube(y)) * t; };
  check(cubic, Eigen::Vector2d(0.3, -0.6), Eigen::Matrix2d{{-0.1, 2.0}, {-2.0, -0.1}});
}

TEST_CASE("a Hamiltonian network is differentiated twice", "[adjoint]") {
  const cs::nn::Mlp energy({2, 8, 6, 1}, cs::nn::tanh);
  std::mt19937 rng(2);
  const Eigen::VectorXd theta = energy.init(rng);
  const auto f = [&](auto t, const auto& y, const auto& p) {
    const auto dH = cs::grad([&](const auto& y_) { return cs::sum(energy(y_, p)); }, y);
    return cs::stack(dH[1], -dH[0]) * t;
  };
  check(f, Eigen::Vector2d(0.3, -0.6), theta);
  check(f, Eigen::MatrixXd(Eigen::MatrixXd::Random(2, 5)), theta);
}

// The Euler–Lagrange equations of a network L(q, v): M a = ∂L/∂q − (∂²L/∂v∂q) v with M = ∂²L/∂v², columns of M by forward mode over
// reverse mode; a third level differentiates the rates by the weights.
TEST_CASE("a Lagrangian network is differentiated three times", "[adjoint]") {
  const cs::nn::Mlp lagrangian({4, 8, 1}, cs::nn::softplus);
  std::mt19937 rng(2);
  const Eigen::VectorXd theta = lagrangian.init(rng);
  const auto f = [&](auto t, const auto& y, const auto& p) {
    const auto q = cs::rows(y, 0, 2), v = cs::rows(y, 2, 2);
    const auto L = [&](const auto& q_, const auto& v_) {
      return cs::sum(lagrangian(cs::stack(q_, v_), p)) + cs::sum(cs::square(v_));
    };
    const auto momentum = [&](const auto& q_, const auto& v_) { return cs::grad([&](const auto& w) { return L(q_, w); }, v_); };
    const auto force = cs::grad([&](const auto& q_) { return L(q_, v); }, q);
    const auto [p_, transport] = cs::jvp([&](const auto& q_) { return momentum(q_, v); }, q, v);
    const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(1, y.cols()), zero = Eigen::MatrixXd::Zero(1, y.cols());
    const auto column = [&](const auto& direction) {
      const auto [value, m] = cs::jvp([&](const auto& v_) { return momentum(q, v_); }, v, direction);
      return m;
    };
    Eigen::MatrixXd e1(2, y.cols()), e2(2, y.cols());
    e1 << one.template cast<double>(), zero.template cast<double>();
    e2 << zero, one;
    using S = typename std::remove_cvref_t<decltype(y)>::scalar;
    const auto m1 = column(Eigen::Matrix<S, -1, -1>(e1.template cast<S>())), m2 = column(Eigen::Matrix<S, -1, -1>(e2.template cast<S>()));
    const auto r = force - transport;
    const auto determinant = m1[0] * m2[1] - m1[1] * m2[0];
    return cs::stack(v, (m2[1] * r[0] - m2[0] * r[1]) / determinant * t, (m1[0] * r[1] - m1[1] * r[0]) / determinant);
  };
  check(f, Eigen::Vector4d(0.3, -0.6, 0.5, 0.2), theta, 1e-9);
  check(f, Eigen::MatrixXd(Eigen::MatrixXd::Random(4, 3)), theta, 1e-9);
}
