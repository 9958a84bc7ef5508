#pragma once
// Tables in comma-separated values (RFC 4180), as data sets have them: quoted fields with delimiters, quotes and newlines inside,
// CRLF, a byte-order mark, trailing commas, missing values, comments. What is damaged is refused with the file, line and column.
//
//   const auto table = cs::read_csv("hare_lynx.csv");
//   const Eigen::VectorXd hare = table["hare"];                     // missing values are NaN
//   const Eigen::MatrixXd both = table.matrix({"hare", "lynx"});    // one row per record
//   cs::write_csv("fit.csv", {"t", "hare", "lynx"}, fit);

#include <istream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <costate/core/eigen.hpp>
#include <costate/core/error.hpp>
#include <costate/io/file.hpp>
#include <costate/io/number.hpp>

namespace costate {

/// How a text is cut into a table. Members in this order for designated initialisers.
struct CsvOptions {
  char delimiter = ',';
  bool header = true;   ///< the first record names the columns; without it they are called "0", "1", …
  char comment = '\0';  ///< lines that begin with this character are skipped; '\0': none are
  std::vector<std::string> missing = usual_missing();  ///< cells that mean "not measured"

  static std::vector<std::string> usual_missing() { return {"", "NA", "NaN", "nan", "?"}; }
};

/// A table read from CSV. Cells are kept as text and read as numbers when a column is asked for, so identifiers keep their leading
/// zeros, and an error points at its cell. Asking for an unknown column is an error that lists the known ones.
class Table {
 public:
  /// Number of records, without the header.
  Eigen::Index rows() const { return static_cast<Eigen::Index>(lines_.size()); }
  Eigen::Index cols() const { return static_cast<Eigen::Index>(names_.size()); }
  const std::vector<std::string>& names() const { return names_; }

  /// The numbers of a column; missing values are quiet NaN. FileError if a cell is something else or there is no such column.
  Eigen::VectorXd operator[](std::string_view name) const { return numbers(find(name)); }
  Eigen::VectorXd operator[](Eigen::Index column) const { return numbers(checked(column)); }

  /// Columns side by side: rows() × names.size().
  Eigen::MatrixXd matrix(const std::vector<std::string>& names) const;
  /// All columns, rows() × cols().
  Eigen::MatrixXd matrix() const;

  /// The cells of a column as they stand in the file, unquoted.
  std::vector<std::string> text(std::string_view name) const;

  bool has(std::string_view name) const;
  /// Whether every cell of the column is a number or missing.
  bool is_numeric(std::string_view name) const;

  friend Table parse_csv(std::string_view text, const CsvOptions& options, const std::string& source);

 private:
  std::size_t find(std::string_view name) const;
  std::size_t checked(Eigen::Index column) const;
  std::string_view cell(std::size_t row, std::size_t column) const;
  detail::Parsed number(std::size_t row, std::size_t column, double& value) const;
  Eigen::VectorXd numbers(std::size_t column) const;

  std::string source_;                // what messages call the file
  std::vector<std::string> names_;
  std::vector<std::string> missing_;
  std::size_t stride_ = 0;            // cells per record as read, ≥ names_.size()
  std::string cells_;                 // the text of all cells, record by record
  std::vector<std::size_t> ends_;     // where each cell ends in cells_
  std::vector<std::size_t> lines_;    // the line on which each record begins
};

/// Reads the table in `text`; `source` names it in messages. Throws FileError on ragged records, unclosed quotes, NUL bytes and an empty text.
/// Blank lines are skipped, so a missing value that is alone on its line must be written out (NA).
inline Table parse_csv(std::string_view text, const CsvOptions& options = {}, const std::string& source = "<text>");

/// Reads the table in the file at `path`.
inline Table read_csv(const std::string& path, const CsvOptions& options = {}) {
  return parse_csv(read_file(path), options, path);
}

/// Reads the table in what remains of `stream`.
inline Table read_csv(std::istream& stream, const CsvOptions& options = {}) {
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (stream.bad()) detail::fail<FileError>("cannot read the CSV stream after ", text.size(), " bytes");
  return parse_csv(text, options, "<stream>");
}

/// Writes one column per name. Numbers are the shortest that read back exactly; NaN is written NaN.
/// The file appears whole or not at all. ShapeError if the names do not match the columns.
template <class Derived>
void write_csv(const std::string& path, const std::vector<std::string>& names, const Eigen::DenseBase<Derived>& columns,
               char delimiter = ',');

namespace detail {

/// Cuts a text into records, one character at a time; knows where it is.
class CsvReader {
 public:
  CsvReader(std::string_view text, const CsvOptions& options, const std::string& source)
      : text_(text), options_(options), source_(source) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") text_.remove_prefix(3);
  }

  /// Appends the next record's cells; false at the end of the text. Blank lines and comments are passed over.
  bool record(std::string& cells, std::vector<std::size_t>& ends) {
    while (at_ < text_.size()) {
      record_line_ = line_;
      if (options_.comment != '\0' && text_[at_] == options_.comment) {
        while (at_ < text_.size() && !end_of_line()) ++at_;
        newline();
      } else if (!blank_line()) {
        while (field(cells, ends)) {
        }
        return true;
      }
    }
    return false;
  }

  std::size_t record_line() const { return record_line_; }

  template <class... Parts>
  [[noreturn]] void refuse(std::size_t at, const Parts&... parts) const {
    std::size_t begin = at;
    while (begin > 0 && text_[begin - 1] != '\n' && text_[begin - 1] != '\r') --begin;
    fail<FileError>(source_, ":", line_, ":", at - begin + 1, ": ", parts...);
  }

 private:
  bool end_of_line() const { return text_[at_] == '\n' || text_[at_] == '\r'; }

  void newline() {  // LF, CRLF or CR; nothing at the end of the text
    if (at_ == text_.size()) return;
    at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
    ++line_;
  }

  bool blank_line() {
    std::size_t end = at_;
    while (end < text_.size() && (text_[end] == ' ' || text_[end] == '\t') && text_[end] != options_.delimiter) ++end;
    if (end < text_.size() && text_[end] != '\n' && text_[end] != '\r') return false;
    at_ = end;
    newline();
    return true;
  }

  /// Reads one field and what ends it; whether another one follows in this record.
  bool field(std::string& cells, std::vector<std::size_t>& ends) {
    std::size_t quote = at_;
    while (quote < text_.size() && text_[quote] == ' ' && options_.delimiter != ' ') ++quote;
    const bool quoted = quote < text_.size() && text_[quote] == '"';
    if (quoted) {
      at_ = quote;
      quoted_field(cells);
    }
    while (at_ < text_.size() && text_[at_] != options_.delimiter && !end_of_line()) {
      const char c = text_[at_];
      if (c == '\0') refuse(at_, "a NUL byte; expected text. Is this a binary file, or one in UTF-16?");
      if (quoted && c != ' ') refuse(at_, "'", c, "' after a closing quote; expected '", options_.delimiter, "' or the end of the line");
      if (!quoted) cells += c;
      ++at_;
    }
    ends.push_back(cells.size());
    if (at_ < text_.size() && text_[at_] == options_.delimiter) return ++at_, true;
    newline();
    return false;
  }

  void quoted_field(std::string& cells) {
    const std::size_t opening = at_++, opening_line = line_;
    for (;; ++at_) {
      if (at_ == text_.size()) {
        line_ = opening_line;
        refuse(opening, "a quote that is never closed. Is the file truncated?");
      }
      const char c = text_[at_];
      if (c == '\0') refuse(at_, "a NUL byte; expected text");
      if (c == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') return;  // else "" is a quote
      }
      if (c == '\n' || (c == '\r' && text_.substr(at_, 2) != "\r\n")) ++line_;
      cells += c;
    }
  }

  std::string_view text_;
  const CsvOptions& options_;
  const std::string& source_;
  std::size_t at_ = 0, line_ = 1, record_line_ = 1;
};

inline void append_csv_field(std::string& text, std::string_view field, char delimiter) {
  const bool plain = field.find_first_of("\"\r\n#") == field.npos && field.find(delimiter) == field.npos &&
                     !field.empty() && trimmed(field).size() == field.size();
  if (plain) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) text.append(c == '"' ? 2 : 1, c);
  text += '"';
}

}  // namespace detail

inline Table parse_csv(std::string_view text, const CsvOptions& options, const std::string& source) {
  const char d = options.delimiter;
  if (d == '"' || d == '\n' || d == '\r' || d == '\0' || d == options.comment)
    detail::fail<OptionError>("CSV delimiter (character ", int(d), ") must not be a quote, a newline, NUL or the comment character");
  if (text.substr(0, 2) == "\x1f\x8b") detail::fail<FileError>(source, " is compressed with gzip; decompress it first (gzip -d)");
  Table table;
  table.source_ = source;
  table.missing_ = options.missing;
  detail::CsvReader reader(text, options, source);

  std::size_t needed = 0;  // fields a record must have: trailing commas of the header promise nothing
  if (options.header) {
    std::string cells;
    std::vector<std::size_t> ends;
    if (!reader.record(cells, ends)) detail::fail<FileError>(source, " is empty; expected a header line");
    for (std::size_t i = 0, begin = 0; i < ends.size(); begin = ends[i++]) {
      table.names_.emplace_back(detail::trimmed(std::string_view(cells).substr(begin, ends[i] - begin)));
      if (!table.names_.back().empty()) needed = i + 1;
    }
    table.stride_ = table.names_.size();
  }
  std::size_t used = needed;  // columns that have a name or something in them
  for (;;) {
    const std::size_t first = table.ends_.size(), begin = table.cells_.size();
    if (!reader.record(table.cells_, table.ends_)) break;
    std::size_t fields = table.ends_.size() - first;
    if (table.stride_ == 0) needed = table.stride_ = fields;  // no header: the first record sets the width
    const auto is_empty = [&](std::size_t i) { return table.ends_[first + i] == (first + i ? table.ends_[first + i - 1] : 0); };
    while (fields > table.stride_ && is_empty(fields - 1)) --fields;
    if (fields < needed || fields > table.stride_)
      detail::fail<FileError>(source, ":", reader.record_line(), ": ", fields, " fields; expected ", table.stride_, ", as in the first record. This one begins \"",
                              std::string_view(table.cells_).substr(begin, 40), "\"");
    table.ends_.resize(first + table.stride_, table.cells_.size());
    for (std::size_t i = used; i < fields; ++i)
      if (!is_empty(i)) used = i + 1;
    table.lines_.push_back(reader.record_line());
  }
  if (table.stride_ == 0) detail::fail<FileError>(source, " is empty; expected at least one record");
  if (!options.header)
    for (std::size_t i = 0; i < used; ++i) table.names_.push_back(std::to_string(i));
  table.names_.resize(used);  // columns of nothing come from trailing commas
  return table;
}

inline bool Table::has(std::string_view name) const {
  for (const auto& known : names_)
    if (known == name) return true;
  return false;
}

inline std::size_t Table::find(std::string_view name) const {
  std::size_t found = names_.size(), count = 0;
  for (std::size_t i = names_.size(); i-- > 0;)
    if (names_[i] == name) found = i, ++count;
  if (count == 1) return found;
  if (count > 1) detail::fail<FileError>(source_, ": ", count, " columns are called \"", name, "\"; take them by number");
  std::string known;
  for (const auto& n : names_) known += (known.empty() ? "\"" : ", \"") + n + '"';
  detail::fail<FileError>(source_, ": no column \"", name, "\"; there are ", known);
}

inline std::size_t Table::checked(Eigen::Index column) const {
  if (column < 0 || column >= cols()) detail::fail<RangeError>(source_, ": no column ", column, "; there are ", cols());
  return static_cast<std::size_t>(column);
}

inline std::string_view Table::cell(std::size_t row, std::size_t column) const {
  const std::size_t i = row * stride_ + column, begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(cells_).substr(begin, ends_[i] - begin);
}

inline detail::Parsed Table::number(std::size_t row, std::size_t column, double& value) const {
  const auto found = detail::trimmed(cell(row, column));
  for (const auto& missing : missing_)
    if (found == missing) return value = std::numeric_limits<double>::quiet_NaN(), detail::Parsed::number;
  return detail::parse_number(found, value);
}

inline Eigen::VectorXd Table::numbers(std::size_t column) const {
  Eigen::VectorXd values(rows());
  for (std::size_t row = 0; row < lines_.size(); ++row) {
    const auto parsed = number(row, column, values[static_cast<Eigen::Index>(row)]);
    if (parsed != detail::Parsed::number)
      detail::fail<FileError>(source_, ":", lines_[row], ": column ", column + 1, " (\"", names_[column], "\"): \"", cell(row, column).substr(0, 40),
                              parsed == detail::Parsed::not_a_number ? "\" is not a number" : "\" is beyond the range of double",
                              "; take it as text, or add it to the missing values");
  }
  return values;
}

inline Eigen::MatrixXd Table::matrix(const std::vector<std::string>& names) const {
  Eigen::MatrixXd values(rows(), static_cast<Eigen::Index>(names.size()));
  for (std::size_t i = 0; i < names.size(); ++i) values.col(static_cast<Eigen::Index>(i)) = (*this)[names[i]];
  return values;
}

inline Eigen::MatrixXd Table::matrix() const {
  Eigen::MatrixXd values(rows(), cols());
  for (Eigen::Index i = 0; i < cols(); ++i) values.col(i) = (*this)[i];
  return values;
}

inline std::vector<std::string> Table::text(std::string_view name) const {
  const std::size_t column = find(name);
  std::vector<std::string> values;
  values.reserve(lines_.size());
  for (std::size_t row = 0; row < lines_.size(); ++row) values.emplace_back(cell(row, column));
  return values;
}

inline bool Table::is_numeric(std::string_view name) const {
  const std::size_t column = find(name);
  double value = 0;
  for (std::size_t row = 0; row < lines_.size(); ++row)
    if (number(row, column, value) != detail::Parsed::number) return false;
  return true;
}

template <class Derived>
void write_csv(const std::string& path, const std::vector<std::string>& names, const Eigen::DenseBase<Derived>& columns,
               char delimiter) {
  if (names.empty() || static_cast<Eigen::Index>(names.size()) != columns.cols())
    detail::fail<ShapeError>("write_csv of ", path, ": ", names.size(), " names for a matrix of ", columns.rows(), " x ", columns.cols(),
                             "; one name per column is expected");
  const auto values = columns.derived().eval();
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += delimiter;
    detail::append_csv_field(text, names[i], delimiter);
  }
  text += '\n';
  for (Eigen::Index row = 0; row < values.rows(); ++row) {
    for (Eigen::Index column = 0; column < values.cols(); ++column) {
      if (column > 0) text += delimiter;
      detail::append_number(text, values(row, column));
    }
    text += '\n';
  }
  write_file(path, text);
}

}  // namespace costate
