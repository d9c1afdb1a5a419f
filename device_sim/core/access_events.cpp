// Access records: which lines and banks an access of the active lanes touches (events.h).
#include <algorithm>

#include "device_sim/core/execution.h"

namespace phx::sim {
namespace {

using isa::Opcode;
using isa::Space;

constexpr uint64_t kLocalBit = uint64_t{1} << 43, kLineMask = (uint64_t{1} << 44) - 1;

AccessKind kind_of(const Decoded* d, Space space) {
  const auto op = static_cast<Opcode>(d->op);
  const bool atomic = op == Opcode::Atom || op == Opcode::Red, store = op == Opcode::St;
  switch (space) {
    case Space::Ub: return atomic ? AccessKind::ub_atomic : store ? AccessKind::ub_store : AccessKind::ub_load;
    case Space::Local: return atomic || store ? AccessKind::local_store : AccessKind::local_load;
    default: return atomic ? AccessKind::gm_atomic : store ? AccessKind::gm_store : AccessKind::gm_load;
  }
}

// Lines of one access in the order in which lanes touch them first.
struct Lines {
  uint64_t number[128];
  uint64_t address[128];  // of the first access to the line
  uint8_t sectors[128];
  unsigned count = 0, last = 0;

  void touch(uint64_t line, unsigned sector_mask, uint64_t at) {
    if (count == 0 || number[last] != line) {
      last = static_cast<unsigned>(std::find(number, number + count, line) - number);
      if (last == count) {
        number[count] = line;
        address[count] = at;
        sectors[count++] = 0;
      }
    }
    sectors[last] = static_cast<uint8_t>(sectors[last] | sector_mask);
  }
};

unsigned sector_mask(uint64_t address, unsigned bytes) {
  const unsigned first = static_cast<unsigned>(address % kLineBytes) / kSectorBytes;
  const unsigned last = std::min(3u, (static_cast<unsigned>(address % kLineBytes) + bytes - 1) / kSectorBytes);
  return ((2u << last) - 1) & ~((1u << first) - 1);
}

// The most different words that one bank must deliver.
unsigned conflict_degree(const Frame* f, const uint64_t* at, unsigned bytes) {
  const machine::Simt& simt = f->machinery->launch.machine->chip.simt;
  const auto banks = static_cast<unsigned>(std::clamp<int64_t>(simt.shared_banks ? simt.shared_banks : 32, 1, 64));
  const auto width = static_cast<unsigned>(std::max<int64_t>(simt.shared_bank_width_bytes ? simt.shared_bank_width_bytes : 4, 1));
  uint64_t words[64][64];
  uint8_t counts[64] = {};
  unsigned degree = 1;
  for_lanes(f->mask, [&](unsigned lane) {
    const uint64_t first = (at[lane] & ~isa::kWindowMask) / width, last = ((at[lane] & ~isa::kWindowMask) + bytes - 1) / width;
    for (uint64_t word = first; word <= last; ++word) {
      const auto bank = static_cast<unsigned>(word % banks);
      uint64_t* begin = words[bank];
      if (counts[bank] == 64 || std::find(begin, begin + counts[bank], word) != begin + counts[bank]) continue;
      begin[counts[bank]++] = word;
      degree = std::max<unsigned>(degree, counts[bank]);
    }
  });
  return degree;
}

}  // namespace

void record_access(const Decoded* d, Frame* f, const uint64_t* at, unsigned bytes) {
  const Space space = space_of(d, at[lowest(f->mask)]);
  if (space == Space::Param) return;
  Machinery& m = *f->machinery;
  const AccessKind kind = kind_of(d, space);
  const bool scalar = static_cast<Opcode>(d->op) == Opcode::Ld && !(d->lanes & kLaneDst);
  const uint64_t moved = uint64_t{bytes} * (scalar ? 1 : static_cast<unsigned>(__builtin_popcount(f->mask)));
  auto& out = m.warp->events.accesses;
  if (space == Space::Ub) {
    out.push_back(static_cast<uint64_t>(kind) | uint64_t{conflict_degree(f, at, bytes)} << 8 | moved << 32);
    return;
  }
  Lines lines;
  if (space == Space::Local) {  // word w of all lanes makes up a line
    const uint64_t owner = kLocalBit | (m.index & 0x1ffff) << 26 | uint64_t{m.warp->index & 63u} << 20;
    for_lanes(f->mask, [&](unsigned lane) {
      const uint64_t offset = at[lane] & ~isa::kWindowMask;
      for (uint64_t word = offset / 4; word <= (offset + bytes - 1) / 4; ++word) lines.touch(owner | (word & 0xfffff), 1u << lane / 8, at[lane]);
    });
  } else {
    for_lanes(f->mask, [&](unsigned lane) { lines.touch(at[lane] / kLineBytes, sector_mask(at[lane], bytes), at[lane]); });
  }
  out.push_back(static_cast<uint64_t>(kind) | uint64_t{1} << 8 | uint64_t{lines.count} << 16 | moved << 32);
  const Buffer* buffer = nullptr;
  for (unsigned i = 0; i < lines.count; ++i) {
    uint64_t home = m.ordinal;
    if (space != Space::Local) {
      if (!buffer || lines.address[i] - buffer->address >= buffer->size) buffer = m.memory.find(lines.address[i]);
      home = buffer->home(lines.address[i], m.ordinal);
    }
    out.push_back(lines.sectors[i] | (lines.number[i] & kLineMask) << 4 | home << 48);
  }
}

}  // namespace phx::sim
