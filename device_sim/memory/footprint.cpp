#include "device_sim/memory/footprint.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "device_sim/memory/byte_bits.h"

namespace phx::sim {

Footprint::Page& Footprint::page(uint64_t number) {
  if (number != last_number_) {
    last_ = &pages_[number];  // elements of the map stay where they are
    last_number_ = number;
  }
  return *last_;
}

Footprint::Bits& Footprint::bits(Page& page, bool write, bool ordered, uint32_t instruction) {
  uint32_t& first = page.first[2 * ordered + write];
  if (first == kNobody) first = instruction;
  if (!ordered) return page.plain[write];
  if (!page.ordered) page.ordered = std::make_unique<std::array<Bits, 2>>();
  return (*page.ordered)[write];
}

void Footprint::add(uint64_t first, uint64_t bytes, bool write, bool ordered, uint32_t instruction) {
  for (uint64_t at = first, end = first + bytes; at < end;) {
    const uint64_t next = std::min(end, (at / kPage + 1) * kPage);
    set_bits(bits(page(at / kPage), write, ordered, instruction).data(), at % kPage, next - at);
    at = next;
  }
}

void Footprint::add_unit(uint64_t unit, uint32_t mask, bool write, bool ordered, uint32_t instruction) {
  const uint64_t at = unit * 32;
  bits(page(at / kPage), write, ordered, instruction)[at % kPage / 64] |= uint64_t{mask} << at % 64;
}

std::optional<Footprint::Meeting> Footprint::meets(const Footprint& other) const {
  std::optional<Meeting> lowest;
  const bool swap = other.pages_.size() < pages_.size();
  for (const auto& [number, page] : swap ? other.pages_ : pages_) {
    const auto& rest = swap ? pages_ : other.pages_;
    auto found = rest.find(number);
    if (found == rest.end() || (lowest && lowest->address < number * kPage)) continue;
    const Page& a = swap ? found->second : page;
    const Page& b = swap ? page : found->second;
    auto word = [](const Page& p, int kind, size_t i) {
      return kind < ordered_load ? p.plain[kind][i] : p.ordered ? (*p.ordered)[kind - ordered_load][i] : 0;
    };
    for (int x = 0; x < kinds; ++x)
      for (int y = 0; y < kinds; ++y) {
        if (!(x & 1) && !(y & 1)) continue;                    // two loads
        if (x >= ordered_load && y >= ordered_load) continue;  // both in order
        if (a.first[x] == kNobody || b.first[y] == kNobody) continue;
        for (size_t i = 0; i < kPage / 64; ++i) {
          const uint64_t both = word(a, x, i) & word(b, y, i);
          if (!both) continue;
          const uint64_t address = number * kPage + i * 64 + static_cast<uint64_t>(std::countr_zero(both));
          if (!lowest || address < lowest->address)
            lowest = Meeting{address, (x & 1) != 0, (y & 1) != 0, a.first[x], b.first[y]};
          break;
        }
      }
  }
  return lowest;
}

}  // namespace phx::sim
