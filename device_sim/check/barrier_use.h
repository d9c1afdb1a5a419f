// Which barriers of a block some access needs (performance hints).
//
// The block's time is cut into epochs by its barriers. Two accesses of different threads to one word, at least one a
// store, need a barrier between their epochs. The barrier just before the later one is taken unless one in between is
// taken already, which leaves as many barriers without use as there can be. All others can go at the same time.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "device_sim/check/flag_use.h"

namespace phx::sim {

class BarrierUse {
 public:
  void start();  // a new block
  // Bytes at a place; `place` tells spaces apart by its upper bits.
  void access(uint32_t thread, uint64_t place, unsigned bytes, bool write);
  // The block talks to others (fence, atomic or volatile access of device memory): the barriers around it stay.
  void outside();
  // `kept`: it has a result, or is one of the grid.
  void barrier(uint32_t instruction, bool kept);

  FlagUse::Counts take();

 private:
  static constexpr unsigned kUnit = 4;                   // bytes that count as one
  static constexpr size_t kMostUnits = size_t{1} << 14;  // then begins anew, with the next barrier taken
  // The latest access of each kind and the latest one of another thread, with their epochs.
  struct Latest {
    uint32_t thread = ~0u, other = ~0u;
    uint64_t epoch = 0, other_epoch = 0;  // 1 + epoch; 0: none
    void add(uint32_t who, uint64_t when);
    uint64_t of_others(uint32_t who) const { return thread == who ? other_epoch : epoch; }
  };
  struct Unit {
    Latest read, written;
  };
  void use(uint64_t epoch);  // the barrier at its end

  std::unordered_map<uint64_t, Unit> units_;
  uint64_t epoch_ = 1;
  uint64_t used_ = 0;  // the last epoch whose barrier is taken
  bool use_next_ = false;
  std::vector<uint32_t> barriers_;  // by epoch - 1
  FlagUse::Counts counts_;
};

}  // namespace phx::sim
