#include <phalanx/hal/drivers/sim.h>

#include <phalanx/hal/software_queue.h>

#include "hal/drivers/sim/executable.h"
#include "hal/drivers/sim/execution.h"
#include "hal/drivers/sim/machine_facts.h"
#include "hal/drivers/sim/memory.h"
#include "hal/drivers/sim/options.h"
#include "hal/drivers/sim/properties.h"

namespace phx::hal::sim {
namespace {

class SimDriver final : public Driver {
 public:
  SimDriver(std::shared_ptr<MachineState> state, Topology topology, Telemetry* sink, double watchdog_seconds)
      : machine_(std::move(state)), topology_(std::move(topology)), sink_(sink) {
    const machine::Machine& machine = machine_->system->machine();
    properties_ = property_table(machine);
    execution_ = std::make_unique<Execution>(machine_, sink, watchdog_seconds);
    scheduler_ = std::make_shared<SubmissionScheduler>(
        [this](const Group& group, EngineKind, const Submission& submission, SimTime ready) {
          return execution_->run(group, submission, ready);
        });
    facts_.name = machine.name;
    const phx::sim::Mode mode = machine_->system->options().mode;
    facts_.mode = mode == phx::sim::Mode::timed        ? "timed"
                  : mode == phx::sim::Mode::functional ? "functional"
                                                       : "timing-only";
    facts_.devices_total = static_cast<uint32_t>(machine.system.devices());
    facts_.idle_watts = machine.chip.power.idle_watts;
    facts_.weakest_source = std::string(machine::name_of(machine::weakest_tag(machine)));
    facts_.peaks = peaks_of(machine);
    facts_.numbers = numbers_of(machine);
    if (machine.chip.simt.kind == machine::SimtKind::Virtual)
      facts_.warnings.push_back("SIMT code is a virtual extension of '" + machine.name +
                                "'; the real chip does not run it");
    if (mode == phx::sim::Mode::functional)
      facts_.warnings.push_back("functional mode: times are nominal, not estimates");
    if (mode == phx::sim::Mode::timing_only)
      facts_.warnings.push_back("timing-only mode: kernels move no data, results are meaningless");
  }

  const MachineFacts& facts() const override { return facts_; }
  bool executes() const override { return true; }
  const Topology& topology() const override { return topology_; }
  void cancel() override { execution_->cancel(); }

  void summarize() override {
    std::lock_guard lock(machine_->mutex);
    if (!sink_) return;
    for (const auto& [name, traffic] : execution_->traffic()) {
      LinkRecord record;
      record.level = name;
      record.bytes = traffic.bytes;
      record.transfers = traffic.transfers;
      record.busy_seconds = traffic.busy_seconds;
      for (const Level& level : topology_.levels()) {
        if (level.name != name) continue;
        record.name = level.link.name;
        record.bandwidth = level.link.read_bandwidth;
        record.latency = level.link.latency;
      }
      sink_->link(record);
    }
    const phx::sim::AddressSpace& memory = machine_->system->memory();
    for (uint16_t device = 0; device < machine_->system->devices(); ++device)
      if (memory.peak(device)) sink_->memory({device, memory.capacity(), memory.used(device), memory.peak(device)});
  }

 protected:
  StatusOr<PropertyValue> do_property(DeviceOrdinal device, std::string_view key) const override {
    if (key == "package") return PropertyValue(static_cast<int64_t>(topology_.unit_of(device, 0)));
    if (key == "memory.free") {
      std::lock_guard lock(machine_->mutex);
      const phx::sim::AddressSpace& memory = machine_->system->memory();
      return PropertyValue(static_cast<int64_t>(memory.capacity() - memory.used(static_cast<uint16_t>(device))));
    }
    auto found = properties_.find(key);
    if (found == properties_.end())
      return Status(Code::not_found, "the machine has no property '" + std::string(key) + "'");
    return found->second;
  }
  ServiceRing& do_service_ring(DeviceOrdinal device) override { return execution_->ring(device); }
  StatusOr<std::unique_ptr<Queue>> do_create_queue(const Group& group, EngineKind kind) override {
    return scheduler_->create_queue(group, kind);
  }
  std::shared_ptr<Semaphore> do_create_semaphore(uint64_t initial) override {
    return scheduler_->create_semaphore(initial);
  }
  StatusOr<std::shared_ptr<Buffer>> do_allocate(const Group& group, const BufferSpec& spec) override {
    return allocate(machine_, group, spec);
  }
  StatusOr<std::shared_ptr<Buffer>> do_import_host(const Group&, void* memory, uint64_t size,
                                                   const std::string& label) override {
    return import_host(machine_, memory, size, label);
  }
  StatusOr<std::shared_ptr<Executable>> do_load(const Group& group, std::span<const std::byte> bytes,
                                                const std::string& label) override {
    return SimExecutable::load(machine_, group, bytes, label);
  }
  StatusOr<uint64_t> do_measure(const void* start) const override { return measure(start); }

 private:
  std::shared_ptr<MachineState> machine_;
  Topology topology_;
  Telemetry* sink_;
  MachineFacts facts_;
  PropertyTable properties_;
  std::unique_ptr<Execution> execution_;
  std::shared_ptr<SubmissionScheduler> scheduler_;
};

StatusOr<std::shared_ptr<Driver>> open(const Config& config, Telemetry* sink) {
  auto options = read_options(config);
  if (!options) return options.status();
  auto machine = machine::load(options->machine, options->overrides);
  if (!machine) return status_of(Code::invalid_argument, machine.diagnostic());
  options->system.devices = options->devices.value_or(static_cast<unsigned>(machine->system.devices()));
  auto topology = topology_of(*machine, options->system.devices);
  auto state = std::make_shared<MachineState>();
  if (!options->trace.empty()) {
    auto trace = phx::sim::TraceSink::open(options->trace);
    if (!trace) return status_of(Code::invalid_argument, trace.diagnostic());
    state->trace = std::move(*trace);
    options->system.trace = state->trace.get();
  }
  auto system = phx::sim::System::create(std::move(*machine), options->system);
  if (!system) return status_of(Code::invalid_argument, system.diagnostic());
  if (!topology) return topology.status();
  state->system = std::move(*system);
  return std::shared_ptr<Driver>(
      std::make_shared<SimDriver>(std::move(state), std::move(*topology), sink, options->watchdog_seconds));
}

}  // namespace

DriverKind driver_kind() { return {"sim", "the virtual device, simulated", option_table(), &open}; }

}  // namespace phx::hal::sim
