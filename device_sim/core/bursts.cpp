// DMA of bursts between device memory and the unified buffer or L1.
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"

namespace phx::sim {
namespace {

using isa::Opcode;

constexpr uint64_t kBlock = 32;  // bytes; the unit of buffer addresses and burst sizes

struct Bursts {
  GmRange gm;
  TileRange buffer;
  bool in = false;  // from gm
  bool pad = false;
};

Bursts bursts_of(const Decoded* d, const Frame* f) {
  const auto op = static_cast<Opcode>(d->op);
  const uint64_t b = scalar_value(d, f, d->b), c = scalar_value(d, f, d->c);
  const uint64_t to = scalar_value(d, f, d->dst), from = scalar_value(d, f, d->a);
  const uint64_t count = b & 0xffff, bytes = b >> 16 & 0xffffffff, padded = (bytes + kBlock - 1) / kBlock * kBlock;
  const uint64_t from_stride = c & 0xffffffff, to_stride = c >> 32;
  Bursts x;
  x.in = op != Opcode::DmaUbGm;
  x.pad = bits_of(d, 0, 1);
  x.gm = {.address = x.in ? from : to,
          .bytes = bytes,
          .rows = count,
          .pitch = x.in ? from_stride : to_stride,
          .write = !x.in};
  x.buffer = {.space = op == Opcode::DmaGmL1 ? TileSpace::l1 : TileSpace::ub,
              .address = x.in ? to : from,
              .bytes = x.in ? padded : bytes,
              .rows = count,
              .pitch = x.in ? to_stride : from_stride,
              .write = x.in};
  if (x.gm.pitch == 0) x.gm.pitch = bytes;
  if (x.buffer.pitch == 0) x.buffer.pitch = padded;
  return x;
}

bool transfer(const Decoded* d, Frame* f) {
  const Bursts x = bursts_of(d, f);
  if (x.gm.rows == 0 || x.gm.bytes == 0) {
    record_rows(f, x.gm);
    return true;
  }
  if (!x.pad && x.gm.bytes % kBlock) {
    raise_access(f, d, FaultKind::misaligned, 0, x.buffer.address, static_cast<uint32_t>(x.gm.bytes), x.in,
                 "bursts of " + std::to_string(x.gm.bytes) + " bytes are no multiple of 32");
    return false;
  }
  unsigned char* gm = touch_gm(d, f, x.gm);
  unsigned char* buffer = gm ? touch(d, f, x.buffer) : nullptr;
  if (!buffer) return false;
  record_rows(f, x.gm);
  if (!moves_values(f)) return true;
  for (uint64_t i = 0; i < x.gm.rows; ++i, gm += x.gm.pitch, buffer += x.buffer.pitch) {
    std::memcpy(x.in ? buffer : gm, x.in ? gm : buffer, x.gm.bytes);
    if (x.in) std::memset(buffer + x.gm.bytes, 0, x.buffer.bytes - x.gm.bytes);
  }
  return true;
}

void copy_bursts(const Decoded* d, Frame* f) {
  if (!transfer(d, f)) return;
  PHX_NEXT;
}

}  // namespace

Handler burst_handler(const isa::Instruction&) { return copy_bursts; }

}  // namespace phx::sim
