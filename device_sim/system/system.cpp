#include "device_sim/system/system.h"

#include <cstring>

#include "device_sim/system/state.h"

namespace phx::sim {
namespace {

// Vector instructions differ too much for one default: each class has numbers, or the program does not run here.
Outcome check_vector_classes(const image::Executable& executable, const machine::Machine& machine,
                             const std::string& name) {
  if (executable.target == image::CoreKind::simt) return {};
  for (uint64_t word = 0; word < executable.code.size();) {
    auto instruction = isa::decode(executable.code, word);
    if (!instruction) return instruction.diagnostic();
    const isa::RowInfo& row = *isa::row(instruction->op);
    const bool timed = row.family == isa::Family::vec || row.op == isa::Opcode::SetQuant;
    if (timed && !machine.chip.vector.timing.contains(row.timing)) {
      const image::SourceFrame* frame = image::user_frame(executable.source(static_cast<uint32_t>(word)));
      return error(name + ": machine '" + machine.name + "' has no timing.vector." + std::string(row.timing) +
                   ", which `" + std::string(row.mnemonic) + "`" +
                   (frame ? " at " + frame->file + ":" + std::to_string(frame->line) : "") + " needs");
    }
    word += instruction->words();
  }
  return {};
}

// Two sums with different factors: files that differ in both by chance do not happen.
Program::Identity identity_of(std::span<const std::byte> file) {
  Program::Identity identity{file.size() + 1, ~file.size()};
  for (size_t at = 0; at < file.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, file.data() + at, std::min<size_t>(8, file.size() - at));
    identity[0] = (identity[0] ^ word) * 0x9E3779B97F4A7C15ull;
    identity[0] ^= identity[0] >> 29;
    identity[1] = (identity[1] + word) * 0xC2B2AE3D27D4EB4Full;
    identity[1] ^= identity[1] >> 31;
  }
  return identity;
}

}  // namespace

Expected<std::unique_ptr<System>> System::create(machine::Machine machine, SystemOptions options) {
  const uint64_t available = static_cast<uint64_t>(machine.system.devices());
  if (options.devices == 0) return error("a system needs at least 1 device, 0 were asked for");
  if (options.devices > available)
    return error("machine '" + machine.name + "' has " + std::to_string(available) + " devices, " +
                 std::to_string(options.devices) + " were asked for");
  if (options.watchdog_instructions == 0) options.watchdog_instructions = kDefaultWatchdog;
  std::unique_ptr<System> system(new System);
  system->state_ = std::make_unique<State>(std::move(machine), options);
  return system;
}

System::~System() = default;

const machine::Machine& System::machine() const { return state_->machine; }
const SystemOptions& System::options() const { return state_->options; }
unsigned System::devices() const { return state_->options.devices; }
AddressSpace& System::memory() { return state_->memory; }

Expected<std::shared_ptr<Program>> System::load(std::span<const std::byte> file, std::span<const uint16_t> members,
                                                const std::string& name) {
  // Many devices load the same file: it is read and checked once.
  const Program::Identity identity = identity_of(file);
  {
    std::lock_guard lock(state_->exclusive);
    auto loaded = state_->loaded[identity].lock();
    if (loaded && loaded->executable().code_relocations.empty())
      return Program::load_again(*loaded, state_->memory, members, name);
  }
  auto executable = image::read(file, name);
  if (!executable) return executable.diagnostic();
  if (executable->target == image::CoreKind::simt) {
    if (state_->machine.chip.simt.kind == machine::SimtKind::None)
      return error(name + ": SIMT code needs a machine with the SIMT family; '" + state_->machine.name + "' has none");
  } else if (const std::string digest = machine::digest(state_->machine); executable->machine_digest != digest) {
    return error(name + ": tile code was compiled for machine digest " + executable->machine_digest + ", this is '" +
                 state_->machine.name + "' with digest " + digest);
  }
  if (Outcome timed = check_vector_classes(*executable, state_->machine, name); !timed) return timed.diagnostic();
  std::lock_guard lock(state_->exclusive);
  auto program = Program::load(std::move(*executable), state_->memory, members, name);
  if (program) {
    (*program)->set_identity(identity);
    std::erase_if(state_->loaded, [](const auto& one) { return one.second.expired(); });
    state_->loaded[identity] = *program;
  }
  return program;
}

std::optional<uint32_t> System::select_variant(const Program& program, std::string_view kernel, uint32_t threads) {
  for (uint32_t i = 0; i < program.kernels().size(); ++i)
    if (program.kernels()[i].name == kernel && threads <= program.kernels()[i].max_threads) return i;
  return std::nullopt;
}

unsigned System::occupancy(const Program& program, uint32_t kernel, uint32_t threads, uint32_t ub_dynamic_bytes,
                           std::string* reason) const {
  return blocks_per_core(state_->machine, program.kernels()[kernel], threads, ub_dynamic_bytes, reason);
}

}  // namespace phx::sim
