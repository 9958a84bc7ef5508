#pragma once
// certify: a gradient's own error, and what it comes from.
//
//   const auto c = cs::certify(loss, theta);            // the loss and the arguments of value_and_grad
//   if (!c.ok()) std::cerr << c << '\n';                // gradient not ok, loose tolerance: … Tighten the SolveOptions to .rtol = …
//   cs::certify({.accuracy = 1e-6}, loss, y0, theta)
//
// For whatever adjoints, methods and tolerances the odeint calls inside have, of every form; gradient_diagnosis.hpp says how. It costs the
// gradient, once more with a sixteenth of the tolerances (1.7 times the work of Dopri5) or half the steps, for a continuous adjoint once
// more with the backward pass alone finer, and six such finer solves: in all some six to eight gradients where all is well. Naming a cause
// takes another gradient, four times the work of the first, and some dozens of solves. The loss is compiled as value_and_grad compiles it.
//
// What it cannot see: what is hidden and makes an error that lies across the direction of the differences, so that less than a tenth of it
// lies along (one chance in twelve), unless that tenth is more than the accuracy still; a peak so narrow that the steps of every tolerance
// tried miss it. Solves that are not on the tape are left as they are. Statistics that an adjoint was asked for are those of the last solve
// made. Where the gradient is almost zero, as in a minimum, its relative error is large, and it says so.

#include <cmath>
#include <tuple>
#include <type_traits>
#include <utility>

#include <costate/adjoint/gradient_certificate.hpp>
#include <costate/adjoint/gradient_diagnosis.hpp>
#include <costate/adjoint/odeint.hpp>
#include <costate/autodiff/check.hpp>
#include <costate/autodiff/value_and_grad.hpp>

namespace costate {

/// The certificate of the gradient that value_and_grad(loss, x…) gives. Throws what the solves throw, but for a ReconstructionError, which
/// is a finding; OptionError for an accuracy that is not positive.
template <class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0)
GradientCertificate certify(CertificateOptions options, const Loss& loss, const X&... x) {
  using S = detail::scalar_of_first<X...>;
  using Numbers = detail::GradientProblem::Numbers;
  if (!(options.accuracy >= 0) || std::isinf(options.accuracy))
    detail::fail<OptionError>("CertificateOptions::accuracy = ", options.accuracy,
                              ": expected a positive relative error, or 0 for the default");
  if (options.accuracy == 0) options.accuracy = std::is_same_v<S, float> ? 1e-2 : 1e-3;

  using Arguments = std::tuple<detail::plain_of<X>...>;
  const Arguments base{x...};
  Tape<S> tape;
  detail::SolveWatch watch;
  tape.workspace().watch = &watch;
  detail::GradientProblem problem;
  problem.watch = &watch;
  const auto describe = [&](const auto& argument) {
    const auto* const numbers = detail::numbers(argument);
    const auto n = static_cast<std::size_t>(detail::count(argument));
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(numbers[i] * numbers[i]);
    const double size = std::sqrt(sum / static_cast<double>(std::max<std::size_t>(n, 1)));
    problem.scale.insert(problem.scale.end(), n, size > 0 ? size : 1);
    problem.ends.push_back(problem.scale.size());
  };
  std::apply([&](const auto&... argument) { (describe(argument), ...); }, base);

  problem.evaluate = [&](const Numbers& shift, Numbers* gradient, const std::function<void()>& look) {
    Arguments at = base;
    const auto visit = [](auto& arguments, const auto& each) {
      std::size_t i = 0;
      const auto numbers_of = [&](auto& argument) {
        auto* const numbers = detail::numbers(argument);
        for (Index k = 0; k < detail::count(argument); ++k) each(i++, numbers[k]);
      };
      std::apply([&](auto&... argument) { (numbers_of(argument), ...); }, arguments);
    };
    if (!shift.empty()) visit(at, [&](std::size_t i, S& number) { number += static_cast<S>(shift[i]); });
    return std::apply(
        [&](const auto&... argument) {
          if (gradient != nullptr) {
            Arguments g;
            const S value = std::apply([&](auto&... each) { return detail::differentiate(tape, loss, std::tie(each...), argument...); }, g);
            gradient->resize(problem.size());
            visit(g, [&](std::size_t i, S number) { (*gradient)[i] = static_cast<double>(number); });
            return static_cast<double>(value);
          }
          const detail::Recording<Tape<S>> scope(tape, true);
          const std::tuple<decltype(detail::variable<true>(tape, argument))...> variables{detail::variable<true>(tape, argument)...};
          const S value = std::apply([&](const auto&... v) { return detail::seed(tape, loss(v...)); }, variables);
          if (look) look();
          return static_cast<double>(value);
        },
        at);
  };
  return detail::GradientDiagnosis<S>(problem, options)();
}

/// The same with the default options.
template <class Loss, detail::DifferentiableArgument... X>
  requires(sizeof...(X) > 0 && !std::is_same_v<std::remove_cvref_t<Loss>, CertificateOptions>)
GradientCertificate certify(const Loss& loss, const X&... x) {
  return certify(CertificateOptions{}, loss, x...);
}

}  // namespace costate
