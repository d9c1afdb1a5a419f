#include "device_sim/check/thread_order.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace phx::sim {
namespace {

auto key(const Known& k) { return std::tuple(k.block, k.warp, k.local); }

const Known* find(const Horizon& horizon, uint32_t block, uint32_t warp) {
  const Known wanted{block, warp, 0, false};
  auto at = std::lower_bound(horizon.begin(), horizon.end(), wanted,
                             [](const Known& a, const Known& b) { return key(a) < key(b); });
  return at != horizon.end() && at->block == block && at->warp == warp && !at->local ? &*at : nullptr;
}

}  // namespace

HorizonPointer join(const HorizonPointer& a, const HorizonPointer& b) {
  if (!a || a == b) return b;
  if (!b) return a;
  auto both = std::make_shared<Horizon>();
  both->reserve(a->size() + b->size());
  for (auto x = a->begin(), y = b->begin(); x != a->end() || y != b->end();) {
    if (y == b->end() || (x != a->end() && key(*x) < key(*y))) {
      both->push_back(*x++);
    } else if (x == a->end() || key(*y) < key(*x)) {
      both->push_back(*y++);
    } else {
      both->push_back(*x);
      both->back().when = std::max(x++->when, y++->when);
    }
  }
  return both;
}

bool knows(const HorizonPointer& horizon, uint32_t block, uint32_t warp, uint32_t when) {
  if (!horizon) return false;
  const Known* all = find(*horizon, block, Known::kAllWarps);
  if (all && all->when >= when) return true;
  const Known* one = find(*horizon, block, warp);
  return one && one->when >= when;
}

ThreadOrder::ThreadOrder(unsigned threads) : warps_((threads + 31) / 32) {}

void ThreadOrder::start(uint32_t block) {
  block_ = block;
  stamp_ = 1;
  floor_ = 0;
  epochs_.clear();
  for (Warp& warp : warps_) {
    warp.used = false;
    warp.fenced = warp.others = nullptr;
  }
}

bool ThreadOrder::knows(uint32_t thread, uint32_t earlier, uint32_t when) const {
  if (thread == earlier || when <= floor_) return true;
  const Warp& warp = warps_[thread / 32];
  if (!warp.used) return false;
  const uint32_t* known = thread / 32 == earlier / 32 ? warp.lanes->lanes[thread % 32] : warp.lanes->warps[thread % 32];
  return known[thread / 32 == earlier / 32 ? earlier % 32 : earlier / 32] >= when;
}

ThreadOrder::Lanes& ThreadOrder::lanes_of(uint32_t index) {
  Warp& warp = warps_[index];
  if (!warp.lanes) warp.lanes = std::make_unique<Lanes>();
  if (!std::exchange(warp.used, true)) std::memset(warp.lanes.get(), 0, sizeof(Lanes));
  return *warp.lanes;
}

void ThreadOrder::learn(uint32_t index, HorizonPointer others) {
  Warp& warp = warps_[index];
  if (warp.others == others) return;
  if (epochs_.empty())  // what held so far is part of the list
    for (uint32_t w = 0; w < warps_.size(); ++w)
      if (warps_[w].others) epochs_.push_back({w, 0, warps_[w].others});
  warp.others = std::move(others);
  epochs_.push_back({index, stamp_, warp.others});
}

void ThreadOrder::barrier() {
  floor_ = stamp_++;
  HorizonPointer fenced, others;
  for (Warp& warp : warps_) {
    warp.used = false;
    fenced = join(fenced, warp.fenced);
    others = join(others, warp.others);
  }
  for (uint32_t w = 0; w < warps_.size(); ++w) {
    warps_[w].fenced = fenced;
    learn(w, others);
  }
}

void ThreadOrder::grid_barrier() {
  barrier();
  for (uint32_t w = 0; w < warps_.size(); ++w) {
    warps_[w].fenced = nullptr;
    learn(w, nullptr);
  }
}

void ThreadOrder::gather(uint32_t warp, uint32_t lanes) {
  if ((lanes & (lanes - 1)) == 0) return;
  Lanes& clock = lanes_of(warp);
  uint32_t known[2][32] = {};
  for (uint32_t left = lanes; left; left &= left - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(left));
    for (unsigned i = 0; i < 32; ++i) {
      known[0][i] = std::max(known[0][i], clock.lanes[lane][i]);
      known[1][i] = std::max(known[1][i], clock.warps[lane][i]);
    }
  }
  for (uint32_t left = lanes; left; left &= left - 1) known[0][__builtin_ctz(left)] = stamp_;
  for (uint32_t left = lanes; left; left &= left - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(left));
    std::memcpy(clock.lanes[lane], known[0], sizeof known[0]);
    std::memcpy(clock.warps[lane], known[1], sizeof known[1]);
  }
  ++stamp_;
}

// The thread's own block as it knows it now; from here on its accesses are later.
Horizon ThreadOrder::own(uint32_t thread, bool local) {
  const uint32_t warp = thread / 32;
  Horizon known;
  for (uint32_t w = 0; w < warps_.size(); ++w) {
    uint32_t when = w == warp ? stamp_ : 0;
    if (w != warp && warps_[warp].used) when = warps_[warp].lanes->warps[thread % 32][w];
    if (when > floor_) known.push_back({block_, w, when, local});
  }
  if (floor_) known.push_back({block_, Known::kAllWarps, floor_, local});
  ++stamp_;
  return known;
}

HorizonPointer ThreadOrder::all_known(uint32_t thread) {
  return join(std::make_shared<const Horizon>(own(thread, false)), warps_[thread / 32].others);
}

void ThreadOrder::fence(uint32_t index, uint32_t lanes, bool device) {
  Warp& warp = warps_[index];
  for (; lanes; lanes &= lanes - 1) {
    const uint32_t thread = index * 32 + static_cast<uint32_t>(__builtin_ctz(lanes));
    warp.fenced = join(warp.fenced, device ? all_known(thread) : std::make_shared<const Horizon>(own(thread, true)));
    if (!warp.used) return;  // the other lanes know the same
  }
}

void ThreadOrder::acquire(uint32_t thread, const HorizonPointer& published) {
  if (!published) return;
  const uint32_t warp = thread / 32, lane = thread % 32;
  auto theirs = std::make_shared<Horizon>();
  for (const Known& k : *published) {
    if (k.block != block_) {
      if (!k.local) theirs->push_back(k);
      continue;
    }
    if (k.when <= floor_) continue;
    Lanes& clock = lanes_of(warp);
    for (uint32_t w = 0; w < warps_.size(); ++w) {
      if (k.warp != Known::kAllWarps && k.warp != w) continue;
      clock.warps[lane][w] = std::max(clock.warps[lane][w], k.when);
      if (w != warp) continue;
      for (uint32_t& known : clock.lanes[lane]) known = std::max(known, k.when);
    }
  }
  ++stamp_;
  if (!theirs->empty()) learn(warp, join(warps_[warp].others, theirs));
}

std::vector<ThreadOrder::Epoch> ThreadOrder::take_epochs() {
  std::vector<Epoch> epochs = std::exchange(epochs_, {});
  if (epochs.empty())
    for (uint32_t w = 0; w < warps_.size(); ++w)
      if (warps_[w].others) epochs.push_back({w, 0, warps_[w].others});
  return epochs;
}

}  // namespace phx::sim
