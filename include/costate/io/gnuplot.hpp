#pragma once
// The program gnuplot: where it is, and one run of it. It gets a file, never a command line made of the user's words, and no shell.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <costate/core/error.hpp>
#include <costate/io/file.hpp>

#if __has_include(<spawn.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern "C" char** environ;
#define COSTATE_HAS_SPAWN
#endif

namespace costate::detail {

/// The path of gnuplot: COSTATE_GNUPLOT if that is set, else the first on the PATH. Empty where there is none.
inline std::string find_gnuplot() {
#ifdef COSTATE_HAS_SPAWN
  const char* given = std::getenv("COSTATE_GNUPLOT");
  if (given) return *given && access(given, X_OK) == 0 ? given : "";
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "";
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/gnuplot";
    if (end > 0 && access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
#endif
  return "";
}

#ifdef COSTATE_HAS_SPAWN

/// A directory that nobody else can read; it goes, with the files named to it, at the end.
class PrivateDirectory {
 public:
  PrivateDirectory() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base && *base ? base : "/tmp") + "/costate-XXXXXX";
    if (!mkdtemp(path_.data())) fail<FileError>("cannot make a temporary directory ", path_, ": ", std::strerror(errno));
  }
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  ~PrivateDirectory() {
    for (const auto& file : files_) unlink(file.c_str());
    rmdir(path_.c_str());
  }
  const std::string& file(const std::string& name) { return files_.emplace_back(path_ + "/" + name); }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

/// Runs `program` on `script`, with what it says in the file `log`. FileError with these words if it fails.
inline void run_gnuplot(const std::string& program, std::string script, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::string name = program, no_startup_files = "-d";
  char* arguments[] = {name.data(), no_startup_files.data(), script.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail<FileError>("cannot run ", program, ": ", std::strerror(error));
  int status = 0;
  pid_t ended = 0;
  do ended = waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  if (ended < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return;  // without a status, the picture decides
  std::string said;
  for (const char c : read_file(log).substr(0, 2000))  // on one line
    if (c != '\n' && c != '\t') {
      said += c;
    } else if (!said.empty() && said.back() != ' ') {
      said += ' ';
    }
  if (WIFSIGNALED(status)) said += "(killed by signal " + std::to_string(WTERMSIG(status)) + ")";
  fail<FileError>(program, " failed: ", said.empty() ? "it said nothing" : said);
}

#endif

/// The picture gnuplot draws: `write(picture, data)` gives the script and the data for these two paths.
template <class Write>
std::string draw_with_gnuplot(const std::string& program, const std::string& ending, const Write& write) {
#ifdef COSTATE_HAS_SPAWN
  PrivateDirectory directory;
  const std::string picture = directory.file("picture" + ending), data = directory.file("data"), script = directory.file("script");
  const auto contents = write(picture, data);
  write_file(data, contents.data);
  write_file(script, contents.script);
  run_gnuplot(program, script, directory.file("log"));
  std::string drawn = read_file(picture);
  if (drawn.empty()) fail<FileError>(program, " drew nothing");
  return drawn;
#else
  fail<FileError>("cannot run ", program, " on this system");
#endif
}

}  // namespace costate::detail

#undef COSTATE_HAS_SPAWN
