// What a driver brings to the conformance suite: how to open it, and an executable it can run.
#pragma once

#include <phalanx/hal/instance.h>

#include <optional>
#include <string>
#include <vector>

namespace cts {

struct Subject {
  phx::hal::DriverKind kind;
  phx::hal::Config config;  // for `devices` devices
  std::vector<std::byte> executable;
  std::string fill_kernel;   // arguments: u64 address, u32 value, u32 count; element i = value + i
  std::string fault_kernel;  // same arguments; stores to an address nobody owns. Empty: the driver cannot fault
  std::string symbol;        // a variable of at least 4 bytes in the executable; empty: none
};

// Defined once per driver, in <driver>_subject.cpp.
Subject subject(uint32_t devices);

// An opened driver with everything a test needs at hand.
struct Bench : phx::hal::Telemetry {
  explicit Bench(uint32_t devices = 2);

  phx::hal::Submission submission(phx::hal::CommandBuffer commands, std::vector<phx::hal::Point> waits,
                                  std::vector<phx::hal::Point> signals);
  // Runs one command on a fresh queue of `group` and waits for it.
  phx::hal::Status run(phx::hal::EngineKind kind, phx::hal::CommandBuffer commands);
  std::vector<uint32_t> read(const std::shared_ptr<phx::hal::Buffer>& buffer, uint64_t count);
  phx::hal::Dispatch fill_dispatch(const std::shared_ptr<phx::hal::Buffer>& buffer, uint32_t value, uint32_t count);
  std::shared_ptr<phx::hal::Executable> executable();

  void kernel(const phx::hal::KernelRecord& record) override { kernels.push_back(record); }
  void fault(const phx::hal::FaultRecord& record) override { faults.push_back(record); }

  Subject subject;
  phx::hal::Instance instance;
  std::shared_ptr<phx::hal::Driver> driver;
  std::optional<phx::hal::Group> group;
  std::vector<phx::hal::KernelRecord> kernels;
  std::vector<phx::hal::FaultRecord> faults;
};

}  // namespace cts
