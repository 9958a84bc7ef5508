#pragma once
// Errors are part of the interface: every failure of costate is a subclass of costate::Error whose message says what was
// given, what was expected, where, and what to do.

#include <sstream>
#include <stdexcept>
#include <string>

namespace costate {

/// Base of every exception thrown by costate.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Sizes that do not fit together: a state, a parameter vector, an operand, a dynamics' result.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// Times that are empty, not finite, or neither strictly increasing nor strictly decreasing.
class TimeError : public Error {
 public:
  using Error::Error;
};

/// An option outside its range: a tolerance, a step, a learning rate, a limit.
class OptionError : public Error {
 public:
  using Error::Error;
};

/// A NaN or an infinity where a finite number is needed.
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

/// The step an adaptive solve needs is below the spacing of floating-point times.
class StepSizeError : public Error {
 public:
  using Error::Error;
};

/// A solve used up its allowance of steps.
class TooManyStepsError : public Error {
 public:
  using Error::Error;
};

/// A solve taken backward has lost the state it came from.
class ReconstructionError : public Error {
 public:
  using Error::Error;
};

/// An argument outside the interval on which an object is defined, such as a time outside a dense solution.
class RangeError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read or written, or whose contents are not what its format promises.
class FileError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// Throws E with the concatenation of the streamed parts. Kept out of line so that checks stay small where they stand.
template <class E, class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(const Parts&... parts) {
  std::ostringstream message;
  message.precision(9);
  (message << ... << parts);
  throw E(message.str());
}

}  // namespace detail
}  // namespace costate
