// Launches: limits are checked when the launch is made, the grid runs when somebody needs its outcome.
#include "runtime/src/runtime.h"

namespace phx::rt {
namespace {

// A limit of the device; a property that cannot be read limits nothing.
uint64_t limit(const VisibleDevice& device, const char* key) {
  auto value = device.integer(key);
  return value ? static_cast<uint64_t>(*value) : ~uint64_t{0};
}

Result bad_shape(const std::string& kernel, const std::string& why) {
  return {phxErrorInvalidConfiguration, "kernel '" + kernel + "' cannot be launched: " + why};
}

}  // namespace

Result Runtime::launch(Stream* stream, const KernelRef& kernel, const LaunchShape& shape,
                       std::vector<std::byte> arguments) {
  auto guard = lock();
  VisibleDevice& device = *stream->device;
  if (Result result = usable(device); !result.ok()) return result;
  const hal::EntryPoint& entry = kernel.info();
  const auto& [grid, block, dynamic_shared, cooperative] = shape;

  if (grid.count() == 0 || block.count() == 0) return bad_shape(entry.name, "its grid or its block is empty");
  uint64_t threads = block.count(), most = limit(device, "block.threads");
  if (threads > most)
    return bad_shape(entry.name,
                     "a block of " + std::to_string(threads) + " threads; the device takes " + std::to_string(most));
  for (uint32_t extent : {grid.x, grid.y, grid.z})
    if (extent > limit(device, "grid.extent"))
      return bad_shape(entry.name, "a grid " + std::to_string(extent) + " blocks long; the device takes " +
                                       std::to_string(limit(device, "grid.extent")));
  if (entry.static_shared + dynamic_shared > limit(device, "block.shared"))
    return {phxErrorInvalidValue,
            "kernel '" + entry.name + "' asks for " + std::to_string(entry.static_shared + dynamic_shared) +
                " bytes of shared memory; a block has " + std::to_string(limit(device, "block.shared"))};
  auto fits = kernel.executable->occupancy(kernel.entry, static_cast<uint32_t>(threads), dynamic_shared);
  if (!fits) return {phxErrorLaunchOutOfResources, "kernel '" + entry.name + "': " + fits.status().message()};
  if (cooperative) {
    uint64_t resident = entry.resident_grid ? uint64_t{entry.resident_grid} * device.group().size()
                                            : uint64_t{fits->blocks_per_core} * limit(device, "cores");
    if (grid.count() > resident)
      return {phxErrorCooperativeLaunchTooLarge, "kernel '" + entry.name + "': " + std::to_string(grid.count()) +
                                                     " blocks cannot all be resident; the device holds " +
                                                     std::to_string(resident)};
  }
  if (arguments.size() != entry.argument_bytes)
    return {phxErrorInvalidValue, "kernel '" + entry.name + "' takes " + std::to_string(entry.argument_bytes) +
                                      " bytes of arguments, got " + std::to_string(arguments.size())};

  hal::Dispatch dispatch;
  dispatch.executable = kernel.executable;
  dispatch.entry = kernel.entry;
  dispatch.grid = grid;
  dispatch.block = block;
  dispatch.dynamic_shared = dynamic_shared;
  dispatch.arguments = std::move(arguments);
  dispatch.cooperative = cooperative;
  hal::CommandBuffer commands;
  commands.dispatch(std::move(dispatch));
  return enqueue(*stream, hal::EngineKind::compute, std::move(commands), device.costs().launch);
}

Result Runtime::occupancy(const KernelRef& kernel, uint32_t block_threads, uint64_t dynamic_shared, uint32_t* blocks) {
  auto guard = lock();
  auto fits = kernel.executable->occupancy(kernel.entry, block_threads, dynamic_shared);
  if (!fits && fits.status().code() != hal::Code::out_of_resources) return result_of(fits.status());
  *blocks = fits ? fits->blocks_per_core : 0;
  return {};
}

}  // namespace phx::rt
