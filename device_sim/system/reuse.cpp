#include "device_sim/system/reuse.h"

#include <algorithm>
#include <cstring>

#include "device_sim/isa/isa.h"
#include "device_sim/system/system.h"

namespace phx::sim {
namespace {

constexpr uint64_t kLineMask = (uint64_t{1} << 44) - 1;
uint64_t line_of(uint64_t address) { return address / kLineBytes & kLineMask; }

// A text of words, compared as a whole.
class Name {
 public:
  explicit Name(std::string text = {}) : text_(std::move(text)) {}
  Name& operator<<(uint64_t word) {
    text_.append(reinterpret_cast<const char*>(&word), sizeof word);
    return *this;
  }
  void add(const void* bytes, size_t size) { text_.append(static_cast<const char*>(bytes), size); }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

void StreamDigest::add(const RoundEvents& round) {
  for (const BlockEvents& block : round.blocks) {
    add(block.block << 1 | block.finished);
    for (const WarpEvents& warp : block.warps) {
      add(warp.words.size() << 32 | warp.accesses.size());
      for (size_t i = 0; i + 1 < warp.words.size(); i += 2) add(uint64_t{warp.words[i]} << 32 | warp.words[i + 1]);
      if (warp.words.size() % 2) add(warp.words.back());
      for (uint64_t word : warp.accesses) add(word);
    }
    for (uint32_t arrivals : block.arrivals) add(arrivals);
  }
  for (const OrderedRecord& record : round.ordered) add(record.producer);
  for (uint64_t arrivals : round.grid_arrivals) add(arrivals);
  add(~uint64_t{0});
}

const TimedLaunch* TimedLaunches::find(const std::string& name, const StreamDigest& stream) const {
  for (auto [at, end] = launches_.equal_range(name); at != end; ++at)
    if (at->second.stream == stream) return &at->second;
  return nullptr;
}

void TimedLaunches::add(std::string name, TimedLaunch launch) {
  const uint64_t bytes = launch.effect->bytes();
  if (bytes > kMostBytes / 4 || find(name, launch.stream)) return;
  launches_.emplace(name, std::move(launch));
  bytes_ += bytes;
  order_.push_back(std::move(name));
  while (bytes_ > kMostBytes) {
    auto oldest = launches_.find(order_.front());
    bytes_ -= oldest->second.effect->bytes();
    launches_.erase(oldest);
    order_.pop_front();
  }
}

bool TimedLaunches::seen_before(const std::string& work) {
  if (seen_.size() >= kMostSeen) seen_.clear();
  return !seen_.insert(work).second;
}

std::optional<ReusableLaunch> ReusableLaunch::of(const LaunchRequest& request, std::optional<uint32_t> other_half,
                                                 const AddressSpace& memory) {
  if (request.members.size() != 1) return std::nullopt;
  const Program& program = *request.program;
  const uint16_t device = request.members.front();
  ReusableLaunch launch;
  launch.movable_ = true;
  Name work;
  work << program.identity()[0] << program.identity()[1] << request.kernel << request.ub_dynamic_bytes
       << request.cooperative;
  for (uint32_t extent : request.grid) work << extent;
  for (uint32_t extent : request.block) work << extent;
  bool proven = true;
  for (uint32_t half : {request.kernel, other_half.value_or(request.kernel)}) {
    const image::Kernel& kernel = program.kernels()[half];
    if (kernel.flags & image::kUsesClock) return std::nullopt;
    proven &= kernel.core != image::CoreKind::simt && !program.dependence(half);
    launch.movable_ &= proven && program.movable(half);
  }
  auto compare_streams = [&] {
    launch.movable_ = false;
    launch.by_stream_ = true;
    launch.pointers_.clear();
    launch.ranges_.clear();
    launch.work_ = std::move(work).text();
    return launch;
  };
  if (!proven) return compare_streams();

  const image::Kernel& kernel = program.kernels()[request.kernel];
  std::vector<std::byte> arguments(request.arguments.begin(), request.arguments.begin() + kernel.param_bytes);
  for (const image::Param& param : kernel.params) {
    if (!param.pointer || param.size != 8 || param.offset + 8 > arguments.size()) continue;
    uint64_t pointer;
    std::memcpy(&pointer, &arguments[param.offset], 8);
    std::memset(&arguments[param.offset], 0, 8);  // named below, with its buffer
    launch.pointers_.push_back(pointer);
  }
  if (!program.executable().code_relocations.empty())
    launch.pointers_.insert(launch.pointers_.end(), program.objects().begin(), program.objects().end());

  Name named = work;
  named << launch.movable_ << arguments.size();
  named.add(arguments.data(), arguments.size());
  for (uint64_t pointer : launch.pointers_) {
    const Buffer* buffer = memory.find(pointer);
    if (!buffer || buffer->freed || buffer->host) return compare_streams();
    const bool here =
        buffer->members.size() == 1 || buffer->placement == Placement::on
            ? buffer->members.front() == device
            : buffer->placement == Placement::replicated &&
                  std::find(buffer->members.begin(), buffer->members.end(), device) != buffer->members.end();
    if (!here) return compare_streams();
    named << pointer - buffer->address << buffer->size << buffer->read_only;
    launch.ranges_.push_back({line_of(buffer->address), line_of(buffer->address + buffer->size - 1)});
  }
  std::sort(launch.ranges_.begin(), launch.ranges_.end());
  launch.work_ = std::move(named).text();
  return launch;
}

std::optional<std::string> ReusableLaunch::name(timing::DeviceMemory& device, timing::Ticks start) const {
  if (device.untouched() && !ranges_.empty()) device.set_origin(ranges_.front().first);
  const std::optional<timing::MemoryCondition> condition = device.condition(start);
  if (!condition) return std::nullopt;
  Name name(work_);
  name << condition->contents[0] << condition->contents[1];
  for (int64_t busy : condition->busy) name << static_cast<uint64_t>(busy);
  for (uint64_t pointer : pointers_) name << (line_of(pointer) - device.origin() & kLineMask);
  if (!movable_ || !device.moves_by(kPageBytes)) name << device.origin();
  return std::move(name).text();
}

bool ReusableLaunch::covers(std::span<const uint64_t> accesses) const {
  // An access lies in the buffer that its first byte lies in; that was checked when it was made.
  auto known = [&](uint64_t word) {
    const uint64_t line = word >> 4 & kLineMask;
    auto after = std::upper_bound(ranges_.begin(), ranges_.end(), Range{line, ~uint64_t{0}});
    return after != ranges_.begin() && std::prev(after)->last >= line;
  };
  for (size_t at = 0; at < accesses.size();) {
    const uint64_t header = accesses[at++];
    const uint64_t count = header >> 16 & 0xFFFF;
    const auto kind = static_cast<AccessKind>(header & 0xFF);
    if (kind == AccessKind::dma) {
      for (uint64_t row = 0; row < count && at + 1 < accesses.size(); ++row) {
        if (!known(accesses[at + 1])) return false;
        at += accesses[at] >> 32 ? 3 : 2;
      }
    } else {
      const bool device = kind == AccessKind::gm_load || kind == AccessKind::gm_store || kind == AccessKind::gm_atomic;
      for (uint64_t i = 0; i < count && at < accesses.size(); ++i, ++at)
        if (device && !known(accesses[at])) return false;
    }
  }
  return true;
}

}  // namespace phx::sim
