// What the tile families share: the buffers of a core, ranges in them with all checks, and the work record that the
// timing engine reads.
//
// Every operand of a tile instruction is one TileRange: rows of equal size at equal distances. touch() is the only way
// from a range to host memory, so bounds, alignment and the order between pipes are checked in one place.
#pragma once

#include <cstdint>

#include "device_sim/core/execution.h"

namespace phx::sim {

enum class TileSpace : uint8_t { ub, l1, l0a, l0b, l0c, bt };

struct TileRange {
  TileSpace space = TileSpace::ub;
  uint64_t address = 0;  // bytes from the start of the buffer
  uint64_t bytes = 0;    // of one row
  uint64_t rows = 1;
  uint64_t pitch = 0;  // bytes from row to row; 0 with rows > 1: the same row again (sources only)
  bool write = false;
};

// Host memory of the range's first byte; null after a fault: misaligned (isa.def §9), outside the buffer, rows of a
// destination that overlap, or - with synccheck - an access that no flag orders against an earlier one of another pipe.
// A range without bytes gives a pointer that must not be read.
unsigned char* touch(const Decoded* d, Frame* f, const TileRange& range);
// The same check of the order between pipes alone, for device memory [address, address + bytes) of a DMA; bounds are
// checked by the caller. False after a fault.
bool touch_gm(const Decoded* d, Frame* f, uint64_t address, uint64_t bytes, bool write);

// One record per tile instruction for the timing engine (events.h, kind `tile`). `work`: repeats (vec), bytes (loads),
// elements (fixpipe), 0 (mmad, whose `shape` is its configuration word).
void record_work(Frame* f, uint64_t work, uint64_t shape = 0);

// The event id of a set_flag or wait_flag whose id depends on a register.
void record_flag(Frame* f, uint64_t id);

// False in timing-only mode: the instruction checks and records, but no byte moves.
inline bool moves_values(const Frame* f) { return f->machinery->launch.values; }

}  // namespace phx::sim
