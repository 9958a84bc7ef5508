#pragma once
// How a gradient's error is found and its cause named.
//
// The gradient g₀ as given stands against g₁, of the same loss with all tolerances a sixteenth or all fixed steps halved: their distance
// is g₀'s error but for g₁'s own, some fifteenth of it, in full and not along one direction. With the backward pass alone made finer it
// falls into two shares. What all gradients have wrong is seen by differences of the loss along one direction: they look at values, from
// which nothing is hidden.
//
// A cause is named only where the error exceeds the accuracy asked for: a reconstruction that stays lost with finer tolerances;
// differences that contradict the gradient by more than five times their doubt, where f jumps on the way, or else something is hidden; an
// error that falls too slowly for a smooth f, where f has a kink, and any where f jumps; else the tolerance.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include <costate/adjoint/gradient_findings.hpp>
#include <costate/adjoint/gradient_probe.hpp>

namespace costate::detail {

template <class S>
class GradientDiagnosis {
  using Probe = GradientProbe<S>;
  using Numbers = typename Probe::Numbers;

 public:
  GradientDiagnosis(const GradientProblem& problem, const CertificateOptions& options) : p_(problem), probe_(problem, options.seed) {
    c_.accuracy = options.accuracy;
    f_.arguments = problem.ends.size();
  }

  GradientDiagnosis(const GradientDiagnosis&) = delete;
  GradientDiagnosis& operator=(const GradientDiagnosis&) = delete;

  GradientCertificate operator()() {
    take_gradient();
    if (!f_.solves.empty() && (given_ || f_.thrown)) refine();
    if (reference_) contradict();
    c_.cause = cause();
    c_.error = error();
    c_.message = GradientReport<S>(f_)();
    return c_;
  }

 private:
  void take_gradient() {
    try {
      given_ = probe_.gradient(0, 0);
    } catch (const Error& e) {
      f_.failure = e.what();
      blew_up_ = dynamic_cast<const ReconstructionError*>(&e) != nullptr || dynamic_cast<const StepSizeError*>(&e) != nullptr ||
                 dynamic_cast<const TooManyStepsError*>(&e) != nullptr || !(p_.watch->reconstruction <= 0.1);
      if (!std::isfinite(probe_.value())) probe_.look({});  // throws what is not of the backward pass
      f_.thrown = std::isfinite(probe_.value());
    }
    c_.value = probe_.value();
    c_.reconstruction = p_.watch->reconstruction;
    f_.solves = p_.watch->solves;
    reference_ = given_;
  }

  std::optional<Numbers> finer(int forward, int backward) {
    try {
      return probe_.gradient(forward, backward);
    } catch (const Error& e) {
      f_.failure = e.what();
      return std::nullopt;
    }
  }
  static double relative(const Numbers& g, const Numbers& reference) {
    return Probe::distance(g, reference) / std::max(Probe::length(reference), std::numeric_limits<double>::min());
  }

  void refine() {
    int order = 0;
    for (const WatchedSolve& s : f_.solves)
      if (!s.adaptive) order = order == 0 ? s.order : std::min(order, s.order);
    if (order > 0) f_.expected_fall = std::ldexp(1.0, order);
    const double whole = f_.expected_fall / (f_.expected_fall - 1);
    const auto fine = finer(1, 1);
    finer_reconstruction_ = p_.watch->reconstruction;
    unresolved_ = !fine;
    if (unresolved_) return;
    reference_ = fine;
    level_ = 1;
    if (!given_) return;
    measured_ = c_.discretisation = whole * relative(*given_, *fine);
    residual_ = measured_ / f_.expected_fall;
    if (f_.continuous())
      if (const auto backward = finer(0, 1)) {
        const double unit = whole / std::max(Probe::length(*fine), std::numeric_limits<double>::min());
        c_.backward = unit * Probe::distance(*given_, *backward);
        c_.discretisation = unit * Probe::distance(*backward, *fine);
      }
    if (measured_ > c_.accuracy)
      if (const auto finest = finer(2, 2)) {
        residual_ = relative(*fine, *finest);
        f_.fall = measured_ / whole / residual_;
        measured_ = relative(*given_, *finest);
        reference_ = finest;
        level_ = 2;
      }
  }

  Difference difference(std::size_t begin, std::size_t end, double first = 1.0 / 32) const {
    return probe_.difference(level_, begin, end, c_.accuracy / 4 * Probe::length(*reference_), first);
  }
  [[nodiscard]] double contradiction(std::size_t begin, std::size_t end) const { return contradiction(difference(begin, end), begin, end); }
  [[nodiscard]] double contradiction(const Difference& d, std::size_t begin, std::size_t end) const {
    const double wrong = std::abs(d.slope - probe_.along(*reference_, begin, end));
    return std::isfinite(wrong) ? wrong : 0;
  }

  void contradict() {
    const std::size_t n = p_.size();
    difference_ = difference(0, n);
    const double length = Probe::length(*reference_), wrong = contradiction(difference_, 0, n);
    if (length == 0 && wrong <= 5 * difference_.doubt) {
      c_.doubt = 0;
      return;
    }
    const double size = std::max({length, Probe::epsilon * std::abs(c_.value), std::numeric_limits<double>::min()});
    const double least = std::max({c_.accuracy, 3 * residual_, 1e4 * Probe::epsilon});
    c_.difference = wrong / size;
    c_.doubt = difference_.doubt / size;
    if (!(wrong > 5 * difference_.doubt && c_.difference > least)) return;
    // an unlucky table may settle on a wrong number, but hardly twice
    const Difference again = difference(0, n, 1.0 / 45);
    contradicted_ = contradiction(again, 0, n) > std::max(5 * again.doubt, least * size);
    if (!contradicted_) return;
    // a loss with kinks has another slope afar: what is seen near by takes the accusation back, where it is seen well enough, and what it
    // still misses is in doubt
    const Difference near = difference(0, n, 1e-4);
    const double wrong_near = contradiction(near, 0, n);
    if (!(wrong_near + near.doubt < wrong / 2)) return;
    contradicted_ = false;
    difference_ = near;
    c_.difference = wrong_near / size;
    c_.doubt = std::max(near.doubt, wrong_near) / size;
  }

  GradientFault cause() {
    if (lost()) return GradientFault::lost_reconstruction;
    if (!given_ && (!f_.thrown || unresolved_)) return GradientFault::undetermined;
    const bool wrong = f_.thrown || measured_ > c_.accuracy;
    if (contradicted_ || wrong) f_.rough = scan();
    const bool jump = f_.rough.kind == Roughness::Kind::jump, kink = f_.rough.kind == Roughness::Kind::kink;
    c_.time = jump || kink ? f_.rough.t : c_.time;
    if (contradicted_) {
      if (jump || (kink && c_.difference < kink_error())) return GradientFault::not_smooth;
      find_hidden();
      return GradientFault::hidden_dependence;
    }
    if (unresolved_) return GradientFault::undetermined;
    if (find_unseen()) return GradientFault::hidden_dependence;
    if (!wrong) return GradientFault::none;
    return jump || (kink && f_.slow()) ? GradientFault::not_smooth : GradientFault::loose_tolerance;
  }

  [[nodiscard]] bool lost() const {
    if (std::none_of(f_.solves.begin(), f_.solves.end(), [](const WatchedSolve& s) { return s.reconstructs; })) return false;
    if (f_.thrown) return blew_up_ && (unresolved_ || finer_reconstruction_ > 0.1);
    const bool wrong = contradicted_ || measured_ > c_.accuracy || unresolved_;
    if (!wrong || !(c_.reconstruction > c_.accuracy)) return false;
    if (unresolved_ || finer_reconstruction_ > 0.1) return true;
    // what a sound one misses the state by falls with the tolerance, and is within three digits of it
    return finer_reconstruction_ > std::max({c_.accuracy, c_.reconstruction / 4, 1e3 * std::ldexp(f_.coarsest().rtol, -4)});
  }

  /// The error in all, where differences know more.
  [[nodiscard]] double error() const {
    if (!given_) return std::numeric_limits<double>::infinity();
    const bool is_lost = c_.cause == GradientFault::lost_reconstruction;
    if (is_lost || contradicted_) {
      const double wrong = std::abs(difference_.slope - probe_.along(*given_, 0, p_.size()));
      const double hidden = contradiction(difference_, 0, p_.size());
      const double size = is_lost ? std::abs(difference_.slope) : std::hypot(Probe::length(*reference_), hidden);
      return std::isfinite(wrong) && size > 0 ? std::max(measured_, wrong / size) : measured_;
    }
    return unresolved_ ? std::numeric_limits<double>::quiet_NaN() : measured_;
  }

  /// What a kink may make of an error: of adaptive steps some multiple of the tolerance's root, with which the step across it goes.
  [[nodiscard]] double kink_error() const {
    double rtol = 0;
    for (const WatchedSolve& s : f_.solves) rtol = std::max(rtol, s.adaptive ? s.rtol : 0);
    return std::max(measured_, 30 * std::sqrt(std::ldexp(rtol, -4 * level_)));
  }

  Roughness scan() {
    Roughness worst;
    probe_.look([&] {
      for (const WatchedSolve& solve : p_.watch->solves) worst = std::max(worst, SmoothnessScan<S>(solve)());
    });
    return worst;
  }

  /// The argument that differences contradict most, and the component there, by halving.
  void find_hidden() {
    double worst = -1;
    for (std::size_t k = 0; k < p_.ends.size(); ++k) {
      const std::size_t begin = p_.begin(k), end = p_.ends[k];
      const double wrong = p_.ends.size() == 1 ? 0 : contradiction(begin, end);
      if (wrong > worst) worst = wrong, f_.argument = k;
    }
    std::size_t begin = p_.begin(f_.argument), end = p_.ends[f_.argument];
    while (end - begin > 1) {
      const std::size_t middle = begin + (end - begin) / 2;
      (contradiction(begin, middle) >= contradiction(middle, end) ? end : begin) = middle;
    }
    f_.component = begin - p_.begin(f_.argument);
    f_.by_tape = (*reference_)[begin] / p_.scale[begin];
    f_.by_values = difference(begin, end).slope * probe_.sign(begin) / p_.scale[begin];
  }

  /// An argument whose gradient is exactly zero, and with which the loss does not change, wherever the others are.
  bool find_unseen() {
    for (std::size_t k = 0; k < p_.ends.size() && !f_.unseen; ++k) {
      const std::size_t begin = p_.begin(k), end = p_.ends[k];
      const auto changes = [&](double h) {  // or cannot be told
        for (int i = 0; i < 3; ++i, h /= 32) try {
            return probe_.moved(level_, h, 0, p_.size()) != probe_.moved(level_, h, begin, end, true);
          } catch (const Error&) {
          }
        return true;
      };
      bool zero = begin < end;
      for (std::size_t i = begin; i < end; ++i) zero &= (*reference_)[i] == 0;
      f_.unseen = zero && !changes(1.0 / 32) && !changes(-1.0 / 32);
      f_.argument = k;
    }
    return f_.unseen;
  }

  const GradientProblem& p_;
  Probe probe_;
  GradientFindings f_;
  GradientCertificate& c_ = f_.certificate;
  std::optional<Numbers> given_, reference_;
  int level_ = 0;                          // of the reference
  double measured_ = 0, residual_ = 0;     // the relative errors of the given gradient and of the reference, against finer ones
  double finer_reconstruction_ = 0;
  bool blew_up_ = false;                   // the backward pass failed as one does that goes astray
  bool unresolved_ = false;                // the finer gradient failed
  Difference difference_;
  bool contradicted_ = false;
};

}  // namespace costate::detail
