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
// From here on pages come from the system one by one as they are touched; below, clearing is cheaper than mapping.
constexpr size_t kMapBytes = 256 * 1024;
}  // namespace

AlignedBytes::AlignedBytes(size_t bytes) : size_((std::max<size_t>(bytes, 1) + 127) / 128 * 128) {
  if (size_ < kMapBytes) {
    data = static_cast<unsigned char*>(std::aligned_alloc(128, size_));
    if (data) std::memset(data, 0, size_);
    return;
  }
  void* at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  data = at == MAP_FAILED ? nullptr : static_cast<unsigned char*>(at);
}
AlignedBytes::~AlignedBytes() {
  if (size_ < kMapBytes)
    std::free(data);
  else if (data)
    munmap(data, size_);
}

Machinery::Machinery(const LaunchContext& l, uint64_t i, uint16_t member, uint32_t c)
    : launch(l),
      kernel(l.program->kernels()[l.kernel]),
      memory(*l.memory),
      index(i),
      device(member),
      ordinal(member < l.members.size() ? l.members[member] : member),
      core(c) {
  const bool simt = kernel.core == image::CoreKind::simt;
  ctaid = {static_cast<uint32_t>(i % l.grid[0]), static_cast<uint32_t>(i / l.grid[0] % l.grid[1]),
           static_cast<uint32_t>(i / l.grid[0] / l.grid[1])};
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

  const DecodedProgram& program = l.program->decoded();
  frame.code = program.code.data();
  frame.operations = program.operations.data();
  frame.machinery = this;
  frame.recording = l.record_events;
  frame.ub = ub->data;
  frame.ub_bytes = ub->data ? ub_bytes : 0;  // what the host cannot provide is out of bounds
  frame.params = reinterpret_cast<const unsigned char*>(l.arguments.data());
  frame.param_bytes = l.arguments.size();
  frame.local_bytes = local->data ? kernel.local_bytes : 0;
  generation = memory.generation();

  warps.resize(count);
  uint32_t thread[3] = {};
  for (unsigned w = 0; w < count; ++w) {
    Warp& warp = warps[w];
    warp.index = w;
    const unsigned lanes = std::min(isa::kWarpLanes, threads - w * isa::kWarpLanes);
    warp.live = lanes == 32 ? kAllLanes : (1u << lanes) - 1;
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
    auto split = std::make_unique<Split>();
    std::memset(split->s, 0, sizeof split->s);
    std::memset(split->p, 0, sizeof split->p);
    split->s[kScalarOnes] = ~uint64_t{0};
    split->p[kPredicateOnes] = ~uint32_t{0};
    split->mask = warp.live;
    split->pc = frame.code + l.program->entry(l.kernel);
    warp.splits.push_back(std::move(split));
    live_lanes += lanes;
  }
}

struct Block::State : Machinery {
  using Machinery::Machinery;
};

Block::Block(const LaunchContext& launch, uint64_t index, uint16_t device, uint32_t core)
    : state_(std::make_unique<State>(launch, index, device, core)) {}
Block::~Block() = default;
Block::Block(Block&&) noexcept = default;

BlockStatus Block::run(uint64_t budget) {
  if (state_->status == BlockStatus::ready || state_->status == BlockStatus::parked)
    state_->status = run_block(*state_, std::max<uint64_t>(budget, 1));
  return state_->status;
}

void Block::serve(OrderedState& state) { serve_block(*state_, state); }

uint32_t Block::release_grid_barrier(uint32_t generation) {
  Machinery& m = *state_;
  uint32_t arrivals = 0;
  for (Warp& warp : m.warps)
    for (auto& split : warp.splits) {
      if (split->wait != Wait::grid) continue;
      split->wait = Wait::none;
      ++split->pc;
      ++arrivals;
      if (m.frame.recording) push_event(warp, EventKind::grid, generation);
    }
  m.grid_lanes = 0;
  m.grid_generation = generation + 1;
  if (m.status == BlockStatus::grid_barrier) m.status = BlockStatus::ready;
  return arrivals;
}

uint64_t Block::index() const { return state_->index; }
uint16_t Block::device() const { return state_->device; }
BlockStatus Block::status() const { return state_->status; }
const std::optional<Fault>& Block::fault() const { return state_->fault; }
std::string Block::waits() const { return wait_graph(*state_); }
const Block::Statistics& Block::statistics() const { return state_->statistics; }

BlockEvents Block::take_events() {
  Machinery& m = *state_;
  BlockEvents events;
  events.block = m.index;
  events.device = m.device;
  events.finished = m.status == BlockStatus::finished;
  events.warps.reserve(m.warps.size());
  for (Warp& warp : m.warps) {
    warp.words_taken += warp.events.words.size();
    warp.accesses_taken += warp.events.accesses.size();
    events.warps.push_back(std::move(warp.events));
    warp.events = {};
  }
  events.arrivals = std::move(m.arrivals);
  m.arrivals.clear();
  return events;
}

std::vector<ServiceRecord> Block::take_services() { return std::exchange(state_->services, {}); }

}  // namespace phx::sim
