// Modules: executables loaded on first use, their kernels and variables.
#include "runtime/src/module/module.h"

#include <algorithm>

#include "runtime/src/runtime.h"

namespace phx::rt {

Result Runtime::load(VisibleDevice& device, Module& module, std::shared_ptr<hal::Executable>* executable) {
  auto guard = lock();
  if (Result result = usable(device); !result.ok()) return result;
  std::shared_ptr<hal::Executable>& loaded = module.loaded[device.index()];
  if (!loaded) {
    if (!module.cost_paid) clock().advance(device.costs().load);
    auto made = device.group().load(module.bytes, module.label);
    if (!made) {
      module.loaded.erase(device.index());
      return result_of(made.status());
    }
    loaded = std::move(*made);
    if (std::find(modules_with_code_.begin(), modules_with_code_.end(), &module) == modules_with_code_.end())
      modules_with_code_.push_back(&module);
  }
  *executable = loaded;
  return {};
}

void Runtime::unload(Module& module) {
  auto guard = lock();
  if (module.loaded.empty()) return;
  for (const auto& device : devices_)
    if (module.loaded.contains(device->index()) && device->fault().ok()) (void)synchronize(*device);
  module.loaded.clear();
  std::erase(modules_with_code_, &module);
}

Result Runtime::kernel(VisibleDevice& device, Module& module, const std::string& name, KernelRef* kernel) {
  std::shared_ptr<hal::Executable> executable;
  if (Result result = load(device, module, &executable); !result.ok()) return result;
  auto entry = executable->find(name);
  if (!entry) return {phxErrorInvalidDeviceFunction, entry.status().message()};
  kernel->executable = std::move(executable);
  kernel->entry = *entry;
  return {};
}

Result Runtime::symbol(VisibleDevice& device, Module& module, const std::string& name, hal::Symbol* symbol) {
  std::shared_ptr<hal::Executable> executable;
  if (Result result = load(device, module, &executable); !result.ok()) return result;
  auto found = executable->symbol(name);
  if (!found) return {phxErrorInvalidSymbol, found.status().message()};
  auto guard = lock();
  // Known to copies and pointer queries from now on, as any other memory.
  uint64_t address = found->buffer->address() + found->offset;
  addresses_.add({MemoryKind::variable, address, found->size, device.index(), found->buffer, found->offset, 0});
  *symbol = std::move(*found);
  return {};
}

}  // namespace phx::rt
