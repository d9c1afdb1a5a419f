// Access records: which lines and banks an access of the active lanes touches (events.h).
#include <algorithm>
#include <iterator>

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
    case Space::Ub:
      return atomic ? AccessKind::ub_atomic : store ? AccessKind::ub_store : AccessKind::ub_load;
    case Space::Local:
      return atomic || store ? AccessKind::local_store : AccessKind::local_load;
    default:
      return atomic ? AccessKind::gm_atomic : store ? AccessKind::gm_store : AccessKind::gm_load;
  }
}

// Lines of one access in the order in which lanes touch them first.
struct Lines {
  static constexpr unsigned kMost = 128;  // 32 lanes of at most four words
  uint64_t number[kMost];
  uint64_t address[kMost];  // of the first access to the line
  uint8_t sectors[kMost];
  unsigned count = 0, last = 0;
  uint8_t table[2 * kMost] = {};  // place + 1 by a hash of the line

  void touch(uint64_t line, unsigned sector_mask, uint64_t at) {
    if (count == 0 || number[last] != line) {
      size_t slot = static_cast<size_t>((line * 0x9E3779B97F4A7C15ull) >> 56);
      while (table[slot] && number[table[slot] - 1] != line) slot = (slot + 1) % std::size(table);
      if (!table[slot]) {
        number[count] = line;
        address[count] = at;
        sectors[count] = 0;
        table[slot] = static_cast<uint8_t>(++count);
      }
      last = table[slot] - 1u;
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
unsigned conflict_degree(Banks banks, uint32_t mask, const uint64_t* at, unsigned bytes) {
  uint32_t words[Banks::kMost][64];
  uint8_t counts[Banks::kMost] = {};
  unsigned degree = 1;
  for_lanes(mask, [&](unsigned lane) {
    const auto offset = static_cast<uint32_t>(at[lane]);
    for (uint32_t word = offset >> banks.width_bits; word <= (offset + bytes - 1) >> banks.width_bits; ++word) {
      const unsigned bank = word & (banks.count - 1);
      uint32_t* begin = words[bank];
      unsigned n = counts[bank], i = 0;
      while (i < n && begin[i] != word) ++i;
      if (i < n || n == 64) continue;
      begin[n] = word;
      counts[bank] = static_cast<uint8_t>(n + 1);
      degree = std::max(degree, n + 1);
    }
  });
  return degree;
}

// The most lanes that ask for one word: their atomics follow one another.
unsigned same_word_degree(uint32_t mask, const uint64_t* at) {
  uint64_t words[32];
  uint8_t lanes[32];
  unsigned count = 0, degree = 1;
  for_lanes(mask, [&](unsigned lane) {
    const uint64_t word = at[lane] / 4;
    const auto i = static_cast<unsigned>(std::find(words, words + count, word) - words);
    if (i == count) {
      words[count] = word;
      lanes[count++] = 0;
    }
    degree = std::max<unsigned>(degree, ++lanes[i]);
  });
  return degree;
}

uint64_t header(AccessKind kind, unsigned degree, unsigned lines, uint64_t moved) {
  return static_cast<uint64_t>(kind) | uint64_t{degree} << 8 | uint64_t{lines} << 16 | moved << 32;
}
uint64_t line_word(uint64_t number, unsigned sectors, uint64_t home) {
  return sectors | (number & kLineMask) << 4 | home << 48;
}

}  // namespace

void record_access(const Decoded* d, Frame* f, const uint64_t* at, unsigned bytes) {
  // The lanes of a generic access may reach several spaces. Its record is that of the lanes in global memory, which
  // take longest, or else of those that share the first lane's space.
  uint32_t mask = f->mask;
  Space space = space_of(d, at[lowest(mask)]);
  uint32_t global = 0, same = 0;
  for_lanes(mask, [&](unsigned lane) {
    const Space reached = space_of(d, at[lane]);
    global |= static_cast<uint32_t>(reached == Space::Gm) << lane;
    same |= static_cast<uint32_t>(reached == space) << lane;
  });
  if (same != mask) {
    if (global) space = Space::Gm;
    mask = global ? global : same;
  }
  if (space == Space::Param) return;
  Machinery& m = *f->machinery;
  const AccessKind kind = kind_of(d, space);
  const bool scalar = static_cast<Opcode>(d->op) == Opcode::Ld && !(d->lanes & kLaneDst);
  const uint64_t moved = uint64_t{bytes} * (scalar ? 1 : static_cast<unsigned>(__builtin_popcount(mask)));
  auto& out = m.warp->events.accesses;
  if (space == Space::Ub) {
    unsigned degree = conflict_degree(m.banks, mask, at, bytes);
    if (kind == AccessKind::ub_atomic) degree = std::max(degree, same_word_degree(mask, at));
    out.push_back(header(kind, degree, 0, moved));
    return;
  }
  Lines lines;
  if (space == Space::Local) {  // word w of all lanes makes up a line
    const uint64_t owner = kLocalBit | (m.index & 0x1ffff) << 26 | uint64_t{m.warp->index & 63u} << 20;
    for_lanes(mask, [&](unsigned lane) {
      const uint64_t offset = at[lane] & ~isa::kWindowMask;
      for (uint64_t word = offset / 4; word <= (offset + bytes - 1) / 4; ++word)
        lines.touch(owner | (word & 0xfffff), 1u << lane / 8, at[lane]);
    });
  } else {
    for_lanes(mask, [&](unsigned lane) { lines.touch(at[lane] / kLineBytes, sector_mask(at[lane], bytes), at[lane]); });
  }
  out.push_back(header(kind, kind == AccessKind::gm_atomic ? same_word_degree(mask, at) : 1, lines.count, moved));
  const Buffer* buffer = nullptr;
  for (unsigned i = 0; i < lines.count; ++i) {
    uint64_t home = m.ordinal;
    if (space != Space::Local) {
      if (!buffer || lines.address[i] - buffer->address >= buffer->size) buffer = m.memory.find(lines.address[i]);
      home = buffer->home(lines.address[i], m.ordinal);
    }
    out.push_back(line_word(lines.number[i], lines.sectors[i], home));
  }
}

void record_run(const Decoded* d, Frame* f, uint64_t first, unsigned span, unsigned moved) {
  const Space space = space_of(d, first);
  Machinery& m = *f->machinery;
  auto& out = m.warp->events.accesses;
  const AccessKind kind = kind_of(d, space);
  if (space == Space::Param) return;
  if (space == Space::Ub) {
    const unsigned words = std::max(1u, span >> m.banks.width_bits);
    out.push_back(header(kind, (words + m.banks.count - 1) / m.banks.count, 0, moved));
    return;
  }
  const Buffer* buffer = m.memory.find(first);
  const uint64_t line = first / kLineBytes, last = (first + span - 1) / kLineBytes;
  out.push_back(header(kind, 1, static_cast<unsigned>(last - line + 1), moved));
  for (uint64_t at = first, end = first + span; at < end; at = (at / kLineBytes + 1) * kLineBytes) {
    const auto bytes = static_cast<unsigned>(std::min<uint64_t>(end - at, kLineBytes - at % kLineBytes));
    out.push_back(line_word(at / kLineBytes, sector_mask(at, bytes), buffer->home(at, m.ordinal)));
  }
}

}  // namespace phx::sim
