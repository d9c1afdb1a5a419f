// Simulated against published numbers, both axes logarithmic: one panel for times, one for each kind of rate, one for
// power.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "runtime/tools/validation/output.h"
#include "runtime/tools/validation/units.h"

namespace phx::validation {
namespace {

constexpr double kPanel = 560, kLeft = 80, kTop = 50, kBottom = 60, kGap = 100, kLegend = 210;
constexpr double kBand = 0.2;
constexpr size_t kLabels = 8;
constexpr const char* kColours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e",
                                    "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"};

struct Point {
  double published, simulated;  // in the panel's unit
  size_t family;
  bool frozen;
  std::string label;
  double error() const { return simulated / published - 1; }
};
struct Panel {
  const char *title, *unit;
  std::vector<Point> points;
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string tick_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string escaped(std::string_view text) {
  std::string made;
  for (char c : text) {
    if (c == '<')
      made += "&lt;";
    else if (c == '&')
      made += "&amp;";
    else if (c == '"')
      made += "&quot;";
    else
      made += c;
  }
  return made;
}

std::string text_at(double x, double y, const std::string& text, const std::string& more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + more + ">" + escaped(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) +
         "\" " + style + "/>\n";
}

// Both axes show the same powers of ten.
std::string drawn(const Panel& panel, double left) {
  double least = 1e300, most = 0;
  for (const Point& p : panel.points) {
    least = std::min({least, p.published, p.simulated});
    most = std::max({most, p.published, p.simulated});
  }
  const double low = std::log10(least) - 0.12, high = std::log10(most) + 0.12;
  auto x = [&](double v) { return left + (std::log10(v) - low) / (high - low) * kPanel; };
  auto y = [&](double v) { return kTop + kPanel - (std::log10(v) - low) / (high - low) * kPanel; };
  const std::string clip = "clip" + number(left);
  std::string svg = "<clipPath id=\"" + clip + "\"><rect x=\"" + number(left) + "\" y=\"" + number(kTop) +
                    "\" width=\"" + number(kPanel) + "\" height=\"" + number(kPanel) + "\"/></clipPath>\n";
  const double first = std::pow(10, low), last = std::pow(10, high);
  svg += "<g clip-path=\"url(#" + clip + ")\">\n<polygon fill=\"#e8eef6\" points=\"";
  for (auto [v, factor] : {std::pair(first, 1 - kBand), std::pair(last, 1 - kBand), std::pair(last, 1 + kBand),
                           std::pair(first, 1 + kBand)})
    svg += number(x(v)) + "," + number(y(v * factor)) + " ";
  svg += "\"/>\n" + line(x(first), y(first), x(last), y(last), "stroke=\"#555\"") + "</g>\n";
  // Powers of ten alone where there are many; every digit where there is hardly one.
  auto shown = [&](int digit) {
    return digit == 1 || high - low < 0.8 || (high - low < 2.5 && (digit == 2 || digit == 5));
  };
  for (int decade = static_cast<int>(std::floor(low)); decade <= static_cast<int>(std::ceil(high)); ++decade)
    for (int digit = 1; digit < 10; ++digit) {
      const double v = digit * std::pow(10, decade);
      if (std::log10(v) < low || std::log10(v) > high || !shown(digit)) continue;
      svg += line(x(v), kTop, x(v), kTop + kPanel, "stroke=\"#ddd\"") +
             line(left, y(v), left + kPanel, y(v), "stroke=\"#ddd\"");
      svg += text_at(x(v), kTop + kPanel + 18, tick_text(v), "text-anchor=\"middle\"");
      svg += text_at(left - 8, y(v) + 4, tick_text(v), "text-anchor=\"end\"");
    }
  svg += "<rect x=\"" + number(left) + "\" y=\"" + number(kTop) + "\" width=\"" + number(kPanel) + "\" height=\"" +
         number(kPanel) + "\" fill=\"none\" stroke=\"#333\"/>\n";
  svg += text_at(left + kPanel / 2, kTop - 14, panel.title, "text-anchor=\"middle\" font-size=\"15\"");
  svg +=
      text_at(left + kPanel / 2, kTop + kPanel + 42, std::string("published, ") + panel.unit, "text-anchor=\"middle\"");
  const double middle = kTop + kPanel / 2;
  svg += text_at(left - 56, middle, std::string("simulated, ") + panel.unit,
                 "text-anchor=\"middle\" transform=\"rotate(-90 " + number(left - 56) + " " + number(middle) + ")\"");
  for (const Point& p : panel.points) {
    const std::string colour = kColours[p.family % std::size(kColours)];
    svg += "<circle cx=\"" + number(x(p.published)) + "\" cy=\"" + number(y(p.simulated)) + "\" r=\"4.5\" stroke=\"" +
           colour + "\" stroke-width=\"1.4\" fill=\"" + colour + "\" fill-opacity=\"" + (p.frozen ? "0.65" : "0") +
           "\"><title>" + escaped(p.label) + ": published " + tick_text(p.published) + ", simulated " +
           tick_text(p.simulated) + " " + panel.unit + "</title></circle>\n";
  }
  std::vector<const Point*> worst;
  for (const Point& p : panel.points)
    if (std::abs(p.error()) > kBand / 2) worst.push_back(&p);
  std::sort(worst.begin(), worst.end(), [](const Point* a, const Point* b) {
    const double x = std::abs(a->error()), y = std::abs(b->error());
    return x != y ? x > y : a < b;
  });
  if (worst.size() > kLabels) worst.resize(kLabels);
  // From the top down, each label at least a line below the one before it.
  std::sort(worst.begin(), worst.end(), [](const Point* a, const Point* b) {
    return a->simulated != b->simulated ? a->simulated > b->simulated : a < b;
  });
  double taken = 0;
  for (const Point* p : worst) {
    const bool right = x(p->published) < left + kPanel * 0.55;
    const double at = std::max(y(p->simulated) + 4, taken + 13);
    taken = at;
    char error[16];
    std::snprintf(error, sizeof error, " %+.0f %%", 100 * p->error());
    svg += text_at(x(p->published) + (right ? 8 : -8), at, p->label + error,
                   std::string("font-size=\"11\" fill=\"#333\" text-anchor=\"") + (right ? "start" : "end") + "\"");
  }
  return svg;
}

}  // namespace

std::string plot(const std::vector<Result>& results) {
  Panel panels[] = {
      {"Times", "us", {}}, {"Operations", "TFLOPS or TOPS", {}}, {"Bytes", "GB/s", {}}, {"Power", "W", {}}};
  std::vector<std::string> families;
  for (const Result& result : results)
    for (size_t i = 0; i < result.values.size(); ++i) {
      const Published& p = result.subject->published[i];
      if (!result.values[i] || !counts(p)) continue;
      auto family = std::find(families.begin(), families.end(), result.subject->family);
      const auto index = static_cast<size_t>(family - families.begin());
      if (family == families.end()) families.push_back(result.subject->family);
      const size_t panel = p.quantity == "power" ? 3 : p.quantity != "rate" ? 0 : counts_operations(p.unit) ? 1 : 2;
      constexpr double kUnits[] = {1e-6, 1e12, 1e9, 1};
      const double scale = factor_of(p.unit, result.measurement.clock_hz) / kUnits[panel];
      const std::string label =
          result.subject->id + (p.quantity == "time" || p.quantity == "rate" ? "" : " " + p.quantity);
      panels[panel].points.push_back({p.value * scale, *result.values[i] * scale, index, p.frozen, label});
    }
  std::string body;
  double left = kLeft;
  for (const Panel& panel : panels) {
    if (panel.points.empty()) continue;
    body += drawn(panel, left);
    left += kPanel + kGap;
  }
  left -= kGap - 30;
  for (size_t i = 0; i < families.size(); ++i) {
    const double y = kTop + 20 + 20 * static_cast<double>(i);
    const std::string colour = kColours[i % std::size(kColours)];
    body += "<circle cx=\"" + number(left) + "\" cy=\"" + number(y - 4) + "\" r=\"5\" fill=\"" + colour + "\"/>\n" +
            text_at(left + 12, y, families[i]);
  }
  const double y = kTop + 40 + 20 * static_cast<double>(families.size());
  body += text_at(left - 5, y, "filled: frozen list") + text_at(left - 5, y + 18, "band: within 20 %");
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(left + kLegend) + "\" height=\"" +
         number(kTop + kPanel + kBottom) +
         "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
         body + "</svg>\n";
}

}  // namespace phx::validation
