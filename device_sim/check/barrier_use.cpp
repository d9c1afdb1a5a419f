#include "device_sim/check/barrier_use.h"

#include <algorithm>
#include <utility>

namespace phx::sim {

void BarrierUse::start() {
  units_.clear();
  epoch_ = 1;
  used_ = 0;
  use_next_ = false;
  barriers_.clear();
  counts_.clear();
}

void BarrierUse::Latest::add(uint32_t who, uint64_t when) {
  if (who != thread) {
    other = thread;
    other_epoch = epoch;
    thread = who;
  }
  epoch = when;
}

void BarrierUse::use(uint64_t epoch) {
  used_ = epoch;
  const uint32_t instruction = barriers_[epoch - 1];
  if (instruction != FlagUse::kNobody) counts_[{instruction, instruction}].used = true;
}

void BarrierUse::access(uint32_t thread, uint64_t place, unsigned bytes, bool write) {
  if (units_.size() > kMostUnits) {
    units_.clear();
    use_next_ = true;
  }
  for (uint64_t unit = place / kUnit; unit <= (place + bytes - 1) / kUnit; ++unit) {
    Unit& known = units_[unit];
    uint64_t since = known.written.of_others(thread);
    if (write) since = std::max(since, known.read.of_others(thread));
    if (since && since < epoch_ && used_ < since) use(epoch_ - 1);
    (write ? known.written : known.read).add(thread, epoch_);
  }
}

void BarrierUse::outside() {
  if (epoch_ > 1 && used_ < epoch_ - 1) use(epoch_ - 1);
  use_next_ = true;
}

void BarrierUse::barrier(uint32_t instruction, bool kept) {
  barriers_.push_back(instruction);
  if (instruction != FlagUse::kNobody) ++counts_[{instruction, instruction}].executed;
  if (kept || std::exchange(use_next_, false)) use(epoch_);
  ++epoch_;
}

FlagUse::Counts BarrierUse::take() { return std::exchange(counts_, {}); }

}  // namespace phx::sim
