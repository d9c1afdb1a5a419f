// Device: what a driver enumerates. One last-level cache, one launch queue: a die of a 910C, a package of a 950.
//
// A Device only answers questions. Everything that does something (allocate, load, submit) is asked of a Group, and
// a group of one is the way to address a single device.
#pragma once

#include <phalanx/hal/status.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace phx::hal {

class Driver;
class ServiceRing;

// Index of a device within its driver: 0 .. driver->device_count() - 1. A slice of a group keeps these numbers.
using DeviceOrdinal = uint32_t;

using PropertyValue = std::variant<int64_t, double, std::string>;

class Device {
 public:
  Device(Driver* driver, DeviceOrdinal ordinal) : driver_(driver), ordinal_(ordinal) {}

  DeviceOrdinal ordinal() const { return ordinal_; }

  // The keys, their types and units are the rows of property.def; drivers may add their own under "<driver>.".
  // not_found for a key the driver does not have; invalid_argument for a key of another type.
  StatusOr<int64_t> integer(std::string_view key) const;
  StatusOr<double> real(std::string_view key) const;
  StatusOr<std::string> text(std::string_view key) const;

  // What the device asks of the host: see service_ring.h.
  ServiceRing& service_ring() const;

 private:
  Driver* driver_;  // outlives this: groups keep their driver alive
  DeviceOrdinal ordinal_;
};

}  // namespace phx::hal
