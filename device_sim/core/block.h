// One resident block of a launch, executed functionally in bounded rounds.
//
// The System owns the blocks, runs their rounds in parallel (a block is run by one host thread at a time) and serves
// their ordered operations afterwards, one block after the other in (device, block) order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "device_sim/check/checks.h"
#include "device_sim/check/finding.h"
#include "device_sim/check/flag_use.h"
#include "device_sim/core/events.h"
#include "device_sim/core/fault.h"
#include "device_sim/core/program.h"
#include "device_sim/machine/machine.h"

namespace phx::sim {

struct CheckLog;
class GridChecks;

// What all blocks of a launch share. Immutable while rounds run.
// A launch over both core kinds has two: one for each half, that differ in `kernel` alone.
struct LaunchContext {
  const Program* program = nullptr;
  uint32_t kernel = 0;  // index in program->kernels()
  std::array<uint32_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  uint32_t ub_dynamic_bytes = 0;
  // AIV programs of a group in a launch over both core kinds (image::kMix); 0 in all other launches. Blocks are then
  // numbered group by group, the AIC program first; the halves of the launch have a context each.
  uint32_t group_aiv = 0;
  std::vector<std::byte> arguments;  // param_bytes long
  std::vector<uint16_t> members;     // device ordinals of the launch's group; empty: ordinal = member number
  const AddressSpace* memory = nullptr;
  const machine::Machine* machine = nullptr;
  bool record_events = true;  // false in functional mode
  bool values = true;         // false in timing-only mode: tile instructions check and record, nothing moves
  Checks checks;
  uint64_t watchdog_instructions = 0;  // per warp; 0 = no limit
  // Coupled mode (kUsesClock in timed mode): reading a clock is then an ordered operation. The warp parks, the System
  // feeds the round's events to the timing engine, and serve() asks here for the core cycle of the warp. Empty
  // otherwise: clock and clock64 count the warp's executed instructions, at once.
  std::function<uint64_t(uint64_t block, unsigned warp)> clock;
};

// printf and friends, in the order in which the block executed them.
struct ServiceRecord {
  isa::ServiceFn fn = isa::ServiceFn::Printf;
  std::array<uint32_t, 3> block{}, thread{};
  uint16_t device = 0;
  std::string format;                // printf: the format string
  std::vector<std::byte> arguments;  // printf: packed as CUDA's vprintf packs them (8-byte aligned doubles and 64-bit)
};

// Device-wide state that ordered operations need while they are served (single-threaded).
struct OrderedState {
  uint32_t next_sequence = 0;
  std::vector<OrderedRecord> records;                  // since the last round
  std::unordered_map<uint64_t, uint32_t> last_writer;  // address (4-byte unit) -> sequence
  // Cross-core flags of tile programs, by who raises them. The k-th wait of a core ends when every core that raises the
  // flag has done so k times.
  struct CrossFlag {
    uint8_t mode = 0, id = 0;
    bool cube = false;   // AICs raise it
    uint64_t group = 0;  // 0 in mode 0
    auto operator<=>(const CrossFlag&) const = default;
  };
  struct CrossCounts {
    std::vector<uint64_t> sets, waits;  // [k]: how many cores have raised it, waited for it, more than k times
    std::map<uint64_t, uint64_t> raised_by, waited_by;  // how often, by block
    uint32_t raised_at = 0;                             // the last instruction that did
  };
  std::map<CrossFlag, CrossCounts> cross_flags;
  GridChecks* checks = nullptr;                           // initcheck, racecheck
  uint64_t served = 0;                                    // operations that let somebody go on; no progress = deadlock
  std::function<uint64_t(uint64_t bytes)> device_malloc;  // 0 if it fails
  std::function<bool(uint64_t address)> device_free;
};

enum class BlockStatus : uint8_t {
  ready,         // budget used up; more to do
  parked,        // at least one warp waits for an ordered operation and no other can go on
  grid_barrier,  // all live lanes wait at the grid barrier
  finished,
  faulted,
};

struct Machinery;

// What ended blocks leave to those that run after them: registers, unified buffer, local memory, bookkeeping. Serves
// the blocks of one launch, and one host thread at a time; blocks may take from one and leave to another.
class BlockStorage {
 public:
  BlockStorage();
  ~BlockStorage();
  BlockStorage(BlockStorage&&) noexcept;

 private:
  friend class Block;
  std::vector<std::unique_ptr<Machinery>> free_;
};

// Holds storage only between its first round and its end.
class Block {
 public:
  // `core`: functional slot, reported as coreid in functional mode.
  Block(const LaunchContext& launch, uint64_t index, uint16_t device, uint32_t core);
  ~Block();
  Block(Block&&) noexcept;
  Block& operator=(Block&&) noexcept;

  // Runs warps in turn until none can go on or each has executed `budget` instructions in this round.
  BlockStatus run(uint64_t budget, BlockStorage& storage);
  BlockStatus run(uint64_t budget);  // with storage of its own
  // Serves the parked ordered operations in (warp, lane) order.
  void serve(OrderedState& state);
  // Lets the lanes at the grid barrier go on; the generation counts from 0. Returns how many `grid_arrive` events they
  // made.
  uint32_t release_grid_barrier(uint32_t generation);

  uint64_t index() const { return index_; }
  uint16_t device() const { return device_; }
  BlockStatus status() const { return status_; }
  const LaunchContext& launch() const { return *launch_; }
  const std::optional<Fault>& fault() const;
  // Moves out what happened since the last call; no warps without recording.
  BlockEvents take_events();
  std::vector<ServiceRecord> take_services();
  // Of a block that has ended or faulted.
  const std::vector<Finding>& findings() const { return findings_; }
  // Hints: which flags of the program that has ended some order needed; nothing if it was too long to say.
  const std::optional<FlagUse::Counts>& flag_use() const { return flag_use_; }
  // Of a core that waits for a cross-core flag.
  struct CrossWait {
    OrderedState::CrossFlag flag;
    uint64_t round = 0;  // counts from 0
    unsigned pipe = 0;
    uint32_t instruction = 0;
  };
  std::optional<CrossWait> cross_wait() const;
  // Initcheck and racecheck: what it did to device memory since the last call.
  CheckLog take_check_log();
  // Live splits that wait, and for what: the wait graph of a deadlock message.
  std::string waits() const;
  // The fault of a block that will not end (deadlock, watchdog), at its first split; says who waits for whom.
  Fault stuck(FaultKind kind) const;

  struct Statistics {
    uint64_t warp_instructions = 0;  // executed by splits
    uint64_t lane_instructions = 0;  // summed over active lanes
    uint64_t divergent_branches = 0;
    uint64_t ordered_operations = 0;
    std::array<uint64_t, 6> buffer_bytes{};  // tile programs: how far each buffer of the core was used; by TileSpace
  };
  const Statistics& statistics() const { return statistics_; }

 private:
  const LaunchContext* launch_;
  uint64_t index_;
  uint32_t core_;
  uint16_t device_;
  BlockStatus status_ = BlockStatus::ready;
  std::unique_ptr<Machinery> machinery_;
  Statistics statistics_;  // as of the last round
  BlockEvents events_;     // of a block that has ended
  std::vector<ServiceRecord> services_;
  std::vector<Finding> findings_;
  std::optional<FlagUse::Counts> flag_use_;
  std::unique_ptr<CheckLog> check_log_;
};

// Largest number of blocks of this shape that one vector core holds at a time (threads, warps, lane registers, unified
// buffer, the machine's limit); 0 if not even one fits, with the reason.
unsigned blocks_per_core(const machine::Machine& machine, const image::Kernel& kernel, uint32_t threads,
                         uint32_t ub_dynamic_bytes, std::string* reason = nullptr);

}  // namespace phx::sim
