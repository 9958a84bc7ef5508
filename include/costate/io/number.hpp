#pragma once
// Numbers to and from text, the same in every locale: a decimal comma in the user's language must not change a file.

#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace costate::detail {

/// Appends the shortest text that reads back as exactly `value`; NaN is written "NaN", infinities "inf" and "-inf".
template <class T>
  requires std::is_arithmetic_v<T>
void append_number(std::string& text, T value) {
  if constexpr (std::floating_point<T>) {
    if (value != value) {  // to_chars would keep the sign of a NaN: "-nan"
      text += "NaN";
      return;
    }
  }
  char digits[64];  // long double needs 21 digits, a sign, a point and an exponent of five characters
  text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

enum class Parsed { number, not_a_number, out_of_range };

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Reads the whole of `text`, but for blanks around it, as one decimal number; a leading plus is taken.
inline Parsed parse_number(std::string_view text, double& value) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return Parsed::not_a_number;
  return error == std::errc{} ? Parsed::number : Parsed::out_of_range;
}

}  // namespace costate::detail
