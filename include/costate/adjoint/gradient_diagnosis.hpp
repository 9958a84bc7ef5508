#pragma once
// How a gradient's error is found and its cause named.
//
// The gradient g₀ as asked for stands against g₁, of the same loss with all tolerances a sixteenth or all fixed steps halved: their distance
// is g₀'s error but for g₁'s own, some fifteenth of it, in full and not along one direction. With the backward pass alone made finer it falls
// into two shares. What both gradients have wrong is seen by differences of the loss along a direction v of random signs, which has
// E (δgᵀv)² = ‖δg‖² (M. F. Hutchinson, Commun. Stat. Simul. Comput. 19 (1990) 433–450); they look at values, which nothing is hidden from.
//
// A cause is named only where the error exceeds the accuracy asked for: a reconstruction that stays lost with finer tolerances; differences
// that contradict the gradient by more than five times their doubt, where f jumps on the way, or else something is hidden; an error that falls
// too slowly for a smooth f, where f has a kink; else the tolerance.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <costate/adjoint/directional_difference.hpp>
#include <costate/adjoint/gradient_certificate.hpp>
#include <costate/adjoint/smoothness_scan.hpp>
#include <costate/adjoint/solve_watch.hpp>

namespace costate::detail {

/// A loss and its arguments, without their types. Numbers of all arguments lie one after the other.
struct GradientProblem {
  using Numbers = std::vector<double>;

  std::vector<std::size_t> ends;  ///< where each argument's numbers end
  Numbers scale;                  ///< their sizes
  SolveWatch* watch = nullptr;
  /// The loss with the arguments moved, its gradient where wanted; `look` is called while the tape's record lives.
  std::function<double(const Numbers& shift, Numbers* gradient, const std::function<void()>& look)> evaluate;

  [[nodiscard]] std::size_t size() const { return scale.size(); }
};

/// In the scalar type S.
template <class S>
class GradientDiagnosis {
  static constexpr double epsilon = static_cast<double>(std::numeric_limits<S>::epsilon());
  using Numbers = GradientProblem::Numbers;

 public:
  GradientDiagnosis(GradientProblem& problem, const CertificateOptions& options) : p_(problem), seed_(options.seed) {
    c_.accuracy = options.accuracy;
  }

  GradientCertificate operator()() {
    measure_tolerances();
    if (reference_) contradict();
    share_out();
    judge();
    return c_;
  }

 private:
  // Gradients by their levels; lengths and products in units of the arguments' sizes.

  std::optional<Numbers> gradient(int forward, int backward) {
    Numbers g;
    p_.watch->begin(forward, backward);
    const double value = p_.evaluate({}, &g, {});
    value_ = value;
    for (std::size_t i = 0; i < g.size(); ++i) g[i] *= p_.scale[i];
    if (!std::isfinite(value) || !std::isfinite(length(g))) {
      failure_ = std::isfinite(value) ? "the gradient contains NaN or infinity" : "the loss is not finite";
      return std::nullopt;
    }
    return g;
  }
  std::optional<Numbers> finer_gradient(int forward, int backward) {
    try {
      return gradient(forward, backward);
    } catch (const Error& e) {
      failure_ = e.what();
      return std::nullopt;
    }
  }
  static double length(const Numbers& g) {
    double sum = 0;
    for (const double x : g) sum += x * x;
    return std::sqrt(sum);
  }
  static double distance(const Numbers& a, const Numbers& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
  }
  [[nodiscard]] double sign(std::size_t i) const {
    std::uint64_t z = (static_cast<std::uint64_t>(seed_) << 32) + i + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z >> 63) != 0 ? 1 : -1;
  }
  [[nodiscard]] double along(const Numbers& g, std::size_t begin, std::size_t end) const {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += g[i] * sign(i);
    return sum;
  }

  /// The loss at the level of the reference, moved by h along the signs of the numbers begin … end − 1, or of all the others.
  double moved(double h, std::size_t begin, std::size_t end, bool others = false) const {
    Numbers shift(p_.size(), 0.0);
    for (std::size_t i = 0; i < shift.size(); ++i)
      if ((begin <= i && i < end) != others) shift[i] = h * sign(i) * p_.scale[i];
    p_.watch->begin(level_, level_);
    return p_.evaluate(shift, nullptr, {});
  }
  [[nodiscard]] Difference difference(std::size_t begin, std::size_t end, double first = 1.0 / 32) const {
    return directional_difference([&](double h) { return moved(h, begin, end); }, first, c_.accuracy / 4 * length(*reference_),
                                  4 * epsilon * std::abs(value_));
  }

  // What there is to see.

  void measure_tolerances() {
    std::optional<Numbers> given;
    try {
      given = gradient(0, 0);
    } catch (const Error& e) {
      failure_ = e.what();
      p_.watch->begin(0, 0);
      value_ = p_.evaluate({}, nullptr, {});  // throws what is not of the backward pass
      thrown_ = true;
    }
    c_.value = value_;
    solves_ = p_.watch->solves;
    c_.reconstruction = p_.watch->reconstruction;
    reference_ = given;
    given_ = given;
    if (solves_.empty() || (!given && !thrown_)) return;

    continuous_ = std::any_of(solves_.begin(), solves_.end(), [](const WatchedSolve& s) { return s.continuous; });
    for (const WatchedSolve& s : solves_) order_ = s.adaptive ? order_ : std::min(order_, s.order);
    const double falls = expected_fall(), whole = falls / (falls - 1);
    const auto fine = finer_gradient(1, 1);
    finer_reconstruction_ = p_.watch->reconstruction;
    if (!fine) {
      unresolved_ = true;
      return;
    }
    reference_ = fine;
    level_ = 1;
    const double size = std::max(length(*fine), std::numeric_limits<double>::min());
    if (!given) return;
    c_.error = c_.discretisation = whole * distance(*given, *fine) / size;
    residual_ = c_.error / falls;
    if (continuous_)
      if (const auto backward = finer_gradient(0, 1)) {
        c_.backward = whole * distance(*given, *backward) / size;
        c_.discretisation = whole * distance(*backward, *fine) / size;
      }
    if (c_.error > c_.accuracy)
      if (const auto finest = finer_gradient(2, 2)) {
        reference_ = finest;
        level_ = 2;
        residual_ = distance(*fine, *finest) / std::max(length(*finest), std::numeric_limits<double>::min());
        fall_ = (c_.error / whole) / residual_;
      }
  }

  void contradict() {
    difference_ = difference(0, p_.size());
    contradiction_ = std::abs(difference_.slope - along(*reference_, 0, p_.size()));
    const double size = std::max({length(*reference_), epsilon * std::abs(value_), std::numeric_limits<double>::min()});
    c_.difference = std::isfinite(contradiction_) ? contradiction_ / size : 0;
    c_.doubt = difference_.doubt / size;
    if (length(*reference_) == 0 && !(contradiction_ > 5 * difference_.doubt)) c_.difference = c_.doubt = 0;
    const double least = std::max({c_.accuracy, 3 * residual_, 1e4 * epsilon});
    contradicted_ = contradiction_ > 5 * difference_.doubt && c_.difference > least;
    if (!contradicted_) return;
    // an unlucky table may settle on the wrong number, but not twice
    const Difference again = difference(0, p_.size(), 1.0 / 45);
    contradicted_ = std::abs(again.slope - along(*reference_, 0, p_.size())) > std::max(5 * again.doubt, least * size);
  }

  /// The error in all, where differences know more.
  void share_out() {
    if (!given_) {
      c_.error = std::numeric_limits<double>::infinity();
      return;
    }
    if (std::isnan(c_.error)) c_.error = 0;
    lost_ = is_lost();
    if (!lost_ && !contradicted_) return;
    const double wrong = std::abs(difference_.slope - along(*given_, 0, p_.size()));
    const double size = lost_ ? std::abs(difference_.slope) : std::hypot(length(*reference_), contradiction_);
    if (std::isfinite(wrong) && size > 0) c_.error = std::max(c_.error, wrong / size);
  }

  [[nodiscard]] bool is_lost() const {
    if (std::none_of(solves_.begin(), solves_.end(), [](const WatchedSolve& s) { return s.reconstructs; })) return false;
    if (thrown_) return unresolved_ || finer_reconstruction_ > 0.1;
    const bool wrong = contradicted_ || c_.error > c_.accuracy || unresolved_;
    if (!wrong || !(c_.reconstruction > c_.accuracy)) return false;
    if (unresolved_ || finer_reconstruction_ > 0.1) return true;
    // what a sound one misses the state by falls with the tolerance, and is within three digits of it
    return finer_reconstruction_ > std::max({c_.accuracy, c_.reconstruction / 4, 1e3 * std::ldexp(coarsest().rtol, -4)});
  }

  // What to call it.

  void judge() {
    if (thrown_) lost_ = is_lost();
    if (lost_) return say_lost();
    if (!given_ && (!thrown_ || unresolved_)) return say(GradientFault::undetermined, failure_);
    if (contradicted_) {
      const Roughness rough = scan();
      const bool explained = rough.kind == Roughness::Kind::jump || (rough.kind == Roughness::Kind::kink && c_.difference < kink_error());
      return explained ? say_rough(rough) : say_hidden();
    }
    if (!unresolved_ && name_unseen()) return;
    if (unresolved_)
      return say(GradientFault::undetermined, "with tolerances or steps made finer the loss or its gradient fails, so that this one's error is not known: " + failure_);
    if (c_.error > c_.accuracy) {
      const Roughness rough = scan();
      if (rough.kind == Roughness::Kind::jump || (rough.kind == Roughness::Kind::kink && slow())) return say_rough(rough);
      return say_loose();
    }
    say_sound();
  }

  /// How much less a gradient's error is at the next level, of a smooth f.
  [[nodiscard]] double expected_fall() const { return order_ < 30 ? std::ldexp(1.0, order_) : 16; }

  /// Much less: irregular steps may lose a factor of two on smooth ones, a kink leaves the root of it.
  [[nodiscard]] bool slow() const { return fall_ > 0 && fall_ < 0.4 * expected_fall(); }
  /// What a kink may make of an error: of adaptive steps some multiple of the tolerance's root, with which the step across it goes.
  [[nodiscard]] double kink_error() const {
    double rtol = 0;
    for (const WatchedSolve& s : solves_) rtol = std::max(rtol, s.adaptive ? s.rtol : 0);
    return std::max(c_.error, 30 * std::sqrt(std::ldexp(rtol, -4 * level_)));
  }

  Roughness scan() {
    Roughness worst;
    p_.watch->begin(0, 0);
    p_.evaluate({}, nullptr, [&] {
      for (const WatchedSolve& solve : p_.watch->solves) worst = std::max(worst, SmoothnessScan<S>(solve)());
    });
    return worst;
  }

  /// An argument whose gradient is exactly zero, and whose numbers the loss does not change with at all.
  bool name_unseen() {
    std::size_t begin = 0;
    for (std::size_t k = 0; k < p_.ends.size(); begin = p_.ends[k++]) {
      const std::size_t end = p_.ends[k];
      if (begin == end || std::any_of(reference_->begin() + static_cast<std::ptrdiff_t>(begin), reference_->begin() + static_cast<std::ptrdiff_t>(end),
                                      [](double g) { return g != 0; }))
        continue;
      const auto changes = [&](double h) { return moved(h, 0, p_.size()) != moved(h, begin, end, true); };
      if (changes(1.0 / 32) || changes(-1.0 / 32)) continue;
      std::ostringstream m;
      m << "the gradient by " << argument(k) << " is exactly zero, and the loss does not change with it at all. If it should, the dynamics has captured a copy "
        << "of it: give it to odeint as theta, and let f take it from there";
      say(GradientFault::hidden_dependence, m.str());
      return true;
    }
    return false;
  }

  std::string argument(std::size_t k) const { return p_.ends.size() == 1 ? "the argument" : "argument " + std::to_string(k + 1) + " of " + std::to_string(p_.ends.size()); }

  void say(GradientFault cause, std::string message) {
    c_.cause = cause;
    c_.message = std::move(message);
  }
  static std::ostringstream sentence() {
    std::ostringstream m;
    m.precision(2);
    return m;
  }
  [[nodiscard]] const WatchedSolve& coarsest() const {
    return *std::max_element(solves_.begin(), solves_.end(), [](const WatchedSolve& a, const WatchedSolve& b) { return a.rtol < b.rtol; });
  }

  void say_sound() {
    auto m = sentence();
    m << "its relative error is about " << c_.error;
    if (solves_.empty()) m << "; the loss calls no odeint on the tape, and there is nothing but its values to compare it with";
    else if (continuous_) m << " (" << c_.backward << " of the backward pass, " << c_.discretisation << " of the solve)";
    if (c_.doubt <= c_.accuracy) m << ". Differences of the loss agree to " << std::max(c_.difference, c_.doubt);
    else m << ". Differences of the loss are known to " << c_.doubt << " only: what is hidden from the tape and smaller would not be seen";
    if (std::any_of(solves_.begin(), solves_.end(), [](const WatchedSolve& s) { return s.finest; }))
      m << ". The tolerance is the scalar type's finest: its share is not known";
    say(GradientFault::none, m.str());
  }

  void say_lost() {
    auto m = sentence();
    const auto it = std::find_if(solves_.begin(), solves_.end(), [](const WatchedSolve& s) { return s.continuous; });
    m << (it == solves_.end() ? "the adjoint" : it->adjoint) << " went backward to another state than the solve came from, ";
    if (!thrown_) m << "off by " << c_.reconstruction << " of its size, and finer tolerances do not bring it back";
    else m << "and with finer tolerances it does so, too";
    m << ": the dynamics contracts too strongly to be solved backward. Take InterpolatingAdjoint, CheckpointedAdjoint or DirectAdjoint, or ask for outputs "
         "in between";
    if (thrown_) m << " (" << failure_ << ')';
    else m << ". The gradient's relative error is about " << c_.error;
    say(GradientFault::lost_reconstruction, m.str());
  }

  void say_rough(const Roughness& r) {
    auto m = sentence();
    const bool jump = r.kind == Roughness::Kind::jump;
    c_.time = r.t;
    m << "the gradient's relative error is about " << c_.error << ", and component " << r.component << " of the dynamics ";
    if (r.sample > 0) m << "of sample " << r.sample << ' ';
    const auto precision = m.precision(6);
    m << (jump ? "jumps" : "has a kink") << " at t = " << r.t;
    m.precision(precision);
    if (jump) m << " by " << r.size << " of its size";
    if (jump && r.in_time) m << ", whatever the state. Give the time in SolveOptions::jump_times; if it depends on an argument, solve in two pieces";
    else if (jump) m << ": no gradient by steps sees how that time moves. Make it an event of odeint_with_events, or smooth the dynamics";
    else {
      if (slow()) m << ": with tolerances a sixteenth, or half the step, the error falls by " << fall_ << " instead of " << expected_fall();
      m << ". Smooth the dynamics, make the kink an event of odeint_with_events, or take much finer tolerances";
    }
    say(GradientFault::not_smooth, m.str());
  }

  void say_hidden() {
    std::size_t argument_found = 0, begin_found = 0, end_found = p_.size(), begin = 0;
    double worst = -1;
    for (std::size_t k = 0; k < p_.ends.size(); begin = p_.ends[k++]) {
      const double wrong = p_.ends.size() == 1 ? 0 : contradiction(begin, p_.ends[k]);
      if (wrong > worst) worst = wrong, argument_found = k, begin_found = begin, end_found = p_.ends[k];
    }
    const std::size_t first = begin_found;
    while (end_found - begin_found > 1) {
      const std::size_t middle = begin_found + (end_found - begin_found) / 2;
      (contradiction(begin_found, middle) >= contradiction(middle, end_found) ? end_found : begin_found) = middle;
    }
    const double by_values = difference(begin_found, end_found).slope * sign(begin_found) / p_.scale[begin_found];
    auto m = sentence();
    m << "the loss depends on " << argument(argument_found) << " in a way that the tape cannot see: by component " << begin_found - first
      << " its derivative is " << (*reference_)[begin_found] / p_.scale[begin_found] << ", and differences of the loss say " << by_values
      << ". The dynamics or the loss takes a number out of a variable (value(), a cast, a captured copy): give it to odeint as theta, and compute with the "
      << "variables themselves. The gradient's relative error is about " << c_.error;
    say(GradientFault::hidden_dependence, m.str());
  }
  [[nodiscard]] double contradiction(std::size_t begin, std::size_t end) const {
    const double wrong = std::abs(difference(begin, end).slope - along(*reference_, begin, end));
    return std::isfinite(wrong) ? wrong : 0;
  }

  static double one_digit(double x) {
    const double unit = std::pow(10.0, std::floor(std::log10(x)));
    return std::floor(x / unit) * unit;
  }
  void say_loose() {
    auto m = sentence();
    const WatchedSolve& s = coarsest();
    const bool backward = c_.backward > c_.discretisation;
    m << "the gradient's relative error is about " << c_.error << ", " << c_.accuracy << " is asked for; most of it comes from the "
      << (backward ? "backward pass" : "solve") << ". ";
    const double per_level = std::log(std::clamp(fall_ > 1 ? fall_ : expected_fall(), std::sqrt(expected_fall()), 1.5 * expected_fall()));
    const double levels = std::log(2 * c_.error / c_.accuracy) / per_level;
    if (!thrown_ && s.adaptive) {
      const double factor = std::exp2(-4 * levels), finest = 10 * epsilon;
      const double rtol = (backward ? s.backward_rtol : s.rtol) * factor, atol = (backward ? s.backward_atol : s.atol) * factor;
      if (rtol > 0 && rtol < finest) m << "No tolerance of this scalar type will do: take a wider one";
      else {
        m << "Tighten " << (backward ? s.adjoint : "SolveOptions") << "{";
        if (rtol > 0) m << ".rtol = " << one_digit(rtol) << (atol > 0 ? ", " : "");
        if (atol > 0) m << ".atol = " << one_digit(atol);
        m << "}";
      }
    } else if (!thrown_) {
      m << "Shorten the steps: " << (backward ? s.adjoint : "SolveOptions") << "{.step = " << one_digit((backward ? s.backward_step : s.step) * std::exp2(-levels)) << "}";
    } else {
      m << "With tolerances a sixteenth, or half the step, the state is found going backward: make them finer";
    }
    say(GradientFault::loose_tolerance, m.str());
  }

  GradientProblem& p_;
  unsigned seed_;
  GradientCertificate c_;
  std::vector<WatchedSolve> solves_;  // as given
  std::optional<Numbers> given_, reference_;
  int level_ = 0;        // of the reference
  int order_ = 30;       // the lowest of fixed steps
  bool continuous_ = false, thrown_ = false, unresolved_ = false, contradicted_ = false, lost_ = false;
  double residual_ = 0;  // the reference's own relative error, at most
  double fall_ = 0;      // by how much the error fell from the given level to the first; 0: not known
  double finer_reconstruction_ = 0, value_ = 0, contradiction_ = 0;
  Difference difference_;
  std::string failure_;
};

}  // namespace costate::detail
