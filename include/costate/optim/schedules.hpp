#pragma once
// Learning rates as pure functions of the iteration 0, 1, 2, …: `adam.set_learning_rate(schedule(i));`. Being pure, a schedule
// needs no checkpoint. ReduceOnPlateau alone has a state, because it listens to the loss.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include <costate/optim/parameters.hpp>

namespace costate::optim {

namespace detail {

inline void check_count(const char* name, std::int64_t n, std::int64_t least) {
  if (n < least) fail<OptionError>(name, " must be at least ", least, ", but it is ", n, ".");
}
/// A factor of (0, 1].
inline void check_shrink(double x) {
  if (!(0 < x && x <= 1)) fail<OptionError>("factor must be positive and at most 1, but it is ", x, ".");
}

}  // namespace detail

struct ConstantRateOptions {
  double learning_rate = 1e-3;
};

/// Always the same rate.
class ConstantRate {
 public:
  explicit ConstantRate(ConstantRateOptions options = {}) : options_(options) {
    detail::check_learning_rate(options.learning_rate);
  }
  double operator()(std::int64_t) const { return options_.learning_rate; }

 private:
  ConstantRateOptions options_;
};

struct StepDecayOptions {
  double learning_rate = 1e-3;  ///< at the beginning
  double factor = 0.1;          ///< of (0, 1]
  std::int64_t every = 1000;    ///< iterations between multiplications by the factor
};

/// rate = learning_rate · factor^⌊i/every⌋.
class StepDecay {
 public:
  explicit StepDecay(StepDecayOptions options = {}) : options_(options) {
    detail::check_learning_rate(options.learning_rate);
    detail::check_shrink(options.factor);
    detail::check_count("every", options.every, 1);
  }
  double operator()(std::int64_t i) const {
    return options_.learning_rate * std::pow(options_.factor, static_cast<double>(i / options_.every));
  }

 private:
  StepDecayOptions options_;
};

struct ExponentialDecayOptions {
  double learning_rate = 1e-3;  ///< at the beginning
  double factor = 0.999;        ///< per iteration, of (0, 1]
};

/// rate = learning_rate · factorⁱ.
class ExponentialDecay {
 public:
  explicit ExponentialDecay(ExponentialDecayOptions options = {}) : options_(options) {
    detail::check_learning_rate(options.learning_rate);
    detail::check_shrink(options.factor);
  }
  double operator()(std::int64_t i) const { return options_.learning_rate * std::pow(options_.factor, static_cast<double>(i)); }

 private:
  ExponentialDecayOptions options_;
};

struct CosineDecayOptions {
  double learning_rate = 1e-3;  ///< the highest
  std::int64_t iterations = 1000;
  std::int64_t warmup = 0;  ///< iterations of linear growth before the decay, fewer than `iterations`
  double final_rate = 0;    ///< from `iterations` on
};

/// Linear growth from learning_rate/warmup, then half a cosine down to final_rate: Loshchilov & Hutter, "SGDR: stochastic
/// gradient descent with warm restarts" (ICLR 2017), equation 5, without restarts.
class CosineDecay {
 public:
  explicit CosineDecay(CosineDecayOptions options = {}) : options_(options) {
    detail::check_learning_rate(options.learning_rate);
    detail::check_learning_rate(options.final_rate);
    detail::check_count("iterations", options.iterations, 1);
    detail::check_count("warmup", options.warmup, 0);
    if (options.warmup >= options.iterations)
      detail::fail<OptionError>("warmup must be less than iterations, but they are ", options.warmup, " and ", options.iterations,
                                ".");
  }
  double operator()(std::int64_t i) const {
    const auto& o = options_;
    if (i < o.warmup) return o.learning_rate * static_cast<double>(i + 1) / static_cast<double>(o.warmup);
    if (i >= o.iterations) return o.final_rate;
    const double progress = static_cast<double>(i - o.warmup) / static_cast<double>(o.iterations - o.warmup);
    return o.final_rate + (o.learning_rate - o.final_rate) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  }

 private:
  CosineDecayOptions options_;
};

struct ReduceOnPlateauOptions {
  double learning_rate = 1e-3;  ///< at the beginning
  double factor = 0.1;          ///< of (0, 1]
  std::int64_t patience = 10;   ///< losses without improvement that are tolerated
  double threshold = 1e-4;      ///< an improvement is a loss below best − threshold·|best|
  double minimum = 0;           ///< the rate never falls below
};

/// Multiplies the rate by `factor` when more than `patience` losses in a row have brought no improvement:
/// `adam.set_learning_rate(plateau(loss));`. A copy is a checkpoint.
class ReduceOnPlateau {
 public:
  explicit ReduceOnPlateau(ReduceOnPlateauOptions options = {}) : options_(options), rate_(options.learning_rate) {
    detail::check_learning_rate(options.learning_rate);
    detail::check_learning_rate(options.minimum);
    detail::check_shrink(options.factor);
    detail::check_count("patience", options.patience, 0);
    if (!(options.threshold >= 0 && options.threshold < 1))
      detail::fail<OptionError>("threshold must be at least 0 and less than 1, but it is ", options.threshold, ".");
  }

  /// Hears one loss, returns the rate to use from now on. Throws NonFiniteError for a NaN, and ignores it.
  double operator()(double loss) {
    if (std::isnan(loss)) detail::fail<NonFiniteError>("ReduceOnPlateau was given a loss that is NaN.");
    if (!seen_ || !std::isfinite(best_) || loss < best_ - options_.threshold * std::abs(best_)) {
      seen_ = true, best_ = loss, without_improvement_ = 0;
    } else if (++without_improvement_ > options_.patience) {
      rate_ = std::min(rate_, std::max(options_.minimum, rate_ * options_.factor));
      without_improvement_ = 0;
    }
    return rate_;
  }

  double learning_rate() const { return rate_; }
  double best() const { return best_; }

 private:
  ReduceOnPlateauOptions options_;
  double rate_, best_ = std::numeric_limits<double>::infinity();
  bool seen_ = false;
  std::int64_t without_improvement_ = 0;
};

}  // namespace costate::optim
