#include "hal/drivers/sim/concurrent_work.h"

#include "device_sim/isa/isa.h"

namespace phx::hal::sim {
namespace {

std::string name_of(const ConcurrentWork::Work& work, uint32_t instruction) {
  const std::string who = work.program ? work.program->place(instruction) + " of " + work.name : work.name;
  return who + " (" + work.where + ")";
}

}  // namespace

std::optional<phx::sim::Fault> ConcurrentWork::add(Work work, SimTime ready, SimTime end,
                                                   const phx::sim::AddressSpace& memory) {
  std::optional<phx::sim::Fault> fault;
  for (const Done& earlier : done_) {
    if (earlier.end <= ready) continue;
    const auto meeting = work.footprint->meets(*earlier.work.footprint);
    if (!meeting) continue;
    fault.emplace();
    fault->kind = phx::sim::FaultKind::race;
    // The place is the kernel's, of two kernels the later one's.
    const Work& kernel = work.program ? work : earlier.work;
    if (kernel.program) {
      const uint32_t instruction = work.program ? meeting->mine : meeting->other;
      fault->kernel = kernel.name;
      fault->word = kernel.program->word_of(instruction);
      const auto frames = kernel.program->executable().source(fault->word);
      fault->source.assign(frames.begin(), frames.end());
      fault->instruction = std::string(isa::row(kernel.program->code()[instruction].op)->mnemonic);
    }
    fault->has_address = true;
    fault->address = meeting->address;
    fault->bytes = 1;
    fault->is_store = meeting->mine_writes;
    const phx::sim::Buffer* buffer = memory.find(meeting->address);
    if (buffer)
      fault->nearest = std::to_string(meeting->address - buffer->address) + " bytes into " + buffer->name + " (" +
                       std::to_string(buffer->size) + " bytes)";
    fault->detail = std::string(meeting->mine_writes && meeting->other_writes ? "write-write" : "read-write") +
                    " race between work that may run at the same time: " + name_of(earlier.work, meeting->other) +
                    " and " + name_of(work, meeting->mine) + "; no stream, event or wait orders them";
    break;
  }
  bytes_ += work.footprint->bytes();
  done_.push_back({std::move(work), end});
  while (done_.size() > kMost || (bytes_ > kMostBytes && done_.size() > 1)) {
    bytes_ -= done_.front().work.footprint->bytes();
    done_.pop_front();
  }
  return fault;
}

}  // namespace phx::hal::sim
