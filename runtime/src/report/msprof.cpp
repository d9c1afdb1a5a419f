#include "runtime/src/report/msprof.h"

#include <initializer_list>

namespace phx::rt {
namespace {

double of(const std::map<std::string, double>& amounts, const std::string& name) {
  auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second;
}

class Columns {
 public:
  Columns(const KernelTotals& totals, double clock_hz, const std::map<std::string, double>& peaks)
      : totals_(totals), clock_(clock_hz), peaks_(peaks) {}

  std::map<std::string, double> all() {
    if (!totals_.timed || clock_ <= 0) return {};
    core_kind("aic_", "aicore_time(us)", {"scalar", "mac", "mte1", "mte2", "fixpipe"});
    core_kind("aiv_", "aiv_time(us)", {"scalar", "vec", "mte2", "mte3"});
    cube();
    vector();
    simt();
    memory();
    l2();
    return std::move(columns_);
  }

 private:
  double sum(const std::string& name) const { return of(totals_.profile, name); }
  double bytes(const std::string& path) const { return of(totals_.bytes, path); }
  double cores(const std::string& kind) const { return sum(kind + "cores"); }
  // Of a core of that kind in a launch, on average.
  double core_seconds(const std::string& kind) const {
    return cores(kind) > 0 ? sum(kind + "total_cycles") / cores(kind) / clock_ : 0;
  }
  // Of all launches, one after the other.
  double kind_seconds(const std::string& kind) const {
    return core_seconds(kind) * static_cast<double>(totals_.launches);
  }
  void put(const std::string& name, double value, bool always = false) {
    if (value != 0 || always) columns_[name] = value;
  }
  void ratio(const std::string& name, double cycles, const std::string& kind) {
    if (const double total = sum(kind + "total_cycles"); total > 0) put(name, cycles / total);
  }

  void core_kind(const std::string& kind, const std::string& time, std::initializer_list<const char*> units) {
    if (cores(kind) == 0) return;
    put(time, core_seconds(kind) * 1e6);
    put(kind + "total_cycles", sum(kind + "total_cycles"));
    for (const std::string unit : units) {
      const double cycles = sum(kind + unit + "_cycles");
      put(kind + unit + "_time(us)", cycles / cores(kind) / clock_ * 1e6);
      ratio(kind + unit + "_ratio", cycles, kind);
      if (unit.starts_with("mte")) put(kind + unit + "_instructions", sum(kind + unit + "_instructions"));
    }
  }

  void cube() {
    if (cores("aic_") == 0) return;
    for (const char* type : {"fp16", "fp32", "int8"})
      ratio(std::string("aic_mac_") + type + "_ratio", sum(std::string("aic_mac_") + type + "_cycles"), "aic_");
    put("aic_cube_fops", sum("aic_cube_fops"));
    put("aic_cube_total_instr_number", sum("aic_mac_instructions"));
    ratio("aic_cube_wait_ratio", of(totals_.stalls, "wait_m") + of(totals_.stalls, "unit"), "aic_");
    const double available = hal::seconds(totals_.device_time) * clock_ * of(peaks_, "aic");
    if (available > 0) put("cube_utilization(%)", 100 * sum("aic_total_cycles") / available);
  }

  void vector() {
    if (cores("aiv_") == 0) return;
    for (const char* type : {"fp32", "fp16", "int32", "int16", "misc"})
      ratio(std::string("aiv_vec_") + type + "_ratio", sum(std::string("aiv_vec_") + type + "_cycles"), "aiv_");
    put("aiv_vec_fops", sum("aiv_vec_fops") + sum("aiv_simt_fops"));
    ratio("aiv_vec_wait_ratio", of(totals_.stalls, "wait_v"), "aiv_");
  }

  void simt() {
    const double slots = of(peaks_, "simt_issue") * sum("aiv_total_cycles");
    if (totals_.core != "simt" || slots <= 0) return;
    const double busy = of(totals_.counters, "warp_instructions") / slots;
    put("aiv_vec_ratio", busy, true);
    put("aiv_vec_simt_vf_ratio", busy, true);
    ratio("aiv_vec_bank_cflt_ratio", of(totals_.counters, "ub_conflict_cycles"), "aiv_");
  }

  void memory() {
    auto rate = [&](const std::string& name, double moved, const std::string& kind) {
      if (const double seconds = kind_seconds(kind); seconds > 0) put(name, moved / seconds / 1e9);
    };
    const bool simt = totals_.core == "simt";
    const double to_l0 = bytes("l1->l0a") + bytes("l1->l0b") + bytes("l1->bt");
    rate("aic_l1_read_bw(GB/s)", to_l0, "aic_");
    rate("aic_l1_write_bw(GB/s)", bytes("gm->l1") + bytes("l0c->l1"), "aic_");
    rate("aic_l0a_write_bw(GB/s)", bytes("l1->l0a"), "aic_");
    rate("aic_l0b_write_bw(GB/s)", bytes("l1->l0b"), "aic_");
    rate("aic_main_mem_read_bw(GB/s)", bytes("gm->l1"), "aic_");
    rate("aic_main_mem_write_bw(GB/s)", bytes("l0c->gm"), "aic_");
    const double read = simt ? bytes("l2_read") + bytes("remote_read") + bytes("host_read") : bytes("gm->ub");
    const double written = simt ? bytes("l2_write") + bytes("remote_write") + bytes("host_write") : bytes("ub->gm");
    rate("aiv_main_mem_read_bw(GB/s)", read, "aiv_");
    rate("aiv_main_mem_write_bw(GB/s)", written, "aiv_");
    rate("aiv_gm_to_ub_bw(GB/s)", bytes("gm->ub"), "aiv_");
    rate("aiv_ub_to_gm_bw(GB/s)", bytes("ub->gm"), "aiv_");
    put("GM_to_L1_datas(KB)", bytes("gm->l1") / 1024);
    put("L0C_to_GM_datas(KB)", bytes("l0c->gm") / 1024);
    put("L0C_to_L1_datas(KB)", bytes("l0c->l1") / 1024);
    put("GM_to_UB_datas(KB)", bytes("gm->ub") / 1024);
    put("UB_to_GM_datas(KB)", bytes("ub->gm") / 1024);
    put("read_main_memory_datas(KB)", (bytes("gm->l1") + read) / 1024);
    put("write_main_memory_datas(KB)", (bytes("l0c->gm") + written) / 1024);
  }

  // Hits are not told apart by core kind: a launch over both has them under aic_.
  void l2() {
    const std::string kind = cores("aic_") > 0 ? "aic_" : "aiv_";
    auto share = [&](const std::string& name, double hits, double misses) {
      if (hits + misses > 0) put(kind + name, 100 * hits / (hits + misses), true);
    };
    const double read = sum("read_cache_hit"), read_misses = sum("read_cache_miss");
    const double write = sum("write_cache_hit"), write_misses = sum("write_cache_miss");
    share("read_hit_rate(%)", read, read_misses);
    share("write_hit_rate(%)", write, write_misses);
    share("total_hit_rate(%)", read + write, read_misses + write_misses);
    put(kind + "write_cache_hit", write);
    put(kind + "write_cache_miss_allocate", write_misses);
    put(kind + "r0_read_cache_hit", read);
    put(kind + "r0_read_cache_miss_allocate", read_misses);
    if (const double seconds = kind_seconds(kind); seconds > 0) {
      put(kind + "l2_read_bw(GB/s)", bytes("l2_read") / seconds / 1e9);
      put(kind + "l2_write_bw(GB/s)", bytes("l2_write") / seconds / 1e9);
    }
  }

  const KernelTotals& totals_;
  double clock_;
  const std::map<std::string, double>& peaks_;
  std::map<std::string, double> columns_;
};

}  // namespace

std::map<std::string, double> msprof_columns(const KernelTotals& totals, double clock_hz,
                                             const std::map<std::string, double>& peaks) {
  return Columns(totals, clock_hz, peaks).all();
}

}  // namespace phx::rt
