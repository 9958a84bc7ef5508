// Batches: component by component in memory, one step for all, the worst sample decides.

#include <vector>

#include <costate/ode/dopri5.hpp>

#include "../catch.hpp"
#include "problems.hpp"

namespace cs = costate;
using Batch = Eigen::VectorXd;

namespace {

// y'' = −ω² y per sample, ω = 1 + sample; rows 0 and 1 of B contiguous numbers each.
struct Oscillators {
  Eigen::Index samples;
  void operator()(double, const Batch& y, Batch& dydt) const {
    for (Eigen::Index b = 0; b < samples; ++b) {
      const double omega = 1.0 + static_cast<double>(b);
      dydt[b] = y[samples + b];
      dydt[samples + b] = -omega * omega * y[b];
    }
  }
};

Batch start(Eigen::Index samples) {
  Batch y(2 * samples);
  y.head(samples).setOnes();
  y.tail(samples).setZero();
  return y;
}

}  // namespace

TEST_CASE("every sample of a batch meets the tolerance", "[ode]") {
  const Eigen::Index samples = 16;
  cs::Engine<cs::Dopri5, Batch, Oscillators> e(cs::Dopri5{}, Oscillators{samples}, {2, samples}, {.rtol = 1e-8, .atol = 1e-8});
  e.reset(0.0, start(samples));
  e.advance_to(1.0);
  for (Eigen::Index b = 0; b < samples; ++b)
    CHECK_THAT(e.y()[b], Catch::Matchers::WithinAbs(std::cos(1.0 + static_cast<double>(b)), 1e-7));
}

TEST_CASE("the norm is the worst sample's root mean square, or the batch's", "[ode]") {
  const Eigen::Index samples = 256;
  const Batch y = Batch::Zero(2 * samples);
  Batch error = Batch::Zero(2 * samples);
  error[3] = error[samples + 3] = 1;  // both components of one sample, in units of atol
  cs::ScaledNorm<Batch> worst({2, samples}, {.rtol = 0.0, .atol = 1.0});
  cs::ScaledNorm<Batch> mean({2, samples}, {.rtol = 0.0, .atol = 1.0, .norm = cs::ErrorNorm::mean_over_batch});
  CHECK_THAT(worst(error, y, y), Catch::Matchers::WithinRel(1.0, 1e-14));
  CHECK_THAT(mean(error, y, y), Catch::Matchers::WithinRel(1.0 / 16, 1e-14));
}

TEST_CASE("norm_rows leaves the later components out", "[ode]") {
  const Eigen::Index samples = 3;
  const Batch y = Batch::Zero(2 * samples);
  Batch error = Batch::Ones(2 * samples);
  error.tail(samples).setConstant(1e9);
  const auto norm = GENERATE(cs::ErrorNorm::max_over_samples, cs::ErrorNorm::mean_over_batch);
  cs::ScaledNorm<Batch> restricted({2, samples}, {.rtol = 0.0, .atol = 1.0, .norm = norm, .norm_rows = 1});
  CHECK_THAT(restricted(error, y, y), Catch::Matchers::WithinRel(1.0, 1e-14));

  const Eigen::Vector2d one(1, 1e9), zero(0, 0);
  cs::ScaledNorm<Eigen::Vector2d> sample({2, 1}, {.rtol = 0.0, .atol = 1.0, .norm_rows = 1});
  CHECK_THAT(sample(one, zero, zero), Catch::Matchers::WithinRel(1.0, 1e-14));
}

TEST_CASE("a NaN in any one sample is seen", "[ode]") {
  const Eigen::Index samples = 5;
  const Batch y = Batch::Zero(2 * samples);
  for (Eigen::Index i = 0; i < 2 * samples; ++i) {
    Batch error = Batch::Zero(2 * samples);
    error[i] = std::nan("");
    cs::ScaledNorm<Batch> norm({2, samples}, {});
    CHECK(std::isnan(norm(error, y, y)));
    CHECK(!cs::detail::all_finite(error));
    error[i] = HUGE_VAL;
    CHECK(!cs::detail::all_finite(error));
  }
}
