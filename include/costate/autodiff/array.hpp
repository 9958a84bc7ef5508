#pragma once
// Arrays on a tape: what a dynamics, a network or a loss sees of a state, a batch or a parameter vector.
//
// An Array is a handle; its values live in the tape's arena until the next rewind. Arithmetic is elementwise and broadcasts. Its
// kind says what a component is:
//   plain    one sample, nothing recorded: y[i] is the scalar itself
//   sample   one sample on the tape: y[i] is a number expression without a copy
//   array    a batch: y[i] is a row, an Array again
//   nested   the variable of an inner derivative, and what depends on it: like a batch
// A row of a batch is a number to the code that uses it: it is constructible from a literal and broadcasts.

#include <algorithm>
#include <tuple>

#include <costate/autodiff/number.hpp>
#include <costate/autodiff/rearrangement.hpp>
#include <costate/core/concepts.hpp>
#include <costate/core/eigen.hpp>
#include <costate/core/error.hpp>

namespace costate {

enum class Kind { plain, sample, array, nested };

template <class T, Kind kind>
class Array;

namespace detail {
template <class X>
inline constexpr bool is_array = false;
template <class T, Kind K>
inline constexpr bool is_array<Array<T, K>> = true;
template <class X>
concept AnyArray = is_array<std::remove_cvref_t<X>>;

/// Rows that a dynamics of components returns, held by value until somebody needs them as an array.
template <class... Rows>
struct Stacked {
  std::tuple<Rows...> rows;
};
template <class X>
inline constexpr bool is_stacked = false;
template <class... R>
inline constexpr bool is_stacked<Stacked<R...>> = true;
}  // namespace detail

template <class T, Kind kind>
class Array {
 public:
  using tape_type = T;
  using scalar = typename T::scalar;
  using SlotPointer = Slot<scalar>*;

  Array() = default;
  /// A constant that broadcasts.
  template <class A>
    requires std::is_arithmetic_v<A> || std::same_as<A, scalar>
  Array(A constant) : constant_(static_cast<scalar>(constant)) {}  // NOLINT: rows convert from literals
  /// A number as an array of one.
  template <detail::Number N>
    requires(kind >= Kind::array)
  Array(const N& number) {  // NOLINT: rows convert from numbers
    const Named<T> x(number);
    constant_ = x.value();
    if (x.tape() != nullptr) *this = Array(*x.tape(), detail_slot(x));
  }
  template <Kind other>
    requires(kind == Kind::nested && other == Kind::array)
  Array(const Array<T, other>& x) : Array(x.template as<kind>()) {}  // NOLINT: what depends on no inner variable stands beside what does
  Array(T& tape, SlotPointer slot) : slot_(slot), tape_(&tape) {}

  [[nodiscard]] Index rows() const { return slot_ == nullptr ? 1 : slot_->rows; }
  [[nodiscard]] Index cols() const { return slot_ == nullptr ? 1 : slot_->cols; }
  [[nodiscard]] Index size() const { return rows() * cols(); }

  /// Component i: a number of one sample, or the row of component i over a batch.
  [[gnu::always_inline]] auto operator[](Index i) const;
  /// Entry (i, j) of a matrix.
  auto operator()(Index i, Index j) const;

  /// The values, row by row.
  [[nodiscard]] const scalar* data() const { return slot_ == nullptr ? &constant_ : slot_->value; }
  [[nodiscard]] detail::MapIn<scalar> values() const { return {data(), rows(), cols()}; }
  /// The value of an array of one.
  [[nodiscard]] scalar value() const { return *data(); }

  [[nodiscard]] SlotPointer slot() const { return slot_; }  ///< null for a literal
  [[nodiscard]] T* tape() const { return tape_; }
  template <Kind other>
  [[nodiscard]] Array<T, other> as() const {
    return slot_ == nullptr ? Array<T, other>(constant_) : Array<T, other>(*tape_, slot_);
  }

  template <class X>
  Array& operator+=(const X& x) { return *this = *this + x; }
  template <class X>
  Array& operator-=(const X& x) { return *this = *this - x; }
  template <class X>
  Array& operator*=(const X& x) { return *this = *this * x; }
  template <class X>
  Array& operator/=(const X& x) { return *this = *this / x; }

 private:
  static SlotPointer detail_slot(const Named<T>& x) {
    const SlotPointer s = detail::make_slot(*x.tape(), 1, 1);
    s->value[0] = x.value();
    s->cells = x.cell();
    s->active = s->written = x.cell() != nullptr;
    return s;
  }

  SlotPointer slot_ = nullptr;
  T* tape_ = nullptr;
  scalar constant_ = 0;
};

namespace detail {

template <class X>
struct KindOf : std::integral_constant<int, -1> {};
template <class T, Kind K>
struct KindOf<Array<T, K>> : std::integral_constant<int, static_cast<int>(K)> {};
/// An Eigen constant of more than one column is a batch, a column goes with any kind.
template <EigenDense X>
struct KindOf<X> : std::integral_constant<int, X::ColsAtCompileTime == 1 ? -1 : static_cast<int>(Kind::array)> {};
template <class X>
inline constexpr Kind KindOfArray = static_cast<Kind>(KindOf<X>::value);
/// The first array (or else number) among the operands decides the tape type.
template <class... X>
struct FirstOnTape;
template <class X, class... Rest>
struct FirstOnTape<X, Rest...> : std::conditional_t<is_array<X> || (is_number<X> && !(is_array<Rest> || ...)), std::type_identity<X>, FirstOnTape<Rest...>> {};
template <>
struct FirstOnTape<> {};
template <class... X>
using tape_among = typename FirstOnTape<std::remove_cvref_t<X>...>::type::tape_type;

template <class... X>
inline constexpr int greatest_kind = std::max({-1, KindOf<std::remove_cvref_t<X>>::value...});
/// The kind of a result: that of the least plain array among the operands; numbers beside a constant column make a sample of it.
template <class... X>
inline constexpr Kind common_kind = greatest_kind<X...> < 0 ? Kind::sample : static_cast<Kind>(greatest_kind<X...>);
template <class... X>
using result_array = Array<tape_among<X...>, common_kind<X...>>;

template <class X>
concept Operand = AnyArray<X> || Number<X> || Literal<X> || EigenDense<X> || is_stacked<std::remove_cvref_t<X>>;
template <class... X>
concept ArrayOperands = (Operand<X> && ...) && ((AnyArray<X> || ...) || ((Number<X> || ...) && (EigenDense<X> || ...)));

/// A slice that shares values and cells.
template <class T>
V<typename T::scalar> make_slice(T& tape, V<typename T::scalar> x, Index offset, Index rows, Index cols) {
  using S = typename T::scalar;
  Workspace& w = tape.workspace();
  auto* s = ::new (w.arena.template allocate<Slot<S>>(1)) Slot<S>{};
  s->value = x->value + offset;
  s->rows = rows;
  s->cols = cols;
  s->parent = x;
  s->offset = offset;
  s->active = x->active;
  if (s->active && w.depth > 0 && !w.paused) {
    using N = OpNode<T, Slice<S>>;
    auto* node = ::new (w.arena.template allocate<N>(1)) N(Slice<S>{x, offset, rows, cols});
    node->out = s;
    tape.node(node);
  }
  return s;
}

template <class T, Kind K, class X>
T* tape_in(const Array<T, K>& a, const X&...) { return a.tape(); }
template <class X>
auto tape_pointer(const X& x) {
  if constexpr (AnyArray<X>) return x.tape();
  else if constexpr (is_number<X>) return expression(x).tape;
  else return nullptr;
}
/// The tape of an array that must have one.
template <AnyArray X>
auto& tape_of(const X& x) {
  if (x.tape() == nullptr) [[unlikely]] fail<ShapeError>("a literal stands where an array of the state or the parameters is expected");
  return *x.tape();
}
/// The tape the operands live on; null if all are constants.
template <class T, class... X>
T* find_tape(const X&... x) {
  T* tape = nullptr;
  const auto look = [&](auto p) {
    if constexpr (std::is_same_v<decltype(p), T*>) {
      if (tape == nullptr) tape = p;
      else if (p != nullptr && p != tape) [[unlikely]] fail_tapes();
    }
  };
  (look(tape_pointer(x)), ...);
  return tape;
}

template <class T, class X>
V<typename T::scalar> to_slot(T& tape, const X& x);

/// Numbers one below the other as one slot: a statement each.
template <class T, class... Rows>
V<typename T::scalar> numbers_slot(T& tape, const std::tuple<Rows...>& rows) {
  using S = typename T::scalar;
  const V<S> s = make_slot(tape, static_cast<Index>(sizeof...(Rows)), 1);
  if constexpr ((is_number<Rows> || ...)) {
    s->cells = tape.cells(sizeof...(Rows));
    s->active = s->written = true;
  }
  Index i = 0;
  const auto put = [&](const auto& row) {
    if constexpr (is_number<std::remove_cvref_t<decltype(row)>>) {
      const auto& e = expression(row);
      s->value[i] = e.value_;
      tape.reserve(e.cell.size());
      for (std::size_t k = 0; k < e.cell.size(); ++k)
        if (e.cell[k] != nullptr) tape.entry(e.partial[k], e.cell[k]);
      tape.close(s->cells + i);
    } else {
      s->value[i] = static_cast<S>(row);
    }
    ++i;
  };
  std::apply([&](const auto&... row) { (put(row), ...); }, rows);
  return s;
}

/// Any operand as a slot on the tape; an Eigen object is copied row by row as a constant.
template <class T, class X>
V<typename T::scalar> to_slot(T& tape, const X& x) {
  using S = typename T::scalar;
  if constexpr (AnyArray<X>) {
    static_assert(std::is_same_v<typename X::tape_type, T>, "costate: arrays of different tapes or scalar types cannot be mixed");
    if (x.slot() != nullptr) {
      if (x.tape() != &tape) [[unlikely]] fail_tapes();
      return x.slot();
    }
    const V<S> s = make_slot(tape, 1, 1);
    s->value[0] = x.value();
    return s;
  } else if constexpr (is_number<X>) {
    return to_slot(tape, Array<T, Kind::array>(x));
  } else if constexpr (Literal<X>) {
    const V<S> s = make_slot(tape, 1, 1);
    s->value[0] = static_cast<S>(x);
    return s;
  } else if constexpr (is_stacked<X>) {
    return numbers_slot(tape, x.rows);
  } else {
    static_assert(EigenDense<X>, "costate: an operand must be an array, a number, a literal or an Eigen object");
    const V<S> s = make_slot(tape, x.rows(), x.cols());
    store_rows(x.matrix(), s->value);
    return s;
  }
}

/// An array of one as what the kind calls a number.
template <Kind K, class T>
[[gnu::always_inline]] inline auto number_of(T& tape, V<typename T::scalar> s, Index i = 0) {
  using S = typename T::scalar;
  if constexpr (K == Kind::plain) return s->value[i];
  else if constexpr (K == Kind::sample) return Expression<T, 1>{s->value[i], {S(1)}, {s->active ? ready_cells(tape, *s) + i : nullptr}, &tape};
  else return Array<T, K>(tape, s->size() == 1 ? s : make_slice(tape, s, i, 1, 1));
}

[[noreturn, gnu::cold, gnu::noinline]] inline void fail_component(Index i, Index rows, Index cols) {
  if (i >= 0 && i < rows)
    fail<ShapeError>("component ", i, " of a ", rows, " x ", cols, " array is no number; take an entry x(i, j), or rows(x, i, 1)");
  fail<ShapeError>("component ", i, " of an array of ", rows, " x ", cols, " does not exist; components of a state or parameters are rows: y[i], theta[i]");
}

}  // namespace detail

template <class T, Kind kind>
inline auto Array<T, kind>::operator[](Index i) const {
  if constexpr (kind >= Kind::array) {
    if (slot_ == nullptr) return *this;
    if (i < 0 || i >= slot_->rows) [[unlikely]] detail::fail_component(i, slot_->rows, slot_->cols);
    return Array(*tape_, detail::make_slice(*tape_, slot_, i * slot_->cols, 1, slot_->cols));
  } else {
    if (i < 0 || i >= slot_->rows || slot_->cols != 1) [[unlikely]] detail::fail_component(i, slot_->rows, slot_->cols);
    return detail::number_of<kind>(*tape_, slot_, i);
  }
}

template <class T, Kind kind>
auto Array<T, kind>::operator()(Index i, Index j) const {
  if (slot_ == nullptr || i < 0 || i >= rows() || j < 0 || j >= cols())
    detail::fail<ShapeError>("entry (", i, ", ", j, ") of an array of ", rows(), " x ", cols(), " does not exist");
  return detail::number_of<kind>(*tape_, slot_, i * slot_->cols + j);
}

}  // namespace costate
