#include "device_sim/memory/address_space.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "device_sim/isa/isa.h"
#include "device_sim/memory/byte_bits.h"
#include "device_sim/memory/page_table.h"

namespace phx::sim {
namespace {

uint64_t pages_of(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

void* map_sparsely(uint64_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

uint64_t written_bytes(const Buffer& buffer) { return pages_of(buffer.size) * kPageBytes / 8; }
void unmap_written(Buffer& buffer) {
  if (buffer.written) munmap(buffer.written, written_bytes(buffer));
  buffer.written = nullptr;
}

bool is_device_address(uint64_t address) { return (address & isa::kWindowMask) == isa::kGmBase; }

// Bytes that the allocation takes from member number `member`.
uint64_t share(Placement placement, uint64_t pages, size_t member, size_t members) {
  switch (placement) {
    case Placement::on:
      return member == 0 ? pages * kPageBytes : 0;
    case Placement::replicated:
      return pages * kPageBytes;
    case Placement::interleaved:
      return (pages / members + (member < pages % members ? 1 : 0)) * kPageBytes;
    case Placement::blocked: {
      const uint64_t run = (pages + members - 1) / members;
      const uint64_t first = std::min<uint64_t>(pages, run * member);
      return (std::min<uint64_t>(pages, first + run) - first) * kPageBytes;
    }
  }
  return 0;
}

}  // namespace

struct AddressSpace::Index {
  PageTable pages;
  uint64_t next_page = 1;               // page 0 is never mapped
  std::map<uint64_t, uint32_t> device;  // start -> live buffer
  std::map<uint64_t, uint32_t> host;    // start -> live registration
};

uint16_t Buffer::home(uint64_t at, uint16_t reader) const {
  if (host) return kHostHome;
  const uint64_t page = (at - address) / kPageBytes;
  switch (placement) {
    case Placement::on:
      return members[0];
    case Placement::replicated:
      return reader;
    case Placement::interleaved:
      return members[page % members.size()];
    case Placement::blocked: {
      const uint64_t run = (pages_of(size) + members.size() - 1) / members.size();
      return members[std::min<uint64_t>(page / run, members.size() - 1)];
    }
  }
  return members[0];
}

AddressSpace::AddressSpace(unsigned devices, uint64_t capacity, bool track_writes)
    : devices_(devices),
      capacity_(capacity),
      track_writes_(track_writes),
      used_(devices, 0),
      peak_(devices, 0),
      index_(std::make_unique<Index>()) {}

AddressSpace::~AddressSpace() {
  for (const auto& buffer : buffers_) {
    if (!buffer->freed && !buffer->host) munmap(buffer->bytes, pages_of(buffer->size) * kPageBytes);
    unmap_written(*buffer);
  }
}

Expected<uint64_t> AddressSpace::allocate(uint64_t bytes, Placement placement, std::span<const uint16_t> members,
                                          std::string name) {
  if (bytes == 0) return error(name + ": an allocation of 0 bytes; expected at least 1");
  if (members.empty()) return error(name + ": an allocation needs at least one device");
  if (bytes > uint64_t{1} << 55)
    return error(name + ": " + std::to_string(bytes) + " bytes exceed the device address space");
  const uint64_t pages = pages_of(bytes);
  std::vector<uint64_t> shares(devices_, 0);
  for (size_t m = 0; m < members.size(); ++m) {
    if (members[m] >= devices_)
      return error(name + ": device " + std::to_string(members[m]) + " does not exist; there are " +
                   std::to_string(devices_));
    shares[members[m]] += share(placement, pages, m, members.size());
  }
  for (unsigned d = 0; d < devices_; ++d)
    if (shares[d] > capacity_ - used_[d])
      return error(name + ": " + std::to_string(shares[d]) + " bytes do not fit device " + std::to_string(d) +
                   ", which has " + std::to_string(capacity_ - used_[d]) + " of " + std::to_string(capacity_) +
                   " bytes free");
  constexpr uint64_t kWindowPages = (~isa::kWindowMask + 1) / kPageBytes;
  if (index_->next_page + pages + 1 > kWindowPages) return error(name + ": the device address space is used up");

  void* host = map_sparsely(pages * kPageBytes);
  if (!host) return error(name + ": the host has no address space for " + std::to_string(bytes) + " bytes");

  auto buffer = std::make_unique<Buffer>();
  buffer->id = static_cast<uint32_t>(buffers_.size());
  buffer->address = isa::kGmBase + index_->next_page * kPageBytes;
  buffer->size = bytes;
  buffer->bytes = static_cast<std::byte*>(host);
  buffer->placement = placement;
  buffer->members.assign(members.begin(), members.end());
  buffer->name = std::move(name);
  buffer->read_only = placement == Placement::replicated;
  if (track_writes_) buffer->written = static_cast<uint64_t*>(map_sparsely(written_bytes(*buffer)));
  index_->pages.map(index_->next_page, pages, buffer->id);
  index_->next_page += pages + 1;  // the page in between stays unmapped
  index_->device.emplace(buffer->address, buffer->id);
  for (unsigned d = 0; d < devices_; ++d) {
    used_[d] += shares[d];
    peak_[d] = std::max(peak_[d], used_[d]);
  }
  const uint64_t address = buffer->address;
  buffers_.push_back(std::move(buffer));
  return address;
}

Outcome AddressSpace::free(uint64_t address) {
  auto found = index_->device.find(address);
  if (found == index_->device.end()) {
    const Buffer* owner = find(address);
    if (!owner) return error("free of an address that is no allocation");
    return error(owner->freed ? "second free of " + owner->name
                              : "free of an address inside " + owner->name + ", not its start");
  }
  Buffer& buffer = *buffers_[found->second];
  munmap(buffer.bytes, pages_of(buffer.size) * kPageBytes);
  unmap_written(buffer);
  for (size_t m = 0; m < buffer.members.size(); ++m)
    used_[buffer.members[m]] -= share(buffer.placement, pages_of(buffer.size), m, buffer.members.size());
  buffer.bytes = nullptr;
  buffer.freed = true;
  index_->device.erase(found);
  ++generation_;
  return {};
}

Outcome AddressSpace::register_host(void* address, uint64_t bytes, std::string name) {
  const auto start = reinterpret_cast<uint64_t>(address);
  if (bytes == 0 || start + bytes < start || is_device_address(start))
    return error(name + ": not a range of host memory");
  auto next = index_->host.upper_bound(start);
  const bool hits_next = next != index_->host.end() && next->first < start + bytes;
  const bool hits_previous = next != index_->host.begin() && [&] {
    const Buffer& previous = *buffers_[std::prev(next)->second];
    return previous.address + previous.size > start;
  }();
  if (hits_next || hits_previous) return error(name + ": overlaps host memory that is already registered");
  auto buffer = std::make_unique<Buffer>();
  buffer->id = static_cast<uint32_t>(buffers_.size());
  buffer->address = start;
  buffer->size = bytes;
  buffer->bytes = static_cast<std::byte*>(address);
  buffer->name = std::move(name);
  buffer->host = true;
  index_->host.emplace(start, buffer->id);
  buffers_.push_back(std::move(buffer));
  return {};
}

Outcome AddressSpace::unregister_host(void* address) {
  auto found = index_->host.find(reinterpret_cast<uint64_t>(address));
  if (found == index_->host.end()) return error("unregister of host memory that is not registered");
  Buffer& buffer = *buffers_[found->second];
  buffer.freed = true;
  buffer.bytes = nullptr;
  index_->host.erase(found);
  ++generation_;
  return {};
}

void AddressSpace::make_read_only(uint64_t address) {
  if (auto found = index_->device.find(address); found != index_->device.end())
    buffers_[found->second]->read_only = true;
}

const Buffer* AddressSpace::find(uint64_t address) const {
  if (is_device_address(address)) {
    const uint32_t id = index_->pages.lookup((address - isa::kGmBase) / kPageBytes);
    return id == PageTable::kNone ? nullptr : buffers_[id].get();
  }
  auto next = index_->host.upper_bound(address);
  if (next != index_->host.begin()) {
    const Buffer* buffer = buffers_[std::prev(next)->second].get();
    if (address - buffer->address < buffer->size) return buffer;
  }
  return nullptr;
}

const Buffer* AddressSpace::nearest(uint64_t address) const {
  const auto& live = is_device_address(address) ? index_->device : index_->host;
  auto next = live.upper_bound(address);
  const Buffer* above = next == live.end() ? nullptr : buffers_[next->second].get();
  const Buffer* below = next == live.begin() ? nullptr : buffers_[std::prev(next)->second].get();
  if (!above || !below) return above ? above : below;
  const uint64_t below_end = below->address + below->size;
  const uint64_t past = address < below_end ? 0 : address - below_end;
  return above->address - address < past ? above : below;
}

void AddressSpace::mark_written(uint64_t address, uint64_t bytes) {
  const Buffer* buffer = find(address);
  if (buffer && buffer->written) set_bits(buffer->written, address - buffer->address, bytes);
}

void AddressSpace::copy_written(uint64_t to, uint64_t from, uint64_t bytes) {
  const Buffer* target = find(to);
  const Buffer* source = find(from);
  if (!target || !target->written) return;
  if (!source || !source->written) return mark_written(to, bytes);
  // The ranges may overlap, so all runs are found before a bit changes. Gaps touch no page of the target that is clear.
  std::vector<std::pair<uint64_t, uint64_t>> runs;  // written ones: from, to
  const uint64_t begin = from - source->address, end = begin + bytes;
  for (uint64_t at = begin; (at = first_with(source->written, at, end - at, true)) < end;) {
    const uint64_t run = at;
    at = first_with(source->written, at, end - at, false);
    runs.emplace_back(run - begin, at - begin);
  }
  const uint64_t place = to - target->address;
  uint64_t behind = 0;
  runs.emplace_back(bytes, bytes);
  for (const auto& [first, last] : runs) {
    clear_bits(target->written, place + behind, first - behind);
    set_bits(target->written, place + first, last - first);
    behind = last;
  }
}

uint64_t AddressSpace::first_unwritten(uint64_t address, uint64_t bytes) const {
  const Buffer* buffer = find(address);
  if (!buffer || !buffer->written) return address + bytes;
  return buffer->address + first_with(buffer->written, address - buffer->address, bytes, false);
}

void AddressSpace::stop_tracking(uint64_t address) {
  if (auto found = index_->device.find(address); found != index_->device.end()) unmap_written(*buffers_[found->second]);
}

std::byte* AddressSpace::translate(uint64_t address, uint64_t bytes) const {
  const Buffer* buffer = find(address);
  if (!buffer || buffer->freed) return nullptr;
  const uint64_t offset = address - buffer->address;
  if (offset >= buffer->size || bytes > buffer->size - offset) return nullptr;
  return buffer->bytes + offset;
}

uint64_t AddressSpace::used(uint16_t device) const { return device < used_.size() ? used_[device] : 0; }
uint64_t AddressSpace::peak(uint16_t device) const { return device < peak_.size() ? peak_[device] : 0; }

}  // namespace phx::sim
