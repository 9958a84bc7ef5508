#pragma once
// The pullback of a tangent, for dynamics of one sample that return rows of numbers: second derivatives at the cost of a few evaluations.
//
// With w = (s, θ̇), the cotangent a of f and the cotangent b of its tangent J w, J = ∂f/∂(y, θ), f is pulled back once, at (y, θ) + ε w
// with the cotangent b + ε a, in dual numbers: Jᵀb, which is what w gets, + ε (Jᵀa + ∂(Jᵀb) w), which is what (y, θ) gets.

#include <costate/autodiff/algebra.hpp>
#include <costate/ode/dynamics.hpp>

namespace costate::detail {

/// Values and tangents of a variable of dual numbers, with cells at zero.
template <class S>
Slot<Dual<S>> dual_slot(Tape<Dual<S>>& tape, const S* value, const S* tangent, Index rows, Index cols, bool active) {
  const V<Dual<S>> s = make_slot(tape, rows, cols);
  for (Index i = 0; i < s->size(); ++i) s->value[i] = {value[i], tangent == nullptr ? S(0) : tangent[i]};
  s->active = active;
  if (active) ready_cells(tape, *s);
  return *s;
}

/// dz = [f; J w] at z = [y; s], and products are added: z_bar, theta_bar (θ's and, if along_theta, θ̇'s; null: not wanted) and t_bar. `q`
/// holds θ of so many rows and θ̇ below it. False, and nothing is added, where f needs arrays of dual numbers.
template <bool parametric, bool with_time, class F, class S, class Time>
[[gnu::flatten]] bool pull_tangent(Tape<S>& tape, const F& f, Time t, const S* z, Index d, const Slot<S>& q, Index parameters,
    bool along_theta,
                                   const S* a, S* dz, S* z_bar, S* theta_bar, S* t_bar) {
  using D = Dual<S>;
  using T = Tape<D>;
  const std::size_t cursor = tape.workspace().cursor();
  T& dual = tape.workspace().template object<T>();
  tape.workspace().set_cursor(cursor);
  if (dual.workspace().arrays) return false;

  const auto before = dual.mark();
  Slot<D> ys = dual_slot(dual, z, z + d, d, 1, true), ps;
  if constexpr (parametric)
    ps = dual_slot(dual, q.value, along_theta ? q.value + parameters * q.cols : nullptr, parameters, q.cols, theta_bar != nullptr);
  const Array<T, Kind::sample> y(dual, &ys), p(dual, &ps);
  D t_cell = 0;
  const auto mark = dual.mark();
  const std::size_t begin = dual.position();
  const auto call = [&](const auto& at) {
    if constexpr (parametric) return call_dynamics(f, at, y, p);
    else return call_dynamics(f, at, y, NoParameters{});
  };
  const auto seed = [&](const auto& result) {
    Index i = 0;
    const auto put = [&](const auto& row) {
      if constexpr (is_number<std::remove_cvref_t<decltype(row)>>) {
        const auto& e = expression(row);
        dz[i] = e.value_.value;
        dz[d + i] = e.value_.tangent;
        const D bar(a[d + i], a[i]);
        for (std::size_t k = 0; k < e.cell.size(); ++k)
          if (e.cell[k] != nullptr) *e.cell[k] += bar * e.partial[k];
      } else {
        dz[i] = static_cast<S>(row);
        dz[d + i] = 0;
      }
      ++i;
    };
    if (static_cast<Index>(std::tuple_size_v<decltype(result.rows)>) != d) [[unlikely]]
      fail_result(std::tuple_size_v<decltype(result.rows)>, 1, {d, 1});
    std::apply([&](const auto&... row) { (put(row), ...); }, result.rows);
  };
  if constexpr (with_time) seed(call(Named<T>(D(t), &t_cell, &dual)));
  else seed(call(t));
  const bool done = !dual.workspace().arrays;
  if (done) {
    if (dual.position() != begin) dual.reverse(mark);
    for (Index i = 0; i < d; ++i) {
      z_bar[i] += ys.cells[i].tangent;
      z_bar[d + i] += ys.cells[i].value;
    }
    if (theta_bar != nullptr)
      for (Index i = 0, n = parameters * q.cols; i < n; ++i) {
        theta_bar[i] += ps.cells[i].tangent;
        if (along_theta) theta_bar[n + i] += ps.cells[i].value;
      }
    if constexpr (with_time) *t_bar += t_cell.tangent;
  }
  dual.rewind(before);
  return done;
}

}  // namespace costate::detail
