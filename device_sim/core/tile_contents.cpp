#include "device_sim/core/tile_contents.h"

#include <algorithm>

#include "device_sim/core/execution.h"
#include "device_sim/core/tile_access.h"
#include "device_sim/memory/byte_bits.h"

namespace phx::sim {
namespace {

constexpr const char* kNames[] = {"the unified buffer", "L1", "L0A", "L0B", "L0C", "the bias table"};
// Above the numbers of isa::Space, which the other findings of initcheck have.
constexpr unsigned kFindingSpace = 16;

size_t index(TileSpace space) { return static_cast<size_t>(space); }

}  // namespace

TileContents::TileContents(const std::array<uint64_t, 6>& bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) bits_[i].resize((bytes[i] + 63) / 64);
}

void TileContents::start() {
  for (auto& bits : bits_) std::fill(bits.begin(), bits.end(), 0);
  findings_.clear();
}

void TileContents::write(const TileRange& range) {
  uint64_t* bits = bits_[index(range.space)].data();
  const bool together = range.pitch == range.bytes;
  for (uint64_t row = 0; row < (together ? 1 : range.rows); ++row)
    set_bits(bits, range.address + row * range.pitch, together ? range.rows * range.bytes : range.bytes);
}

bool TileContents::written(TileSpace space, uint64_t address, uint64_t bytes) const {
  return first_with(bits_[index(space)].data(), address, bytes, false) == address + bytes;
}

void TileContents::read(const Decoded* d, Frame* f, const TileRange& range) {
  const uint64_t* bits = bits_[index(range.space)].data();
  const bool together = range.pitch == range.bytes;
  const uint64_t rows = together || range.pitch == 0 ? 1 : range.rows;
  const uint64_t bytes = together ? range.rows * range.bytes : range.bytes;
  for (uint64_t row = 0; row < rows; ++row) {
    const uint64_t from = range.address + row * range.pitch, first = first_with(bits, from, bytes, false);
    if (first == from + bytes) continue;
    const Machinery& m = *f->machinery;
    Finding finding{.kind = FindingKind::uninitialised_read, .earlier = d->index, .later = d->index};
    finding.space = kFindingSpace + static_cast<unsigned>(range.space);
    for (const Finding& known : findings_)
      if (known.like(finding)) return;
    if (findings_.size() >= kMostFindings) return;
    const uint64_t end = range.address + (range.rows - 1) * range.pitch + range.bytes;
    finding.block = m.ctaid;
    finding.device = m.device;
    finding.text = m.launch.program->place(d->index) + " reads " + kNames[index(range.space)] + " [" +
                   std::to_string(range.address) + ", " + std::to_string(end) + "), of which byte " +
                   std::to_string(first) + " was never written: " + name_of_program(m) + ", device " +
                   std::to_string(m.ordinal);
    findings_.push_back(std::move(finding));
    return;
  }
}

void TileContents::copy(TileSpace from, uint64_t from_address, TileSpace to, uint64_t to_address, uint64_t bytes) {
  const uint64_t* source = bits_[index(from)].data();
  uint64_t* target = bits_[index(to)].data();
  for (uint64_t done = 0; done < bytes; done += 32) {
    const uint64_t at = from_address + done, place = to_address + done;
    const uint64_t known = source[at / 64] >> at % 64 & 0xffffffff;
    uint64_t& word = target[place / 64];
    word = (word & ~(uint64_t{0xffffffff} << place % 64)) | known << place % 64;
  }
}

void TileContents::set(TileSpace space, uint64_t address, uint64_t bytes, bool written) {
  uint64_t* bits = bits_[index(space)].data();
  if (written)
    set_bits(bits, address, bytes);
  else
    clear_bits(bits, address, bytes);
}

}  // namespace phx::sim
