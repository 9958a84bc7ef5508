#pragma once
// Figures for papers and READMEs: panels on a grid, each with series, bands, vector fields and reference slopes, drawn by gnuplot
// into SVG or PNG.
//
//   cs::Figure figure;
//   auto& left = figure.panel("Hare and lynx").x_label("year").y_label("thousand pelts");
//   left.points(year, hare, {.label = "hare", .color = cs::Color::blue}).line(t, fit, {.label = "fit", .color = cs::Color::blue});
//   figure.panel("Phase portrait").vector_field(f, {0, 90}, {0, 70}).line(fit.row(0), fit.row(1));
//   for (const auto& path : figure.save("hare_lynx.svg")) std::printf("wrote %s\n", path.c_str());

#include <cstdio>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include <costate/core/error.hpp>
#include <costate/io/figure_script.hpp>
#include <costate/io/file.hpp>
#include <costate/io/gnuplot.hpp>
#include <costate/io/panel.hpp>

namespace costate {

/// Panels, filled row by row, and the picture made of them.
class Figure {
 public:
  explicit Figure(const FigureOptions& options = {});

  /// A new panel; the reference is good as long as the figure.
  Panel& panel(std::string title = "") { return panels_.emplace_back().title(std::move(title)); }

  /// Draws into `path`, by its ending .svg or .png, and gives the paths written: the picture, replaced whole or left as it was. Without
  /// gnuplot these are its data (.dat) and its script (.gp), and a line on stderr says so. gnuplot is looked for on the PATH, or at
  /// COSTATE_GNUPLOT where that is set. FileError with gnuplot's words where it fails, OptionError for another ending or no panel.
  std::vector<std::string> save(const std::string& path) const;

 private:
  FigureOptions options_;
  std::list<Panel> panels_;
};

inline Figure::Figure(const FigureOptions& options) : options_(options) {
  if (options.columns < 0 || options.width < 50 || options.height < 50 || options.font < 1 || !(options.png_scale > 0) || options.png_scale > 20)
    detail::fail<OptionError>("figure with ", options.columns, " columns, panels of ", options.width, " x ", options.height, ", font ",
                              options.font, ", png_scale ", options.png_scale,
                              "; expected columns of 0 or more, panels of 50 x 50 or more, a font of 1 or more, a scale in (0, 20]");
}

inline std::vector<std::string> Figure::save(const std::string& path) const {
  const auto dot = path.find_last_of("./");
  const std::string ending = dot == path.npos || path[dot] == '/' ? "" : path.substr(dot);
  if (ending != ".svg" && ending != ".png") detail::fail<OptionError>("cannot draw ", path, ": expected a path ending in .svg or .png");
  if (panels_.empty()) detail::fail<OptionError>("cannot draw ", path, ": the figure has no panel");
  const auto write = [&](const std::string& picture, const std::string& data) {
    return detail::FigureScript(options_, panels_, picture, data, ending == ".png");
  };
  if (const std::string gnuplot = detail::find_gnuplot(); !gnuplot.empty()) {
    write_file(path, detail::draw_with_gnuplot(gnuplot, ending, write));
    return {path};
  }
  const std::string stem = path.substr(0, dot), name = stem.substr(stem.find_last_of('/') + 1);  // npos + 1 is 0
  const auto contents = write(name + ending, name + ".dat");
  write_file(stem + ".dat", contents.data);
  write_file(stem + ".gp", contents.script);
  std::fprintf(stderr, "costate: no gnuplot found, so %s was not drawn; its data are in %s.dat, the script to draw it is %s.gp\n", path.c_str(),
               stem.c_str(), stem.c_str());
  return {stem + ".dat", stem + ".gp"};
}

}  // namespace costate
