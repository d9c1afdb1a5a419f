// The virtual machine as a whole: its devices, their memory, launches and copies. What a HAL driver drives.
//
// One System per HAL instance; nothing is process-wide. Calls are thread-safe and serialised inside; a launch uses the
// instance's host threads. Times are simulated seconds since the System was created.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "device_sim/check/checks.h"
#include "device_sim/core/block.h"
#include "device_sim/core/fault.h"
#include "device_sim/core/program.h"
#include "device_sim/machine/machine.h"
#include "device_sim/memory/address_space.h"
#include "device_sim/memory/footprint.h"
#include "device_sim/timing/energy.h"
#include "device_sim/timing/engine.h"

namespace phx::sim {

enum class Mode : uint8_t {
  functional,   // values only; elapsed time is nominal and marked
  timed,        // values and cycles
  timing_only,  // the cycles of `timed`, but tile instructions move no data: for tile kernels whose time depends on
                // none
};

struct SystemOptions {
  unsigned devices = 1;  // the first n of the machine
  Mode mode = Mode::timed;
  unsigned threads = 0;  // host threads; 0 = all cores
  uint64_t shuffle = 0;  // test seed: permutes host task order; results must not change
  // Per warp, and a quarter of what all warps may do while no block ends; 0 = kDefaultWatchdog.
  uint64_t watchdog_instructions = 0;
  Checks checks;
  bool reuse =
      true;  // launches that repeat an earlier one take its time (reuse.h); nothing but host time depends on it
  TraceSink* trace = nullptr;
};
// About a minute of a host core at the speeds of docs/performance.md, also when every core of a machine is full of
// warps that spin.
inline constexpr uint64_t kDefaultWatchdog = 500'000'000;

struct LaunchRequest {
  std::shared_ptr<const Program> program;
  uint32_t kernel = 0;  // index; variants are chosen by the caller with select_variant(); of a mix either half
  // SIMT: blocks, and threads of a block. Tile programs: one-thread blocks; a mix: groups.
  std::array<uint32_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  uint32_t ub_dynamic_bytes = 0;
  std::span<const std::byte> arguments;  // at least param_bytes
  std::vector<uint16_t> members;         // devices over which the grid is split into contiguous runs of blocks
  bool cooperative = false;              // the whole grid must be resident
  double start_seconds = 0;              // simulated time at which the queue takes it
  const std::atomic<bool>* cancel = nullptr;
  std::function<void(uint64_t done, uint64_t total)> progress;  // blocks; called between rounds
  std::function<void(std::span<const ServiceRecord>)> service;  // in order; called between rounds
};

// Groups of a kernel that one device holds at once: cores of its kind, or for a mix groups of an AIC and its AIVs. A
// SIMT kernel has this many cores.
uint64_t resident_groups(const machine::Machine& machine, const image::Kernel& kernel);

struct LaunchResult {
  std::optional<Diagnostic> refused;  // impossible launch: limits, missing parameters, not resident
  bool unsupported = false;           // refused because of the mode: no smaller launch would do
  std::optional<Fault> fault;
  std::vector<Fault> findings;                 // of checks, one for each kind; the first is `fault` as well
  std::vector<std::string> hints;              // about its performance, of checks; never told twice
  std::shared_ptr<const Footprint> footprint;  // racecheck: what it read and wrote
  double start_seconds = 0, end_seconds = 0;
  bool nominal_time = false;  // functional mode
  bool reused = false;        // cycles and counters are those of an identical earlier launch
  LaunchCounters counters;    // empty in functional mode but for events
  uint64_t blocks = 0, threads = 0;
};

class System {
 public:
  static Expected<std::unique_ptr<System>> create(machine::Machine machine, SystemOptions options);
  ~System();

  const machine::Machine& machine() const;
  const SystemOptions& options() const;
  unsigned devices() const;

  AddressSpace& memory();  // callers hold no launch

  Expected<std::shared_ptr<Program>> load(std::span<const std::byte> file, std::span<const uint16_t> members,
                                          const std::string& name);
  // The first variant of the kernel whose limits admit `threads`; nullopt if none.
  static std::optional<uint32_t> select_variant(const Program& program, std::string_view kernel, uint32_t threads);
  // Blocks of this shape that fit one core; 0 with the reason.
  unsigned occupancy(const Program& program, uint32_t kernel, uint32_t threads, uint32_t ub_dynamic_bytes,
                     std::string* reason = nullptr) const;

  LaunchResult launch(const LaunchRequest& request);

  // Moves bytes between device addresses and host memory and says how long it takes. `host` ranges need not be
  // registered. The path is chosen by the homes of the first page of each side; interleaved buffers use all members'
  // links.
  struct Transfer {
    std::optional<Fault> fault;  // out of bounds, use after free
    double seconds = 0;
    Energy energy;  // by part; without idle power
  };
  Transfer write(uint64_t to, const void* from, uint64_t bytes);
  Transfer read(void* to, uint64_t from, uint64_t bytes);
  // `issuer`: the device whose copy engine does it. A receiver reads, a sender (or nobody in particular) writes.
  Transfer copy(uint64_t to, uint64_t from, uint64_t bytes, std::optional<uint16_t> issuer = std::nullopt);
  Transfer fill(uint64_t to, uint32_t pattern, unsigned pattern_bytes, uint64_t bytes);

  struct State;  // state.h, for this folder

 private:
  System() = default;
  std::unique_ptr<State> state_;
};

}  // namespace phx::sim
