// What orders the threads of a launch (racecheck): happens-before, from the synchronisation that programs execute.
//
// Each block stamps its accesses with a number that grows with every synchronisation any of its threads takes part in.
// A thread "knows" another one up to a stamp: what that one did until then is ordered before everything the thread does
// from now on. Knowledge spreads
//   - to all threads of a block at its barrier, of the grid at the grid's (which the keeper of a launch handles);
//   - between the lanes that a __syncwarp or another *_sync operation names;
//   - from one who stores to an atomic or volatile flag to one who reads the flag later. In device memory the storing
//     thread publishes what it, or somebody it knows by a barrier, knew at its latest fence: without a fence, nothing.
//     In the unified buffer it publishes what it knows, since a core performs these accesses in order. The reading
//     thread needs no fence: that an atomic's result decides what follows is enough.
// Within its block a lane is known by itself; from other warps and other blocks a warp is known as a whole.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace phx::sim {

// Part of what somebody knows: warp `warp` of block `block`, or all of them, up to the stamp.
struct Known {
  static constexpr uint32_t kAllWarps = ~0u;
  uint32_t block = 0, warp = kAllWarps;
  uint32_t when = 0;
  bool local = false;  // only for the block itself: behind a fence of the block's scope
};
// Ascending by (block, warp, local). Never changes once somebody else holds it.
using Horizon = std::vector<Known>;
using HorizonPointer = std::shared_ptr<const Horizon>;

HorizonPointer join(const HorizonPointer& a, const HorizonPointer& b);
bool knows(const HorizonPointer& horizon, uint32_t block, uint32_t warp, uint32_t when);

// The order within one block, and what its warps know of other blocks.
class ThreadOrder {
 public:
  explicit ThreadOrder(unsigned threads);
  void start(uint32_t block);  // a new block of the same shape

  uint32_t now() const { return stamp_; }
  // Does `thread` know what `earlier` did at `when`, since the block's last barrier?
  bool knows(uint32_t thread, uint32_t earlier, uint32_t when) const;
  const HorizonPointer& others(uint32_t warp) const { return warps_[warp].others; }

  void barrier();                              // of the block
  void gather(uint32_t warp, uint32_t lanes);  // *_sync
  void fence(uint32_t warp, uint32_t lanes, bool device);
  void grid_barrier();
  // What an ordered store of the thread publishes: behind its fences, or all it knows.
  HorizonPointer fenced(uint32_t thread) const { return warps_[thread / 32].fenced; }
  HorizonPointer all_known(uint32_t thread);
  void acquire(uint32_t thread, const HorizonPointer& published);

  // The moments from which on warps knew more of other blocks, since the last call; the first entries say what they
  // knew before. Warp kAllWarps: each.
  struct Epoch {
    uint32_t warp = 0, from = 0;
    HorizonPointer others;
  };
  std::vector<Epoch> take_epochs();

 private:
  struct Lanes {
    uint32_t lanes[32][32];  // [l][k]: up to when lane l knows lane k of its warp
    uint32_t warps[32][32];  // [l][w]: up to when lane l knows warp w of the block
  };
  struct Warp {
    std::unique_ptr<Lanes> lanes;
    bool used = false;  // `lanes` holds something since the last barrier
    HorizonPointer fenced, others;
  };
  Lanes& lanes_of(uint32_t warp);
  Horizon own(uint32_t thread, bool local);
  void learn(uint32_t warp, HorizonPointer others);

  uint32_t block_ = 0;
  uint32_t stamp_ = 1, floor_ = 0;  // all threads know all up to the floor
  std::vector<Warp> warps_;
  std::vector<Epoch> epochs_;
};

}  // namespace phx::sim
