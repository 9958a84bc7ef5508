#include "catch.hpp"

#include <cstdint>
#include <vector>

#include <costate/autodiff/arena.hpp>

namespace cs = costate;

TEST_CASE("an arena's pieces are aligned, disjoint and do not move", "[autodiff]") {
  cs::Arena arena;
  struct Piece {
    unsigned char* at;
    std::size_t n;
  };
  std::vector<Piece> pieces;
  std::size_t n = 1;
  for (int i = 0; i < 300; ++i) {
    n = (n * 37 + 11) % 5003;
    auto* p = arena.allocate<unsigned char>(n);
    CHECK(reinterpret_cast<std::uintptr_t>(p) % (n >= 64 ? 64 : 16) == 0);
    for (std::size_t k = 0; k < n; ++k) p[k] = static_cast<unsigned char>(i);
    pieces.push_back({p, n});
  }
  bool intact = true;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    for (std::size_t k = 0; k < pieces[i].n; ++k) intact = intact && pieces[i].at[k] == static_cast<unsigned char>(i);
  CHECK(intact);
}

TEST_CASE("an arena used again in the same way takes nothing more", "[autodiff]") {
  cs::Arena arena;
  const auto use = [&] {
    const auto mark = arena.mark();
    std::vector<void*> at;
    for (std::size_t n : {10u, 3000u, 70000u, 1u, 2000000u, 5u, 16000u}) at.push_back(arena.allocate<double>(n));
    arena.rewind(mark);
    return at;
  };
  const auto first = use();
  const auto capacity = arena.capacity();
  for (int repeat = 0; repeat < 4; ++repeat) CHECK(use() == first);
  CHECK(arena.capacity() == capacity);
  CHECK(arena.mark().used == 0);
}

TEST_CASE("rewinding to a mark frees what came later only", "[autodiff]") {
  cs::Arena arena;
  auto* early = arena.allocate<double>(4);
  early[3] = 7;
  const auto mark = arena.mark();
  auto* late = arena.allocate<double>(50000);
  arena.rewind(mark);
  CHECK(arena.allocate<double>(50000) == late);
  CHECK(early[3] == 7);
  const cs::Arena copy = arena;
  CHECK(copy.mark().used == 0);
  CHECK(copy.capacity() == 0);
}

TEST_CASE("an arena that has been moved from is empty and usable", "[autodiff]") {
  cs::Arena arena;
  double* const first = arena.allocate<double>(50000);
  first[49999] = 3;
  cs::Arena moved = std::move(arena);
  CHECK(first[49999] == 3);
  arena.allocate<double>(10)[9] = 1;  // NOLINT: usable after a move
  CHECK(arena.capacity() < moved.capacity());
  arena = std::move(moved);
  CHECK(arena.allocate<double>(10) != first);  // what was there stays
  CHECK(first[49999] == 3);
}

TEST_CASE("scratch memory stays where it is until more is asked for", "[autodiff]") {
  cs::Scratch scratch;
  double* const first = scratch.take<double>(100);
  CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
  first[99] = 3;
  CHECK(scratch.take<double>(7) == first);
  CHECK(static_cast<void*>(scratch.take<float>(200)) == first);
  double* const larger = scratch.take<double>(100000);
  larger[99999] = 1;
  CHECK(scratch.take<double>(100000) == larger);
  cs::Scratch moved = std::move(scratch);
  CHECK(moved.take<double>(100000) == larger);
  scratch.take<double>(10)[9] = 1;  // NOLINT: usable after a move
}
