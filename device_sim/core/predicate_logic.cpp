// pand, por, pxor: predicates of the active lanes, all at once.
#include "device_sim/core/execution.h"

namespace phx::sim {
namespace {

using isa::Opcode;

template <Opcode Op>
void logic(const Decoded* d, Frame* f) {
  const uint32_t a = f->p[d->a], b = f->p[d->b];
  const uint32_t result = Op == Opcode::Pand ? a & b : Op == Opcode::Por ? a | b : a ^ b;
  f->p[d->dst] = (f->p[d->dst] & ~f->mask) | (result & f->mask);
  PHX_NEXT;
}

}  // namespace

Handler predicate_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Pand:
      return logic<Opcode::Pand>;
    case Opcode::Por:
      return logic<Opcode::Por>;
    case Opcode::Pxor:
      return logic<Opcode::Pxor>;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
