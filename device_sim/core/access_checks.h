// Initcheck and racecheck in the interpreter: what a block reads and writes, and in which order (internal to core).
//
// A block keeps to itself during a round, so that findings do not depend on which host thread ran first: it knows which
// device memory was written before the round began and what it wrote since, and compares the accesses of its own
// threads with one another. What concerns others is handed out as a CheckLog at the end of the round, and grid_checks.h
// compares the logs of all blocks, lowest block first.
//
// Plain loads and stores of SIMT programs come through observed(), before they happen and before they are checked: what
// lies outside every buffer is passed over and faults a moment later. Atomics and volatile accesses of device memory
// come through grid_checks.h when they are served, dma rows through touch_gm().
#pragma once

#include <memory>
#include <vector>

#include "device_sim/check/access_history.h"
#include "device_sim/check/barrier_use.h"
#include "device_sim/check/checks.h"
#include "device_sim/check/finding.h"
#include "device_sim/check/thread_order.h"
#include "device_sim/core/decoded.h"
#include "device_sim/isa/isa.h"
#include "device_sim/memory/address_space.h"
#include "device_sim/memory/byte_set.h"

namespace phx::sim {

// Units of the two histories.
inline constexpr unsigned kNearUnit = 4, kFarUnit = 32;
// Accesses to words of device memory that a block remembers for its own threads; with more since its last barrier it
// begins anew. Some hundred blocks are resident at a time, so this bounds memory to a gigabyte.
inline constexpr size_t kMostNear = 32768;
using FarHistory = AccessHistory<kFarUnit>;

// What a block did to device memory since its last log.
struct CheckLog {
  ByteSet written;      // initcheck
  FarHistory accesses;  // racecheck; who: warp
  struct Release {
    uint64_t unit;  // address / 4
    HorizonPointer published;
  };
  std::vector<Release> releases;  // of atomics that were not served in order
  std::vector<ThreadOrder::Epoch> epochs;
  bool empty() const { return written.empty() && accesses.empty() && releases.empty(); }
};

class AccessChecks {
 public:
  AccessChecks(Checks on, unsigned threads, uint64_t ub_bytes, uint64_t local_bytes);
  void start(uint64_t block);

  // --- Accesses of a SIMT block's running split. `ordered`: atomic or volatile.
  void lanes(const Decoded* d, Frame* f, const uint64_t* at, unsigned bytes, bool reads, bool writes, bool ordered);
  // Rows of device memory that a tile program reads or writes.
  void rows(const Decoded* d, Frame* f, uint64_t address, uint64_t bytes, uint64_t rows, uint64_t pitch, bool reads,
            bool writes, bool ordered);

  // An atomic or volatile access of the running split: what it publishes and learns in the unified buffer, at once; in
  // device memory for an atomic that is not served in order.
  void flags(const Decoded* d, Frame* f, const uint64_t* at, bool reads, bool writes);

  ThreadOrder& order() { return order_; }
  bool races() const { return on_.racecheck; }
  // `result`: the barrier gives its threads a value.
  void barrier(uint32_t instruction, bool result);
  void grid_barrier();
  // The running block orders what it does for other blocks.
  void talks() {
    if (on_.hints) barriers_.outside();
  }
  FlagUse::Counts take_barrier_use() { return barriers_.take(); }

  CheckLog take_log();
  std::vector<Finding> take_findings() { return std::exchange(findings_, {}); }

 private:
  struct Reader;
  void uninitialised(const Decoded* d, Frame* f, unsigned lane, isa::Space space, uint64_t address, uint64_t first,
                     unsigned bytes);
  bool written(const Buffer& buffer, uint64_t address, unsigned bytes, uint64_t& first) const;
  void near(const Decoded* d, Frame* f, unsigned lane, isa::Space space, uint64_t address, unsigned bytes,
            const uint8_t* value, const Access& access);
  void tell(Finding finding);

  Checks on_;
  std::vector<uint64_t> ub_written_, local_written_;
  uint64_t local_bytes_;  // of a lane
  AccessHistory<kNearUnit> near_ub_, near_gm_;
  ThreadOrder order_;
  BarrierUse barriers_;                                    // hints
  std::unordered_map<uint64_t, HorizonPointer> ub_flags_;  // by offset / 4
  CheckLog log_;
  std::vector<Finding> findings_;
  const Buffer* buffer_ = nullptr;  // that the last access hit
  uint64_t generation_ = 0;
};

// "byte 128 of the unified buffer", "byte 16 of cudaMalloc #2 (400 bytes)".
std::string name_place(const AddressSpace& memory, isa::Space space, uint64_t address);

// A handler that shows a plain load or store to the block's checks and goes on with the instruction's own.
void observed(const Decoded* d, Frame* f);

}  // namespace phx::sim
