// The field's "hello world": a network learns the vector field of a spiral from short pieces of one trajectory, with gradients
// through the solver by the continuous adjoint.

#include <CLI/CLI.hpp>
#include <costate/costate.hpp>

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

namespace cs = costate;

int main(int argc, char** argv) try {
  std::string out = ".";
  unsigned seed = 0;
  bool quick = false;
  CLI::App app("Learns the vector field of a spiral; draws truth, fit and field.");
  app.add_option("--out", out, "directory for the picture")->capture_default_str();
  app.add_option("--seed", seed, "of initial weights and batches")->capture_default_str();
  app.add_flag("--quick", quick, "a tenth of the training");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(out);

  const auto truth = [](auto /*t*/, const auto& y, const auto& A) { return cs::matmul(A, cs::cube(y)); };
  const Eigen::Matrix2d A{{-0.1, 2.0}, {-2.0, -0.1}};
  const Eigen::Vector2d start(2.0, 0.0);
  const auto t = cs::linspace(0.0, 25.0, 1000);
  const auto data = cs::solve(truth, start, t, A, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-9});

  std::mt19937 rng(seed);
  const cs::nn::Mlp net({2, 50, 2}, cs::nn::tanh);
  Eigen::VectorXd theta = net.init(rng);
  const auto f = [&](auto /*t*/, const auto& y, const auto& theta_) { return net(cs::cube(y), theta_); };

  // Batches of 20 pieces, 10 points each. The loss reads them where they stand, so its object lives through the whole training.
  const int horizon = 10, batch = 20, iterations = quick ? 200 : 2000;
  const auto t_batch = cs::linspace(0.0, t[horizon - 1], horizon);
  Eigen::MatrixXd y0(2, batch), target(2, batch * horizon);
  auto value_and_gradient = cs::value_and_grad([&](const auto& theta_) {
    const auto y = cs::odeint(f, y0, t_batch, theta_, cs::Dopri5{}, cs::BacksolveAdjoint{});
    return cs::mean(cs::abs(cs::hstack(y) - target));
  });
  cs::optim::Adam adam;
  const cs::optim::CosineDecay rate({.learning_rate = 1e-2, .iterations = iterations});
  std::uniform_int_distribution<int> first(0, 1000 - horizon - 1);
  double loss = 0.0;
  cs::Progress progress("spiral", iterations);
  for (int i = 0; i < iterations; ++i) {
    for (int b = 0; b < batch; ++b) {
      const int s = first(rng);
      y0.col(b) = data.y[static_cast<std::size_t>(s)];
      for (int k = 0; k < horizon; ++k) target.col(k * batch + b) = data.y[static_cast<std::size_t>(s + k)];
    }
    const auto& [value, gradient] = value_and_gradient(theta);
    adam.set_learning_rate(rate(i));
    adam.step(theta, gradient);
    loss = i == 0 ? value : 0.95 * loss + 0.05 * value;
    progress.update(i + 1, "loss ", loss);
  }
  progress.finish();

  // The whole trajectory from its first point alone, 100 times as long as the pieces.
  const auto fit = cs::solve(f, start, t, theta, cs::Dopri5{}, {.rtol = 1e-8, .atol = 1e-8});
  const double distance = (fit.y.block() - data.y.block()).colwise().norm().mean();

  cs::Figure figure({.width = 640, .height = 560});
  const auto field = [&](double a, double b) -> Eigen::Vector2d { return net(Eigen::Vector2d(a * a * a, b * b * b), theta); };
  figure.panel("The learned vector field")
      .x_label("y_1").y_label("y_2").x_range(-2.2, 2.2).y_range(-2.2, 2.2)
      .legend(cs::Legend::below)
      .vector_field(field, {-2.2, 2.2}, {-2.2, 2.2})
      .line(data.y.block().row(0), data.y.block().row(1), {.label = "truth", .color = cs::Color::black, .dash = cs::Dash::dotted, .width = 1.5})
      .line(fit.y.block().row(0), fit.y.block().row(1), {.label = "neural ODE", .color = cs::Color::vermillion});
  auto& series = figure.panel("One trajectory, solved from its first point").x_label("t").legend(cs::Legend::below);
  for (int i = 0; i < 2; ++i) {
    const std::string name = i == 0 ? "y_1" : "y_2";
    const auto color = i == 0 ? cs::Color::blue : cs::Color::orange;
    series.line(t, data.y.block().row(i), {.label = name + ", truth", .color = color, .dash = cs::Dash::dotted, .width = 1.5})
        .line(t, fit.y.block().row(i), {.label = name + ", neural ODE", .color = color, .dash = cs::Dash::solid});
  }
  const auto pictures = figure.save(out + "/spiral.svg");

  const bool good = quick || (loss < 0.005 && distance < 0.5);
  std::printf("figure loss %.5f\nfigure mean_distance %.4f\n", loss, distance);
  for (const auto& path : pictures) std::printf("wrote %s\n", path.c_str());
  return good ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "spiral: %s\n", error.what());
  return 2;
}
