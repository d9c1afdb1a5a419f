#include "runtime/src/profile/profile_text.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace phx::rt {
namespace {

using Json = nlohmann::ordered_json;

double number(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}
std::string word(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
const Json& part(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  auto found = object.find(key);
  return found != object.end() && found->is_structured() ? *found : kNone;
}

// Three or four digits with a unit: 12.34 us, 1.850 GB.
std::string scaled(double value, const std::vector<const char*>& units, double step) {
  size_t unit = 0;
  while (value >= step && unit + 1 < units.size()) value /= step, ++unit;
  char text[40];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f %s" : "%.4g %s", value, units[unit]);
  return text;
}
std::string time(double seconds) { return scaled(seconds * 1e9, {"ns", "us", "ms", "s"}, 1000); }
std::string bytes(double count) { return scaled(count, {"B", "KiB", "MiB", "GiB", "TiB"}, 1024); }
std::string rate(double count) { return scaled(count, {"", "K", "M", "G", "T", "P"}, 1000); }

std::string shortened(const std::string& text, size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 2) + "..";
}

using Ranking = std::vector<std::pair<std::string, double>>;
Ranking ranked(const Json& amounts) {
  Ranking list;
  for (const auto& [name, value] : amounts.items())
    if (value.is_number() && value.get<double>() > 0) list.emplace_back(name, value.get<double>());
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return list;
}

// Waits that only say that the scalar unit was ahead are no reason for anything.
bool is_cause(const std::string& stall) { return !stall.starts_with("queue") && stall != "drain"; }

class Text {
 public:
  Text(const Json& report, const ProfileTextOptions& options) : report_(report), options_(options) {
    for (const Json& kernel : part(report, "kernels")) kernels_.push_back(&kernel);
    std::stable_sort(kernels_.begin(), kernels_.end(),
                     [](const Json* a, const Json* b) { return number(*a, "seconds") > number(*b, "seconds"); });
  }

  std::string all() {
    summary();
    table();
    pipes();
    roofline();
    lines();
    traffic();
    energy();
    messages();
    return std::move(text_);
  }

 private:
  [[gnu::format(printf, 2, 3)]] void put(const char* format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text_ += line;
  }
  size_t shown() const { return std::min<size_t>(kernels_.size(), options_.kernels); }

  void summary() {
    double seconds = 0, launches = 0;
    for (const Json* kernel : kernels_) seconds += number(*kernel, "seconds"), launches += number(*kernel, "launches");
    put("%s, %.0f device%s, %s mode\n", word(report_, "machine").c_str(), number(report_, "devices"),
        number(report_, "devices") == 1 ? "" : "s", word(report_, "mode").c_str());
    if (report_.contains("simulated_seconds") && report_["simulated_seconds"].is_number())
      put("simulated %s, of it %s in %.0f launches of %zu kernels; ",
          time(number(report_, "simulated_seconds")).c_str(), time(seconds).c_str(), launches, kernels_.size());
    put("host %s\n", time(number(report_, "host_seconds")).c_str());
    double peak = 0;
    for (const Json& device : part(report_, "memory")) peak = std::max(peak, number(device, "peak_bytes"));
    if (peak > 0) put("most device memory in use: %s\n", bytes(peak).c_str());
    put("weakest evidence of a machine number: %s\n", word(report_, "weakest_source").c_str());
  }

  void table() {
    double whole = 0;
    for (const Json* kernel : kernels_) whole += number(*kernel, "seconds");
    if (kernels_.empty()) return;
    put("\n%-44s %-4s %8s %10s %6s %12s\n", "kernel", "core", "launches", "time", "share", "cycles");
    for (size_t i = 0; i < shown(); ++i) {
      const Json& kernel = *kernels_[i];
      put("%-44s %-4s %8.0f %10s %5.1f%% %12.0f\n", shortened(word(kernel, "name"), 44).c_str(),
          word(kernel, "core").c_str(), number(kernel, "launches"), time(number(kernel, "seconds")).c_str(),
          whole > 0 ? 100 * number(kernel, "seconds") / whole : 0, number(kernel, "cycles"));
    }
    if (kernels_.size() > shown()) put("and %zu more\n", kernels_.size() - shown());
  }

  void pipes() {
    const std::pair<const char*, const char*> columns[] = {
        {"aic_mac_ratio", "cube"},    {"aic_mte1_ratio", "mte1"},   {"aic_mte2_ratio", "mte2"},
        {"aic_fixpipe_ratio", "fix"}, {"aiv_vec_ratio", "vec"},     {"aiv_mte2_ratio", "v.mte2"},
        {"aiv_mte3_ratio", "v.mte3"}, {"aic_scalar_ratio", "scal"}, {"aiv_scalar_ratio", "v.scal"}};
    if (kernels_.empty()) return;
    put("\n%-44s", "pipes busy, % of the cores' time");
    for (const auto& [column, name] : columns) put(" %6s", name);
    put("\n");
    for (size_t i = 0; i < shown(); ++i) {
      put("%-44s", shortened(word(*kernels_[i], "name"), 44).c_str());
      const Json& msprof = part(*kernels_[i], "msprof");
      for (const auto& [column, name] : columns) {
        if (msprof.contains(column))
          put(" %6.1f", 100 * number(msprof, column));
        else
          put(" %6s", "-");
      }
      put("\n");
    }
  }

  void roofline() {
    if (kernels_.empty()) return;
    put("\n%-44s %10s %10s %10s  %-14s %6s\n", "roofline", "op/s", "peak", "op/B hbm", "bound by", "of it");
    for (size_t i = 0; i < shown(); ++i) {
      const Json& at = part(*kernels_[i], "roofline");
      if (at.empty()) continue;
      char intensity[24] = "-";
      if (number(at, "hbm_bytes") > 0) std::snprintf(intensity, sizeof intensity, "%.3g", number(at, "intensity"));
      put("%-44s %10s %10s %10s  %-14s %5.1f%%\n", shortened(word(*kernels_[i], "name"), 44).c_str(),
          number(at, "flops") > 0 ? rate(number(at, "flops_per_second")).c_str() : "-",
          number(at, "flops") > 0 ? rate(number(at, "peak_flops_per_second")).c_str() : "-", intensity,
          word(at, "bound").c_str(), 100 * number(at, "share"));
    }
  }

  void lines() {
    struct Hot {
      const Json* line;
      double busy = 0, waited = 0;
      Ranking causes;
    };
    std::vector<Hot> hot;
    for (const Json* kernel : kernels_)
      for (const Json& line : part(*kernel, "lines")) {
        Hot one{&line, 0, 0, ranked(part(line, "stalls"))};
        std::erase_if(one.causes, [](const auto& cause) { return !is_cause(cause.first); });
        for (const auto& [pipe, cycles] : ranked(part(line, "busy"))) one.busy += cycles;
        for (const auto& [cause, cycles] : one.causes) one.waited += cycles;
        hot.push_back(std::move(one));
      }
    std::stable_sort(hot.begin(), hot.end(),
                     [](const Hot& a, const Hot& b) { return a.busy + a.waited > b.busy + b.waited; });
    if (hot.size() > options_.lines) hot.resize(options_.lines);
    if (hot.empty()) return;
    put("\n%-44s %12s %12s  %s\n", "source line (cycles of all cores)", "busy", "waited", "waited for");
    for (const Hot& one : hot) {
      std::string causes;
      for (size_t i = 0; i < std::min<size_t>(3, one.causes.size()); ++i) {
        char share[32];
        std::snprintf(share, sizeof share, " %.0f%%", 100 * one.causes[i].second / one.waited);
        causes += (i ? ", " : "") + one.causes[i].first + share;
      }
      const std::string source = word(*one.line, "source"), function = word(*one.line, "function");
      put("%-44s %12.0f %12.0f  %s\n",
          source.size() > 44 ? (".." + source.substr(source.size() - 42)).c_str() : source.c_str(), one.busy,
          one.waited, causes.c_str());
      if (!function.empty()) put("    %s\n", shortened(function, 100).c_str());
    }
  }

  void traffic() {
    std::map<std::string, double> paths;
    std::map<std::string, double> spaces;
    for (const Json* kernel : kernels_) {
      for (const auto& [path, amount] : ranked(part(*kernel, "bytes"))) paths[path] += amount;
      for (const auto& [space, most] : ranked(part(*kernel, "peak_bytes")))
        spaces[space] = std::max(spaces[space], most);
    }
    if (!paths.empty()) {
      put("\nbytes by path:");
      Ranking order(paths.begin(), paths.end());
      std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
      for (const auto& [path, amount] : order) put("  %s %s", path.c_str(), bytes(amount).c_str());
      put("\n");
    }
    if (!spaces.empty()) {
      put("most bytes in use in a core's buffers:");
      for (const auto& [space, most] : spaces) put("  %s %s", space.c_str(), bytes(most).c_str());
      put("\n");
    }
    for (const Json& transfer : part(report_, "transfers"))
      put("%s: %.0f, %s in %s\n", word(transfer, "name").c_str(), number(transfer, "count"),
          bytes(number(transfer, "bytes")).c_str(), time(number(transfer, "seconds")).c_str());
    for (const Json& link : part(report_, "links"))
      put("link %s (%s): %s, busy %s\n", word(link, "name").c_str(), word(link, "level").c_str(),
          bytes(number(link, "bytes")).c_str(), time(number(link, "busy_seconds")).c_str());
  }

  void energy() {
    const Json& energy = part(report_, "energy");
    if (number(energy, "joules") <= 0) return;
    put("\nenergy %s, %.1f W on average:",
        scaled(number(energy, "joules") * 1e6, {"uJ", "mJ", "J", "kJ"}, 1000).c_str(), number(energy, "mean_watts"));
    for (const auto& [name, joules] : ranked(part(energy, "parts")))
      put("  %s %.1f%%", name.c_str(), 100 * joules / number(energy, "joules"));
    put("\n");
  }

  void messages() {
    for (const Json& fault : part(report_, "faults"))
      put("\nfault: %s: %s\n", word(fault, "kind").c_str(), word(fault, "message").c_str());
    for (const Json& warning : part(report_, "warnings"))
      if (warning.is_string()) put("warning: %s\n", warning.get<std::string>().c_str());
  }

  const Json& report_;
  ProfileTextOptions options_;
  std::vector<const Json*> kernels_;
  std::string text_;
};

}  // namespace

std::string profile_text(std::string_view report_json, const ProfileTextOptions& options) {
  const Json report = Json::parse(report_json, nullptr, false);
  if (!report.is_object() || !report.contains("kernels") || !report.contains("machine")) return {};
  return Text(report, options).all();
}

}  // namespace phx::rt
