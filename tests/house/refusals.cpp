// What the library refuses to compile, each with the sentence that the compiler then says: section n is compiled alone, as
// COSTATE_REFUSAL = n, and counted by the lines that begin with "refused".
#include <costate/costate.hpp>

namespace cs = costate;

namespace {
const auto pendulum = [](auto, const auto& y, const auto& p) { return cs::stack(y[1], -p[0] * cs::sin(y[0])); };
const Eigen::Vector2d one(1.0, 0.0);
const Eigen::MatrixXd batch = Eigen::MatrixXd::Ones(2, 3);
const Eigen::VectorXd theta = Eigen::VectorXd::Ones(1);
const std::vector<double> times{0.0, 1.0};
const std::vector<std::vector<double>> grids(3, times);
const auto crossing = cs::event([](auto, const auto& y) { return y[0]; });

template <class Solve>
auto gradient_of(const Solve& solve) {
  return cs::gradient([&](const auto& p) { return cs::sum(solve(p).back()); }, theta);
}
}  // namespace

int main() {
#if COSTATE_REFUSAL == 1
  // refused, a multistep method with the reversible adjoint: ReversibleAdjoint needs a one-step method
  gradient_of([](const auto& p) { return cs::odeint(pendulum, one, times, p, cs::Adams{}, cs::ReversibleAdjoint{}); });
#elif COSTATE_REFUSAL == 2
  // refused, a multistep method made reversible: Reversible is made of a one-step method
  cs::solve(pendulum, one, times, theta, cs::Reversible<cs::AdamsBashforth<3>>{});
#elif COSTATE_REFUSAL == 3
  // refused, Adams of variable order on fixed steps: AdamsMoulton<K> is the method for a fixed grid
  cs::solve(pendulum, one, times, theta, cs::fixed(cs::Adams{}));
#elif COSTATE_REFUSAL == 4
  // refused, a single step of Adams: step() takes one step of a given length
  cs::step(cs::Adams{}, pendulum, 0.0, one, 0.1, theta);
#elif COSTATE_REFUSAL == 5
  // refused, an Adams method of order 9 on a grid: have order K = 1 … 8
  cs::solve(pendulum, one, times, theta, cs::AdamsMoulton<9>{});
#elif COSTATE_REFUSAL == 6
  // refused, events of a batch on one grid: events are of one sample
  cs::solve_with_events(pendulum, batch, times, theta, cs::Dopri5{}, {}, crossing);
#elif COSTATE_REFUSAL == 7
  // refused, gradients through events of a batch on one grid: events are of one sample
  cs::gradient(
      [&](const auto& p) { return cs::sum(cs::odeint_with_events(pendulum, batch, times, p, cs::Dopri5{}, cs::DirectAdjoint{}, {}, crossing).y.back()); },
      theta);
#elif COSTATE_REFUSAL == 8
  // refused, times that are variables beside events: the times of odeint_with_events are plain numbers
  cs::gradient(
      [&](const auto& t) { return cs::sum(cs::odeint_with_events(pendulum, one, t, theta, cs::Dopri5{}, cs::DirectAdjoint{}, {}, crossing).y.back()); },
      Eigen::Vector2d(0.0, 1.0));
#elif COSTATE_REFUSAL == 9
  // refused, a solve with events and no event: a solve with events needs an event
  cs::solve_with_events(pendulum, one, times, theta, cs::Dopri5{}, cs::SolveOptions{});
#elif COSTATE_REFUSAL == 10
  // refused, a function in the place of an event: what follows the options are events
  cs::solve_with_events(pendulum, one, times, theta, cs::Dopri5{}, {}, [](auto, const auto& y) { return y[0]; });
#elif COSTATE_REFUSAL == 11
  // refused, a grid for each sample of one sample: a grid of times for each sample needs a D x B matrix
  cs::solve(pendulum, one, grids, theta, cs::Dopri5{});
#elif COSTATE_REFUSAL == 12
  // refused, a grid for each sample of a mixed state: a state of parts is one sample
  cs::solve([](auto, const auto& s, const auto& p) { return cs::parts(-p[0] * std::get<0>(s)); }, cs::parts(one), grids, theta, cs::Dopri5{});
#elif COSTATE_REFUSAL == 13
  // refused, a dynamics of parts that forgets one: returns another number of parts than the state has
  cs::solve([](auto, const auto& s, const auto& p) { return cs::parts(-p[0] * std::get<0>(s)); }, cs::parts(one, 1.0), times, theta, cs::Dopri5{});
#elif COSTATE_REFUSAL == 14
  // refused, parts of several scalar types: all parts of a state have the same scalar type
  cs::solve([](auto, const auto& s, const auto&) { return s; }, cs::parts(one, Eigen::Vector2f(1.0f, 0.0f)), times, theta, cs::Dopri5{});
#elif COSTATE_REFUSAL == 15
  // refused, two costs that probe the Jacobian: one cost at most has a probe
  cs::with_cost(pendulum, cs::costs(cs::jacobian_norm(one), cs::jacobian_norm(one)));
#elif COSTATE_REFUSAL == 16
  // refused, a state of integers: convert integers first
  cs::solve(pendulum, Eigen::Vector2i(1, 0), times, theta, cs::Dopri5{});
#elif COSTATE_REFUSAL == 17
  // refused, a dynamics that takes no arguments of ours: the dynamics must be callable as
  cs::solve([](double, double) { return 0.0; }, one, times, theta, cs::Dopri5{});
#elif COSTATE_REFUSAL == 18
  // refused, a dynamics of three components for a state of two: returns another number of components than the state has
  cs::solve([](auto, const auto& y) { return cs::stack(y[0], y[1], y[0]); }, one, times, cs::Dopri5{});
#elif COSTATE_REFUSAL == 19
  // refused, a dynamics in Eigen that is differentiated: an Eigen expression has lost its derivative
  cs::gradient([&](const auto& y0) { return cs::sum(cs::odeint([](auto, const auto&) { return Eigen::VectorXd::Ones(2).eval(); }, y0, times, cs::Dopri5{}).back()); },
               batch);
#elif COSTATE_REFUSAL == 20
  // refused, gradients by times of a dynamics that takes t as double: need a dynamics that takes t as auto
  cs::gradient([&](const auto& t) { return cs::sum(cs::odeint([](double, const auto& y) { return cs::stack(y[1], y[0]); }, one, t, cs::Dopri5{}).back()); },
               Eigen::Vector2d(0.0, 1.0));
#elif COSTATE_REFUSAL == 21
  // refused, a loss of several numbers: a loss must return one number
  cs::gradient([](const auto&) { return one; }, one);
#elif COSTATE_REFUSAL == 22
  // refused, arguments of several scalar types: all arguments of one derivative must have the same scalar type
  cs::gradient([](const auto& a, const auto& b) { return cs::sum(a) + cs::sum(b); }, one, Eigen::Vector2f(1.0f, 0.0f));
#elif COSTATE_REFUSAL == 23
  // refused, a mixed state with events: events are of a plain state
  cs::solve_with_events([](auto, const auto& s) { return s; }, cs::parts(one), times, cs::Dopri5{}, {}, crossing);
#elif COSTATE_REFUSAL == 24
  // refused, second derivatives through events: the times of events are differentiated once
  cs::hvp([&](const auto& p) { return cs::odeint_with_events(pendulum, one, times, p, cs::Dopri5{}, cs::DirectAdjoint{}, {}, crossing).end[0]; }, theta, theta);
#elif COSTATE_REFUSAL == 25
  // refused, a dynamics of parameters without any: If it takes theta, give one
  cs::solve([](auto, const auto& y, const auto& p) { return -p[0] * y; }, one, times, cs::Dopri5{});
#elif COSTATE_REFUSAL == 26
  // refused, own parameters of a dynamics that does not take them: calls f(t, y, theta, own)
  cs::solve(cs::own_parameters([](auto, const auto& y, const auto& p) { return -p[0] * y; }, 1), one, times, theta, cs::Dopri5{});
#endif
}
