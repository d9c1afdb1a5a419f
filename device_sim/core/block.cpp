#include "device_sim/core/block.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "device_sim/core/execution.h"

namespace phx::sim {

namespace {
// From here on pages come from the system one by one as they are touched; below, clearing is cheaper.
constexpr size_t kMapBytes = 256 * 1024;

// Moves out what the warps did since the last call.
BlockEvents events_of(Machinery& m) {
  BlockEvents events;
  if (!m.frame.recording) return events;
  events.warps.reserve(m.warps.size());
  for (Warp& warp : m.warps) {
    warp.words_taken += warp.events.words.size();
    warp.accesses_taken += warp.events.accesses.size();
    // The next block or round is likely to do about as much.
    constexpr size_t kUsual = 64;
    WarpEvents next;
    next.words.reserve(std::min(kUsual, warp.events.words.size()));
    next.accesses.reserve(std::min(kUsual, warp.events.accesses.size()));
    events.warps.push_back(std::exchange(warp.events, std::move(next)));
  }
  events.arrivals = std::exchange(m.arrivals, {});
  return events;
}

}  // namespace

AlignedBytes::AlignedBytes(size_t bytes) : size_((std::max<size_t>(bytes, 1) + 127) / 128 * 128) {
  if (size_ < kMapBytes) {
    data = static_cast<unsigned char*>(std::aligned_alloc(128, size_));
    return;
  }
  void* at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  data = at == MAP_FAILED ? nullptr : static_cast<unsigned char*>(at);
}
void AlignedBytes::clear() {
  if (!data) return;
  if (size_ < kMapBytes)
    std::memset(data, 0, size_);
  else
    madvise(data, size_, MADV_DONTNEED);
}
AlignedBytes::~AlignedBytes() {
  if (size_ < kMapBytes)
    std::free(data);
  else if (data)
    munmap(data, size_);
}

Machinery::Machinery(const LaunchContext& l) : launch(l), kernel(l.program->kernels()[l.kernel]), memory(*l.memory) {
  const bool simt = kernel.core == image::CoreKind::simt;
  threads = simt ? l.block[0] * l.block[1] * l.block[2] : 1;
  // A tile program has its core's unified buffer to itself.
  ub_bytes = simt ? uint64_t{kernel.ub_static_bytes} + l.ub_dynamic_bytes
                  : static_cast<uint64_t>(std::max<int64_t>(l.machine->chip.buffers.ub_usable_bytes(), 0));
  const machine::Simt& machine = l.machine->chip.simt;
  const auto bank_count = static_cast<uint64_t>(std::clamp<int64_t>(machine.shared_banks, 0, Banks::kMost));
  const auto bank_width = static_cast<uint64_t>(std::max<int64_t>(machine.shared_bank_width_bytes, 0));
  if (std::has_single_bit(bank_count)) banks.count = static_cast<unsigned>(bank_count);
  if (std::has_single_bit(bank_width)) banks.width_bits = static_cast<unsigned>(std::countr_zero(bank_width));
  const unsigned count = (threads + isa::kWarpLanes - 1) / isa::kWarpLanes;
  const size_t file = std::max<size_t>(kernel.lane_registers, 2) * isa::kWarpLanes;
  const size_t local_of_warp = size_t{kernel.local_bytes} * isa::kWarpLanes;
  ub = std::make_unique<AlignedBytes>(ub_bytes);
  registers = std::make_unique<AlignedBytes>(file * 4 * count);
  local = std::make_unique<AlignedBytes>(local_of_warp * count);

  const DecodedProgram& program =
      l.program->decoded(simt && (l.checks.initcheck || l.checks.racecheck || l.checks.hints));
  frame.code = program.code.data();
  frame.operations = program.operations.data();
  entry = frame.code + l.program->entry(l.kernel);
  frame.machinery = this;
  frame.recording = l.record_events;
  frame.ub = ub->data;
  frame.ub_bytes = ub->data ? ub_bytes : 0;  // what the host cannot provide is out of bounds
  frame.params = reinterpret_cast<const unsigned char*>(l.arguments.data());
  frame.param_bytes = l.arguments.size();
  frame.local_bytes = local->data ? kernel.local_bytes : 0;
  if (kernel.core == image::CoreKind::aiv) tile_buffers[0] = {frame.ub, frame.ub_bytes};
  if (kernel.core == image::CoreKind::aic) {
    frame.ub_bytes = 0;
    const machine::Buffers& b = l.machine->chip.buffers;
    const int64_t sizes[] = {b.l1_bytes, b.l0a_bytes, b.l0b_bytes, b.l0c_bytes, b.bt_bytes};
    size_t total = 0;
    for (int64_t size : sizes) total += static_cast<size_t>(size);
    cube_buffers = std::make_unique<AlignedBytes>(total);
    unsigned char* at = cube_buffers->data;
    for (unsigned i = 0; at && i < std::size(sizes); at += sizes[i++])
      tile_buffers[i + 1] = {at, static_cast<uint64_t>(sizes[i])};
  }
  generation = memory.generation();
  if (l.checks.initcheck || l.checks.racecheck || (simt && l.checks.hints))
    checks = std::make_unique<AccessChecks>(l.checks, threads, simt ? frame.ub_bytes : 0, frame.local_bytes);
  if (l.checks.initcheck && !simt) {
    std::array<uint64_t, kTileBuffers> bytes{};
    for (unsigned i = 0; i < kTileBuffers; ++i) bytes[i] = tile_buffers[i].bytes;
    contents = std::make_unique<TileContents>(bytes);
  }
  if ((l.checks.synccheck || l.checks.hints) && !simt) pipe_order = std::make_unique<PipeOrder>(l.checks.hints);

  warps.resize(count);
  uint32_t thread[3] = {};
  for (unsigned w = 0; w < count; ++w) {
    Warp& warp = warps[w];
    warp.index = w;
    warp.r = reinterpret_cast<uint32_t*>(registers->data) + file * w;
    warp.local = local->data + local_of_warp * w;
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned axis = 0; axis < 3; ++axis) warp.tid[axis][lane] = thread[axis];
      if (++thread[0] == l.block[0]) {
        thread[0] = 0;
        if (++thread[1] == l.block[1]) {
          thread[1] = 0;
          ++thread[2];
        }
      }
    }
  }
}

std::string name_of_program(const Machinery& m) {
  const char* kind = m.launch.group_aiv == 0 ? "program " : m.kernel.core == image::CoreKind::aic ? "AIC " : "AIV ";
  return kind + std::to_string(m.program);
}

void Machinery::start(uint64_t i, uint16_t member, uint32_t c) {
  static_cast<BlockProgress&>(*this) = {};
  index = i;
  device = member;
  ordinal = member < launch.members.size() ? launch.members[member] : member;
  core = c;
  const auto& grid = launch.grid;
  program = i;
  ctaid = {static_cast<uint32_t>(i % grid[0]), static_cast<uint32_t>(i / grid[0] % grid[1]),
           static_cast<uint32_t>(i / grid[0] / grid[1])};
  if (launch.group_aiv) {
    const uint64_t group = i / (launch.group_aiv + 1), place = i % (launch.group_aiv + 1);
    program = kernel.core == image::CoreKind::aic ? group : group * launch.group_aiv + place - 1;
    ctaid = {static_cast<uint32_t>(program), 0, 0};
  }
  live_lanes = threads;
  if (kernel.core != image::CoreKind::simt) flags = {};
  if (pipe_order) pipe_order->clear();
  if (checks) checks->start(i);
  if (contents) contents->start();
  if (ub_bytes && kernel.core != image::CoreKind::aic) ub->clear();
  if (cube_buffers) cube_buffers->clear();
  if (kernel.local_bytes) local->clear();
  registers->clear();
  for (Warp& warp : warps) {
    static_cast<WarpProgress&>(warp) = {};
    const unsigned lanes = std::min(isa::kWarpLanes, threads - warp.index * isa::kWarpLanes);
    warp.live = lanes == 32 ? kAllLanes : (1u << lanes) - 1;
    warp.regions.clear();
    add_first_split(warp, entry);
  }
}

BlockStorage::BlockStorage() = default;
BlockStorage::~BlockStorage() = default;
BlockStorage::BlockStorage(BlockStorage&&) noexcept = default;

Block::Block(const LaunchContext& launch, uint64_t index, uint16_t device, uint32_t core)
    : launch_(&launch), index_(index), core_(core), device_(device) {}
Block::~Block() = default;
Block::Block(Block&&) noexcept = default;
Block& Block::operator=(Block&&) noexcept = default;

BlockStatus Block::run(uint64_t budget, BlockStorage& storage) {
  if (status_ != BlockStatus::ready && status_ != BlockStatus::parked) return status_;
  if (!machinery_) {
    if (storage.free_.empty()) {
      machinery_ = std::make_unique<Machinery>(*launch_);
    } else {
      machinery_ = std::move(storage.free_.back());
      storage.free_.pop_back();
    }
    machinery_->start(index_, device_, core_);
  }
  status_ = machinery_->status = run_block(*machinery_, std::max<uint64_t>(budget, 1));
  statistics_ = machinery_->statistics;
  if (status_ == BlockStatus::finished || status_ == BlockStatus::faulted) {
    findings_ = sim::order_findings(*machinery_);
    if (machinery_->checks) std::ranges::move(machinery_->checks->take_findings(), std::back_inserter(findings_));
    if (machinery_->contents) std::ranges::move(machinery_->contents->take_findings(), std::back_inserter(findings_));
  }
  if (status_ == BlockStatus::finished) {
    std::ranges::move(surplus_flags(*machinery_), std::back_inserter(findings_));
    if (machinery_->pipe_order && machinery_->pipe_order->use() && machinery_->pipe_order->use()->complete())
      flag_use_ = machinery_->pipe_order->use()->take();
    if (machinery_->kernel.core == image::CoreKind::simt && launch_->checks.hints)
      flag_use_ = machinery_->checks->take_barrier_use();
    services_ = std::exchange(machinery_->services, {});
    events_ = events_of(*machinery_);
    if (machinery_->checks) check_log_ = std::make_unique<CheckLog>(machinery_->checks->take_log());
    storage.free_.push_back(std::move(machinery_));
  }
  return status_;
}

BlockStatus Block::run(uint64_t budget) {
  BlockStorage storage;
  return run(budget, storage);
}

void Block::serve(OrderedState& state) {
  if (!machinery_) return;
  serve_block(*machinery_, state);
  status_ = machinery_->status;
  statistics_ = machinery_->statistics;
}

uint32_t Block::release_grid_barrier(uint32_t generation) {
  if (!machinery_) return 0;
  Machinery& m = *machinery_;
  uint32_t arrivals = 0;
  for (Warp& warp : m.warps)
    for (auto& split : warp.splits) {
      if (split->wait != Wait::grid) continue;
      split->wait = Wait::none;
      ++split->pc;
      ++arrivals;
      if (m.frame.recording) push_event(warp, EventKind::grid, generation);
    }
  if (m.checks) m.checks->grid_barrier();
  m.grid_lanes = 0;
  m.grid_generation = generation + 1;
  if (m.status == BlockStatus::grid_barrier) status_ = m.status = BlockStatus::ready;
  return arrivals;
}

const std::optional<Fault>& Block::fault() const {
  static const std::optional<Fault> none;
  return machinery_ ? machinery_->fault : none;
}
std::optional<Block::CrossWait> Block::cross_wait() const {
  if (!machinery_ || machinery_->kernel.core == image::CoreKind::simt) return std::nullopt;
  for (const Warp& warp : machinery_->warps)
    for (const auto& split : warp.splits)
      if (split->wait == Wait::ordered) return cross_wait_of(*machinery_, split->pc);
  return std::nullopt;
}
std::string Block::waits() const { return machinery_ ? wait_graph(*machinery_) : ""; }
Fault Block::stuck(FaultKind kind) const { return machinery_ ? stuck_fault(*machinery_, kind) : Fault{}; }

BlockEvents Block::take_events() {
  BlockEvents events = machinery_ ? events_of(*machinery_) : std::exchange(events_, {});
  events.block = index_;
  events.device = device_;
  events.finished = status_ == BlockStatus::finished;
  return events;
}

CheckLog Block::take_check_log() {
  if (machinery_ && machinery_->checks) return machinery_->checks->take_log();
  return check_log_ ? std::move(*std::exchange(check_log_, nullptr)) : CheckLog{};
}

std::vector<ServiceRecord> Block::take_services() {
  return std::exchange(machinery_ ? machinery_->services : services_, {});
}

}  // namespace phx::sim
