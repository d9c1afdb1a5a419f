// Telemetry: where a driver reports what happened. Versioned records, pushed as they occur.
//
// A sink is given to Driver::open and outlives the driver. Calls come from whichever thread runs the device, one at
// a time per driver. Every member has a default that ignores the record, so a sink overrides what it wants. Within
// one version fields are only added, at the end, with defaults.
#pragma once

#include <phalanx/hal/command_buffer.h>
#include <phalanx/hal/device.h>
#include <phalanx/hal/sim_time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phx::hal {

inline constexpr uint32_t kTelemetryVersion = 1;

// A named number. Names are the driver's vocabulary (msprof's where it has one) and sort into the report as they are.
struct Amount {
  std::string name;
  double value = 0;
};

// What one source line did in a dispatch, inlined code counted where it was written.
struct SourceLine {
  std::string file;
  uint32_t line = 0;
  uint64_t issues = 0;         // warp instructions
  uint64_t lanes = 0;          // active lanes, summed over them
  uint64_t stall_cycles = 0;   // how long they waited before they could issue
  std::string function;        // or operator of a model, that the line is in
  std::vector<Amount> busy;    // per pipe: cycles that it worked on the line, summed over cores
  std::vector<Amount> stalls;  // stall_cycles by cause: "memory", "mte2->mte1" (a flag), "queue m", ...
};

// One dispatch that ended. cycles and the lists are empty when the driver does not model time.
struct KernelRecord {
  std::string kernel;  // readable name
  std::string file;    // source of the entry; empty if the executable has no line table
  uint32_t line = 0;
  std::vector<DeviceOrdinal> devices;
  Extent grid, block;
  uint64_t dynamic_shared = 0;
  SimTime start = 0, end = 0;
  std::optional<uint64_t> cycles;  // core clock cycles from start to end
  std::vector<Amount> busy;        // per pipe: cycles busy, summed over cores
  std::vector<Amount> bytes;       // per path: "l2->ub", "hbm->l2", "ub:remote", ...
  std::vector<Amount> stalls;      // per cause: cycles, summed over cores
  std::vector<Amount> counters;    // everything else: instructions, cache hits, ...
  bool reused = false;             // timing taken from an identical earlier dispatch
  double energy_joules = 0;
  uint64_t host_nanoseconds = 0;     // real time spent simulating it
  std::string label;                 // of the submission
  std::vector<SourceLine> lines;     // by file and line; empty without a line table or a timing model
  std::vector<Amount> busy_most;     // tile kernels, per pipe: cycles busy on the core where it worked longest
  std::vector<Amount> instructions;  // tile kernels, per pipe: instructions of all cores
  std::string core;                  // kind of the cores it runs on: "simt", "aic", "aiv", "mix"
  std::vector<Amount> profile;       // sums by core kind that the columns of profilers are made of
  std::vector<Amount> peak_bytes;    // per buffer of a core: the most in use at a time
  std::vector<Amount> energy;        // joules by part: "cube", "hbm", "idle", ...; energy_joules is their sum
};

// Something that took from start to end on a track: a copy, a pipe busy, a transfer over a link.
struct SpanRecord {
  std::string track;  // "device 0/copy", "device 0/core 3/MTE2", "link ub 0->4"
  std::string name;
  std::string category;  // "copy", "fill", "collective", "pipe", "link", "host"
  SimTime start = 0, end = 0;
  uint64_t bytes = 0;
  std::string label;           // of the submission
  uint64_t digest = 0;         // of the bytes that a copy brought to the host; 0 for everything else
  std::vector<Amount> energy;  // joules by part of a copy or fill; without idle power
};

// A counter's value from `when` on.
struct CounterRecord {
  std::string track, name;
  SimTime when = 0;
  double value = 0;
};

// Totals of one kind of link of one level since the driver was opened; sent by Driver::summarize().
struct LinkRecord {
  std::string name, level;
  uint64_t bytes = 0, transfers = 0;
  double busy_seconds = 0;  // summed over links
  double bandwidth = 0;     // bytes/s of one link, one direction
  SimTime latency = 0;
};

// Memory of one device since the driver was opened; sent by Driver::summarize() for devices that were used.
struct MemoryRecord {
  DeviceOrdinal device = 0;
  uint64_t capacity = 0, used = 0, peak = 0;  // bytes
};

// What a strict device refuses: one taxonomy for all drivers. A driver with a finer one (the simulated device tells
// shared from local memory, and more) puts its own word at the start of FaultRecord::message.
enum class FaultKind {
  out_of_bounds,
  misaligned,
  use_after_free,
  host_pointer,  // a host address that was never registered
  write_to_read_only,
  uninitialized_read,
  missing_flag,  // data passed between pipes without a flag
  race,
  divergent_barrier,
  deadlock,
  watchdog,
  illegal_encoding,
  unsupported,       // the machine lacks it
  out_of_resources,  // stack, device heap, shared memory
  assertion,
  trap,
  cancelled,
};
const char* fault_name(FaultKind kind);

struct FaultRecord {
  FaultKind kind = FaultKind::trap;
  std::string message;  // one sentence
  std::string kernel, file;
  uint32_t line = 0;
  std::string function;                 // the line is in; differs from the kernel where code was inlined or called
  std::vector<std::string> inlined_at;  // "file:line in function", outwards
  DeviceOrdinal device = 0;
  std::string core;                     // "AIV 3"
  std::optional<Extent> block, thread;  // coordinates
  std::optional<uint64_t> cycle;
  std::optional<Address> address;
  uint64_t access_bytes = 0;
  bool is_store = false;
  std::string nearest_buffer;      // "'cudaMalloc #2' (4096 bytes at 0x...), 16 bytes past its end"
  std::string instruction;         // disassembly
  std::vector<std::string> notes;  // further lines: the wait graph, the other side of a race
  std::string label;               // of the submission
};

// How far a long dispatch has come.
struct ProgressRecord {
  std::string kernel;
  uint64_t blocks_done = 0, blocks_total = 0;
  uint64_t instructions = 0;
};

class Telemetry {
 public:
  virtual ~Telemetry() = default;
  virtual void kernel(const KernelRecord&) {}
  virtual void span(const SpanRecord&) {}
  virtual void counter(const CounterRecord&) {}
  virtual void link(const LinkRecord&) {}
  virtual void memory(const MemoryRecord&) {}
  virtual void fault(const FaultRecord&) {}
  virtual void warning(const std::string&) {}
  // Called every now and then while a dispatch runs. false cancels it: the dispatch ends with Code::cancelled.
  virtual bool progress(const ProgressRecord&) { return true; }
  // Whether span and counter records are worth making (they are many).
  virtual bool wants_spans() const { return false; }
};

}  // namespace phx::hal
