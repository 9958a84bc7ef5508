#pragma once
// Whole files in, whole files out. A file is written to a temporary beside it and renamed when it is complete, so that a
// full disk, an exception or another reader never leaves or meets half a file.

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <costate/core/error.hpp>

namespace costate {

/// The bytes of the file at `path`. Throws FileError if it cannot be opened or read to its end.
inline std::string read_file(const std::string& path);

/// Replaces the file at `path` by `bytes`, or leaves it as it was and throws FileError.
/// Atomic for other readers and for failures of this program; it does not wait for the disk.
inline void write_file(const std::string& path, std::string_view bytes);

namespace detail {

struct OpenFile {
  explicit OpenFile(std::FILE* stream) : stream_(stream) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(); }
  bool close() { return !stream_ || std::fclose(std::exchange(stream_, nullptr)) == 0; }
  std::FILE* get() const { return stream_; }

 private:
  std::FILE* stream_;
};

/// Opens a new file whose name is `path` with a suffix; `path` becomes that name. Null, with errno set, if it cannot.
inline std::FILE* open_beside(std::string& path) {
  const std::string stem = path;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    path = stem + ".part" + std::to_string(attempt);
    if (std::FILE* stream = std::fopen(path.c_str(), "wbx")) return stream;  // x: never somebody else's file
    if (errno != EEXIST) return nullptr;
  }
  return nullptr;
}

}  // namespace detail

inline std::string read_file(const std::string& path) {
  detail::OpenFile file(std::fopen(path.c_str(), "rb"));
  if (!file.get()) detail::fail<FileError>("cannot open ", path, ": ", std::strerror(errno));
  std::string bytes;
  char block[1 << 14];
  while (const auto n = std::fread(block, 1, sizeof block, file.get())) bytes.append(block, n);
  if (std::ferror(file.get())) detail::fail<FileError>("cannot read ", path, ": ", std::strerror(errno));
  return bytes;
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::string temporary = path;
  detail::OpenFile file(detail::open_beside(temporary));
  if (!file.get()) detail::fail<FileError>("cannot create ", temporary, " to write ", path, ": ", std::strerror(errno));
  const bool whole = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  const int write_error = errno;
  if (!file.close() || !whole || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = whole ? errno : write_error;
    std::remove(temporary.c_str());
    detail::fail<FileError>("cannot write ", path, ": ", std::strerror(error));
  }
}

}  // namespace costate
