// What the interpreter executes: one 32-byte record an instruction, and the frame that handlers work on.
//
// A handler executes one instruction for the active lanes and tail-calls the handler of the next record; it returns
// only when the split must stop (branch budget used up, waiting, faulted). This header is included by files that are
// compiled for several instruction-set levels of the host, so it must not contain or include anything that becomes a
// shared inline function.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace phx::sim {

struct Decoded;
struct Frame;
struct Machinery;  // the block's bookkeeping; execution.h
struct Operation;  // what the generic handlers know of an instruction; execution.h
using Handler = void (*)(const Decoded*, Frame*);

// Operand positions of a scalar file and of a predicate file that hold constants, and the mark of the immediate.
inline constexpr unsigned kScalarZero = 64, kScalarOnes = 65, kScalarFile = 66, kScalarImmediate = 66;
inline constexpr unsigned kPredicateZero = 16, kPredicateOnes = 17, kPredicateFile = 18;

// Which slots are lane registers.
enum LaneSlot : uint8_t { kLaneDst = 1, kLaneA = 2, kLaneB = 4, kLaneC = 8 };

struct Decoded {
  Handler run = nullptr;
  uint64_t immediate = 0;                // value, sign-extended address offset, or index of the branch target
  uint8_t dst = 0, a = 0, b = 0, c = 0;  // positions in the file that the slot names
  uint16_t mod = 0;
  uint16_t op = 0;
  uint32_t index = 0;  // position in the program
  uint8_t type = 0;
  uint8_t lanes = 0;  // LaneSlot bits
  uint8_t flags = 0;  // DecodedFlag bits
  uint8_t step = 0;   // memory: bytes of one element
};

enum DecodedFlag : uint8_t {
  kDstUnused = 1,   // optional destination that is `zero`
  kSourceZero = 2,  // slot c of a store is `zero`
  kEndsLanes = 4,   // join: nothing but exits follows
  kBaseIsPair = 8,  // address base is a lane register pair
};

// The part of a buffer's description that address checks need; `bytes` is null for an unused entry.
struct View {
  uint64_t address = 0, size = 0;
  unsigned char* bytes = nullptr;
  uint32_t buffer = 0;
  bool writable = false;
};
inline constexpr unsigned kViews = 64;

struct alignas(64) Frame {
  alignas(64) uint32_t lane_mask[32];  // all ones for active lanes
  uint32_t* r = nullptr;               // lane registers, 32 words each
  uint64_t* s = nullptr;               // scalar file of the running split, kScalarFile entries
  uint32_t* p = nullptr;               // predicate file of the running split, kPredicateFile entries
  uint32_t mask = 0;                   // active lanes
  bool recording = false;              // events are wanted
  const Decoded* run_begin = nullptr;  // first instruction that is not accounted yet
  unsigned char* ub = nullptr;
  uint64_t ub_bytes = 0;
  const unsigned char* params = nullptr;
  uint64_t param_bytes = 0;
  unsigned char* local = nullptr;  // lane l's memory starts at l * local_bytes
  uint64_t local_bytes = 0;
  const uint32_t* tid[3] = {};  // thread index of each lane in x, y, z
  const Decoded* code = nullptr;
  const Operation* operations = nullptr;  // parallel to code
  Machinery* machinery = nullptr;
  View views[kViews];  // last buffer of the instructions whose index ends in the entry's number
};

inline constexpr uint32_t kAllLanes = 0xffffffffu;

// Shared slow paths, called by the specialised memory handlers when an access is not simple (several buffers, a fault,
// mixed generic addresses). They do the whole instruction and return false if the split must stop.
bool load_slow(const Decoded* d, Frame* f);
bool store_slow(const Decoded* d, Frame* f);
// Points the instruction's view at the live buffer that holds the address, if there is one.
void refresh_view(const Decoded* d, Frame* f, uint64_t address);
// Recording mode: describes the access of the active lanes; `addresses` holds 32 entries (effective addresses in the
// space).
void record_access(const Decoded* d, Frame* f, const uint64_t* addresses, unsigned bytes_per_lane);

// The same for an access to the contiguous bytes [first, first + span) that moves `moved` bytes in all.
void record_run(const Decoded* d, Frame* f, uint64_t first, unsigned span, unsigned moved);

// Handlers specialised for one level of the host's instruction set; null if the instruction has no special form there.
struct HandlerRequest {
  uint16_t op;
  uint8_t type;
  uint16_t mod;
  uint8_t lanes;  // LaneSlot bits
  uint8_t flags;
};
Handler lane_handler_baseline(const HandlerRequest& request);
Handler lane_handler_v3(const HandlerRequest& request);
Handler lane_handler_v4(const HandlerRequest& request);

}  // namespace phx::sim
