// Tile programs: DMA between device memory and the unified buffer, flags between pipes, cross-core flags. Function
// follows program order; what may overlap in time is for the timing engine.
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::Opcode;

constexpr uint32_t kBlock = 32;  // bytes; the unit of unified buffer addresses and burst sizes

struct Bursts {
  uint64_t gm, ub;
  uint32_t count;
  uint64_t bytes, gm_stride, ub_stride;
  bool to_ub, pad;
};

Bursts bursts_of(const Decoded* d, const Frame* f) {
  const uint64_t b = scalar_value(d, f, d->b), c = scalar_value(d, f, d->c);
  const uint64_t to = scalar_value(d, f, d->dst), from = scalar_value(d, f, d->a);
  Bursts x;
  x.to_ub = static_cast<Opcode>(d->op) == Opcode::DmaGmUb;
  x.pad = bits_of(d, 0, 1);
  x.count = b & 0xffff;
  x.bytes = b >> 16 & 0xffffffff;
  x.gm = x.to_ub ? from : to;
  x.ub = x.to_ub ? to : from;
  const uint64_t from_stride = c & 0xffffffff, to_stride = c >> 32;
  const uint64_t padded = (x.bytes + kBlock - 1) / kBlock * kBlock;
  x.gm_stride = x.to_ub ? from_stride : to_stride;
  x.ub_stride = x.to_ub ? to_stride : from_stride;
  if (x.gm_stride == 0) x.gm_stride = x.bytes;
  if (x.ub_stride == 0) x.ub_stride = padded;
  return x;
}

// The rows of a DMA as the timing engine reads them. Rows with one home are given once with their stride.
void record(Frame* f, const Bursts& x) {
  Machinery& m = *f->machinery;
  const Buffer* buffer = m.memory.find(x.gm);
  auto line = [&](uint64_t address) {
    const uint64_t last = std::min<uint64_t>(kLineBytes - 1, address % kLineBytes + x.bytes - 1);
    const uint64_t sectors = ((2u << last / kSectorBytes) - 1) & ~((1u << address % kLineBytes / kSectorBytes) - 1);
    return sectors | (address / kLineBytes & ((uint64_t{1} << 44) - 1)) << 4 |
           uint64_t{buffer->home(address, m.ordinal)} << 48;
  };
  auto& out = m.warp->events.accesses;
  const bool one_home =
      buffer->host || buffer->placement == Placement::on || buffer->placement == Placement::replicated;
  const uint64_t rows = one_home ? 1 : x.count;
  out.push_back(static_cast<uint64_t>(AccessKind::dma) | uint64_t{1} << 8 | rows << 16 |
                (x.bytes * x.count & 0xffffffff) << 32);
  if (one_home) {
    out.push_back(x.bytes | uint64_t{x.count - 1} << 32);
    out.push_back(line(x.gm));
    if (x.count > 1) out.push_back(x.gm_stride);
    return;
  }
  for (uint64_t row = 0; row < rows; ++row) {
    out.push_back(x.bytes);
    out.push_back(line(x.gm + row * x.gm_stride));
  }
}

bool transfer(const Decoded* d, Frame* f) {
  const Bursts x = bursts_of(d, f);
  auto fail = [&](FaultKind kind, uint64_t address, bool store, std::string nearest) {
    raise_access(f, d, kind, 0, address, static_cast<uint32_t>(x.bytes), store, std::move(nearest));
    return false;
  };
  if (x.count == 0 || x.bytes == 0) {
    if (f->recording)
      f->machinery->warp->events.accesses.push_back(static_cast<uint64_t>(AccessKind::dma) | uint64_t{1} << 8);
    return true;
  }
  if (!x.pad && x.bytes % kBlock)
    return fail(FaultKind::misaligned, x.ub, x.to_ub,
                "bursts of " + std::to_string(x.bytes) + " bytes are no multiple of 32");
  const AddressSpace& memory = f->machinery->memory;
  for (uint32_t i = 0; i < x.count; ++i) {  // all checks come before the first byte moves
    const uint64_t gm = x.gm + i * x.gm_stride, ub = x.ub + i * x.ub_stride;
    if (ub % kBlock)
      return fail(FaultKind::misaligned, ub, x.to_ub, "unified buffer addresses of DMA are multiples of 32");
    const uint64_t in_ub = x.to_ub && x.pad ? (x.bytes + kBlock - 1) / kBlock * kBlock : x.bytes;
    if (ub >= f->ub_bytes || in_ub > f->ub_bytes - ub)
      return fail(FaultKind::ub_out_of_bounds, ub, x.to_ub,
                  "offset " + std::to_string(ub) + " of " + std::to_string(f->ub_bytes) + " bytes of unified buffer");
    const Buffer* buffer = memory.find(gm);
    if (!buffer) {
      const bool host = (gm & isa::kWindowMask) == 0 && gm >= kPageBytes;
      return fail(host ? FaultKind::host_pointer : FaultKind::out_of_bounds, gm, !x.to_ub,
                  describe_nearest(memory, gm));
    }
    if (buffer->freed) return fail(FaultKind::use_after_free, gm, !x.to_ub, describe_nearest(memory, gm));
    if (gm - buffer->address >= buffer->size || x.bytes > buffer->size - (gm - buffer->address))
      return fail(FaultKind::out_of_bounds, gm, !x.to_ub, describe_nearest(memory, gm));
    if (!x.to_ub && buffer->read_only) return fail(FaultKind::read_only_store, gm, true, describe_nearest(memory, gm));
  }
  for (uint32_t i = 0; i < x.count; ++i) {
    auto* gm = reinterpret_cast<unsigned char*>(memory.translate(x.gm + i * x.gm_stride, x.bytes));
    unsigned char* ub = f->ub + x.ub + i * x.ub_stride;
    if (x.to_ub) {
      std::memcpy(ub, gm, x.bytes);
      if (x.pad && x.bytes % kBlock) std::memset(ub + x.bytes, 0, kBlock - x.bytes % kBlock);
    } else {
      std::memcpy(gm, ub, x.bytes);
    }
  }
  if (f->recording) record(f, x);
  return true;
}
void dma(const Decoded* d, Frame* f) {
  if (!transfer(d, f)) return;
  PHX_NEXT;
}

const char* const kPipes[8] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix", "all"};
std::string flag_name(const Decoded* d, uint64_t id) {
  return "flag " + std::to_string(id) + " from pipe " + kPipes[bits_of(d, 0, 3)] + " to pipe " +
         kPipes[bits_of(d, 3, 3)];
}
// The event that the instruction names, or null after a fault. An id that depends on a register is known here alone,
// so the timing engine gets it with the events.
bool* flag_of(const Decoded* d, Frame* f, uint64_t& id) {
  id = bits_of(d, 6, 3) + scalar_value(d, f, d->a);
  const auto ids = static_cast<uint64_t>(f->machinery->launch.machine->chip.sync.flags_per_pipe_pair);
  if (id >= std::min<uint64_t>(8, ids)) {
    raise(f, d, FaultKind::illegal_instruction, 0,
          flag_name(d, id) + ", but the events of a pipe pair are 0 to " +
              std::to_string(std::min<uint64_t>(8, ids) - 1));
    return nullptr;
  }
  if (d->a != kScalarZero) record_flag(f, id);
  return &f->machinery->flags.set[bits_of(d, 0, 3)][bits_of(d, 3, 3)][id];
}

bool set(const Decoded* d, Frame* f) {
  uint64_t id;
  bool* flag = flag_of(d, f, id);
  if (!flag) return false;
  if (*flag) {
    raise(f, d, FaultKind::missing_flag, 0, flag_name(d, id) + " is set again before anybody waited for it");
    return false;
  }
  order_set(d, f, static_cast<unsigned>(id));
  return *flag = true;
}
void set_flag(const Decoded* d, Frame* f) {
  if (!set(d, f)) return;
  PHX_NEXT;
}
// Function runs in program order, so a flag that is not set now will never be.
bool wait(const Decoded* d, Frame* f) {
  uint64_t id;
  bool* flag = flag_of(d, f, id);
  if (!flag) return false;
  if (!*flag) {
    raise(f, d, FaultKind::deadlock, 0, flag_name(d, id) + " is waited for, and nothing before sets it");
    return false;
  }
  order_wait(d, f, static_cast<unsigned>(id));
  *flag = false;
  return true;
}
void wait_flag(const Decoded* d, Frame* f) {
  if (!wait(d, f)) return;
  PHX_NEXT;
}
void pipe_barrier(const Decoded* d, Frame* f) {
  order_barrier(d, f);
  PHX_NEXT;
}

void cross_flag(const Decoded* d, Frame* f) {
  const unsigned mode = bits_of(d, 0, 2);
  const Machinery& m = *f->machinery;
  if (mode != 0 && m.launch.group_aiv == 0) {
    raise(f, d, FaultKind::unsupported, 0,
          "cross-core flags of modes 1 and 2 need a launch of both core kinds (flag mix of the kernel); use mode 0");
    return;
  }
  if (mode == 1 && m.kernel.core == image::CoreKind::aic) {
    raise(f, d, FaultKind::unsupported, 0, "mode 1 is between the AIVs of a group; this is an AIC");
    return;
  }
  park_ordered(d, f, nullptr);
}

}  // namespace

Handler tile_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::DmaGmUb:
    case Opcode::DmaUbGm:
      return dma;
    case Opcode::SetFlag:
      return set_flag;
    case Opcode::WaitFlag:
      return wait_flag;
    case Opcode::PipeBarrier:
      return pipe_barrier;
    case Opcode::CrossSet:
    case Opcode::CrossWait:
      return cross_flag;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
