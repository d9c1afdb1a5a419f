#include "hal/drivers/sim/execution.h"

#include <phalanx/hal/print_format.h>

#include <chrono>
#include <cmath>
#include <cstring>

#include "hal/drivers/sim/collective.h"
#include "hal/drivers/sim/executable.h"
#include "hal/drivers/sim/records.h"

namespace phx::hal::sim {
namespace {

SimTime picoseconds(double seconds) { return static_cast<SimTime>(std::llround(seconds * kPicosecondsPerSecond)); }

// One end of a copy: a device address or host memory.
struct End {
  uint64_t device = 0;
  std::byte* host = nullptr;
  End operator+(uint64_t offset) const { return host ? End{0, host + offset} : End{device + offset, nullptr}; }
};

End end_of(const MemoryRef& memory, const Bindings& bindings) {
  if (memory.host) return {0, static_cast<std::byte*>(memory.host) + memory.offset};
  Binding place = resolve(memory, bindings);
  return {place.buffer->address() + place.offset, nullptr};
}

// Calls `row(destination offset, source offset)` for every row, merging rows that are adjacent on both sides.
template <class Row>
void each_run(const Region& r, Row row) {
  uint64_t to_row = r.destination_row_pitch ? r.destination_row_pitch : r.row_bytes;
  uint64_t from_row = r.source_row_pitch ? r.source_row_pitch : r.row_bytes;
  uint64_t to_plane = r.destination_plane_pitch ? r.destination_plane_pitch : to_row * r.rows;
  uint64_t from_plane = r.source_plane_pitch ? r.source_plane_pitch : from_row * r.rows;
  bool rows_merge = to_row == r.row_bytes && from_row == r.row_bytes;
  bool planes_merge = rows_merge && to_plane == r.row_bytes * r.rows && from_plane == to_plane;
  if (planes_merge) return row(0, 0, r.total_bytes());
  for (uint64_t p = 0; p < r.planes; ++p) {
    if (rows_merge) {
      row(p * to_plane, p * from_plane, r.row_bytes * r.rows);
      continue;
    }
    for (uint64_t y = 0; y < r.rows; ++y) row(p * to_plane + y * to_row, p * from_plane + y * from_row, r.row_bytes);
  }
}

// A transfer in runs takes the latency once: the first run's time, stretched by the bytes of the others at the rate
// that a run of the whole length would have. Two probes of the path give latency and rate.
class TransferTime {
 public:
  void add(double seconds, uint64_t bytes) {
    if (runs_ == 0 || bytes > longest_bytes_) longest_bytes_ = bytes, longest_ = seconds;
    if (runs_++ == 0) first_ = seconds;
    bytes_ += bytes;
    sum_ += seconds;
  }
  // `latency`: of one access on this path.
  double total(double latency) const {
    if (runs_ < 2) return sum_;
    return std::max(sum_ - latency * static_cast<double>(runs_ - 1), longest_);
  }

 private:
  uint64_t runs_ = 0, bytes_ = 0, longest_bytes_ = 0;
  double first_ = 0, longest_ = 0, sum_ = 0;
};

constexpr double kNanosecond = 1e-9;

// What tells two results apart, eight bytes at a time; not cryptographic. Never 0.
uint64_t digest_of(const std::byte* bytes, uint64_t size, uint64_t digest) {
  auto mix = [&](uint64_t word) {
    digest = (digest ^ word) * 0x9e3779b97f4a7c15ull;
    digest ^= digest >> 29;
  };
  mix(size);
  uint64_t at = 0, word = 0;
  for (; at + 8 <= size; at += 8) {
    std::memcpy(&word, bytes + at, 8);
    mix(word);
  }
  word = 0;
  std::memcpy(&word, bytes + at, size - at);
  mix(word);
  return digest ? digest : 1;
}

}  // namespace

Execution::Execution(std::shared_ptr<MachineState> machine, Telemetry* sink, double watchdog_seconds)
    : machine_(std::move(machine)),
      sink_(sink),
      watchdog_seconds_(watchdog_seconds),
      engines_(machine_->system->devices(), Cores{static_cast<uint64_t>(machine_->system->machine().chip.aiv),
                                                  static_cast<uint64_t>(machine_->system->machine().chip.aic)}) {
  for (unsigned i = 0; i < machine_->system->devices(); ++i) rings_.emplace_back();
}

StatusOr<SimTime> Execution::run(const Group& group, const Submission& submission, SimTime ready) {
  if (!submission.commands) return ready;
  Context at{group, submission, members_of(group), ready};
  SimTime end = ready;
  for (const Command& command : submission.commands->commands()) {
    StatusOr<SimTime> done = at.start;
    if (std::holds_alternative<Barrier>(command)) {
      at.start = end;
      continue;
    }
    if (auto* host = std::get_if<HostCall>(&command)) {
      at.start = end;  // a host call is ordered on both sides, as if between barriers
      host->call(end);
      continue;
    }
    {
      std::lock_guard lock(machine_->mutex);
      if (auto* it = std::get_if<Copy>(&command)) done = copy(at, *it);
      if (auto* it = std::get_if<Fill>(&command)) done = fill(at, *it);
      if (auto* it = std::get_if<Dispatch>(&command)) done = dispatch(at, *it);
      if (auto* it = std::get_if<Collective>(&command)) done = collective(at, *it);
    }
    if (!done) return done;
    end = std::max(end, *done);
  }
  return end;
}

Status Execution::faulted(const phx::sim::Fault& fault, const std::string& label) {
  FaultRecord record = fault_record(fault);
  record.label = label;
  if (sink_) sink_->fault(record);
  return Status(fault.kind == phx::sim::FaultKind::cancelled ? Code::cancelled : Code::device_fault,
                std::string(fault_name(record.kind)) +
                    (record.kernel.empty() ? "" : " in kernel '" + record.kernel + "'") +
                    (record.file.empty() ? "" : " at " + record.file + ":" + std::to_string(record.line)));
}

static std::string record_name(const image::Kernel& kernel) {
  return kernel.display_name.empty() ? kernel.name : kernel.display_name;
}

// Device memory, and host memory that the device sees too; what the host alone sees is its own business.
void Execution::touch(phx::sim::Footprint& footprint, const MemoryRef& memory, const Context& at, uint64_t offset,
                      uint64_t bytes, bool write) const {
  const End end = end_of(memory, at.submission.bindings) + offset;
  const uint64_t address = end.host ? reinterpret_cast<uint64_t>(end.host) : end.device;
  if (end.host && !machine_->system->memory().find(address)) return;
  footprint.add(address, bytes, write, false, 0);
}

Status Execution::beside(const Context& at, ConcurrentWork::Work work, SimTime end) {
  work.where =
      (at.submission.label.empty() ? "" : at.submission.label + ", ") + "device " + std::to_string(at.group.first());
  auto fault = concurrent_.add(std::move(work), at.start, end, machine_->system->memory());
  return fault ? faulted(*fault, at.submission.label) : Status();
}

void Execution::span(const Context& at, const std::string& track, const char* name, const char* category, SimTime start,
                     SimTime end, uint64_t bytes, uint64_t digest, const phx::sim::Energy& energy,
                     const std::string& link) {
  const std::string device = "device " + std::to_string(at.group.first());
  if (phx::sim::TraceSink* trace = machine_->trace.get()) {
    constexpr double kMicroseconds = 1.0 / kPicosecondsPerMicrosecond;
    phx::sim::TraceSink::Argument arguments[] = {{"bytes", static_cast<double>(bytes)},
                                                 {"stream", 0, at.submission.label}};
    const double from = static_cast<double>(start) * kMicroseconds, until = static_cast<double>(end) * kMicroseconds;
    const uint32_t process = trace->process(device, phx::sim::TraceSink::kDevices + static_cast<int>(at.group.first()));
    trace->span(trace->free_lane(process, track, phx::sim::TraceSink::kCopies, from, until), name, from, until - from,
                arguments);
    if (!link.empty())
      trace->span(trace->free_lane(trace->process("links", phx::sim::TraceSink::kLinks), link, -1, from, until), name,
                  from, until - from, arguments);
  }
  if (!sink_) return;
  SpanRecord record;
  record.digest = digest;
  record.track = device + "/" + track;
  record.name = name;
  record.category = category;
  record.start = start;
  record.end = end;
  record.bytes = bytes;
  record.label = at.submission.label;
  for (const auto& [part, joules] : energy) record.energy.push_back({part, joules});
  sink_->span(record);
}

namespace {

// The link that a copy crosses, by the homes of its first bytes; 0 is the host's side. Empty within a device.
std::string link_name(phx::sim::System& system, uint64_t to, uint64_t from, uint16_t reader) {
  auto home = [&](uint64_t address) -> int {
    const phx::sim::Buffer* buffer = address ? system.memory().find(address) : nullptr;
    return !buffer || buffer->host ? -1 : buffer->home(address, reader);
  };
  const int source = home(from), target = home(to);
  auto name = [](int side) { return side < 0 ? std::string("host") : std::to_string(side); };
  if (source == target) return {};
  const std::string ends = name(source) + " -> " + name(target);
  if (source < 0 || target < 0) return ends;
  auto path = machine::path(system.machine(), source, target);
  return path ? std::string(path->level) + ": " + ends + " copies" : ends;
}

}  // namespace

StatusOr<SimTime> Execution::copy(const Context& at, const Copy& command) {
  phx::sim::System& system = *machine_->system;
  const uint64_t bytes = command.region.total_bytes();
  if (bytes == 0) return at.start;
  End to = end_of(command.destination, at.submission.bindings), from = end_of(command.source, at.submission.bindings);
  std::optional<phx::sim::Fault> fault;
  TransferTime time;
  phx::sim::Energy energy;
  uint64_t digest = 0;
  each_run(command.region, [&](uint64_t to_offset, uint64_t from_offset, uint64_t run) {
    if (fault) return;
    End target = to + to_offset, source = from + from_offset;
    phx::sim::System::Transfer transfer;
    if (target.host && source.host)
      std::memmove(target.host, source.host, run);
    else if (target.host)
      transfer = system.read(target.host, source.device, run);
    else if (source.host)
      transfer = system.write(target.device, source.host, run);
    else
      transfer = system.copy(target.device, source.device, run,
                             at.members.size() == 1 ? std::optional(at.members.front()) : std::nullopt);
    fault = std::move(transfer.fault);
    time.add(transfer.seconds, run);
    for (const auto& [part, joules] : transfer.energy) energy[part] += joules;
    if (target.host && !source.host && !fault) digest = digest_of(target.host, run, digest);
  });
  if (fault) return faulted(*fault, at.submission.label);
  ConcurrentWork::Work work;
  if (machine_->system->options().checks.racecheck) {
    auto footprint = std::make_shared<phx::sim::Footprint>();
    each_run(command.region, [&](uint64_t to_offset, uint64_t from_offset, uint64_t run) {
      touch(*footprint, command.destination, at, to_offset, run, true);
      touch(*footprint, command.source, at, from_offset, run, false);
    });
    work.footprint = std::move(footprint);
  }
  if (to.host && from.host) {  // the host's own business, and free
    span(at, "copy host", "host to host", "copy", at.start, at.start, bytes);
    return at.start;
  }

  bool crosses_host = to.host || from.host;
  double latency = crosses_host ? system.machine().chip.host.link_latency_ns * kNanosecond : 0;
  const Lane lane = from.host ? Lane::to_device : to.host ? Lane::from_device : Lane::between_devices;
  const char* name = from.host ? "host to device" : to.host ? "device to host" : "device to device";
  SimTime start = engines_.lane_free(at.members, lane, at.start);
  SimTime end = start + picoseconds(time.total(latency));
  engines_.take_lane(at.members, lane, end);
  if (work.footprint) {
    work.name = std::string("a copy ") + name;
    if (Status status = beside(at, std::move(work), end); !status) return status;
  }
  const std::string link = machine_->trace ? link_name(system, to.device, from.device, at.members.front()) : "";
  span(at, std::string("copy ") + name, name, "copy", start, end, bytes, digest, energy, link);
  return end;
}

StatusOr<SimTime> Execution::fill(const Context& at, const Fill& command) {
  phx::sim::System& system = *machine_->system;
  const uint64_t bytes = command.region.total_bytes();
  if (bytes == 0) return at.start;
  End to = end_of(command.destination, at.submission.bindings);
  std::optional<phx::sim::Fault> fault;
  TransferTime time;
  phx::sim::Energy energy;
  // The pattern as the bytes of one run; the System fills with up to four bytes, wider patterns are written.
  std::vector<std::byte> wide;
  uint32_t pattern = 0;
  std::memcpy(&pattern, command.pattern.data(), std::min<uint32_t>(command.pattern_bytes, 4));
  Region region = command.region;
  region.source_row_pitch = region.source_plane_pitch = 0;
  if (region.destination_row_pitch == 0) region.destination_row_pitch = region.row_bytes;
  each_run(region, [&](uint64_t offset, uint64_t, uint64_t run) {
    if (fault) return;
    if (to.host || command.pattern_bytes == 8) {
      wide.resize(run);
      for (uint64_t i = 0; i < run; ++i) wide[i] = command.pattern[i % command.pattern_bytes];
    }
    phx::sim::System::Transfer transfer;
    if (to.host)
      std::memcpy(to.host + offset, wide.data(), run);
    else if (command.pattern_bytes == 8)
      transfer = system.write(to.device + offset, wide.data(), run);
    else
      transfer = system.fill(to.device + offset, pattern, command.pattern_bytes, run);
    fault = std::move(transfer.fault);
    time.add(transfer.seconds, run);
    for (const auto& [part, joules] : transfer.energy) energy[part] += joules;
  });
  if (fault) return faulted(*fault, at.submission.label);
  SimTime start = engines_.lane_free(at.members, Lane::between_devices, at.start);
  SimTime end = start + picoseconds(time.total(0));
  engines_.take_lane(at.members, Lane::between_devices, end);
  if (system.options().checks.racecheck) {
    auto footprint = std::make_shared<phx::sim::Footprint>();
    each_run(region, [&](uint64_t offset, uint64_t, uint64_t run) {
      touch(*footprint, command.destination, at, offset, run, true);
    });
    if (Status status = beside(at, {"a fill", std::move(footprint), nullptr, {}}, end); !status) return status;
  }
  span(at, "fill", "fill", "fill", start, end, bytes, 0, energy);
  return end;
}

StatusOr<SimTime> Execution::dispatch(const Context& at, const Dispatch& command) {
  std::vector<std::byte> arguments = command.arguments;
  for (const ArgumentPatch& patch : command.patches) {
    Binding place = resolve(patch.memory, at.submission.bindings);
    Address address = place.buffer->address() + place.offset;
    std::memcpy(&arguments[patch.argument_offset], &address, sizeof address);
  }
  if (command.spread == Dispatch::Spread::split) return launch(at, command, at.members, arguments);
  SimTime end = at.start;
  for (uint16_t member : at.members) {
    auto done = launch(at, command, {member}, arguments);
    if (!done) return done;
    end = std::max(end, *done);
  }
  return end;
}

StatusOr<SimTime> Execution::launch(const Context& at, const Dispatch& command, std::vector<uint16_t> members,
                                    std::span<const std::byte> arguments) {
  auto* executable = dynamic_cast<SimExecutable*>(command.executable.get());
  if (!executable) return Status(Code::invalid_argument, "the executable belongs to another driver");
  auto variant = executable->variant(command.entry, command.block.count());
  if (!variant) return variant.status();
  if (command.dynamic_shared > ~uint32_t{0})
    return Status(Code::out_of_resources, "no core has that much shared memory");

  // A grid smaller than the group leaves members without a block.
  uint64_t blocks = command.grid.count();
  if (blocks < members.size()) members.resize(blocks);
  uint64_t per_member = (blocks + members.size() - 1) / members.size();
  const EntryPoint& entry = executable->entries()[command.entry];
  const machine::Chip& chip = machine_->system->machine().chip;
  Cores cores{per_member, 0};
  if (entry.core == "aic") cores = {0, per_member};
  if (entry.core == "mix")
    cores = {per_member * static_cast<uint64_t>(std::max<int64_t>(1, chip.aiv / chip.aic)), per_member};
  SimTime start = engines_.cores_free(members, cores, at.start);

  phx::sim::LaunchRequest request;
  request.program = executable->program();
  request.kernel = *variant;
  request.grid = {command.grid.x, command.grid.y, command.grid.z};
  request.block = {command.block.x, command.block.y, command.block.z};
  request.ub_dynamic_bytes = static_cast<uint32_t>(command.dynamic_shared);
  request.arguments = arguments;
  request.members = members;
  request.cooperative = command.cooperative;
  request.start_seconds = seconds(start);
  cancel_.store(false, std::memory_order_relaxed);
  request.cancel = &cancel_;
  const std::string& kernel = entry.name;
  auto began = std::chrono::steady_clock::now();
  auto host_seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
  bool too_long = false;
  request.progress = [&](uint64_t done, uint64_t total) {
    if (watchdog_seconds_ > 0 && host_seconds() > watchdog_seconds_) {
      too_long = true;
      cancel();
    }
    if (sink_ && !sink_->progress({kernel, done, total, 0})) cancel();
  };
  request.service = [&](std::span<const phx::sim::ServiceRecord> records) { serve(records, kernel, start); };

  phx::sim::LaunchResult result = machine_->system->launch(request);
  if (result.refused)
    return Status(result.unsupported ? Code::unsupported : Code::out_of_resources, result.refused->str());
  if (result.fault) {
    if (too_long) {
      result.fault->kind = phx::sim::FaultKind::watchdog;
      result.fault->detail =
          "the launch took more than " + std::to_string(static_cast<uint64_t>(watchdog_seconds_)) + " s of host time";
    }
    const Status status = faulted(*result.fault, at.submission.label);
    for (size_t i = 1; i < result.findings.size(); ++i) (void)faulted(result.findings[i], at.submission.label);
    return status;
  }
  SimTime end = start + picoseconds(result.end_seconds - result.start_seconds);
  if (!result.nominal_time) {
    double cycle = 1 / machine_->system->machine().chip.clock_hz;
    end = start + picoseconds(static_cast<double>(result.counters.cycles) * cycle);
    for (const auto& link : result.counters.links) {
      LevelTraffic& level = traffic_[link.name.substr(0, link.name.find(':'))];
      level.bytes += link.bytes;
      level.transfers += 1;
      level.busy_seconds += static_cast<double>(link.busy_cycles) * cycle;
    }
  }
  engines_.take_cores(members, cores, start, end);
  if (sink_)
    for (const std::string& hint : result.hints) sink_->warning(kernel + ": " + hint);
  if (result.footprint)
    if (Status status = beside(
            at, {record_name(executable->program()->kernels()[*variant]), result.footprint, executable->program(), {}},
            end);
        !status)
      return status;
  if (sink_) {
    KernelRecord record = kernel_record(result, request, machine_->system->machine());
    record.start = start;
    record.end = end;
    record.host_nanoseconds = static_cast<uint64_t>(host_seconds() * 1e9);
    record.label = at.submission.label;
    sink_->kernel(record);
  }
  return end;
}

StatusOr<SimTime> Execution::collective(const Context& at, const Collective& command) {
  if (Status status = run_collective(*machine_, command, at.submission.bindings); !status) return status;
  SimTime start = engines_.lane_free(at.members, Lane::between_devices, at.start);
  SimTime end = start + collective_time(command, at.group.topology());
  engines_.take_lane(at.members, Lane::between_devices, end);
  uint64_t bytes = command.count * element_bytes(command.type) * at.members.size();
  span(at, "collective", "collective", "collective", start, end, bytes);
  return end;
}

// Output of kernels becomes text here, while the strings it refers to are certainly still there.
void Execution::serve(std::span<const phx::sim::ServiceRecord> records, const std::string& kernel, SimTime when) {
  const phx::sim::AddressSpace& memory = machine_->system->memory();
  auto read_string = [&](Address address) {
    std::string text;
    for (const std::byte* at;
         text.size() < (1 << 16) && (at = memory.translate(address + text.size(), 1)) && *at != std::byte{0};)
      text += static_cast<char>(*at);
    return text;
  };
  for (const phx::sim::ServiceRecord& record : records) {
    if (record.fn != isa::ServiceFn::Printf) continue;
    PrintRecord print;
    print.origin = {record.device,
                    kernel,
                    {record.block[0], record.block[1], record.block[2]},
                    {record.thread[0], record.thread[1], record.thread[2]},
                    when};
    print.text = format_print(record.format, record.arguments, read_string);
    rings_[record.device].print(std::move(print));
  }
}

}  // namespace phx::hal::sim
