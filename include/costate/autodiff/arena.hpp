#pragma once
// Memory that is taken piece by piece and given back all at once. Pieces never move; blocks are kept after a rewind, so a
// computation repeated with the same sizes allocates nothing after its first run. (Scratch, below, is memory for one moment.)

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace costate {

/// A bump allocator over a list of blocks that only grows. Objects placed here must be trivially destructible.
/// A copy is empty: arenas hold scratch memory, never results.
class Arena {
 public:
  static constexpr std::size_t line = 64;  ///< a cache line
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{line}); }
  };
  struct Mark {
    std::size_t block = 0, used = 0;
  };

  Arena() = default;
  Arena(const Arena&) {}
  Arena(Arena&& other) noexcept { *this = std::move(other); }
  Arena& operator=(const Arena&) { return *this; }
  Arena& operator=(Arena&& other) noexcept {
    blocks_ = std::exchange(other.blocks_, {});
    block_ = std::exchange(other.block_, 0);
    used_ = std::exchange(other.used_, 0);
    return *this;
  }
  ~Arena() = default;

  /// Uninitialised memory for n objects of type V, aligned to cache lines when it spans one.
  template <class V>
  V* allocate(std::size_t n) {
    constexpr std::size_t natural = alignof(V) < 16 ? 16 : alignof(V);
    const std::size_t bytes = n * sizeof(V);
    return static_cast<V*>(take(bytes, bytes >= line && natural < line ? line : natural));
  }

  [[nodiscard]] Mark mark() const { return {block_, used_}; }
  void rewind(Mark m) {
    block_ = m.block;
    used_ = m.used;
  }
  [[nodiscard]] bool at(Mark m) const { return block_ == m.block && used_ == m.used; }
  /// Bytes held from the system.
  [[nodiscard]] std::size_t capacity() const {
    std::size_t total = 0;
    for (const auto& b : blocks_) total += b.size;
    return total;
  }

 private:
  struct Block {
    std::unique_ptr<std::byte, Free> memory;
    std::size_t size;
  };

  void* take(std::size_t bytes, std::size_t alignment) {
    if (block_ < blocks_.size()) {
      const std::size_t begin = (used_ + alignment - 1) & ~(alignment - 1);
      if (begin + bytes <= blocks_[block_].size) {
        used_ = begin + bytes;
        return blocks_[block_].memory.get() + begin;
      }
    }
    return next_block(bytes);
  }

  [[gnu::noinline]] void* next_block(std::size_t bytes) {
    if (block_ < blocks_.size()) ++block_;
    while (block_ < blocks_.size() && blocks_[block_].size < bytes) ++block_;
    if (block_ == blocks_.size()) {
      std::size_t size = blocks_.empty() ? 16384 : 2 * blocks_.back().size;
      while (size < bytes) size *= 2;
      blocks_.push_back({std::unique_ptr<std::byte, Free>(static_cast<std::byte*>(::operator new(size, std::align_val_t{line}))), size});
    }
    used_ = bytes;
    return blocks_[block_].memory.get();
  }

  std::vector<Block> blocks_;
  std::size_t block_ = 0, used_ = 0;
};

/// One piece of memory for one operation at a time, as large as the largest size asked for. A copy is empty.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) {}
  Scratch(Scratch&&) noexcept = default;  // memory alone says whether there is any
  Scratch& operator=(const Scratch&) { return *this; }
  Scratch& operator=(Scratch&&) noexcept = default;
  ~Scratch() = default;

  /// Uninitialised memory for n objects of type V, aligned to cache lines, in the place of what was here.
  template <class V>
  V* take(std::size_t n) {
    const std::size_t bytes = n * sizeof(V);
    if (memory_ == nullptr || bytes > size_) {
      memory_.reset(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{Arena::line})));
      size_ = bytes;
    }
    return static_cast<V*>(static_cast<void*>(memory_.get()));
  }

 private:
  std::unique_ptr<std::byte, Arena::Free> memory_;
  std::size_t size_ = 0;
};

}  // namespace costate
