// Schedules of checkpoints against the theorems about them.

#include <algorithm>
#include <map>
#include <utility>

#include <costate/adjoint/checkpoint_schedule.hpp>

#include "catch.hpp"

namespace {

using costate::detail::covered_steps, costate::detail::steps_to_next_checkpoint, costate::detail::OnlineCheckpoints;
using Int = std::int64_t;

struct Cost {
  Int steps, repetitions;  // taken forward in all; most of any single one
};

/// Of the sweep over n steps from a checkpoint with `free` other slots, the last step of each stretch being pulled from its beginning.
Cost sweep(Int n, Int free) {
  static std::map<std::pair<Int, Int>, Cost> known;
  if (n <= 1) return {0, 0};
  if (free == 0) return {n * (n - 1) / 2, n - 1};
  const auto [at, fresh] = known.try_emplace({n, free});
  if (!fresh) return at->second;
  const Int m = steps_to_next_checkpoint(n, free);
  const Cost after = sweep(n - m, free - 1), before = sweep(m, free);
  return known[{n, free}] = {m + after.steps + before.steps, std::max(after.repetitions, before.repetitions + 1)};
}

Int least_repetitions(Int slots, Int n) {
  Int t = 0;
  while (covered_steps(slots, t) < n) ++t;
  return t;
}

}  // namespace

TEST_CASE("s slots cover C(s + t, t) steps with t repetitions", "[adjoint]") {
  CHECK(covered_steps(3, 0) == 1);
  CHECK(covered_steps(3, 2) == 10);
  CHECK(covered_steps(8, 6) == 3003);
  CHECK(covered_steps(10, -1) == 0);
  CHECK(covered_steps(500, 500) == std::numeric_limits<Int>::max());
}

TEST_CASE("a known number of steps is swept with the fewest possible steps and repetitions", "[adjoint]") {
  // Griewank & Walther 2000: t n − C(s + t, t − 1) steps, none more than t times
  const Int slots = GENERATE(2, 3, 4, 9, 33), n = GENERATE(2, 3, 10, 57, 1000, 100000);
  if (slots == 2 && n > 1000) return;
  const Int t = least_repetitions(slots, n);
  const Cost cost = sweep(n, slots - 1);
  CAPTURE(slots, n, t);
  CHECK(cost.steps == t * n - covered_steps(slots + 1, t - 1));
  CHECK(cost.repetitions <= t);
}

TEST_CASE("checkpoints of a solve of unknown length are nearly as good", "[adjoint]") {
  const Int slots = GENERATE(2, 3, 4, 9, 17, 33), n = GENERATE(2, 10, 57, 1000, 100000, 1000000);
  if (slots == 2 && n > 1000) return;
  OnlineCheckpoints online(static_cast<std::size_t>(slots));
  for (Int i = 0; i < n; ++i) online.place(i);
  const auto& kept = online.entries();
  REQUIRE(kept.front().step == 0);
  std::vector<bool> used(static_cast<std::size_t>(slots), false);
  Cost cost{n - 1, 0};
  Int end = n;
  for (std::size_t i = kept.size(); i-- > 0;) {
    REQUIRE(kept[i].step < end);
    CHECK(!used[kept[i].slot]);
    used[kept[i].slot] = true;
    const Cost part = sweep(end - kept[i].step, slots - static_cast<Int>(i) - 1);
    cost = {cost.steps + part.steps, std::max(cost.repetitions, part.repetitions)};
    end = kept[i].step;
  }
  CAPTURE(slots, n, cost.steps, sweep(n, slots - 1).steps);
  CHECK(cost.repetitions <= least_repetitions(slots, n));
  CHECK(static_cast<double>(cost.steps) <= 1.35 * static_cast<double>(sweep(n, slots - 1).steps));
}

TEST_CASE("with one slot the beginning alone is kept", "[adjoint]") {
  OnlineCheckpoints online(1);
  CHECK(online.place(0) == std::size_t{0});
  CHECK(!online.place(1).has_value());
  CHECK(online.entries().size() == 1);
}
