#include "device_sim/core/tile_access.h"

#include <algorithm>

#include "device_sim/isa/isa.h"

namespace phx::sim {
namespace {

constexpr const char* kNames[] = {"unified buffer", "L1", "L0A", "L0B", "L0C", "bias table"};
constexpr uint64_t kAlignment[] = {32, 32, 512, 512, 64, 64};

std::string overlap(uint64_t bytes, uint64_t pitch) {
  return "rows of " + std::to_string(bytes) + " bytes at a pitch of " + std::to_string(pitch) +
         " overlap in the destination";
}

}  // namespace

unsigned char* touch(const Decoded* d, Frame* f, const TileRange& range) {
  const auto space = static_cast<unsigned>(range.space);
  const TileBuffer buffer = f->machinery->tile_buffers[space];
  auto fail = [&](FaultKind kind, std::string detail) -> unsigned char* {
    raise_access(f, d, kind, 0, range.address, static_cast<uint32_t>(range.bytes), range.write, std::move(detail));
    return nullptr;
  };
  if (range.bytes == 0 || range.rows == 0) return buffer.data;
  if ((range.rows > 1 && !range.elements ? range.address | range.pitch : range.address) % kAlignment[space])
    return fail(FaultKind::misaligned,
                std::string(kNames[space]) + " addresses are multiples of " + std::to_string(kAlignment[space]));
  if (range.write && range.rows > 1 && range.pitch < range.bytes)
    return fail(FaultKind::illegal_instruction, overlap(range.bytes, range.pitch));
  // Sizes are at most 2^40 and counts 2^16, so nothing here wraps.
  const uint64_t extent = (range.rows - 1) * range.pitch + range.bytes;
  if (range.address >= buffer.bytes || extent > buffer.bytes - range.address)
    return fail(range.space == TileSpace::ub ? FaultKind::ub_out_of_bounds : FaultKind::buffer_out_of_bounds,
                "bytes " + std::to_string(range.address) + " to " + std::to_string(range.address + extent) + " of " +
                    std::to_string(buffer.bytes) + " bytes of " + kNames[space]);
  uint64_t& used = f->machinery->statistics.buffer_bytes[space];
  used = std::max(used, range.address + extent);
  if (!in_order(d, f, space, range.address, range.bytes, range.rows, range.pitch, range.write)) return nullptr;
  if (TileContents* contents = f->machinery->contents.get(); contents && !range.told) {
    if (range.write)
      contents->write(range);
    else
      contents->read(d, f, range);
  }
  return buffer.data + range.address;
}

unsigned char* touch_gm(const Decoded* d, Frame* f, const GmRange& range) {
  const AddressSpace& memory = f->machinery->memory;
  auto fail = [&](FaultKind kind, uint64_t address, std::string nearest) -> unsigned char* {
    raise_access(f, d, kind, 0, address, static_cast<uint32_t>(range.bytes), range.write, std::move(nearest));
    return nullptr;
  };
  if (range.bytes == 0 || range.rows == 0) return nullptr;
  if ((range.rows > 1 ? range.address | range.pitch : range.address) % range.alignment)
    return fail(FaultKind::misaligned, range.address,
                "addresses and pitches in device memory are multiples of the element's " +
                    std::to_string(range.alignment) + " bytes");
  if (range.write && range.rows > 1 && range.pitch < range.bytes)
    return fail(FaultKind::illegal_instruction, range.address, overlap(range.bytes, range.pitch));
  const Buffer* buffer = memory.find(range.address);
  if (!buffer) {
    const bool host = (range.address & isa::kWindowMask) == 0 && range.address >= kPageBytes;
    return fail(host ? FaultKind::host_pointer : FaultKind::out_of_bounds, range.address,
                describe_nearest(memory, range.address));
  }
  auto fail_here = [&](FaultKind kind, uint64_t address) {
    return fail(kind, address, describe_nearest(memory, address));
  };
  if (buffer->freed) return fail_here(FaultKind::use_after_free, range.address);
  const uint64_t offset = range.address - buffer->address;
  if (offset >= buffer->size || range.bytes > buffer->size - offset)
    return fail_here(FaultKind::out_of_bounds, range.address);
  const uint64_t room = buffer->size - offset - range.bytes;
  if ((range.rows - 1) * range.pitch > room)  // at the first row that does not fit
    return fail_here(FaultKind::out_of_bounds, range.address + (room / range.pitch + 1) * range.pitch);
  if (range.write && buffer->read_only) return fail_here(FaultKind::read_only_store, range.address);
  if (AccessChecks* checks = f->machinery->checks.get())
    checks->rows(d, f, range.address, range.bytes, range.rows, range.pitch, !range.write || range.add, range.write,
                 range.add);
  if (!in_order(d, f, kGmOrderSpace, range.address, range.bytes, range.rows, range.pitch, range.write)) return nullptr;
  return reinterpret_cast<unsigned char*>(buffer->bytes) + offset;
}

void record_rows(Frame* f, const GmRange& range) {
  if (!f->recording) return;
  Machinery& m = *f->machinery;
  auto& out = m.warp->events.accesses;
  const uint64_t header = static_cast<uint64_t>(AccessKind::dma) | uint64_t{1} << 8;
  if (range.bytes == 0 || range.rows == 0) {
    out.push_back(header);
    return;
  }
  const Buffer* buffer = m.memory.find(range.address);
  auto line = [&](uint64_t address) {
    const uint64_t last = std::min<uint64_t>(kLineBytes - 1, address % kLineBytes + range.bytes - 1);
    const uint64_t sectors = ((2u << last / kSectorBytes) - 1) & ~((1u << address % kLineBytes / kSectorBytes) - 1);
    return sectors | (address / kLineBytes & ((uint64_t{1} << 44) - 1)) << 4 |
           uint64_t{buffer->home(address, m.ordinal)} << 48;
  };
  const bool one_home =
      buffer->host || buffer->placement == Placement::on || buffer->placement == Placement::replicated;
  const uint64_t records = one_home ? 1 : range.rows;
  out.push_back(header | records << 16 | (range.bytes * range.rows & 0xffffffff) << 32);
  if (one_home) {
    out.push_back(range.bytes | (range.rows - 1) << 32);
    out.push_back(line(range.address));
    if (range.rows > 1) out.push_back(range.pitch);
    return;
  }
  for (uint64_t row = 0; row < records; ++row) {
    out.push_back(range.bytes);
    out.push_back(line(range.address + row * range.pitch));
  }
}

void record_work(Frame* f, uint64_t work, uint64_t shape) {
  if (!f->recording) return;
  auto& out = f->machinery->warp->events.accesses;
  out.push_back(static_cast<uint64_t>(AccessKind::tile) | uint64_t{1} << 8 | uint64_t{1} << 16 | work << 32);
  out.push_back(shape);
}

void record_flag(Frame* f, uint64_t id) {
  if (!f->recording) return;
  f->machinery->warp->events.accesses.push_back(static_cast<uint64_t>(AccessKind::tile) | uint64_t{1} << 8 | id << 32);
}

}  // namespace phx::sim
