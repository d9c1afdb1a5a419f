// Execution: runs the commands of one submission on the System and keeps the engines' books.
#pragma once

#include <phalanx/hal/queue.h>
#include <phalanx/hal/service_ring.h>
#include <phalanx/hal/telemetry.h>

#include <atomic>
#include <deque>
#include <map>

#include "hal/drivers/sim/concurrent_work.h"
#include "hal/drivers/sim/engines.h"
#include "hal/drivers/sim/machine_state.h"

namespace phx::hal::sim {

class Execution {
 public:
  Execution(std::shared_ptr<MachineState> machine, Telemetry* sink, double watchdog_seconds);

  // Runs everything and says when it ended. A fault goes to telemetry and comes back as device_fault.
  StatusOr<SimTime> run(const Group& group, const Submission& submission, SimTime ready);

  ServiceRing& ring(DeviceOrdinal device) { return rings_[device]; }
  void cancel() { cancel_.store(true, std::memory_order_relaxed); }
  // Bytes and busy time per level of the topology, for Driver::summarize.
  struct LevelTraffic {
    uint64_t bytes = 0, transfers = 0;
    double busy_seconds = 0;
  };
  const std::map<std::string, LevelTraffic>& traffic() const { return traffic_; }

 private:
  struct Context {
    const Group& group;
    const Submission& submission;
    std::vector<uint16_t> members;
    SimTime start;  // nothing before
  };
  StatusOr<SimTime> copy(const Context& at, const Copy& command);
  StatusOr<SimTime> fill(const Context& at, const Fill& command);
  StatusOr<SimTime> dispatch(const Context& at, const Dispatch& command);
  StatusOr<SimTime> launch(const Context& at, const Dispatch& command, std::vector<uint16_t> members,
                           std::span<const std::byte> arguments);
  StatusOr<SimTime> collective(const Context& at, const Collective& command);
  // Racecheck: compares a piece of work with what may run beside it.
  Status beside(const Context& at, ConcurrentWork::Work work, SimTime end);
  void touch(phx::sim::Footprint& footprint, const MemoryRef& memory, const Context& at, uint64_t offset,
             uint64_t bytes, bool write) const;
  Status faulted(const phx::sim::Fault& fault, const std::string& label);
  void serve(std::span<const phx::sim::ServiceRecord> records, const std::string& kernel, SimTime when);
  void span(const Context& at, const std::string& track, const char* name, const char* category, SimTime start,
            SimTime end, uint64_t bytes, uint64_t digest = 0, const phx::sim::Energy& energy = {},
            const std::string& link = {});

  std::shared_ptr<MachineState> machine_;
  Telemetry* sink_;
  double watchdog_seconds_;
  Engines engines_;
  std::deque<ServiceRing> rings_;
  std::atomic<bool> cancel_ = false;
  std::map<std::string, LevelTraffic> traffic_;
  ConcurrentWork concurrent_;  // racecheck
};

}  // namespace phx::hal::sim
