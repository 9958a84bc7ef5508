// A ball is filmed while it bounces. From noisy heights alone: how bouncy is it, and how much does the air slow it down? The fit
// differentiates through every bounce, its time included.

#include <CLI/CLI.hpp>
#include <costate/costate.hpp>

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

namespace cs = costate;

namespace {

constexpr double gravity = 9.81;

// p: coefficient of restitution, drag per metre; the state is height and velocity.
const auto fall = [](auto /*t*/, const auto& y, const auto& p) { return cs::stack(y[1], -gravity - p[1] * y[1] * cs::abs(y[1])); };
const auto ground = [](auto /*t*/, const auto& y, const auto& /*p*/) { return y[0]; };
const auto bounce = [](auto /*t*/, const auto& y, const auto& p) { return cs::stack(0.0, -p[0] * y[1]); };
const auto bounces = cs::event(ground, bounce, {.direction = cs::Direction::falling});

}  // namespace

int main(int argc, char** argv) try {
  std::string out = ".";
  unsigned seed = 0;
  bool quick = false;
  CLI::App app("Learns restitution and drag of a bouncing ball from noisy heights; draws film, fit and the way there.");
  app.add_option("--out", out, "directory for the picture")->capture_default_str();
  app.add_option("--seed", seed, "of the noise")->capture_default_str();
  app.add_flag("--quick", quick, "a tenth of the iterations");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(out);

  const double restitution = 0.78, drag = 0.05, noise = 0.01;
  const Eigen::Vector2d start(2.0, 0.0), truth(restitution, drag);
  const Eigen::VectorXd t = cs::linspace(0.0, 3.0, 181);  // 60 pictures a second
  const cs::SolveOptions options{.rtol = 1e-8, .atol = 1e-8};
  const auto film = cs::solve_with_events(fall, start, t, truth, cs::Dopri5{}, options, bounces);
  std::mt19937 rng(seed);
  std::normal_distribution<double> blur(0.0, noise);
  Eigen::VectorXd seen = film.y.block().row(0).transpose();
  for (double& height : seen) height += blur(rng);

  auto value_and_gradient = cs::value_and_grad([&](const auto& start_, const auto& p) {
    const auto run = cs::odeint_with_events(fall, start_, t, p, cs::Dopri5{}, cs::DirectAdjoint{}, options, bounces);
    return cs::mean(cs::square(cs::rows(cs::hstack(run.y), 0, 1) - seen.transpose()));
  });
  Eigen::Vector2d start_fit(1.8, 0.0), p(0.7, 0.0);
  const Eigen::Vector2d start_guess = start_fit, guess = p;
  const int iterations = quick ? 100 : 1000;
  cs::optim::Adam adam_start, adam;
  const cs::optim::CosineDecay rate({.learning_rate = 1e-2, .iterations = iterations});
  Eigen::VectorXd way_restitution(iterations), way_drag(iterations);
  double loss = 0;
  cs::Progress progress("bouncing ball", iterations);
  for (int i = 0; i < iterations; ++i) {
    const auto& [value, d_start, d_p] = value_and_gradient(start_fit, p);
    adam_start.set_learning_rate(rate(i));
    adam.set_learning_rate(rate(i));
    adam_start.step(start_fit, d_start);
    adam.step(p, d_p);
    way_restitution[i] = p[0];
    way_drag[i] = p[1];
    loss = value;
    progress.update(i + 1, "rms ", std::sqrt(loss), " m, restitution ", p[0], ", drag ", p[1]);
  }
  progress.finish();

  const Eigen::VectorXd fine = cs::linspace(0.0, 3.0, 1501);
  const auto heights = [&](const Eigen::Vector2d& from, const Eigen::Vector2d& by) {
    return Eigen::VectorXd(cs::solve_with_events(fall, from, fine, by, cs::Dopri5{}, options, bounces).y.block().row(0).transpose());
  };
  cs::Figure figure({.columns = 2, .height = 420});
  figure.panel("A bouncing ball, filmed").x_label("t, seconds").y_label("height, metres").legend(cs::Legend::below)
      .points(t, seen, {.label = "film", .color = cs::Color::black, .size = 0.5})
      .line(fine, heights(start_guess, guess), {.label = "first guess", .color = cs::Color::grey, .dash = cs::Dash::dashed})
      .line(fine, heights(start_fit, p), {.label = "fit", .color = cs::Color::vermillion});
  const Eigen::VectorXd steps = cs::linspace(1.0, static_cast<double>(iterations), iterations);
  figure.panel("The way there").x_label("iteration").legend(cs::Legend::below)
      .line(steps, way_restitution, {.label = "restitution", .color = cs::Color::blue})
      .line(steps, Eigen::VectorXd::Constant(iterations, restitution), {.label = "its true value", .color = cs::Color::blue, .dash = cs::Dash::dotted})
      .line(steps, way_drag, {.label = "drag per metre", .color = cs::Color::orange})
      .line(steps, Eigen::VectorXd::Constant(iterations, drag), {.label = "its true value", .color = cs::Color::orange, .dash = cs::Dash::dotted});
  const auto pictures = figure.save(out + "/bouncing_ball.svg");

  const double rms = std::sqrt(loss);
  const bool good = quick || (std::abs(p[0] - restitution) < 0.01 && std::abs(p[1] - drag) < 0.02 && rms < 1.2 * noise);
  std::printf("figure restitution %.4f\nfigure drag %.4f\nfigure rms %.4f\nfigure bounces %zu\n", p[0], p[1], rms, film.events.size());
  for (const auto& path : pictures) std::printf("wrote %s\n", path.c_str());
  return good ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bouncing_ball: %s\n", error.what());
  return 2;
}
