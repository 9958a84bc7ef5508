#pragma once
// Random programs over numbers and arrays, and their interpreter, templated on the kinds of both.

#include <cstdint>
#include <utility>
#include <vector>

#include <costate/autodiff/value_and_grad.hpp>

#include "bounded.hpp"
#include "naive_array.hpp"

namespace random_programs {

namespace cs = costate;
using Index = std::ptrdiff_t;

/// splitmix64: a program is its seed, on every platform.
struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int below(Index n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
  double uniform(double low, double high) { return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53; }
};

enum class Op {
  // numbers: expressions of several leaves, intermediates used twice, aliasing, constants, branches
  function, formula, reuse, add, square_self, subtract, divide, constant, exchange, negate, branch, loop, long_formula, choose, larger,
  from_copy,
  // arrays
  combine, map, alias_sum, alias_product, ratio, product, transposed, some_rows, some_cols, reshaped, append, below, beside, column_sums,
  row_sums, masked, scale, reflect, column_pair,
  // from arrays to numbers
  total, average, inner, entry, entries,
  count
};

struct Instruction {
  Op op;
  int to, x, y, z;  // registers
  int i, j, k;      // entries, shapes, functions
  double c;
};
struct Shape {
  Index rows, cols;
};

constexpr int numbers = 5, arrays = 4, functions = 24;
constexpr std::size_t inputs = 12;  // four numbers and two arrays of four entries

struct Program {
  std::vector<Instruction> code;
  std::vector<double> weights;
  std::vector<double> input;
};

/// The program of a seed; with `numbers_only` a dynamics of four components.
inline Program generate(std::uint64_t seed, bool numbers_only = false) {
  Random random{seed};
  Program p;
  for (std::size_t i = 0; i < inputs; ++i) p.input.push_back(random.uniform(-1.5, 1.5));
  for (int i = 0; i < numbers + arrays; ++i) p.weights.push_back(random.uniform(-1, 1));
  std::vector<Shape> shape{{2, 2}, {4, 1}, {4, 1}, {1, 4}};
  const int length = 4 + random.below(20);
  const auto extents_fit = [](Index a, Index b) { return a == b || a == 1 || b == 1; };
  while (static_cast<int>(p.code.size()) < length) {
    const auto op = static_cast<Op>(random.below(static_cast<int>(numbers_only ? Op::combine : Op::count)));
    Instruction in{op, 0, 0, 0, 0, 0, 0, 0, random.uniform(-2, 2)};
    const bool array_result = in.op >= Op::combine && in.op <= Op::column_pair;
    const bool array_source = in.op >= Op::combine;
    in.to = random.below(array_result ? arrays : numbers);
    in.x = random.below(array_source ? arrays : numbers);
    in.y = random.below(array_source ? arrays : numbers);
    in.z = random.below(numbers);
    in.k = random.below(functions);
    const auto at = [&](int r) -> Shape& { return shape[static_cast<std::size_t>(r)]; };
    const Shape x = array_source ? at(in.x) : Shape{}, y = array_source ? at(in.y) : Shape{};
    Shape to = x;
    bool fits = true;
    if ((in.op == Op::branch || in.op == Op::choose || in.op == Op::masked) && in.x == in.y) continue;  // no branch on rounding
    switch (in.op) {
      case Op::combine:
      case Op::ratio:
      case Op::masked:
        fits = extents_fit(x.rows, y.rows) && extents_fit(x.cols, y.cols);
        to = {x.rows != 1 ? x.rows : y.rows, x.cols != 1 ? x.cols : y.cols};
        break;
      case Op::alias_sum:
      case Op::alias_product: to = at(in.to); break;
      case Op::product: fits = x.cols == y.rows, to = {x.rows, y.cols}; break;
      case Op::transposed: to = {x.cols, x.rows}; break;
      case Op::some_rows: in.i = random.below(x.rows), in.j = 1 + random.below(x.rows - in.i), to = {in.j, x.cols}; break;
      case Op::some_cols: in.i = random.below(x.cols), in.j = 1 + random.below(x.cols - in.i), to = {x.rows, in.j}; break;
      case Op::reshaped: {
        const Index size = x.rows * x.cols;
        in.i = 1 + random.below(std::min<Index>(size, 4)), in.j = 1 + random.below(std::min<Index>(size / in.i, 4));
        in.k = random.below(size - in.i * in.j + 1), to = {in.i, in.j};
        break;
      }
      case Op::append: to = {x.rows + 2, x.cols}; break;
      case Op::below: fits = extents_fit(x.cols, y.cols), to = {x.rows + y.rows, x.cols != 1 ? x.cols : y.cols}; break;
      case Op::beside: fits = x.rows == y.rows, to = {x.rows, x.cols + y.cols}; break;
      case Op::column_sums: to = {1, x.cols}; break;
      case Op::row_sums: to = {x.rows, 1}; break;
      case Op::column_pair: fits = extents_fit(x.rows, 2), to = {2, x.cols}; break;
      case Op::inner: fits = x.rows == y.rows && x.cols == y.cols; break;
      case Op::entry: in.i = random.below(x.rows), in.j = random.below(x.cols); break;
      case Op::entries: in.i = random.below(std::min(x.rows, y.rows)), in.j = random.below(std::min(x.cols, y.cols)); break;
      default: break;
    }
    if (!fits || to.rows > 5 || to.cols > 5) continue;
    if (array_result) at(in.to) = to;
    p.code.push_back(in);
  }
  return p;
}

// what the interpreter asks of a kind of number or array besides the library's names
template <std::size_t n>
bool less(const forward::Bounded<n>& a, const forward::Bounded<n>& b) { return a < b; }
inline bool less(double a, double b) { return a < b; }
template <cs::detail::OnTape A, cs::detail::OnTape B>
bool less(const A& a, const B& b) { return a.value() < b.value(); }

/// Matrices, which the library always takes for batches, as what a register holds.
template <class A, class X>
A held(const X& x) {
  if constexpr (cs::detail::AnyArray<X>) return x.template as<cs::detail::KindOfArray<A>>();
  else return x;
}

/// Two numbers one below the other, as wide as x.
template <class N>
auto pair(const naive::Array<N>&, const N& a, const N& b) {
  naive::Array<N> out(2, 1);
  out.v = {a, b};
  return out;
}
template <cs::detail::AnyArray A, class N>
auto pair(const A&, const N& a, const N& b) { return cs::stack(a, b); }
template <cs::detail::AnyArray A>
auto pair(const A& x, const A& a, const A& b) { return cs::rows(cs::stack(x, a, b), x.rows(), 2); }  // a and b may be constants

template <class N>
N function(int k, const N& x) {
  using cs::abs, cs::asin, cs::atan, cs::cos, cs::cosh, cs::cube, cs::erf, cs::exp, cs::expm1, cs::log, cs::log1p, cs::pow, cs::relu;
  using cs::sigmoid, cs::silu, cs::sin, cs::sinh, cs::softplus, cs::sqrt, cs::square, cs::tan, cs::tanh;
  switch (k) {
    case 0: return sin(x);
    case 1: return cos(x);
    case 2: return tanh(x);
    case 3: return sigmoid(x);
    case 4: return softplus(x);
    case 5: return exp(sin(x));
    case 6: return log(x * x + 1.5);
    case 7: return sqrt(x * x + 0.5);
    case 8: return atan(x);
    case 9: return pow(x * x + 1, 1.5);
    case 10: return abs(x);
    case 11: return relu(x);
    case 12: return square(x);
    case 13: return cube(x);
    case 14: return 1 / (x * x + 1);
    case 15: return silu(x);
    case 16: return expm1(x * 0.5);
    case 17: return log1p(x * x);
    case 18: return asin(sin(x) * 0.9);
    case 19: return erf(x);
    case 20: return sinh(x * 0.5);
    case 21: return cosh(x * 0.5);
    case 22: return tan(tanh(x));
    default: return x;
  }
}
template <class N>
naive::Array<N> function(int k, const naive::Array<N>& x) {
  return each(x, [k](const N& each) { return function(k, each); });
}
template <class N>
naive::Array<N> masked(const naive::Array<N>& x, const naive::Array<N>& y) {
  return each(x, y, [](const N& a, const N& b) { return less(a, b) ? a * b : b; });
}
template <cs::detail::AnyArray A>
A masked(const A& x, const A& y) { return cs::where(x < y, x * y, y); }

/// One instruction on numbers. A number may be a whole row of samples: then branches select.
template <bool row, class N>
void step(const Instruction& in, std::vector<N>& s) {
  using cs::sin, cs::tanh, cs::where;
  using std::swap;
  const auto index = [](int i) { return static_cast<std::size_t>(i); };
  const double c = in.c;
  N& d = s[index(in.to)];
  const N &x = s[index(in.x)], &y = s[index(in.y)], &z = s[index(in.z)];
  const auto tame = [&d] {  // overwritten again and again, a number would overflow
    if constexpr (row) d = where(N(36) < d * d, tanh(d * 0.1) * 3, d);
    else while (less(N(36), d * d)) d = d * 0.125;
  };
  switch (in.op) {
    case Op::function: d = function(in.k, x); break;
    case Op::formula: d = x * y + sin(z) * x - y / (2 + z * z); break;
    case Op::reuse: {
      const auto t = x * y;
      const auto u = t * t - z;
      d = u * u - t * c + u / (t * t + 1);
      break;
    }
    case Op::add: d += x * d; break;
    case Op::square_self: d *= d; break;
    case Op::subtract: d -= 3 * x / (d * d + 2); break;
    case Op::divide: d /= 1.5 + x * x; break;
    case Op::constant: d = c; break;
    case Op::exchange: swap(s[index(in.to)], s[index(in.x)]); break;
    case Op::negate: d = -x; break;
    case Op::branch:
      if constexpr (row) d = where(x < y, x, y * z);
      else if (less(x, y)) d = x;
      else d = y * z;
      break;
    case Op::loop:
      for (int n = 0; n < in.k % 16; ++n) {
        d = d * 0.9 + x * 0.1 - c * d * y * 0.05;
        tame();  // y may be d
      }
      break;
    case Op::long_formula: {
      const auto part = x * y - y * z + z * x + d * x * y * 0.5 - z * z;
      const auto more = x * x * y - d * z + part;
      d = (part - more * c + x * more) * 0.2 - part * more / (more * more + 1);
      break;
    }
    case Op::choose:
      if constexpr (row) d = where(x < y, x * y, z);
      else d = where(less(x, y), x * y, z);
      break;
    case Op::larger: {
      const N w = y * c + z * 1e-3;  // of x or y, not of constants alone
      if constexpr (row) d = where(x < w, w, x);
      else d = less(x, w) ? w : x;
      break;
    }
    default: {
      const std::vector<N> copy = s;
      d = copy[index(in.x)] - copy[index(in.y)] * d;
    }
  }
  tame();
}

template <class N, class A>
N run(const Program& program, std::vector<N> s, std::vector<A> a) {
  for (const Instruction& in : program.code) {
    const auto index = [](int i) { return static_cast<std::size_t>(i); };
    const double c = in.c;
    if (in.op < Op::combine) {
      step<false>(in, s);
    } else if (in.op <= Op::column_pair) {
      A& d = a[index(in.to)];
      const A &x = a[index(in.x)], &y = a[index(in.y)];
      const N &n = s[index(in.z)], &m = s[index(in.k % numbers)];
      switch (in.op) {
        case Op::combine: d = in.k % 3 == 0 ? A(x + y) : in.k % 3 == 1 ? A(x - y) : A(x * y); break;
        case Op::map: d = function(in.k, x); break;
        case Op::alias_sum: d += d * n; break;
        case Op::alias_product: d *= d; break;
        case Op::ratio: d = x / (y * y + 1.5); break;
        case Op::product: d = matmul(x, y); break;
        case Op::transposed: d = held<A>(transpose(x)); break;
        case Op::some_rows: d = rows(x, in.i, in.j); break;
        case Op::some_cols: d = cols(x, in.i, in.j); break;
        case Op::reshaped: d = reshape(x, in.k, in.i, in.j); break;
        case Op::append: d = stack(x, n, c); break;
        case Op::below: d = stack(x, y); break;
        case Op::beside: d = held<A>(hstack(x, y)); break;
        case Op::column_sums: d = colwise_sum(x); break;
        case Op::row_sums: d = rowwise_sum(x); break;
        case Op::masked: d = masked(x, y); break;
        case Op::scale: d = x * n + m; break;
        case Op::reflect: d = n - x * c; break;
        default: d = x * pair(x, n, m);
      }
      while (less(N(100), sum(d * d))) d = d * 0.125;
    } else {
      N& d = s[index(in.to)];
      const A &x = a[index(in.x)], &y = a[index(in.y)];
      switch (in.op) {
        case Op::total: d = sum(x); break;
        case Op::average: d = mean(x) * d; break;
        case Op::inner: d = dot(x, y); break;
        case Op::entry: d = x(in.i, in.j); break;
        default: d = x(in.i, in.j) * y(in.i, in.j) - x(in.i, in.j) / (d * d + 1);
      }
      while (less(N(36), d * d)) d = d * 0.125;
    }
  }
  N total = 0;
  for (std::size_t i = 0; i < s.size(); ++i) total += s[i] * program.weights[i];
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(function(0, a[i])) * program.weights[s.size() + i];
  return total;
}

/// The numbers' part of a program at the components of y, one sample or a batch.
template <class N, class Y>
N run_components(const Program& program, const Y& y) {
  std::vector<N> s;
  for (Index i = 0; i < 4; ++i) s.push_back(N(y[i]));
  s.resize(numbers, N(0.5));
  for (const Instruction& in : program.code) step<true>(in, s);
  N total = s[0] * program.weights[0] + y[0] * 0.1;
  for (std::size_t i = 1; i < s.size(); ++i) total += s[i] * program.weights[i];
  return total;
}

/// From the program's inputs (four numbers, two arrays of one column) to its registers.
template <class N, class A>
N start(const Program& program, const std::vector<N>& x, const A& u, const A& v) {
  std::vector<N> s(x.begin(), x.end());
  s.resize(numbers, N(0.5));
  return run<N, A>(program, s, {reshape(u, 0, 2, 2), u, v, held<A>(transpose(v * 0.7))});
}

}  // namespace random_programs
