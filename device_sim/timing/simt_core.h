// One vector core running SIMT warps: warp schedulers, scoreboards, shared memory, the data cache and its misses.
//
// A scheduler issues eagerly as far as nothing outside could change what it would pick, and puts itself in the event queue
// for the instant at which it touches something shared (memory) or needs to know more (a load's return, a barrier, a new
// block). So arithmetic costs no event, and every shared resource still sees its users in order of time.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "device_sim/timing/data_cache.h"
#include "device_sim/timing/replay.h"

namespace phx::sim::timing {

struct Warp {
  SimtCore* core = nullptr;
  BlockReplay* block = nullptr;
  Stream* stream = nullptr;
  uint64_t life = 0;               // changes when the slot gets another block's warp
  uint32_t slot = 0, scheduler = 0;

  uint32_t index = 0, left = 0;    // next instruction, and how many are left of the run
  uint32_t last = 0;               // instruction issued last
  bool after_control = false;      // it was the end of a run and may have jumped
  Ticks last_issue = 0;
  Ticks floor = 0;                 // not before: order of issue, waits that ended
  Ticks earliest = 0;              // of the next instruction; a lower bound while not `known`
  Stall reason = Stall::issue;     // what `earliest` waits for
  uint8_t unit = 0;
  bool known = false;
  bool starved = false;            // needs events that have not been fed
  bool waiting = false;            // for another warp; see resume()
  Stall waiting_for = Stall::barrier;
  uint32_t waiting_generation = kNone;
  bool ending = false;             // no more instructions; loads or stores under way
  bool over = false;

  bool queued = false;             // its slot in the load/store queue is taken
  Ticks slot_free = 0;
  Ticks stores_done = 0;
  uint32_t last_operation = kNone;
  Ticks last_served = 0, last_data = 0;
  AccessKind access = AccessKind::none;  // of the queued access
  uint32_t turns = 1;
  uint32_t access_operation = kNone;
  uint8_t access_flags = 0;
  Ticks access_time = 0;
  std::vector<uint64_t> access_lines;

  std::array<Ticks, kScoreboardSlots> ready{};
  std::array<uint8_t, kScoreboardSlots> loaded{};  // the last writer was a load
};

class SimtCore {
 public:
  SimtCore(Replay& replay, uint32_t member, uint32_t core, int64_t cache_bytes);

  void start_block(BlockReplay& block, Ticks at);
  void end_block(BlockReplay& block);

  void run_scheduler(uint32_t number, Ticks event_time);  // an event of Agent::scheduler
  void run_starvation(uint32_t slot);                     // an event of Agent::starvation
  void run_load_store(Ticks event_time);                  // an event of Agent::load_store

  // The warp's wait for others ended: it goes on at `at`.
  void resume(Warp& warp, Ticks at);
  void retire_if_done(Warp& warp);
  // A request of this core is answered.
  void answered(uint32_t number, const Request& request, Ticks data);

  uint32_t member() const { return member_; }
  uint32_t number() const { return core_; }
  uint16_t device() const { return replay_.members[member_]; }
  Ticks next_issue(Warp& warp);    // for clock(): what is known of it

 private:
  struct Scheduler {
    std::vector<Warp*> warps;      // oldest first
    Warp* current = nullptr;
    Ticks port = 0;                // when it can issue again
    Ticks key = kForever;          // its event in the queue
    unsigned waiting = 0;          // warps that wait for others
    bool retired = false;          // `warps` holds warps that are over
    std::array<Ticks, kMaxUnits> unit{};
  };
  struct Miss {
    Ticks until;                   // once its request is answered
    uint32_t request;
    uint32_t lines;
  };

  void run(Scheduler& scheduler, uint32_t number);
  void sleep_until(Scheduler& scheduler, uint32_t number, Ticks at);
  Warp* pick(Scheduler& scheduler, uint32_t number, Ticks& at);
  static void forget_retired(Scheduler& scheduler);
  void issue(Scheduler& scheduler, Warp& warp, Ticks at);
  void refresh(Warp& warp);
  bool next_run(Warp& warp);       // false: the warp has no next instruction now
  void wait(Warp& warp, Stall reason, uint32_t generation = kNone);

  void issue_memory(Warp& warp, const Cost& cost, Ticks at);
  void serve_load_store(Ticks at);
  bool has_room(Warp& warp, Ticks at, Ticks& retry);
  void pass(Warp& warp, Ticks at);
  uint64_t tag_of(const Warp& warp, uint64_t line) const;

  Replay& replay_;
  uint32_t member_, core_;
  DataCache cache_;
  Server port_;                    // to and from the L2
  std::vector<Scheduler> schedulers_;
  std::vector<std::unique_ptr<Warp>> warps_;
  std::vector<uint32_t> free_slots_;  // descending
  std::deque<Warp*> queue_;        // load/store unit, oldest first
  Ticks load_store_free_ = 0, load_store_key_ = kForever;
  std::vector<Miss> misses_;
  uint32_t missing_lines_ = 0, miss_limit_ = 64;
  Ticks ub_free_ = 0, ub_atomic_ = kCycle, issue_interval_ = kCycle;
  std::vector<uint32_t> opened_;   // requests of the access that passes now
};

}  // namespace phx::sim::timing
