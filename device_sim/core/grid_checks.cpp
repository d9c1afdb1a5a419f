#include "device_sim/core/grid_checks.h"

#include <algorithm>

#include "device_sim/core/execution.h"

namespace phx::sim {

using isa::Space;

namespace {

// What the warp knew of other blocks when it made an access.
const HorizonPointer& known_at(const std::vector<ThreadOrder::Epoch>& epochs, uint32_t warp, uint32_t when) {
  static const HorizonPointer nothing;
  for (size_t i = epochs.size(); i-- > 0;)
    if (epochs[i].from <= when && (epochs[i].warp == warp || epochs[i].warp == Known::kAllWarps))
      return epochs[i].others;
  return nothing;
}

std::string triple(uint64_t index, const std::array<uint32_t, 3>& shape) {
  return "(" + std::to_string(index % shape[0]) + ", " + std::to_string(index / shape[0] % shape[1]) + ", " +
         std::to_string(index / shape[0] / shape[1]) + ")";
}

}  // namespace

GridChecks::GridChecks(const LaunchContext& launch, AddressSpace& memory,
                       std::function<uint16_t(uint64_t block)> device_of)
    : launch_(launch), memory_(memory), device_of_(std::move(device_of)) {}

// A block of a SIMT kernel has a warp whose lanes share what is known; a tile program is one thread.
std::string GridChecks::name(const Access& access) const {
  const image::Kernel& kernel = launch_.program->kernels()[launch_.kernel];
  const uint16_t member = device_of_(access.who);
  const uint16_t device = member < launch_.members.size() ? launch_.members[member] : member;
  std::string text = launch_.program->place(access.instruction) + " by ";
  if (kernel.core == image::CoreKind::simt)
    text += "thread " + triple(access.thread, launch_.block) + " of block " + triple(access.who, launch_.grid);
  else if (launch_.group_aiv == 0)
    text += "program " + std::to_string(access.who);
  else if (access.who % (launch_.group_aiv + 1) == 0)
    text += "the AIC of group " + std::to_string(access.who / (launch_.group_aiv + 1));
  else
    text += "AIV " + std::to_string(access.who % (launch_.group_aiv + 1) - 1) + " of group " +
            std::to_string(access.who / (launch_.group_aiv + 1));
  return text + ", device " + std::to_string(device);
}

void GridChecks::compare(uint64_t unit, Access now, const HorizonPointer& known) {
  footprint_.add_unit(unit, now.mask, now.write, now.ordered, now.instruction);
  history_.add(
      unit, now,
      [&](const Access& earlier) {
        return earlier.who == now.who || knows(known, earlier.who, earlier.thread / 32, earlier.when);
      },
      [&](const Access& earlier, uint32_t common) {
        Finding finding{.kind = FindingKind::race, .earlier = earlier.instruction, .later = now.instruction};
        finding.space = static_cast<unsigned>(Space::Gm);
        for (const Finding& told : findings_)
          if (told.like(finding)) return;
        if (findings_.size() >= kMostFindings) {
          ++untold_;
          return;
        }
        finding.place = true;
        finding.address = unit * kFarUnit + lowest(common);
        finding.bytes = static_cast<uint32_t>(__builtin_popcount(common));
        finding.is_store = now.write;
        const uint32_t x = launch_.block[0], y = launch_.block[1];
        finding.thread = {now.thread % x, now.thread / x % y, now.thread / x / y};
        const auto& grid = launch_.grid;
        finding.block = {now.who % grid[0], now.who / grid[0] % grid[1], now.who / grid[0] / grid[1]};
        if (launch_.group_aiv) finding.block = {now.who, 0, 0};
        finding.device = device_of_(now.who);
        finding.text = std::string(earlier.write && now.write ? "write-write" : "read-write") + " race on " +
                       name_place(memory_, Space::Gm, finding.address) + ": " + name(earlier) + " and " + name(now) +
                       ": nothing orders them";
        findings_.push_back(std::move(finding));
      });
}

void GridChecks::take(uint64_t block, CheckLog log) {
  for (const auto& [page, bits] : log.written.pages())
    if (const Buffer* buffer = memory_.find(page * ByteSet::kPage); buffer && buffer->written) {
      uint64_t* words = buffer->written + (page * ByteSet::kPage - buffer->address) / 64;
      for (size_t i = 0; i < bits.size(); ++i)
        if (bits[i]) words[i] |= bits[i];
    }
  log.accesses.each([&](uint64_t unit, Access access) {
    const uint32_t warp = access.who;
    access.who = static_cast<uint32_t>(block);
    compare(unit, access, known_at(log.epochs, warp, access.when));
  });
  for (const CheckLog::Release& release : log.releases) {
    HorizonPointer& flag = flags_[release.unit];
    flag = join(flag, release.published);
  }
}

void GridChecks::take(const std::vector<Finding>& findings) {
  for (const Finding& found : findings) {
    const bool told = std::any_of(findings_.begin(), findings_.end(), [&](const Finding& f) { return f.like(found); });
    if (told) continue;
    if (findings_.size() < kMostFindings)
      findings_.push_back(found);
    else
      ++untold_;
  }
}

void GridChecks::grid_barrier() { history_.clear(); }

void GridChecks::serve(const Decoded* d, Frame* f, const uint64_t* at, unsigned bytes, bool reads, bool writes) {
  Machinery& m = *f->machinery;
  AccessChecks& checks = *m.checks;
  checks.lanes(d, f, at, bytes, reads, writes, true);
  checks.talks();
  const bool races = checks.races();
  ThreadOrder& order = checks.order();
  // Lanes see one another's stores in order, and so does what they publish.
  for_lanes(races ? f->mask : 0, [&](unsigned lane) {
    if (space_of(d, at[lane]) != Space::Gm) return;
    const uint32_t thread = m.warp->index * 32 + lane;
    HorizonPointer& flag = flags_[at[lane] / 4];
    if (reads && flag) order.acquire(thread, flag);
    if (writes) flag = reads ? join(flag, order.fenced(thread)) : order.fenced(thread);
  });
  take(m.index, checks.take_log());
}

void GridChecks::raise(Machinery& m, uint64_t flag, uint64_t round) {
  if (!m.checks->races()) return;
  HorizonPointer& published = cross_flags_[{flag, round}];
  published = join(published, m.checks->order().all_known(0));
}
void GridChecks::wait(Machinery& m, uint64_t flag, uint64_t round) {
  if (!m.checks->races()) return;
  if (auto found = cross_flags_.find({flag, round}); found != cross_flags_.end())
    m.checks->order().acquire(0, found->second);
}

}  // namespace phx::sim
