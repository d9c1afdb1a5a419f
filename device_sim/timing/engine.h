// The timing engine: replays the event streams of a launch on the machine's queues, caches and links.
//
// Time is counted in integers of 1/16 core cycle, so that sums do not depend on order; results are whole cycles. Same
// events, same cycles, whatever the host does and however the events are cut into rounds. docs/timing.md says what is
// modelled.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device_sim/core/events.h"
#include "device_sim/core/program.h"
#include "device_sim/machine/machine.h"

namespace phx::sim {

class TraceSink;  // device_sim/trace/trace.h
namespace timing {
class DeviceMemory;
}

// Time-keeping state of one device that outlives launches: L2 contents, when its shared servers are free.
class DeviceTiming {
 public:
  explicit DeviceTiming(const machine::Machine& machine);
  ~DeviceTiming();
  void flush_l2();  // cold L2
  timing::DeviceMemory& memory();
  struct State;

 private:
  std::unique_ptr<State> state_;
};

// Counters of one launch. Names follow msprof where it has one; docs/report.md lists them with units.
struct LaunchCounters {
  uint64_t cycles = 0;                               // launch to completion, slowest member, launch overhead included
  uint64_t overhead_cycles = 0;                      // launch overhead share of it
  std::map<std::string, uint64_t> pipe_busy_cycles;  // "v", "s", "mte2", …: sum over cores
  // Tile programs, by pipe: cycles of the core whose pipe worked longest; instructions of all cores (s: all issued).
  std::map<std::string, uint64_t> pipe_busy_most_cycles, pipe_instructions;
  std::map<std::string, uint64_t> stall_cycles;  // "memory", "barrier", "dependency", "ordered", "issue", …: sum over
                                                 // warps; tile programs: over pipes
  std::map<std::string, uint64_t>
      bytes;  // "l2_read", "l2_write", "hbm_read", "hbm_write", "dcache_hit", "remote_read", "gm->l1", …
  std::map<std::string, uint64_t> events;  // "warp_instructions", "lane_instructions", "dcache_hits", "l2_misses", …
  // What msprof's columns are computed from, by core kind ("aic_mac_cycles", "aiv_vec_fp32_cycles", "aic_cube_fops",
  // …): all of them can be summed over launches. docs/report.md has the formulas.
  std::map<std::string, uint64_t> profile;
  // Most bytes in use at a time in a core's buffers: "ub", "l1", "l0a", "l0b", "l0c", "bt".
  std::map<std::string, uint64_t> peak_bytes;
  struct Line {
    uint32_t word = 0;               // code word of the instruction
    uint64_t issues = 0, lanes = 0;  // warp issues, active lanes summed
    uint64_t stall_cycles = 0;       // waited before it could issue, or at the head of its pipe
    uint64_t busy_cycles = 0;        // its pipe worked on it; SIMT and scalar instructions: slots of the scheduler
    const char* pipe = "s";
    std::vector<std::pair<std::string, uint64_t>> stalls;  // by cause: "memory", "mte2->mte1" (a flag), "queue m", …
  };
  std::vector<Line> lines;  // by instruction, ascending; executed ones only
  struct Link {
    std::string name;  // level name and direction: "node: 3 -> 5"
    uint64_t bytes = 0, busy_cycles = 0;
  };
  std::vector<Link> links;
};

class TimingEngine {
 public:
  struct Shape {
    uint32_t kernel = 0;
    uint32_t threads_per_block = 0;
    uint32_t blocks_per_core = 1;
    uint64_t blocks = 0;     // in the grid
    uint32_t group_aiv = 0;  // launch over both core kinds: AIVs of a group; blocks are group by group, the AIC first
    std::vector<uint64_t> first_block;  // per member; member m runs [first_block[m], first_block[m + 1])
    std::vector<uint16_t> members;      // device ordinals
    uint32_t ub_dynamic_bytes = 0;      // shared memory leaves the rest of the unified buffer to the data cache
  };
  // The part of a Program that replay needs; it must live as long as the engine.
  struct Code {
    std::span<const isa::Instruction> instructions;
    std::span<const uint32_t> words;  // code word of each instruction
    const image::Kernel* kernel = nullptr;
  };
  // `devices`: one per member. `start`: cycle at which the launch is taken from the queue (for traces and shared
  // servers).
  TimingEngine(const machine::Machine& machine, const Program& program, Shape shape, std::vector<DeviceTiming*> devices,
               uint64_t start, TraceSink* trace);
  TimingEngine(const machine::Machine& machine, Code code, Shape shape, std::vector<DeviceTiming*> devices,
               uint64_t start, TraceSink* trace);
  ~TimingEngine();
  TimingEngine(const TimingEngine&) = delete;
  TimingEngine& operator=(const TimingEngine&) = delete;

  // Takes a round's events and goes on as far as they allow.
  void feed(RoundEvents&& round);
  // After the last round. Deterministic.
  LaunchCounters finish();
  // Coupled mode: the core cycle at which the warp's next instruction would issue, given the events fed so far.
  uint64_t clock(uint64_t block, unsigned warp);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cycles of a copy or fill of `bytes` within or between devices and the host, by the machine's paths.
struct CopyPath {
  uint16_t from = 0, to = 0;  // device ordinals or kHostHome
  bool pulled = false;        // the receiving device reads; else the sending one writes
};
double copy_seconds(const machine::Machine& machine, CopyPath path, uint64_t bytes);

}  // namespace phx::sim
