// rdsr: where the lane, the warp and the block are, and clocks.
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::SpecialReg;

uint64_t clock_now(const Decoded* d, const Frame* f) {
  const Machinery& m = *f->machinery;
  if (m.launch.clock) return m.launch.clock(m.index, m.warp->index);
  return executed_until(f, d);
}

uint64_t uniform_value(const Decoded* d, const Frame* f) {
  const Machinery& m = *f->machinery;
  const LaunchContext& launch = m.launch;
  switch (static_cast<SpecialReg>(d->mod & 0xff)) {
    case SpecialReg::NtidX:
      return launch.block[0];
    case SpecialReg::NtidY:
      return launch.block[1];
    case SpecialReg::NtidZ:
      return launch.block[2];
    case SpecialReg::CtaidX:
      return m.ctaid[0];
    case SpecialReg::CtaidY:
      return m.ctaid[1];
    case SpecialReg::CtaidZ:
      return m.ctaid[2];
    case SpecialReg::NctaidX:
      return launch.grid[0];
    case SpecialReg::NctaidY:
      return launch.grid[1];
    case SpecialReg::NctaidZ:
      return launch.grid[2];
    case SpecialReg::WarpId:
      return m.warp->index;
    case SpecialReg::CoreId:
      return m.core;
    case SpecialReg::DeviceId:
      return m.device;
    case SpecialReg::Clock:
      return static_cast<uint32_t>(clock_now(d, f));
    case SpecialReg::Clock64:
      return clock_now(d, f);
    case SpecialReg::GlobalTimer:
      return static_cast<uint64_t>(static_cast<double>(clock_now(d, f)) * launch.machine->chip.ns_per_cycle());
    case SpecialReg::UbBytes:
      return m.ub_bytes;
    case SpecialReg::UbDynamic:
      return m.ub_bytes - launch.ub_dynamic_bytes;
    case SpecialReg::BlockIdx:
      return m.program;
    case SpecialReg::BlockNum:
      return programs_of(m);
    default:
      return 0;
  }
}

}  // namespace

void read_special(const Decoded* d, Frame* f) {
  const uint64_t value = uniform_value(d, f);
  const bool wide = static_cast<isa::Type>(d->type) == isa::Type::U64;
  if (!(d->lanes & kLaneDst))
    f->s[d->dst] = wide ? value : static_cast<uint32_t>(value);
  else
    for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, wide, lane, value); });
}

namespace {

void uniform(const Decoded* d, Frame* f) {
  read_special(d, f);
  PHX_NEXT;
}

// Simulated time is known between rounds.
void time(const Decoded* d, Frame* f) {
  if (f->machinery->launch.clock) return park_ordered(d, f, nullptr);
  read_special(d, f);
  PHX_NEXT;
}

template <unsigned Axis>
void thread_index(const Decoded* d, Frame* f) {
  const bool wide = static_cast<isa::Type>(d->type) == isa::Type::U64;
  const uint32_t* from = f->tid[Axis];
  uint32_t* low = f->r + d->dst * 32u;
  if (f->mask == kAllLanes && !wide) {
    std::memcpy(low, from, 32 * sizeof *low);
    PHX_NEXT;
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    const uint32_t mask = f->lane_mask[lane];
    low[lane] = (from[lane] & mask) | (low[lane] & ~mask);
    if (wide) low[32 + lane] &= ~mask;
  }
  PHX_NEXT;
}
void lane_id(const Decoded* d, Frame* f) {
  const bool wide = static_cast<isa::Type>(d->type) == isa::Type::U64;
  for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, wide, lane, lane); });
  PHX_NEXT;
}

}  // namespace

Handler special_handler(const isa::Instruction& i) {
  if (i.op != isa::Opcode::Rdsr) return nullptr;
  switch (isa::field::Special::get_sr(i)) {
    case SpecialReg::TidX:
      return thread_index<0>;
    case SpecialReg::TidY:
      return thread_index<1>;
    case SpecialReg::TidZ:
      return thread_index<2>;
    case SpecialReg::LaneId:
      return lane_id;
    case SpecialReg::Clock:
    case SpecialReg::Clock64:
    case SpecialReg::GlobalTimer:
      return time;
    default:
      return uniform;
  }
}

}  // namespace phx::sim
