// Synccheck in the interpreter: what tile programs do in the terms of check/pipe_order.h, and its findings in words.
#include "device_sim/check/pipe_order.h"

#include "device_sim/core/execution.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

constexpr unsigned kAllPipes = static_cast<unsigned>(isa::PipeField::PipeAll);
constexpr const char* kPipes[] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix"};
constexpr const char* kSpaces[] = {"the unified buffer", "L1", "L0A", "L0B", "L0C", "the bias table", "device memory"};

// Loads and stores of a tile program are the scalar unit's, whatever pipe their row names for SIMT.
unsigned pipe_of(const Decoded* d) {
  const isa::RowInfo& row = *isa::row(static_cast<isa::Opcode>(d->op));
  return row.family == isa::Family::mem ? 0 : static_cast<unsigned>(row.pipe);
}

}  // namespace

bool in_order(const Decoded* d, Frame* f, unsigned space, uint64_t address, uint64_t bytes, uint64_t rows,
              uint64_t pitch, bool write) {
  PipeOrder* order = f->machinery->pipe_order.get();
  if (!order) return true;
  uint64_t region = 0;
  if (space == kGmOrderSpace)
    if (const Buffer* buffer = f->machinery->memory.find(address)) region = buffer->address;
  order->access(pipe_of(d), d->index, space, region, {address, bytes, rows, pitch}, write);
  return true;
}

bool scalar_in_order(const Decoded* d, Frame* f, uint64_t address, uint64_t bytes, bool write) {
  Machinery& m = *f->machinery;
  const bool ordered =
      static_cast<isa::CachePolicy>(bits_of(d, 9, 3)) == isa::CachePolicy::Volatile;  // told when served
  if (m.checks && m.kernel.core != image::CoreKind::simt && !ordered && space_of(d, address) == isa::Space::Gm)
    m.checks->rows(d, f, address, bytes, 1, 0, !write, write, false);
  const isa::Space space = space_of(d, address);
  if (m.contents && space == isa::Space::Ub) {
    const TileRange range{.space = TileSpace::ub, .address = address & ~isa::kWindowMask, .bytes = bytes};
    if (write)
      m.contents->write(range);
    else
      m.contents->read(d, f, range);
  }
  if (!f->machinery->pipe_order) return true;
  if (space == isa::Space::Gm) return in_order(d, f, kGmOrderSpace, address, bytes, 1, 0, write);
  if (space == isa::Space::Ub) return in_order(d, f, 0, address & ~isa::kWindowMask, bytes, 1, 0, write);
  return true;
}

void order_set(const Decoded* d, Frame* f, unsigned id) {
  if (PipeOrder* order = f->machinery->pipe_order.get()) order->set(bits_of(d, 0, 3), bits_of(d, 3, 3), id, d->index);
}
void order_wait(const Decoded* d, Frame* f, unsigned id) {
  if (PipeOrder* order = f->machinery->pipe_order.get()) order->wait(bits_of(d, 0, 3), bits_of(d, 3, 3), id, d->index);
}
void order_barrier(const Decoded* d, Frame* f) {
  PipeOrder* order = f->machinery->pipe_order.get();
  if (!order) return;
  if (const unsigned pipe = bits_of(d, 0, 4); pipe == kAllPipes)
    order->barrier(d->index);
  else
    order->barrier_of(pipe, d->index);
}
void order_cross(const Decoded* d, Frame* f) {
  PipeOrder* order = f->machinery->pipe_order.get();
  if (!order) return;
  if (static_cast<isa::Opcode>(d->op) == isa::Opcode::CrossSet)
    order->cross_set(bits_of(d, 2, 3));
  else
    order->cross_wait(bits_of(d, 2, 3));
}

std::vector<Finding> order_findings(const Machinery& m) {
  std::vector<Finding> found;
  if (!m.pipe_order || !m.launch.checks.synccheck) return found;
  auto name = [&](uint32_t index) { return m.launch.program->place(index); };
  for (const PipeOrder::Finding& f : m.pipe_order->findings()) {
    const char* done = f.earlier_writes ? "write" : "read";
    found.push_back({.earlier = f.earlier,
                     .later = f.later,
                     .space = f.space,
                     .text = std::string(kPipes[f.later_pipe]) + (f.later_writes ? " writes " : " reads ") +
                             kSpaces[f.space] + " [" + std::to_string(f.from) + ", " + std::to_string(f.to) +
                             ") while " + kPipes[f.earlier_pipe] + " may still " + done + " it: nothing orders " +
                             name(f.earlier) + " before " + name(f.later) + " (" + kPipes[f.earlier_pipe] + " -> " +
                             kPipes[f.later_pipe] + ")",
                     .block = m.ctaid,
                     .device = m.device});
  }
  return found;
}

}  // namespace phx::sim
