// Driver: one opened machine. What an implementer of a new backend writes; docs/add_a_driver.md walks through it.
//
// All state of a driver hangs off its object: two drivers of the same kind in one process share nothing. Users hold
// Groups, whose calls end up in the do_ members below, already checked against the rules of the public headers, so a
// driver implements only what is its own. Calls may come from several host threads at once.
#pragma once

#include <phalanx/hal/config.h>
#include <phalanx/hal/group.h>
#include <phalanx/hal/telemetry.h>

#include <memory>
#include <string>
#include <vector>

namespace phx::hal {

// A number behind the results, and what it rests on.
struct MachineNumber {
  std::string key, value;  // "memory.hbm.bandwidth", "1.6 TB/s"
  std::string tag;         // "published", "vendor", "measured", "fitted", "projected", "guessed"
  std::string source;
};

// What a driver says about the machine it opened.
struct MachineFacts {
  std::string name;            // "cloudmatrix-384"
  std::string mode;            // "timed", "functional", ...
  uint32_t devices_total = 0;  // of the whole machine; the driver may have opened fewer
  std::string weakest_source;  // weakest tag behind any number used
  double idle_watts = 0;       // of one device at rest
  std::vector<std::string> warnings;
  // What one device can do: "aic" and "aiv" (cores), "cube_<type>", "vector_<type>", "simt_<type>" (operations/s, a
  // multiply-accumulate is two), "hbm", "l2_read", "l2_write" (bytes/s), "simt_issue" (instructions/cycle of a core).
  std::vector<Amount> peaks;
  std::vector<MachineNumber> numbers;
};

class Driver : public std::enable_shared_from_this<Driver> {
 public:
  virtual ~Driver() = default;

  virtual const MachineFacts& facts() const = 0;
  // Whether kernels and copies have effects (sim) or are only accepted (null).
  virtual bool executes() const = 0;

  // All opened devices.
  StatusOr<Group> devices();
  virtual const Topology& topology() const = 0;
  uint32_t device_count() const { return topology().size(); }

  // Sends LinkRecords and final counters to the sink given at open. Work submitted before is included.
  virtual void summarize() = 0;

  // Asks a running dispatch to stop soon; from any thread or signal handler.
  virtual void cancel() = 0;

 protected:
  friend class Device;
  friend class Group;

  virtual StatusOr<PropertyValue> do_property(DeviceOrdinal device, std::string_view key) const = 0;
  virtual ServiceRing& do_service_ring(DeviceOrdinal device) = 0;
  virtual StatusOr<std::unique_ptr<Queue>> do_create_queue(const Group& group, EngineKind kind) = 0;
  virtual StatusOr<std::shared_ptr<Buffer>> do_allocate(const Group& group, const BufferSpec& spec) = 0;
  virtual StatusOr<std::shared_ptr<Buffer>> do_import_host(const Group& group, void* memory, uint64_t size,
                                                           const std::string& label) = 0;
  virtual StatusOr<std::shared_ptr<Executable>> do_load(const Group& group, std::span<const std::byte> bytes,
                                                        const std::string& label) = 0;
  virtual StatusOr<uint64_t> do_measure(const void* start) const = 0;
  virtual std::shared_ptr<Semaphore> do_create_semaphore(uint64_t initial) = 0;
};

// How a driver is found by name and opened: one per kind of driver, registered with an Instance.
struct DriverKind {
  std::string name;                 // "sim", "null"
  std::string meaning;              // one line
  std::vector<OptionInfo> options;  // every key open() accepts
  // The Instance has already refused unknown keys. `sink` may be null.
  StatusOr<std::shared_ptr<Driver>> (*open)(const Config& config, Telemetry* sink) = nullptr;
};

}  // namespace phx::hal
