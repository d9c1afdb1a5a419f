// ServiceRing: what a running kernel asks of the host: printf, assert, malloc and free, device-side launch.
//
// One ring per device. Output (print, assertion) is queued, in the order in which the device served it, until the
// host drains it at a synchronisation point. Questions (allocate, release, launch) need an answer before the kernel
// can go on: the driver asks the handler the host has installed, from the thread that runs the device. Without a
// handler an allocation answers 0 and a launch is refused.
#pragma once

#include <phalanx/hal/buffer.h>
#include <phalanx/hal/command_buffer.h>
#include <phalanx/hal/sim_time.h>
#include <phalanx/hal/status.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace phx::hal {

// Who asks, and when.
struct ServiceOrigin {
  DeviceOrdinal device = 0;
  std::string kernel;
  Extent block{0, 0, 0}, thread{0, 0, 0};  // coordinates
  SimTime when = 0;
};

// Text a kernel printed, formatted: the driver has resolved format strings and %s arguments.
struct PrintRecord {
  ServiceOrigin origin;
  std::string text;
};

// A failed assert. The dispatch ends with device_fault after the ring has been filled.
struct AssertRecord {
  ServiceOrigin origin;
  std::string expression, file, function;
  uint32_t line = 0;
};

// A kernel started by a kernel.
struct LaunchRequest {
  ServiceOrigin origin;
  std::string entry;
  Extent grid, block;
  uint64_t dynamic_shared = 0;
  std::vector<std::byte> arguments;
};

class ServiceHandler {
 public:
  virtual ~ServiceHandler() = default;
  virtual Address allocate(const ServiceOrigin& origin, uint64_t size) = 0;  // 0: no memory
  virtual void release(const ServiceOrigin& origin, Address address) = 0;
  virtual Status launch(const LaunchRequest& request) = 0;
};

// Thread-safe. Bounded like a real ring: print records beyond `capacity` bytes of text since the last drain are
// dropped and counted.
class ServiceRing {
 public:
  explicit ServiceRing(uint64_t capacity = 64u << 20) : capacity_(capacity) {}

  // Host side.
  void set_handler(ServiceHandler* handler);
  struct Output {
    std::vector<PrintRecord> prints;
    std::vector<AssertRecord> asserts;
    uint64_t dropped_prints = 0;
  };
  Output drain();
  void set_capacity(uint64_t bytes);
  uint64_t capacity() const;

  // Driver side.
  void print(PrintRecord record);
  void assertion(AssertRecord record);
  ServiceHandler* handler() const;

 private:
  mutable std::mutex mutex_;
  ServiceHandler* handler_ = nullptr;
  Output output_;
  uint64_t held_ = 0;  // bytes of text in output_
  uint64_t capacity_;
};

}  // namespace phx::hal
