// Every method and every peer on the problem that the build names.

#include "contest.hpp"
#include "peers.hpp"
#include "problems.hpp"

namespace accuracy {
namespace {

template <class M>
std::vector<Series> all_series(const M& m, bool quick) {
  std::vector<Series> all;
  all.push_back(m.fixed("Euler", cs::Euler{}));
  all.push_back(m.fixed("Midpoint", cs::Midpoint{}));
  all.push_back(m.fixed("Heun", cs::Heun{}));
  all.push_back(m.fixed("Rk4", cs::Rk4{}));
  all.push_back(m.fixed("Dopri5, fixed", cs::fixed(cs::Dopri5{})));
  cs::detail::unroll<1, 9>([&]<std::size_t K>() { all.push_back(m.fixed("AdamsBashforth<" + std::to_string(K) + ">", cs::AdamsBashforth<K>{})); });
  cs::detail::unroll<1, 9>([&]<std::size_t K>() { all.push_back(m.fixed("AdamsMoulton<" + std::to_string(K) + ">", cs::AdamsMoulton<K>{})); });
  const int loosest = 3, tightest = quick ? 6 : 12, per_decade = 2;
  all.push_back(m.adaptive("AdaptiveHeun", cs::AdaptiveHeun{}, loosest, quick ? 4 : 7, per_decade, true));
  all.push_back(m.adaptive("Bosh3", cs::Bosh3{}, loosest, tightest, per_decade, true));
  all.push_back(m.adaptive("Dopri5", cs::Dopri5{}, loosest, tightest, per_decade, true));
  all.push_back(m.adaptive("Adams", cs::Adams{}, loosest, tightest, per_decade, true));
#ifdef COSTATE_HAVE_BOOST
  all.push_back(m.template peer<OdeintDopri5>(loosest, tightest, per_decade, true));
#endif
#ifdef COSTATE_HAVE_CVODE
  all.push_back(m.template peer<CvodeAdams>(loosest, tightest, per_decade, true));
#endif
#ifdef COSTATE_HAVE_GSL
  all.push_back(m.template peer<GslAdams>(loosest, tightest, per_decade, true));
  all.push_back(m.template peer<GslRk8>(loosest, tightest, per_decade, true));
#endif
  return all;
}

template <class F, int D>
std::vector<Step> history(const Problem<F, D>& p, double tolerance) {
  auto adams = cs::make_integrator(p.f, p.start, 0.0, p.parameters, cs::Adams{}, {.rtol = tolerance, .atol = tolerance});
  std::vector<Step> steps;
  while (adams.t() < p.t1) {
    const double t = adams.t();
    adams.step();
    steps.push_back({t, adams.t() - t, adams.order()});
  }
  return steps;
}

template <class P>
Contest measure(const P& problem, bool quick) {
  const Measurement m(problem, quick);
  Contest c{problem.name, all_series(m, quick), {}};
  for (const double tolerance : {1e-6, 1e-10}) c.history.emplace_back(tolerance, history(problem, tolerance));
#ifdef COSTATE_HAVE_CVODE
  const int tightest = quick ? 9 : 12;
  const Series ours = m.adaptive("Adams", cs::Adams{}, 1, tightest, 10, false), theirs = m.template peer<CvodeAdams>(1, tightest, 10, false);
  for (int e = 2; e <= 8; ++e) {
    const double error = std::pow(10.0, -e);
    c.over_cvode.push_back(typical_evaluations(ours, error) / typical_evaluations(theirs, error));
  }
#endif
  return c;
}

}  // namespace

#define ACCURACY_JOIN(a, b) a##b
#define ACCURACY_NAME(problem) ACCURACY_JOIN(measure_, problem)
Contest ACCURACY_NAME(ACCURACY_PROBLEM)(bool quick) { return measure(ACCURACY_PROBLEM(), quick); }

}  // namespace accuracy
