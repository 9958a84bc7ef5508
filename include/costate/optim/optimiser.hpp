#pragma once
// What all optimisers share: options of which the learning rate may change on the way, and a state that can be saved and restored.

#include <cstdint>
#include <utility>
#include <vector>

#include <costate/optim/parameters.hpp>

namespace costate::optim::detail {

/// `slots` numbers of state per parameter.
template <class Options>
class Optimiser {
 public:
  const Options& options() const { return options_; }
  double learning_rate() const { return options_.learning_rate; }
  void set_learning_rate(double rate) { check_learning_rate(rate), options_.learning_rate = rate; }

  /// For checkpoints: the number of steps taken, and the state, slot after slot, in the parameters' type; empty before the first step.
  std::int64_t iteration() const { return state_.iteration; }
  template <class S = double>
  const std::vector<S>& state() const {
    return state_.template values<S>();
  }
  template <class S>
  void restore(std::int64_t iteration, std::vector<S> state) {
    state_.restore(iteration, std::move(state), slots_);
  }
  /// Forgets state and iteration, keeps the options.
  void reset() { state_.reset(); }

 protected:
  Optimiser(const Options& options, int slots, Moments moments) : options_(options), slots_(slots), moments_(moments) {
    check_learning_rate(options.learning_rate);
    check_weight_decay(options.weight_decay);
  }

  /// update(x, g, state, n, stride) on contiguous memory, see parameters.hpp.
  template <class Theta, class Gradient, class Update>
  void advance(const char* name, Theta&& theta, const Gradient& gradient, const Update& update) {
    state_.step(slots_, moments_, name, std::forward<Theta>(theta), gradient, update);
  }

  Options options_;
  State state_;

 private:
  int slots_;
  Moments moments_;
};

}  // namespace costate::optim::detail
