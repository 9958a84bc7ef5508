#pragma once
// The elementary functions, each once: value and slope, for numbers and packets. Arrays and number expressions both draw on
// this list; `slope(x, h)` may use the value h = F(x). A slope that is a difference, such as 1 − h² of tanh, is good to a rounding of 1,
// not of itself, where it vanishes.

#include <costate/core/dual.hpp>

namespace costate::detail::fn {

struct Exp {
  template <class X> static X value(X x) { return costate::exp(x); }
  template <class X> static X slope(X, X h) { return h; }
};
struct Expm1 {
  template <class X> static X value(X x) { return costate::expm1(x); }
  template <class X> static X slope(X, X h) { return h + X(1); }
};
struct Log {
  template <class X> static X value(X x) { return costate::log(x); }
  template <class X> static X slope(X x, X) { return X(1) / x; }
};
struct Log1p {
  template <class X> static X value(X x) { return costate::log1p(x); }
  template <class X> static X slope(X x, X) { return X(1) / (X(1) + x); }
};
struct Tanh {
  template <class X> static X value(X x) { return costate::tanh(x); }
  template <class X> static X slope(X, X h) { return X(1) - h * h; }
};
struct Sigmoid {
  template <class X> static X value(X x) { return costate::sigmoid(x); }
  template <class X> static X slope(X, X h) { return h * (X(1) - h); }
};
struct Softplus {
  template <class X> static X value(X x) { return costate::softplus(x); }
  template <class X> static X slope(X x, X) { return costate::sigmoid(x); }
};
/// x sigmoid(x) (Elfwing, Uchibe & Doya 2018), also called swish.
struct Silu {
  template <class X> static X value(X x) { return costate::silu(x); }
  template <class X> static X slope(X x, X h) { return costate::sigmoid(x) * (X(1) - h) + h; }
};
/// x for x > 0, eˣ - 1 below (Clevert, Unterthiner & Hochreiter 2016).
struct Elu {
  template <class X> static X value(X x) { return costate::elu(x); }
  template <class X> static X slope(X, X h) { return X(1) + costate::min(h, X(0)); }
};
struct Sin {
  template <class X> static X value(X x) { return costate::sin(x); }
  template <class X> static X slope(X x, X) { return costate::cos(x); }
};
struct Cos {
  template <class X> static X value(X x) { return costate::cos(x); }
  template <class X> static X slope(X x, X) { return -costate::sin(x); }
};
struct Tan {
  template <class X> static X value(X x) { return costate::tan(x); }
  template <class X> static X slope(X, X h) { return X(1) + h * h; }
};
struct Asin {
  template <class X> static X value(X x) { return costate::asin(x); }
  template <class X> static X slope(X x, X) { return X(1) / costate::sqrt(X(1) - x * x); }
};
struct Acos {
  template <class X> static X value(X x) { return costate::acos(x); }
  template <class X> static X slope(X x, X) { return X(-1) / costate::sqrt(X(1) - x * x); }
};
struct Atan {
  template <class X> static X value(X x) { return costate::atan(x); }
  template <class X> static X slope(X x, X) { return X(1) / (X(1) + x * x); }
};
struct Sinh {
  template <class X> static X value(X x) { return costate::sinh(x); }
  template <class X> static X slope(X x, X) { return costate::cosh(x); }
};
struct Cosh {
  template <class X> static X value(X x) { return costate::cosh(x); }
  template <class X> static X slope(X x, X) { return costate::sinh(x); }
};
struct Erf {
  template <class X> static X value(X x) { return costate::erf(x); }
  template <class X> static X slope(X x, X) { return X(1.1283791670955125738961589031215452L) * costate::exp(-(x * x)); }
};
struct Sqrt {
  template <class X> static X value(X x) { return costate::sqrt(x); }
  template <class X> static X slope(X, X h) { return X(0.5) / h; }
};
struct Square {
  template <class X> static X value(X x) { return x * x; }
  template <class X> static X slope(X x, X) { return x + x; }
};
struct Cube {
  template <class X> static X value(X x) { return x * x * x; }
  template <class X> static X slope(X x, X) { return X(3) * x * x; }
};
/// |x| and relu have slope 0 at 0.
struct Abs {
  template <class X> static X value(X x) { return costate::abs(x); }
  template <class X> static X slope(X x, X) { return costate::sign(x); }
};
struct Relu {
  template <class X> static X value(X x) { return costate::relu(x); }
  template <class X> static X slope(X x, X) { return costate::sign(costate::relu(x)); }
};
struct Sign {
  template <class X> static X value(X x) { return costate::sign(x); }
  template <class X> static X slope(X, X) { return X(0); }
};
struct Step {  // the slope of relu
  template <class X> static X value(X x) { return costate::sign(costate::relu(x)); }
  template <class X> static X slope(X, X) { return X(0); }
};

}  // namespace costate::detail::fn
