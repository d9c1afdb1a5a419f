// The state of a block while it runs, and what the handlers of control, synchronisation and memory share (internal to
// core).
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "device_sim/check/pipe_order.h"
#include "device_sim/core/access_checks.h"
#include "device_sim/core/block.h"
#include "device_sim/core/decoded.h"
#include "device_sim/core/tile_contents.h"

namespace phx::sim {

// One value in, one value out: 32-bit values in the low half, results of 32 bits zero-extended.
using Evaluate = uint64_t (*)(const Decoded* d, uint64_t a, uint64_t b, uint64_t c);

struct Operation {
  Evaluate evaluate = nullptr;                                            // arithmetic rows; null for the others
  bool wide_dst = false, wide_a = false, wide_b = false, wide_c = false;  // the slot holds 64-bit values
  Handler inner = nullptr;                                                // what observed() goes on with
  bool guess = false;  // observed: a load whose value a compare-and-swap of the same address then proves
};

struct DecodedProgram {
  std::vector<Decoded> code;  // one more than the program has instructions: the last one faults
  std::vector<Operation> operations;
};
// `tile`: loads and stores of tile programs go through the checks of scalar_in_order(). `observe`: those of SIMT
// programs are shown to the block's AccessChecks.
std::shared_ptr<const DecodedProgram> decode_program(std::span<const isa::Instruction> code, bool tile = false,
                                                     bool observe = false);

// How many instructions a warp and a split execute before the next one's turn. Counted at taken branches.
inline constexpr uint64_t kWarpSlice = 512;
inline constexpr uint64_t kSplitQuantum = 128;
// A split that repeats a back edge releases the waiters of its innermost region with any (isa.def §6) after this many
// times with the same ordered operations, addresses and values in between, or this many times with any ordered
// operations.
inline constexpr uint32_t kRepeatsBeforeRelease = 16;
inline constexpr uint32_t kOrderedBackEdgesBeforeRelease = 1024;

enum class Wait : uint8_t { none, join, barrier, gather, ordered, grid };

struct Region {
  uint32_t live = 0;  // lanes that have neither left nor ended
  uint32_t arrived = 0;
  uint8_t number = 0;  // k of the fork
  bool used = false;
};

struct Split {
  alignas(64) uint64_t s[kScalarFile];
  uint32_t p[kPredicateFile];
  uint32_t mask = 0;
  Wait wait = Wait::none;
  const Decoded* pc = nullptr;    // next instruction; while waiting, the one that waits (but for join: the one after)
  uint64_t count = 0;             // instructions executed, as fairness counts them
  std::vector<uint32_t> regions;  // open region instances, innermost last
  std::vector<const Decoded*> calls;
  uint32_t members = 0;                // gather: live lanes that it waits for
  std::array<uint64_t, 32> addresses;  // ordered: effective addresses of the active lanes
  // Polling, see note_ordered().
  uint64_t loop_hash = 0, previous_hash = 0;
  uint32_t repeats = 0, ordered_back_edges = 0;
  bool ordered_in_loop = false;
  // The last ordered operation of the split in the event stream.
  uint64_t poll_key = 0, poll_words = 0, poll_accesses = 0, poll_switch = 0;
};

// What starts afresh with each block.
struct WarpProgress {
  uint32_t live = 0;                             // lanes that have not ended
  bool ended = false;                            // `end` is in the stream
  uint64_t executed = 0, executed_in_round = 0;  // warp instructions
  uint64_t words_taken = 0, accesses_taken = 0;  // handed out in earlier rounds
  uint64_t switches = 0;                         // changes of the running split
  const Split* last = nullptr;
};

struct Warp : WarpProgress {
  unsigned index = 0;
  std::vector<std::unique_ptr<Split>> splits;  // live ones, in order of creation
  std::vector<std::unique_ptr<Split>> spare;
  std::vector<Region> regions;
  uint32_t* r = nullptr;
  unsigned char* local = nullptr;
  uint32_t tid[3][32];
  WarpEvents events;
};

struct AlignedBytes {
  explicit AlignedBytes(size_t bytes);
  ~AlignedBytes();
  AlignedBytes(const AlignedBytes&) = delete;
  void clear();  // to zeros; before, the bytes are anything
  unsigned char* data = nullptr;

 private:
  size_t size_ = 0;
};

// Flags of a tile program.
struct PipeFlags {
  struct Event {
    uint32_t set_by = 0;     // 1 + the instruction that set it; 0: it is not set
    uint32_t waited_by = 0;  // 1 + the last one that waited for it; 0: none has
    bool primed = false;     // its first set came from another instruction than some later one
    uint32_t first_set_by = 0;
  };
  Event events[8][8][8] = {};                        // [from][to][id]
  uint64_t raised[3][16] = {}, crossed[3][16] = {};  // cross-core flags set and waited for so far: [mode][id]
  uint64_t raisers = 0, raised_by = 0;               // of the cross-core flag that the core waits for: all, and so far
};

// Where vsel and vsels find their mask: what the last set_cmpmask of the block said.
struct CompareMask {
  bool set = false;
  uint64_t address = 0, pitch = 0;
};

// One on-chip buffer of a core, by TileSpace (tile_access.h).
struct TileBuffer {
  unsigned char* data = nullptr;
  uint64_t bytes = 0;
};
inline constexpr unsigned kTileBuffers = 6;

// Banks of the unified buffer as SIMT accesses see them.
struct Banks {
  static constexpr unsigned kMost = 64;
  unsigned count = 32;      // a power of two
  unsigned width_bits = 2;  // log2 of a bank's bytes
};

// What starts afresh with each block.
struct BlockProgress {
  uint64_t index = 0;    // of the block
  uint64_t program = 0;  // among the launch's programs for this core kind: the block's index but in a mix
  uint16_t device = 0;   // member number
  uint16_t ordinal = 0;  // device ordinal
  uint32_t core = 0;
  std::array<uint32_t, 3> ctaid{};

  Warp* warp = nullptr;  // running
  Split* split = nullptr;
  uint64_t deadline = 0;  // split->count at which the split yields
  bool yielded = false;   // sleep: end the warp's slice

  float quant_scale = 1;  // of fixpipe.quant
  CompareMask compare_mask;

  uint64_t live_lanes = 0;
  uint64_t barrier_lanes = 0;  // lanes waiting at the block barrier
  uint32_t barrier_generation = 0, barrier_arrivals = 0;
  uint64_t grid_lanes = 0;
  uint32_t grid_generation = 0;
  std::vector<uint32_t> arrivals;  // per generation released since the last take

  BlockStatus status = BlockStatus::ready;
  std::optional<Fault> fault;
  std::vector<ServiceRecord> services;
  Block::Statistics statistics;
};

// A block's state while it is resident. Everything outside BlockProgress and WarpProgress follows from the launch alone
// and outlives the block.
struct Machinery : BlockProgress {
  explicit Machinery(const LaunchContext& launch);
  // A new block in the same place: memory and registers are zero.
  void start(uint64_t index, uint16_t device, uint32_t core);

  const LaunchContext& launch;
  const image::Kernel& kernel;
  const AddressSpace& memory;
  uint32_t threads = 0;
  uint64_t ub_bytes = 0;
  Banks banks;

  std::unique_ptr<AlignedBytes> ub, registers, local;
  std::unique_ptr<AlignedBytes> cube_buffers;           // L1, L0A, L0B, L0C, BT of a cube core, one after the other
  std::array<TileBuffer, kTileBuffers> tile_buffers{};  // those that the program's core has
  std::vector<Warp> warps;
  const Decoded* entry = nullptr;
  Frame frame;
  uint64_t generation = 0;                 // of the address space when the views were filled
  std::unique_ptr<PipeOrder> pipe_order;   // synccheck only
  std::unique_ptr<AccessChecks> checks;    // initcheck and racecheck only
  std::unique_ptr<TileContents> contents;  // initcheck of tile programs only
  PipeFlags flags;

  bool faulted() const { return fault.has_value(); }
};

// "program 3", in a mix "AIC 1" or "AIV 2".
std::string name_of_program(const Machinery& m);

// Programs of the launch for the block's core kind.
inline uint64_t programs_of(const Machinery& m) {
  const auto& grid = m.launch.grid;
  const uint64_t aiv = m.launch.group_aiv && m.kernel.core == image::CoreKind::aiv ? m.launch.group_aiv : 1;
  return uint64_t{grid[0]} * grid[1] * grid[2] * aiv;
}

// --- Running (scheduling.cpp)
BlockStatus run_block(Machinery& m, uint64_t budget);
void set_mask(Frame* f, uint32_t mask);
Split* add_split(Warp& warp, const Split& from, uint32_t mask);
Split* add_first_split(Warp& warp, const Decoded* pc);
void remove_split(Warp& warp, Split* split);
// Ends lanes of the running split (its whole mask).
void end_lanes(Machinery& m, Warp& warp, Split* split);
// Merges the waiters of a region instance if everybody has arrived.
void merge_if_complete(Machinery& m, Warp& warp, uint32_t region);
void release_barrier_if_complete(Machinery& m);
// Lets a gathered operation go on when its members are all there (warp_exchange.cpp).
void complete_gathers(Machinery& m, Warp& warp);
std::string wait_graph(const Machinery& m);
// At the first live split, with the wait graph.
Fault stuck_fault(const Machinery& m, FaultKind kind);

// Puts instructions [run_begin, end) on the books; they were executed by the active lanes.
void account(Frame* f, const Decoded* end);
inline uint64_t executed_until(const Frame* f, const Decoded* end) {
  return f->machinery->warp->executed + static_cast<uint64_t>(end - f->run_begin);
}

// --- Events
void push_event(Warp& warp, EventKind kind, uint32_t payload);
void push_event_word(Warp& warp, EventKind kind, uint32_t word);

// --- Faults (fault.cpp)
// Records
// the block's fault, which is the first one: later calls are ignored. `lane` is of the running warp.
Fault& raise(Frame* f, const Decoded* d, FaultKind kind, unsigned lane, std::string detail = {});
void raise_access(Frame* f, const Decoded* d, FaultKind kind, unsigned lane, uint64_t address, uint32_t bytes,
                  bool store, std::string nearest = {});
Fault make_fault(const Machinery& m, const Warp& warp, const Decoded* d, FaultKind kind, unsigned lane);
std::string describe_nearest(const AddressSpace& memory, uint64_t address);

// --- Memory (memory_access.cpp)
// Effective
// addresses of the active lanes (entries of other lanes are not written).
void effective_addresses(const Decoded* d, const Frame* f, uint64_t* at);
// The space an address of a generic access lies in.
isa::Space space_of(const Decoded* d, uint64_t address);
// Host memory of an access after all checks, or null after a fault was raised.
unsigned char* resolve(const Decoded* d, Frame* f, unsigned lane, uint64_t address, uint32_t bytes, bool store,
                       bool atomic = false);
bool load_values(const Decoded* d, Frame* f, const uint64_t* at, uint64_t* hash = nullptr);
bool store_values(const Decoded* d, Frame* f, const uint64_t* at, uint64_t* hash = nullptr);
// Reads device memory for services: bytes up to `limit`, or up to a zero byte; false if some are not readable.
bool read_string(const Decoded* d, Frame* f, unsigned lane, uint64_t address, std::string& out);

// --- Order between pipes (pipe_order.cpp): notes an access; what it finds is collected and told after the launch.
// `space` is a TileSpace or kGmOrderSpace.
inline constexpr unsigned kGmOrderSpace = kTileBuffers;
bool in_order(const Decoded* d, Frame* f, unsigned space, uint64_t address, uint64_t bytes, uint64_t rows,
              uint64_t pitch, bool write);
// What the synchronisation instructions of a tile program say to that check; event `id` of the pipe pair.
void order_set(const Decoded* d, Frame* f, unsigned id);
void order_wait(const Decoded* d, Frame* f, unsigned id);
void order_barrier(const Decoded* d, Frame* f);
void order_cross(const Decoded* d, Frame* f);
// The same as in_order() for a load or store of the scalar unit.
bool scalar_in_order(const Decoded* d, Frame* f, uint64_t address, uint64_t bytes, bool write);

// --- Flags that are wrong by themselves (flag_checks.cpp)
std::string name_of_flag(unsigned from, unsigned to, uint64_t id);
// Why nothing ends the wait of instruction `wait`: lines that begin with a line break, from pipe to pipe.
std::string flag_wait_graph(const Machinery& m, uint32_t wait, unsigned from, unsigned to, uint64_t id);
// Synccheck: events that are set when the program ends.
std::vector<Finding> surplus_flags(const Machinery& m);

// What the check found so far.
std::vector<Finding> order_findings(const Machinery& m);

// --- Ordered operations (ordered.cpp)
void park_ordered(const Decoded* d, Frame* f, const uint64_t* at);
void serve_block(Machinery& m, OrderedState& state);
// The cross-core flag that the instruction waits for, if it does.
std::optional<Block::CrossWait> cross_wait_of(const Machinery& m, const Decoded* d);
// Executes a fixpipe that adds (cube.cpp).
void add_accumulators(const Decoded* d, Frame* f);
// Executes an rdsr of a value that is the same in all lanes (special_registers.cpp).
void read_special(const Decoded* d, Frame* f);
// Remembers that the split executed an ordered operation (on any space) with these addresses and values.
void note_ordered(Split& split, const Decoded* d, uint64_t hash);
inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
  return hash ^ (hash >> 29);
}
// Executes an atomic on the active lanes in ascending order (atomics.cpp). Returns a hash of addresses and values; a
// fault may have been raised. `concurrent`: other host threads may do the same now.
uint64_t apply_atomic(const Decoded* d, Frame* f, const uint64_t* at, bool concurrent);

// --- Handlers by family
struct Selected {
  Handler handler = nullptr;
  Evaluate evaluate = nullptr;
};
Selected scalar_operation(const isa::Instruction& i);        // scalar_operations.cpp: arithmetic rows
Handler control_handler(const isa::Instruction& i);          // control.cpp
Handler memory_handler(const isa::Instruction& i);           // memory_access.cpp: scalar loads and ordered accesses
Handler checked_memory_handler(const isa::Instruction& i);   // the same: any load or store, lane by lane
Handler atomic_handler(const isa::Instruction& i);           // atomics.cpp
Handler exchange_handler(const isa::Instruction& i);         // warp_exchange.cpp
Handler synchronisation_handler(const isa::Instruction& i);  // synchronisation.cpp
Handler predicate_handler(const isa::Instruction& i);        // predicate_logic.cpp
Handler special_handler(const isa::Instruction& i);          // special_registers.cpp
Handler tile_handler(const isa::Instruction& i);             // tile.cpp: flags
Handler burst_handler(const isa::Instruction& i);            // bursts.cpp: dma of bursts
Handler matrix_load_handler(const isa::Instruction& i);      // matrix_load.cpp: the other dma rows of the cube core
Handler cube_handler(const isa::Instruction& i);             // cube.cpp: mmad, fixpipe
Handler vector_handler(const isa::Instruction& i);           // vector_tile.cpp
Handler generic_lane_handler(const isa::Instruction& i);     // generic_lanes.cpp: evaluate() lane by lane
Evaluate atomic_function(isa::AtomicFn fn, isa::Type type);

// --- Operands
inline uint64_t scalar_value(const Decoded* d, const Frame* f, uint8_t slot) {
  return slot == kScalarImmediate ? d->immediate : f->s[slot];
}
inline uint64_t lane_value(const Frame* f, uint8_t reg, bool wide, unsigned lane) {
  const uint32_t* low = f->r + reg * 32u + lane;
  return wide ? low[0] | static_cast<uint64_t>(low[32]) << 32 : low[0];
}
inline void set_lane_value(const Frame* f, unsigned reg, bool wide, unsigned lane, uint64_t value) {
  uint32_t* low = f->r + reg * 32u + lane;
  low[0] = static_cast<uint32_t>(value);
  if (wide) low[32] = static_cast<uint32_t>(value >> 32);
}
inline uint64_t operand_value(const Decoded* d, const Frame* f, uint8_t slot, uint8_t lane_bit, bool wide,
                              unsigned lane) {
  return d->lanes & lane_bit ? lane_value(f, slot, wide, lane) : scalar_value(d, f, slot);
}
inline unsigned lowest(uint32_t mask) { return static_cast<unsigned>(__builtin_ctz(mask)); }
inline unsigned bits_of(const Decoded* d, unsigned low, unsigned width) { return isa::bits(d->mod, low, width); }

#define PHX_NEXT [[clang::musttail]] return d[1].run(d + 1, f)

// Calls `body(lane)` for each lane of the mask, lowest first.
template <class Body>
inline void for_lanes(uint32_t mask, Body body) {
  for (; mask; mask &= mask - 1) body(lowest(mask));
}

}  // namespace phx::sim
