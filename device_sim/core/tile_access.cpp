#include "device_sim/core/tile_access.h"

#include "device_sim/isa/isa.h"

namespace phx::sim {
namespace {

constexpr const char* kNames[] = {"unified buffer", "L1", "L0A", "L0B", "L0C", "bias table"};
constexpr uint64_t kAlignment[] = {32, 32, 512, 512, 64, 64};

}  // namespace

unsigned char* touch(const Decoded* d, Frame* f, const TileRange& range) {
  const auto space = static_cast<unsigned>(range.space);
  const TileBuffer buffer = f->machinery->tile_buffers[space];
  auto fail = [&](FaultKind kind, std::string detail) -> unsigned char* {
    raise_access(f, d, kind, 0, range.address, static_cast<uint32_t>(range.bytes), range.write, std::move(detail));
    return nullptr;
  };
  if (range.bytes == 0 || range.rows == 0) return buffer.data;
  if (range.address % kAlignment[space])
    return fail(FaultKind::misaligned, std::string(kNames[space]) + " addresses of this operand are multiples of " +
                                           std::to_string(kAlignment[space]));
  if (range.write && range.rows > 1 && range.pitch < range.bytes)
    return fail(FaultKind::illegal_instruction, "rows of " + std::to_string(range.bytes) + " bytes at a pitch of " +
                                                    std::to_string(range.pitch) + " overlap in the destination");
  // Sizes are at most 2^40 and counts 2^16, so nothing here wraps.
  const uint64_t extent = (range.rows - 1) * range.pitch + range.bytes;
  if (range.address >= buffer.bytes || extent > buffer.bytes - range.address)
    return fail(FaultKind::ub_out_of_bounds, "bytes " + std::to_string(range.address) + " to " +
                                                 std::to_string(range.address + extent) + " of " +
                                                 std::to_string(buffer.bytes) + " bytes of " + kNames[space]);
  if (!in_order(d, f, space, range.address, range.bytes, range.rows, range.pitch, range.write)) return nullptr;
  return buffer.data + range.address;
}

bool touch_gm(const Decoded* d, Frame* f, uint64_t address, uint64_t bytes, bool write) {
  return in_order(d, f, kGmOrderSpace, address, bytes, 1, 0, write);
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
