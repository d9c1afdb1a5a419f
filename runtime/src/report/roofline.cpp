#include "runtime/src/report/roofline.h"

namespace phx::rt {
namespace {

// Where no peak takes this share of the time, what is waited for is not more of anything.
constexpr double kLatencyBound = 0.1;

double of(const std::map<std::string, double>& amounts, const std::string& name) {
  auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second;
}

}  // namespace

Roofline roofline(const KernelTotals& totals, double clock_hz, const std::map<std::string, double>& peaks) {
  Roofline result;
  const double seconds = hal::seconds(totals.time);
  if (!totals.timed || seconds <= 0) return result;
  const double devices = hal::seconds(totals.device_time) / seconds;
  double longest = 0;
  auto roof = [&](const std::string& name, double amount) {
    const double peak = of(peaks, name) * devices;
    const double needed = peak > 0 ? amount / peak : 0;
    if (needed > longest) longest = needed, result.bound = name;
    return needed;
  };

  double slowest = 0;
  auto unit = [&](const std::string& name, double operations) {
    result.flops += operations;
    const double needed = roof(name, operations);
    if (needed > slowest) {
      slowest = needed;
      result.unit = name;
      result.peak_flops_per_second = of(peaks, name) * devices;
    }
  };
  // Sums are called "aic_cube_<type>_fops", "aiv_vec_<precision>_fops", "aiv_simt_fops".
  constexpr std::string_view kCube = "aic_cube_", kVector = "aiv_vec_", kEnd = "_fops";
  for (const auto& [name, operations] : totals.profile) {
    if (!name.ends_with(kEnd)) continue;
    for (const auto& [prefix, peak] : {std::pair(kCube, "cube_"), std::pair(kVector, "vector_")})
      if (name.starts_with(prefix) && name.size() > prefix.size() + kEnd.size() - 1)
        unit(peak + name.substr(prefix.size(), name.size() - prefix.size() - kEnd.size()), operations);
  }
  if (const double operations = of(totals.profile, "aiv_simt_fops"); operations > 0) unit("simt_fp32", operations);

  result.hbm_bytes = of(totals.bytes, "hbm_read") + of(totals.bytes, "hbm_write");
  result.l2_bytes = of(totals.bytes, "l2_read") + of(totals.bytes, "l2_write");
  roof("hbm", result.hbm_bytes);
  roof("l2_read", of(totals.bytes, "l2_read"));
  roof("l2_write", of(totals.bytes, "l2_write"));
  if (const double overhead = of(totals.counters, "overhead_cycles") / clock_hz; clock_hz > 0 && overhead > longest)
    longest = overhead, result.bound = "launch";

  if (result.hbm_bytes > 0) result.intensity = result.flops / result.hbm_bytes;
  result.flops_per_second = result.flops / seconds;
  result.share = longest / seconds;
  if (result.share < kLatencyBound) result.bound = "latency";
  return result;
}

}  // namespace phx::rt
