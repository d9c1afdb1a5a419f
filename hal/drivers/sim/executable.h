// Executables of the sim driver: an ELF executable of the virtual device, or a bundle of which one is chosen.
#pragma once

#include "hal/drivers/sim/machine_state.h"

namespace phx::hal::sim {

class SimExecutable final : public Executable, public std::enable_shared_from_this<SimExecutable> {
 public:
  static StatusOr<std::shared_ptr<Executable>> load(std::shared_ptr<MachineState> machine, const Group& group,
                                                    std::span<const std::byte> bytes, const std::string& label);
  ~SimExecutable() override;

  const std::vector<EntryPoint>& entries() const override { return entries_; }
  StatusOr<uint32_t> find(std::string_view entry) const override;
  StatusOr<Symbol> symbol(std::string_view name) const override;
  StatusOr<Occupancy> occupancy(uint32_t entry, uint32_t block_threads, uint64_t dynamic_shared) const override;
  std::string_view description() const override;

  const std::shared_ptr<phx::sim::Program>& program() const { return program_; }
  // The variant of an entry that runs blocks of so many threads.
  StatusOr<uint32_t> variant(uint32_t entry, uint64_t block_threads) const;

 private:
  SimExecutable(std::shared_ptr<MachineState> machine, std::shared_ptr<phx::sim::Program> program);

  std::shared_ptr<MachineState> machine_;
  std::shared_ptr<phx::sim::Program> program_;
  std::vector<EntryPoint> entries_;  // variants of one kernel are one entry
};

// Size of what starts there, by its own header: a bundle. Plain executables are given with their size.
StatusOr<uint64_t> measure(const void* start);

}  // namespace phx::hal::sim
