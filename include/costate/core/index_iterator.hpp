#pragma once
// Iterators of lists whose elements are views made on demand.

#include <cstddef>
#include <iterator>

namespace costate::detail {

/// Position i of a list that has list[i]. Valid as long as the list.
template <class List, class Index, class View>
class IndexIterator {
 public:
  using value_type = View;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;
  using reference = View;
  using pointer = void;

  IndexIterator() = default;
  IndexIterator(const List* list, Index i) : list_(list), i_(i) {}
  View operator*() const { return (*list_)[i_]; }
  IndexIterator& operator++() {
    ++i_;
    return *this;
  }
  IndexIterator operator++(int) { return IndexIterator(list_, i_++); }
  bool operator==(const IndexIterator&) const = default;

 private:
  const List* list_ = nullptr;
  Index i_ = 0;
};

}  // namespace costate::detail
