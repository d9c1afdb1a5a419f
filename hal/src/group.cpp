#include <phalanx/hal/driver.h>
#include <phalanx/hal/group.h>

#include <bit>

namespace phx::hal {
namespace {

template <class T>
StatusOr<T> typed(StatusOr<PropertyValue> value, std::string_view key, const char* type) {
  if (!value) return value.status();
  if (T* held = std::get_if<T>(&*value)) return *held;
  return Status(Code::invalid_argument, "property '" + std::string(key) + "' is not " + type);
}

}  // namespace

StatusOr<int64_t> Device::integer(std::string_view key) const {
  return typed<int64_t>(driver_->do_property(ordinal_, key), key, "an integer");
}

StatusOr<double> Device::real(std::string_view key) const {
  return typed<double>(driver_->do_property(ordinal_, key), key, "a real number");
}

StatusOr<std::string> Device::text(std::string_view key) const {
  return typed<std::string>(driver_->do_property(ordinal_, key), key, "a text");
}

ServiceRing& Device::service_ring() const { return driver_->do_service_ring(ordinal_); }

Group::Group(std::shared_ptr<Driver> driver, DeviceOrdinal first, Topology topology)
    : driver_(std::move(driver)), first_(first), topology_(std::move(topology)) {}

Device Group::device(uint32_t member) const { return Device(driver_.get(), first_ + member); }

StatusOr<Group> Group::slice(uint32_t first, uint32_t count) const {
  auto part = topology_.slice(first, count);
  if (!part) return part.status();
  return Group(driver_, first_ + first, std::move(*part));
}

StatusOr<std::unique_ptr<Queue>> Group::create_queue(EngineKind kind) const {
  return driver_->do_create_queue(*this, kind);
}

StatusOr<std::shared_ptr<Buffer>> Group::allocate(BufferSpec spec) const {
  if (spec.size == 0) return Status(Code::invalid_argument, "a buffer needs at least one byte");
  if (!std::has_single_bit(spec.alignment))
    return Status(Code::invalid_argument, "alignment " + std::to_string(spec.alignment) + " is not a power of two");
  if (spec.placement.kind == Placement::Kind::host)
    return Status(Code::invalid_argument, "host memory is imported, not allocated");
  if (spec.placement.kind == Placement::Kind::on && spec.placement.member >= size())
    return Status(Code::invalid_argument, "placement names member " + std::to_string(spec.placement.member) +
                                              " of a group of " + std::to_string(size()));
  return driver_->do_allocate(*this, spec);
}

StatusOr<std::shared_ptr<Buffer>> Group::import_host(void* memory, uint64_t size, std::string label) const {
  if (!memory || size == 0) return Status(Code::invalid_argument, "no host memory to import");
  return driver_->do_import_host(*this, memory, size, label);
}

StatusOr<std::shared_ptr<Executable>> Group::load(std::span<const std::byte> bytes, std::string label) const {
  return driver_->do_load(*this, bytes, label);
}

StatusOr<uint64_t> Group::measure(const void* start) const {
  if (!start) return Status(Code::invalid_argument, "no executable to measure");
  return driver_->do_measure(start);
}

std::shared_ptr<Semaphore> Group::create_semaphore(uint64_t initial) const {
  return driver_->do_create_semaphore(initial);
}

StatusOr<Group> Driver::devices() { return Group(shared_from_this(), 0, topology()); }

}  // namespace phx::hal
