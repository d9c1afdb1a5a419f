// Arithmetic rows that have no specialised form: evaluated lane by lane, mathematical functions 32 lanes at a time.
#include <bit>

#include "device_sim/core/execution.h"
#include "device_sim/numerics/math.h"

namespace phx::sim {
namespace {

void lane_by_lane(const Decoded* d, Frame* f) {
  const Operation& o = f->operations[d->index];
  uint64_t results[32];
  for_lanes(f->mask, [&](unsigned lane) {
    results[lane] = o.evaluate(d, operand_value(d, f, d->a, kLaneA, o.wide_a, lane),
                               operand_value(d, f, d->b, kLaneB, o.wide_b, lane),
                               operand_value(d, f, d->c, kLaneC, o.wide_c, lane));
  });
  for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, o.wide_dst, lane, results[lane]); });
}
void generic(const Decoded* d, Frame* f) {
  lane_by_lane(d, f);
  PHX_NEXT;
}

void compare_lanes(const Decoded* d, Frame* f) {
  const Operation& o = f->operations[d->index];
  uint32_t truth = 0;
  for_lanes(f->mask, [&](unsigned lane) {
    const uint64_t holds = o.evaluate(d, operand_value(d, f, d->a, kLaneA, o.wide_a, lane),
                                      operand_value(d, f, d->b, kLaneB, o.wide_b, lane), 0);
    truth |= static_cast<uint32_t>(holds != 0) << lane;
  });
  f->p[d->dst] = (f->p[d->dst] & ~f->mask) | truth;
}
void generic_compare(const Decoded* d, Frame* f) {
  compare_lanes(d, f);
  PHX_NEXT;
}

template <class T>
void math_lanes(const Decoded* d, Frame* f) {
  constexpr bool wide = sizeof(T) == 8;
  using Bits = std::conditional_t<wide, uint64_t, uint32_t>;
  alignas(64) T a[32], b[32], result[32];
  for (unsigned lane = 0; lane < 32; ++lane) {
    const bool active = f->mask >> lane & 1;
    a[lane] = active ? std::bit_cast<T>(static_cast<Bits>(operand_value(d, f, d->a, kLaneA, wide, lane))) : T(1);
    b[lane] = active ? std::bit_cast<T>(static_cast<Bits>(operand_value(d, f, d->b, kLaneB, wide, lane))) : T(1);
  }
  num::eval32(static_cast<num::MathFn>(d->mod & 0xff), a, b, result);
  for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, wide, lane, std::bit_cast<Bits>(result[lane])); });
}
template <class T>
void math(const Decoded* d, Frame* f) {
  math_lanes<T>(d, f);
  PHX_NEXT;
}

}  // namespace

Handler generic_lane_handler(const isa::Instruction& i) {
  switch (i.op) {
    case isa::Opcode::Setp:
      return generic_compare;
    case isa::Opcode::Math1:
    case isa::Opcode::Math2:
      return i.type == isa::Type::F64 ? math<double> : math<float>;
    default:
      return generic;
  }
}

}  // namespace phx::sim
