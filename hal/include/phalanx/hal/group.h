// Group: the devices work is addressed to. Everything is a group; a single device is a group of one.
//
// A group owns its devices (it keeps the driver alive) and an immutable Topology of them. There is one class for one
// device and for a thousand: no call below is only for single devices or only for many, and the host cost of a call
// does not grow with the number of members where the device side is the same for all. A slice of a group is a group.
//
// What a group grants: buffers and executables made by a group may be used by queues of any group of the same driver
// whose members are a subset; addresses mean the same on all of them.
#pragma once

#include <phalanx/hal/buffer.h>
#include <phalanx/hal/device.h>
#include <phalanx/hal/executable.h>
#include <phalanx/hal/queue.h>
#include <phalanx/hal/semaphore.h>
#include <phalanx/hal/topology.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace phx::hal {

class Driver;

class Group {
 public:
  // Devices first .. first+topology.size()-1 of a driver. Callers get groups from Driver::devices() and slice().
  Group(std::shared_ptr<Driver> driver, DeviceOrdinal first, Topology topology);

  uint32_t size() const { return topology_.size(); }
  Device device(uint32_t member) const;  // member < size()
  DeviceOrdinal first() const { return first_; }
  const Topology& topology() const { return topology_; }
  Driver& driver() const { return *driver_; }

  // Members first .. first+count-1. invalid_argument if out of range or empty.
  StatusOr<Group> slice(uint32_t first, uint32_t count) const;

  StatusOr<std::unique_ptr<Queue>> create_queue(EngineKind kind) const;

  // out_of_memory names what was asked for and what is left on the fullest member.
  StatusOr<std::shared_ptr<Buffer>> allocate(BufferSpec spec) const;

  // Makes host memory visible to the devices at its own address. The caller keeps it alive and unmoved until the
  // buffer is gone. invalid_argument if it overlaps memory already imported.
  StatusOr<std::shared_ptr<Buffer>> import_host(void* memory, uint64_t size, std::string label) const;

  // Checks and loads an executable for all members. Its variables have one home (member 0), its constants a replica
  // on every member.
  StatusOr<std::shared_ptr<Executable>> load(std::span<const std::byte> bytes, std::string label) const;

  // How many bytes an executable has, by its own header: for host programs that embed one and know only where it
  // starts. data_corrupt if it does not begin like an executable of this driver.
  StatusOr<uint64_t> measure(const void* start) const;

  std::shared_ptr<Semaphore> create_semaphore(uint64_t initial = 0) const;

 private:
  std::shared_ptr<Driver> driver_;
  DeviceOrdinal first_;
  Topology topology_;
};

}  // namespace phx::hal
