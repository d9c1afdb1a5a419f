// The order between the pipes of one core (synccheck): which accesses to the same bytes no flag or barrier orders.
//
// Happens-before by vector clocks, one for each pipe. A pipe does its own instructions in order; an event carries what
// its setter knew to the waiter; pipe_barrier.all makes all pipes know everything. What a core raised for other cores
// comes back to it with each cross-core flag that it waits for, whoever raised that one, since others may have passed
// it on. Two accesses of different pipes to a common byte, at least one a write, that are not ordered are a finding.
// The first and the last bytes of a range of rows say what a finding reports; whether rows really meet is computed
// exactly.
//
// Kept per space: the latest access to each range by each pipe, so memory grows with distinct ranges, not with
// instructions.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "device_sim/check/flag_use.h"

namespace phx::sim {

class PipeOrder {
 public:
  static constexpr unsigned kPipes = 7;  // isa::Pipe, S included
  static constexpr unsigned kSpaces = 7;

  struct Range {
    uint64_t address = 0;
    uint64_t bytes = 0;  // of a row
    uint64_t rows = 1;
    uint64_t pitch = 0;  // from row to row
    uint64_t end() const { return address + (rows - 1) * pitch + bytes; }
    auto operator<=>(const Range&) const = default;
  };
  // The later access as the program has them; both are instruction indices.
  struct Finding {
    uint32_t earlier = 0, later = 0;
    unsigned earlier_pipe = 0, later_pipe = 0;
    bool earlier_writes = false, later_writes = false;
    unsigned space = 0;
    uint64_t from = 0, to = 0;  // bytes of the later access: first, one behind the last
  };

  static constexpr uint32_t kNobody = FlagUse::kNobody;  // no instruction of its own, as the unit flag
  static constexpr unsigned kDeviceMemory = 6;           // the space that other cores see too

  // `hints`: also finds out which flags and barriers are of use. That takes a few times as long.
  explicit PipeOrder(bool hints = false) {
    if (hints) use_ = std::make_unique<FlagUse>();
  }

  void set(unsigned from, unsigned to, unsigned id, uint32_t instruction = kNobody);   // set_flag
  void wait(unsigned from, unsigned to, unsigned id, uint32_t instruction = kNobody);  // wait_flag
  void barrier(uint32_t instruction = kNobody);                                        // of all pipes
  void barrier_of(unsigned pipe, uint32_t instruction);                                // of one, for hints
  void cross_set(unsigned pipe);
  void cross_wait(unsigned pipe);
  // `region` tells apart ranges of a space that cannot meet (buffers of device memory).
  void access(unsigned pipe, uint32_t instruction, unsigned space, uint64_t region, const Range& range, bool write);

  // One for each pair of instructions and space, in the order in which they were found; at most kMost.
  static constexpr size_t kMost = 100;
  const std::vector<Finding>& findings() const { return findings_; }
  FlagUse* use() const { return use_.get(); }
  void clear();

 private:
  using Clock = std::array<uint64_t, kPipes>;
  struct Access {
    uint64_t time = 0;  // of the pipe's own clock
    uint32_t instruction = 0;
    Range range;
  };
  struct Log {  // accesses of one pipe, the latest last; each range once
    std::list<Access> accesses;
    std::map<Range, std::list<Access>::iterator> by_range;
  };
  struct Place {
    std::array<Log, kPipes> reads, writes;
  };

  struct Event {
    Clock known{};
    uint32_t set_by = kNobody;
    uint64_t when = 0;  // FlagUse::now()
  };

  void need(const Log& log, unsigned earlier_pipe, unsigned later_pipe, bool anywhere, const Range& range);
  void compare(const Log& log, unsigned earlier_pipe, bool earlier_writes, const Finding& later, const Range& range);

  std::array<Clock, kPipes> clocks_{};
  Clock raised_{};  // known to cross-core flags that this core has raised
  std::map<std::tuple<unsigned, unsigned, unsigned>, Event> events_;
  std::map<std::pair<unsigned, uint64_t>, Place> places_;  // by space and region
  std::vector<Finding> findings_;

  std::unique_ptr<FlagUse> use_;
  std::array<uint64_t, kPipes> own_barrier_{};               // of the pipe alone: its time
  std::array<std::vector<uint64_t>, kPipes> heard_outside_;  // times at which a pipe had waited for other cores
};

// Whether two ranges of rows have a byte in common.
bool rows_meet(const PipeOrder::Range& x, const PipeOrder::Range& y);

}  // namespace phx::sim
