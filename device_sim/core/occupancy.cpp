// How many blocks of a shape one vector core holds.
#include <algorithm>

#include "device_sim/core/block.h"

namespace phx::sim {

unsigned blocks_per_core(const machine::Machine& machine, const image::Kernel& kernel, uint32_t threads,
                         uint32_t ub_dynamic_bytes, std::string* reason) {
  const machine::Simt& simt = machine.chip.simt;
  auto refuse = [&](std::string why) {
    if (reason) *reason = std::move(why);
    return 0u;
  };
  if (kernel.core != image::CoreKind::simt) return 1;
  if (simt.kind == machine::SimtKind::None) return refuse(machine.name + " does not run SIMT kernels");
  if (threads == 0) return refuse("a block of 0 threads");
  if (threads > static_cast<uint64_t>(simt.max_threads_per_block))
    return refuse(std::to_string(threads) + " threads exceed the " + std::to_string(simt.max_threads_per_block) +
                  " of a block");
  if (threads > kernel.max_threads)
    return refuse(std::to_string(threads) + " threads exceed the " + std::to_string(kernel.max_threads) +
                  " this variant is compiled for");

  const int64_t warps = (threads + isa::kWarpLanes - 1) / isa::kWarpLanes;
  const int64_t registers = warps * isa::kWarpLanes * kernel.lane_registers * 4;
  const int64_t shared = int64_t{kernel.ub_static_bytes} + ub_dynamic_bytes;
  if (kernel.lane_registers > simt.max_registers_per_thread)
    return refuse(std::to_string(kernel.lane_registers) + " registers a thread exceed the " +
                  std::to_string(simt.max_registers_per_thread) + " of the machine");
  if (warps > simt.max_warps)
    return refuse(std::to_string(warps) + " warps exceed the " + std::to_string(simt.max_warps) + " of a core");
  if (registers > simt.register_file_bytes)
    return refuse(std::to_string(registers) + " bytes of registers exceed the register file of " +
                  std::to_string(simt.register_file_bytes));
  if (shared > simt.shared_bytes_per_block)
    return refuse(std::to_string(shared) + " bytes of shared memory exceed the " +
                  std::to_string(simt.shared_bytes_per_block) + " of a block");
  int64_t blocks = std::min(simt.max_blocks, simt.max_warps / warps);
  if (registers > 0) blocks = std::min(blocks, simt.register_file_bytes / registers);
  if (shared > 0) blocks = std::min(blocks, simt.shared_bytes / shared);
  if (blocks < 1)
    return refuse(std::to_string(shared) + " bytes of shared memory exceed the " + std::to_string(simt.shared_bytes) +
                  " of a core");
  return static_cast<unsigned>(blocks);
}

}  // namespace phx::sim
