#pragma once
// Lambdas with captures can be copied but not assigned. A box makes them assignable, so that an integrator is a value.

#include <concepts>
#include <optional>
#include <utility>

namespace costate::detail {

template <class T>
class Box {
 public:
  Box(T value) : value_(std::move(value)) {}
  Box(const Box&) = default;
  Box(Box&&) = default;
  Box& operator=(const Box& other) {
    if (this != &other) value_.emplace(*other.value_);
    return *this;
  }
  Box& operator=(Box&& other) {
    if (this != &other) value_.emplace(std::move(*other.value_));
    return *this;
  }
  ~Box() = default;

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }

 private:
  std::optional<T> value_;
};

template <std::copyable T>
class Box<T> {
 public:
  Box(T value) : value_(std::move(value)) {}
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }

 private:
  T value_;
};

}  // namespace costate::detail
