#include "hal/drivers/sim/records.h"

#include <algorithm>
#include <map>
#include <utility>

namespace phx::hal::sim {
namespace {

FaultKind kind_of(phx::sim::FaultKind kind) {
  using From = phx::sim::FaultKind;
  switch (kind) {
    case From::out_of_bounds:
    case From::ub_out_of_bounds:
    case From::buffer_out_of_bounds:
    case From::local_out_of_bounds:
    case From::param_out_of_bounds:
      return FaultKind::out_of_bounds;
    case From::misaligned:
      return FaultKind::misaligned;
    case From::host_pointer:
      return FaultKind::host_pointer;
    case From::use_after_free:
      return FaultKind::use_after_free;
    case From::read_only_store:
      return FaultKind::write_to_read_only;
    case From::uninitialised_read:
      return FaultKind::uninitialized_read;
    case From::race:
      return FaultKind::race;
    case From::missing_flag:
    case From::surplus_flag:
      return FaultKind::missing_flag;
    case From::divergent_barrier:
      return FaultKind::divergent_barrier;
    case From::divergent_scalar:
      return FaultKind::illegal_encoding;
    case From::deadlock:
      return FaultKind::deadlock;
    case From::watchdog:
      return FaultKind::watchdog;
    case From::cancelled:
      return FaultKind::cancelled;
    case From::trap:
      return FaultKind::trap;
    case From::assertion:
      return FaultKind::assertion;
    case From::call_depth:
      return FaultKind::out_of_resources;
    case From::unsupported:
      return FaultKind::unsupported;
    case From::illegal_instruction:
      return FaultKind::illegal_encoding;
  }
  return FaultKind::trap;
}

template <class Map>
std::vector<Amount> amounts(const Map& totals) {
  std::vector<Amount> list;
  for (const auto& [name, value] : totals) list.push_back({name, static_cast<double>(value)});
  return list;
}

std::vector<SourceLine> source_lines(const phx::sim::LaunchCounters& counters, const image::Executable& executable) {
  struct Causes {
    std::map<std::string, uint64_t> busy, stalls;
  };
  std::map<std::pair<std::string, uint32_t>, SourceLine> lines;
  std::map<std::pair<std::string, uint32_t>, Causes> causes;
  for (const auto& counted : counters.lines) {
    const image::SourceFrame* frame = image::user_frame(executable.source(counted.word));
    if (!frame) continue;
    SourceLine& line = lines[{frame->file, frame->line}];
    line.file = frame->file;
    line.line = frame->line;
    line.issues += counted.issues;
    line.lanes += counted.lanes;
    line.stall_cycles += counted.stall_cycles;
    if (line.function.empty()) line.function = frame->function;
    Causes& sums = causes[{frame->file, frame->line}];
    if (counted.busy_cycles) sums.busy[counted.pipe] += counted.busy_cycles;
    for (const auto& [cause, cycles] : counted.stalls) sums.stalls[cause] += cycles;
  }
  for (auto& [place, line] : lines) {
    line.busy = amounts(causes[place].busy);
    line.stalls = amounts(causes[place].stalls);
  }
  std::vector<SourceLine> list;
  for (auto& [place, line] : lines) list.push_back(std::move(line));
  return list;
}

}  // namespace

FaultRecord fault_record(const phx::sim::Fault& fault) {
  FaultRecord record;
  record.kind = kind_of(fault.kind);
  record.message = std::string(phx::sim::name_of(fault.kind)) + ": " + std::string(phx::sim::meaning_of(fault.kind));
  record.kernel = fault.kernel;
  if (!fault.source.empty()) {
    record.file = fault.source.front().file;
    record.line = fault.source.front().line;
    record.function = fault.source.front().function;
    for (size_t i = 1; i < fault.source.size(); ++i)
      record.inlined_at.push_back(fault.source[i].file + ":" + std::to_string(fault.source[i].line) + " in " +
                                  fault.source[i].function);
  }
  record.device = fault.device;
  record.core = "core " + std::to_string(fault.core);
  record.block = Extent{fault.block[0], fault.block[1], fault.block[2]};
  record.thread = Extent{fault.thread[0], fault.thread[1], fault.thread[2]};
  if (fault.has_address) record.address = fault.address;
  record.access_bytes = fault.bytes;
  record.is_store = fault.is_store;
  record.nearest_buffer = fault.nearest;
  record.instruction = fault.instruction;
  for (size_t from = 0; from < fault.detail.size();) {  // a note a line
    const size_t end = std::min(fault.detail.find('\n', from), fault.detail.size());
    record.notes.push_back(fault.detail.substr(from, end - from));
    from = end + 1;
  }
  if (fault.kind == phx::sim::FaultKind::watchdog)
    record.notes.push_back("the option 'watchdog' (PHX_WATCHDOG) sets the limit");
  return record;
}

KernelRecord kernel_record(const phx::sim::LaunchResult& result, const phx::sim::LaunchRequest& request,
                           const machine::Machine& machine) {
  const image::Kernel& kernel = request.program->kernels()[request.kernel];
  KernelRecord record;
  record.kernel = kernel.display_name.empty() ? kernel.name : kernel.display_name;
  record.file = kernel.file;
  record.line = kernel.line;
  for (uint16_t member : request.members) record.devices.push_back(member);
  record.grid = {request.grid[0], request.grid[1], request.grid[2]};
  record.block = {request.block[0], request.block[1], request.block[2]};
  record.dynamic_shared = request.ub_dynamic_bytes;
  record.counters = amounts(result.counters.events);
  record.peak_bytes = amounts(result.counters.peak_bytes);
  record.core = kernel.flags & image::kMix             ? "mix"
                : kernel.core == image::CoreKind::simt ? "simt"
                : kernel.core == image::CoreKind::aic  ? "aic"
                                                       : "aiv";
  if (result.nominal_time) return record;
  record.reused = result.reused;
  record.cycles = result.counters.cycles;
  record.busy = amounts(result.counters.pipe_busy_cycles);
  record.busy_most = amounts(result.counters.pipe_busy_most_cycles);
  record.instructions = amounts(result.counters.pipe_instructions);
  record.bytes = amounts(result.counters.bytes);
  record.stalls = amounts(result.counters.stall_cycles);
  record.profile = amounts(result.counters.profile);
  record.counters.push_back({"overhead_cycles", static_cast<double>(result.counters.overhead_cycles)});
  record.lines = source_lines(result.counters, request.program->executable());
  for (const auto& [part, joules] : phx::sim::energy_of(result.counters, request.members.size(), machine)) {
    record.energy.push_back({part, joules});
    record.energy_joules += joules;
  }
  return record;
}

}  // namespace phx::hal::sim
