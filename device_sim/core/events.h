// What the functional engine tells the timing engine: "function decides, timing replays".
//
// Each warp has one stream of events in the order in which its splits executed (splits of a warp share its issue slot,
// so one stream a warp is what the hardware's scheduler would see). The timing engine keeps the streams apart and
// decides when each event happens; it never looks at values.
//
// Stream words (32 bit), kind in bits [3:0]:
//
//   run           [8:4] active lanes - 1, [31:9] n; next word: index of the first of n consecutive decoded
//   instructions.
//                 Each load, store, atomic among them (not param loads) has one Access record, in order, in `accesses`.
//   arrive        [31:4] generation: the split arrived at the block's barrier of that generation (its `bar` ended the
//   run) barrier       [31:4] generation: the split goes on after that barrier; not before all its arrivals ordered
//   next word: sequence number of an ordered operation (the instruction ended the run): the split goes on with its
//                 result; not before the operation is done, which is not before its producer is done
//   grid_arrive, grid  as arrive and barrier, for the whole grid
//   sleep         next word: nanoseconds
//   end           the warp has no live lane left
//   flag events   tile programs: set_flag, wait_flag, … are plain instructions of a run; the timing engine pairs them
//   in order
//
// Polls are not charged: when a split repeats the same ordered operation at the same addresses, gets the same value
// again, and nothing but loads and arithmetic lies between, the functional engine drops the repetition from the stream.
//
// Access records (64 bit words): a header, then `lines` line words for gm and local.
//   header  [7:0] AccessKind, [15:8] bank conflict degree (ub: the most different words asked of one bank, >= 1;
//           atomics: the most lanes that ask for one word, and for ub the larger of both),
//           [31:16] lines, [63:32] bytes moved (active lanes x element size)
//   line    [3:0] 32-byte sectors touched, [47:4] address >> 7 without the gm window bits (local: a number private to
//   the
//           warp with bit 43 set), [63:48] home device (kHostHome: host memory over the host link)
//   dma     header with kind dma: lines = number of row records; row record: [31:0] bytes, then a line word for its
//   first line:
//           two words a row; a burst of equal rows may be given once with [63:32] = repetitions - 1 and stride in the
//           third word
//   tile    one record for each instruction of the cube, fix and vec families and of the loads l1_l0a, l1_l0b, l1_bt:
//   header with
//           kind tile, lines 1, [63:32] work (vec: repeats of 256 bytes; loads: bytes; fixpipe: elements; mmad: 0), and
//           one word, the shape: mmad: its configuration word, [63:48] address in l0c / 64; fixpipe: address in l0c /
//           64; vec with two sources in ub: [63] 1, [19:0] and [39:20] their addresses / 32; row reductions: [62] 1,
//           [31:0] their rows; else 0. A fixpipe to gm and dma_nd2nz have a dma record after (dma_nd2nz: only) that
//           names their rows in gm. set_flag and wait_flag whose slot a is not `zero`: a header with kind tile, lines
//           0, [63:32] the event id
#pragma once

#include <cstdint>
#include <vector>

namespace phx::sim {

enum class EventKind : uint8_t { run, arrive, barrier, ordered, grid_arrive, grid, sleep, end };
enum class AccessKind : uint8_t {
  gm_load,
  gm_store,
  gm_atomic,
  ub_load,
  ub_store,
  ub_atomic,
  local_load,
  local_store,
  dma,
  tile,
  none
};

inline constexpr unsigned kLineBytes = 128;  // SIMT data-cache line, the unit of Access records
inline constexpr unsigned kSectorBytes = 32;

struct WarpEvents {
  std::vector<uint32_t> words;
  std::vector<uint64_t> accesses;
};

// One ordered operation, in order of service. The producer is the ordered operation of this launch whose value it saw.
struct OrderedRecord {
  static constexpr uint32_t kNone = ~0u;
  uint32_t producer = kNone;
};

// What one block did in one round.
struct BlockEvents {
  uint64_t block = 0;             // linear index in the grid
  uint16_t device = 0;            // member ordinal
  bool finished = false;          // no more events will come
  std::vector<WarpEvents> warps;  // new events since the last round, by warp
  std::vector<uint32_t>
      arrivals;  // per barrier generation released since the last round: number of `arrive` events it had
};

struct RoundEvents {
  std::vector<BlockEvents> blocks;      // ascending by block
  std::vector<OrderedRecord> ordered;   // sequence numbers go on from the last round
  std::vector<uint64_t> grid_arrivals;  // per grid barrier generation released: number of `grid_arrive` events
};

}  // namespace phx::sim
