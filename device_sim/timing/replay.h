// What the parts of one launch's replay share: the clock, the event queue, the streams of the blocks, the memory
// operations under way, the chain of ordered operations, and the tallies that become LaunchCounters.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device_sim/core/events.h"
#include "device_sim/isa/isa.h"
#include "device_sim/machine/machine.h"
#include "device_sim/timing/device_memory.h"
#include "device_sim/timing/event_queue.h"
#include "device_sim/timing/fabric.h"
#include "device_sim/timing/instruction_costs.h"
#include "device_sim/timing/ticks.h"
#include "device_sim/timing/tile_costs.h"
#include "device_sim/timing/tile_issue.h"

namespace phx::sim {
class TraceSink;
}

namespace phx::sim::timing {

class SimtCore;
struct Warp;

inline constexpr uint32_t kNone = ~0u;
// Scoreboard times from here on mean "when the memory operation of this number is done".
inline constexpr Ticks kPending = Ticks{1} << 60;

enum class Stall : uint8_t {
  issue,
  dependency,
  memory,
  load_store,
  branch,
  barrier,
  grid,
  ordered,
  sleep,
  flag,  // tile programs: the scalar unit
  queue,
  drain,
  cross,
  wait_v,  // tile programs: a pipe that is held by a flag or barrier, in the order of isa::Pipe
  wait_m,
  wait_mte1,
  wait_mte2,
  wait_mte3,
  wait_fix,
  unit,  // tile programs: the cube or FIX, for the other's half of a tile with `unit`
  count
};
inline constexpr const char* kStallNames[] = {
    "issue", "dependency", "memory", "load_store", "branch", "barrier",   "grid",      "ordered",   "sleep",    "flag",
    "queue", "drain",      "cross",  "wait_v",     "wait_m", "wait_mte1", "wait_mte2", "wait_mte3", "wait_fix", "unit"};
inline constexpr unsigned kStalls = static_cast<unsigned>(Stall::count);

// The events of one warp that have been fed and not yet replayed.
struct Stream {
  std::vector<uint32_t> words;
  std::vector<uint64_t> accesses;
  size_t at = 0, access_at = 0;
  uint32_t lanes = 0;  // active in the run that is being replayed

  bool dry() const { return at == words.size(); }
  void append(WarpEvents&& events);
};

struct Barrier {
  uint32_t generation = kNone;
  uint64_t arrived = 0;
  Ticks last = 0;       // latest arrival
  Ticks released = -1;  // -1: not yet
};

// A block from its first events to its end. Not more than two generations of a barrier are alive at a time.
struct BlockReplay {
  uint64_t index = 0;
  uint32_t member = 0, core = 0, place = 0;  // place: among the resident blocks
  bool finished = false;                     // no more events will be fed
  bool resident = false;
  std::vector<Stream> streams;     // by warp
  std::vector<uint32_t> arrivals;  // expected, by barrier generation
  std::array<Barrier, 4> barriers;
  std::vector<Warp*> warps;  // while resident
  unsigned live = 0;
  Ticks start = 0, end = 0;
};

// A load or atomic between its issue and its last byte.
struct Operation {
  Ticks bound = 0;  // not done before
  Ticks ready = 0, served = 0;
  uint32_t parts = 0;         // requests it still waits for
  uint32_t unserved = 0;      // of which the home's L2 has not served
  uint32_t sequence = kNone;  // ordered operation that ends with it
  uint64_t life = 0;          // of the warp
  Warp* warp = nullptr;
  const Cost* cost = nullptr;  // its instruction, for the destination slots
};

// The lines of one access that go to one home device.
struct Request {
  enum class Kind : uint8_t { load, store, atomic };
  enum class Stage : uint8_t { leave, home, back };
  SimtCore* core = nullptr;
  Kind kind = Kind::load;
  Stage stage = Stage::leave;
  bool cached = false;  // fills the data cache
  uint16_t home = 0;
  uint32_t turns = 1, bytes = 0;
  uint32_t lanes = 0;      // of an atomic whose lanes take turns on a line; else 0
  uint32_t count = 0;      // of the core's requests
  uint32_t place = kNone;  // among the core's requests without an answer that somebody waits for
  Ticks bound = 0;         // no answer before
  Ticks served = 0;        // first: when it leaves the core
  std::vector<DeviceMemory::Part> parts;
  std::vector<uint32_t> operations;  // that wait for it
};

// Ways that data take in tile programs.
enum class Path : uint8_t { gm_l1, gm_ub, l1_l0a, l1_l0b, l1_bt, l0c_gm, l0c_l1, ub_gm, count };
inline constexpr const char* kPathNames[] = {"gm->l1", "gm->ub",  "l1->l0a", "l1->l0b",
                                             "l1->bt", "l0c->gm", "l0c->l1", "ub->gm"};

struct Tally {
  MemoryTally memory;
  uint64_t warp_instructions = 0, lane_instructions = 0;
  uint64_t cache_hits = 0, cache_misses = 0, cache_hit_bytes = 0, ub_bytes = 0, ub_conflict_ticks = 0;
  uint64_t remote_read = 0, remote_write = 0, host_read = 0, host_write = 0;
  uint64_t barriers = 0, ordered = 0, atomics = 0, blocks = 0, unresolved = 0;
  std::array<uint64_t, kStalls> stalls{};  // ticks, summed over warps
  std::array<uint64_t, 7> pipe_busy{};     // ticks, by isa::Pipe
  // Of the cube cores [0] and the vector cores [1].
  std::array<uint64_t, 2> cores{}, core_ticks{};                            // that ran something; first block to last
  std::array<std::array<uint64_t, 7>, 2> kind_busy{}, kind_instructions{};  // tile programs
  // Tile programs.
  std::array<uint64_t, 7> pipe_busy_most{};     // of the core whose pipe worked longest
  std::array<uint64_t, 7> pipe_instructions{};  // s: everything that was issued
  std::array<uint64_t, static_cast<size_t>(Path::count)> path_bytes{};
  std::array<uint64_t, 64> macs{};  // by isa::Type of the inputs
  uint64_t repeats = 0;
  uint64_t& moved(Path path) { return path_bytes[static_cast<size_t>(path)]; }
};

struct LineTally {
  int64_t issues = 0, lanes = 0;  // differences until finish(): + at the start of a run, - behind its end
  uint64_t busy = 0;              // ticks on a pipe of a tile core
  uint64_t work = 0;              // of them: multiply-accumulates, repeats, elements (FIX), bytes (all else)
};

// Ticks that each instruction waited, by cause. Most instructions never do, so there is room only for neighbourhoods
// of those that did.
class StallTable {
 public:
  using Causes = std::array<uint64_t, kStalls>;
  explicit StallTable(size_t instructions) : pages_((instructions >> kBits) + 1) {}
  void add(Stall cause, uint32_t instruction, uint64_t ticks) {
    std::unique_ptr<Page>& page = pages_[instruction >> kBits];
    if (!page) page = std::make_unique<Page>();
    (*page)[instruction & (kPage - 1)][static_cast<unsigned>(cause)] += ticks;
  }
  // nullptr: the instruction and its neighbours never waited.
  const Causes* of(size_t instruction) const {
    const Page* page = pages_[instruction >> kBits].get();
    return page ? &(*page)[instruction & (kPage - 1)] : nullptr;
  }

 private:
  static constexpr unsigned kBits = 4, kPage = 1 << kBits;
  using Page = std::array<Causes, kPage>;
  std::vector<std::unique_ptr<Page>> pages_;
};

class Replay {
 public:
  Replay(const machine::Machine& machine, std::span<const isa::Instruction> code, bool simt,
         std::vector<uint16_t> members);

  const machine::Machine& machine;
  CostTable table;
  TileCosts tile;
  std::vector<TileIssue> issues;  // tile programs, by decoded index
  std::vector<LineTally> lines;   // one more than instructions
  StallTable stalls;              // by instruction
  std::vector<uint16_t> members;
  EventQueue queue;
  Ticks now = 0;
  Ticks reached = 0;          // by a tile core that runs ahead
  bool runs_ahead = false;    // tile cores may: nobody looks at the order of what happens inside of them
  Ticks least_wake = kCycle;  // no wait for another warp ends sooner after its cause than this
  bool paused = false;        // an agent needs events that have not been fed
  bool more_blocks = true;    // some block has not started: a new one may appear on any core
  Fabric fabric;
  Ticks block_barrier() const { return block_barrier_; }
  AccessLatency simt_latency, dma_latency;
  Ticks cache_hit = 0, host_latency = 0;
  Ticks cross_group = 0, cross_all = 0;  // cross-core flags: between the cores of a group, and over the whole launch
  Tally tally;
  Ticks drained = 0;  // when the last store is at its home
  TraceSink* trace = nullptr;
  double us_per_tick = 0;

  DeviceMemory& memory_of(uint16_t device);
  void adopt(uint16_t device, DeviceMemory& memory);

  uint32_t new_operation();
  Operation& operation(uint32_t number) { return operations_[number]; }
  void complete(uint32_t number);  // all its requests are answered

  uint32_t new_request();
  Request& request(uint32_t number) { return requests_[number]; }
  void step(uint32_t number);  // the request's next stage, at `now`

  // Ordered operations. One is done when its home has served it and its producer is done; its warp, once it has its
  // answer, is resumed `back` ticks after that.
  void take_ordered(std::span<const OrderedRecord> records);
  void serve_ordered(uint32_t sequence, Ticks served);
  void answer_ordered(uint32_t sequence, Ticks back, Warp& warp);

  // Block and grid barriers.
  void arrive(BlockReplay& block, uint32_t generation, Ticks at);
  void expect(BlockReplay& block, std::span<const uint32_t> arrivals);
  Ticks released(BlockReplay& block, uint32_t generation);  // -1: not yet
  void arrive_grid(uint32_t generation, Ticks at);
  void expect_grid(std::span<const uint64_t> arrivals);
  Ticks grid_released(uint32_t generation);
  std::vector<Warp*> grid_waiters;

  void stall(Stall reason, uint32_t instruction, Ticks ticks) {
    tally.stalls[static_cast<unsigned>(reason)] += static_cast<uint64_t>(ticks);
    stalls.add(reason, instruction, static_cast<uint64_t>(ticks));
  }

  // A warp of the block is over at `at`; true if it was the block's last.
  bool warp_over(BlockReplay& block, Ticks at);

 private:
  struct Ordered {
    uint32_t producer = kNone;
    uint32_t first_waiter = kNone, next_waiter = kNone;  // successors of this one; this one's neighbour in such a list
    bool asked = false;                                  // its own access is served
    bool answered = false;
    Ticks done = kForever;
    Ticks served = 0, back = 0;
    uint64_t life = 0;
    Warp* warp = nullptr;
  };
  void finish(uint32_t number, Ticks served, Ticks data);
  void note_served(Request& request, Ticks served);
  Ordered& ordered(uint32_t sequence);
  void schedule(uint32_t number, Ticks at);
  void release_if_complete(BlockReplay& block, Barrier& barrier);
  void release_grid_if_complete(Barrier& barrier);

  std::vector<DeviceMemory*> memories_;                 // by ordinal; nullptr: not known yet
  std::vector<std::unique_ptr<DeviceMemory>> foreign_;  // homes that are not members of the launch: cold
  std::vector<Operation> operations_;
  std::vector<uint32_t> free_operations_;
  std::vector<Request> requests_;
  std::vector<uint32_t> free_requests_;
  std::vector<Ordered> ordered_;
  std::array<Barrier, 4> grid_barriers_;
  std::vector<uint64_t> grid_arrivals_;
  Ticks block_barrier_ = kCycle, grid_barrier_ = kCycle;
};

}  // namespace phx::sim::timing
