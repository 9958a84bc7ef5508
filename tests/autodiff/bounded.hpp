#pragma once
// The tests' own forward mode, independent of the library: a number in extended precision with its gradient, and running bounds
// on what double rounding does to both. `magnitude` sums |products of partials| over all paths, so the bounds hold for any order
// of accumulation, reverse included: per operation with partials p, q and value error e,
//   e' = |p| e₁ + |q| e₂ + c ε |v|,    ē' = Σ |p| ē + |∂p| e·magnitude + c ε magnitude'.

#include <array>
#include <cmath>
#include <limits>

namespace forward {

/// What the branches of one evaluation did: differences must not cross a branch, rounding must not decide one.
struct Decisions {
  unsigned long long path = 1469598103934665603ull;
  bool close = false;
  void take(bool which) { path = (path ^ (which ? 3u : 2u)) * 1099511628211ull; }
};
inline Decisions decisions;  // NOLINT: of the evaluation in progress

/// A number with its derivatives with respect to `inputs` inputs; with none it is a value and the bound on its error.
template <std::size_t inputs>
struct Bounded {
  static constexpr double unit = 8 * std::numeric_limits<double>::epsilon();

  long double v = 0;
  double error = 0;
  std::array<long double, inputs> d{};
  std::array<double, inputs> magnitude{}, d_error{};

  Bounded() = default;
  Bounded(double constant) : v(constant) {}  // NOLINT: converts like a number
  static Bounded input(long double x, std::size_t i) {
    Bounded b;
    b.v = x;
    if (i < inputs) b.d[i] = b.magnitude[i] = 1;
    return b;
  }

  Bounded& operator+=(const Bounded& b) { return *this = *this + b; }
  Bounded& operator-=(const Bounded& b) { return *this = *this - b; }
  Bounded& operator*=(const Bounded& b) { return *this = *this * b; }
  Bounded& operator/=(const Bounded& b) { return *this = *this / b; }

  friend Bounded operator+(const Bounded& a, const Bounded& b) { return binary(a, b, a.v + b.v, 1, 1, 0, 0, 0); }
  friend Bounded operator-(const Bounded& a, const Bounded& b) { return binary(a, b, a.v - b.v, 1, -1, 0, 0, 0); }
  friend Bounded operator*(const Bounded& a, const Bounded& b) { return binary(a, b, a.v * b.v, b.v, a.v, 0, 1, 0); }
  friend Bounded operator/(const Bounded& a, const Bounded& b) {
    const long double r = 1 / b.v, q = a.v * r;
    return binary(a, b, q, r, -q * r, 0, -r * r, 2 * q * r * r);
  }
  friend Bounded operator-(const Bounded& a) { return unary(a, -a.v, -1, 0); }

  friend Bounded sin(const Bounded& x) { return unary(x, std::sin(x.v), std::cos(x.v), -std::sin(x.v)); }
  friend Bounded cos(const Bounded& x) { return unary(x, std::cos(x.v), -std::sin(x.v), -std::cos(x.v)); }
  friend Bounded exp(const Bounded& x) { return unary(x, std::exp(x.v), std::exp(x.v), std::exp(x.v)); }
  friend Bounded log(const Bounded& x) { return unary(x, std::log(x.v), 1 / x.v, -1 / (x.v * x.v)); }
  friend Bounded sqrt(const Bounded& x) {
    const long double h = std::sqrt(x.v);
    return unary(x, h, 0.5L / h, -0.25L / (h * x.v));
  }
  friend Bounded tanh(const Bounded& x) {
    const long double h = std::tanh(x.v);
    return unary(x, h, 1 - h * h, -2 * h * (1 - h * h), 1);
  }
  friend Bounded sigmoid(const Bounded& x) {
    const long double h = 1 / (1 + std::exp(-x.v));
    return unary(x, h, h * (1 - h), h * (1 - h) * (1 - 2 * h), 1);
  }
  friend Bounded softplus(const Bounded& x) {
    const long double h = 1 / (1 + std::exp(-x.v));
    return unary(x, std::log1p(std::exp(x.v)), h, h * (1 - h));
  }
  friend Bounded atan(const Bounded& x) {
    const long double p = 1 / (1 + x.v * x.v);
    return unary(x, std::atan(x.v), p, -2 * x.v * p * p);
  }
  friend Bounded silu(const Bounded& x) { return x * sigmoid(x); }
  friend Bounded expm1(const Bounded& x) { return unary(x, std::expm1(x.v), std::exp(x.v), std::exp(x.v), 1); }
  friend Bounded log1p(const Bounded& x) { return unary(x, std::log1p(x.v), 1 / (1 + x.v), -1 / ((1 + x.v) * (1 + x.v))); }
  friend Bounded sinh(const Bounded& x) { return unary(x, std::sinh(x.v), std::cosh(x.v), std::sinh(x.v)); }
  friend Bounded cosh(const Bounded& x) { return unary(x, std::cosh(x.v), std::sinh(x.v), std::cosh(x.v)); }
  friend Bounded tan(const Bounded& x) {
    const long double h = std::tan(x.v);
    return unary(x, h, 1 + h * h, 2 * h * (1 + h * h));
  }
  friend Bounded asin(const Bounded& x) {
    const long double p = 1 / std::sqrt(1 - x.v * x.v);
    return unary(x, std::asin(x.v), p, x.v * p * p * p, static_cast<double>(p * p * p));
  }
  friend Bounded erf(const Bounded& x) {
    const long double p = 1.1283791670955125738961589031215452L * std::exp(-x.v * x.v);
    return unary(x, std::erf(x.v), p, -2 * x.v * p, 1);
  }
  friend Bounded square(const Bounded& x) { return x * x; }
  friend Bounded cube(const Bounded& x) { return unary(x, x.v * x.v * x.v, 3 * x.v * x.v, 6 * x.v); }
  friend Bounded pow(const Bounded& x, double n) {
    return unary(x, std::pow(x.v, static_cast<long double>(n)), n * std::pow(x.v, n - 1.0L), n * (n - 1.0L) * std::pow(x.v, n - 2.0L));
  }
  friend Bounded abs(const Bounded& x) { return decide(Bounded(0), x) ? x : -x; }
  friend Bounded relu(const Bounded& x) { return decide(Bounded(0), x) ? x : Bounded(0); }

  friend bool operator<(const Bounded& a, const Bounded& b) { return decide(a, b); }
  friend Bounded where(bool condition, const Bounded& a, const Bounded& b) { return condition ? a : b; }

  /// a < b, noting it when rounding in double may see it otherwise.
  static bool decide(const Bounded& a, const Bounded& b) {
    const double bound = 4 * (a.error + b.error);
    if (bound > 0 && std::abs(a.v - b.v) <= bound) decisions.close = true;
    decisions.take(a.v < b.v);
    return a.v < b.v;
  }

 private:
  static double size(long double x) { return static_cast<double>(std::abs(x)); }

  // `loss`: a slope computed as 1 - h² has an absolute, not a relative, rounding error of that many ε
  static Bounded unary(const Bounded& x, long double v, long double p, long double second, double loss = 0) {
    Bounded r;
    r.v = v;
    r.error = size(p) * x.error + unit * size(v);
    const double slope_error = size(second) * x.error + unit * loss;
    for (std::size_t i = 0; i < inputs; ++i) {
      r.d[i] = p * x.d[i];
      r.magnitude[i] = size(p) * x.magnitude[i];
      r.d_error[i] = size(p) * x.d_error[i] + slope_error * x.magnitude[i] + unit * r.magnitude[i];
    }
    return r;
  }
  static Bounded binary(const Bounded& a, const Bounded& b, long double v, long double p, long double q, long double pp, long double pq,
                        long double qq) {
    Bounded r;
    r.v = v;
    r.error = size(p) * a.error + size(q) * b.error + unit * size(v);
    const double p_error = size(pp) * a.error + size(pq) * b.error, q_error = size(pq) * a.error + size(qq) * b.error;
    for (std::size_t i = 0; i < inputs; ++i) {
      r.d[i] = p * a.d[i] + q * b.d[i];
      r.magnitude[i] = size(p) * a.magnitude[i] + size(q) * b.magnitude[i];
      r.d_error[i] = size(p) * a.d_error[i] + size(q) * b.d_error[i] + p_error * a.magnitude[i] + q_error * b.magnitude[i] +
                     unit * r.magnitude[i];
    }
    return r;
  }
};

}  // namespace forward
