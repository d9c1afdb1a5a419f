// Barriers of the block and the grid, fences, and what kernels ask of the host.
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::BarrierKind;
using isa::Opcode;
using isa::ServiceFn;
using isa::Space;

void block_barrier(const Decoded* d, Frame* f) {
  account(f, d + 1);
  Machinery& m = *f->machinery;
  m.split->wait = Wait::barrier;
  m.split->pc = d;
  m.barrier_lanes += static_cast<unsigned>(__builtin_popcount(f->mask));
  ++m.barrier_arrivals;
  if (f->recording) push_event(*m.warp, EventKind::arrive, m.barrier_generation);
  release_barrier_if_complete(m);
}

void grid_barrier(const Decoded* d, Frame* f) {
  account(f, d + 1);
  Machinery& m = *f->machinery;
  m.split->wait = Wait::grid;
  m.split->pc = d;
  m.grid_lanes += static_cast<unsigned>(__builtin_popcount(f->mask));
  if (f->recording) push_event(*m.warp, EventKind::grid_arrive, m.grid_generation);
}

// A block's accesses already happen in order.
void fence_of_block(const Decoded* d, Frame* f) {
  if (AccessChecks* checks = f->machinery->checks.get()) {
    checks->order().fence(f->machinery->warp->index, f->mask, false);
    checks->talks();
  }
  PHX_NEXT;
}
void fence_of_device(const Decoded* d, Frame* f) { park_ordered(d, f, nullptr); }

// --- Services
struct Packed {
  unsigned count = 0;  // arguments
  uint64_t bytes = 0;
};

// What a format takes: values of 4 or 8 bytes, each at a multiple of its size.
Packed packed_arguments(const std::string& format) {
  Packed packed;
  auto take = [&](uint64_t size) {
    packed.bytes = (packed.bytes + size - 1) / size * size + size;
    ++packed.count;
  };
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    bool wide = false;
    for (++i; i < format.size() && std::strchr("-+ #0123456789.*hlLjztq", format[i]); ++i) {
      if (format[i] == '*') take(4);
      wide |= std::strchr("ljztq", format[i]) != nullptr;
    }
    if (i == format.size()) break;
    if (std::strchr("dioxXuc", format[i]))
      take(wide ? 8 : 4);
    else if (std::strchr("fFeEgGaAsp", format[i]))
      take(8);
  }
  return packed;
}

Decoded generic_access(const Decoded* d) {
  Decoded generic = *d;
  generic.mod = static_cast<uint16_t>(Space::Generic);
  return generic;
}

bool read_bytes(const Decoded* d, Frame* f, unsigned lane, uint64_t address, uint64_t bytes, std::byte* out) {
  const Decoded generic = generic_access(d);
  for (uint64_t i = 0; i < bytes; ++i) {
    const unsigned char* byte = resolve(&generic, f, lane, address + i, 1, false);
    if (!byte) return false;
    out[i] = static_cast<std::byte>(*byte);
  }
  return true;
}

std::array<uint32_t, 3> thread_of(const Frame* f, unsigned lane) {
  return {f->tid[0][lane], f->tid[1][lane], f->tid[2][lane]};
}

bool print(const Decoded* d, Frame* f) {
  Machinery& m = *f->machinery;
  bool good = true;
  for_lanes(f->mask, [&](unsigned lane) {
    if (!good) return;
    ServiceRecord record;
    record.block = m.ctaid;
    record.thread = thread_of(f, lane);
    record.device = m.device;
    good = read_string(d, f, lane, operand_value(d, f, d->a, kLaneA, true, lane), record.format);
    if (!good) return;
    const Packed packed = packed_arguments(record.format);
    record.arguments.resize(packed.bytes);
    good = read_bytes(d, f, lane, operand_value(d, f, d->b, kLaneB, true, lane), packed.bytes, record.arguments.data());
    if (!good) return;
    m.services.push_back(std::move(record));
    if (d->lanes & kLaneDst)
      set_lane_value(f, d->dst, false, lane, packed.count);
    else if (!(d->flags & kDstUnused))
      f->s[d->dst] = packed.count;
  });
  return good;
}
void printf(const Decoded* d, Frame* f) {
  if (!print(d, f)) return;
  PHX_NEXT;
}

// A failed assertion: the record holds message, file, line and function.
void fail_assertion(const Decoded* d, Frame* f) {
  const unsigned lane = lowest(f->mask);
  struct {
    uint64_t message, file;
    uint32_t line, padding;
    uint64_t function;
  } record;
  if (!read_bytes(d, f, lane, operand_value(d, f, d->a, kLaneA, true, lane), sizeof record,
                  reinterpret_cast<std::byte*>(&record)))
    return;
  std::string message, file, function;
  if (!read_string(d, f, lane, record.message, message) || !read_string(d, f, lane, record.file, file)) return;
  if (record.function && !read_string(d, f, lane, record.function, function)) return;
  raise(f, d, FaultKind::assertion, lane,
        file + ":" + std::to_string(record.line) + (function.empty() ? "" : ": " + function) + ": assertion `" +
            message + "` failed");
}

void ask_host(const Decoded* d, Frame* f) { park_ordered(d, f, nullptr); }

}  // namespace

// Opens the barrier when every live lane of the block waits at it.
void release_barrier_if_complete(Machinery& m) {
  if (m.barrier_lanes == 0 || m.barrier_lanes != m.live_lanes) return;
  const Decoded* at = nullptr;
  uint64_t count = 0;
  for (Warp& warp : m.warps)
    for (auto& split : warp.splits) {
      if (at && split->pc != at) {
        m.fault = make_fault(m, warp, split->pc, FaultKind::divergent_barrier, lowest(split->mask));
        m.fault->detail = wait_graph(m);
        return;
      }
      at = split->pc;
      count += static_cast<unsigned>(__builtin_popcount(split->p[at->a] & split->mask));
    }
  uint64_t result = count;
  const auto kind = static_cast<BarrierKind>(bits_of(at, 0, 3));
  if (kind == BarrierKind::RedAnd) result = count == m.live_lanes;
  if (kind == BarrierKind::RedOr) result = count != 0;
  for (Warp& warp : m.warps)
    for (auto& split : warp.splits) {
      split->wait = Wait::none;
      ++split->pc;
      if (m.frame.recording) push_event(warp, EventKind::barrier, m.barrier_generation);
      if (at->flags & kDstUnused) continue;
      if (!(at->lanes & kLaneDst))
        split->s[at->dst] = result;
      else
        for_lanes(split->mask, [&](unsigned lane) { warp.r[at->dst * 32u + lane] = static_cast<uint32_t>(result); });
    }
  if (m.checks) m.checks->barrier(at->index, kind != BarrierKind::Sync);
  m.arrivals.push_back(m.barrier_arrivals);
  m.barrier_lanes = 0;
  m.barrier_arrivals = 0;
  ++m.barrier_generation;
}

Handler synchronisation_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Bar:
      return isa::field::Barrier::get_kind(i) == BarrierKind::Grid ? grid_barrier : block_barrier;
    case Opcode::Fence:
      return isa::field::Fence::get_scope(i) == isa::Scope::Block ? fence_of_block : fence_of_device;
    case Opcode::Svc:
      switch (isa::field::Service::get_fn(i)) {
        case ServiceFn::Printf:
          return printf;
        case ServiceFn::Assert:
          return fail_assertion;
        default:
          return ask_host;
      }
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
