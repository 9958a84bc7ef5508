#pragma once
// What a diagnosis (gradient_diagnosis.hpp) found, and how it is said.

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <costate/adjoint/gradient_certificate.hpp>
#include <costate/adjoint/smoothness_scan.hpp>
#include <costate/adjoint/solve_watch.hpp>

namespace costate::detail {

struct GradientFindings {
  GradientCertificate certificate;
  std::vector<WatchedSolve> solves;  ///< as given
  double expected_fall = 16;         ///< how much less the error of a smooth problem is at the next level
  double fall = 0;                   ///< and how much less it was; 0: not known
  bool thrown = false;               ///< the backward pass failed
  std::string failure;               ///< what it, or a finer solve, said
  Roughness rough;

  // of a hidden dependence
  std::size_t arguments = 1, argument = 0, component = 0;
  bool unseen = false;  ///< the loss does not change with the argument at all
  double by_tape = 0, by_values = 0;

  /// The error falls much less than of a smooth problem, where irregular steps may lose a factor of two; a kink leaves the root of it.
  [[nodiscard]] bool slow() const { return fall > 0 && fall < 0.4 * expected_fall; }
  [[nodiscard]] bool continuous() const {
    return std::any_of(solves.begin(), solves.end(), [](const WatchedSolve& s) { return s.continuous; });
  }
  /// The solve of the loosest tolerance; where there are none of tolerance, of the longest step.
  [[nodiscard]] const WatchedSolve& coarsest() const {
    const auto less = [](const WatchedSolve& a, const WatchedSolve& b) {
      return a.adaptive != b.adaptive ? b.adaptive : a.adaptive ? a.rtol < b.rtol : a.step < b.step;
    };
    return *std::max_element(solves.begin(), solves.end(), less);
  }
};

/// The sentences of a certificate.
template <class S>
class GradientReport {
 public:
  explicit GradientReport(const GradientFindings& findings) : f_(findings), c_(findings.certificate) { m_.precision(2); }

  std::string operator()() {
    switch (c_.cause) {
      case GradientFault::none: sound(); break;
      case GradientFault::loose_tolerance: loose(); break;
      case GradientFault::lost_reconstruction: lost(); break;
      case GradientFault::not_smooth: rough(); break;
      case GradientFault::hidden_dependence: f_.unseen ? unseen() : hidden(); break;
      case GradientFault::undetermined: undetermined(); break;
    }
    return m_.str();
  }

 private:
  void sound() {
    m_ << "its relative error is about " << c_.error;
    if (f_.solves.empty()) m_ << "; the loss calls no odeint on the tape, and there is nothing but its values to compare it with";
    else if (f_.continuous()) m_ << " (" << c_.backward << " of the backward pass, " << c_.discretisation << " of the solve)";
    if (c_.doubt <= c_.accuracy) m_ << ". Differences of the loss agree to " << std::max(c_.difference, c_.doubt);
    else m_ << ". Differences of the loss are known to " << c_.doubt << " only: what is hidden from the tape and smaller would not be seen";
    if (std::any_of(f_.solves.begin(), f_.solves.end(), [](const WatchedSolve& s) { return s.finest; }))
      m_ << ". The tolerance is the scalar type's finest: its share is not known";
  }

  void loose() {
    const WatchedSolve& s = f_.coarsest();
    if (f_.thrown) {
      m_ << "the backward pass fails, and with tolerances a sixteenth or half the step it does not: make them finer (" << f_.failure << ')';
      return;
    }
    const bool backward = c_.backward > c_.discretisation;
    m_ << "the gradient's relative error is about " << c_.error << ", " << c_.accuracy << " is asked for; most of it comes from the "
       << (backward ? "backward pass" : "solve") << ". ";
    const double least = std::sqrt(f_.expected_fall), most = 1.5 * f_.expected_fall;
    const double fall = f_.fall > 0 ? std::clamp(f_.fall, least, most) : f_.expected_fall;
    const double levels = std::log(2 * c_.error / c_.accuracy) / std::log(fall);
    const char* const options = backward ? s.adjoint : "SolveOptions";
    if (!s.adaptive) {
      const double step = (backward ? s.backward_step : s.step) * std::exp2(-levels);
      m_ << "Shorten the steps to " << options << "{.step = " << one_digit(step) << "}";
      return;
    }
    const double factor = std::exp2(-4 * levels), finest = 10 * static_cast<double>(std::numeric_limits<S>::epsilon());
    const double given = backward ? s.backward_rtol : s.rtol, rtol = given * factor, atol = (backward ? s.backward_atol : s.atol) * factor;
    bool own = false;
    double coarsest = given;
    for (const WatchedSolve& solve : f_.solves) {
      own |= solve.own_tolerances;
      coarsest = std::max(coarsest, solve.own_rtol);
    }
    if (coarsest > 0 && coarsest * factor < finest) {
      m_ << "No tolerance of this scalar type will do: take a wider one";
      return;
    }
    m_ << "Tighten the tolerances to " << options << "{";
    if (rtol > 0) m_ << ".rtol = " << std::min(std::max(one_digit(rtol), one_digit(2 * finest)), given) << (atol > 0 ? ", " : "");
    if (atol > 0) m_ << ".atol = " << one_digit(atol);
    m_ << "}";
    if (own) m_ << ", and those that parts or costs have of their own by a factor of " << factor;
  }

  void lost() {
    const auto it = std::find_if(f_.solves.begin(), f_.solves.end(), [](const WatchedSolve& s) { return s.reconstructs; });
    m_ << it->adjoint << " went backward to another state than the solve came from, ";
    if (f_.thrown) m_ << "and with tolerances a sixteenth, or half the step, it does so, too";
    else m_ << "off by " << c_.reconstruction << " of its size, and tolerances a sixteenth, or half the step, do not bring it back";
    m_ << ": the dynamics contracts too strongly to be solved backward. Take InterpolatingAdjoint, CheckpointedAdjoint or DirectAdjoint, "
          "or ask for outputs in between";
    if (f_.thrown) m_ << " (" << f_.failure << ')';
    else m_ << ". The gradient's relative error is about " << c_.error;
  }

  void rough() {
    const bool jump = f_.rough.kind == Roughness::Kind::jump;
    if (f_.thrown) m_ << "the backward pass fails (" << f_.failure << ')';
    else m_ << "the gradient's relative error is about " << c_.error;
    m_ << ", and component " << f_.rough.component << " of the dynamics ";
    if (f_.rough.sample > 0) m_ << "of sample " << f_.rough.sample << ' ';
    m_.precision(6);
    m_ << (jump ? "jumps" : "has a kink") << " at t = " << f_.rough.t;
    m_.precision(2);
    if (jump) m_ << " by " << f_.rough.size << " of its size";
    if (jump && f_.rough.in_time) {
      m_ << ", whatever the state. Give the time in SolveOptions::jump_times; if it depends on an argument, solve in two pieces";
    } else if (jump) {
      m_ << ": no gradient by steps sees how that time moves. Make it an event of odeint_with_events, or smooth the dynamics";
    } else {
      if (f_.slow())
        m_ << ": with tolerances a sixteenth, or half the step, the error falls by " << f_.fall << " instead of " << f_.expected_fall;
      m_ << ". Smooth the dynamics, make the kink an event of odeint_with_events, "
         << (f_.continuous() ? "or take finer tolerances" : "or take BacksolveAdjoint or InterpolatingAdjoint, whose own steps see it");
    }
  }

  std::string argument() const {
    if (f_.arguments == 1) return "the argument";
    return "argument " + std::to_string(f_.argument + 1) + " of " + std::to_string(f_.arguments);
  }
  void hidden() {
    m_ << "the loss depends on " << argument() << " in a way that the tape cannot see: by component " << f_.component
       << " its derivative is " << f_.by_tape << ", and differences of the loss say " << f_.by_values
       << ". The dynamics or the loss takes a number out of a variable (value(), a cast, a captured copy): give it to odeint as theta, and "
          "compute with the variables themselves. The gradient's relative error is about "
       << c_.error;
  }
  void unseen() {
    m_ << "the gradient by " << argument() << " is exactly zero, and the loss does not change with it at all. If it should, the dynamics "
       << "has captured a copy of it: give it to odeint as theta, and let f take it from there";
  }
  void undetermined() {
    if (std::isfinite(c_.value) && !f_.thrown)
      m_ << "with tolerances or steps made finer the loss or its gradient fails, so that this one's error is not known: ";
    m_ << f_.failure;
  }

  static double one_digit(double x) {
    const double unit = std::pow(10.0, std::floor(std::log10(x)));
    return std::floor(x / unit) * unit;
  }

  const GradientFindings& f_;
  const GradientCertificate& c_;
  std::ostringstream m_;
};

}  // namespace costate::detail
