// How accurate is each method for a given step, tolerance and cost?
//
//   accuracy [--quick] [--out folder] [--update file]
//
// Fixed-step methods over halvings of the step, adaptive ones over tolerances, on the problems of problems.hpp, beside peers where they
// are here (peers.hpp). An error is the largest over 100 equally spaced times, served by interpolation, and the one at the end, both in
// the maximum norm. Writes accuracy.csv, the tables accuracy.md and pictures; --update puts the tables between the marks of a file. The
// exit status is non-zero where Adams takes more evaluations than it may, beside CVODE's Adams methods at equal error.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <sstream>

#include "contest.hpp"
#include "report.hpp"

namespace {

using namespace accuracy;

std::string tables(const std::vector<Contest>& all) {
  std::ostringstream out;
  out << "Evaluations of f until the largest error is 1e-3 · 1e-6 · 1e-9 (in the maximum norm, over 100 times; –: not\nreached, or met by the coarsest step or loosest tolerance already;\n"
         "GSL, which has no interpolant: the error at the end; `AdamsMoulton<7>`, `AdamsMoulton<8>`: also of outputs inside their first steps, of order 4):\n\n"
      << work_table(all, [](const Point& p) { return p.evaluations; })
      << "\nMicroseconds of the solve until then, without the 100 outputs:\n\n"
      << work_table(all, [](const Point& p) { return p.nanoseconds / 1000; })
      << "\nThe order of the error at the end, median over halvings of the step (–: fewer than three with largest\nerrors between 1e-2 and 1e-11; coarse steps are not asymptotic yet):\n\n"
      << order_table(all);
  if (!all.front().over_cvode.empty())
    out << "\nEvaluations of `Adams` over those of CVODE's Adams methods at equal largest error (ten tolerances to a decade on both sides; a\n"
           "straight line through the logarithms within half a decade of the error; –: not reached; bound: what it may take):\n\n"
        << comparison_table(all);
  return out.str();
}

}  // namespace

int main(int argc, char** argv) try {
  bool quick = false;
  std::string out = ".", update;
  CLI::App app("Accuracy against step size, tolerance and cost.");
  app.add_flag("--quick", quick, "few and coarse steps, loose tolerances");
  app.add_option("--out", out, "folder for the tables and the pictures")->capture_default_str();
  app.add_option("--update", update, "file to write the tables in, between <!-- accuracy: begin --> and <!-- accuracy: end -->");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(out);

  std::vector<Contest> all;
  const auto take = [&](const char* name, Contest (*measure)(bool)) {
    std::printf("measuring %s\n", name);
    std::fflush(stdout);
    all.push_back(measure(quick));
    draw(all.back(), out);
    draw_orders(all.back(), out);
  };
#define ACCURACY_MEASURE(problem) take(#problem, &measure_##problem);
  ACCURACY_PROBLEMS(ACCURACY_MEASURE)

  for (const Contest& c : all) {
    if (c.problem.rfind("Kepler", 0) == 0 || c.problem.rfind("Arenstorf", 0) == 0) print_history(c);
    draw_history(c, out);
  }

  const std::string text = tables(all);
  std::printf("\n%s\n", text.c_str());
  std::ofstream(out + "/accuracy.md") << text;
  write_csv(all, out + "/accuracy.csv");
  if (!update.empty()) write_between_marks(update, "accuracy", text);
  write_history(all, out + "/history.csv");
  return std::all_of(all.begin(), all.end(), [](const Contest& c) { return few_evaluations(c); }) ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "accuracy: %s\n", e.what());
  return 1;
}
