// Copies and fills: the bytes move at once, the time follows from the homes of both sides.
#include <algorithm>
#include <cstring>
#include <map>

#include "device_sim/system/state.h"
#include "device_sim/system/system.h"

namespace phx::sim {
namespace {

struct Side {
  std::byte* bytes = nullptr;
  const Buffer* buffer = nullptr;
};

std::string distance(const AddressSpace& memory, uint64_t address) {
  const Buffer* near = memory.nearest(address);
  if (!near) return "no buffer is allocated";
  char text[160];
  const uint64_t end = near->address + near->size;
  const bool past = address >= end, inside = address >= near->address && !past;
  std::snprintf(text, sizeof text, "%llu bytes %s of %s (%llu bytes at 0x%llx)",
                static_cast<unsigned long long>(inside ? end - address
                                                : past ? address - end
                                                       : near->address - address),
                inside ? "before the end"
                : past ? "past the end"
                       : "before the start",
                near->name.c_str(), static_cast<unsigned long long>(near->size),
                static_cast<unsigned long long>(near->address));
  return text;
}

// The live buffer that holds the whole range, or the fault that says why there is none.
std::optional<Fault> resolve(const AddressSpace& memory, uint64_t address, uint64_t bytes, bool store, Side& side) {
  side.bytes = memory.translate(address, bytes);
  side.buffer = memory.find(address);
  if (side.bytes) return std::nullopt;
  Fault fault;
  fault.kind = FaultKind::out_of_bounds;
  if (side.buffer && side.buffer->freed) fault.kind = FaultKind::use_after_free;
  if (!side.buffer && (address & isa::kWindowMask) != isa::kGmBase) fault.kind = FaultKind::host_pointer;
  fault.has_address = true;
  fault.address = address;
  fault.bytes = static_cast<uint32_t>(std::min<uint64_t>(bytes, ~0u));
  fault.is_store = store;
  fault.nearest = distance(memory, address);
  fault.detail = "a copy of " + std::to_string(bytes) + " bytes";
  return fault;
}

// Initcheck: what is wrong with reading the range, if anything.
std::optional<Fault> unwritten(const AddressSpace& memory, const Buffer& buffer, uint64_t address, uint64_t bytes) {
  const uint64_t at = memory.first_unwritten(address, bytes);
  if (at == address + bytes) return std::nullopt;
  Fault fault;
  fault.kind = FaultKind::uninitialised_read;
  fault.has_address = true;
  fault.address = at;
  fault.bytes = 1;
  fault.nearest = std::to_string(at - buffer.address) + " bytes into " + buffer.name + " (" +
                  std::to_string(buffer.size) + " bytes)";
  fault.detail =
      "a copy of " + std::to_string(bytes) + " bytes to the host, of which this one is the first that nobody wrote";
  return fault;
}

// Bytes that each home holds of [address, address + bytes).
std::map<uint16_t, uint64_t> shares(const Buffer& buffer, uint64_t address, uint64_t bytes) {
  std::map<uint16_t, uint64_t> homes;
  if (buffer.host) {
    homes[kHostHome] = bytes;
  } else if (buffer.placement == Placement::replicated) {
    for (uint16_t member : buffer.members) homes[member] = bytes;
  } else if (buffer.placement == Placement::on || buffer.members.size() == 1) {
    homes[buffer.members.front()] = bytes;
  } else {
    for (uint64_t at = address; at < address + bytes;) {
      const uint64_t next = std::min(address + bytes, (at / kPageBytes + 1) * kPageBytes);
      homes[buffer.home(at, buffer.members.front())] += next - at;
      at = next;
    }
  }
  return homes;
}

// Each member's link works beside the others'; the slowest decides.
// `issuer`: the device whose engine copies; it reads what lies elsewhere, and writes to elsewhere.
void cost(const machine::Machine& machine, const std::map<uint16_t, uint64_t>& from,
          const std::map<uint16_t, uint64_t>& to, uint64_t bytes, std::optional<uint16_t> issuer,
          System::Transfer& transfer) {
  for (const auto& [source, out] : from)
    for (const auto& [target, in] : to) {
      // The part of `out` that goes to `target` when both sides are cut alike.
      const uint64_t part =
          static_cast<uint64_t>(static_cast<double>(out) * static_cast<double>(in) / static_cast<double>(bytes));
      if (part == 0) continue;
      const CopyPath path{source, target, issuer == target && source != target};
      transfer.seconds = std::max(transfer.seconds, copy_seconds(machine, path, part));
      for (const auto& [name, joules] : energy_of(path, part, machine)) transfer.energy[name] += joules;
    }
}

}  // namespace

System::Transfer System::write(uint64_t to, const void* from, uint64_t bytes) {
  Transfer transfer;
  if (bytes == 0) return transfer;
  std::lock_guard lock(state_->exclusive);
  Side target;
  if ((transfer.fault = resolve(state_->memory, to, bytes, true, target))) return transfer;
  std::memmove(target.bytes, from, bytes);
  state_->memory.mark_written(to, bytes);
  cost(state_->machine, {{kHostHome, bytes}}, shares(*target.buffer, to, bytes), bytes, std::nullopt, transfer);
  return transfer;
}

System::Transfer System::read(void* to, uint64_t from, uint64_t bytes) {
  Transfer transfer;
  if (bytes == 0) return transfer;
  std::lock_guard lock(state_->exclusive);
  Side source;
  if ((transfer.fault = resolve(state_->memory, from, bytes, false, source))) return transfer;
  std::memmove(to, source.bytes, bytes);
  if ((transfer.fault = unwritten(state_->memory, *source.buffer, from, bytes))) return transfer;
  auto homes = shares(*source.buffer, from, bytes);
  if (source.buffer->placement == Placement::replicated) homes = {{source.buffer->members.front(), bytes}};
  cost(state_->machine, homes, {{kHostHome, bytes}}, bytes, std::nullopt, transfer);
  return transfer;
}

System::Transfer System::copy(uint64_t to, uint64_t from, uint64_t bytes, std::optional<uint16_t> issuer) {
  Transfer transfer;
  if (bytes == 0) return transfer;
  std::lock_guard lock(state_->exclusive);
  Side source, target;
  if ((transfer.fault = resolve(state_->memory, from, bytes, false, source))) return transfer;
  if ((transfer.fault = resolve(state_->memory, to, bytes, true, target))) return transfer;
  std::memmove(target.bytes, source.bytes, bytes);
  state_->memory.copy_written(to, from, bytes);
  auto homes = shares(*source.buffer, from, bytes);
  if (source.buffer->placement == Placement::replicated) homes = {{source.buffer->members.front(), bytes}};
  cost(state_->machine, homes, shares(*target.buffer, to, bytes), bytes, issuer, transfer);
  return transfer;
}

System::Transfer System::fill(uint64_t to, uint32_t pattern, unsigned pattern_bytes, uint64_t bytes) {
  Transfer transfer;
  if (bytes == 0) return transfer;
  std::lock_guard lock(state_->exclusive);
  Side target;
  if ((transfer.fault = resolve(state_->memory, to, bytes, true, target))) return transfer;
  if (pattern_bytes == 1 || pattern == 0) {
    std::memset(target.bytes, static_cast<int>(pattern & 0xFF), bytes);
  } else {
    for (uint64_t at = 0; at < bytes; at += pattern_bytes)
      std::memcpy(target.bytes + at, &pattern, std::min<uint64_t>(pattern_bytes, bytes - at));
  }
  state_->memory.mark_written(to, bytes);
  // Each home writes its own share into its own memory.
  for (const auto& [home, share] : shares(*target.buffer, to, bytes)) {
    transfer.seconds = std::max(transfer.seconds, copy_seconds(state_->machine, {home, home}, share));
    for (const auto& [name, joules] : energy_of(CopyPath{home, home}, share / 2, state_->machine))
      transfer.energy[name] += joules;
  }
  return transfer;
}

}  // namespace phx::sim
