// What the tile families share: the buffers of a core, ranges in them with all checks, and the work record that the
// timing engine reads.
//
// Every operand of a tile instruction is one TileRange or GmRange: rows of equal size at equal distances. touch() and
// touch_gm() are the only ways from a range to host memory, so bounds, alignment and the order between pipes are
// checked in one place.
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
  bool elements = false;  // the rows are single elements, which lie at any pitch
  bool told = false;      // initcheck: the instruction itself says which of the bytes it reads or writes
};

// Host memory of the range's first byte; null after a fault: misaligned (isa.def §9), outside the buffer, rows of a
// destination that overlap, or - with synccheck - an access that no flag orders against an earlier one of another pipe.
// A range without bytes gives a pointer that must not be read.
unsigned char* touch(const Decoded* d, Frame* f, const TileRange& range);

// Rows in device memory: all of them in one buffer.
struct GmRange {
  uint64_t address = 0;
  uint64_t bytes = 0;  // of one row
  uint64_t rows = 1;
  uint64_t pitch = 0;      // bytes from row to row
  uint64_t alignment = 1;  // of addresses and pitch: bytes of an element
  bool write = false;
  bool add = false;  // an atomic addition, with `write`
};

// Host memory of the range's first byte, the counterpart of touch(); null after a fault: outside the buffer that the
// first row starts in, freed, host memory that is not registered, a store to read-only memory.
unsigned char* touch_gm(const Decoded* d, Frame* f, const GmRange& range);
// The rows as a `dma` record (events.h): once with their pitch if they have one home.
void record_rows(Frame* f, const GmRange& range);

// One record per tile instruction for the timing engine (events.h, kind `tile`). `work`: repeats (vec), bytes (loads),
// elements (fixpipe), 0 (mmad, whose `shape` is its configuration word and the place of its accumulators).
void record_work(Frame* f, uint64_t work, uint64_t shape = 0);
// The shape of a vec instruction with two sources in the unified buffer.
inline uint64_t source_places(uint64_t a, uint64_t b) { return uint64_t{1} << 63 | (b / 32) << 20 | a / 32; }
// The shape of one that reduces rows.
inline uint64_t reduced_rows(uint64_t rows) { return uint64_t{1} << 62 | rows; }

// The event id of a set_flag or wait_flag whose id depends on a register.
void record_flag(Frame* f, uint64_t id);

// False in timing-only mode: the instruction checks and records, but no byte moves.
inline bool moves_values(const Frame* f) { return f->machinery->launch.values; }

}  // namespace phx::sim
