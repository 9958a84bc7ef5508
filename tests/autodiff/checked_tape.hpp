#pragma once
// A second tape, as plain as possible, that checks what the library promises a tape: statements name only cells that the tape
// gave out and that have not been rewound, marks nest, and every cell stays where it is.

#include <cstddef>
#include <deque>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include <costate/autodiff/tape.hpp>

template <class S>
class CheckedTape {
 public:
  using scalar = S;
  struct Mark {
    costate::Arena::Mark memory;
    std::size_t records, cells, cursor;
  };

  std::size_t statements = 0, nodes = 0, sweeps = 0;

  costate::Workspace& workspace() { return workspace_; }

  S* cells(std::size_t n) {
    auto& block = blocks_.emplace_back(n + 1, S(0));  // one more, so that every block has an address of its own
    blocks_by_address_[block.data()] = n;
    return block.data();
  }

  void reserve(std::size_t) {
    require(!open_, "a statement begins inside another one");
    open_ = true;
    entries_.clear();
  }
  void entry(S partial, S* cell) {
    require(open_, "an entry outside a statement");
    require(known(cell), "a statement reads a cell that this tape did not give out");
    entries_.push_back({partial, cell});
  }
  void close(S* cell) {
    require(open_ && known(cell), "a statement writes a cell that this tape did not give out");
    open_ = false;
    ++statements;
    records_.push_back({cell, nullptr, entries_});
  }
  void node(costate::Node<CheckedTape>* node) {
    require(!open_ && node != nullptr && node->out != nullptr, "a node without a result");
    ++nodes;
    records_.push_back({nullptr, node, {}});
  }

  [[nodiscard]] Mark mark() const { return {arena().mark(), records_.size(), blocks_.size(), workspace_.cursor()}; }
  void reverse(const Mark& m) {
    ++sweeps;
    require(m.records <= records_.size(), "a sweep to a mark that was rewound");
    const bool paused = std::exchange(workspace_.paused, true);
    for (std::size_t i = records_.size(); i-- > m.records;) {
      require(i < records_.size(), "a sweep changed the record");
      const Record r = records_[i];
      if (r.node != nullptr) r.node->pull(*this);
      for (const auto& [partial, cell] : r.entries) *cell += partial * *r.cell;
    }
    workspace_.paused = paused;
  }
  void rewind(const Mark& m) {
    drop(m);
    open_ = false;
    while (blocks_.size() > m.cells) {
      blocks_by_address_.erase(blocks_.back().data());
      blocks_.pop_back();
    }
    workspace_.arena.rewind(m.memory);
    workspace_.set_cursor(m.cursor);
  }
  void drop(const Mark& m) {
    require(m.records <= records_.size(), "a mark that was rewound already");
    records_.resize(m.records);
  }

  [[nodiscard]] std::size_t position() const { return records_.size(); }
  [[nodiscard]] costate::Node<CheckedTape>* node_at(std::size_t i) const { return records_.at(i).node; }
  [[nodiscard]] bool empty() const { return records_.empty() && blocks_.empty() && arena().mark().used == 0; }

 private:
  struct Record {
    S* cell;
    costate::Node<CheckedTape>* node;
    std::vector<std::pair<S, S*>> entries;
  };

  static void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  }
  [[nodiscard]] bool known(S* cell) const {
    auto after = blocks_by_address_.upper_bound(cell);
    if (after == blocks_by_address_.begin()) return false;
    const auto& [begin, n] = *--after;
    return cell < begin + n;
  }
  [[nodiscard]] const costate::Arena& arena() const { return workspace_.arena; }

  costate::Workspace workspace_;
  std::deque<std::vector<S>> blocks_;
  std::map<S*, std::size_t> blocks_by_address_;
  std::vector<Record> records_;
  std::vector<std::pair<S, S*>> entries_;
  bool open_ = false;
};

static_assert(costate::TapeLike<CheckedTape<double>>);
