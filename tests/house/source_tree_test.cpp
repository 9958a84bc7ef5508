#include "house/source_tree.hpp"

#include "catch.hpp"

namespace {

const house::fs::path root = COSTATE_SOURCE_DIR;

/// A small tree on disk, removed at the end.
class PlantedTree {
 public:
  explicit PlantedTree(const std::string& name) : root_(house::fs::temp_directory_path() / ("costate_house_" + name)) {
    house::fs::remove_all(root_);
    house::fs::create_directories(root_);
  }
  PlantedTree(const PlantedTree&) = delete;
  PlantedTree& operator=(const PlantedTree&) = delete;
  ~PlantedTree() { house::fs::remove_all(root_); }

  void plant(const std::string& path, const std::string& content) const {
    house::fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  const house::fs::path& path() const { return root_; }

 private:
  house::fs::path root_;
};

}  // namespace

TEST_CASE("headers include their own room or lower floors", "[house]") {
  CHECK(house::climbing_includes(root) == house::Findings{});
}

TEST_CASE("the umbrella header reaches every header", "[house]") {
  CHECK(house::headers_outside_the_umbrella(root) == house::Findings{});
}

TEST_CASE("every test mirrors a header", "[house]") { CHECK(house::tests_without_a_header(root) == house::Findings{}); }

TEST_CASE("the top level holds what was agreed", "[house]") { CHECK(house::strangers_at_the_top(root) == house::Findings{}); }

TEST_CASE("no file names a path of somebody's machine", "[house]") { CHECK(house::machine_paths(root) == house::Findings{}); }

TEST_CASE("the checks of the tree find what is wrong with a wrong tree", "[house]") {
  const PlantedTree tree("wrong");
  tree.plant("include/costate/costate.hpp", "#include <costate/ode/solve.hpp>\n");
  tree.plant("include/costate/core/error.hpp", "#pragma once\n");
  tree.plant("include/costate/ode/solve.hpp", "#include <costate/core/error.hpp>\n#include <vector>\n");
  tree.plant("include/costate/ode/upward.hpp", "  #  include \"costate/adjoint/odeint.hpp\"\n");
  tree.plant("include/costate/ode/sideways.hpp", "#include <costate/nn/dense.hpp>\n");
  tree.plant("include/costate/io/sideways.hpp", "#include <costate/autodiff/tape.hpp>\n");
  tree.plant("include/costate/ode/relative.hpp", "#include \"solve.hpp\"\n// #include <costate/models/flow.hpp>\n");
  tree.plant("include/costate/core/roof.hpp", "#include <costate/costate.hpp>\n");
  tree.plant("include/costate/attic/box.hpp", "");
  CHECK(house::climbing_includes(tree.path()) == house::Findings{"costate/attic/box.hpp stands in a room without a floor",
                                                                 "costate/core/roof.hpp includes costate/costate.hpp",
                                                                 "costate/io/sideways.hpp includes costate/autodiff/tape.hpp",
                                                                 "costate/ode/relative.hpp includes solve.hpp by a relative path",
                                                                 "costate/ode/sideways.hpp includes costate/nn/dense.hpp",
                                                                 "costate/ode/upward.hpp includes costate/adjoint/odeint.hpp"});
  CHECK(house::headers_outside_the_umbrella(tree.path()).size() == 6);  // all but solve.hpp and what it includes

  tree.plant("tests/ode/solve_test.cpp", "");
  tree.plant("tests/ode/resolve_test.cpp", "");
  tree.plant("tests/house/anything_test.cpp", "");
  CHECK(house::tests_without_a_header(tree.path()) ==
        house::Findings{"tests/ode/resolve_test.cpp mirrors no costate/ode/resolve.hpp"});

  tree.plant("notes.txt", "");
  tree.plant(".clang-format", "");
  CHECK(house::strangers_at_the_top(tree.path()) == house::Findings{"notes.txt"});

  const std::string home = std::string("/home") + "/";
  tree.plant("examples/spiral/main.cpp", "open(\"" + home + "me/data.csv\"); open(\"data" + home + "x\"); // https://a.b" + home);
  CHECK(house::machine_paths(tree.path()) == house::Findings{"examples/spiral/main.cpp names " + home + "me/data.csv"});
}
