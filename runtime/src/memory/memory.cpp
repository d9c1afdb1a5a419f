// Memory: allocations, host ranges, copies and fills.
#include <cstdlib>
#include <cstring>

#include "runtime/src/runtime.h"

namespace phx::rt {
namespace {

constexpr uint64_t kHostAlignment = 64 << 10;  // whole device pages, so that ranges never share one

uint64_t address_of(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

// Addresses a process can have of its own; the driver's synthetic range lies outside.
bool may_be_host(uint64_t address) { return address != 0 && address < uint64_t{1} << 47; }

// First to last byte of one side of a region; 0 for nothing, all ones if it does not fit 64 bits.
uint64_t span_of(const hal::Region& region, uint64_t row_pitch, uint64_t plane_pitch) {
  if (region.total_bytes() == 0) return 0;
  if (row_pitch == 0) row_pitch = region.row_bytes;
  if (plane_pitch == 0) plane_pitch = row_pitch * region.rows;
  __uint128_t span =
      __uint128_t{plane_pitch} * (region.planes - 1) + __uint128_t{row_pitch} * (region.rows - 1) + region.row_bytes;
  return span > ~uint64_t{0} ? ~uint64_t{0} : static_cast<uint64_t>(span);
}

// The rows of a host region, packed, as they are now.
std::vector<std::byte> snapshot(const void* from, const hal::Region& region) {
  std::vector<std::byte> bytes(region.total_bytes());
  uint64_t row_pitch = region.source_row_pitch ? region.source_row_pitch : region.row_bytes;
  uint64_t plane_pitch = region.source_plane_pitch ? region.source_plane_pitch : row_pitch * region.rows;
  std::byte* to = bytes.data();
  for (uint64_t plane = 0; plane < region.planes; ++plane)
    for (uint64_t row = 0; row < region.rows; ++row, to += region.row_bytes)
      std::memcpy(to, static_cast<const std::byte*>(from) + plane * plane_pitch + row * row_pitch, region.row_bytes);
  return bytes;
}

}  // namespace

// One end of a copy.
struct Runtime::End {
  hal::MemoryRef memory;
  bool on_device = false;  // device memory: the host cannot reach it
  bool pageable = false;   // ordinary host memory
  std::shared_ptr<hal::Buffer> keep;
};

Result Runtime::locate(const void* pointer, uint64_t span, End* end) {
  uint64_t address = address_of(pointer);
  if (Allocation* allocation = addresses_.find(address)) {
    if (span > allocation->size - (address - allocation->address))
      return {phxErrorInvalidValue, "the range of " + std::to_string(span) + " bytes leaves the allocation of " +
                                        std::to_string(allocation->size) + " bytes that it starts in"};
    end->keep = allocation->buffer;
    if (allocation->on_host()) {
      end->memory = hal::MemoryRef::on_host(pointer);
    } else {
      end->on_device = true;
      end->memory = hal::MemoryRef::in(allocation->buffer, allocation->buffer_offset + (address - allocation->address));
    }
    return {};
  }
  if (!may_be_host(address))
    return {phxErrorInvalidValue, "the pointer is neither host memory nor a live device allocation"};
  end->pageable = true;
  end->memory = hal::MemoryRef::on_host(pointer);
  return {};
}

Result Runtime::allocate(VisibleDevice& device, uint64_t size, void** pointer, const char* what) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  clock().advance(device.costs().allocate);
  hal::BufferSpec spec;
  spec.size = size;
  if (device.group().size() == 1)
    spec.placement = hal::Placement::on(0);
  else
    spec.placement = settings_.placement == Spread::blocked ? hal::Placement::blocked() : hal::Placement::interleaved();
  spec.label = what + std::string(" #") + std::to_string(++allocations_made_);
  auto buffer = device.group().allocate(std::move(spec));
  if (!buffer) return result_of(buffer.status());
  uint64_t address = (*buffer)->address();
  addresses_.add({MemoryKind::device, address, size, device.index(), std::move(*buffer), 0, 0});
  *pointer = reinterpret_cast<void*>(address);
  return {};
}

Result Runtime::allocate_host(VisibleDevice& device, uint64_t size, MemoryKind kind, unsigned flags, void** pointer) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  clock().advance(device.costs().allocate);
  uint64_t rounded = (size + kHostAlignment - 1) & ~(kHostAlignment - 1);
  void* memory = rounded >= size ? std::aligned_alloc(kHostAlignment, rounded) : nullptr;
  if (!memory) return {phxErrorMemoryAllocation, "the host has no " + std::to_string(size) + " bytes left"};
  std::memset(memory, 0, rounded);
  std::string label =
      (kind == MemoryKind::managed ? "managed memory #" : "pinned memory #") + std::to_string(++allocations_made_);
  auto buffer = all_->import_host(memory, size, std::move(label));
  if (!buffer) {
    std::free(memory);
    return result_of(buffer.status());
  }
  addresses_.add({kind, address_of(memory), size, device.index(), std::move(*buffer), 0, flags});
  *pointer = memory;
  return {};
}

Result Runtime::free(void* pointer) {
  auto guard = lock();
  if (!pointer) return {};
  Allocation* allocation = addresses_.starting_at(address_of(pointer));
  if (!allocation || allocation->kind == MemoryKind::registered || allocation->kind == MemoryKind::variable)
    return {phxErrorInvalidValue, "the pointer is not the start of a live allocation"};
  // Work of its device may still use it; host memory may be used by all devices.
  Result result;
  for (const auto& device : devices_) {
    if (allocation->device != device->index() && !allocation->on_host()) continue;
    if (Result one = synchronize(*device); !one.ok() && result.ok()) result = one;
  }
  if (!result.ok() && result.code == kErrorNotPermitted) return result;
  if (VisibleDevice* owner = device(allocation->device)) clock().advance(owner->costs().free);
  bool ours = allocation->on_host();
  addresses_.remove(address_of(pointer));
  if (ours) std::free(pointer);
  return result;
}

Result Runtime::free_async(void* pointer, Stream* stream) {
  auto guard = lock();
  if (!pointer) return {};
  Allocation* allocation = addresses_.starting_at(address_of(pointer));
  if (!allocation || allocation->kind != MemoryKind::device)
    return {phxErrorInvalidValue, "the pointer is not the start of a live device allocation"};
  hal::CommandBuffer commands;
  commands.host_call([buffer = allocation->buffer](hal::SimTime) mutable { buffer.reset(); });
  Result result = enqueue(*stream, hal::EngineKind::compute, std::move(commands), stream->device->costs().free);
  if (result.ok()) addresses_.remove(address_of(pointer));
  return result;
}

Result Runtime::register_host(VisibleDevice& device, void* memory, uint64_t size, unsigned flags) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  clock().advance(device.costs().call);
  if (!memory || size == 0 || !may_be_host(address_of(memory)))
    return {phxErrorInvalidValue, "there is no such host memory"};
  auto buffer = all_->import_host(memory, size, "registered host memory #" + std::to_string(++allocations_made_));
  if (!buffer) return {phxErrorHostMemoryAlreadyRegistered, buffer.status().message()};
  addresses_.add({MemoryKind::registered, address_of(memory), size, device.index(), std::move(*buffer), 0, flags});
  return {};
}

Result Runtime::unregister_host(void* memory) {
  auto guard = lock();
  Allocation* allocation = addresses_.starting_at(address_of(memory));
  if (!allocation || allocation->kind != MemoryKind::registered)
    return {phxErrorHostMemoryNotRegistered, "the host memory is not registered"};
  Result result;
  for (const auto& device : devices_)
    if (Result one = synchronize(*device); !one.ok() && result.ok()) result = one;
  addresses_.remove(address_of(memory));
  return result;
}

std::optional<Allocation> Runtime::lookup(const void* pointer) {
  auto guard = lock();
  Allocation* allocation = addresses_.find(address_of(pointer));
  if (!allocation) return std::nullopt;
  return *allocation;
}

Result Runtime::copy(Stream* stream, void* to, const void* from, const hal::Region& region, Direction direction,
                     bool wait) {
  auto guard = lock();
  VisibleDevice& device = *stream->device;
  if (Result result = usable(device); !result.ok()) return result;
  if (region.total_bytes() == 0) {
    clock().advance(device.costs().call);
    return {};
  }
  End destination, source;
  uint64_t to_span = span_of(region, region.destination_row_pitch, region.destination_plane_pitch);
  uint64_t from_span = span_of(region, region.source_row_pitch, region.source_plane_pitch);
  if (Result result = locate(to, to_span, &destination); !result.ok())
    return {result.code, "destination: " + result.message};
  if (Result result = locate(from, from_span, &source); !result.ok()) return {result.code, "source: " + result.message};

  bool to_device = direction == Direction::host_to_device || direction == Direction::device_to_device;
  bool from_device = direction == Direction::device_to_host || direction == Direction::device_to_device;
  if (direction != Direction::any) {
    // Pinned and managed memory may stand on either side.
    if (to_device ? destination.pageable : destination.on_device)
      return {phxErrorInvalidValue,
              std::string("the destination is not ") + (to_device ? "device" : "host") + " memory"};
    if (from_device ? source.pageable : source.on_device)
      return {phxErrorInvalidValue, std::string("the source is not ") + (from_device ? "device" : "host") + " memory"};
  }

  hal::Copy copy{destination.memory, source.memory, region};
  if (!wait && source.pageable) {
    // The program may change its memory as soon as the call returns.
    copy.source = hal::MemoryRef::staged(snapshot(from, region));
    copy.region.source_row_pitch = copy.region.source_plane_pitch = 0;
  }
  hal::CommandBuffer commands;
  commands.copy(std::move(copy));
  if (Result result = enqueue(*stream, hal::EngineKind::copy, std::move(commands), device.costs().copy); !result.ok())
    return result;
  return wait || destination.pageable ? synchronize(stream) : Result();
}

Result Runtime::fill(Stream* stream, void* pointer, int value, const hal::Region& region, bool wait) {
  auto guard = lock();
  VisibleDevice& device = *stream->device;
  if (Result result = usable(device); !result.ok()) return result;
  if (region.total_bytes() == 0) {
    clock().advance(device.costs().call);
    return {};
  }
  End end;
  uint64_t span = span_of(region, region.destination_row_pitch, region.destination_plane_pitch);
  if (Result result = locate(pointer, span, &end); !result.ok()) return result;
  if (end.pageable) return {phxErrorInvalidValue, "the memory to fill is not known to the device"};
  hal::Fill fill{end.memory, region, {static_cast<std::byte>(value)}, 1};
  hal::CommandBuffer commands;
  commands.fill(std::move(fill));
  if (Result result = enqueue(*stream, hal::EngineKind::copy, std::move(commands), device.costs().fill); !result.ok())
    return result;
  return wait ? synchronize(stream) : Result();
}

}  // namespace phx::rt
