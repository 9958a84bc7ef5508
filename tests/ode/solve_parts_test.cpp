#include <costate/ode/solve_parts.hpp>

#include <costate/ode/adams.hpp>
#include <costate/ode/dopri5.hpp>
#include <costate/ode/rk4.hpp>

#include "catch.hpp"

namespace cs = costate;

namespace {

/// Two oscillators that do not know of each other: x'' = −x by one number and its slope, z'' = −w² z by two columns.
const auto oscillators = [](auto, const auto& state, const auto& w) {
  const auto& [x, v, z, u] = state;
  return cs::parts(v, -x, u, -w[0] * w[0] * z);
};
const Eigen::VectorXd many = Eigen::VectorXd::LinSpaced(400, 0.5, 1.0), nothing = Eigen::VectorXd::Zero(400);
const Eigen::Matrix<double, 1, 1> w(0.1);

template <class Run>
std::string message(const Run& run) {
  try {
    run();
  } catch (const cs::Error& e) {
    return e.what();
  }
  return "nothing was refused";
}
bool says(const std::string& text, const char* what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("a mixed state is solved as the same numbers written flat", "[ode]") {
  const auto mixed = [](auto t, const auto& state, const auto& p) {
    const auto& [x, m] = state;
    return cs::parts(cs::sin(x) * m, -p[0] * m * t);
  };
  const auto flat = [](auto t, const auto& y, const auto& p) {
    return cs::stack(cs::sin(y[0]) * y[6], cs::sin(y[1]) * y[6], cs::sin(y[2]) * y[6], cs::sin(y[3]) * y[6], cs::sin(y[4]) * y[6],
                     cs::sin(y[5]) * y[6], -p[0] * y[6] * t);
  };
  const Eigen::Matrix<double, 2, 3> x{{1, 2, 3}, {4, 5, 6}};
  const Eigen::Matrix<double, 7, 1> y0{1, 2, 3, 4, 5, 6, 0.5};
  const auto parts = cs::solve(mixed, cs::parts(x, 0.5), {0.0, 1.0, 2.0}, w, cs::Rk4{}, {.step = 0.1});
  const auto numbers = cs::solve(flat, y0, {0.0, 1.0, 2.0}, w, cs::Rk4{}, {.step = 0.1});
  for (std::size_t i = 0; i < 3; ++i) {
    const auto [xi, mi] = parts.y[i];
    const Eigen::Map<const Eigen::Matrix<double, 2, 3, Eigen::RowMajor>> x_flat(numbers.y[i].data());
    CHECK((xi - x_flat).norm() < 1e-14);  // packets and single numbers round alike but in the last bit
    CHECK(std::abs(mi - numbers.y[i][6]) < 1e-15);
  }
}

TEST_CASE("a number is not drowned by hundreds of others: the worst part decides", "[ode]") {
  const double exact = std::cos(20.0);
  const auto solve = [&](const auto& y0, const auto& method) {
    return cs::solve(oscillators, y0, {0.0, 20.0}, w, method, {.rtol = 1e-6, .atol = 1e-6});
  };
  const auto alone = cs::solve([](auto, const auto& y) { return cs::stack(y[1], -y[0]); }, Eigen::Vector2d(1.0, 0.0), {0.0, 20.0},
                               cs::Dopri5{}, {.rtol = 1e-6, .atol = 1e-6});
  const auto beside = solve(cs::parts(1.0, 0.0, many, nothing), cs::Dopri5{});
  const double error_alone = std::abs(alone.y.back()[0] - exact), error_beside = std::abs(std::get<0>(beside.y.back()) - exact);
  CHECK(error_beside < 2 * error_alone);
  const auto adams = solve(cs::parts(1.0, 0.0, many, nothing), cs::Adams{});
  CHECK(std::abs(std::get<0>(adams.y.back()) - exact) < 1e-3);
}

TEST_CASE("each part keeps its own tolerance", "[ode]") {
  const auto steps = [&](const cs::PartOptions& fast, const cs::PartOptions& slow) {
    const auto s =
        cs::solve(oscillators, cs::parts(cs::part(1.0, fast), cs::part(0.0, fast), cs::part(many, slow), cs::part(nothing, slow)),
                  {0.0, 20.0}, w, cs::Dopri5{}, {.rtol = 1e-9, .atol = 1e-9});
    return std::pair(s.stats.accepted, std::abs(std::get<0>(s.y.back()) - std::cos(20.0)));
  };
  const auto [all, fine] = steps({}, {});
  const auto [loose, coarse] = steps({.rtol = 1e-4, .atol = 1e-4}, {});
  const auto [same, also_fine] = steps({}, {.rtol = 1e-3, .atol = 1e-3});
  const auto [left_out, anything] = steps({.in_norm = false}, {});
  CHECK(fine < 1e-6);
  CHECK(also_fine < 1e-6);
  CHECK(2 * loose < all);
  CHECK(coarse > 10 * fine);
  CHECK(std::abs(static_cast<double>(same - all)) <= 0.05 * static_cast<double>(all));
  CHECK(2 * left_out < all);
}

TEST_CASE("dense output and integrators give parts", "[ode]") {
  const auto solution = cs::solve(oscillators, cs::parts(1.0f, 0.0f, Eigen::Vector3f(1, 2, 3), std::vector<float>{0, 0, 0}), {0.0, 2.0}, w,
                                  cs::Dopri5{}, {.dense = true});
  const auto [x, v, z, u] = solution(1.0);
  static_assert(std::is_same_v<decltype(z), const Eigen::Vector3f>);
  CHECK(std::abs(x - std::cos(1.0f)) < 1e-3f);
  CHECK((z - std::cos(0.1f) * Eigen::Vector3f(1, 2, 3)).norm() < 1e-3f);
  auto integrator = cs::make_integrator(oscillators, cs::parts(1.0, 0.0, many, nothing), 0.0, w, cs::Dopri5{}, {.rtol = 1e-8});
  integrator.advance_to(1.0);
  CHECK(std::abs(std::get<1>(integrator.y()) + std::sin(1.0)) < 1e-6);
}

TEST_CASE("what is wrong with a part is said of that part", "[ode]") {
  const auto solve = [](const auto& f, const auto& y0, const cs::SolveOptions& options = {}) {
    return message([&] { cs::solve(f, y0, {0.0, 1.0}, cs::Dopri5{}, options); });
  };
  const auto y0 = cs::parts(Eigen::Vector2d(1, 2), cs::part(1.0, {.name = "mass"}));
  const auto fine = [](auto, const auto& state) { return cs::parts(-std::get<0>(state), -std::get<1>(state)); };
  CHECK(says(solve([](auto, const auto& state) { return cs::parts(cs::stack(1.0, 2.0, 3.0), -std::get<1>(state)); },
                  cs::parts(Eigen::VectorXd::Ones(2), 1.0)), "3 x 1 values for part 0"));
  CHECK(says(solve([](auto, const auto& state) { return cs::parts(std::get<0>(state), std::get<0>(state)); }, y0),
             "2 x 1 values for part 1 (mass)"));
  CHECK(says(solve([](auto, const auto& state) { return cs::parts(-std::get<0>(state), cs::log(-std::get<1>(state))); }, y0),
             "part 1 (mass): the dynamics gives NaN"));
  CHECK(says(solve(fine, cs::parts(Eigen::Vector2d(1, NAN), 1.0)), "part 0 of the initial state"));
  CHECK(says(solve(fine, cs::parts(Eigen::Vector2d(1, 2), cs::part(1.0, {.name = "mass", .rtol = -1.0}))),
             "part 1 (mass): SolveOptions::rtol"));
  CHECK(says(message([&] { cs::solve(fine, cs::parts(Eigen::Vector2d(1, 2), cs::part(1.0, {.rtol = 1e-9})), {0.0, 1.0}, cs::Rk4{}); }),
             "PartOptions::rtol = 1e-09 for a method of fixed steps"));
  CHECK(says(solve(fine, cs::parts(Eigen::VectorXd(), 1.0)), "part 0 of the initial state is 0 x 1"));
  CHECK(says(solve(fine, y0, {.norm_rows = 1}), "this state has parts"));
  const cs::PartOptions out{.in_norm = false};
  CHECK(
      says(solve(fine, cs::parts(cs::part(Eigen::Vector2d(1, 2), out), cs::part(1.0, out))), "no part of the state is in the error norm"));
}
