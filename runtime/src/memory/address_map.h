// AddressMap: which allocation a pointer belongs to.
//
// Device pointers come from the driver's synthetic range, pinned and managed memory are host addresses; both are
// intervals of one map. A host pointer that is in no interval is ordinary pageable memory.
#pragma once

#include <phalanx/hal/buffer.h>

#include <cstdint>
#include <map>
#include <memory>

namespace phx::rt {

enum class MemoryKind {
  device,      // synthetic address
  pinned,      // host memory we allocated
  registered,  // the program's own host memory, registered
  managed,     // host memory we allocated, the same on both sides
  variable,    // of an executable
};

struct Allocation {
  MemoryKind kind = MemoryKind::device;
  uint64_t address = 0, size = 0;
  int device = 0;  // visible device that was current; -1: none in particular
  std::shared_ptr<hal::Buffer> buffer;
  uint64_t buffer_offset = 0;  // of `address` in the buffer
  unsigned flags = 0;          // as the program gave them

  bool on_host() const {
    return kind == MemoryKind::pinned || kind == MemoryKind::registered || kind == MemoryKind::managed;
  }
};

class AddressMap {
 public:
  void add(Allocation allocation) { map_[allocation.address] = std::move(allocation); }

  // The allocation that holds `address`, or nullptr.
  Allocation* find(uint64_t address) {
    auto after = map_.upper_bound(address);
    if (after == map_.begin()) return nullptr;
    Allocation& candidate = std::prev(after)->second;
    return address - candidate.address < candidate.size ? &candidate : nullptr;
  }
  // The allocation that starts at `address`, or nullptr.
  Allocation* starting_at(uint64_t address) {
    auto found = map_.find(address);
    return found == map_.end() ? nullptr : &found->second;
  }
  void remove(uint64_t address) { map_.erase(address); }

  template <class Predicate>
  void remove_if(Predicate predicate) {
    std::erase_if(map_, [&](const auto& entry) { return predicate(entry.second); });
  }
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& entry : map_) visit(entry.second);
  }

 private:
  std::map<uint64_t, Allocation> map_;
};

}  // namespace phx::rt
