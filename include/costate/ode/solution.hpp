#pragma once
// What a solve returns: times, states, statistics, and on request the solution in between.
//
// All states lie in one contiguous block, D × (B · n) for n times, of which each state is a view: laying them side by side is free.

#include <utility>
#include <vector>

#include <costate/core/index_iterator.hpp>
#include <costate/ode/dense_output.hpp>
#include <costate/ode/stats.hpp>

namespace costate {

/// A view of one state of a solve for a user whose states are std::vector: an Eigen vector that converts.
template <class S>
struct VectorView : Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, 1>> {
  using Eigen::Map<const Eigen::Matrix<S, Eigen::Dynamic, 1>>::Map;
  operator std::vector<S>() const { return std::vector<S>(this->data(), this->data() + this->size()); }
};

/// The states of a solve, in order of their times. Element i is a view of type View, valid as long as this object.
template <class S, class View>
class States {
 public:
  using Block = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>;
  using Value = typename View::PlainObject;

  States() = default;
  States(Shape shape, std::size_t count) : block_(shape.rows, shape.cols * static_cast<Eigen::Index>(count)), shape_(shape) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  View operator[](std::size_t i) const& {
    if (i >= size_) [[unlikely]] detail::fail<RangeError>("state ", static_cast<std::ptrdiff_t>(i), " of a solve with ", size_, " output times");
    return {block_.data() + static_cast<Eigen::Index>(i) * shape_.size(), shape_.rows, shape_.cols};
  }
  View front() const& { return (*this)[0]; }
  View back() const& { return (*this)[size_ - 1]; }
  /// Of a temporary: by value.
  Value operator[](std::size_t i) const&& { return Value(std::as_const(*this)[i]); }
  Value front() const&& { return Value(std::as_const(*this).front()); }
  Value back() const&& { return Value(std::as_const(*this).back()); }
  /// All states side by side, D × (B · size()).
  const Block& block() const { return block_; }

  using Iterator = detail::IndexIterator<States, std::size_t, View>;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size_}; }

  /// Appends a state given as the solver's flat vector, component by component.
  template <class Y>
  void push_back(const Y& y) {
    using Rows = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    block_.middleCols(static_cast<Eigen::Index>(size_++) * shape_.cols, shape_.cols) =
        Eigen::Map<const Rows>(y.data(), shape_.rows, shape_.cols);
  }
  /// Drops the room for states that were never reached.
  void trim() {
    if (const auto cols = static_cast<Eigen::Index>(size_) * shape_.cols; cols != block_.cols()) block_ = Block(block_.leftCols(cols));
  }

 private:
  Block block_;
  Shape shape_{};
  std::size_t size_ = 0;
};

/// All states of a solve side by side, D × (B · n); for those of a temporary a copy.
template <class S, class View>
const Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic>& hstack(const States<S, View>& states) {
  return states.block();
}
template <class S, class View>
Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> hstack(States<S, View>&& states) {
  return states.block();
}

/// A solution. S: scalar; User: the type in which states are returned by value; View: that in which they are seen in `y`.
template <class S, class User, class View>
struct Solution {
  using Scalar = S;
  using Time = time_of_t<S>;
  using UserType = User;

  std::vector<Time> t;     ///< the times asked for, up to where the solve came
  States<S, View> y;       ///< the states there
  Stats stats;
  Status status = Status::success;
  DenseOutput<S> dense;    ///< empty unless SolveOptions::dense
  Shape shape{};

  /// The state at any time of the solve. RangeError outside, or if SolveOptions::dense was not set.
  User operator()(Time at) const {
    return user([&](auto& flat) { dense.value(at, flat); });
  }
  /// dy/dt of the dense output, of one order less.
  User derivative(Time at) const {
    return user([&](auto& flat) { dense.derivative(at, flat); });
  }

 private:
  template <class Write>
  User user(Write&& write) const {
    Eigen::Matrix<S, Eigen::Dynamic, 1> flat;
    write(flat);
    States<S, View> one(shape, 1);
    one.push_back(flat);
    return User(one[0]);
  }
};

}  // namespace costate
