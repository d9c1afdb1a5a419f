#include "device_sim/check/pipe_order.h"

#include <algorithm>
#include <iterator>

namespace phx::sim {
namespace {

void join(std::array<uint64_t, PipeOrder::kPipes>& to, const std::array<uint64_t, PipeOrder::kPipes>& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] = std::max(to[i], from[i]);
}

bool contiguous(const PipeOrder::Range& range) { return range.rows == 1 || range.pitch <= range.bytes; }

}  // namespace

bool rows_meet(const PipeOrder::Range& x, const PipeOrder::Range& y) {
  if (x.end() <= y.address || y.end() <= x.address) return false;
  if (contiguous(x) && contiguous(y)) return true;
  const PipeOrder::Range& few = x.rows <= y.rows ? x : y;
  const PipeOrder::Range& many = x.rows <= y.rows ? y : x;
  for (uint64_t row = 0; row < few.rows; ++row) {
    const uint64_t from = few.address + row * few.pitch, to = from + few.bytes;
    if (to <= many.address || from >= many.end()) continue;
    if (contiguous(many)) return true;
    // The last row of `many` that begins before `to`.
    const uint64_t last = std::min((to - 1 - many.address) / many.pitch, many.rows - 1);
    if (many.address + last * many.pitch + many.bytes > from) return true;
  }
  return false;
}

void PipeOrder::set(unsigned from, unsigned to, unsigned id, uint32_t instruction) {
  events_[{from, to, id}] = {clocks_[from], instruction, use_ ? use_->now() : 0};
}

void PipeOrder::wait(unsigned from, unsigned to, unsigned id, uint32_t instruction) {
  const Event& event = events_[{from, to, id}];
  if (use_) {
    const uint32_t pair = use_->execute({event.set_by, instruction});
    for (unsigned p = 0; p < kPipes; ++p)
      if (p != to && event.known[p] && event.known[p] >= clocks_[to][p])
        use_->learn(to, p, event.known[p], pair, from, event.when);
  }
  join(clocks_[to], event.known);
}

void PipeOrder::barrier(uint32_t instruction) {
  Clock all{};
  for (const Clock& clock : clocks_) join(all, clock);
  if (use_) {
    const uint32_t pair = use_->execute({instruction, instruction});
    for (unsigned q = 0; q < kPipes; ++q)
      for (unsigned p = 0; p < kPipes; ++p)
        if (p != q && all[p] > clocks_[q][p]) use_->learn(q, p, all[p], pair, p, use_->now());
  }
  clocks_.fill(all);
}

void PipeOrder::barrier_of(unsigned pipe, uint32_t instruction) {
  if (!use_) return;
  own_barrier_[pipe] = clocks_[pipe][pipe];
  use_->learn(pipe, pipe, clocks_[pipe][pipe], use_->execute({instruction, instruction}), pipe, use_->now());
}

// What other cores need of it is not known: all that the pipe knows.
void PipeOrder::cross_set(unsigned pipe) {
  if (use_)
    for (unsigned p = 0; p < kPipes; ++p)
      if (p != pipe && clocks_[pipe][p]) use_->need(pipe, p, clocks_[pipe][p]);
  join(raised_, clocks_[pipe]);
}
void PipeOrder::cross_wait(unsigned pipe) {
  if (use_) {
    const uint32_t pair = use_->execute({kNobody, kNobody});
    for (unsigned p = 0; p < kPipes; ++p)
      if (p != pipe && raised_[p] > clocks_[pipe][p]) use_->learn(pipe, p, raised_[p], pair, p, use_->now());
    heard_outside_[pipe].push_back(++clocks_[pipe][pipe]);
  }
  join(clocks_[pipe], raised_);
}

// The latest access that is ordered before now stands for all earlier ones of its pipe.
void PipeOrder::need(const Log& log, unsigned earlier_pipe, unsigned later_pipe, bool anywhere, const Range& range) {
  const uint64_t known = earlier_pipe == later_pipe ? own_barrier_[later_pipe] : clocks_[later_pipe][earlier_pipe];
  if (known == 0) return;
  for (auto at = log.accesses.rbegin(); at != log.accesses.rend(); ++at)
    if (at->time <= known && (anywhere || rows_meet(at->range, range)))
      return use_->need(later_pipe, earlier_pipe, at->time);
}

void PipeOrder::compare(const Log& log, unsigned earlier_pipe, bool earlier_writes, const Finding& later,
                        const Range& range) {
  const uint64_t known = clocks_[later.later_pipe][earlier_pipe];
  for (auto at = log.accesses.rbegin(); at != log.accesses.rend() && at->time > known; ++at) {
    if (!rows_meet(at->range, range)) continue;
    const bool told = std::any_of(findings_.begin(), findings_.end(), [&](const Finding& f) {
      return f.earlier == at->instruction && f.later == later.later && f.space == later.space;
    });
    if (told || findings_.size() >= kMost) continue;
    Finding finding = later;
    finding.earlier = at->instruction;
    finding.earlier_pipe = earlier_pipe;
    finding.earlier_writes = earlier_writes;
    findings_.push_back(finding);
  }
}

void PipeOrder::access(unsigned pipe, uint32_t instruction, unsigned space, uint64_t region, const Range& range,
                       bool write) {
  if (range.bytes == 0 || range.rows == 0) return;
  Place& place = places_[{space, region}];
  Finding finding;
  finding.later = instruction;
  finding.later_pipe = pipe;
  finding.later_writes = write;
  finding.space = space;
  finding.from = range.address;
  finding.to = range.end();
  for (unsigned other = 0; other < kPipes; ++other) {
    if (other == pipe) continue;
    compare(place.writes[other], other, true, finding, range);
    if (write) compare(place.reads[other], other, false, finding, range);
  }
  if (use_) {
    // Tiles of device memory are many, and all of a buffer count as one.
    const bool anywhere = space == kDeviceMemory;
    for (unsigned other = 0; other < kPipes; ++other) {
      need(place.writes[other], other, pipe, anywhere && other != pipe, range);
      if (write) need(place.reads[other], other, pipe, anywhere && other != pipe, range);
      if (!anywhere || other == pipe) continue;
      const auto& heard = heard_outside_[other];
      const auto later = std::upper_bound(heard.begin(), heard.end(), clocks_[pipe][other]);
      if (later != heard.begin()) use_->need(pipe, other, *std::prev(later));
    }
  }
  Log& log = write ? place.writes[pipe] : place.reads[pipe];
  const Access access{++clocks_[pipe][pipe], instruction, range};
  if (auto known = log.by_range.find(range); known != log.by_range.end()) {
    log.accesses.splice(log.accesses.end(), log.accesses, known->second);
    log.accesses.back() = access;
  } else {
    log.accesses.push_back(access);
    log.by_range.emplace(range, std::prev(log.accesses.end()));
  }
}

void PipeOrder::clear() {
  clocks_ = {};
  raised_ = {};
  events_.clear();
  places_.clear();
  findings_.clear();
  if (use_) use_->clear();
  own_barrier_ = {};
  for (auto& heard : heard_outside_) heard.clear();
}

}  // namespace phx::sim
