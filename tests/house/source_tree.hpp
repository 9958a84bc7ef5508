#pragma once
// What holds for the tree as a whole: floors, the mirror of tests and headers, the top level. Each check returns its findings,
// one line each, so that it can be tried on a tree that is wrong.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace house {

namespace fs = std::filesystem;
using Findings = std::vector<std::string>;

/// A header includes headers of its own room, or of rooms on lower floors.
inline const std::map<std::string, int> floors{{"core", 0}, {"autodiff", 1}, {"io", 1},    {"parallel", 1},
                                               {"ode", 2},  {"nn", 2},       {"optim", 2}, {"adjoint", 3},
                                               {"sde", 4},  {"train", 4},    {"models", 5}};

/// Headers that the umbrella leaves out because they need what not everybody has, by their path below include/.
inline const std::set<std::string> optional_headers{};

/// What may stand at the top beside dot-files; build/ is nobody's source.
inline const std::set<std::string> top_level{"include", "tests",          "benchmarks",        "examples",
                                             "cmake",   "CMakeLists.txt", "CMakePresets.json", "README.md",
                                             "LICENSE", "build"};

inline std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::exists(folder)) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The paths that a file includes, with quotes or brackets, as they are written.
inline std::vector<std::string> includes(const fs::path& file) {
  std::vector<std::string> found;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const auto word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const auto open = line.find_first_of("<\"", word);
    const auto close = open == std::string::npos ? open : line.find_first_of(">\"", open + 1);
    if (close != std::string::npos) found.push_back(line.substr(open + 1, close - open - 1));
  }
  return found;
}

/// "costate/ode/solve.hpp" is in the room "ode"; "costate/costate.hpp" and "vector" are in none.
inline std::string room_of(const std::string& include) {
  const fs::path path(include);
  const std::vector<std::string> parts(path.begin(), path.end());
  return parts.size() >= 3 && parts[0] == "costate" ? parts[1] : "";
}

inline Findings climbing_includes(const fs::path& root) {
  Findings findings;
  for (const auto& header : files_below(root / "include")) {
    const auto name = fs::relative(header, root / "include").generic_string();
    const auto room = room_of(name);
    if (room.empty()) continue;
    if (!floors.count(room)) {
      findings.push_back(name + " stands in a room without a floor");
      continue;
    }
    for (const auto& include : includes(header)) {
      if (include.rfind("costate/", 0) != 0) {
        if (fs::exists(header.parent_path() / include)) findings.push_back(name + " includes " + include + " by a relative path");
        continue;
      }
      const auto other = room_of(include);
      const bool allowed = other == room || (floors.count(other) && floors.at(other) < floors.at(room));
      if (!allowed) findings.push_back(name + " includes " + include);
    }
  }
  return findings;
}

inline Findings headers_outside_the_umbrella(const fs::path& root) {
  std::set<std::string> reached;
  std::vector<std::string> waiting{"costate/costate.hpp"};
  while (!waiting.empty()) {
    const auto name = waiting.back();
    waiting.pop_back();
    if (!reached.insert(name).second) continue;
    for (const auto& include : includes(root / "include" / name)) {
      if (include.rfind("costate/", 0) == 0) waiting.push_back(include);
    }
  }
  Findings findings;
  for (const auto& header : files_below(root / "include")) {
    const auto name = fs::relative(header, root / "include").generic_string();
    if (!reached.count(name) && !optional_headers.count(name)) findings.push_back(name + " is not reached from costate.hpp");
  }
  return findings;
}

inline Findings tests_without_a_header(const fs::path& root) {
  Findings findings;
  for (const auto& test : files_below(root / "tests")) {
    const auto name = fs::relative(test, root / "tests").generic_string();
    const auto room = name.substr(0, name.find('/'));
    const std::string ending = "_test.cpp";
    if (room == "house" || name.size() < ending.size() || name.substr(name.size() - ending.size()) != ending) continue;
    const auto stem = "include/costate/" + name.substr(0, name.size() - ending.size());
    const auto is_header = [&](std::size_t length) { return fs::exists(root / (stem.substr(0, length) + ".hpp")); };
    bool found = is_header(stem.npos);  // or, before an underscore, a header of which the test looks at one aspect
    for (auto at = stem.find('_'); at != stem.npos && !found; at = stem.find('_', at + 1)) found = is_header(at);
    if (!found) findings.push_back("tests/" + name + " mirrors no costate/" + name.substr(0, name.size() - ending.size()) + ".hpp");
  }
  return findings;
}

inline Findings strangers_at_the_top(const fs::path& root) {
  Findings findings;
  for (const auto& entry : fs::directory_iterator(root)) {
    const auto name = entry.path().filename().string();
    if (name[0] != '.' && !top_level.count(name)) findings.push_back(name);
  }
  return findings;
}

/// Absolute paths that exist on one person's machine only.
inline Findings machine_paths(const fs::path& root) {
  const std::set<std::string> text{"",    ".hpp",  ".cpp", ".txt", ".cmake", ".in", ".sh",
                                   ".md", ".json", ".csv", ".svg", ".yml",   ".gp"};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(root)) {
    const auto name = entry.path().filename().string();
    if (name == ".git" || name == "build" || name == ".cache") continue;
    if (entry.is_regular_file()) files.push_back(entry.path());
    if (entry.is_directory()) {
      for (auto& file : files_below(entry.path())) files.push_back(std::move(file));
    }
  }
  const auto part_of_longer_path = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '}' ||
           c == '/';
  };
  Findings findings;
  for (const auto& file : files) {
    if (!text.count(file.extension().string())) continue;
    const auto content = read(file);
    for (const std::string top : {"work", "home", "root", "Users"}) {
      const auto path = "/" + top + "/";
      for (auto at = content.find(path); at != std::string::npos; at = content.find(path, at + 1)) {
        if (at > 0 && part_of_longer_path(content[at - 1])) continue;
        findings.push_back(fs::relative(file, root).generic_string() + " names " +
                           content.substr(at, content.find_first_of(" \t\r\n\"'()<>,;", at) - at));
      }
    }
  }
  return findings;
}

}  // namespace house
