// What does a gradient cost beside hand-written derivatives?
//   (a) a Lotka–Volterra right-hand side with its vector–Jacobian product, beside the formulas written out;
//   (b) a loss of a tanh network with its gradient, beside careful Eigen: preallocated, noalias, the same vectorised tanh, the
//       better of both storage orders;
//   (c) a solve with its gradient, per step, beside a discrete adjoint written by hand.

#include <costate/costate.hpp>

#include <cmath>
#include <string>

#include "side_by_side.hpp"

namespace cs = costate;
using cs::Index;

namespace {

int failures = 0;
/// The contestants must compute the same thing.
template <class A, class B>
void expect_equal(const char* what, const A& a, const B& b, double tolerance = 1e-12) {
  if ((a - b).norm() <= tolerance * (1 + b.norm())) return;
  std::printf("%s: the contestants differ by %.3g\n", what, (a - b).norm());
  ++failures;
}

const auto lotka_volterra = [](auto /*t*/, const auto& y, const auto& p) {
  return cs::stack(p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]);
};

using Vector2 = Eigen::Vector2d;
using Vector4 = Eigen::Vector4d;

/// ybar += aᵀ∂f/∂y, pbar += aᵀ∂f/∂p.
[[gnu::always_inline]] inline void vjp_by_hand(const Vector2& y, const Vector4& p, const Vector2& a, Vector2& dydt, Vector2& ybar, Vector4& pbar) {
  const double xy = y[0] * y[1], a0 = a[0], a1 = a[1], along = a1 * p[2] - a0 * p[1];
  dydt[0] = p[0] * y[0] - p[1] * xy;
  dydt[1] = p[2] * xy - p[3] * y[1];
  ybar[0] += a0 * p[0] + along * y[1];
  ybar[1] += along * y[0] - a1 * p[3];
  pbar[0] += a0 * y[0];
  pbar[1] -= a0 * xy;
  pbar[2] += a1 * xy;
  pbar[3] -= a1 * y[1];
}

void right_hand_side(const SideBySide& race) {
  Vector2 y(1.2, 0.7), a(0.3, -0.4), dydt, ybar;
  Vector4 p(1.1, 0.4, 0.1, 0.4), pbar = Vector4::Zero();
  auto dynamics = cs::detail::bind(lotka_volterra, y, p);
  auto view = dynamics.view();
  view.theta = p.data();
  const cs::detail::DynamicsVjp vjp(view);

  const auto ours = [&] {
    benchmark::DoNotOptimize(y), benchmark::DoNotOptimize(a), benchmark::DoNotOptimize(p);
    vjp(0.0, y, a, dydt, ybar, pbar.data());
    benchmark::DoNotOptimize(dydt), benchmark::DoNotOptimize(ybar), benchmark::DoNotOptimize(pbar);
  };
  const auto limit = [&] {
    benchmark::DoNotOptimize(y), benchmark::DoNotOptimize(a), benchmark::DoNotOptimize(p);
    ybar.setZero();
    vjp_by_hand(y, p, a, dydt, ybar, pbar);
    benchmark::DoNotOptimize(dydt), benchmark::DoNotOptimize(ybar), benchmark::DoNotOptimize(pbar);
  };
  Eigen::Matrix<double, 8, 1> by_us, by_hand;
  ours();
  by_us << dydt, ybar, pbar;
  pbar.setZero();
  limit();
  by_hand << dydt, ybar, pbar;
  expect_equal("Lotka-Volterra vjp", by_us, by_hand);
  race("Lotka-Volterra: f and vjp in y and theta", ours, limit);
}

// ---- networks -------------------------------------------------------------------------------------------------------------------

/// Mean squared error of an n-hidden-m tanh network and its gradient, in Eigen. Parameters lie in theta as W1, b1, W2, b2, the
/// matrices in the storage order of the data.
template <int order, int batch>
class NetworkByHand {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, order>;
  using Batch = std::conditional_t<batch == 1, Eigen::VectorXd, Matrix>;
  using Weights = Eigen::Map<const Matrix>;
  using Bias = Eigen::Map<const Eigen::VectorXd>;

 public:
  NetworkByHand(Index inputs, Index hidden, Index outputs, const Eigen::MatrixXd& x, const Eigen::MatrixXd& target)
      : n_(inputs), k_(hidden), m_(outputs), x_(x), target_(target), h_(hidden, x.cols()), hbar_(hidden, x.cols()), out_(outputs, x.cols()),
        gradient(hidden * (inputs + 1) + outputs * (hidden + 1)) {}

  double operator()(const Eigen::VectorXd& theta) {
    const double* const p = theta.data();
    const Weights w1(p, k_, n_), w2(p + k_ * (n_ + 1), m_, k_);
    const Bias b1(p + k_ * n_, k_), b2(p + k_ * (n_ + 1) + m_ * k_, m_);
    affine(w1, b1, x_, h_);
    cs::map([](auto z) { return cs::tanh(z); }, h_.data(), h_.data(), h_.size());
    affine(w2, b2, h_, out_);
    out_ -= target_;
    const double mean = 1 / static_cast<double>(out_.size()), loss = out_.squaredNorm() * mean;
    out_ *= 2 * mean;

    double* const g = gradient.data();
    Eigen::Map<Matrix> w1bar(g, k_, n_), w2bar(g + k_ * (n_ + 1), m_, k_);
    Eigen::Map<Eigen::VectorXd> b1bar(g + k_ * n_, k_), b2bar(g + k_ * (n_ + 1) + m_ * k_, m_);
    w2bar.noalias() = out_ * h_.transpose();
    b2bar = out_.rowwise().sum();
    hbar_.noalias() = w2.transpose() * out_;
    hbar_.array() *= 1 - h_.array().square();
    w1bar.noalias() = hbar_ * x_.transpose();
    b1bar = hbar_.rowwise().sum();
    return loss;
  }

 private:
  static void affine(const Weights& w, const Bias& b, const Batch& x, Batch& out) {
    if constexpr (batch == 1) out = b;
    else out.colwise() = b;
    out.noalias() += w * x;
  }

  Index n_, k_, m_;
  Batch x_, target_, h_, hbar_, out_;

 public:
  Eigen::VectorXd gradient;
};

/// theta with every W column by column instead of row by row.
Eigen::VectorXd by_columns(const Eigen::VectorXd& theta, Index n, Index k, Index m) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::VectorXd out = theta;
  const Index second = k * (n + 1);
  Eigen::Map<Eigen::MatrixXd>(out.data(), k, n) = Eigen::Map<const Rows>(theta.data(), k, n);
  Eigen::Map<Eigen::MatrixXd>(out.data() + second, m, k) = Eigen::Map<const Rows>(theta.data() + second, m, k);
  return out;
}

template <int batch>
void network(const SideBySide& race, Index n, Index k, Index m, Index samples) {
  const std::string shape = std::to_string(n) + "-" + std::to_string(k) + "-" + std::to_string(m) + " tanh network, batch " + std::to_string(samples);
  using Data = Eigen::Matrix<double, Eigen::Dynamic, batch>;
  const cs::nn::Mlp net({n, k, m}, cs::nn::tanh);
  cs::Random random(1);
  const Eigen::VectorXd theta = net.init(random), theta_by_columns = by_columns(theta, n, k, m);
  const Data x = Data::Random(n, samples), target = Data::Random(m, samples);

  auto gradient = cs::value_and_grad([&](const auto& p) { return cs::mean(cs::square(net(x, p) - target)); });
  NetworkByHand<Eigen::RowMajor, batch> rows(n, k, m, x, target);
  NetworkByHand<Eigen::ColMajor, batch> columns(n, k, m, x, target);

  const auto& [value, bar] = gradient(theta);
  Eigen::VectorXd both(bar.size() + 1), by_hand(bar.size() + 1);
  both << value, bar;
  by_hand[0] = rows(theta);
  by_hand.tail(bar.size()) = rows.gradient;
  expect_equal(shape.c_str(), both, by_hand);
  by_hand[0] = columns(theta_by_columns);
  by_hand.tail(bar.size()) = columns.gradient;
  both.tail(bar.size()) = by_columns(Eigen::VectorXd(bar), n, k, m);
  expect_equal(shape.c_str(), both, by_hand);

  const auto ours = [&] { benchmark::DoNotOptimize(std::get<0>(gradient(theta))); };
  const auto by_rows = [&] { benchmark::DoNotOptimize(rows(theta)), benchmark::ClobberMemory(); };
  const auto by_cols = [&] { benchmark::DoNotOptimize(columns(theta_by_columns)), benchmark::ClobberMemory(); };
  if (race.measure(by_rows, by_cols).ratio < 1) race(shape.c_str(), ours, by_rows);
  else race(shape.c_str(), ours, by_cols);
}

// ---- solves ---------------------------------------------------------------------------------------------------------------------

/// |y(1)|² after n steps of the classical Runge–Kutta method, and its derivatives: the states are stored, stages evaluated again.
class SolveByHand {
  struct Pair {
    double x, y;
    [[gnu::always_inline]] friend Pair operator+(Pair a, Pair b) { return {a.x + b.x, a.y + b.y}; }
    [[gnu::always_inline]] friend Pair operator*(double c, Pair a) { return {c * a.x, c * a.y}; }
  };

 public:
  explicit SolveByHand(int steps) : h_(1.0 / steps), states_(static_cast<std::size_t>(steps)) {}

  double operator()(const Vector2& start, const Vector4& p) {
    const double h = h_, half = h / 2, third = h / 3, sixth = h / 6, p0 = p[0], p1 = p[1], p2 = p[2], p3 = p[3];
    const auto f = [&](Pair y) { return Pair{p0 * y.x - p1 * (y.x * y.y), p2 * (y.x * y.y) - p3 * y.y}; };
    Pair y{start[0], start[1]};
    for (auto& stored : states_) {
      stored = y;
      const Pair k1 = f(y), k2 = f(y + half * k1), k3 = f(y + half * k2), k4 = f(y + h * k3);
      y = y + sixth * (k1 + k4) + third * (k2 + k3);
    }

    double p0bar = 0, p1bar = 0, p2bar = 0, p3bar = 0;
    const auto vjp = [&](Pair at, Pair a) {
      const double xy = at.x * at.y, along = a.y * p2 - a.x * p1;
      p0bar += a.x * at.x;
      p1bar -= a.x * xy;
      p2bar += a.y * xy;
      p3bar -= a.y * at.y;
      return Pair{a.x * p0 + along * at.y, along * at.x - a.y * p3};
    };
    Pair bar = 2 * y;
    for (auto i = states_.size(); i-- > 0;) {
      const Pair y1 = states_[i], y2 = y1 + half * f(y1), y3 = y1 + half * f(y2), y4 = y1 + h * f(y3);
      const Pair b6 = sixth * bar, b3 = third * bar;
      const Pair y4bar = vjp(y4, b6), y3bar = vjp(y3, b3 + h * y4bar), y2bar = vjp(y2, b3 + half * y3bar), y1bar = vjp(y1, b6 + half * y2bar);
      bar = (bar + y4bar) + (y3bar + y2bar) + y1bar;
    }
    y_gradient << bar.x, bar.y;
    p_gradient << p0bar, p1bar, p2bar, p3bar;
    return y.x * y.x + y.y * y.y;
  }

  Vector2 y_gradient;
  Vector4 p_gradient;

 private:
  double h_;
  std::vector<Pair> states_;
};

void solves(const SideBySide& race) {
  constexpr int steps = 1000;
  const Vector2 start(1.2, 0.7);
  const Vector4 p(1.1, 0.4, 0.1, 0.4);
  const std::vector<double> times{0.0, 1.0};
  const auto loss = [&](const auto& adjoint) {
    return [&times, adjoint](const auto& y_start, const auto& theta) {
      const auto y = cs::odeint(lotka_volterra, y_start, times, theta, cs::Rk4{}, adjoint, {.step = 1.0 / steps});
      return cs::sum(cs::square(y.back()));
    };
  };
  auto direct = cs::value_and_grad(loss(cs::DirectAdjoint{}));
  auto backsolve = cs::value_and_grad(loss(cs::BacksolveAdjoint{}));
  SolveByHand by_hand(steps);
  const auto agrees = [&](const char* name, const auto& result, double tolerance) {
    const auto& [value, ybar, pbar] = result;
    Eigen::Matrix<double, 7, 1> ours, hand;
    ours << value, ybar, pbar;
    const double v = by_hand(start, p);
    hand << v, by_hand.y_gradient, by_hand.p_gradient;
    expect_equal(name, ours, hand, tolerance);
  };
  agrees("Rk4, DirectAdjoint", direct(start, p), 1e-12);
  agrees("Rk4, BacksolveAdjoint", backsolve(start, p), 1e-9);  // a continuous adjoint: to the order of the method

  const auto limit = [&] { benchmark::DoNotOptimize(by_hand(start, p)), benchmark::ClobberMemory(); };
  race("Lotka-Volterra, Rk4, DirectAdjoint, per step", [&] { benchmark::DoNotOptimize(std::get<0>(direct(start, p))); }, limit, steps);
  race("Lotka-Volterra, Rk4, BacksolveAdjoint, per step", [&] { benchmark::DoNotOptimize(std::get<0>(backsolve(start, p))); }, limit, steps);
}

}  // namespace

int main(int argc, char** argv) {
  const SideBySide race(argc, argv);
  right_hand_side(race);
  for (const Index samples : {64, 512}) {
    network<Eigen::Dynamic>(race, 2, 50, 2, samples);
    network<Eigen::Dynamic>(race, 64, 64, 64, samples);
  }
  network<1>(race, 2, 50, 2, 1);
  network<1>(race, 64, 64, 64, 1);
  solves(race);
  return failures;
}
