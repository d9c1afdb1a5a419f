#include <phalanx/hal/drivers/null.h>

#include <phalanx/hal/service_ring.h>
#include <phalanx/hal/software_queue.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <deque>
#include <map>
#include <sstream>

namespace phx::hal::null {
namespace {

constexpr SimTime kCommandTime = kPicosecondsPerMicrosecond;
constexpr Address kFirstAddress = 0x8000'0000'0000'0000;  // non-canonical: the host faults on it
constexpr uint64_t kPage = 4096;

const std::map<std::string, PropertyValue, std::less<>>& properties() {
  static const std::map<std::string, PropertyValue, std::less<>> table = {
      {"name", std::string("null device")},
      {"architecture", std::string("null")},
      {"package", int64_t{0}},
      {"source.weakest", std::string("guessed")},
      {"simt.native", int64_t{0}},
      {"cores", int64_t{4}},
      {"clock", 1e9},
      {"grid.extent", int64_t{65535}},
      {"thread.registers", int64_t{128}},
      {"warp", int64_t{32}},
      {"block.threads", int64_t{1024}},
      {"block.registers", int64_t{65536}},
      {"block.shared", int64_t{48 << 10}},
      {"core.threads", int64_t{2048}},
      {"core.blocks", int64_t{16}},
      {"core.registers", int64_t{65536}},
      {"core.shared", int64_t{96 << 10}},
      {"memory.bandwidth", 1e12},
      {"memory.page", int64_t{kPage}},
      {"l2.size", int64_t{1 << 20}},
      {"engines.copy", int64_t{1}},
      {"host.to_device", 1e10},
      {"host.from_device", 1e10},
      {"host.cost.launch", int64_t{1'000'000}},
      {"host.cost.copy", int64_t{1'000'000}},
      {"host.cost.fill", int64_t{1'000'000}},
      {"host.cost.allocate", int64_t{1'000'000}},
      {"host.cost.free", int64_t{1'000'000}},
      {"host.cost.wait", int64_t{1'000'000}},
      {"host.cost.query", int64_t{100'000}},
      {"host.cost.event", int64_t{100'000}},
      {"host.cost.stream", int64_t{100'000}},
      {"host.cost.load", int64_t{1'000'000}},
      {"host.cost.call", int64_t{10'000}},
  };
  return table;
}

// Addresses and how much of each device they take. Ranges are never reused.
class AddressSpace {
 public:
  AddressSpace(uint32_t devices, uint64_t size) : used_(devices, 0), size_(size) {}

  StatusOr<Address> take(const Group& group, const BufferSpec& spec) {
    std::lock_guard lock(mutex_);
    for (uint32_t member = 0; member < group.size(); ++member) {
      uint64_t share = share_of(group, spec, member);
      uint64_t free = size_ - used_[group.first() + member];
      if (share > free)
        return Status(Code::out_of_memory, "buffer '" + spec.label + "' needs " + std::to_string(share) +
                                               " bytes of device " + std::to_string(group.first() + member) +
                                               ", which has " + std::to_string(free) + " left");
    }
    for (uint32_t member = 0; member < group.size(); ++member)
      used_[group.first() + member] += share_of(group, spec, member);
    uint64_t alignment = std::max(spec.alignment, kPage);
    next_ = (next_ + alignment - 1) & ~(alignment - 1);
    Address address = next_;
    next_ += (spec.size + 2 * kPage - 1) & ~(kPage - 1);  // a page nobody owns in between
    return address;
  }

  void give_back(const Group& group, const BufferSpec& spec) {
    std::lock_guard lock(mutex_);
    for (uint32_t member = 0; member < group.size(); ++member)
      used_[group.first() + member] -= share_of(group, spec, member);
  }

  uint64_t size() const { return size_; }
  uint64_t free(DeviceOrdinal device) const {
    std::lock_guard lock(mutex_);
    return size_ - used_[device];
  }

  Status import(uint64_t first, uint64_t size) {
    std::lock_guard lock(mutex_);
    auto after = imports_.lower_bound(first);
    bool overlaps = (after != imports_.end() && after->first < first + size) ||
                    (after != imports_.begin() && std::prev(after)->second > first);
    if (overlaps) return Status(Code::invalid_argument, "host memory overlaps memory that is imported already");
    imports_[first] = first + size;
    return {};
  }
  void forget_import(uint64_t first) {
    std::lock_guard lock(mutex_);
    imports_.erase(first);
  }

 private:
  static uint64_t share_of(const Group& group, const BufferSpec& spec, uint32_t member) {
    switch (spec.placement.kind) {
      case Placement::Kind::on:
        return member == spec.placement.member ? spec.size : 0;
      case Placement::Kind::replicated:
        return spec.size;
      case Placement::Kind::blocked:
      case Placement::Kind::interleaved:
        return (spec.size + group.size() - 1) / group.size();
      case Placement::Kind::host:
        return 0;
    }
    return 0;
  }

  mutable std::mutex mutex_;
  std::vector<uint64_t> used_;
  uint64_t size_;
  Address next_ = kFirstAddress;
  std::map<uint64_t, uint64_t> imports_;  // first -> end
};

class NullBuffer final : public Buffer {
 public:
  NullBuffer(std::shared_ptr<AddressSpace> space, Group group, BufferSpec spec, Address address)
      : space_(std::move(space)), group_(std::move(group)), spec_(std::move(spec)), address_(address) {}
  ~NullBuffer() override {
    if (spec_.placement.kind == Placement::Kind::host)
      space_->forget_import(address_);
    else
      space_->give_back(group_, spec_);
  }
  Address address() const override { return address_; }
  uint64_t size() const override { return spec_.size; }
  const Placement& placement() const override { return spec_.placement; }
  const std::string& label() const override { return spec_.label; }

 private:
  std::shared_ptr<AddressSpace> space_;
  Group group_;
  BufferSpec spec_;
  Address address_;
};

class NullExecutable final : public Executable {
 public:
  const std::vector<EntryPoint>& entries() const override { return entries_; }
  StatusOr<uint32_t> find(std::string_view name) const override {
    for (uint32_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].name == name) return i;
    return Status(Code::not_found, "the executable has no kernel '" + std::string(name) + "'");
  }
  StatusOr<Symbol> symbol(std::string_view name) const override {
    auto found = symbols_.find(name);
    if (found == symbols_.end())
      return Status(Code::not_found, "the executable has no variable '" + std::string(name) + "'");
    return found->second;
  }
  StatusOr<Occupancy> occupancy(uint32_t entry, uint32_t block_threads, uint64_t dynamic_shared) const override {
    if (entry >= entries_.size()) return Status(Code::invalid_argument, "no such entry");
    if (block_threads == 0 || block_threads > 1024)
      return Status(Code::out_of_resources, "a block has 1 to 1024 threads");
    if (dynamic_shared > 48 << 10) return Status(Code::out_of_resources, "a block has at most 48 KiB of shared memory");
    return Occupancy{std::max(1u, std::min(16u, 2048u / block_threads)), 32, "threads"};
  }

  std::vector<EntryPoint> entries_;
  std::map<std::string, Symbol, std::less<>> symbols_;
};

class NullDriver final : public Driver {
 public:
  NullDriver(Topology topology, uint64_t memory, Telemetry* sink)
      : topology_(std::move(topology)), space_(std::make_shared<AddressSpace>(topology_.size(), memory)), sink_(sink) {
    facts_ = {"null", "functional", topology_.size(), "guessed", 0, {"the null driver runs nothing"}};
    for (uint32_t i = 0; i < topology_.size(); ++i) rings_.emplace_back();
    scheduler_ = std::make_shared<SubmissionScheduler>(
        [this](const Group& group, EngineKind, const Submission& submission, SimTime ready) -> StatusOr<SimTime> {
          return run(group, submission, ready);
        });
  }

  const MachineFacts& facts() const override { return facts_; }
  bool executes() const override { return false; }
  const Topology& topology() const override { return topology_; }
  void summarize() override {}
  void cancel() override {}

 protected:
  StatusOr<PropertyValue> do_property(DeviceOrdinal device, std::string_view key) const override {
    if (key == "memory.size") return PropertyValue(static_cast<int64_t>(space_->size()));
    if (key == "memory.free") return PropertyValue(static_cast<int64_t>(space_->free(device)));
    auto found = properties().find(key);
    if (found == properties().end())
      return Status(Code::not_found, "the null device has no property '" + std::string(key) + "'");
    return found->second;
  }
  ServiceRing& do_service_ring(DeviceOrdinal device) override { return rings_[device]; }
  StatusOr<std::unique_ptr<Queue>> do_create_queue(const Group& group, EngineKind kind) override {
    return scheduler_->create_queue(group, kind);
  }
  std::shared_ptr<Semaphore> do_create_semaphore(uint64_t initial) override {
    return scheduler_->create_semaphore(initial);
  }
  StatusOr<std::shared_ptr<Buffer>> do_allocate(const Group& group, const BufferSpec& spec) override {
    auto address = space_->take(group, spec);
    if (!address) return address.status();
    return std::shared_ptr<Buffer>(std::make_shared<NullBuffer>(space_, group, spec, *address));
  }
  StatusOr<std::shared_ptr<Buffer>> do_import_host(const Group& group, void* memory, uint64_t size,
                                                   const std::string& label) override {
    auto first = reinterpret_cast<uint64_t>(memory);
    if (Status status = space_->import(first, size); !status) return status;
    BufferSpec spec{size, 1, {Placement::Kind::host, 0, 0, false}, label};
    return std::shared_ptr<Buffer>(std::make_shared<NullBuffer>(space_, group, std::move(spec), first));
  }
  StatusOr<std::shared_ptr<Executable>> do_load(const Group& group, std::span<const std::byte> bytes,
                                                const std::string& label) override {
    std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    auto executable = std::make_shared<NullExecutable>();
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      std::istringstream words(line);
      std::string what, name;
      uint64_t size = 0;
      if (!(words >> what)) continue;
      if (!(words >> name >> size) || size > (1u << 30) || (what != "kernel" && what != "symbol"))
        return Status(Code::data_corrupt,
                      label + ":" + std::to_string(number) + ": expected 'kernel NAME BYTES' or 'symbol NAME SIZE'");
      if (what == "kernel") {
        EntryPoint entry;
        entry.name = name;
        entry.argument_bytes = static_cast<uint32_t>(size);
        executable->entries_.push_back(std::move(entry));
      } else {
        auto buffer = group.allocate({std::max<uint64_t>(size, 1), 256, Placement::on(0), name});
        if (!buffer) return buffer.status();
        executable->symbols_[name] = Symbol{*buffer, 0, size, false};
      }
    }
    return std::shared_ptr<Executable>(std::move(executable));
  }
  StatusOr<uint64_t> do_measure(const void* start) const override {
    return uint64_t{std::strlen(static_cast<const char*>(start))};  // embedded text ends with a NUL
  }

 private:
  // Everything before a barrier takes one command's time, whatever there is.
  StatusOr<SimTime> run(const Group& group, const Submission& submission, SimTime ready) {
    if (!submission.commands) return ready;
    SimTime start = ready, end = ready;
    for (const Command& command : submission.commands->commands()) {
      if (std::holds_alternative<Barrier>(command)) {
        start = end;
        continue;
      }
      if (auto* host = std::get_if<HostCall>(&command)) {
        start = end;
        host->call(end);
        continue;
      }
      end = std::max(end, start + kCommandTime);
      if (auto* dispatch = std::get_if<Dispatch>(&command); dispatch && sink_) {
        KernelRecord record;
        record.kernel = dispatch->executable->entries()[dispatch->entry].name;
        for (uint32_t i = 0; i < group.size(); ++i) record.devices.push_back(group.first() + i);
        record.grid = dispatch->grid;
        record.block = dispatch->block;
        record.start = start;
        record.end = start + kCommandTime;
        record.label = submission.label;
        sink_->kernel(record);
      }
    }
    return end;
  }

  MachineFacts facts_;
  Topology topology_;
  std::shared_ptr<AddressSpace> space_;
  Telemetry* sink_;
  std::deque<ServiceRing> rings_;
  std::shared_ptr<SubmissionScheduler> scheduler_;
};

StatusOr<uint64_t> number(const Config& config, const std::string& key, uint64_t otherwise, uint64_t most) {
  auto found = config.find(key);
  if (found == config.end()) return otherwise;
  const std::string& text = found->second;
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > most)
    return Status(Code::invalid_argument,
                  "option '" + key + "' is '" + text + "'; expected a number from 1 to " + std::to_string(most));
  return value;
}

StatusOr<std::shared_ptr<Driver>> open(const Config& config, Telemetry* sink) {
  auto devices = number(config, "devices", 1, 1u << 20);
  if (!devices) return devices.status();
  auto memory = number(config, "memory", uint64_t{1} << 30, uint64_t{1} << 60);
  if (!memory) return memory.status();
  std::vector<Level> levels;
  levels.push_back({"package", 1, {}});
  levels.push_back({"node", 1u << 20, {"null", kPicosecondsPerMicrosecond, 1e10, 1e10, 1e10, 1}});
  auto topology = Topology::create(std::move(levels), static_cast<uint32_t>(*devices));
  if (!topology) return topology.status();
  return std::shared_ptr<Driver>(std::make_shared<NullDriver>(std::move(*topology), *memory, sink));
}

}  // namespace

DriverKind driver_kind() {
  return {"null",
          "accepts everything, runs nothing",
          {{"devices", "a positive integer", "1", "devices to open"},
           {"memory", "bytes", "1073741824", "memory of each device"}},
          &open};
}

}  // namespace phx::hal::null
