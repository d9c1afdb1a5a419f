// Executes on a small virtual system: one device, values only, two blocks, a few thousand instructions a warp.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "device_sim/system/system.h"
#include "tests/fuzz/execute.h"

namespace phx::fuzz {
namespace {

constexpr uint64_t kBufferBytes = 4096;

std::unique_ptr<sim::System> make_system() {
  auto machine = machine::load("ascend-950pr");
  if (!machine) return nullptr;
  sim::SystemOptions options;
  options.mode = sim::Mode::functional;
  options.threads = 1;
  options.watchdog_instructions = 5000;
  auto system = sim::System::create(std::move(*machine), options);
  return system ? std::move(*system) : nullptr;
}

// Pointers get a buffer, everything else small numbers.
std::vector<std::byte> arguments_of(const image::Kernel& kernel, uint64_t buffer) {
  std::vector<std::byte> arguments(kernel.param_bytes);
  for (const image::Param& param : kernel.params) {
    uint64_t value = param.pointer ? buffer : 40;
    std::memcpy(arguments.data() + param.offset, &value, std::min<size_t>(param.size, sizeof value));
  }
  return arguments;
}

std::map<std::string, std::string>& findings() {
  static std::map<std::string, std::string> found;
  return found;
}

}  // namespace

const std::map<std::string, std::string>& without_meaning() { return findings(); }

Ending execute(const image::Executable& executable) {
  static const std::unique_ptr<sim::System> system = make_system();
  if (!system) return Ending::not_run;
  uint16_t member = 0;
  image::Executable bound = executable;  // a tile image must name the machine that it meets
  if (bound.target != image::CoreKind::simt) bound.machine_digest = machine::digest(system->machine());
  auto file = image::write(bound);
  auto program = system->load(file, {&member, 1}, "mutant");
  if (!program) return Ending::refused;
  auto buffer = system->memory().allocate(kBufferBytes, sim::Placement::on, {&member, 1}, "arguments");
  if (!buffer) return Ending::refused;
  Ending worst = Ending::finished;
  for (uint32_t k = 0; k < executable.kernels.size(); ++k) {
    const image::Kernel& kernel = executable.kernels[k];
    auto arguments = arguments_of(kernel, *buffer);
    sim::LaunchRequest request;
    request.program = *program;
    request.kernel = k;
    request.grid = {2, 1, 1};
    request.block = {kernel.core == image::CoreKind::simt ? std::min(kernel.max_threads, 48u) : 1, 1, 1};
    request.ub_dynamic_bytes = 256;
    request.arguments = arguments;
    request.members = {member};
    request.cooperative = kernel.flags & image::kUsesGridBarrier;
    request.service = [](std::span<const sim::ServiceRecord>) {};
    sim::LaunchResult result = system->launch(request);
    // Tile instructions get their shapes from registers, so random ones are often refused when executed.
    const bool by_values = kernel.core != image::CoreKind::simt && result.fault &&
                           result.fault->detail.find("no meaning") == std::string::npos;
    if (result.fault && result.fault->kind == sim::FaultKind::illegal_instruction && !by_values)
      findings().try_emplace(result.fault->instruction.substr(0, result.fault->instruction.find(' ')),
                             result.fault->instruction);
    if (result.fault) worst = Ending::faulted;
    if (result.refused && worst == Ending::finished) worst = Ending::refused;
  }
  const sim::Buffer* left = system->memory().find(*buffer);
  if (left && !left->freed && !system->memory().free(*buffer)) std::exit(1);  // a program may have freed it
  return worst;
}

}  // namespace phx::fuzz
