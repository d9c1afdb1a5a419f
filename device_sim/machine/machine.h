// The machine description: everything the simulator, the compiler and the reports know about a chip and the
// system it sits in. One TOML file per machine (device_sim/machine/*.toml); docs/machine_schema.md lists every key.
//
// Units are in the member names and never vary: _hz, _bytes, _cycles (may be fractional: 2.9), _ns,
// _bytes_per_second, _bytes_per_cycle, _watts. Names without a suffix are counts, or ratios in [0, 1].
// Where each number comes from (tag, source, file and line) is kept beside it: find(machine, "chip.clock").
//
// "Device" is what the driver enumerates: one L2, one launch queue. A package may hold several.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::machine {

// How a number came to be, from the strongest evidence to the weakest.
enum class Tag : uint8_t { Published, Vendor, Measured, Fitted, Projected, Guessed };
std::string_view name_of(Tag tag);  // "published", ...

// Whether the chip runs the SIMT family: not at all, in silicon, or only in this virtual device.
enum class SimtKind : uint8_t { None, Native, Virtual };
std::string_view name_of(SimtKind kind);  // "none", "native", "virtual"

// One number (or one word) of the description together with its evidence.
struct Quantity {
  std::string path;     // "memory.hbm.bandwidth"
  double value = 0;     // in `unit`; 0 for words
  std::string word;     // for keys whose value is a word ("native", "HCCS"); else empty
  std::string unit;     // the schema's unit of this key: "B", "Hz", "ns", "cycle", "B/s", "B/cycle", "", ...
  std::string written;  // as the file says it: "1.85 GHz"
  Tag tag = Tag::Guessed;
  std::string source;  // citation
  std::string origin;  // "ascend-910b1.toml:14" or "override"
};

// Latency until the result is usable and the interval before the next instruction of this class may issue.
struct ClassTiming {
  double latency_cycles = 0;
  double interval_cycles = 0;
};

// A vector tile instruction takes head + slope * repeats + tail cycles; one repeat is 256 bytes. The slope of one with
// two sources is that of sources that share bank groups of the unified buffer.
struct VectorTiming {
  double head_cycles = 0;
  double slope_cycles = 0;
  double tail_cycles = 0;
};

struct Buffers {                  // per core
  int64_t l1_bytes = 0;           // AIC
  int64_t l0a_bytes = 0;          // AIC
  int64_t l0b_bytes = 0;          // AIC
  int64_t l0c_bytes = 0;          // AIC
  int64_t bt_bytes = 0;           // AIC, bias table
  int64_t fb_bytes = 0;           // AIC, fixpipe parameters
  int64_t ub_bytes = 0;           // AIV, physical
  int64_t ub_reserved_bytes = 0;  // AIV, held back by the system
  int64_t ub_usable_bytes() const { return ub_bytes - ub_reserved_bytes; }
  int64_t ub_bank_groups = 0;
  int64_t ub_banks_per_group = 0;
  int64_t ub_bank_width_bytes = 0;
};

struct L2 {
  int64_t size_bytes = 0;
  int64_t line_bytes = 0;
  int64_t ways = 0;
  double hit_latency_cycles = 0;     // DMA or data-cache request to data
  double read_bytes_per_second = 0;  // all cores together, achievable
  double write_bytes_per_second = 0;
};

struct Hbm {
  int64_t size_bytes = 0;
  double peak_bytes_per_second = 0;
  double achievable = 0;              // share of the peak that streams reach
  double miss_latency_cycles = 0;     // request to data, L2 miss included
  double request_overhead_bytes = 0;  // page and turnaround cost per DMA instruction, as lost bytes
  double bytes_per_second() const { return peak_bytes_per_second * achievable; }
};

// GM <-> on-chip DMA. One row request of b bytes costs max(request_cycles, b / bytes_per_cycle).
struct Dma {
  double issue_cycles = 0;          // per instruction
  double request_cycles = 0;        // per row request of at most packet_bytes
  double bytes_per_cycle = 0;       // per core, L2 hit
  double miss_cycles_per_line = 0;  // per core: bound on lines that miss L2
  int64_t packet_bytes = 0;         // rows are cut at this size
  double window_cycles = 0;         // how far data may lag behind issue before the pipe stalls
  double nd2nz_unaligned_cycles = 0;
  double same_line_cycles = 0;       // least cost of a row in the L2 line of the row before
  double store_head_cycles = 0;      // MTE3
  double store_bytes_per_cycle = 0;  // MTE3
};

struct Mte1 {  // L1 -> L0
  double l0a_bytes_per_cycle = 0;
  double l0b_bytes_per_cycle = 0;
  double efficiency = 0;
  double bt_bytes_per_cycle = 0;  // L1 -> bias table, fixpipe buffer
};

struct Cube {
  double head_cycles = 0;        // per mmad
  double idle_start_cycles = 0;  // more, if the cube was idle when the mmad arrived
  std::map<std::string, double, std::less<>>
      macs_per_cycle;  // by element type of the inputs: "f16", "bf16", "f32", "s8", ...
};

struct Fixpipe {
  double head_cycles = 0;
  double bytes_per_cycle = 0;  // counted in accumulator bytes (4 per element)
  double release_share = 0;    // with a unit flag: share drained before the next tile may start
};

struct Vector {
  int64_t repeat_bytes = 0;  // one repeat
  int64_t max_repeats = 0;   // of one instruction; 0: no limit, instructions loop in registers
  int64_t issue_ports = 0;
  double ub_copy_bytes_per_cycle = 0;
  double conflict_cycles = 0;  // a repeat of two sources is so much faster if they share no bank group
  std::map<std::string, VectorTiming, std::less<>> timing;  // by timing class; "default" always exists
};

struct Queues {  // instructions a pipe's queue holds before the scalar unit stalls
  int64_t v_depth = 0, m_depth = 0, mte1_depth = 0, mte2_depth = 0, mte3_depth = 0, fix_depth = 0;
};

struct Sync {
  int64_t flags_per_pipe_pair = 0;
  double flag_cycles = 0;  // set_flag to the waiter's start
  double pipe_barrier_cycles = 0;
  double cross_core_cycles = 0;     // cross-core flag
  double grid_barrier_cycles = 0;   // all cores of a device
  double block_barrier_cycles = 0;  // SIMT block barrier, after the last warp arrives
};

// Launch overhead = base + per_core * cores; a launch mixing AIC and AIV adds mix_base + mix_per_core * cores.
struct Launch {
  double base_ns = 0;
  double per_core_ns = 0;
  double core_start_ns = 0;  // on each core, after the overhead
  double mix_base_ns = 0;
  double mix_per_core_ns = 0;
  double simt_base_ns = 0;  // SIMT kernels: simt_base + simt_per_block * blocks instead
  double simt_per_block_ns = 0;
};

struct Scalar {
  std::map<std::string, ClassTiming, std::less<>> timing;  // by timing class; "default" always exists
};

struct Simt {  // per AIV unless said otherwise
  SimtKind kind = SimtKind::None;
  int64_t warp_size = 0;
  int64_t max_threads_per_block = 0;
  int64_t max_warps = 0;                 // resident
  int64_t max_blocks = 0;                // resident
  int64_t max_registers_per_thread = 0;  // 32-bit
  int64_t max_grid_dim = 0;              // each of x, y, z
  int64_t register_file_bytes = 0;
  int64_t shared_bytes = 0;  // shared memory of all resident blocks
  int64_t shared_bytes_per_block = 0;
  int64_t shared_banks = 0;
  int64_t shared_bank_width_bytes = 0;
  int64_t schedulers = 0;
  double issue_per_cycle = 0;  // warp instructions per scheduler
  int64_t dcache_bytes = 0;    // at most; see Chip::dcache_bytes
  int64_t dcache_least_bytes = 0;
  int64_t dcache_line_bytes = 0;
  int64_t dcache_ways = 0;
  double dcache_hit_cycles = 0;
  double dcache_miss_cycles = 0;    // L2 miss, unloaded
  double dcache_l2_hit_cycles = 0;  // DCache miss, L2 hit, unloaded
  int64_t mshrs = 0;                // outstanding DCache lines
  double gm_bytes_per_cycle = 0;
  // What follows may be left out of a machine file; the values here then hold.
  double gm_write_bytes_per_cycle = 0;  // stores on a way of their own; 0: they share gm_bytes_per_cycle
  int64_t dcache_fetch_bytes = 32;      // least piece of a line that a miss brings
  double load_line_cycles = 1;          // of the load/store unit for each line of a load or atomic,
  double store_line_cycles = 1;         // of a store,
  double access_cycles = 1;             // and at least for an access;
  int64_t pass_bytes = 0;               // once more for each so many bytes that it moves; 0: once
  double shared_conflict_cycles = 1;    // each further turn of a shared-memory access
  double gm_atomic_lane_cycles = 0;     // each further lane of a warp on one word, in the core
  double gm_atomic_l2_share = 0;
  double gm_atomic_result_cycles = 0;      // with a result, or of 64 bits: each lane on one line; 0: as the others
  double gm_atomic_turnaround_cycles = 0;  // the same between two lanes of one warp
  double gm_atomic_cycles = 0;             // per operation on one address, back to back
  double ub_atomic_cycles = 0;             // the same in shared memory
  std::map<std::string, ClassTiming, std::less<>> timing;  // by timing class; "default" always exists
};

// What host API calls cost on the simulated host clock, and the host link.
struct Host {
  double launch_ns = 0;
  double memcpy_ns = 0;  // beside the transfer itself
  double memset_ns = 0;
  double malloc_ns = 0;
  double free_ns = 0;
  double sync_ns = 0;
  double query_ns = 0;
  double event_ns = 0;
  double stream_ns = 0;  // create or destroy
  double module_load_ns = 0;
  double other_ns = 0;  // every other call
  double link_latency_ns = 0;
  double to_device_bytes_per_second = 0;
  double from_device_bytes_per_second = 0;
};

struct Power {  // per device; pJ
  double tdp_watts = 0;
  double idle_watts = 0;
  // Of a reference technology: device_sim/timing/energy.h scales them to the design power.
  std::map<std::string, double, std::less<>> mac_pj;  // by type of the inputs
  double vector_pj = 0;                               // a repeat
  double simt_lane_pj = 0;
  double scalar_pj = 0;  // an instruction
  double l0_pj_per_byte = 0, l0c_pj_per_byte = 0, l1_pj_per_byte = 0, ub_pj_per_byte = 0, l2_pj_per_byte = 0;
  // Taken as they are.
  double hbm_pj_per_byte = 0, host_link_pj_per_byte = 0;
};

struct Chip {           // one device
  std::string name;     // "Ascend 910C"
  int64_t aic = 0;      // cube cores
  int64_t aiv = 0;      // vector cores
  double clock_hz = 0;  // cube and vector cores alike
  Buffers buffers;
  L2 l2;
  Hbm hbm;
  int64_t page_bytes = 0;
  Dma dma;
  Mte1 mte1;
  Cube cube;
  Fixpipe fixpipe;
  Vector vector;
  Queues queues;
  Sync sync;
  Launch launch;
  Scalar scalar;
  Simt simt;
  Host host;
  Power power;

  double ns_per_cycle() const { return 1e9 / clock_hz; }
  // The data cache of an AIV whose resident blocks use this much shared memory, in whole sets of lines.
  int64_t dcache_bytes(int64_t shared_in_use) const;
};

// One level of the topology: how many of the level below it joins, and what crossing it costs.
struct Level {
  std::string_view name = {};        // "package", "node", "rack", "supernode"
  int64_t members = 1;               // 1 = the level exists only in name
  double latency_ns = 0;             // of an access that has to cross this level, whole path
  double read_bytes_per_second = 0;  // one pair of devices, one direction
  double write_bytes_per_second = 0;
  double port_bytes_per_second = 0;       // one device to or from all others across this level, one direction
  double copy_read_bytes_per_second = 0;  // of a copy that the receiver issues; 0: as read
  double copy_setup_ns = 0;               // of a copy, beside the latency
  double pj_per_byte = 0;                 // across this level, whole path
  int64_t hops = 1;                       // switches or direct links crossed
  std::string link = {};                  // "SIO", "HCCS", "UB", ...
};

struct System {
  // die -> package -> node -> rack -> supernode; device ids count through the package first.
  std::array<Level, 4> levels{Level{.name = "package"}, Level{.name = "node"}, Level{.name = "rack"},
                              Level{.name = "supernode"}};
  int64_t packages() const;
  int64_t devices() const;
};

struct Machine {
  std::string name;  // "ascend-910b1"
  std::string title;
  std::string file;  // where it was read from; "<built-in>/ascend-910b1.toml" for embedded copies
  Chip chip;
  System system;
  std::vector<Quantity> quantities;  // every number, sorted by path
};

struct MachineInfo {
  std::string name;
  std::string title;
  std::vector<std::string> aliases;
  std::string file;
};

// Reads a machine by name, alias or path ("x.toml", "dir/x.toml"). Names are looked for in the directories of
// PHX_MACHINE_PATH (colon-separated), in <prefix>/share/phalanx/machines beside this library, and among the copies
// embedded in it. Overrides are "key=value" with the value in any unit of the key: "chip.clock=1.5GHz".
Expected<Machine> load(std::string_view name_or_path, std::span<const std::string> overrides = {});

// The same from text; `file` is the name used in messages, bases are looked up by name.
Expected<Machine> parse(std::string_view text, std::string_view file, std::span<const std::string> overrides = {});

// Every machine that load() finds by name; the first found wins, as for load().
std::vector<MachineInfo> list();

// 16 hex digits over all values (not over tags, sources or titles): equal digests simulate alike.
std::string digest(const Machine& machine);

const Quantity* find(const Machine& machine, std::string_view path);

// The weakest tag among the quantities whose path begins with one of the prefixes (all quantities if none given).
Tag weakest_tag(const Machine& machine, std::span<const std::string_view> prefixes = {});

std::string to_json(const Machine& machine);  // name, title, digest, counts, weakest tag, values with their evidence
std::string to_text(const Machine& machine);  // the same for people

// The numbers of an instruction: the row "class.fn.group" if there is one, else "class.group", "class", "default".
// fn and group may be empty. `table` is chip.simt.timing, chip.scalar.timing or chip.vector.timing.
template <class Timing>
const Timing& timing_of(const std::map<std::string, Timing, std::less<>>& table, std::string_view cls,
                        std::string_view fn = {}, std::string_view group = {}) {
  const std::string name(cls), dot(".");
  const std::string candidates[] = {name + dot + std::string(fn) + dot + std::string(group),
                                    name + dot + std::string(group), name + dot + std::string(fn), name};
  for (const std::string& candidate : candidates)
    if (auto row = table.find(candidate); row != table.end()) return row->second;
  return table.find(std::string_view("default"))->second;
}

// docs/machine_schema.md, from the table of keys.
std::string schema_markdown();

// The way between two devices: the cost of the outermost level it has to cross. Between a device and itself it is
// the device's own memory: level "device", no hops, no latency, HBM bandwidth.
struct Path {
  std::string_view level;
  int64_t hops = 0;
  double latency_ns = 0;
  double read_bytes_per_second = 0;
  double write_bytes_per_second = 0;
  double copy_read_bytes_per_second = 0;
  double copy_setup_ns = 0;
  double pj_per_byte = 0;
  double latency_seconds() const { return latency_ns * 1e-9; }
};
Expected<Path> path(const Machine& machine, int64_t from_device, int64_t to_device);

}  // namespace phx::machine
