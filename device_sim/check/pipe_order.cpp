#include "device_sim/check/pipe_order.h"

#include <algorithm>

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

void PipeOrder::set(unsigned from, unsigned to, unsigned id) { events_[{from, to, id}] = clocks_[from]; }
void PipeOrder::wait(unsigned from, unsigned to, unsigned id) { join(clocks_[to], events_[{from, to, id}]); }

void PipeOrder::barrier() {
  Clock all{};
  for (const Clock& clock : clocks_) join(all, clock);
  clocks_.fill(all);
}

void PipeOrder::cross_set(unsigned pipe) { join(raised_, clocks_[pipe]); }
void PipeOrder::cross_wait(unsigned pipe) { join(clocks_[pipe], raised_); }

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
}

}  // namespace phx::sim
