// The cube and its way out: mmad, fixpipe, set_quant.
#include <algorithm>
#include <bit>

#include "device_sim/check/pipe_order.h"
#include "device_sim/core/execution.h"
#include "device_sim/core/host_level.h"
#include "device_sim/core/matrix_kernels.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {

const MatrixKernels& matrix_kernels() {
#if defined(__x86_64__)
  if (host_level() == HostLevel::v4) return matrix_kernels_v4();
  if (host_level() == HostLevel::v3) return matrix_kernels_v3();
#endif
  return matrix_kernels_baseline();
}

namespace {

using isa::FixTarget;
using isa::Opcode;
using isa::Type;

constexpr uint64_t kFractal = 512;      // bytes
constexpr uint64_t kAccumulators = 64;  // bytes of a row of a column block in l0c

uint64_t blocks(uint64_t x, uint64_t n) { return (x + n - 1) / n; }

// Synccheck: the unit flag orders M and FIX like an event of the place in l0c. The last mmad of a tile raises it for
// the fixpipe, which holds the next mmad there back. Numbers above those of set_flag.
constexpr auto kCube = static_cast<unsigned>(isa::Pipe::M), kFix = static_cast<unsigned>(isa::Pipe::FIX);
unsigned unit_event(uint64_t place) { return 8 + static_cast<unsigned>(place / 64); }
void raise_unit(Frame* f, unsigned from, unsigned to, uint64_t place) {
  if (PipeOrder* order = f->machinery->pipe_order.get()) order->set(from, to, unit_event(place));
}
void await_unit(Frame* f, unsigned from, unsigned to, uint64_t place) {
  if (PipeOrder* order = f->machinery->pipe_order.get()) order->wait(from, to, unit_event(place));
}

// Initcheck: the `wide` x k elements of an operand, fractal by fractal where some byte of the whole is unwritten.
void read_operand(const Decoded* d, Frame* f, TileSpace space, uint64_t address, uint64_t wide, uint64_t k,
                  uint64_t size) {
  TileContents* contents = f->machinery->contents.get();
  const uint64_t c0 = 32 / size, deep = blocks(k, c0), across = blocks(wide, 16);
  if (!contents || contents->written(space, address, across * deep * kFractal)) return;
  for (uint64_t w = 0; w < across; ++w)
    for (uint64_t i = 0; i < deep; ++i)
      contents->read(d, f,
                     {.space = space,
                      .address = address + (space == TileSpace::l0a ? w * deep + i : i * across + w) * kFractal,
                      .bytes = std::min(c0, k - i * c0) * size,
                      .rows = std::min<uint64_t>(16, wide - w * 16),
                      .pitch = 32});
}
// Calls `block(range)` for the accumulators of an m x n tile, one column block after the other.
template <class Block>
void each_accumulator_block(uint64_t address, uint64_t m, uint64_t n, uint64_t pitch, Block block) {
  for (uint64_t i = 0; i < blocks(n, 16); ++i)
    block(TileRange{.space = TileSpace::l0c,
                    .address = address + i * pitch,
                    .bytes = std::min<uint64_t>(16, n - i * 16) * 4,
                    .rows = m,
                    .pitch = kAccumulators});
}

bool multiply(const Decoded* d, Frame* f) {
  const uint64_t c = scalar_value(d, f, d->c);
  const auto m = static_cast<uint32_t>(c & 0xfff), k = static_cast<uint32_t>(c >> 12 & 0xfff),
             n = static_cast<uint32_t>(c >> 24 & 0xfff);
  const bool init = c >> 36 & 1, bias = c >> 37 & 1;
  const auto type = static_cast<Type>(d->type);
  const isa::TypeInfo& element = isa::info(type);
  const machine::Machine& machine = *f->machinery->launch.machine;
  if (!machine.chip.cube.macs_per_cycle.contains(element.name)) {
    raise(f, d, FaultKind::unsupported, 0,
          "the cube of " + machine.name + " does not multiply " + std::string(element.name));
    return false;
  }
  await_unit(f, kFix, kCube, scalar_value(d, f, d->dst));
  if (m && k && n) {
    const uint64_t deep = blocks(k, 256 / element.bits);
    const unsigned char* a = touch(d, f,
                                   {.space = TileSpace::l0a,
                                    .address = scalar_value(d, f, d->a),
                                    .bytes = blocks(m, 16) * deep * kFractal,
                                    .told = true});
    const unsigned char* b = a ? touch(d, f,
                                       {.space = TileSpace::l0b,
                                        .address = scalar_value(d, f, d->b),
                                        .bytes = deep * blocks(n, 16) * kFractal,
                                        .told = true})
                               : nullptr;
    const unsigned char* start =
        b && bias ? touch(d, f, {.space = TileSpace::bt, .address = (c >> 40 & 0xff) * 64, .bytes = uint64_t{n} * 4})
                  : nullptr;
    if (!b || (bias && !start)) return false;
    const TileRange sums{.space = TileSpace::l0c,
                         .address = scalar_value(d, f, d->dst),
                         .bytes = m * kAccumulators,
                         .rows = blocks(n, 16),
                         .pitch = blocks(m, 16) * 16 * kAccumulators,
                         .write = true,
                         .told = true};
    unsigned char* to = touch(d, f, sums);
    if (!to) return false;
    if (TileContents* contents = f->machinery->contents.get()) {
      const uint64_t size = element.bits / 8;
      read_operand(d, f, TileSpace::l0a, scalar_value(d, f, d->a), m, k, size);
      read_operand(d, f, TileSpace::l0b, scalar_value(d, f, d->b), n, k, size);
      each_accumulator_block(sums.address, m, n, sums.pitch, [&](const TileRange& range) {
        if (!init && !bias) contents->read(d, f, range);
        contents->write(range);
      });
    }
    if (moves_values(f)) matrix_kernels().multiply({type, a, b, to, start, init, m, k, n});
  }
  if (c >> 38 & 1) raise_unit(f, kCube, kFix, scalar_value(d, f, d->dst));
  // The place of the accumulators tells the timing engine which fixpipe belongs to the tile.
  record_work(f, 0, (c & 0xffffffffffff) | scalar_value(d, f, d->dst) / 64 << 48);
  return true;
}

void mmad(const Decoded* d, Frame* f) {
  if (!multiply(d, f)) return;
  PHX_NEXT;
}

// All of a fixpipe: checks, records, values.
bool drain(const Decoded* d, Frame* f) {
  const isa::Instruction fields{.op = Opcode::Fixpipe, .mod = d->mod};
  namespace field = isa::field::Fixpipe;
  const uint64_t b = scalar_value(d, f, d->b), c = scalar_value(d, f, d->c), to = scalar_value(d, f, d->dst);
  const auto type = static_cast<Type>(d->type);
  const uint64_t size = isa::info(type).bits / 8;
  const bool to_gm = field::get_to(fields) == FixTarget::FixGm, nz = field::get_nz(fields);
  Drain job{.from = field::get_from(fields),
            .to = type,
            .accumulators = nullptr,
            .pitch = (b >> 24 & 0xfff) * 16 * kAccumulators,
            .out = nullptr,
            .out_pitch = (c & 0xffffffff) * (nz ? 32 : 1),
            .m = static_cast<uint32_t>(b & 0xfff),
            .n = static_cast<uint32_t>(b >> 12 & 0xfff),
            .nz = nz,
            .relu = field::get_relu(fields),
            .quant = field::get_quant(fields),
            .add = field::get_add(fields),
            .scale = f->machinery->quant_scale};
  const bool empty = job.m == 0 || job.n == 0, unit = field::get_unit(fields);
  if (unit) await_unit(f, kCube, kFix, scalar_value(d, f, d->a));
  const GmRange gm{.address = to,
                   .bytes = nz ? job.m * uint64_t{32} : job.n * size,
                   .rows = empty ? 0
                           : nz  ? blocks(job.n, 32 / size)
                                 : job.m,
                   .pitch = job.out_pitch,
                   .alignment = size,
                   .write = true,
                   .add = job.add};
  if (!empty) {
    job.accumulators = touch(d, f,
                             {.space = TileSpace::l0c,
                              .address = scalar_value(d, f, d->a),
                              .bytes = job.m * kAccumulators,
                              .rows = blocks(job.n, 16),
                              .pitch = job.pitch,
                              .told = true});
    if (!job.accumulators) return false;
    if (TileContents* contents = f->machinery->contents.get())
      each_accumulator_block(scalar_value(d, f, d->a), job.m, job.n, job.pitch,
                             [&](const TileRange& range) { contents->read(d, f, range); });
    job.out = to_gm ? touch_gm(d, f, gm)
                    : touch(d, f,
                            {.space = TileSpace::l1,
                             .address = to,
                             .bytes = gm.bytes,
                             .rows = gm.rows,
                             .pitch = gm.pitch,
                             .write = true});
    if (!job.out) return false;
    if (moves_values(f)) matrix_kernels().drain(job);
  }
  if (unit) raise_unit(f, kFix, kCube, scalar_value(d, f, d->a));
  record_work(f, uint64_t{job.m} * job.n, scalar_value(d, f, d->a) / 64);
  if (to_gm) record_rows(f, gm);
  return true;
}

void fixpipe(const Decoded* d, Frame* f) {
  if (!drain(d, f)) return;
  PHX_NEXT;
}
// Sums depend on their order, so additions from several cores wait for their turn.
void fixpipe_add(const Decoded* d, Frame* f) { park_ordered(d, f, nullptr); }

void set_quant(const Decoded* d, Frame* f) {
  f->machinery->quant_scale = std::bit_cast<float>(static_cast<uint32_t>(scalar_value(d, f, d->a)));
  record_work(f, 0);
  PHX_NEXT;
}

}  // namespace

void add_accumulators(const Decoded* d, Frame* f) { drain(d, f); }

Handler cube_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Mmad:
      return mmad;
    case Opcode::Fixpipe:
      return isa::field::Fixpipe::get_add(i) ? fixpipe_add : fixpipe;
    case Opcode::SetQuant:
      return set_quant;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
