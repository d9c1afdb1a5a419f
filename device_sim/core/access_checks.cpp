#include "device_sim/core/access_checks.h"

#include <algorithm>
#include <cstring>

#include "device_sim/core/execution.h"

namespace phx::sim {

using isa::Opcode;
using isa::Space;

namespace {

unsigned access_bytes(const Decoded* d) { return d->step * (1u << bits_of(d, 7, 2)); }

// Offset of an address in its space, which generic addresses hold below their window.
uint64_t offset_in(Space space, uint64_t address) { return space == Space::Gm ? address : address & ~isa::kWindowMask; }

// The two spaces of a block apart from one another.
uint64_t at_window(Space space, uint64_t offset) { return space == Space::Ub ? isa::kUbWindow | offset : offset; }

std::string triple(const std::array<uint32_t, 3>& v) {
  return "(" + std::to_string(v[0]) + ", " + std::to_string(v[1]) + ", " + std::to_string(v[2]) + ")";
}

// Thread number in the block as the program sees it.
std::array<uint32_t, 3> thread_of(const Machinery& m, uint32_t thread) {
  const Warp& warp = m.warps[thread / 32];
  return {warp.tid[0][thread % 32], warp.tid[1][thread % 32], warp.tid[2][thread % 32]};
}

}  // namespace

std::string name_place(const AddressSpace& memory, Space space, uint64_t address) {
  if (space == Space::Ub) return "byte " + std::to_string(address) + " of shared memory";
  if (space == Space::Local) return "byte " + std::to_string(address) + " of its local memory";
  const Buffer* buffer = memory.find(address);
  if (!buffer) return "an unknown buffer";
  return "byte " + std::to_string(address - buffer->address) + " of " + buffer->name + " (" +
         std::to_string(buffer->size) + " bytes)";
}

AccessChecks::AccessChecks(Checks on, unsigned threads, uint64_t ub_bytes, uint64_t local_bytes)
    : on_(on), local_bytes_(local_bytes), order_(threads) {
  if (!on.initcheck) return;
  ub_written_.resize((ub_bytes + 63) / 64);
  local_written_.resize((local_bytes * ((threads + 31) / 32 * 32) + 63) / 64);
}

void AccessChecks::start(uint64_t block) {
  std::fill(ub_written_.begin(), ub_written_.end(), 0);
  std::fill(local_written_.begin(), local_written_.end(), 0);
  near_ub_.clear();
  near_gm_.clear();
  order_.start(static_cast<uint32_t>(block));
  ub_flags_.clear();
  log_ = {};
  barriers_.start();
  findings_.clear();
  buffer_ = nullptr;
}

void AccessChecks::tell(Finding finding) {
  if (findings_.size() >= kMostFindings) return;
  for (const Finding& known : findings_)
    if (known.like(finding)) return;
  findings_.push_back(std::move(finding));
}

// True if the bytes were written before this round or by this block; else `first` is the first that was not.
bool AccessChecks::written(const Buffer& buffer, uint64_t address, unsigned bytes, uint64_t& first) const {
  const uint64_t begin = address - buffer.address, end = begin + bytes;
  for (uint64_t at = begin; (at = first_with(buffer.written, at, end - at, false)) < end; ++at)
    if (!log_.written.contains(buffer.address + at)) {
      first = buffer.address + at;
      return false;
    }
  return true;
}

void AccessChecks::uninitialised(const Decoded* d, Frame* f, unsigned lane, Space space, uint64_t address,
                                 uint64_t first, unsigned bytes) {
  const Machinery& m = *f->machinery;
  Finding finding{.kind = FindingKind::uninitialised_read, .earlier = d->index, .later = d->index};
  finding.space = static_cast<unsigned>(space);
  if (std::any_of(findings_.begin(), findings_.end(), [&](const Finding& known) { return known.like(finding); }))
    return;
  finding.place = true;
  finding.address = address;
  finding.bytes = bytes;
  finding.block = m.ctaid;
  finding.thread = thread_of(m, m.warp->index * 32 + lane);
  finding.device = m.device;
  finding.text = m.launch.program->place(d->index) + " reads " + std::to_string(bytes) + " bytes, of which " +
                 name_place(m.memory, space, first) + " was never written: thread " + triple(finding.thread) +
                 " of block " + triple(finding.block) + ", device " + std::to_string(m.ordinal);
  tell(std::move(finding));
}

// One lane's access among those of the block's other threads since the last barrier.
void AccessChecks::near(const Decoded* d, Frame* f, unsigned lane, Space space, uint64_t address, unsigned bytes,
                        const uint8_t* value, const Access& access) {
  const uint32_t thread = f->machinery->warp->index * 32 + lane;
  const uint64_t at = space == Space::Ub ? isa::kUbWindow | address : address;
  AccessHistory<kNearUnit>& history = space == Space::Ub ? near_ub_ : near_gm_;
  if (space == Space::Gm && history.entries() > kMostNear) history.clear();
  Access now = access;
  now.who = now.thread = thread;
  for (unsigned done = 0; done < bytes;) {
    const unsigned from = static_cast<unsigned>((at + done) % kNearUnit);
    const unsigned count = std::min(kNearUnit - from, bytes - done);
    now.mask = ((1u << count) - 1) << from;
    now.value = 0;
    for (unsigned i = 0; value && i < count; ++i) now.value += value_digest(at + done + i, value[done + i]);
    history.add((at + done) / kNearUnit, now,
                [&](const Access& earlier) { return order_.knows(thread, earlier.who, earlier.when); },
                [&](const Access& earlier, uint32_t common) {
                  const Machinery& m = *f->machinery;
                  Finding finding{.kind = FindingKind::race, .earlier = earlier.instruction, .later = d->index};
                  finding.space = static_cast<unsigned>(space);
                  for (const Finding& known : findings_)
                    if (known.like(finding)) return;
                  const uint64_t first = (at + done) / kNearUnit * kNearUnit + lowest(common);
                  finding.place = true;
                  finding.address = offset_in(space, first);
                  finding.bytes = bytes;
                  finding.is_store = now.write;
                  finding.block = m.ctaid;
                  finding.thread = thread_of(m, thread);
                  finding.device = m.device;
                  const bool both = earlier.write && now.write;
                  finding.text = std::string(both ? "write-write" : "read-write") + " race on " +
                                 name_place(m.memory, space, finding.address) + ": " +
                                 m.launch.program->place(earlier.instruction) + " by thread " +
                                 triple(thread_of(m, earlier.who)) + " and " + m.launch.program->place(d->index) +
                                 " by thread " + triple(finding.thread) + " of block " + triple(m.ctaid) + ", device " +
                                 std::to_string(m.ordinal) + ": nothing orders them";
                  tell(std::move(finding));
                });
    done += count;
  }
}

void AccessChecks::lanes(const Decoded* d, Frame* f, const uint64_t* at, unsigned bytes, bool reads, bool writes,
                         bool ordered) {
  const Machinery& m = *f->machinery;
  if (generation_ != m.memory.generation()) {
    generation_ = m.memory.generation();
    buffer_ = nullptr;
  }
  const unsigned count = bytes / std::max<unsigned>(d->step, 1);
  const bool wide = d->step == 8, digest = on_.racecheck && writes && !ordered;
  Access access{.when = order_.now(), .instruction = d->index, .write = writes, .ordered = ordered, .digested = digest};
  // Neighbouring lanes mostly hit one unit of the log: it gets them together.
  Access far = access;
  uint64_t far_unit = ~uint64_t{0};
  far.who = m.warp->index;
  auto unknown = [](const Access&) { return true; };
  auto nothing = [](const Access&, uint32_t) {};
  auto flush = [&] {
    if (far.mask) log_.accesses.add(far_unit, far, unknown, nothing);
    far.mask = far.value = 0;
  };
  for_lanes(f->mask, [&](unsigned lane) {
    const Space space = space_of(d, at[lane]);
    const uint64_t address = offset_in(space, at[lane]);
    if (address % bytes) return;
    if (space == Space::Ub) {
      if (address >= f->ub_bytes || bytes > f->ub_bytes - address) return;
      if (on_.initcheck) {
        if (reads)
          if (const uint64_t first = first_with(ub_written_.data(), address, bytes, false); first < address + bytes)
            uninitialised(d, f, lane, space, address, first, bytes);
        if (writes) set_bits(ub_written_.data(), address, bytes);
      }
    } else if (space == Space::Local) {
      if (!on_.initcheck || address >= f->local_bytes || bytes > f->local_bytes - address) return;
      const uint64_t place = (m.warp->index * uint64_t{32} + lane) * local_bytes_ + address;
      // The stack holds copies of structures, padding included: a load is told only if no byte of it was written.
      if (reads && first_with(local_written_.data(), place, bytes, true) == place + bytes)
        uninitialised(d, f, lane, space, address, address, bytes);
      if (writes) set_bits(local_written_.data(), place, bytes);
      return;
    } else if (space == Space::Gm) {
      if (!buffer_ || address - buffer_->address >= buffer_->size) buffer_ = m.memory.find(address);
      if (!buffer_ || buffer_->freed || address - buffer_->address >= buffer_->size ||
          bytes > buffer_->size - (address - buffer_->address)) {
        buffer_ = nullptr;
        return;
      }
      if (buffer_->written) {
        uint64_t first = 0;
        if (reads && !written(*buffer_, address, bytes, first)) uninitialised(d, f, lane, space, address, first, bytes);
        if (writes) log_.written.add(address, bytes);
      }
    } else {
      return;
    }
    if (on_.hints) barriers_.access(m.warp->index * 32 + lane, at_window(space, address), bytes, writes);
    if (!on_.racecheck) return;
    uint8_t value[16];
    if (digest)
      for (unsigned n = 0; n < count; ++n) {
        uint64_t word = 0;
        if (d->lanes & kLaneC)
          word = lane_value(f, static_cast<uint8_t>(d->c + n * (wide ? 2 : 1)), wide, lane);
        else if (!(d->flags & kSourceZero))
          word = f->s[d->c + n];
        std::memcpy(value + n * d->step, &word, d->step);
      }
    near(d, f, lane, space, address, bytes, digest ? value : nullptr, access);
    if (space != Space::Gm) return;
    if (far_unit != address / kFarUnit) {
      flush();
      far_unit = address / kFarUnit;
      far.thread = m.warp->index * 32 + lane;
    }
    const uint32_t mask = (bytes == 32 ? ~0u : (1u << bytes) - 1) << address % kFarUnit;
    if (far.mask & mask) flush();  // lanes of one instruction on the same bytes: the last one counts
    far.mask |= mask;
    if (digest)
      for (unsigned i = 0; i < bytes; ++i) far.value += value_digest(address + i, value[i]);
  });
  flush();
}

void AccessChecks::rows(const Decoded* d, Frame* f, uint64_t address, uint64_t bytes, uint64_t rows, uint64_t pitch,
                        bool reads, bool writes, bool ordered) {
  const Machinery& m = *f->machinery;
  const Buffer* buffer = m.memory.find(address);
  if (!buffer) return;
  if (rows > 1 && pitch == bytes) {
    bytes *= rows;
    rows = 1;
  }
  Access access{.who = 0, .when = order_.now(), .instruction = d->index, .write = writes, .ordered = ordered};
  for (uint64_t row = 0; row < rows; ++row, address += pitch) {
    if (buffer->written) {
      if (reads) {
        const uint64_t begin = address - buffer->address, end = begin + bytes;
        for (uint64_t at = begin; (at = first_with(buffer->written, at, end - at, false)) < end; ++at)
          if (!log_.written.contains(buffer->address + at)) {
            uninitialised(d, f, 0, Space::Gm, address, buffer->address + at, static_cast<unsigned>(bytes));
            break;
          }
      }
      if (writes) log_.written.add(address, bytes);
    }
    if (!on_.racecheck) continue;
    for (uint64_t at = address, end = address + bytes; at < end;) {
      const uint64_t next = std::min(end, (at / kFarUnit + 1) * kFarUnit);
      const uint64_t below = (uint64_t{1} << (next - at / kFarUnit * kFarUnit)) - 1;
      access.mask = static_cast<uint32_t>(below & ~((uint64_t{1} << at % kFarUnit) - 1));
      log_.accesses.add(at / kFarUnit, access, [](const Access&) { return true; }, [](const Access&, uint32_t) {});
      at = next;
    }
  }
}

void AccessChecks::flags(const Decoded* d, Frame* f, const uint64_t* at, bool reads, bool writes) {
  if (space_of(d, at[lowest(f->mask)]) == Space::Gm) talks();
  if (!on_.racecheck) return;
  const uint32_t warp = f->machinery->warp->index;
  for_lanes(f->mask, [&](unsigned lane) {
    const uint32_t thread = warp * 32 + lane;
    const Space space = space_of(d, at[lane]);
    if (space == Space::Gm) {
      if (const HorizonPointer& published = order_.fenced(thread); writes && published)
        log_.releases.push_back({at[lane] / 4, published});
    } else if (space == Space::Ub) {
      HorizonPointer& flag = ub_flags_[offset_in(space, at[lane]) / 4];
      if (reads) order_.acquire(thread, flag);
      if (writes) flag = reads ? join(flag, order_.all_known(thread)) : order_.all_known(thread);
    }
  });
}

void AccessChecks::barrier(uint32_t instruction, bool result) {
  if (on_.hints) barriers_.barrier(instruction, result);
  if (!on_.racecheck) return;
  near_ub_.clear();
  near_gm_.clear();
  ub_flags_.clear();
  order_.barrier();
}
void AccessChecks::grid_barrier() {
  if (on_.hints) barriers_.barrier(FlagUse::kNobody, true);
  if (!on_.racecheck) return;
  near_ub_.clear();
  near_gm_.clear();
  ub_flags_.clear();
  order_.grid_barrier();
}

CheckLog AccessChecks::take_log() {
  log_.epochs = order_.take_epochs();
  return std::exchange(log_, {});
}

void observed(const Decoded* d, Frame* f) {
  uint64_t at[32];
  effective_addresses(d, f, at);
  const bool writes = static_cast<Opcode>(d->op) == Opcode::St;
  f->machinery->checks->lanes(d, f, at, access_bytes(d), !writes, writes, f->operations[d->index].guess);
  [[clang::musttail]] return f->operations[d->index].inner(d, f);
}

}  // namespace phx::sim
