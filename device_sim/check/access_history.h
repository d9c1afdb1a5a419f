// Who last read and wrote which bytes, as far as a later access can still be in conflict with them (racecheck).
//
// Memory is cut into units of kUnit bytes; each has a short list of entries with a bit for every byte, the latest
// first. For a byte there are kept: the latest plain store, and of the loads since then the first and the latest that
// no order puts after another; the same for ordered accesses (atomics and volatile ones), which are in conflict with
// plain accesses only. So a race between three or more unordered loads and one store may be told of other loads than
// its own, and memory is bounded by the bytes touched. What order means is the caller's business.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace phx::sim {

// One access to some bytes of one unit.
struct Access {
  uint32_t mask = 0;         // bytes of the unit
  uint32_t who = 0;          // thread (within a block) or block (within a launch)
  uint32_t thread = 0;       // in its block; stands for its warp where whole warps are told apart
  uint32_t when = 0;         // stamp of the block's own order, see thread_order.h
  uint32_t instruction = 0;  // index in the program
  uint32_t value = 0;        // of a plain store: a digest of the bytes, a sum over them (see value_digest)
  bool write = false, ordered = false;
  bool digested = false;  // `value` is known
};

// The part that one byte has in Access::value.
inline uint32_t value_digest(uint64_t address, uint8_t byte) {
  const uint64_t x = ((address << 8 | byte) + 1) * 0x9E3779B97F4A7C15ull;
  return static_cast<uint32_t>(x >> 32 ^ x);
}

template <unsigned kUnit>
class AccessHistory {
 public:
  static_assert(kUnit <= 32);

  // Notes the access. Asks `known(earlier)` whether an earlier one is ordered before it, and tells `conflict(earlier,
  // bytes)` of those in conflict that are not. Two plain stores of the same value to the same bytes are none.
  template <class Known, class Conflict>
  void add(uint64_t unit, const Access& now, Known known, Conflict conflict) {
    uint32_t* link = &head(unit);
    Entry* later_load = nullptr;
    bool kept = false;
    while (*link != 0) {
      Entry& e = pool_[*link];
      Access& then = e.access;
      const uint32_t common = then.mask & now.mask;
      const bool same =
          then.who == now.who && then.thread == now.thread && then.write == now.write && then.ordered == now.ordered;
      if (common == 0) {
        if (!kept && same && then.when == now.when && then.instruction == now.instruction && then.mask != 0) {
          then.mask |= now.mask;
          then.value += now.value;
          kept = true;
        }
        if (then.mask == 0)
          unlink(link);
        else
          link = &e.next;
        continue;
      }
      if (same && then.when == now.when && common == now.mask && !now.digested) return;  // nothing new since
      const bool ordered = known(then);
      const bool in_conflict = (now.write || then.write) && !(now.ordered && then.ordered);
      const bool same_store = now.digested && then.digested && then.mask == now.mask && then.value == now.value;
      if (in_conflict && !ordered && !same_store) conflict(then, common);
      if (now.ordered == then.ordered || (!now.ordered && now.write)) {
        if (now.write || (!then.write && ordered)) {
          drop(then, common);
        } else if (!then.write) {  // two loads that may meet: of more than two the middle one goes
          if (later_load) drop(later_load->access, common);
          later_load = &e;
        }
      }
      if (then.mask == 0)
        unlink(link);
      else
        link = &e.next;
    }
    if (kept) return;
    const uint32_t at = take();
    pool_[at].access = now;
    uint32_t& first = head(unit);
    pool_[at].next = first;
    first = at;
  }

  // Calls `entry(unit, access)` for all that is kept, pages in ascending order, earlier accesses to a unit first.
  template <class Visit>
  void each(Visit visit) const {
    std::vector<std::pair<uint64_t, uint32_t>> order(pages_.begin(), pages_.end());
    std::sort(order.begin(), order.end());
    std::vector<uint32_t> list;
    for (const auto& [page, place] : order)
      for (unsigned i = 0; i < kUnits; ++i) {
        list.clear();
        for (uint32_t at = heads_[place * kUnits + i]; at; at = pool_[at].next) list.push_back(at);
        for (size_t n = list.size(); n-- > 0;)
          if (pool_[list[n]].access.mask) visit(page * kUnits + i, pool_[list[n]].access);
      }
  }

  bool empty() const { return pages_.empty(); }
  size_t entries() const { return pool_.size(); }  // that there is room for
  void clear() {
    if (pages_.empty()) return;
    pages_.clear();
    heads_.clear();
    pool_.resize(1);
    free_ = 0;
    last_ = kNoPage;
  }

 private:
  struct Entry {
    Access access;
    uint32_t next = 0;
  };
  static constexpr unsigned kUnits = 1024 / kUnit;  // of a page
  static constexpr uint64_t kNoPage = ~uint64_t{0};

  uint32_t& head(uint64_t unit) {
    const uint64_t page = unit / kUnits;
    if (page != last_) {
      auto [found, fresh] = pages_.try_emplace(page, static_cast<uint32_t>(pages_.size()));
      if (fresh) heads_.resize(heads_.size() + kUnits, 0);
      last_ = page;
      last_place_ = found->second;
    }
    return heads_[last_place_ * kUnits + unit % kUnits];
  }
  uint32_t take() {
    if (free_) {
      const uint32_t at = free_;
      free_ = pool_[at].next;
      return at;
    }
    pool_.emplace_back();
    return static_cast<uint32_t>(pool_.size() - 1);
  }
  void unlink(uint32_t* link) {
    const uint32_t at = *link;
    *link = pool_[at].next;
    pool_[at].next = free_;
    free_ = at;
  }
  static void drop(Access& access, uint32_t bytes) {
    access.mask &= ~bytes;
    access.digested = false;
  }

  std::unordered_map<uint64_t, uint32_t> pages_;  // number -> place in heads_
  std::vector<uint32_t> heads_;
  std::vector<Entry> pool_{1};  // [0] is nobody
  uint32_t free_ = 0;
  uint64_t last_ = kNoPage;
  uint32_t last_place_ = 0;
};

}  // namespace phx::sim
