#include "hal/drivers/sim/memory.h"

namespace phx::hal::sim {
namespace {

class SimBuffer final : public Buffer {
 public:
  enum class Release { free, unregister, nothing };
  SimBuffer(std::shared_ptr<MachineState> machine, std::shared_ptr<const void> owner, Address address, uint64_t size,
            Placement placement, std::string label, Release release)
      : machine_(std::move(machine)),
        owner_(std::move(owner)),
        address_(address),
        size_(size),
        placement_(placement),
        label_(std::move(label)),
        release_(release) {}
  ~SimBuffer() override {
    if (release_ == Release::nothing) return;
    std::lock_guard lock(machine_->mutex);
    phx::sim::AddressSpace& memory = machine_->system->memory();
    if (release_ == Release::free)
      (void)memory.free(address_);
    else
      (void)memory.unregister_host(reinterpret_cast<void*>(address_));
  }
  Address address() const override { return address_; }
  uint64_t size() const override { return size_; }
  const Placement& placement() const override { return placement_; }
  const std::string& label() const override { return label_; }

 private:
  std::shared_ptr<MachineState> machine_;
  std::shared_ptr<const void> owner_;
  Address address_;
  uint64_t size_;
  Placement placement_;
  std::string label_;
  Release release_;
};

}  // namespace

StatusOr<std::shared_ptr<Buffer>> allocate(std::shared_ptr<MachineState> machine, const Group& group,
                                           const BufferSpec& spec) {
  if (spec.alignment > phx::sim::kPageBytes)
    return Status(Code::unsupported, "alignment above a page of " + std::to_string(phx::sim::kPageBytes) + " bytes");
  if (spec.placement.granule != 0 && spec.placement.granule != phx::sim::kPageBytes)
    return Status(Code::unsupported,
                  "placement granules other than a page of " + std::to_string(phx::sim::kPageBytes) + " bytes");
  if (spec.placement.broadcast) return Status(Code::unsupported, "stores that go to every copy of a replicated buffer");
  std::vector<uint16_t> members = members_of(group);
  phx::sim::Placement placement = phx::sim::Placement::on;
  switch (spec.placement.kind) {
    case Placement::Kind::on:
      members = {members[spec.placement.member]};
      break;
    case Placement::Kind::blocked:
      placement = phx::sim::Placement::blocked;
      break;
    case Placement::Kind::interleaved:
      placement = phx::sim::Placement::interleaved;
      break;
    case Placement::Kind::replicated:
      placement = phx::sim::Placement::replicated;
      break;
    case Placement::Kind::host:
      return Status(Code::invalid_argument, "host memory is imported, not allocated");
  }
  std::lock_guard lock(machine->mutex);
  auto address = machine->system->memory().allocate(spec.size, placement, members, spec.label);
  if (!address) return status_of(Code::out_of_memory, address.diagnostic());
  return std::shared_ptr<Buffer>(std::make_shared<SimBuffer>(machine, nullptr, *address, spec.size, spec.placement,
                                                             spec.label, SimBuffer::Release::free));
}

StatusOr<std::shared_ptr<Buffer>> import_host(std::shared_ptr<MachineState> machine, void* memory, uint64_t size,
                                              const std::string& label) {
  std::lock_guard lock(machine->mutex);
  if (auto outcome = machine->system->memory().register_host(memory, size, label); !outcome)
    return status_of(Code::invalid_argument, outcome.diagnostic());
  Placement placement{Placement::Kind::host, 0, 0, false};
  return std::shared_ptr<Buffer>(std::make_shared<SimBuffer>(machine, nullptr, reinterpret_cast<Address>(memory), size,
                                                             placement, label, SimBuffer::Release::unregister));
}

std::shared_ptr<Buffer> borrow(Address address, uint64_t size, Placement placement, std::string label,
                               std::shared_ptr<const void> owner) {
  return std::make_shared<SimBuffer>(nullptr, std::move(owner), address, size, placement, std::move(label),
                                     SimBuffer::Release::nothing);
}

}  // namespace phx::hal::sim
