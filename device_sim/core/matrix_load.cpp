// DMA into the buffers of a cube core that changes layouts: GM to L1 (ND to NZ), L1 to L0A, L0B and the bias table.
#include <algorithm>
#include <cstring>

#include "device_sim/core/execution.h"
#include "device_sim/core/matrix_kernels.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/isa/fields.h"
#include "device_sim/numerics/soft_float.h"

namespace phx::sim {
namespace {

using isa::Opcode;
using isa::Type;

constexpr uint64_t kBlock = 32;     // bytes of a row in a column block
constexpr uint64_t kFractal = 512;  // bytes
constexpr uint64_t kWide = 16;      // m's or n's of a fractal

uint64_t element_bytes(const Decoded* d) { return isa::info(static_cast<Type>(d->type)).bits / 8; }

void to_nz(const unsigned char* from, uint64_t row_bytes, uint64_t rows, uint64_t stride, unsigned char* to,
           uint64_t pitch) {
  constexpr uint64_t kTogether = 8;  // rows that are read side by side: they fill whole lines of the host's cache
  for (uint64_t first = 0; first < rows; first += kTogether) {
    const uint64_t last = std::min(rows, first + kTogether);
    // The next ones: short and far apart, so that the host does not foresee them.
    for (uint64_t r = last; r < std::min(rows, last + kTogether); ++r)
      for (uint64_t at = 0; at < row_bytes; at += 64) __builtin_prefetch(from + r * stride + at);
    for (uint64_t at = 0; at < row_bytes; at += kBlock) {
      unsigned char* block = to + at / kBlock * pitch;
      const uint64_t bytes = std::min(kBlock, row_bytes - at);
      for (uint64_t r = first; r < last; ++r) {
        if (bytes == kBlock) {
          std::memcpy(block + r * kBlock, from + r * stride + at, kBlock);
        } else {
          std::memcpy(block + r * kBlock, from + r * stride + at, bytes);
          std::memset(block + r * kBlock + bytes, 0, kBlock - bytes);
        }
      }
    }
  }
}

bool load_nz(const Decoded* d, Frame* f) {
  const uint64_t b = scalar_value(d, f, d->b), c = scalar_value(d, f, d->c), size = element_bytes(d);
  const uint64_t rows = b & 0xffff, columns = b >> 16 & 0xffff, pitch = (b >> 32 & 0xffff) * kBlock;
  const uint64_t row_bytes = columns * size;
  const GmRange from{
      .address = scalar_value(d, f, d->a), .bytes = row_bytes, .rows = rows, .pitch = c, .alignment = size};
  if (rows && columns) {
    const unsigned char* gm = touch_gm(d, f, from);
    unsigned char* l1 = gm ? touch(d, f,
                                   {.space = TileSpace::l1,
                                    .address = scalar_value(d, f, d->dst),
                                    .bytes = rows * kBlock,
                                    .rows = (row_bytes + kBlock - 1) / kBlock,
                                    .pitch = pitch,
                                    .write = true})
                           : nullptr;
    if (!l1) return false;
    if (moves_values(f)) to_nz(gm, row_bytes, rows, c, l1, pitch);
  }
  record_rows(f, from);
  return true;
}

// Initcheck: loads of fractals are copies (tile_contents.h).
struct Fractals {
  TileSpace space;       // of the destination
  uint64_t from, to;     // addresses
  uint64_t wide, deep;   // fractals
  uint64_t pitch, size;  // bytes of a column block in l1, of an element
  uint64_t wide_step, deep_step;
};
void copy_contents(TileContents& contents, const Fractals& x) {
  for (uint64_t k = 0; k < x.deep; ++k)
    for (uint64_t w = 0; w < x.wide; ++w)
      contents.copy(TileSpace::l1, x.from + k * x.pitch + w * kFractal, x.space,
                    x.to + w * x.wide_step + k * x.deep_step, kFractal);
}
void copy_transposed_contents(TileContents& contents, const Fractals& x) {
  const uint64_t c0 = kBlock / x.size, rows = x.deep * c0, columns = x.wide * kWide;
  bool whole = true;
  for (uint64_t block = 0; whole && block < (columns + c0 - 1) / c0; ++block)
    whole = contents.written(TileSpace::l1, x.from + block * x.pitch, rows * kBlock);
  if (whole) return contents.set(x.space, x.to, x.wide * x.deep * kFractal, true);
  for (uint64_t column = 0; column < columns; ++column)
    for (uint64_t row = 0; row < rows; ++row) {
      const uint64_t from = x.from + column / c0 * x.pitch + row * kBlock + column % c0 * x.size;
      const uint64_t to =
          x.to + column / kWide * x.wide_step + row / c0 * x.deep_step + column % kWide * kBlock + row % c0 * x.size;
      contents.set(x.space, to, x.size, contents.written(TileSpace::l1, from, x.size));
    }
}

// Fractals keep their 512 bytes unless they are transposed: an NZ column block holds them one after the other.
bool load_fractals(const Decoded* d, Frame* f) {
  const bool left = static_cast<Opcode>(d->op) == Opcode::L1L0a, transposed = bits_of(d, 0, 1);
  const uint64_t b = scalar_value(d, f, d->b), size = element_bytes(d), c0 = kBlock / size;
  const uint64_t wide = b & 0xffff, deep = b >> 16 & 0xffff, pitch = (b >> 32 & 0xffff) * kBlock;
  const uint64_t wide_step = (left ? deep : 1) * kFractal, deep_step = (left ? 1 : wide) * kFractal;
  if (wide && deep) {
    const unsigned char* from = touch(d, f,
                                      {.space = TileSpace::l1,
                                       .address = scalar_value(d, f, d->a),
                                       .bytes = transposed ? deep * c0 * kBlock : wide * kFractal,
                                       .rows = transposed ? (wide * kWide + c0 - 1) / c0 : deep,
                                       .pitch = pitch,
                                       .told = true});
    unsigned char* to = from ? touch(d, f,
                                     {.space = left ? TileSpace::l0a : TileSpace::l0b,
                                      .address = scalar_value(d, f, d->dst),
                                      .bytes = wide * deep * kFractal,
                                      .write = true,
                                      .told = true})
                             : nullptr;
    if (!to) return false;
    if (TileContents* contents = f->machinery->contents.get()) {
      const Fractals job{left ? TileSpace::l0a : TileSpace::l0b,
                         scalar_value(d, f, d->a),
                         scalar_value(d, f, d->dst),
                         wide,
                         deep,
                         pitch,
                         size,
                         wide_step,
                         deep_step};
      if (transposed)
        copy_transposed_contents(*contents, job);
      else
        copy_contents(*contents, job);
    }
    if (!moves_values(f)) {
    } else if (transposed) {
      matrix_kernels().load_transposed({.element_bytes = static_cast<unsigned>(size),
                                        .from = from,
                                        .pitch = pitch,
                                        .to = to,
                                        .wide = static_cast<uint32_t>(wide),
                                        .deep = static_cast<uint32_t>(deep),
                                        .wide_step = wide_step,
                                        .deep_step = deep_step});
    } else {
      for (uint64_t k = 0; k < deep; ++k)
        for (uint64_t w = 0; w < wide; ++w)
          std::memcpy(to + w * wide_step + k * deep_step, from + k * pitch + w * kFractal, kFractal);
    }
  }
  record_work(f, wide * deep * kFractal);
  return true;
}

bool load_bias(const Decoded* d, Frame* f) {
  const uint64_t count = scalar_value(d, f, d->b), size = element_bytes(d);
  if (count > UINT32_MAX) {  // larger than any buffer; keeps the sizes below from wrapping
    raise(f, d, FaultKind::buffer_out_of_bounds, 0, std::to_string(count) + " values do not fit the bias table");
    return false;
  }
  if (count) {
    const unsigned char* from =
        touch(d, f, {.space = TileSpace::l1, .address = scalar_value(d, f, d->a), .bytes = count * size, .told = true});
    unsigned char* to = from ? touch(d, f,
                                     {.space = TileSpace::bt,
                                      .address = scalar_value(d, f, d->dst),
                                      .bytes = count * 4,
                                      .write = true,
                                      .told = true})
                             : nullptr;
    if (!to) return false;
    if (TileContents* contents = f->machinery->contents.get())
      for (uint64_t i = 0; i < count; ++i)
        contents->set(TileSpace::bt, scalar_value(d, f, d->dst) + i * 4, 4,
                      contents->written(TileSpace::l1, scalar_value(d, f, d->a) + i * size, size));
    if (!moves_values(f)) {
    } else if (static_cast<Type>(d->type) == Type::F16) {
      for (uint64_t i = 0; i < count; ++i) {
        uint16_t half;
        std::memcpy(&half, from + i * 2, 2);
        const float value = num::f32_from_f16(half);
        std::memcpy(to + i * 4, &value, 4);
      }
    } else {
      std::memcpy(to, from, count * 4);
    }
  }
  record_work(f, count * size);
  return true;
}

template <bool (*kLoad)(const Decoded*, Frame*)>
void load(const Decoded* d, Frame* f) {
  if (!kLoad(d, f)) return;
  PHX_NEXT;
}

}  // namespace

Handler matrix_load_handler(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::DmaNd2Nz:
      return load<load_nz>;
    case Opcode::L1L0a:
    case Opcode::L1L0b:
      return load<load_fractals>;
    case Opcode::L1Bt:
      return load<load_bias>;
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
