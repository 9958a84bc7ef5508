#pragma once
// Events: what happens where g(t, y, theta) = 0 along a solution, a jump of the state for instance, or the end.
//
//   event(g)                                                        g changes its sign: told, nothing else
//   event(g, {.direction = Direction::falling, .stop_after = 1})    the solve ends there
//   event(g, jump)                                                  the solve goes on from jump(t, y, theta)
//
// g and jump are called as dynamics are; g returns a number, jump a state.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <costate/core/eigen.hpp>

namespace costate {

/// Which way g passes zero as the solve goes on.
enum class Direction { any, rising, falling };

struct EventOptions {
  Direction direction = Direction::any;
  std::int64_t stop_after = 0;  ///< the solve ends at this occurrence; 0: it goes on
};

/// In the place of a jump: the state is left alone.
struct NoJump {};

template <class G, class Jump>
struct Event {
  G g;
  Jump jump;
  EventOptions options;
};

template <class G>
Event<G, NoJump> event(const G& g, const EventOptions& options = {}) {
  return {g, {}, options};
}
template <class G, class Jump>
Event<G, Jump> event(const G& g, const Jump& jump, const EventOptions& options = {}) {
  return {g, jump, options};
}

namespace detail {

template <class E>
inline constexpr bool is_event = false;
template <class G, class Jump>
inline constexpr bool is_event<Event<G, Jump>> = true;

/// A zero of f between a and b, where its values fa and fb differ in sign: inverse quadratic interpolation where it is safe, bisection
/// where not, to the spacing of numbers there. (T. R. Chandrupatla, Advances in Engineering Software 28 (1997) 145–149.)
template <class T, class F>
T find_root(T a, T fa, T b, T fb, F&& f) {
  if (fa == T(0)) return a;
  if (fb == T(0)) return b;
  T c = a, fc = fa, x = T(0.5);
  for (int i = 0; i < 200; ++i) {
    const T t = a + x * (b - a), ft = f(t);
    if (!std::isfinite(ft)) return std::numeric_limits<T>::quiet_NaN();
    if ((ft > 0) == (fa > 0)) {
      c = a, fc = fa;
    } else {
      c = b, fc = fb;
      b = a, fb = fa;
    }
    a = t, fa = ft;
    const bool a_is_best = std::abs(fa) < std::abs(fb);
    const T best = a_is_best ? a : b, least = 2 * std::numeric_limits<T>::epsilon() * std::abs(best) + std::numeric_limits<T>::min();
    const T closest = least / std::abs(b - a);
    if (fa == T(0) || closest > T(0.5)) return best;
    const T xi = (a - b) / (c - b), phi = (fa - fb) / (fc - fb);
    x = T(0.5);
    if (phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi)
      x = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb);
    x = std::min(std::max(x, closest), 1 - closest);
  }
  return std::abs(fa) < std::abs(fb) ? a : b;
}

/// Where |f| is least between a and b, by golden section; stops where f has changed its sign against that at a.
template <class T, class F>
std::pair<T, T> least_between(T a, T b, F&& f) {
  constexpr T golden = T(0.381966011250105151795413165634361882L);
  const bool positive = f(a) > 0;
  T x = a + golden * (b - a), fx = f(x);
  for (int i = 0; i < 60 && std::abs(b - a) > 8 * std::numeric_limits<T>::epsilon() * std::abs(x) && (fx > 0) == positive; ++i) {
    const bool right = std::abs(b - x) > std::abs(x - a);
    const T y = right ? x + golden * (b - x) : x - golden * (x - a), fy = f(y);
    if (std::abs(fy) < std::abs(fx) || (fy > 0) != positive) {
      (right ? a : b) = x;
      x = y, fx = fy;
    } else {
      (right ? b : a) = y;
    }
  }
  return {x, fx};
}

/// Watches one event function along the steps of a solve.
template <class Time>
class Watch {
 public:
  struct Found {
    bool crossed = false, rising = false, broken = false;
    Time t = 0;          // where it crossed zero as wanted, first
    Time broken_at = 0;  // where it was NaN or infinite, before that
  };

  /// `epsilon`: the rounding of the numbers that g is computed from.
  explicit Watch(Direction direction = Direction::any, Time epsilon = std::numeric_limits<Time>::epsilon()) : direction_(direction), epsilon_(epsilon) {}

  /// Begins at a state; `fired`: this event happened there, so that zero lies behind. `noise`: what rounding makes of g there.
  void begin(bool fired, Time noise = 0) {
    fired_ = fired;
    noise_ = noise;
    known_ = approaching_ = false;
  }

  /// Whether the last step left g on its way to zero and, as above, almost there; with what value.
  [[nodiscard]] std::pair<bool, Time> open(Time precision) const {
    return {known_ && approaching_ && last_ != 0 && std::abs(last_) <= precision * largest_, last_};
  }

  /// How far from t rounding may shift a zero.
  [[nodiscard]] Time shift(Time t) const { return 16 * std::numeric_limits<Time>::epsilon() * std::abs(t); }

  /// Looks through a step from t0 to t1, g(t) along its dense output: at its eighths, and close to its ends, where g may turn unseen; in the
  /// first step behind an event of its own at halves of halves towards it. Where g turns, what is smaller than `precision` times the largest
  /// value so far counts as zero: touched(t, value) is told, as it is where g is zero at the beginning. Zero on an interval counts as a
  /// passage at its beginning.
  template <class G, class Touched>
  Found step(Time t0, Time t1, G&& g, Time precision, Touched&& touched) {
    constexpr std::array<double, 11> eighths{0, 1.0 / 64, 1.0 / 8, 1.0 / 4, 3.0 / 8, 1.0 / 2, 5.0 / 8, 3.0 / 4, 7.0 / 8, 63.0 / 64, 1};
    std::array<Time, eighths.size()> t{}, value{};
    const auto at = [&](double x) { return x == 1 ? t1 : t0 + static_cast<Time>(x) * (t1 - t0); };
    Found found;
    const auto broken = [&](Time when, Time v) {
      if (std::isfinite(v)) return false;
      found.broken = true;
      found.broken_at = when;
      return true;
    };
    if (fired_ && !known_) {
      Time s = t0, gs = 0;
      for (int halvings = std::numeric_limits<Time>::digits - 4; halvings >= 7; --halvings) {
        const Time u = at(std::ldexp(1.0, -halvings));
        Time gu = g(u);
        if (broken(u, gu)) return found;
        if (std::abs(gu) <= std::max(noise_, 64 * epsilon_ * largest_) || std::abs(u - t0) <= shift(t1)) gu = 0;  // rounding tells no sign
        if (crosses(gs, gu) && gu != 0 && matches(gu > gs)) {
          cross(found, s, gs, u, gu, g);
          return found;
        }
        s = u;
        if (gu != 0) gs = gu;
      }
      t[0] = s;
      value[0] = gs;
    } else {
      t[0] = t0;
      value[0] = known_ ? last_ : g(t0);
      if (broken(t0, value[0])) return found;
      if (!known_ && value[0] == 0) touched(t0, Time(0));
    }
    std::size_t size = 1;
    for (; size < t.size(); ++size) {
      t[size] = at(eighths[size]);
      value[size] = g(t[size]);
      if (broken(t[size], value[size])) break;
    }
    for (std::size_t i = 0; i < size; ++i) largest_ = std::max(largest_, std::abs(value[i]));
    const auto closer = [&](std::size_t i, std::size_t j) { return std::abs(value[i]) < std::abs(value[j]); };
    for (std::size_t i = 1; i < size && !found.crossed; ++i) {
      if (crosses(value[i - 1], value[i])) {
        if (matches(value[i] > value[i - 1])) cross(found, t[i - 1], value[i - 1], t[i], value[i], g);
        continue;
      }
      // least at t[i − 1] of three, or of the last step's end and two
      if (value[i - 1] == 0 || !(i == 1 ? approaching_ : closer(i - 1, i - 2)) || closer(i, i - 1)) continue;
      const std::size_t from = i == 1 ? 0 : i - 2;
      if (crosses(value[from], value[i])) continue;
      const auto [turn, least] = least_between(t[from], t[i], g);
      if (crosses(value[from], least)) {  // two zeros
        if (matches(least > value[from])) cross(found, t[from], value[from], turn, least, g);
        else cross(found, turn, least, t[i], value[i], g);
      } else if (std::abs(least) <= precision * largest_) {
        touched(turn, least);
      }
    }
    last_ = value.back();
    known_ = true;
    fired_ = false;
    approaching_ = closer(t.size() - 1, t.size() - 2) && !crosses(value[t.size() - 2], last_);
    return found;
  }

 private:
  static bool crosses(Time a, Time b) { return (a < 0 && b >= 0) || (a > 0 && b <= 0); }
  [[nodiscard]] bool matches(bool rising) const { return direction_ == Direction::any || (direction_ == Direction::rising) == rising; }
  template <class G>
  void cross(Found& found, Time a, Time fa, Time b, Time fb, G& g) {
    found.crossed = true;
    found.broken = false;
    found.rising = fb > fa;
    found.t = find_root(a, fa, b, fb, g);
    // the beginning of an interval of zeros
    const Time width = shift(std::max(std::abs(a), std::abs(b))), back = found.t + (a < b ? -width : width);
    if (fa == 0 || std::abs(found.t - a) <= width || g(found.t) != 0 || g(back) != 0) return;
    for (Time zero = found.t; std::abs(zero - a) > width / 8;) {
      const Time middle = a + (zero - a) / 2;
      (g(middle) == 0 ? zero : a) = middle;
      found.t = zero;
    }
  }

  Direction direction_;
  Time epsilon_;
  bool fired_ = false, known_ = false, approaching_ = false;
  Time last_ = 0, largest_ = 0, noise_ = 0;
};

}  // namespace detail
}  // namespace costate
