#include "device_sim/timing/launch_effect.h"

#include <algorithm>
#include <cstring>

#include "device_sim/timing/device_memory.h"

namespace phx::sim::timing {
namespace {

uint64_t mixed(uint64_t value, uint64_t factor) {
  value *= factor;
  return (value ^ value >> 32) * factor;
}
constexpr uint64_t kFactors[2] = {0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full};

}  // namespace

std::array<Server*, LaunchEffect::kServers> DeviceMemory::servers() {
  return {&l2_read_,   &l2_write_,  &hbm_,        &host_in,     &host_out,    &port_in[0], &port_in[1],
          &port_in[2], &port_in[3], &port_out[0], &port_out[1], &port_out[2], &port_out[3]};
}

// Of what a set holds, whatever its number; 0 for one that holds nothing.
uint64_t DeviceMemory::digest_of(const Line* set) const {
  uint64_t digest = 0;
  for (unsigned way = 0; way < ways_ && set[way].tag; ++way) {
    digest = mixed(digest ^ moved(set[way].tag, 0 - origin_) ^ kFactors[1], kFactors[0]) + way + 1;
  }
  return digest;
}

// Brings the digest of the contents up to date, at the cost of the sets that changed.
void DeviceMemory::fold() {
  if (!lines_) return;
  order();
  const uint64_t sets = sets_.divisor();
  if (set_digests_.empty()) set_digests_.resize(sets);
  for (uint64_t number = 0; number < sets; ++number) {
    if (number % 8 == 0 && number + 8 <= sets) {  // eight flags at once: most launches touch few sets
      uint64_t flags;
      std::memcpy(&flags, &touched_[number], sizeof flags);
      if (flags == 0) {
        number += 7;
        continue;
      }
    }
    if (!touched_[number]) continue;
    touched_[number] = 0;
    const Line* set = &lines_[number * ways_];
    const uint64_t digest = digest_of(set);
    for (unsigned way = 0; way < ways_; ++way) latest_ = std::max(latest_, set[way].filled);
    for (unsigned i = 0; i < 2; ++i)
      contents_[i] += mixed(digest, kFactors[i]) - mixed(set_digests_[number], kFactors[i]);
    set_digests_[number] = digest;
  }
}

std::optional<MemoryCondition> DeviceMemory::condition(Ticks at) {
  if (deferred_.empty()) fold();
  MemoryCondition condition;
  condition.contents = contents_;
  const auto all = servers();
  for (size_t i = 0; i < all.size(); ++i) {
    books_[i] = all[i]->books();
    condition.busy[i] = std::max<int64_t>(0, books_[i].free - (at << 16));
  }
  if (std::max(latest_, latest_turn_) > at) return std::nullopt;
  return condition;
}

LaunchEffect DeviceMemory::effect(Ticks start) {
  order();
  LaunchEffect effect;
  const uint64_t sets = sets_.divisor(), first = sets_.of(origin_);
  if (lines_)
    for (uint64_t number = 0; number < sets; ++number) {
      if (!touched_[number]) continue;
      const Line* set = &lines_[number * ways_];
      effect.sets.push_back(static_cast<uint32_t>(number >= first ? number - first : number + sets - first));
      uint8_t held = 0;
      for (; held < ways_ && set[held].tag; ++held) {
        // Nothing that was there before is filled later than the start, and everything filled since then is.
        const Ticks filled = set[held].filled;
        effect.lines.push_back({moved(set[held].tag, 0 - origin_), filled == 0      ? 0
                                                                   : filled > start ? filled - start
                                                                                    : LaunchEffect::kUnchanged});
        effect.latest = std::max(effect.latest, filled - start);
      }
      effect.held.push_back(held);
    }
  for (uint32_t entry = 0; entry < turns_.size(); ++entry)
    if (turns_[entry] > start) effect.turns.push_back({entry, turns_[entry] - start});
  effect.latest = std::max(effect.latest, latest_turn_ - start);
  fold();
  effect.contents = contents_;
  const auto all = servers();
  for (size_t i = 0; i < all.size(); ++i) {
    const Server::Books now = all[i]->books();
    if (now.free == books_[i].free) continue;
    effect.servers[i] = {true, now.free - (start << 16), now.busy - books_[i].busy};
  }
  return effect;
}

void DeviceMemory::repeat(std::shared_ptr<const LaunchEffect> effect, Ticks start) {
  const auto all = servers();
  for (size_t i = 0; i < all.size(); ++i)
    if (const LaunchEffect::Service& service = effect->servers[i]; service.used)
      all[i]->set_books({(start << 16) + service.free, all[i]->books().busy + service.busy});
  contents_ = effect->contents;
  latest_ = std::max(latest_, start + effect->latest);
  // An earlier repetition of the same launch left nothing that this one does not leave again, later.
  std::erase_if(deferred_, [&](const Deferred& earlier) { return earlier.effect == effect; });
  deferred_.push_back({std::move(effect), start});
}

void DeviceMemory::settle() {
  if (!lines_) {
    lines_.reset(static_cast<Line*>(std::calloc(sets_.divisor() * ways_, sizeof(Line))));
    places_.reset(static_cast<LineGroups::Place*>(std::calloc(sets_.divisor() * ways_, sizeof(LineGroups::Place))));
    touched_ = std::make_unique<uint8_t[]>(sets_.divisor());
  }
  if (!deferred_.empty()) order();
  for (const Deferred& deferred : deferred_) apply(deferred);
  deferred_.clear();
}

void DeviceMemory::apply(const Deferred& deferred) {
  const LaunchEffect& effect = *deferred.effect;
  const uint64_t sets = sets_.divisor(), first = sets_.of(origin_);
  if (set_digests_.empty()) set_digests_.resize(sets);
  std::vector<Line> before(ways_);
  const LaunchEffect::Line* line = effect.lines.data();
  for (size_t i = 0; i < effect.sets.size(); ++i) {
    const uint64_t number = (effect.sets[i] + first) % sets;
    Line* set = &lines_[number * ways_];
    std::copy_n(set, ways_, before.begin());
    for (unsigned way = 0; way < ways_; ++way) {
      if (way >= effect.held[i]) {
        set[way] = {};
        continue;
      }
      const uint64_t tag = moved(line->tag, origin_);
      Ticks filled = line->filled > 0 ? deferred.start + line->filled : 0;
      if (line->filled == LaunchEffect::kUnchanged)
        for (const Line& old : before)
          if ((old.tag & kName) == (tag & kName)) filled = old.filled;
      set[way] = {tag, filled};
      ++line;
    }
    set_digests_[number] = digest_of(set);
  }
  if (!effect.turns.empty() && turns_.empty()) turns_.resize(kTurnEntries);
  for (const LaunchEffect::Turn& turn : effect.turns) {
    turns_[turn.entry] = deferred.start + turn.over;
    latest_turn_ = std::max(latest_turn_, turns_[turn.entry]);
  }
}

}  // namespace phx::sim::timing
