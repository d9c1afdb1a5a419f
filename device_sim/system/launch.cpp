// A launch: resident blocks run in bounded rounds; after each round the ordered operations are served in (device,
// block, warp, lane) order and the round's events go to the timing engine.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <random>
#include <set>
#include <tuple>

#include <tbb/blocked_range.h>
#include <tbb/enumerable_thread_specific.h>
#include <tbb/parallel_for.h>
#include <tbb/task_group.h>

#include "device_sim/core/grid_checks.h"
#include "device_sim/system/cross_flags.h"
#include "device_sim/system/reuse.h"
#include "device_sim/system/state.h"
#include "device_sim/system/system.h"
#include "device_sim/trace/trace.h"

namespace phx::sim {
namespace {

// Warp instructions a warp may execute in one round. Bounds the memory that a round's events take; without events
// nothing speaks against long rounds.
constexpr uint64_t kRoundBudgetTimed = 4096;
constexpr uint64_t kRoundBudgetFunctional = 1 << 18;

// Events kept before anybody knows whether they are those of an earlier launch.
constexpr uint64_t kMostHeldBytes = uint64_t{256} << 20;

// All warps together may execute this many times the limit of one warp before some block ends.
constexpr uint64_t kLaunchWatchdogFactor = 4;

uint64_t volume(const std::array<uint32_t, 3>& shape) { return uint64_t{shape[0]} * shape[1] * shape[2]; }

std::string text(const std::array<uint32_t, 3>& shape) {
  return "(" + std::to_string(shape[0]) + ", " + std::to_string(shape[1]) + ", " + std::to_string(shape[2]) + ")";
}

// Member m runs blocks [result[m], result[m + 1]): runs of equal length, the first ones longer by one where it does not
// divide.
std::vector<uint64_t> split(uint64_t blocks, uint64_t members) {
  std::vector<uint64_t> first(members + 1);
  for (uint64_t m = 0; m <= members; ++m) first[m] = m * (blocks / members) + std::min(m, blocks % members);
  return first;
}

struct Member {
  uint64_t next = 0, last = 0;       // groups still to start
  std::vector<uint32_t> free_slots;  // descending, so that the lowest is taken first
  std::vector<uint32_t> under_way;   // by slot: blocks that have not ended
};

class Launch {
 public:
  Launch(System::State& state, const LaunchRequest& request) : state_(state), request_(request) {}

  LaunchResult run() {
    LaunchResult result;
    result.start_seconds = result.end_seconds = request_.start_seconds;
    if ((result.refused = check())) return result;
    result.blocks = blocks_;
    result.threads = blocks_ * threads_;

    if (state_.options.mode == Mode::timing_only && (result.refused = check_independence())) {
      result.unsupported = true;
      return result;
    }
    const bool timed = state_.options.mode != Mode::functional;
    if (timed && state_.options.reuse) look_up();
    if (known_ && state_.options.mode == Mode::timing_only && !state_.options.checks.any()) {
      totals_ = known_->statistics;  // nothing would come of running it
      done_ = blocks_;
      finished_ = true;
      if (request_.progress) request_.progress(done_, blocks_);
      result.fault = cancelled();
    } else {
      prepare(timed);
    }
    while (!finished_) {
      fill_slots();
      step(timed ? kRoundBudgetTimed : kRoundBudgetFunctional);
      if ((result.fault = std::move(fault_))) break;
    }
    if (!result.fault) {
      result.findings = faults_of_findings();
      result.hints = hints();
      if (checks_) result.footprint = std::make_shared<const Footprint>(checks_->take_footprint());
      if (!result.findings.empty()) result.fault = result.findings.front();
    }
    conclude(result, timed);
    return result;
  }

 private:
  struct Resident {
    uint32_t slot;
    Block block;
  };

  const image::Kernel& kernel() const { return request_.program->kernels()[request_.kernel]; }

  // What makes the launch impossible, if anything.
  std::optional<Diagnostic> check() {
    const machine::Chip& chip = state_.machine.chip;
    const machine::Simt& simt = chip.simt;
    const std::string who = kernel().display_name.empty() ? kernel().name : kernel().display_name;
    const bool runs_simt = kernel().core == image::CoreKind::simt;
    other_half_ = image::partner(request_.program->kernels(), request_.kernel);
    if (other_half_) group_aiv_ = static_cast<uint32_t>(std::max<int64_t>(1, chip.aiv / chip.aic));
    blocks_ = volume(request_.grid) * (1 + group_aiv_);
    threads_ = volume(request_.block);
    if (blocks_ == 0 || threads_ == 0)
      return error(who + ": grid " + text(request_.grid) + " and block " + text(request_.block) +
                   " must not have a zero");
    for (uint32_t extent : request_.grid)
      if (extent > static_cast<uint64_t>(simt.max_grid_dim))
        return error(who + ": grid " + text(request_.grid) + " exceeds " + std::to_string(simt.max_grid_dim) +
                     " in a dimension");
    if (!runs_simt && threads_ != 1)
      return error(who + ": a tile program is one thread, block " + text(request_.block) + " asks for " +
                   std::to_string(threads_));
    if (runs_simt) {
      if (threads_ > static_cast<uint64_t>(simt.max_threads_per_block))
        return error(who + ": " + std::to_string(threads_) + " threads a block exceed the machine's " +
                     std::to_string(simt.max_threads_per_block));
      if (threads_ > kernel().max_threads)
        return error(who + ": " + std::to_string(threads_) + " threads a block exceed the kernel's " +
                     std::to_string(kernel().max_threads));
    }
    if (request_.arguments.size() < kernel().param_bytes)
      return error(who + ": " + std::to_string(request_.arguments.size()) + " argument bytes, the kernel takes " +
                   std::to_string(kernel().param_bytes));
    if (request_.members.empty()) return error(who + ": a launch needs at least one member device");
    std::string reason;
    per_core_ = runs_simt ? blocks_per_core(state_.machine, kernel(), static_cast<uint32_t>(threads_),
                                            request_.ub_dynamic_bytes, &reason)
                          : 1;
    if (per_core_ == 0) return error(who + ": no core can hold a block: " + reason);
    slots_ = resident_groups(state_.machine, kernel()) * per_core_;
    const uint64_t groups = volume(request_.grid), most = slots_ * request_.members.size();
    if (request_.cooperative && groups > most)
      return error(who + ": a cooperative launch of " + std::to_string(groups) + (other_half_ ? " groups" : " blocks") +
                   " exceeds the " + std::to_string(most) + " that are resident at once");
    return std::nullopt;
  }

  // Timing-only mode: what makes the launch need its data, if anything.
  std::optional<Diagnostic> check_independence() {
    const image::Executable& executable = request_.program->executable();
    auto place = [&](const image::SourceFrame* frame, uint32_t word) {
      return frame ? frame->file + ":" + std::to_string(frame->line) : "word " + std::to_string(word);
    };
    for (uint32_t half : {request_.kernel, other_half_.value_or(request_.kernel)}) {
      const image::Kernel& k = request_.program->kernels()[half];
      const std::string who = k.display_name.empty() ? k.name : k.display_name;
      if (k.core == image::CoreKind::simt) {
        const std::string at = k.file.empty() ? "" : " (" + k.file + ":" + std::to_string(k.line) + ")";
        return error(who + at + ": timing-only mode is for tile kernels; what a SIMT kernel does depends on its data");
      }
      const std::optional<DataDependence> found = request_.program->dependence(half);
      if (!found) continue;
      auto where = [&](uint32_t index) {
        const uint32_t word = request_.program->word_of(index);
        return place(image::user_frame(executable.source(word)), word);
      };
      const auto code = request_.program->code();
      return error(who + ": timing-only mode needs times that do not depend on data, but `" +
                   std::string(isa::row(code[found->use].op)->mnemonic) + "` at " + where(found->use) +
                   " depends on what `" + std::string(isa::row(code[found->load].op)->mnemonic) + "` at " +
                   where(found->load) + " loads");
    }
    return std::nullopt;
  }

  uint64_t start_cycle() const {
    return static_cast<uint64_t>(request_.start_seconds * state_.machine.chip.clock_hz + 0.5);
  }
  timing::Ticks start_ticks() const { return static_cast<timing::Ticks>(start_cycle()) * timing::kCycle; }

  // Finds the launch among those that were simulated, or marks it for being recorded.
  void look_up() {
    reusable_ = ReusableLaunch::of(request_, other_half_, state_.memory);
    if (!reusable_) return;
    // What runs on one of several devices is likely to run on the others as well; else the second time tells.
    if (!state_.launches.seen_before(reusable_->work()) && state_.options.devices == 1) return;
    const auto name = reusable_->name(state_.timing_of(request_.members.front()).memory(), start_ticks());
    if (!name) return;
    name_ = *name;
    recorded_ = true;
    if (reusable_->by_stream()) {
      holding_ = state_.launches.contains(name_);
      return;
    }
    known_ = state_.launches.find(name_);
    recorded_ = !known_;
  }

  void record(const LaunchCounters& counters) {
    for (const char* far : {"remote_read", "remote_write", "host_read", "host_write"})
      if (counters.bytes.contains(far)) return;
    auto effect = state_.timing_of(request_.members.front()).memory().effect(start_ticks());
    state_.launches.add(name_,
                        {stream_, counters, totals_, std::make_shared<const timing::LaunchEffect>(std::move(effect))});
  }

  void repeat() {
    state_.timing_of(request_.members.front()).memory().repeat(known_->effect, start_ticks());
    if (!state_.options.trace) return;
    TraceSink& trace = *state_.options.trace;
    const double us_per_cycle = 1e6 / state_.machine.chip.clock_hz;
    TraceSink::Argument arguments[] = {{"cycles", static_cast<double>(known_->counters.cycles)},
                                       {"blocks", static_cast<double>(blocks_)},
                                       {"reused", 1}};
    const uint16_t ordinal = request_.members.front();
    const auto device = trace.process("device " + std::to_string(ordinal), TraceSink::kDevices + ordinal);
    const double from = static_cast<double>(start_cycle()) * us_per_cycle;
    const double took = static_cast<double>(known_->counters.cycles) * us_per_cycle;
    trace.span(trace.free_lane(device, "kernels", TraceSink::kKernels, from, from + took), kernel().display_name, from,
               took, arguments);
  }

  void start_engine() {
    std::vector<DeviceTiming*> devices;
    for (uint16_t member : request_.members) devices.push_back(&state_.timing_of(member));
    engine_ = std::make_unique<TimingEngine>(state_.machine, *request_.program, std::move(shape_), std::move(devices),
                                             start_cycle(), state_.options.trace);
  }

  // What happened in a round, for the timing engine - or to be kept until it is known whether anybody needs it.
  void tell(RoundEvents&& round) {
    if (recorded_ && reusable_->by_stream()) stream_.add(round);
    if (!holding_) return replay(std::move(round));
    for (const BlockEvents& block : round.blocks)
      for (const WarpEvents& warp : block.warps) held_bytes_ += warp.words.size() * 4 + warp.accesses.size() * 8;
    held_.push_back(std::move(round));
    if (held_bytes_ > kMostHeldBytes) replay_held();
  }
  // On another host thread while the next round runs, if there is one.
  void replay(RoundEvents&& round) {
    wait_for_replay();
    const bool more = std::any_of(members_.begin(), members_.end(), [](const Member& m) { return m.next < m.last; }) ||
                      std::any_of(resident_.begin(), resident_.end(),
                                  [](const Resident& entry) { return entry.block.status() != BlockStatus::finished; });
    if (!more || state_.options.threads == 1 || contexts_[0].clock) return engine_->feed(std::move(round));
    replayed_ = std::move(round);
    replaying_ = true;
    state_.arena.execute([&] { replay_.run([this] { engine_->feed(std::move(replayed_)); }); });
  }
  void wait_for_replay() {
    if (replaying_) state_.arena.execute([&] { replay_.wait(); });
    replaying_ = false;
  }
  void replay_held() {
    holding_ = false;
    start_engine();
    for (RoundEvents& round : held_) engine_->feed(std::move(round));
    held_.clear();
  }

  void prepare(bool timed) {
    LaunchContext& context_ = contexts_[0];
    context_.program = request_.program.get();
    context_.kernel = request_.kernel;
    context_.grid = request_.grid;
    context_.block = request_.block;
    context_.ub_dynamic_bytes = request_.ub_dynamic_bytes;
    context_.arguments.assign(request_.arguments.begin(), request_.arguments.begin() + kernel().param_bytes);
    context_.memory = &state_.memory;
    context_.members = request_.members;
    context_.machine = &state_.machine;
    context_.record_events = timed && !known_;
    context_.values = state_.options.mode != Mode::timing_only;
    context_.checks = state_.options.checks;
    context_.watchdog_instructions = state_.options.watchdog_instructions;
    context_.group_aiv = group_aiv_;

    std::vector<uint64_t> first = split(volume(request_.grid), request_.members.size());
    for (size_t m = 0; m < request_.members.size(); ++m) {
      Member member{first[m], first[m + 1], {}, {}};
      for (uint64_t slot = std::min(slots_, member.last - member.next); slot-- > 0;)
        member.free_slots.push_back(static_cast<uint32_t>(slot));
      member.under_way.resize(member.free_slots.size());
      members_.push_back(std::move(member));
    }
    if (timed && !known_) {
      TimingEngine::Shape& shape = shape_;
      shape.kernel = request_.kernel;
      shape.threads_per_block = static_cast<uint32_t>(threads_);
      shape.blocks_per_core = per_core_;
      shape.blocks = blocks_;
      shape.group_aiv = group_aiv_;
      for (uint64_t& block : first) block *= 1 + group_aiv_;
      shape.first_block = first;
      shape.members = request_.members;
      shape.ub_dynamic_bytes = request_.ub_dynamic_bytes;
      if (!holding_) start_engine();
      const bool other_reads = other_half_ && request_.program->kernels()[*other_half_].flags & image::kUsesClock;
      if (other_reads || kernel().flags & image::kUsesClock)
        contexts_[0].clock = [this](uint64_t block, unsigned warp) { return engine_->clock(block, warp); };
    }
    if (other_half_) {
      contexts_[1] = contexts_[0];
      const bool aic_first = kernel().core == image::CoreKind::aic;
      contexts_[aic_first ? 1 : 0].kernel = *other_half_;
    }
    if (state_.options.checks.initcheck || state_.options.checks.racecheck) {
      checks_.emplace(contexts_[0], state_.memory, [this](uint64_t block) { return member_of(block); });
      ordered_.checks = &*checks_;
    }
    ordered_.device_malloc = [this](uint64_t bytes) -> uint64_t {
      auto address =
          state_.memory.allocate(bytes, Placement::on, std::span(&request_.members.front(), 1), "device malloc");
      return address ? *address : 0;
    };
    ordered_.device_free = [this](uint64_t address) { return state_.memory.free(address).ok(); };
  }

  // Groups become resident in order, a block each but in a mix; a member's lowest free slot is taken first.
  void fill_slots() {
    for (size_t m = 0; m < members_.size(); ++m) {
      Member& member = members_[m];
      while (member.next < member.last && !member.free_slots.empty()) {
        const uint32_t slot = member.free_slots.back();
        member.free_slots.pop_back();
        const uint64_t first = member.next++ * (1 + group_aiv_);
        member.under_way[slot] = 1 + group_aiv_;
        resident_.push_back({slot, Block(contexts_[0], first, static_cast<uint16_t>(m), slot / per_core_)});
        for (uint32_t i = 0; i < group_aiv_; ++i)
          resident_.push_back(
              {slot, Block(contexts_[1], first + 1 + i, static_cast<uint16_t>(m), slot * group_aiv_ + i)});
      }
    }
    auto earlier = [](const Resident& a, const Resident& b) { return a.block.index() < b.block.index(); };
    if (!std::is_sorted(resident_.begin(), resident_.end(), earlier))
      std::sort(resident_.begin(), resident_.end(), earlier);
  }

  void step(uint64_t budget) {
    run_blocks(budget);
    if (checks_)
      for (auto& [slot, block] : resident_) checks_->take(block.index(), block.take_check_log());
    RoundEvents round;
    const bool coupled = static_cast<bool>(contexts_[0].clock);
    if (engine_ && coupled) {  // a clock read wants the events before it
      collect_events(round);
      tell(std::move(round));
      round = {};
    }
    if (first_fault()) return collect_services();
    const uint64_t served = ordered_.served;
    for (auto& [slot, block] : resident_) block.serve(ordered_);
    round.ordered = std::move(ordered_.records);
    ordered_.records.clear();
    if (!first_fault()) release_grid(round);
    if (!fault_ && ordered_.served == served) find_deadlock();
    collect_services();
    if (engine_ || holding_) {
      collect_events(round);
      tell(std::move(round));
    }
    if (!fault_) fault_ = cancelled();
    if (!fault_) retire();
    if (!fault_) watch();
  }

  std::optional<Fault> cancelled() const {
    if (!request_.cancel || !request_.cancel->load(std::memory_order_relaxed)) return std::nullopt;
    Fault fault;
    fault.kind = FaultKind::cancelled;
    fault.kernel = kernel().display_name;
    return fault;
  }

  // No block has ended for too long: with many warps that spin, the limit of a single warp would take hours to reach.
  void watch() {
    uint64_t under_way = 0;
    for (const auto& [slot, block] : resident_) under_way += block.statistics().warp_instructions;
    if (done_ != done_when_quiet_began_ || under_way < quiet_began_) {
      done_when_quiet_began_ = done_;
      quiet_began_ = under_way;
    }
    const uint64_t limit = kLaunchWatchdogFactor * state_.options.watchdog_instructions;
    if (under_way - quiet_began_ <= limit || resident_.empty()) return;
    fault_ = resident_.front().block.stuck(FaultKind::watchdog);
    fault_->device = request_.members[resident_.front().block.device()];
    fault_->detail = "no block has ended for " + std::to_string(limit) + " warp instructions; " +
                     std::to_string(resident_.size()) + " blocks are under way";
  }

  void run_blocks(uint64_t budget) {
    std::vector<uint32_t> order;  // empty: as they are
    if (state_.options.shuffle) {
      order.resize(resident_.size());
      std::iota(order.begin(), order.end(), 0u);
      std::mt19937_64 random(state_.options.shuffle + ++rounds_);
      std::shuffle(order.begin(), order.end(), random);
    }
    auto some = [&](const tbb::blocked_range<size_t>& range) {
      std::array<BlockStorage, 2>& storage = storage_.local();
      for (size_t i = range.begin(); i < range.end(); ++i) {
        Block& block = resident_[order.empty() ? i : order[i]].block;
        block.run(budget, storage[&block.launch() == &contexts_[1]]);
      }
    };
    const tbb::blocked_range<size_t> all(0, resident_.size());
    if (state_.options.threads == 1)
      some(all);
    else
      state_.arena.execute([&] { tbb::parallel_for(all, some); });
  }

  // The fault of the lowest block, so that the choice does not depend on host threads.
  bool first_fault() {
    for (auto& [slot, block] : resident_)
      if (block.status() == BlockStatus::faulted) {
        fault_ = block.fault();
        fault_->device = request_.members[block.device()];
        return true;
      }
    return false;
  }

  // The grid barrier opens when every block of the grid waits at it or has ended.
  void release_grid(RoundEvents& round) {
    bool any = false, waiting_outside = false;
    for (auto& [slot, block] : resident_) {
      if (block.status() == BlockStatus::grid_barrier) any = true;
      if (block.status() == BlockStatus::ready || block.status() == BlockStatus::parked) return;
    }
    if (!any) return;
    for (const Member& member : members_) waiting_outside |= member.next < member.last;
    const bool finishing = std::any_of(resident_.begin(), resident_.end(),
                                       [](const Resident& r) { return r.block.status() == BlockStatus::finished; });
    if (waiting_outside) {
      if (finishing) return;  // a slot frees first
      fault_ = Fault{};
      fault_->kind = FaultKind::deadlock;
      fault_->kernel = kernel().display_name;
      fault_->detail =
          "every resident block waits at the grid barrier, and blocks of the grid are not resident; use a cooperative "
          "launch";
      return;
    }
    uint64_t arrivals = 0;
    for (auto& [slot, block] : resident_)
      if (block.status() == BlockStatus::grid_barrier) arrivals += block.release_grid_barrier(grid_generation_);
    if (checks_) checks_->grid_barrier();
    ++grid_generation_;
    round.grid_arrivals.push_back(arrivals);
  }

  // Nothing was served: if all resident blocks wait, they wait forever.
  void find_deadlock() {
    for (const auto& [slot, block] : resident_)
      if (block.status() == BlockStatus::ready || block.status() == BlockStatus::finished) return;
    constexpr size_t kShown = 8;
    fault_ = resident_.front().block.stuck(FaultKind::deadlock);
    fault_->device = request_.members[resident_.front().block.device()];
    fault_->detail = "no block can go on";
    size_t shown = 0;
    for (const auto& [slot, block] : resident_) {
      if (++shown > kShown) break;
      fault_->detail += "\n" + name_of(block) + ": " + block.waits();
    }
    if (resident_.size() > kShown)
      fault_->detail += "\nand " + std::to_string(resident_.size() - kShown) + " more blocks";
    std::map<uint64_t, Block::CrossWait> waits;
    std::set<uint64_t> live;
    for (const auto& [slot, block] : resident_) {
      live.insert(block.index());
      if (auto wait = block.cross_wait()) waits.emplace(block.index(), *wait);
    }
    fault_->detail += cross_wait_graph(cross_flag_cores(), ordered_, waits, [&](uint64_t block) {
      const Member& member = members_[member_of(block)];
      const bool started = block / (1 + group_aiv_) < member.next;
      return started && !live.contains(block) ? CoreState::ended : CoreState::runs;
    });
  }

  CrossFlagCores cross_flag_cores() const {
    return {contexts_[0], blocks_, [this](uint64_t block) { return name_of(block); }};
  }

  // Of flags and barriers: what is no error, but worth a look.
  std::vector<std::string> hints() {
    const Checks& on = state_.options.checks;
    const bool simt = kernel().core == image::CoreKind::simt;
    if (!on.hints && (simt || !on.synccheck)) return {};
    const Program& program = *request_.program;
    FlagHints& known =
        program.identity() == Program::Identity{}
            ? hints_
            : state_.flag_hints[{program.identity(), std::min(request_.kernel, other_half_.value_or(request_.kernel))}];
    std::vector<std::string> hints;
    if (on.synccheck && !simt)
      for (const SurplusCrossFlag& surplus : surplus_cross_flags(cross_flag_cores(), ordered_))
        if (surplus.waited && known.tell(surplus.finding.later)) hints.push_back(surplus.finding.text);
    if (!on.hints) return hints;
    known.add(flag_use_);
    std::ranges::move(known.untold(program), std::back_inserter(hints));
    return hints;
  }

  // Blocks come in order of their index within a round, so the list does not depend on the host.
  void collect_findings(const std::vector<Finding>& found) {
    for (const Finding& finding : found) {
      if (std::any_of(findings_.begin(), findings_.end(), [&](const Finding& f) { return f.like(finding); })) continue;
      if (findings_.size() < kMostFindings)
        findings_.push_back(finding);
      else
        ++untold_findings_;
    }
  }

  // Checks end a launch that found something, after its end, with everything of one kind as one fault.
  std::vector<Fault> faults_of_findings() {
    if (checks_) {
      collect_findings(checks_->findings());
      untold_findings_ += checks_->untold();
    }
    if (state_.options.checks.synccheck)
      for (const SurplusCrossFlag& surplus : surplus_cross_flags(cross_flag_cores(), ordered_))
        if (!surplus.waited) collect_findings({surplus.finding});
    auto key = [](const Finding& f) { return std::tuple(f.kind, f.earlier, f.later, f.space); };
    std::sort(findings_.begin(), findings_.end(), [&](const Finding& a, const Finding& b) { return key(a) < key(b); });
    std::vector<Fault> faults;
    for (const Finding& finding : findings_) {
      const FaultKind kind = finding.kind == FindingKind::uninitialised_read ? FaultKind::uninitialised_read
                             : finding.kind == FindingKind::race             ? FaultKind::race
                             : finding.kind == FindingKind::surplus_flag     ? FaultKind::surplus_flag
                                                                             : FaultKind::missing_flag;
      if (faults.empty() || faults.back().kind != kind) {
        Fault fault;
        fault.kind = kind;
        fault.kernel = kernel().display_name;
        fault.word = request_.program->word_of(finding.later);
        const auto frames = request_.program->executable().source(fault.word);
        fault.source.assign(frames.begin(), frames.end());
        fault.instruction = std::string(isa::row(request_.program->code()[finding.later].op)->mnemonic);
        fault.device = request_.members[finding.device];
        fault.block = finding.block;
        fault.thread = finding.thread;
        fault.has_address = finding.place;
        fault.address = finding.address;
        fault.bytes = finding.bytes;
        fault.is_store = finding.is_store;
        faults.push_back(std::move(fault));
      }
      std::string& detail = faults.back().detail;
      detail += (detail.empty() ? "" : "\n") + finding.text;
    }
    if (untold_findings_) faults.back().detail += "\nand " + std::to_string(untold_findings_) + " more";
    return faults;
  }

  uint16_t member_of(uint64_t block) const {
    const uint64_t group = block / (1 + group_aiv_);
    const std::vector<uint64_t> first = split(volume(request_.grid), request_.members.size());
    return static_cast<uint16_t>(std::upper_bound(first.begin(), first.end() - 1, group) - first.begin() - 1);
  }

  std::string name_of(const Block& block) const { return name_of(block.index()); }
  std::string name_of(uint64_t block) const {
    if (group_aiv_ == 0) return "block " + std::to_string(block);
    const uint64_t group = block / (1 + group_aiv_), place = block % (1 + group_aiv_);
    return place == 0 ? "AIC " + std::to_string(group)
                      : "AIV " + std::to_string(group * group_aiv_ + place - 1) + " of group " + std::to_string(group);
  }

  void collect_services() {
    for (auto& [slot, block] : resident_) {
      std::vector<ServiceRecord> records = block.take_services();
      for (ServiceRecord& record : records) record.device = request_.members[block.device()];
      if (!records.empty() && request_.service) request_.service(records);
    }
  }

  void collect_events(RoundEvents& round) {
    for (auto& [slot, block] : resident_) {
      BlockEvents events = block.take_events();
      for (const WarpEvents& warp : events.warps)
        if (recorded_ && !reusable_->by_stream() && !reusable_->covers(warp.accesses)) recorded_ = false;
      round.blocks.push_back(std::move(events));
    }
  }

  void retire() {
    const uint64_t before = done_;
    std::erase_if(resident_, [&](Resident& entry) {
      if (entry.block.status() != BlockStatus::finished) return false;
      collect_findings(entry.block.findings());
      if (const auto& use = entry.block.flag_use())
        flag_use_.add(*use);
      else
        flag_use_.give_up();
      Member& member = members_[entry.block.device()];
      if (--member.under_way[entry.slot] == 0) member.free_slots.push_back(entry.slot);
      add_statistics(entry.block);
      ++done_;
      return true;
    });
    if (done_ != before)
      for (Member& member : members_) std::sort(member.free_slots.rbegin(), member.free_slots.rend());
    if (request_.progress) request_.progress(done_, blocks_);
    finished_ = resident_.empty() &&
                std::all_of(members_.begin(), members_.end(), [](const Member& m) { return m.next == m.last; });
  }

  void add_statistics(const Block& block) {
    const Block::Statistics& s = block.statistics();
    totals_.warp_instructions += s.warp_instructions;
    totals_.lane_instructions += s.lane_instructions;
    totals_.divergent_branches += s.divergent_branches;
    totals_.ordered_operations += s.ordered_operations;
    for (size_t i = 0; i < s.buffer_bytes.size(); ++i)
      totals_.buffer_bytes[i] = std::max(totals_.buffer_bytes[i], s.buffer_bytes[i]);
  }

  void conclude(LaunchResult& result, bool timed) {
    wait_for_replay();
    const double clock = state_.machine.chip.clock_hz;
    if (timed && !result.fault && holding_) {
      known_ = state_.launches.find(name_, stream_);
      if (!known_) replay_held();
    }
    if (timed && !result.fault && known_) {
      repeat();
      result.counters = known_->counters;
      result.reused = true;
    } else if (timed && !result.fault) {
      result.counters = engine_->finish();
      if (recorded_) record(result.counters);
    } else {
      for (auto& [slot, block] : resident_) add_statistics(block);
      // Nominal: one warp instruction a cycle and core, plus the launch. Never an estimate, never zero.
      const double cores = static_cast<double>(state_.machine.chip.aiv) * static_cast<double>(request_.members.size());
      result.counters.cycles = static_cast<uint64_t>(state_.machine.chip.launch.base_ns * 1e-9 * clock) + 1 +
                               static_cast<uint64_t>(static_cast<double>(totals_.warp_instructions) / cores);
      result.nominal_time = true;
    }
    if (kernel().core == image::CoreKind::simt)  // the blocks that share a core
      totals_.buffer_bytes[0] =
          (kernel().ub_static_bytes + request_.ub_dynamic_bytes) * std::min<uint64_t>(per_core_, blocks_);
    constexpr const char* kSpaces[] = {"ub", "l1", "l0a", "l0b", "l0c", "bt"};
    for (size_t i = 0; i < totals_.buffer_bytes.size(); ++i)
      if (totals_.buffer_bytes[i]) result.counters.peak_bytes[kSpaces[i]] = totals_.buffer_bytes[i];
    result.counters.events["warp_instructions"] = totals_.warp_instructions;
    result.counters.events["lane_instructions"] = totals_.lane_instructions;
    result.counters.events["divergent_branches"] = totals_.divergent_branches;
    result.counters.events["ordered_operations"] = totals_.ordered_operations;
    result.end_seconds = result.start_seconds + static_cast<double>(result.counters.cycles) / clock;
  }

  System::State& state_;
  const LaunchRequest& request_;
  std::array<LaunchContext, 2> contexts_;  // the second: the AIV half of a launch over both core kinds
  std::optional<uint32_t> other_half_;     // of such a launch
  uint32_t group_aiv_ = 0;                 // AIVs of one of its groups
  OrderedState ordered_;
  std::unique_ptr<TimingEngine> engine_;
  tbb::task_group replay_;  // of the last round, while the next one runs
  RoundEvents replayed_;
  bool replaying_ = false;
  uint64_t blocks_ = 0, threads_ = 0, slots_ = 0;
  unsigned per_core_ = 0;
  std::vector<Member> members_;
  std::vector<Resident> resident_;  // ascending by block
  tbb::enumerable_thread_specific<std::array<BlockStorage, 2>> storage_;
  Block::Statistics totals_;
  std::optional<ReusableLaunch> reusable_;
  std::string name_;                    // it is looked up by
  const TimedLaunch* known_ = nullptr;  // it was simulated before: only values are made
  bool recorded_ = false;               // it is simulated for later ones
  bool holding_ = false;                // there are such that differ in nothing but perhaps the stream of events
  StreamDigest stream_;
  std::vector<RoundEvents> held_;
  uint64_t held_bytes_ = 0;
  TimingEngine::Shape shape_;
  uint64_t done_ = 0, rounds_ = 0;
  uint32_t grid_generation_ = 0;
  uint64_t done_when_quiet_began_ = 0, quiet_began_ = 0;  // watch()
  bool finished_ = false;
  std::optional<Fault> fault_;
  std::optional<GridChecks> checks_;  // initcheck, racecheck
  std::vector<Finding> findings_;     // distinct ones, at most kMostFindings
  uint64_t untold_findings_ = 0;
  FlagHints flag_use_;  // hints: of all programs that have ended
  FlagHints hints_;     // of a program that nobody can recognise
};

}  // namespace

uint64_t resident_groups(const machine::Machine& machine, const image::Kernel& kernel) {
  const auto aic = static_cast<uint64_t>(machine.chip.aic), aiv = static_cast<uint64_t>(machine.chip.aiv);
  if (kernel.flags & image::kMix) return std::min(aic, aiv / std::max<uint64_t>(1, aiv / aic));
  return kernel.core == image::CoreKind::aic ? aic : aiv;
}

LaunchResult System::launch(const LaunchRequest& request) {
  std::lock_guard lock(state_->exclusive);
  return Launch(*state_, request).run();
}

}  // namespace phx::sim
