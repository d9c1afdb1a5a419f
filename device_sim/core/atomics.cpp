// Atomics. On the unified buffer and local memory they run at once; on device memory those that return a value or whose
// order can be seen are ordered, the others commute and run at once, with the host's atomics.
#include <atomic>
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::AtomicFn;
using isa::Space;
using isa::Type;

constexpr Decoded kNearest{};  // atomics round to nearest

template <class V>
uint64_t update(unsigned char* host, Evaluate next, uint64_t b, uint64_t c) {
  V old;
  std::memcpy(&old, host, sizeof old);
  const V value = static_cast<V>(next(&kNearest, old, b, c));
  std::memcpy(host, &value, sizeof value);
  return old;
}
template <class V>
uint64_t update_concurrently(unsigned char* host, Evaluate next, AtomicFn fn, uint64_t b) {
  std::atomic_ref<V> cell(*reinterpret_cast<V*>(host));
  const V operand = static_cast<V>(b);
  switch (fn) {
    case AtomicFn::Add:
      return cell.fetch_add(operand, std::memory_order_relaxed);
    case AtomicFn::And:
      return cell.fetch_and(operand, std::memory_order_relaxed);
    case AtomicFn::Or:
      return cell.fetch_or(operand, std::memory_order_relaxed);
    case AtomicFn::Xor:
      return cell.fetch_xor(operand, std::memory_order_relaxed);
    default:
      break;
  }
  V old = cell.load(std::memory_order_relaxed);
  while (true) {
    const V value = static_cast<V>(next(&kNearest, old, b, 0));
    if (value == old || cell.compare_exchange_weak(old, value, std::memory_order_relaxed)) return old;
  }
}

bool commutes(const isa::Instruction& i) {
  if (i.op != isa::Opcode::Red) return false;
  switch (i.type) {
    case Type::S32:
    case Type::U32:
    case Type::S64:
    case Type::U64:
    case Type::B32:
    case Type::B64:
      break;
    default:
      return false;
  }
  switch (isa::field::Atom::get_fn(i)) {
    case AtomicFn::Add:
    case AtomicFn::Min:
    case AtomicFn::Max:
    case AtomicFn::And:
    case AtomicFn::Or:
    case AtomicFn::Xor:
      return true;
    default:
      return false;
  }
}

template <bool Commutes>
bool atomic(const Decoded* d, Frame* f) {
  uint64_t at[32];
  effective_addresses(d, f, at);
  bool device = false;
  for_lanes(f->mask, [&](unsigned lane) { device |= space_of(d, at[lane]) == Space::Gm; });
  if (device && !Commutes) {
    park_ordered(d, f, at);
    return false;
  }
  if (AccessChecks* checks = f->machinery->checks.get()) {
    checks->lanes(d, f, at, isa::info(static_cast<Type>(d->type)).bits / 8, true, true, true);
    checks->flags(d, f, at, true, true);
  }
  const uint64_t hash = apply_atomic(d, f, at, device);
  if (f->machinery->faulted()) return false;
  if (d->op == static_cast<uint16_t>(isa::Opcode::Atom)) note_ordered(*f->machinery->split, d, hash);
  if (f->recording) record_access(d, f, at, isa::info(static_cast<Type>(d->type)).bits / 8);
  return true;
}
template <bool Commutes>
void run(const Decoded* d, Frame* f) {
  if (!atomic<Commutes>(d, f)) return;
  PHX_NEXT;
}

}  // namespace

uint64_t apply_atomic(const Decoded* d, Frame* f, const uint64_t* at, bool concurrent) {
  const auto type = static_cast<Type>(d->type);
  const unsigned bytes = isa::info(type).bits / 8;
  const auto fn = static_cast<AtomicFn>(bits_of(d, 7, 4));
  const Evaluate next = f->operations[d->index].evaluate;
  const bool wide = bytes == 8, returns = d->lanes & kLaneDst, lanes = d->lanes & kLaneC;
  unsigned char* host[32];
  bool good = true;
  for_lanes(f->mask,
            [&](unsigned lane) { good = good && (host[lane] = resolve(d, f, lane, at[lane], bytes, true, true)); });
  uint64_t hash = 0;
  if (!good) return hash;
  uint64_t old[32];
  for_lanes(f->mask, [&](unsigned lane) {
    uint64_t b = 0, c = 0;
    if (lanes) {
      b = lane_value(f, d->c, wide, lane);
      if (fn == AtomicFn::Cas) c = lane_value(f, static_cast<uint8_t>(d->c + (wide ? 2 : 1)), wide, lane);
    } else if (!(d->flags & kSourceZero)) {
      b = f->s[d->c];
      if (fn == AtomicFn::Cas) c = f->s[d->c + 1];
    }
    if (concurrent)
      old[lane] = wide ? update_concurrently<uint64_t>(host[lane], next, fn, b)
                       : update_concurrently<uint32_t>(host[lane], next, fn, b);
    else
      old[lane] = bytes == 8   ? update<uint64_t>(host[lane], next, b, c)
                  : bytes == 4 ? update<uint32_t>(host[lane], next, b, c)
                               : update<uint16_t>(host[lane], next, b, c);
    hash = mix(mix(hash, at[lane]), old[lane]);
  });
  if (returns) for_lanes(f->mask, [&](unsigned lane) { set_lane_value(f, d->dst, wide, lane, old[lane]); });
  return hash;
}

Handler atomic_handler(const isa::Instruction& i) {
  if (i.op != isa::Opcode::Atom && i.op != isa::Opcode::Red) return nullptr;
  return commutes(i) ? run<true> : run<false>;
}

}  // namespace phx::sim
