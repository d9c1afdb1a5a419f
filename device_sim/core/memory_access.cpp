// Loads and stores with every check, lane by lane; the specialised handlers come here when an access is not simple.
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {

using isa::Opcode;
using isa::Space;
using isa::Type;

namespace {

// Bits of mod are the same for Mem and Atom: space, scale, iu.
Space space_field(const Decoded* d) { return static_cast<Space>(d->mod & 7u); }
unsigned vector_of(const Decoded* d) { return 1u << bits_of(d, 7, 2); }

// Above every user address of 64-bit hosts.
constexpr uint64_t kHostTop = uint64_t{1} << 56;

FaultKind kind_of_stray(uint64_t address) {
  const uint64_t window = address & isa::kWindowMask;
  const bool host = window == 0 && address >= kPageBytes && address < kHostTop;
  return host ? FaultKind::host_pointer : FaultKind::out_of_bounds;
}

std::string describe_stray(const AddressSpace& memory, uint64_t address) {
  if (address < kPageBytes) return "a null pointer";
  if (kind_of_stray(address) == FaultKind::host_pointer) return "which is not managed, pinned or registered";
  return describe_nearest(memory, address);
}

void remember(const Decoded* d, Frame* f, const Buffer& buffer) {
  f->views[d->index % kViews] = {buffer.address, buffer.size, reinterpret_cast<unsigned char*>(buffer.bytes), buffer.id,
                                 !buffer.read_only};
}

uint64_t raw_load(const unsigned char* from, Type type) {
  auto read = [&]<class V>(V value) {
    std::memcpy(&value, from, sizeof value);
    return value;
  };
  switch (type) {
    case Type::S8:
      return static_cast<uint32_t>(static_cast<int32_t>(read(int8_t{})));
    case Type::U8:
      return read(uint8_t{});
    case Type::S16:
      return static_cast<uint32_t>(static_cast<int32_t>(read(int16_t{})));
    case Type::U16:
      return read(uint16_t{});
    case Type::B64:
      return read(uint64_t{});
    default:
      return read(uint32_t{});
  }
}

}  // namespace

Space space_of(const Decoded* d, uint64_t address) {
  const Space space = space_field(d);
  if (space != Space::Generic) return space;
  const uint64_t window = address & isa::kWindowMask;
  return window == isa::kUbWindow ? Space::Ub : window == isa::kLocalWindow ? Space::Local : Space::Gm;
}

void effective_addresses(const Decoded* d, const Frame* f, uint64_t* at) {
  const Space space = space_field(d);
  const unsigned scale = bits_of(d, 3, 3);
  const bool zero_extend = bits_of(d, 6, 1);
  for_lanes(f->mask, [&](unsigned lane) {
    const uint64_t base = operand_value(d, f, d->a, kLaneA, true, lane);
    const auto index = static_cast<uint32_t>(operand_value(d, f, d->b, kLaneB, false, lane));
    const uint64_t wide =
        zero_extend ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
    at[lane] = base + (wide << scale) + d->immediate;
    if (space != Space::Gm && space != Space::Generic) at[lane] &= 0xffffffffu;
  });
}

unsigned char* resolve(const Decoded* d, Frame* f, unsigned lane, uint64_t address, uint32_t bytes, bool store,
                       bool atomic) {
  const Space space = space_of(d, address);
  auto fail = [&](FaultKind kind, std::string nearest = {}) -> unsigned char* {
    raise_access(f, d, kind, lane, address, bytes, store, std::move(nearest));
    return nullptr;
  };
  if (address % bytes)
    return fail(FaultKind::misaligned, space == Space::Gm ? describe_stray(f->machinery->memory, address) : "");
  if (space != Space::Gm) {
    const uint64_t offset = space_field(d) == Space::Generic ? address & ~isa::kWindowMask : address;
    const uint64_t size = space == Space::Ub ? f->ub_bytes : space == Space::Local ? f->local_bytes : f->param_bytes;
    if (offset >= size || bytes > size - offset) {
      const char* what = space == Space::Ub      ? "unified buffer"
                         : space == Space::Local ? "local memory"
                                                 : "argument block";
      return fail(space == Space::Ub      ? FaultKind::ub_out_of_bounds
                  : space == Space::Local ? FaultKind::local_out_of_bounds
                                          : FaultKind::param_out_of_bounds,
                  "offset " + std::to_string(offset) + " of " + std::to_string(size) + " bytes of " + what);
    }
    if (space == Space::Ub) return f->ub + offset;
    if (space == Space::Local) return f->local + lane * f->local_bytes + offset;
    if (store) return fail(FaultKind::read_only_store, "the argument block");
    return const_cast<unsigned char*>(f->params) + offset;
  }
  const AddressSpace& memory = f->machinery->memory;
  const Buffer* buffer = memory.find(address);
  if (!buffer) return fail(kind_of_stray(address), describe_stray(memory, address));
  if (buffer->freed) return fail(FaultKind::use_after_free, describe_nearest(memory, address));
  const uint64_t offset = address - buffer->address;
  if (offset >= buffer->size || bytes > buffer->size - offset)
    return fail(FaultKind::out_of_bounds, describe_nearest(memory, address));
  if (store && buffer->read_only) return fail(FaultKind::read_only_store, describe_nearest(memory, address));
  remember(d, f, *buffer);
  return reinterpret_cast<unsigned char*>(buffer->bytes) + offset;
}

bool load_values(const Decoded* d, Frame* f, const uint64_t* at, uint64_t* hash) {
  const unsigned count = vector_of(d);
  const auto type = static_cast<Type>(d->type);
  const bool wide = type == Type::B64;
  unsigned char* host[32];
  bool good = true;
  for_lanes(f->mask, [&](unsigned lane) {
    good = good && (host[lane] = resolve(d, f, lane, at[lane], d->step * count, false));
  });
  if (!good || !scalar_in_order(d, f, at[lowest(f->mask)], d->step * count, false)) return false;
  if (!(d->lanes & kLaneDst)) {
    const unsigned first = lowest(f->mask);
    for_lanes(f->mask, [&](unsigned lane) {
      if (!good || at[lane] == at[first]) return;
      good = false;
      raise(f, d, FaultKind::divergent_scalar, lane, "the address of a scalar load differs between active lanes");
    });
    if (!good) return false;
    if (hash) *hash = mix(*hash, at[first]);
    for (unsigned n = 0; n < count; ++n) {
      f->s[d->dst + n] = raw_load(host[first] + n * d->step, type);
      if (hash) *hash = mix(*hash, f->s[d->dst + n]);
    }
    return true;
  }
  for_lanes(f->mask, [&](unsigned lane) {
    if (hash) *hash = mix(*hash, at[lane]);
    for (unsigned n = 0; n < count; ++n) {
      const uint64_t value = raw_load(host[lane] + n * d->step, type);
      if (hash) *hash = mix(*hash, value);
      set_lane_value(f, d->dst + n * (wide ? 2 : 1), wide, lane, value);
    }
  });
  return true;
}

bool store_values(const Decoded* d, Frame* f, const uint64_t* at, uint64_t* hash) {
  const unsigned count = vector_of(d);
  const bool wide = static_cast<Type>(d->type) == Type::B64;
  unsigned char* host[32];
  bool good = true;
  for_lanes(f->mask,
            [&](unsigned lane) { good = good && (host[lane] = resolve(d, f, lane, at[lane], d->step * count, true)); });
  if (!good || !scalar_in_order(d, f, at[lowest(f->mask)], d->step * count, true)) return false;
  for_lanes(f->mask, [&](unsigned lane) {
    if (hash) *hash = mix(*hash, at[lane]);
    for (unsigned n = 0; n < count; ++n) {
      uint64_t value = 0;
      if (d->lanes & kLaneC)
        value = lane_value(f, static_cast<uint8_t>(d->c + n * (wide ? 2 : 1)), wide, lane);
      else if (!(d->flags & kSourceZero))
        value = f->s[d->c + n];
      if (hash) *hash = mix(*hash, value);
      std::memcpy(host[lane] + n * d->step, &value, d->step);  // little endian
    }
  });
  return true;
}

void refresh_view(const Decoded* d, Frame* f, uint64_t address) {
  const Buffer* buffer = f->machinery->memory.find(address);
  if (buffer && !buffer->freed && address - buffer->address < buffer->size) remember(d, f, *buffer);
}

bool load_slow(const Decoded* d, Frame* f) {
  uint64_t at[32];
  effective_addresses(d, f, at);
  if (!load_values(d, f, at)) return false;
  if (f->recording) record_access(d, f, at, d->step * vector_of(d));
  return true;
}
bool store_slow(const Decoded* d, Frame* f) {
  uint64_t at[32];
  effective_addresses(d, f, at);
  if (!store_values(d, f, at)) return false;
  if (f->recording) record_access(d, f, at, d->step * vector_of(d));
  return true;
}

bool read_string(const Decoded* d, Frame* f, unsigned lane, uint64_t address, std::string& out) {
  // Strings lie in gm, or on the stack or in shared memory where the program put them together.
  Decoded generic = *d;
  generic.mod = static_cast<uint16_t>(Space::Generic);
  for (size_t i = 0; i < 65536; ++i) {
    const unsigned char* byte = resolve(&generic, f, lane, address + i, 1, false);
    if (!byte) return false;
    if (*byte == 0) return true;
    out += static_cast<char>(*byte);
  }
  return true;
}

namespace {

template <bool (*Access)(const Decoded*, Frame*)>
void checked(const Decoded* d, Frame* f) {
  if (!Access(d, f)) return;
  PHX_NEXT;
}

// Fast path of scalar loads: the kernel's arguments and uniform data.
template <Space S>
bool scalar_load(const Decoded* d, Frame* f) {
  if (!(d->lanes & (kLaneA | kLaneB)) && bits_of(d, 7, 2) == 0) {
    const auto index = static_cast<uint32_t>(f->s[d->b]);
    const uint64_t wide =
        bits_of(d, 6, 1) ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
    uint64_t address = f->s[d->a] + (wide << bits_of(d, 3, 3)) + d->immediate;
    if (S != Space::Gm) address &= 0xffffffffu;
    View view;
    if (S == Space::Param)
      view = {0, f->param_bytes, const_cast<unsigned char*>(f->params), 0, false};
    else if (S == Space::Ub)
      view = {0, f->ub_bytes, f->ub, 0, true};
    else
      view = f->views[d->index % kViews];
    const uint64_t offset = address - view.address;
    if (view.bytes && offset < view.size && d->step <= view.size - offset && address % d->step == 0) {
      if (f->recording && S != Space::Param) record_run(d, f, address, d->step, d->step);
      f->s[d->dst] = raw_load(view.bytes + offset, static_cast<Type>(d->type));
      return true;
    }
  }
  return load_slow(d, f);
}

// Volatile accesses to device memory are ordered; those to other spaces run at once and count as polls.
template <bool Store>
bool volatile_access(const Decoded* d, Frame* f) {
  uint64_t at[32];
  effective_addresses(d, f, at);
  bool device = false;
  for_lanes(f->mask, [&](unsigned lane) { device |= space_of(d, at[lane]) == Space::Gm; });
  if (device) {
    park_ordered(d, f, at);
    return false;
  }
  if (AccessChecks* checks = f->machinery->checks.get()) {
    checks->lanes(d, f, at, d->step * vector_of(d), !Store, Store, true);
    checks->flags(d, f, at, !Store, Store);
  }
  uint64_t hash = 0;
  if (!(Store ? store_values(d, f, at, &hash) : load_values(d, f, at, &hash))) return false;
  note_ordered(*f->machinery->split, d, hash);
  if (f->recording) record_access(d, f, at, d->step * vector_of(d));
  return true;
}

bool scalar_address(const Decoded* d, Frame* f) {
  const auto index = static_cast<uint32_t>(f->s[d->b]);
  const uint64_t wide =
      bits_of(d, 6, 1) ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
  uint64_t address = f->s[d->a] + (wide << bits_of(d, 3, 3)) + d->immediate;
  const Space space = space_field(d);
  if (space != Space::Gm && space != Space::Generic) address &= 0xffffffffu;
  if (space == Space::Ub) address |= isa::kUbWindow;
  if (space == Space::Local) address |= isa::kLocalWindow;
  f->s[d->dst] = address;
  return true;
}

}  // namespace

Handler memory_handler(const isa::Instruction& i) {
  namespace Mem = isa::field::Mem;
  if (i.op == Opcode::Lea) return isa::operand::is_s(i.dst) ? checked<scalar_address> : nullptr;
  if (i.op != Opcode::Ld && i.op != Opcode::St) return nullptr;
  const Space space = Mem::get_space(i);
  if (Mem::get_policy(i) == isa::CachePolicy::Volatile && space != Space::Param)
    return i.op == Opcode::St ? checked<volatile_access<true>> : checked<volatile_access<false>>;
  if (i.op == Opcode::Ld && isa::operand::is_s(i.dst)) switch (space) {
      case Space::Gm:
        return checked<scalar_load<Space::Gm>>;
      case Space::Ub:
        return checked<scalar_load<Space::Ub>>;
      case Space::Param:
        return checked<scalar_load<Space::Param>>;
      default:
        return checked<load_slow>;
    }
  return nullptr;
}

Handler checked_memory_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Ld:
      return checked<load_slow>;
    case Opcode::St:
      return checked<store_slow>;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
