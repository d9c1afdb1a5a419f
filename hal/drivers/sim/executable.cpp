#include "hal/drivers/sim/executable.h"

#include <algorithm>
#include <cstring>

#include "device_sim/image/bundle.h"
#include "device_sim/machine/machine.h"
#include "hal/drivers/sim/memory.h"

namespace phx::hal::sim {
namespace {

constexpr std::string_view kBundleMagic("PHXBNDL\0", 8);

bool is_bundle(std::span<const std::byte> bytes) {
  return bytes.size() >= kBundleMagic.size() &&
         std::memcmp(bytes.data(), kBundleMagic.data(), kBundleMagic.size()) == 0;
}

// The image of a bundle that this machine runs: one made for it before one that runs anywhere.
StatusOr<std::span<const std::byte>> choose(std::span<const std::byte> bundle, const machine::Machine& machine,
                                            const std::string& label) {
  auto images = image::read_bundle(bundle, label);
  if (!images) return status_of(Code::data_corrupt, images.diagnostic());
  const image::BundleView* chosen = nullptr;
  uint64_t digest = std::strtoull(machine::digest(machine).c_str(), nullptr, 16);
  for (const image::BundleView& view : *images) {
    if (view.kind == image::BundleKind::simt && !chosen) chosen = &view;
    if (view.kind == image::BundleKind::tile && view.machine == digest) chosen = &view;
  }
  if (!chosen) return Status(Code::incompatible, label + ": no image of the bundle runs on '" + machine.name + "'");
  return chosen->bytes;
}

}  // namespace

StatusOr<uint64_t> measure(const void* start) {
  auto size = image::bundle_size(start);
  if (!size) return status_of(Code::data_corrupt, size.diagnostic());
  return *size;
}

StatusOr<std::shared_ptr<Executable>> SimExecutable::load(std::shared_ptr<MachineState> machine, const Group& group,
                                                          std::span<const std::byte> bytes, const std::string& label) {
  std::lock_guard lock(machine->mutex);
  if (is_bundle(bytes)) {
    auto chosen = choose(bytes, machine->system->machine(), label);
    if (!chosen) return chosen.status();
    bytes = *chosen;
  }
  auto program = machine->system->load(bytes, members_of(group), label);
  if (!program) return status_of(Code::data_corrupt, program.diagnostic());
  return std::shared_ptr<Executable>(new SimExecutable(machine, std::move(*program)));
}

SimExecutable::SimExecutable(std::shared_ptr<MachineState> machine, std::shared_ptr<phx::sim::Program> program)
    : machine_(std::move(machine)), program_(std::move(program)) {
  uint64_t constants = 0;
  for (const image::Object& object : program_->executable().objects)
    if (object.kind != image::ObjectKind::global) constants += object.size;
  const machine::Machine& description = machine_->system->machine();
  for (const image::Kernel& kernel : program_->kernels()) {
    auto same = [&](const EntryPoint& entry) { return entry.name == kernel.name; };
    if (auto known = std::find_if(entries_.begin(), entries_.end(), same); known != entries_.end()) {
      if (kernel.core != image::CoreKind::simt) continue;
      known->max_block_threads = std::max(known->max_block_threads, kernel.max_threads);
      known->registers = std::min(known->registers, kernel.lane_registers);
      continue;
    }
    EntryPoint entry;
    entry.name = kernel.name;
    entry.argument_bytes = kernel.param_bytes;
    for (const image::Param& param : kernel.params) entry.arguments.push_back({param.offset, param.size});
    entry.registers = kernel.lane_registers;
    entry.static_shared = kernel.ub_static_bytes;
    entry.local = kernel.local_bytes;
    entry.max_block_threads = kernel.max_threads;
    entry.constant_bytes = constants;
    const bool simt = kernel.core == image::CoreKind::simt;
    entry.core = simt                                  ? "simt"
                 : kernel.flags & image::kMix          ? "mix"
                 : kernel.core == image::CoreKind::aic ? "aic"
                                                       : "aiv";
    if (!simt) {
      entry.max_block_threads = 1;
      entry.resident_grid = static_cast<uint32_t>(phx::sim::resident_groups(description, kernel));
    }
    entries_.push_back(std::move(entry));
  }
}

// The program frees its objects, which must not meet a launch.
SimExecutable::~SimExecutable() {
  std::lock_guard lock(machine_->mutex);
  program_.reset();
}

StatusOr<uint32_t> SimExecutable::find(std::string_view name) const {
  std::string known;
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name == name) return i;
    if (i < 5) known += (i ? ", " : "") + entries_[i].name;
  }
  if (entries_.size() > 5) known += ", ...";
  return Status(Code::not_found,
                "there is no kernel '" + std::string(name) + "'; there are: " + (known.empty() ? "none" : known));
}

StatusOr<Symbol> SimExecutable::symbol(std::string_view name) const {
  phx::sim::Program::Symbol found = program_->symbol(name);
  if (found.address == 0) return Status(Code::not_found, "there is no device variable '" + std::string(name) + "'");
  bool constant = found.kind != image::ObjectKind::global;
  Placement placement = constant ? Placement::replicated() : Placement::on(0);
  return Symbol{borrow(found.address, found.size, placement, std::string(name), shared_from_this()), 0, found.size,
                constant};
}

std::string_view SimExecutable::description() const {
  const image::Executable& executable = program_->executable();
  for (const image::Object& object : executable.objects)
    if (object.name == image::kProgramObject && !object.zero)
      return {reinterpret_cast<const char*>(executable.data.data() + object.offset), object.size};
  return {};
}

StatusOr<uint32_t> SimExecutable::variant(uint32_t entry, uint64_t block_threads) const {
  if (entries_[entry].core != "simt" && block_threads != 1)
    return Status(Code::out_of_resources,
                  "a tile program is one thread, a block of " + std::to_string(block_threads) + " was asked for");
  auto chosen = block_threads <= ~uint32_t{0} ? phx::sim::System::select_variant(*program_, entries_[entry].name,
                                                                                 static_cast<uint32_t>(block_threads))
                                              : std::nullopt;
  if (!chosen)
    return Status(Code::out_of_resources, "no variant of the kernel runs blocks of " + std::to_string(block_threads) +
                                              " threads; the largest takes " +
                                              std::to_string(entries_[entry].max_block_threads));
  return *chosen;
}

StatusOr<Occupancy> SimExecutable::occupancy(uint32_t entry, uint32_t block_threads, uint64_t dynamic_shared) const {
  if (entry >= entries_.size())
    return Status(Code::invalid_argument, "the executable has no entry " + std::to_string(entry));
  auto chosen = variant(entry, block_threads);
  if (!chosen) return chosen.status();
  if (entries_[entry].core != "simt") return Occupancy{1, 0, "cores"};
  if (dynamic_shared > ~uint32_t{0}) return Status(Code::out_of_resources, "no core has that much shared memory");
  std::string reason;
  unsigned blocks =
      machine_->system->occupancy(*program_, *chosen, block_threads, static_cast<uint32_t>(dynamic_shared), &reason);
  if (blocks == 0) return Status(Code::out_of_resources, reason);
  return Occupancy{blocks, program_->kernels()[*chosen].lane_registers, reason};
}

}  // namespace phx::hal::sim
