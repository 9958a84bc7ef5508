// The depth of an ODE-net as one more number to learn: tumours are told benign from malignant by a linear map into a small state, a flow
// dy/dt = net(y) from 0 to T, and a linear readout. T is a variable among the others, its gradient comes from odeint, and a price on T
// decides how much depth is worth. Then: what a solver's tolerance does to the trained model, and to the training.

#include <CLI/CLI.hpp>
#include <costate/costate.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

namespace cs = costate;
using Eigen::Index, Eigen::MatrixXd, Eigen::VectorXd;

constexpr Index rows_for_training = 398, states = 8;
constexpr double price_of_time = 0.1, decay_of_maps = 0.2, decay_of_field = 0.01;

struct Data {
  MatrixXd features;  // 30 × samples, standardised
  Eigen::VectorXi benign;
  VectorXd sign() const { return 2.0 * benign.cast<double>().array() - 1.0; }
};

/// A shuffled split; features in units of the training part's mean and deviation.
std::array<Data, 2> load(const std::string& path, cs::Random rng) {
  const MatrixXd table = cs::read_csv(path).matrix();
  std::vector<Index> order(static_cast<std::size_t>(table.rows()));
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[static_cast<std::size_t>(cs::uniform(rng) * static_cast<double>(i + 1))]);
  MatrixXd x = table(order, Eigen::seq(1, Eigen::last)).transpose();
  const Eigen::VectorXi benign = table(order, 0).cast<int>();
  const VectorXd mean = x.leftCols(rows_for_training).rowwise().mean();
  x.colwise() -= mean;
  const VectorXd deviation = x.leftCols(rows_for_training).array().square().rowwise().mean().sqrt();
  x.array().colwise() /= deviation.array();
  const Index rest = x.cols() - rows_for_training;
  return {Data{x.leftCols(rows_for_training), benign.head(rows_for_training)}, Data{x.rightCols(rest), benign.tail(rest)}};
}

const cs::nn::Mlp map_in({30, states}), field({states, 8, states}, cs::nn::tanh), map_out({states, 2});
const auto flow = [](auto /*t*/, const auto& y, const auto& theta) { return field(y, theta); };

// The unknowns, one flat vector: log T, then the weights of the map in, of the field, of the map out.
const Index in_at = 1, field_at = in_at + map_in.parameters(), out_at = field_at + field.parameters(), unknowns = out_at + map_out.parameters();

double time_of(const VectorXd& x) { return std::exp(x[0]); }

/// How to get from 0 to T: the output times are fractions of T; Euler takes one step between two of them.
template <class M>
struct Solver {
  M method;
  cs::SolveOptions options;
  VectorXd fractions;
};
template <class M>
Solver<M> adaptive(const M& method, double tolerance) {
  return {method, {.rtol = tolerance, .atol = tolerance}, cs::linspace(0.0, 1.0, 2)};
}
const Solver<cs::Dopri5> exactly = adaptive(cs::Dopri5{}, 1e-11);
const Solver<cs::Euler> four_steps{{}, {}, cs::linspace(0.0, 1.0, 5)};

/// The loss as a function of the unknowns. The times are variables, as all of x is.
template <class M, class A = cs::DirectAdjoint>
auto objective(const Data& data, const Solver<M>& by, const A& adjoint = {}) {
  return [&data, by, adjoint](const auto& x) {
    const auto in = cs::rows(x, in_at, map_in.parameters()), theta = cs::rows(x, field_at, field.parameters()),
               out = cs::rows(x, out_at, map_out.parameters());
    const auto T = cs::exp(cs::rows(x, 0, 1));
    const auto y = cs::odeint(flow, map_in(data.features, in), cs::matmul(by.fractions, T), theta, by.method, adjoint, by.options);
    return cs::cross_entropy(map_out(y.back(), out), data.benign) + price_of_time * cs::sum(T) + decay_of_field * cs::sum(cs::square(theta)) +
           decay_of_maps * (cs::sum(cs::square(in)) + cs::sum(cs::square(out)));
  };
}

/// What a model says about data: the logarithm of the odds of being benign.
struct Verdict {
  VectorXd odds, sign;
  double evaluations;
  double accuracy() const { return (odds.array() * sign.array() > 0).cast<double>().mean(); }
  double cross_entropy() const { return (-odds.array() * sign.array()).exp().log1p().mean(); }
  double distance(const Verdict& other) const {  // of probabilities
    const auto p = [](const VectorXd& z) { return 1.0 / (1.0 + (-z.array()).exp()); };
    return (p(odds) - p(other.odds)).abs().maxCoeff();
  }
};

template <class M>
Verdict judge(const VectorXd& x, const Data& data, const Solver<M>& by) {
  const VectorXd in = x.segment(in_at, map_in.parameters()), theta = x.segment(field_at, field.parameters()), out = x.tail(map_out.parameters());
  const auto solution = cs::solve(flow, map_in(data.features, in), VectorXd(time_of(x) * by.fractions), theta, by.method, by.options);
  const MatrixXd logits = map_out(MatrixXd(solution.y.back()), out);
  return {logits.row(1) - logits.row(0), data.sign(), static_cast<double>(solution.stats.evaluations)};
}

/// A training, and what was seen on its way.
struct Run {
  VectorXd x;                                            // the unknowns at the end
  std::vector<double> iteration, T, training, held_out;  // cross entropies
};

template <class M>
Run train(const std::string& label, VectorXd x, long iterations, const Data& data, const Data& held_out, const Solver<M>& by) {
  Run run;
  auto value_and_gradient = cs::value_and_grad(objective(data, by));
  const cs::optim::CosineDecay rate({.learning_rate = 0.02, .iterations = iterations, .warmup = 10});
  cs::optim::Adam adam;
  cs::Progress progress(label, iterations);
  for (long i = 0; i <= iterations; ++i) {
    if (i < 100 || i % 10 == 0) {
      run.iteration.push_back(static_cast<double>(i + 1));
      run.T.push_back(time_of(x));
      run.training.push_back(judge(x, data, by).cross_entropy());
      run.held_out.push_back(judge(x, held_out, by).cross_entropy());
    }
    if (i == iterations) break;
    const auto& [value, gradient] = value_and_gradient(x);
    adam.set_learning_rate(rate(i));
    adam.step(x, gradient);
    progress.update(i + 1, "loss ", value, "  T ", time_of(x));
  }
  run.x = x;
  return run;
}

/// What depth has to beat: logistic regression with a ridge.
Verdict linear_classifier(const Data& data, const Data& held_out, long iterations) {
  const cs::nn::Mlp map({30, 2});
  VectorXd weights = VectorXd::Zero(map.parameters());
  auto value_and_gradient = cs::value_and_grad(
      [&](const auto& w) { return cs::cross_entropy(map(data.features, w), data.benign) + 0.003 * cs::sum(cs::square(w)); });
  cs::optim::Adam adam({.learning_rate = 0.03});
  for (long i = 0; i < iterations; ++i) adam.step(weights, std::get<1>(value_and_gradient(weights)));
  const MatrixXd logits = map(held_out.features, weights);
  return {logits.row(1) - logits.row(0), held_out.sign(), 0};
}

int main(int argc, char** argv) try {
  std::string out = ".";
  unsigned seed = 0;
  bool quick = false;
  CLI::App app("Learns the integration time of an ODE-net classifier, and measures what tolerances do to it.");
  app.add_option("--out", out, "directory for the picture and the table")->capture_default_str();
  app.add_option("--seed", seed, "of the split and the initial weights")->capture_default_str();
  app.add_flag("--quick", quick, "a hundredth of the training");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(out);
  const long iterations = quick ? 20 : 2000;

  const cs::Random rng(seed);
  const auto split = load(EXAMPLE_DIR "/breast_cancer.csv", rng);
  const Data &data = split[0], &held_out = split[1];
  const auto start = [&](double T) {
    cs::Random weights = rng.stream(1);
    VectorXd x(unknowns);
    x << std::log(T), map_in.init(weights), field.init(weights), map_out.init(weights);
    return x;
  };
  bool sound = true;
  const auto report = [&](const std::string& name, double value, bool good = true) {
    std::printf("figure %s %.5g%s\n", name.c_str(), value, good ? "" : "  <- outside of what the README states");
    sound = sound && good;
  };

  // dL/dT at T = 1, where it is dL/d log T, against a central difference of the loss; solves far more accurate than the difference.
  const auto check = [&](const std::string& name, const auto& adjoint) {
    const auto loss = objective(data, exactly, adjoint);
    const double h = 3e-4, difference = (cs::value(loss, start(1 + h)) - cs::value(loss, start(1 - h))) / (2 * h);
    const double slope = std::get<1>(cs::value_and_grad(loss, start(1.0)))[0], distance = std::abs(slope / difference - 1);
    report("gradient_of_T_" + name, slope);
    report("gradient_of_T_" + name + "_off_difference", distance, distance < 1e-6);
  };
  check("direct", cs::DirectAdjoint{});
  check("backsolve", cs::BacksolveAdjoint{});

  // One model from three initial times; the slope at the end is that of an all but exact solve.
  const std::array starts{0.25, 1.0, 4.0};
  const std::array names{"from T = 0.25", "from T = 1", "from T = 4"}, methods{"Dopri5", "Adams", "Bosh3"};
  const auto tight = adaptive(cs::Dopri5{}, 1e-5), loose = adaptive(cs::Dopri5{}, 1e-2);
  std::vector<Run> runs;
  VectorXd ends(3), slopes(3);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    runs.push_back(train(names[i], start(starts[i]), iterations, data, held_out, tight));
    const auto [value, gradient] = cs::value_and_grad(objective(data, exactly), runs[i].x);
    const double T = ends[static_cast<Index>(i)] = time_of(runs[i].x), slope = slopes[static_cast<Index>(i)] = std::abs(gradient[0]) / T;
    std::printf("%-13s  T %.5f  loss %.6f  |dL/dT| %.1e\n", names[i], T, value, slope);
  }
  report("T", ends[1], quick || std::abs(ends[1] - 1.1) < 0.06);
  report("largest_slope", slopes.maxCoeff(), quick || slopes.maxCoeff() < 1e-3);
  report("T_spread", ends.maxCoeff() / ends.minCoeff() - 1, quick || ends.maxCoeff() / ends.minCoeff() < 1.01);
  const Run& trained = runs[1];
  const Verdict exact = judge(trained.x, held_out, exactly), linear = linear_classifier(data, held_out, iterations);
  report("held_out_accuracy", exact.accuracy(), quick || exact.accuracy() >= 0.97);
  report("held_out_cross_entropy", exact.cross_entropy(), quick || exact.cross_entropy() < 0.1);
  report("linear_accuracy", linear.accuracy());
  report("linear_cross_entropy", linear.cross_entropy());

  // The trained model under looser and tighter solves: evaluations, accuracy, cross entropy, largest error of a probability.
  const VectorXd tolerances = Eigen::pow(10.0, -VectorXd::LinSpaced(8, 1, 8).array());
  const auto sweep = [&](const char* name, const auto& method) {
    MatrixXd seen(tolerances.size(), 4);
    std::printf("%-6s %6s %12s %9s %14s %21s\n", name, "rtol", "evaluations", "accuracy", "cross entropy", "error of probability");
    for (Index i = 0; i < tolerances.size(); ++i) {
      const Verdict v = judge(trained.x, held_out, adaptive(method, tolerances[i]));
      seen.row(i) << v.evaluations, v.accuracy(), v.cross_entropy(), v.distance(exact);
      std::printf("%13.0e %12.0f %9.4f %14.6f %21.1e\n", tolerances[i], seen(i, 0), seen(i, 1), seen(i, 2), seen(i, 3));
    }
    const double worst = (seen.col(3).array() / tolerances.array()).maxCoeff();
    report(std::string(name) + "_error_in_tolerances", worst, worst < 20);
    report(std::string(name) + "_accuracy_from_1e-2_on", seen(1, 1), quick || (seen.col(1).tail(7).array() == exact.accuracy()).all());
    return seen;
  };
  const std::array seen{sweep(methods[0], cs::Dopri5{}), sweep(methods[1], cs::Adams{}), sweep(methods[2], cs::Bosh3{})};

  // Trained with one solver, used with another: the largest change of a probability.
  const auto transfer = [&](const std::string& name, const Run& run, const auto& by, double least, double most) {
    const Verdict own = judge(run.x, held_out, by), other = judge(run.x, held_out, exactly);
    std::printf("trained with %s: T %.4f; accuracy %.4f, cross entropy %.4f with it, %.4f, %.4f solved exactly\n", name.c_str(), time_of(run.x),
                own.accuracy(), own.cross_entropy(), other.accuracy(), other.cross_entropy());
    report("change_after_" + name, own.distance(other), quick || (least <= own.distance(other) && own.distance(other) <= most));
  };
  transfer("rtol_1e-5", trained, tight, 0, 1e-4);
  transfer("rtol_1e-2", train("rtol 1e-2", start(1.0), iterations, data, held_out, loose), loose, 0, 1e-2);
  transfer("four_euler_steps", train("4 Euler steps", start(1.0), iterations, data, held_out, four_steps), four_steps, 0.1, 1);

  cs::Figure figure({.columns = 2, .height = 440});
  auto& time = figure.panel("The integration time").x_label("iteration").y_label("T").log_x().y_range(0, 4.5).legend(cs::Legend::top_right);
  for (std::size_t i = 0; i < runs.size(); ++i) time.line(runs[i].iteration, runs[i].T, {.label = names[i]});
  figure.panel("The classifier, from T = 1")
      .x_label("iteration").y_label("cross entropy").log_x().y_range(0, 0.45).legend(cs::Legend::top_right)
      .line(trained.iteration, trained.training, {.label = "training", .color = cs::Color::blue})
      .line(trained.iteration, trained.held_out, {.label = "held out", .color = cs::Color::vermillion})
      .horizontal(linear.cross_entropy(), {.label = "held out, linear", .color = cs::Color::black, .dash = cs::Dash::dotted, .width = 1.3});
  auto& errors = figure.panel("What a tolerance buys").x_label("rtol = atol").y_label("largest error of a probability").log_log();
  auto& costs = figure.panel("What a tolerance costs").x_label("rtol = atol").y_label("evaluations of f").log_log();
  for (std::size_t i = 0; i < methods.size(); ++i) {
    constexpr cs::Marker markers[] = {cs::Marker::circle, cs::Marker::square, cs::Marker::open_triangle};
    errors.line_points(tolerances, seen[i].col(3), {.label = methods[i], .marker = markers[i]});
    costs.line_points(tolerances, seen[i].col(0), {.label = methods[i], .marker = markers[i]});
  }
  errors.slope(1);

  MatrixXd table(tolerances.size(), 13);
  table << tolerances, seen[0], seen[1], seen[2];
  std::vector<std::string> columns{"rtol"};
  for (const char* method : methods)
    for (const char* what : {"_evaluations", "_accuracy", "_cross_entropy", "_error"}) columns.push_back(std::string(method) + what);
  cs::write_csv(out + "/learned_time_tolerances.csv", columns, table);
  std::printf("wrote %s/learned_time_tolerances.csv\n", out.c_str());
  for (const auto& path : figure.save(out + "/learned_time.svg")) std::printf("wrote %s\n", path.c_str());
  return sound ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "learned_time: %s\n", error.what());
  return 2;
}
