#pragma once
// Random: a counter-based generator, with independent streams and results that are the same on every platform.
//
// Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) encrypts a counter with
// the seed as its key. A stream is the upper half of the counter: sample k or thread k takes `random.stream(k)` and gets its
// own 2⁶⁴ numbers, whatever the others draw. The distributions here, unlike std::normal_distribution, are specified: they
// give the same numbers with every standard library (normal up to the roundings of its log).

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace costate {

/// std::uniform_random_bit_generator, without the weight of <random>.
template <class G>
concept BitGenerator = std::unsigned_integral<typename G::result_type> && requires(G& g) {
  { g() } -> std::same_as<typename G::result_type>;
  { G::min() } -> std::same_as<typename G::result_type>;
  { G::max() } -> std::same_as<typename G::result_type>;
};

/// Ten rounds of Philox on four 32-bit words.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0], b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9, key[1] += 0xBB67AE85;  // golden ratio and √3 − 1
  }
  return counter;
}

/// A uniform random bit generator wherever std::mt19937 is one. A copy continues with the same numbers.
class Random {
 public:
  using result_type = std::uint32_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return 0xFFFFFFFF; }

  constexpr explicit Random(std::uint64_t seed = 0, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  /// The beginning of stream k of this generator's seed, independent of what has been drawn.
  constexpr Random stream(std::uint64_t k) const { return Random(seed_, k); }

  constexpr result_type operator()() {
    if (position_ % 4 == 0) block_ = philox4x32(split(position_ / 4, stream_), {low(seed_), high(seed_)});
    return block_[position_++ % 4];
  }

  /// Skips n numbers in constant time.
  constexpr void discard(std::uint64_t n) {
    position_ += n;
    if (position_ % 4 != 0) block_ = philox4x32(split(position_ / 4, stream_), {low(seed_), high(seed_)});
  }

  constexpr std::uint64_t seed() const { return seed_; }
  constexpr std::uint64_t stream() const { return stream_; }
  /// How many numbers have been drawn: with seed and stream, all there is to save in a checkpoint.
  constexpr std::uint64_t position() const { return position_; }

  friend constexpr bool operator==(const Random& a, const Random& b) {
    return a.seed_ == b.seed_ && a.stream_ == b.stream_ && a.position_ == b.position_;
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
  static constexpr std::array<std::uint32_t, 4> split(std::uint64_t x, std::uint64_t y) {
    return {low(x), high(x), low(y), high(y)};
  }

  std::uint64_t seed_, stream_, position_ = 0;
  std::array<std::uint32_t, 4> block_{};
};

/// A number of [0, 1), a multiple of 2⁻²⁴ for float, of 2⁻⁵³ for the others. Takes any generator of 32 or 64 random bits.
template <std::floating_point S = double, BitGenerator G>
S uniform(G& random) {
  static_assert(G::min() == 0 && (G::max() == 0xFFFFFFFF || G::max() == 0xFFFFFFFFFFFFFFFF),
                "costate: the generator must give 32 or 64 random bits, as std::mt19937 does.");
  constexpr bool wide = G::max() != 0xFFFFFFFF;
  std::uint64_t bits = static_cast<std::uint64_t>(random()) << (wide ? 0 : 32);
  if constexpr (std::is_same_v<S, float>)
    return static_cast<float>(bits >> 40) * 0x1p-24f;
  else {
    if constexpr (!wide) bits |= static_cast<std::uint64_t>(random());
    return static_cast<S>(bits >> 11) * static_cast<S>(0x1p-53);
  }
}

/// A number of [low, high) (high may be reached by rounding).
template <std::floating_point S, BitGenerator G>
S uniform(G& random, S low, S high) {
  return low + (high - low) * uniform<S>(random);
}

/// A standard normal number, by the polar method (Marsaglia & Bray, SIAM Review 6 (1964) 260–264); the second of each pair is
/// dropped, so that a number depends on the generator's state only.
template <std::floating_point S = double, BitGenerator G>
S normal(G& random) {
  for (;;) {
    const S u = 2 * uniform<S>(random) - 1, v = 2 * uniform<S>(random) - 1, s = u * u + v * v;
    if (s < 1 && s > 0) return u * std::sqrt(-2 * std::log(s) / s);
  }
}

/// Fills n numbers from `out` on, in order. For an Eigen object: fill_normal(random, y.data(), y.size()).
template <std::floating_point S, BitGenerator G>
void fill_uniform(G& random, S* out, std::ptrdiff_t n, std::type_identity_t<S> low = 0, std::type_identity_t<S> high = 1) {
  for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = uniform<S>(random, low, high);
}
template <std::floating_point S, BitGenerator G>
void fill_normal(G& random, S* out, std::ptrdiff_t n, std::type_identity_t<S> mean = 0, std::type_identity_t<S> deviation = 1) {
  for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = mean + deviation * normal<S>(random);
}

}  // namespace costate
