#pragma once
// The tape: a linear record of what a computation did, swept backward once to give the gradient.
//
// A record is either a *statement* (a named scalar with the partial derivatives of its whole right-hand side) or a *node* (an
// array operation with a fused pullback). Records lie in creation order and are swept in that order backward, so a million
// statements cost a loop, never a recursion. All of them share one kind of adjoint memory: cells, addressed by pointer.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <costate/autodiff/arena.hpp>
#include <costate/autodiff/slot.hpp>

namespace costate {

namespace detail {
struct SolveWatch;
}

/// Scratch state every tape carries: memory, the switches of nested differentiation, and objects kept for reuse.
class Workspace {
 public:
  Arena arena;
  Scratch scratch;          ///< of the operation that is being evaluated
  bool recording = false;   ///< an outer sweep will need everything recorded, derivatives taken inside included
  bool paused = false;      ///< operations are evaluated but not recorded
  int depth = 0;            ///< how many inner derivatives are being recorded now
  std::uint64_t epoch = 0;  ///< names the latest inner derivative
  bool arrays = false;      ///< of dual numbers, which have none: an array operation was asked for, so that all results are void
  detail::SolveWatch* watch = nullptr;  ///< of a certificate that looks at the solves on this tape (adjoint/certificate.hpp)

  /// The next object in order of request, of type V; objects outlive rewinds, and requests for another type in their place, so their
  /// storage is used again.
  template <class V>
  V& object() {
    if (cursor_ == objects_.size()) objects_.emplace_back();
    auto& place = objects_[cursor_++];
    for (const Holder& holder : place)
      if (holder.type == &tag<V>) return *static_cast<V*>(holder.object.get());
    place.push_back({&tag<V>, std::shared_ptr<void>(std::make_shared<V>())});
    return *static_cast<V*>(place.back().object.get());
  }

  [[nodiscard]] std::size_t cursor() const { return cursor_; }
  void set_cursor(std::size_t cursor) { cursor_ = cursor; }

  Workspace() = default;
  Workspace(const Workspace&) {}
  Workspace(Workspace&& other) noexcept { *this = std::move(other); }
  Workspace& operator=(const Workspace&) { return *this; }
  Workspace& operator=(Workspace&& other) noexcept {
    arena = std::move(other.arena);
    scratch = std::move(other.scratch);
    recording = std::exchange(other.recording, false);
    paused = std::exchange(other.paused, false);
    depth = std::exchange(other.depth, 0);
    epoch = std::exchange(other.epoch, 0);
    watch = std::exchange(other.watch, nullptr);
    objects_ = std::exchange(other.objects_, {});
    cursor_ = std::exchange(other.cursor_, 0);
    return *this;
  }
  ~Workspace() = default;

 private:
  template <class V>
  static constexpr char tag = 0;
  struct Holder {
    const void* type = nullptr;
    std::shared_ptr<void> object;
  };
  std::vector<std::vector<Holder>> objects_;  // per place one of each type asked for
  std::size_t cursor_ = 0;
};

/// What the differentiable number and array types ask of a tape.
/// cells(n) gives n zeroed adjoint cells that do not move until rewind; a statement is reserve(n), n times entry, close.
template <class T>
concept TapeLike = requires(T tape, const T& same, typename T::scalar partial, typename T::scalar* cell, typename T::Mark mark, Node<T>* node,
                            std::size_t n) {
  { tape.workspace() } -> std::same_as<Workspace&>;
  { tape.cells(n) } -> std::same_as<typename T::scalar*>;
  tape.reserve(n);
  tape.entry(partial, cell);
  tape.close(cell);
  tape.node(node);
  { same.mark() } -> std::same_as<typename T::Mark>;
  tape.reverse(mark);
  tape.rewind(mark);
  tape.drop(mark);
  { same.position() } -> std::convertible_to<std::size_t>;
  { same.node_at(n) } -> std::same_as<Node<T>*>;
};

/// The library's tape. Copying one gives an empty tape: a tape is memory, its contents last until the next rewind.
template <class S>
class Tape {
 public:
  using scalar = S;
  struct Mark {
    Arena::Mark memory;
    std::size_t record = 0, entry = 0, cursor = 0;
  };

  Workspace& workspace() { return workspace_; }

  S* cells(std::size_t n) {
    S* const c = workspace_.arena.allocate<S>(n);
    for (std::size_t i = 0; i < n; ++i) c[i] = S(0);
    return c;
  }

  /// Makes room for a statement of n entries.
  void reserve(std::size_t n) {
    if (entries_used_ + n > entries_.size()) grow(entries_, entries_used_ + n);
    if (records_used_ == records_.size()) grow(records_, records_used_ + 1);
    open_ = entries_used_;
  }
  void entry(S partial, S* cell) { entries_[entries_used_++] = {partial, cell}; }
  void close(S* cell) { records_[records_used_++] = {cell, entries_used_ - open_}; }

  void node(Node<Tape>* n) {
    if (records_used_ == records_.size()) grow(records_, records_used_ + 1);
    records_[records_used_++] = {n, is_node};
  }

  [[nodiscard]] Mark mark() const { return {arena().mark(), records_used_, entries_used_, workspace_.cursor()}; }

  /// Sweeps the records since the mark backward, once: cotangents are consumed on the way.
  void reverse(const Mark& m) {
    const bool paused = workspace_.paused;
    workspace_.paused = true;
    const Entry* e = entries_.data() + entries_used_;
    for (std::size_t i = records_used_; i-- > m.record;) {
      const Record& r = records_[i];
      if (r.count != is_node) [[likely]] {
        const S bar = *static_cast<const S*>(r.target);
        for (std::size_t k = 0; k < r.count; ++k) {
          --e;
          *e->cell += e->partial * bar;
        }
      } else {
        static_cast<Node<Tape>*>(r.target)->pull(*this);
      }
    }
    workspace_.paused = paused;
  }

  /// Tangents in the place of cotangents: the cell of every statement since the mark becomes Σ partial · cell, in order. False, and
  /// nothing is done, where a node stands among them.
  bool push(const Mark& m) {
    for (std::size_t i = m.record; i < records_used_; ++i)
      if (records_[i].count == is_node) return false;
    const Entry* e = entries_.data() + m.entry;
    for (std::size_t i = m.record; i < records_used_; ++i) {
      S dot = 0;
      for (std::size_t k = 0; k < records_[i].count; ++k, ++e) dot += e->partial * *e->cell;
      *static_cast<S*>(records_[i].target) = dot;
    }
    return true;
  }

  /// Forgets all records and memory since the mark.
  void rewind(const Mark& m) {
    drop(m);
    workspace_.arena.rewind(m.memory);
    workspace_.set_cursor(m.cursor);
  }

  /// Forgets the records since the mark, but keeps their memory.
  void drop(const Mark& m) {
    records_used_ = m.record;
    entries_used_ = m.entry;
  }

  [[nodiscard]] std::size_t position() const { return records_used_; }
  /// The node at a position, or null where a statement stands.
  [[nodiscard]] Node<Tape>* node_at(std::size_t i) const {
    return records_[i].count == is_node ? static_cast<Node<Tape>*>(records_[i].target) : nullptr;
  }

  Tape() = default;
  Tape(const Tape&) {}
  Tape(Tape&& other) noexcept { *this = std::move(other); }
  Tape& operator=(const Tape&) { return *this; }
  Tape& operator=(Tape&& other) noexcept {
    workspace_ = std::move(other.workspace_);
    entries_ = std::exchange(other.entries_, {});
    records_ = std::exchange(other.records_, {});
    entries_used_ = std::exchange(other.entries_used_, 0);
    records_used_ = std::exchange(other.records_used_, 0);
    open_ = std::exchange(other.open_, 0);
    return *this;
  }
  ~Tape() = default;

 private:
  static constexpr std::size_t is_node = ~std::size_t{0};
  struct Entry {
    S partial;
    S* cell;
  };
  struct Record {
    void* target;
    std::size_t count;
  };

  [[nodiscard]] const Arena& arena() const { return workspace_.arena; }

  template <class V>
  [[gnu::noinline]] static void grow(std::vector<V>& v, std::size_t least) {
    std::size_t n = v.empty() ? 256 : 2 * v.size();
    while (n < least) n *= 2;
    v.resize(n);
  }

  Workspace workspace_;
  std::vector<Entry> entries_;
  std::vector<Record> records_;
  std::size_t entries_used_ = 0, records_used_ = 0, open_ = 0;
};

}  // namespace costate
